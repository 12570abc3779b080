//! The reference: a loop with plain lists that does what the documentation of a turn says.
//!
//! It is written to be reviewed by itself, beside that documentation
//! ([`EventLoop::run_once`](crate::EventLoop::run_once) and the functions named in [`Op`]): no
//! heap, no waker, no descriptor, no shared state; whatever is searched is searched from the
//! beginning.

use std::collections::VecDeque;
use std::mem::take;
use std::time::Duration;

use super::op::{DESCRIPTORS, Fd, Id, Op};
use super::{MOST_POLLS, MOST_SCHEDULED, Refusal, Seen, Setup, Subject};
use crate::sys::Time;

/// So many handles may run after a poll before the next.
const HANDLES_WITHOUT_POLL: usize = 64;
/// After so many the clock is looked at ...
const HANDLES_WITHOUT_CLOCK: usize = 8;
/// ... and if so long has passed there is a poll.
const TIME_WITHOUT_POLL: Duration = Duration::from_micros(50);
/// No sleep is longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// The number of something scheduled: its place in [`ModelLoop::scheduled`].
type Number = usize;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Once,
    Timer,
    Remote,
    Watcher,
}

struct Scheduled {
    id: Id,
    kind: Kind,
    cancelled: bool,
    /// Its callback is still held by somebody.
    alive: bool,
}

/// What is so of a descriptor.
#[derive(Clone, Copy, Default)]
struct Condition {
    bytes: bool,
    eof: bool,
    full: bool,
}

#[derive(Clone, Copy, PartialEq, Default)]
enum State {
    #[default]
    Idle,
    Running,
    Closed,
}

/// The naive loop. Its [`Subject::apply`] says what any loop must be seen to do.
#[derive(Default)]
pub struct ModelLoop {
    setup: Setup,
    state: State,
    stopping: bool,
    now: Time,
    scheduled: Vec<Scheduled>,
    ready: Vec<Number>,
    timers: Vec<(Time, Number)>,
    /// What other threads sent: a call, or (`None`) a stop.
    letters: Vec<Option<Number>>,
    /// Of each descriptor its reader and its writer.
    watchers: [[Option<Number>; 2]; DESCRIPTORS],
    conditions: [Condition; DESCRIPTORS],
    rules: Vec<(Id, Op)>,
    polls: usize,
    polled_at: Time,
    /// Handles run since the last poll, and how many that were at the last look at the clock.
    since_poll: usize,
    at_last_look: usize,
    picks: VecDeque<usize>,
    seen: Vec<Seen>,
}

impl ModelLoop {
    /// A loop that has done nothing.
    pub fn new(setup: &Setup) -> ModelLoop {
        ModelLoop { setup: setup.clone(), ..ModelLoop::default() }
    }

    /// What the real loop's policy picked in the operation that is applied next: between two handles
    /// or more, in order. Where nothing is left to follow the first is picked.
    pub fn follow(&mut self, picks: impl IntoIterator<Item = usize>) {
        self.picks.extend(picks);
    }

    fn perform(&mut self, op: &Op) {
        match op {
            Op::CallSoon(id) => {
                let Some(number) = self.schedule(*id, Kind::Once) else { return };
                // What another thread sent before comes before.
                self.collect_letters();
                self.ready.push(number);
            }
            Op::CallLater(id, delay) => self.arm(*id, self.now + *delay),
            Op::CallAt(id, when) => self.arm(*id, *when),
            Op::RemoteCall(id) => {
                let letter = self.schedule(*id, Kind::Remote).map(Some);
                self.letters.extend(letter);
            }
            Op::RemoteStop if self.state == State::Closed => self.refuse(Refusal::Closed),
            Op::RemoteStop => self.letters.push(None),
            Op::AddReader(fd, id) => self.watch(*fd, 0, *id),
            Op::AddWriter(fd, id) => self.watch(*fd, 1, *id),
            Op::RemoveReader(fd) => self.unwatch(*fd, 0),
            Op::RemoveWriter(fd) => self.unwatch(*fd, 1),
            Op::Cancel(id) => self.cancel_by_name(*id),
            Op::Feed(fd) => self.condition(*fd).bytes |= !self.condition(*fd).eof,
            Op::Drain(fd) => self.condition(*fd).bytes = false,
            Op::Eof(fd) => self.condition(*fd).eof = true,
            Op::Fill(fd) => self.condition(*fd).full = true,
            Op::Room(fd) => self.condition(*fd).full = false,
            Op::Advance(by) => self.now += *by,
            Op::Stop => self.stopping = true,
            Op::Turn(limit) => self.run(|own| own.turn(*limit)),
            Op::RunForever => self.run(|own| {
                while !{
                    own.turn(None)?;
                    own.stopping
                } {}
                Ok(())
            }),
            Op::NextDeadline => {
                let ready = self.state != State::Closed && self.must_not_sleep();
                let next = if ready { Some(Time::ZERO) } else { self.first() };
                self.seen.push(Seen::Next(next));
            }
            Op::Close => self.close(),
            Op::Panic => {}
            Op::When(id, op) => self.rules.push((*id, Op::clone(op))),
        }
    }

    fn condition(&mut self, fd: Fd) -> &mut Condition {
        &mut self.conditions[usize::from(fd) % DESCRIPTORS]
    }

    fn refuse(&mut self, why: Refusal) {
        self.seen.push(Seen::Refused(why));
    }

    fn schedule(&mut self, id: Id, kind: Kind) -> Option<Number> {
        if self.state == State::Closed {
            self.refuse(Refusal::Closed);
            return None;
        }
        if self.scheduled.len() == MOST_SCHEDULED {
            return None;
        }
        self.scheduled.push(Scheduled { id, kind, cancelled: false, alive: true });
        Some(self.scheduled.len() - 1)
    }

    fn arm(&mut self, id: Id, when: Time) {
        let number = self.schedule(id, Kind::Timer);
        self.timers.extend(number.map(|number| (when, number)));
    }

    fn watch(&mut self, fd: Fd, side: usize, id: Id) {
        let Some(number) = self.schedule(id, Kind::Watcher) else { return };
        let old = self.watchers[usize::from(fd) % DESCRIPTORS][side].replace(number);
        self.cancel(old);
    }

    fn unwatch(&mut self, fd: Fd, side: usize) {
        let old = self.watchers[usize::from(fd) % DESCRIPTORS][side].take();
        self.seen.push(Seen::Answered(old.is_some()));
        self.cancel(old);
    }

    fn cancel_by_name(&mut self, id: Id) {
        let Some(number) = self.scheduled.iter().rposition(|one| one.id == id) else { return };
        if self.scheduled[number].kind != Kind::Remote {
            self.seen.push(Seen::Answered(self.scheduled[number].cancelled));
            self.cancel(Some(number));
        }
    }

    /// A timer is gone at once; in the ready queue it is passed over; a watcher stays until its next
    /// event.
    fn cancel(&mut self, number: Option<Number>) {
        let Some(number) = number else { return };
        self.scheduled[number].cancelled = true;
        self.scheduled[number].alive = false;
        self.timers.retain(|(_, armed)| *armed != number);
    }

    fn close(&mut self) {
        if self.state == State::Running {
            return self.refuse(Refusal::Running);
        }
        self.state = State::Closed;
        let (ready, letters) = (take(&mut self.ready), take(&mut self.letters));
        let (timers, watchers) = (take(&mut self.timers), take(&mut self.watchers));
        let handles = ready.len() + letters.len();
        let descriptors = watchers.iter().filter(|sides| **sides != [None, None]).count();
        let armed = timers.iter().map(|(_, number)| *number);
        for number in
            ready.iter().copied().chain(armed).chain(watchers.into_iter().flatten().flatten())
        {
            self.cancel(Some(number));
        }
        letters.into_iter().flatten().for_each(|call| self.scheduled[call].alive = false);
        let timers = timers.len();
        self.seen.push(Seen::Closed { handles, timers, descriptors });
    }

    /// A run: its first turn always polls, and whatever its end, `stop` was for this run.
    fn run(&mut self, turns: impl FnOnce(&mut ModelLoop) -> Result<(), Refusal>) {
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
    fn turn(&mut self, limit: Option<Duration>) -> Result<(), Refusal> {
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

    fn first(&self) -> Option<Time> {
        self.timers.iter().map(|(when, _)| *when).min()
    }

    /// Waits: for no time while there is something to do, else until the first timer. Where nothing
    /// comes time passes, and where nothing can ever come the wait is refused.
    fn poll(&mut self, limit: Option<Duration>) -> Result<(), Refusal> {
        let sleep = self.first().map(|first| first.since(self.now));
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
        let told = |&(fd, side): &(usize, usize)| {
            let Condition { bytes, eof, full } = self.conditions[fd];
            self.watchers[fd][side].is_some() && if side == 0 { bytes || eof } else { !full }
        };
        sides.filter(told).collect()
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
        for (_, op) in self.rules.clone().iter().filter(|(when, _)| *when == id) {
            if *op == Op::Panic {
                return self.seen.push(Seen::Reported);
            }
            self.perform(op);
        }
    }
}

impl Subject for ModelLoop {
    fn apply(&mut self, op: &Op) -> Vec<Seen> {
        self.polls = 0;
        self.perform(op);
        let alive = self.scheduled.iter().filter(|one| one.alive).count();
        self.seen.push(Seen::Alive(alive));
        take(&mut self.seen)
    }
}
