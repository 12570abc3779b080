//! The reference: a loop with plain lists that does what the documentation of a turn says.
//!
//! It is written to be reviewed by itself, beside that documentation
//! ([`EventLoop::run_once`](crate::EventLoop::run_once) and the functions that
//! [`Op`](super::Op) names): no heap, no waker, no descriptor, no shared state; whatever is
//! searched is searched from the beginning. (`parts.rs` declares what it is made of, `dispatch.rs`
//! says which operation is which function.)

use std::collections::VecDeque;
use std::mem::take;
use std::time::Duration;

use super::op::{DESCRIPTORS, Id, Op};
use super::parts::{Condition, Kind, Number, Scheduled, State};
use super::{MOST_POLLS, MOST_SCHEDULED, Refusal, Seen, Setup};
use crate::sys::Time;

/// So many handles may run after a poll before the next.
const HANDLES_WITHOUT_POLL: usize = 64;
/// After so many the clock is looked at ...
const HANDLES_WITHOUT_CLOCK: usize = 8;
/// ... and if so long has passed there is a poll.
const TIME_WITHOUT_POLL: Duration = Duration::from_micros(50);
/// No sleep is longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// The naive loop. Its [`apply`](super::Subject::apply) says what any loop must be seen to do.
#[derive(Default)]
pub struct ModelLoop {
    pub(super) setup: Setup,
    pub(super) state: State,
    pub(super) stopping: bool,
    pub(super) now: Time,
    pub(super) scheduled: Vec<Scheduled>,
    pub(super) ready: Vec<Number>,
    timers: Vec<(Time, Number)>,
    /// What other threads sent: a call, or (`None`) a stop.
    pub(super) letters: Vec<Option<Number>>,
    /// Of each descriptor its reader and its writer.
    watchers: [[Option<Number>; 2]; DESCRIPTORS],
    pub(super) conditions: [Condition; DESCRIPTORS],
    pub(super) rules: Vec<(Id, Op)>,
    pub(super) polls: usize,
    polled_at: Time,
    /// Handles run since the last poll, and how many that were at the last look at the clock.
    since_poll: usize,
    at_last_look: usize,
    pub(super) picks: VecDeque<usize>,
    pub(super) seen: Vec<Seen>,
}

impl ModelLoop {
    pub(super) fn schedule(&mut self, id: Id, kind: Kind) -> Option<Number> {
        if self.state == State::Closed {
            self.refuse(Refusal::Closed);
        } else if self.scheduled.len() < MOST_SCHEDULED {
            self.scheduled.push(Scheduled { id, kind, cancelled: false, alive: true });
            return Some(self.scheduled.len() - 1);
        }
        None
    }

    /// What another thread sent before comes before.
    pub(super) fn call_soon(&mut self, id: Id) {
        if let Some(number) = self.schedule(id, Kind::Once) {
            self.collect_letters();
            self.ready.push(number);
        }
    }

    pub(super) fn call_at(&mut self, id: Id, when: Time) {
        let number = self.schedule(id, Kind::Once);
        self.timers.extend(number.map(|number| (when, number)));
    }

    pub(super) fn watch(&mut self, fd: usize, side: usize, id: Id) {
        if let Some(number) = self.schedule(id, Kind::Watcher) {
            let old = self.watchers[fd][side].replace(number);
            self.cancel(old);
        }
    }

    pub(super) fn unwatch(&mut self, fd: usize, side: usize) {
        let old = self.watchers[fd][side].take();
        self.seen.push(Seen::Answered(old.is_some()));
        self.cancel(old);
    }

    /// A timer is gone at once; in the ready queue it is passed over; a watcher stays until its next
    /// event.
    pub(super) fn cancel(&mut self, number: Option<Number>) {
        let Some(number) = number else { return };
        self.scheduled[number].cancelled = true;
        self.scheduled[number].alive = false;
        self.timers.retain(|(_, armed)| *armed != number);
    }

    pub(super) fn close(&mut self) {
        if self.state == State::Running {
            return self.refuse(Refusal::Running);
        }
        self.state = State::Closed;
        let letters = take(&mut self.letters);
        let watchers = take(&mut self.watchers);
        self.seen.push(Seen::Closed {
            handles: self.ready.len() + letters.len(),
            timers: self.timers.len(),
            descriptors: watchers.iter().filter(|sides| **sides != [None, None]).count(),
        });
        let timers = take(&mut self.timers).into_iter().map(|(_, number)| Some(number));
        let ready = take(&mut self.ready).into_iter().map(Some);
        let all = ready.chain(letters).chain(timers).chain(watchers.into_iter().flatten());
        all.for_each(|number| self.cancel(number));
    }

    /// Nothing to wait for, if the loop is closed.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let at_once = self.state != State::Closed && self.must_not_sleep();
        let first = self.timers.iter().map(|(when, _)| *when).min();
        if at_once { Some(Time::ZERO) } else { first }
    }

    /// A run: its first turn always polls, and whatever its end, `stop` was for this run.
    pub(super) fn run(&mut self, turns: impl FnOnce(&mut ModelLoop) -> Result<(), Refusal>) {
        match self.state {
            State::Closed => return self.refuse(Refusal::Closed),
            State::Running => return self.refuse(Refusal::Running),
            State::Idle => self.state = State::Running,
        }
        self.since_poll = HANDLES_WITHOUT_POLL;
        let result = turns(self);
        self.state = State::Idle;
        self.stopping = false;
        self.seen.push(result.map_or_else(Seen::Refused, |()| Seen::Returned));
    }

    /// One turn: wait, collect, run.
    pub(super) fn turn(&mut self, limit: Option<Duration>) -> Result<(), Refusal> {
        let polls = !self.may_skip_poll();
        if polls {
            self.poll(limit)?;
        }
        self.collect_letters();
        if polls {
            self.collect_events();
        }
        self.collect_timers();
        self.run_ready();
        Ok(())
    }

    fn may_skip_poll(&mut self) -> bool {
        let refused = self.setup.always_poll || self.stopping || self.ready.is_empty();
        if refused || self.since_poll >= HANDLES_WITHOUT_POLL {
            return false;
        }
        if self.since_poll - self.at_last_look >= HANDLES_WITHOUT_CLOCK {
            self.at_last_look = self.since_poll;
            if self.now.since(self.polled_at) >= TIME_WITHOUT_POLL {
                return false;
            }
        }
        self.seen.extend(self.setup.watched.then_some(Seen::PollSkipped));
        true
    }

    fn must_not_sleep(&self) -> bool {
        !self.ready.is_empty() || self.stopping || !self.letters.is_empty()
    }

    /// Waits: for no time while there is something to do, else until the first timer. Where nothing
    /// comes time passes, and where nothing can ever come the wait is refused.
    fn poll(&mut self, limit: Option<Duration>) -> Result<(), Refusal> {
        let sleep = self.timers.iter().map(|(when, _)| when.since(self.now)).min();
        let timeout = match self.must_not_sleep() {
            true => Some(Duration::ZERO),
            false => sleep.into_iter().chain(limit).min().map(|sleep| sleep.min(LONGEST_SLEEP)),
        };
        self.seen.push(Seen::Timeout(timeout));
        self.polls += 1;
        if self.polls > MOST_POLLS {
            return Err(Refusal::Endless);
        }
        if self.events().is_empty() {
            self.now += timeout.ok_or(Refusal::Quiescent)?;
        }
        (self.polled_at, self.since_poll, self.at_last_look) = (self.now, 0, 0);
        Ok(())
    }

    fn collect_letters(&mut self) {
        for letter in take(&mut self.letters) {
            match letter {
                Some(call) => self.ready.push(call),
                None => self.stopping = true,
            }
        }
    }

    /// The watchers whose condition is so: in the selector's order of descriptors, and of each
    /// descriptor the reader before the writer.
    fn events(&self) -> Vec<(usize, usize)> {
        let mut fds: Vec<usize> = (0..DESCRIPTORS).collect();
        if self.setup.descending {
            fds.reverse();
        }
        let sides = fds.into_iter().flat_map(|fd| [(fd, 0), (fd, 1)]);
        let watched = sides.filter(|&(fd, side)| self.watchers[fd][side].is_some());
        watched.filter(|&(fd, side)| self.conditions[fd].is_so(side)).collect()
    }

    /// Queues them. One that was cancelled is removed in place of that.
    fn collect_events(&mut self) {
        for (fd, side) in self.events() {
            let watcher = &mut self.watchers[fd][side];
            match *watcher {
                Some(number) if self.scheduled[number].cancelled => *watcher = None,
                number => self.ready.extend(number),
            }
        }
    }

    /// Queues the timers that were due at the last poll, by deadline and then by number.
    fn collect_timers(&mut self) {
        self.timers.sort();
        let due = self.timers.iter().filter(|(when, _)| *when <= self.polled_at).count();
        self.ready.extend(self.timers.drain(..due).map(|(_, number)| number));
    }

    /// Runs exactly what is ready now.
    fn run_ready(&mut self) {
        let mut batch = take(&mut self.ready);
        self.since_poll += batch.len();
        while !batch.is_empty() {
            let pick = if batch.len() > 1 { self.picks.pop_front() } else { None };
            let number = batch.remove(pick.unwrap_or(0));
            if !self.scheduled[number].cancelled {
                self.run_one(number);
            }
        }
    }

    fn run_one(&mut self, number: Number) {
        let Scheduled { id, kind, alive, .. } = &mut self.scheduled[number];
        *alive = *kind == Kind::Watcher;
        let id = *id;
        self.seen.push(Seen::Ran(id, self.now));
        self.callback(id);
    }
}
