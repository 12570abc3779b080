//! O8: an event is for the registration it was told of, and for no later one of the same number.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use super::Oracle;
use crate::observe::{HandleId, Record, What};
use crate::selector::Token;
use crate::testing::journal::{Act, Entry, Step};

/// The oracle `stale-event`.
#[derive(Default)]
pub(super) struct StaleEvent {
    registered: BTreeMap<RawFd, Token>,
    ended: BTreeSet<Token>,
    /// Which of all descriptors has a number now.
    births: BTreeMap<RawFd, u64>,
    /// Watchers in the ready queue, and of which descriptor.
    watchers: BTreeMap<HandleId, (RawFd, Option<u64>)>,
    running: Option<(RawFd, Option<u64>)>,
    /// An event of a registration that is gone, whose handles would follow.
    stale: Option<Token>,
}

impl StaleEvent {
    fn registers(&mut self, fd: RawFd, token: Token) -> Result<(), String> {
        if let Some(before) = self.registered.insert(fd, token) {
            if before == token {
                return Ok(());
            }
            self.ended.insert(before);
        }
        match self.ended.contains(&token) {
            true => Err(format!(
                "fd {fd} is registered as {token:?}, which an earlier registration was called: \
                 their events cannot be told apart"
            )),
            false => Ok(()),
        }
    }

    fn unregisters(&mut self, fd: RawFd) {
        self.ended.extend(self.registered.remove(&fd));
    }

    fn event(&mut self, fd: RawFd, token: Token) {
        self.stale = (self.registered.get(&fd) != Some(&token)).then_some(token);
    }

    fn queued(&mut self, handle: HandleId, what: What) -> Result<(), String> {
        if let What::Reader { fd } | What::Writer { fd } = what {
            self.watchers.insert(handle, (fd, self.births.get(&fd).copied()));
        }
        match self.stale.take() {
            Some(token) => Err(format!("{token:?} is gone, and an event of it queues {what:?}")),
            None => Ok(()),
        }
    }

    /// A watcher gets something from `fd`.
    fn gets(&self, fd: RawFd) -> Result<(), String> {
        match self.running {
            Some((watched, birth)) if watched == fd && birth != self.births.get(&fd).copied() => {
                Err(format!(
                    "a watcher of an earlier fd {fd} reads from the one of that number now"
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Oracle for StaleEvent {
    fn name(&self) -> &'static str {
        "stale-event"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Kernel(act) => match *act {
                Act::Opened { fd, birth, .. } => {
                    self.births.insert(fd, birth);
                }
                Act::Closed { fd, .. } => {
                    self.births.remove(&fd);
                    self.unregisters(fd);
                }
                Act::Registered { fd, token, .. } => return self.registers(fd, token),
                Act::Unregistered { fd, .. } => self.unregisters(fd),
                _ => {}
            },
            Step::Loop(record) => match *record {
                Record::Event { fd, token, .. } => self.event(fd, token),
                Record::Queued { handle, what, .. } => return self.queued(handle, what),
                Record::TimerDue { .. } | Record::Collected { .. } => self.stale = None,
                Record::Run { handle, .. } => self.running = self.watchers.remove(&handle),
                Record::Skipped { handle } => {
                    self.watchers.remove(&handle);
                }
                Record::Ran { .. } => self.running = None,
                Record::Received { fd, .. } | Record::Accepted { listener: fd, .. } => {
                    return self.gets(fd);
                }
                _ => {}
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, callback, complains};
    use super::*;
    use crate::selector::Interest;

    const READER: What = What::Reader { fd: 3 };

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(StaleEvent::default())
    }

    fn registered() -> Script {
        Script::default().opened(3, 1).registered(3, 0, Interest::READ)
    }

    fn reused() -> Script {
        registered().unregistered(3, 0).closed(3, 1).opened(3, 2)
    }

    #[test]
    fn an_event_reaches_the_watcher_of_its_own_registration() {
        let fresh = reused().registered(3, 1, Interest::READ).event(3, 1).queued(1, READER);
        let received = fresh.run(1, READER).says(Record::Received { fd: 3, bytes: 5 });
        assert_eq!(verdict(received), Ok(()));
    }

    #[test]
    fn an_event_of_a_registration_that_is_gone_may_come_and_queues_nothing() {
        let stale = || reused().registered(3, 1, Interest::READ).event(3, 0);
        assert_eq!(verdict(stale().collected(0).queued(1, callback())), Ok(()));
        complains(verdict(stale().queued(1, READER)), "Token(3#0) is gone");
    }

    #[test]
    fn a_token_is_never_given_out_twice() {
        complains(verdict(reused().registered(3, 0, Interest::READ)), "cannot be told apart");
    }

    #[test]
    fn a_change_of_interest_keeps_the_token() {
        assert_eq!(verdict(registered().registered(3, 0, Interest::BOTH)), Ok(()));
    }

    #[test]
    fn a_watcher_that_was_queued_for_one_descriptor_reads_from_no_other() {
        let queued = registered().event(3, 0).queued(1, READER);
        let reused = queued.unregistered(3, 0).closed(3, 1).opened(3, 2);
        let reads = reused.run(1, READER).says(Record::Received { fd: 3, bytes: 5 });
        complains(verdict(reads), "a watcher of an earlier fd 3");
    }
}
