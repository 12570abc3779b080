//! Timelines written by hand, for the oracles' own tests.

use super::Oracle;
use crate::observe::{HandleId, Observer, Record, Site, TaskEnd, TaskId, TimerId, What};
use crate::selector::{Event, Interest, Readiness, Token};
use crate::sys::Time;
use crate::testing::journal::{Act, Journal, Timeline};
use crate::testing::report::Outcome;

/// A timeline in the making.
#[derive(Default)]
pub(super) struct Script {
    journal: Journal,
    now: Time,
}

impl Script {
    /// What follows happens at that nanosecond.
    pub(super) fn at(mut self, nanos: u64) -> Script {
        self.now = Time::from_nanos(nanos);
        self
    }

    pub(super) fn says(mut self, record: Record) -> Script {
        self.journal.record(self.now, &record);
        self
    }

    pub(super) fn does(self, act: Act) -> Script {
        self.journal.act(self.now, act);
        self
    }

    /// A turn begins, and polls without waiting.
    pub(super) fn turn(self, turn: u64) -> Script {
        let (timeout, why) = (Some(std::time::Duration::ZERO), crate::observe::WaitReason::Ready);
        self.says(Record::Turn { turn })
            .says(Record::Poll { timeout, why })
            .says(Record::Polled { events: 0, waited: std::time::Duration::ZERO })
    }

    pub(super) fn queued(self, handle: u64, what: What) -> Script {
        self.says(Record::Queued { handle: HandleId(handle), what, cause: HandleId::OUTSIDE })
    }

    pub(super) fn collected(self, ready: usize) -> Script {
        self.says(Record::Collected { ready })
    }

    pub(super) fn run(self, handle: u64, what: What) -> Script {
        self.says(Record::Run { handle: HandleId(handle), what, cause: HandleId::OUTSIDE })
    }

    pub(super) fn ran(self, handle: u64) -> Script {
        self.says(Record::Ran { handle: HandleId(handle) })
    }

    pub(super) fn skipped(self, handle: u64) -> Script {
        self.says(Record::Skipped { handle: HandleId(handle) })
    }

    pub(super) fn turn_ended(self) -> Script {
        self.says(Record::TurnEnded)
    }

    pub(super) fn spawned(self, id: u64) -> Script {
        self.says(Record::TaskSpawned { task: TaskId(id), at: here() })
    }

    pub(super) fn done(self, id: u64, end: TaskEnd) -> Script {
        self.says(Record::TaskDone { task: TaskId(id), end })
    }

    pub(super) fn armed(self, id: u64, when: u64) -> Script {
        let (timer, when) = (TimerId(id), Time::from_nanos(when));
        self.says(Record::TimerArmed { timer, when, what: What::Wake })
    }

    pub(super) fn due(self, id: u64) -> Script {
        let late = std::time::Duration::ZERO;
        self.says(Record::TimerDue { timer: TimerId(id), late })
    }

    /// `fd` is registered under its `generation`-th token, and the loop says so.
    pub(super) fn registered(self, fd: i32, generation: u32, interest: Interest) -> Script {
        let token = token(fd, generation);
        self.does(Act::Registered { fd, token, interest }).says(Record::Watched {
            fd,
            token,
            interest: Some(interest),
        })
    }

    pub(super) fn unregistered(self, fd: i32, generation: u32) -> Script {
        let token = token(fd, generation);
        self.does(Act::Unregistered { fd, token }).says(Record::Watched {
            fd,
            token,
            interest: None,
        })
    }

    pub(super) fn opened(self, fd: i32, birth: u64) -> Script {
        self.does(Act::Opened { fd, birth, kind: "a socket" })
    }

    pub(super) fn closed(self, fd: i32, birth: u64) -> Script {
        self.does(Act::Closed { fd, birth: Some(birth) })
    }

    pub(super) fn event(self, fd: i32, generation: u32) -> Script {
        let (token, readiness) = (token(fd, generation), Readiness::READABLE);
        self.says(Record::Event { fd, token, readiness })
    }

    pub(super) fn selected(self, events: &[Event]) -> Script {
        self.does(Act::Selected { events: events.into(), rung: false })
    }

    /// What `oracle` says of a run that went so and was done.
    pub(super) fn verdict(self, oracle: impl Oracle) -> Result<(), String> {
        self.verdict_on(oracle, Outcome::Done(()))
    }

    pub(super) fn verdict_on(
        self,
        mut oracle: impl Oracle,
        outcome: Outcome<()>,
    ) -> Result<(), String> {
        self.timeline().0.iter().try_for_each(|entry| oracle.on(entry))?;
        oracle.at_end(&outcome)
    }

    pub(super) fn timeline(self) -> Timeline {
        self.journal.take()
    }
}

pub(super) fn token(fd: i32, generation: u32) -> Token {
    Token::new(fd as u32, generation)
}

pub(super) fn readable(fd: i32, generation: u32) -> Event {
    Event { token: token(fd, generation), readiness: Readiness::READABLE }
}

pub(super) fn task(id: u64) -> What {
    What::Task { task: TaskId(id) }
}

pub(super) fn callback() -> What {
    What::Callback { at: here() }
}

pub(super) fn here() -> Site {
    std::panic::Location::caller()
}

/// That the verdict is a complaint that says `words`.
#[track_caller]
pub(super) fn complains(verdict: Result<(), String>, words: &str) {
    let complaint = verdict.expect_err("the oracle is silent");
    assert!(complaint.contains(words), "it says {complaint:?}, not {words:?}");
}
