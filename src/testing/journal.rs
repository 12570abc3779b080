//! One account of a run: what the loop told its observers, and what the simulated kernel did, in
//! the order in which it happened. Oracles and reports are made from it alone.

use std::cell::RefCell;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::schedule::{Fault, Site};
use crate::observe::{Observer, Record};
use crate::selector::{Event, Interest, Readiness, Token};
use crate::sys::Time;

/// Between what a schedule chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Which event a select tells next.
    Event,
    /// Which ready handle runs next (in [`Mode::Chaos`](super::Mode::Chaos) alone).
    Handle,
    /// How long a packet takes on a link whose latency is a range: 0 is the shortest.
    Latency,
    /// Where [`Fault::NotifyRace`] lands: 0 is after the loop has announced its sleep, 1 before.
    Window,
}

/// An error's number, as the kernel says it: `ECONNRESET`.
pub type Errno = i32;

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
    /// Somebody rang the bell, which no select has told yet.
    Rung,
    /// Another thread does something, now.
    Thread,
    /// A listening socket was asked for a connection.
    Accept {
        /// Which.
        listener: RawFd,
        /// The connection's descriptor.
        got: Result<RawFd, Errno>,
        /// How many wait after that.
        left: usize,
    },
    /// A connection was begun. How it went on is [`Connected`](Act::Connected).
    Connect {
        /// To whom.
        remote: SocketAddr,
        /// Its descriptor.
        got: Result<RawFd, Errno>,
    },
    /// What was begun with [`Connect`](Act::Connect) came to something.
    Connected {
        /// Its descriptor.
        fd: RawFd,
        /// Why not.
        error: Option<Errno>,
    },
    /// A connection waits to be accepted.
    Waits {
        /// At which listening socket.
        listener: RawFd,
    },
    /// Something came in for a descriptor.
    Arrived {
        /// Which.
        fd: RawFd,
        /// So many bytes,
        bytes: usize,
        /// the peer's end of file,
        eof: bool,
        /// a reset.
        reset: bool,
    },
    /// A receive.
    Recv {
        /// From which descriptor.
        fd: RawFd,
        /// How many bytes at most.
        asked: usize,
        /// How many there were; 0 is the end of file, if some were asked for.
        got: Result<usize, Errno>,
        /// The peer's end of file has come, and follows what is left.
        eof: bool,
        /// How many bytes are left that have come.
        left: usize,
    },
    /// A send.
    Send {
        /// Through which descriptor.
        fd: RawFd,
        /// How many bytes there were.
        asked: usize,
        /// How many it took.
        took: Result<usize, Errno>,
    },
    /// A shutdown(2).
    Shutdown {
        /// Of which descriptor.
        fd: RawFd,
        /// Of which direction.
        how: Shutdown,
        /// What it was refused with.
        error: Option<Errno>,
    },
    /// Bytes stop, or go on again, from one address to another.
    Partition {
        /// From here,
        from: SocketAddr,
        /// to there; port 0 and an unspecified address mean any.
        to: SocketAddr,
        /// They go on again.
        healed: bool,
    },
    /// How things stand with a descriptor that is open when nothing can happen any more: just
    /// before [`Quiescent`](Act::Quiescent), one for each.
    Standing {
        /// Which.
        fd: RawFd,
        /// What is so of it.
        readiness: Readiness,
        /// What it is watched for.
        watched: Option<Interest>,
    },
    /// A program's own note ([`World::note`](super::World::note)).
    Note(Rc<str>),
    /// A select without end, and nothing can ever come. What each task waits for is in the last
    /// [`Record::TaskWaits`] of it.
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
pub(crate) struct Journal(Rc<RefCell<Pages>>);

#[derive(Default)]
struct Pages {
    turn: u64,
    /// How many handles the loop has run.
    handles: u64,
    entries: Vec<Entry>,
}

impl Journal {
    pub(crate) fn act(&self, at: Time, act: Act) {
        self.push(at, Step::Kernel(act));
    }

    pub(crate) fn turns(&self) -> u64 {
        self.0.borrow().turn
    }

    pub(crate) fn handles(&self) -> u64 {
        self.0.borrow().handles
    }

    /// Whether the last thing that was written is the beginning of a turn.
    pub(crate) fn turn_has_just_begun(&self) -> bool {
        let last = |pages: &Pages| pages.entries.last().map(|entry| is_turn(&entry.step));
        last(&self.0.borrow()) == Some(true)
    }

    /// What was written, which is forgotten here.
    pub(crate) fn take(&self) -> Timeline {
        Timeline(std::mem::take(&mut self.0.borrow_mut().entries))
    }

    fn push(&self, at: Time, step: Step) {
        let pages = &mut *self.0.borrow_mut();
        match step {
            Step::Loop(Record::Turn { turn }) => pages.turn = turn,
            Step::Loop(Record::Run { .. }) => pages.handles += 1,
            _ => {}
        }
        pages.entries.push(Entry { at, turn: pages.turn, step });
    }
}

fn is_turn(step: &Step) -> bool {
    matches!(step, Step::Loop(Record::Turn { .. }))
}

impl Observer for Journal {
    fn record(&mut self, at: Time, record: &Record) {
        self.push(at, Step::Loop(record.clone()));
    }
}
