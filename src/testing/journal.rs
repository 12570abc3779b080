//! One account of a run: what the loop told its observers, and what the simulated kernel did, in
//! the order in which it happened. Oracles and reports are made from it alone.

use std::cell::RefCell;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::schedule::{Fault, Site};
use crate::observe::{Observer, Record};
use crate::selector::{Event, Interest, Token};
use crate::sys::Time;

/// Between what a schedule chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Which event a select tells next.
    Event,
    /// Which ready handle runs next (in [`Mode::Chaos`](super::Mode::Chaos) alone).
    Handle,
}

/// Something the simulated kernel did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Act {
    /// Of `among`, the schedule's decision number `decision` took `chosen`.
    Picked {
        /// The number that a schedule's picks are named by.
        decision: u32,
        /// What was chosen between.
        what: Choice,
        /// How many there were: at least two.
        among: usize,
        /// Which one it was; 0 is what happens without a schedule.
        chosen: usize,
    },
    /// The schedule's fault for the `nth` call of `site` was played.
    Fault {
        /// Where.
        site: Site,
        /// Which call of it, from 0.
        nth: u32,
        /// What.
        fault: Fault,
    },
    /// A descriptor came into being. No two have the same `birth`, whatever their number.
    Opened {
        /// Its number.
        fd: RawFd,
        /// Which of all descriptors it is.
        birth: u64,
        /// What it is, in words.
        kind: &'static str,
    },
    /// A descriptor was closed.
    Closed {
        /// Its number.
        fd: RawFd,
        /// Which it was; `None` if the number was not open: somebody closed twice.
        birth: Option<u64>,
    },
    /// A registration began, or changed.
    Registered {
        /// The descriptor.
        fd: RawFd,
        /// Its name in events.
        token: Token,
        /// What for.
        interest: Interest,
    },
    /// A registration ended.
    Unregistered {
        /// The descriptor.
        fd: RawFd,
        /// The name it had.
        token: Token,
    },
    /// The loop asked, and waits at most so long.
    Select {
        /// `None` is without end.
        timeout: Option<Duration>,
    },
    /// The select returned.
    Selected {
        /// What it told.
        events: Rc<[Event]>,
        /// The bell was rung.
        rung: bool,
    },
    /// Somebody rang the bell.
    Rung,
    /// Another thread did something.
    Thread,
    /// A program's own note ([`World::note`](super::World::note)).
    Note(Rc<str>),
    /// A select without end, and nothing can ever come.
    Quiescent,
    /// A limit ended the run.
    LimitHit(&'static str),
}

/// What happened: in the loop, or in the kernel below it.
#[derive(Clone, Debug)]
pub enum Step {
    /// The loop said so.
    Loop(Record),
    /// The kernel did so.
    Kernel(Act),
}

/// One line of a [`Timeline`].
#[derive(Clone, Debug)]
pub struct Entry {
    /// When, in virtual time.
    pub at: Time,
    /// In which turn; 0 before the first.
    pub turn: u64,
    /// What.
    pub step: Step,
}

/// A run from beginning to end.
#[derive(Clone, Debug, Default)]
pub struct Timeline(pub Vec<Entry>);

/// Where loop and kernel write.
#[derive(Clone, Default)]
pub(crate) struct Journal(Rc<RefCell<(u64, Vec<Entry>)>>);

impl Journal {
    pub(crate) fn act(&self, at: Time, act: Act) {
        self.push(at, Step::Kernel(act));
    }

    pub(crate) fn turns(&self) -> u64 {
        self.0.borrow().0
    }

    /// What was written, which is forgotten here.
    pub(crate) fn take(&self) -> Timeline {
        Timeline(std::mem::take(&mut self.0.borrow_mut().1))
    }

    fn push(&self, at: Time, step: Step) {
        let (turn, entries) = &mut *self.0.borrow_mut();
        if let Step::Loop(Record::Turn { turn: number }) = step {
            *turn = number;
        }
        entries.push(Entry { at, turn: *turn, step });
    }
}

impl Observer for Journal {
    fn record(&mut self, at: Time, record: &Record) {
        self.push(at, Step::Loop(record.clone()));
    }
}
