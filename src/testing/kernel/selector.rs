//! The simulated select: where virtual time passes.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use super::{End, World};
use crate::selector::{Bell, Event, Interest, Ring, Selector, SelectorKey, Token};
use crate::sys::Time;
use crate::testing::journal::Act;
use crate::testing::schedule::{Fault, Site};

/// A selector over the world's descriptors. (It behaves as the one over epoll(7) does.)
pub(crate) struct SimSelector(pub(crate) World);

struct SimBell(Arc<AtomicBool>);

impl Ring for SimBell {
    fn ring(&self) {
        self.0.store(true, SeqCst);
    }
}

impl SimSelector {
    /// Ends the simulation: for the first reason there is.
    fn refuse(&self, end: End) -> io::Error {
        let world = &self.0;
        let first = world.0.end.get().unwrap_or(end);
        world.0.end.set(Some(first));
        match end {
            End::Quiescent => {
                world.tell_standing();
                world.act(Act::Quiescent);
            }
            End::Limit(which) => world.act(Act::LimitHit(which)),
        }
        let why = match end {
            End::Quiescent => "nothing can ever happen any more".to_owned(),
            End::Limit(which) => world.0.limits.describe(which),
        };
        io::Error::other(format!("the simulation is over: {why}"))
    }

    /// Waits until there is something to tell, the bell rings, or `until` comes. Whether the bell
    /// has rung.
    fn wait(
        &self,
        until: Option<crate::Time>,
        fault: Option<Fault>,
        events: &mut Vec<Event>,
    ) -> io::Result<bool> {
        let world = &self.0;
        let (first, mut withhold) = (events.len(), None);
        if let Some(Fault::Withhold(time)) = fault {
            withhold = Some(time);
        }
        loop {
            if let Some(which) = world.limit_hit() {
                return Err(self.refuse(End::Limit(which)));
            }
            world.play_due();
            world.collect(fault, events);
            let rung = world.0.rung.swap(false, SeqCst);
            if let Some(time) = withhold {
                if world.withhold(time, first, events) {
                    withhold = None;
                }
            }
            if rung || events.len() > first || until.is_some_and(|until| until <= world.now()) {
                world.order(fault, first, events);
                return Ok(rung);
            }
            match world.next_happening().into_iter().chain(until).min() {
                Some(time) => world.0.now.set(time.max(world.now())),
                // A world that went on for ever was stopped by its limit, and has nothing left.
                None => {
                    return Err(self.refuse(world.limit_hit().map_or(End::Quiescent, End::Limit)));
                }
            }
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

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        let world = &self.0;
        world.with(|net| {
            net.registry.check_new(fd, token)?;
            let birth = net.table.find(fd)?.birth;
            net.registry.add(SelectorKey { fd, interest, token }, birth);
            Ok::<(), io::Error>(())
        })?;
        world.act(Act::Registered { fd, token, interest });
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        let world = &self.0;
        world.with(|net| {
            net.registry.check_old(fd, token)?;
            let birth = net.table.find(fd)?.birth;
            net.registry.change(fd, interest, token, birth)
        })?;
        world.act(Act::Registered { fd, token, interest });
        Ok(())
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        let gone = self.0.with(|net| net.registry.remove(fd))?;
        self.0.act(Act::Unregistered { fd, token: gone.key.token });
        Ok(())
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let world = &self.0;
        world.act(Act::Select { timeout });
        world.note_turn();
        let until = timeout.map(|timeout| world.now() + timeout);
        let (nth, fault) = world.select_fault();
        match fault {
            Some(Fault::Eintr) => {
                world.wait_half(until);
                world.act(Act::Selected { events: [].into(), rung: false });
                return match world.limit_hit() {
                    Some(which) => Err(self.refuse(End::Limit(which))),
                    None => Ok(()),
                };
            }
            Some(Fault::Jump(time)) => world.jump(time),
            Some(Fault::NotifyRace) => world.race_before_sleep(nth),
            _ => {}
        }
        let first = events.len();
        let rung = self.wait(until, fault, events)?;
        world.act(Act::Selected { events: events[first..].into(), rung });
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.0.registrations()
    }

    fn bell(&self) -> Bell {
        Bell::new(SimBell(self.0.0.rung.clone()))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl World {
    /// Waits half of the time that a select until then would: a signal that came at once would be
    /// none to whoever waits for the rest.
    fn wait_half(&self, until: Option<Time>) {
        let mut ready = Vec::new();
        self.play_due();
        self.collect(None, &mut ready);
        if !ready.is_empty() || self.0.rung.load(SeqCst) {
            return;
        }
        if let Some(time) = self.next_happening().into_iter().chain(until).min() {
            self.0.now.set(self.now() + time.since(self.now()) / 2);
        }
    }

    /// The fault of this select, and its number.
    fn select_fault(&self) -> (u32, Option<Fault>) {
        let nth = self.0.sites[super::site_index(Site::Select)].get();
        (nth, self.fault(Site::Select))
    }
}
