//! The simulated select: where virtual time passes.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use super::{End, World};
use crate::selector::{Bell, Event, Interest, Ring, Selector, SelectorKey, Token};
use crate::testing::journal::Act;

/// A selector over the world's descriptors.
pub(crate) struct SimSelector(pub(crate) World);

struct SimBell(Arc<AtomicBool>);

impl Ring for SimBell {
    fn ring(&self) {
        self.0.store(true, SeqCst);
    }
}

impl SimSelector {
    fn refuse(&self, end: End) -> io::Result<()> {
        self.0.0.end.set(Some(end));
        self.0.act(match end {
            End::Quiescent => Act::Quiescent,
            End::Limit(which) => Act::LimitHit(which),
        });
        Err(io::Error::other(format!("the simulation is over: {end:?}")))
    }

    fn limit(&self) -> Option<&'static str> {
        let (limits, world) = (&self.0.0.limits, &self.0);
        if world.0.journal.turns() > limits.turns {
            Some("turns")
        } else if world.now().since(crate::Time::ZERO) > limits.virtual_time {
            Some("virtual time")
        } else {
            None
        }
    }
}

impl Selector for SimSelector {
    fn name(&self) -> &'static str {
        "simulation"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn register(&mut self, _: RawFd, _: Interest, _: Token) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn modify(&mut self, _: RawFd, _: Interest, _: Token) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn unregister(&mut self, _: RawFd) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn select(&mut self, timeout: Option<Duration>, _events: &mut Vec<Event>) -> io::Result<()> {
        let world = &self.0;
        world.act(Act::Select { timeout });
        let until = timeout.map(|timeout| world.now() + timeout);
        loop {
            if let Some(which) = self.limit() {
                return self.refuse(End::Limit(which));
            }
            world.play_due();
            let rung = world.0.rung.swap(false, SeqCst);
            let next = world.next_happening();
            let over = rung || until.is_some_and(|until| until <= world.now());
            if over {
                world.act(Act::Selected { events: [].into(), rung });
                return Ok(());
            }
            match next.into_iter().chain(until).min() {
                Some(time) => world.0.now.set(time),
                None => return self.refuse(End::Quiescent),
            }
        }
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        Vec::new()
    }

    fn bell(&self) -> Bell {
        Bell::new(SimBell(self.0.0.rung.clone()))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
