//! What a kernel says of the ends that are registered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Side;
use crate::selector::{Event, Interest, Readiness};

impl Side {
    pub(super) fn select(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.kernel.selector().select(Some(Duration::ZERO), &mut events).unwrap();
        events
    }

    /// What is so of every registered end, by its serial number. Whether there is room in a stream
    /// that was filled is left out, and so is an event that had nothing else to tell.
    pub(in crate::testing::fidelity) fn look(&mut self) -> BTreeMap<usize, Readiness> {
        let keys = self.kernel.selector().get_map();
        let mut told = BTreeMap::new();
        for Event { token, mut readiness } in self.select() {
            let key = keys.iter().find(|key| key.token == token).expect("a stale event");
            let end = self.ends.iter().find(|end| end.fd == key.fd).expect("an open end");
            if self.streams[end.outgoing].flooded && end.can_send() {
                readiness = but_for_room(readiness);
            }
            if !readiness.is_empty() {
                let before = told.insert(end.serial, readiness);
                assert_eq!(before, None, "two events of one registration");
            }
        }
        told
    }

    /// What every end is registered for.
    pub(in crate::testing::fidelity) fn map(&mut self) -> BTreeMap<usize, Interest> {
        let keys = self.kernel.selector().get_map();
        let serial = |fd| self.ends.iter().find(|end| end.fd == fd).map(|end| end.serial);
        keys.iter().map(|key| (serial(key.fd).expect("an open end"), key.interest)).collect()
    }
}

/// All of it but [`Readiness::WRITABLE`].
fn but_for_room(readiness: Readiness) -> Readiness {
    [Readiness::READABLE, Readiness::READ_HANGUP, Readiness::HANGUP, Readiness::ERROR]
        .into_iter()
        .filter(|part| readiness.contains(*part))
        .fold(Readiness::default(), |set, part| set | part)
}
