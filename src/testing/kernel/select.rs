//! What a select tells, and what the schedule does to it.

use std::cell::Cell;
use std::time::Duration;

use super::network::{Network, Object};
use super::registry::Watch;
use super::{Happening, World};
use crate::selector::{Event, Interest, Readiness};
use crate::sys::Time;
use crate::testing::journal::{Act, Choice};
use crate::testing::schedule::Fault;

/// No event is withheld for longer.
pub(crate) const LONGEST_WITHHELD: Duration = Duration::from_secs(60);

/// No leap of the clock is longer.
pub(crate) const LONGEST_JUMP: Duration = Duration::from_secs(3600);

/// Turns at one instant in which nothing runs.
#[derive(Default)]
pub(super) struct Idle {
    turns: Cell<u32>,
    seen: Cell<(Time, u64)>,
}

impl World {
    /// Which limit the run is beyond.
    pub(super) fn limit_hit(&self) -> Option<&'static str> {
        let (limits, journal) = (&self.0.limits, &self.0.journal);
        if journal.turns() > limits.turns {
            Some("turns")
        } else if journal.handles() > limits.handles || self.0.happened.get() > limits.handles {
            Some("handles")
        } else if self.now().since(Time::ZERO) > limits.virtual_time {
            Some("virtual time")
        } else if self.0.idle.turns.get() > limits.idle_turns {
            Some("idle turns")
        } else {
            None
        }
    }

    /// Counts the turns in which nothing ran and no time passed.
    pub(super) fn note_turn(&self) {
        let idle = &self.0.idle;
        let now = (self.now(), self.0.journal.handles());
        let turns = if idle.seen.replace(now) == now { idle.turns.get() + 1 } else { 0 };
        idle.turns.set(turns);
    }

    /// Appends what is so of the registrations that are not withheld, in their order; with `fault`
    /// it may be more.
    pub(super) fn collect(&self, fault: Option<Fault>, events: &mut Vec<Event>) {
        if fault == Some(Fault::MergeHup) {
            self.hurry_ends();
        }
        self.with(|net| {
            for watch in net.registry.all().iter().filter(|watch| !watch.withheld) {
                let readiness = asked_for(net, watch);
                if !readiness.is_empty() {
                    events.push(Event { token: watch.key.token, readiness });
                }
            }
            match fault {
                Some(Fault::Spurious(which)) => add_spurious(net, which, events),
                Some(Fault::Stale) => add_stale(net, events),
                _ => {}
            }
        });
    }

    /// An end of file or reset that is under way to a descriptor that is ready comes in now.
    fn hurry_ends(&self) {
        let now = self.now();
        let ids = self.with(|net| {
            let mut ids = Vec::new();
            let watches: Vec<Watch> = net.registry.all().to_vec();
            for watch in watches {
                let Some(open) = net.table.get(watch.key.fd) else { continue };
                let Object::Tcp(id, side) = open.object else { continue };
                if asked_for(net, &watch).contains(Readiness::READABLE) {
                    net.connection(id).iter_mut().for_each(|c| c.tcp.hurry_the_end(side, now));
                    ids.push(id);
                }
            }
            ids
        });
        ids.into_iter().for_each(|id| self.settle(id));
    }

    /// Puts off the first of `events` from `first` on, if there is one.
    pub(super) fn withhold(&self, time: Duration, first: usize, events: &mut Vec<Event>) -> bool {
        if events.len() == first {
            return false;
        }
        let event = events.remove(first);
        self.with(|net| net.registry.withhold(event.token));
        let until = self.now() + time.min(LONGEST_WITHHELD);
        self.plan(until, Happening::Tell(event.token));
        true
    }

    /// Lets the clock leap.
    pub(super) fn jump(&self, time: Duration) {
        self.busy(time.min(LONGEST_JUMP));
    }

    /// Has the schedule choose the order of `events` from `first` on.
    pub(super) fn order(&self, fault: Option<Fault>, first: usize, events: &mut Vec<Event>) {
        for at in first..events.len() {
            let chosen = self.choose(Choice::Event, events.len() - at);
            events[at..=at + chosen].rotate_right(1);
        }
        match fault {
            Some(Fault::Reverse) => events[first..].reverse(),
            Some(Fault::OneEvent) => events.truncate(first + 1),
            _ => {}
        }
    }

    /// How every descriptor stands when nothing can happen any more.
    pub(super) fn tell_standing(&self) {
        for open in self.with(|net| net.all_open()) {
            let (readiness, watched) = self.with(|net| {
                let watch = net.registry.get(open.fd).filter(|watch| watch.birth == open.birth);
                (net.readiness(open.object), watch.map(|watch| watch.key.interest))
            });
            self.act(Act::Standing { fd: open.fd, readiness, watched });
        }
    }
}

/// What is so of a registration's descriptor, of what epoll(7) tells for its interest: hang-ups and
/// errors always, a read hang-up to who reads.
fn asked_for(net: &Network, watch: &Watch) -> Readiness {
    let Some(open) = net.table.get(watch.key.fd).filter(|open| open.birth == watch.birth) else {
        return Readiness::default();
    };
    net.readiness(open.object).and(told_for(watch.key.interest))
}

fn told_for(interest: Interest) -> Readiness {
    let mut told = Readiness::HANGUP | Readiness::ERROR;
    if interest.is_read() {
        told |= Readiness::READABLE | Readiness::READ_HANGUP;
    }
    if interest.is_write() {
        told |= Readiness::WRITABLE;
    }
    told
}

/// A registration whose descriptor is not ready is told ready.
fn add_spurious(net: &Network, which: u8, events: &mut Vec<Event>) {
    let all = net.registry.all();
    if all.is_empty() {
        return;
    }
    let watch = &all[usize::from(which) % all.len()];
    let mut readiness = Readiness::default();
    if watch.key.interest.is_read() {
        readiness |= Readiness::READABLE;
    }
    if watch.key.interest.is_write() {
        readiness |= Readiness::WRITABLE;
    }
    let token = watch.key.token;
    match events.iter_mut().find(|event| event.token == token) {
        Some(event) => event.readiness |= readiness,
        None => events.push(Event { token, readiness }),
    }
}

/// A registration that is gone is told of.
fn add_stale(net: &Network, events: &mut Vec<Event>) {
    if let Some(gone) = net.registry.stale() {
        let mut readiness = Readiness::default();
        if gone.interest.is_read() {
            readiness |= Readiness::READABLE;
        }
        if gone.interest.is_write() {
            readiness |= Readiness::WRITABLE;
        }
        events.push(Event { token: gone.token, readiness });
    }
}
