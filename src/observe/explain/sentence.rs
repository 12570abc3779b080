//! What the explain mode can say, before it is said in any language.

use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use crate::observe::{HandleId, Resource, Site, TaskEnd, TaskId, TimerId, WaitReason};
use crate::selector::{Interest, Readiness};

/// A task as it is called: its number, and its name if it was given one.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct TaskName {
    pub(super) task: TaskId,
    pub(super) name: Option<Rc<str>>,
}

/// Somebody who runs, or who caused a run.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Who {
    /// The program, while no handle ran.
    Outside,
    /// Another thread.
    OtherThread,
    /// The kernel, with news of a descriptor.
    Event {
        fd: RawFd,
        readiness: Readiness,
    },
    /// A timer that was due.
    Timer(TimerId),
    /// A step of a task.
    Task(TaskName),
    /// A callback given to `call_soon`, or a timer's.
    Callback(Site),
    /// A call from another thread.
    RemoteCall,
    Reader(RawFd),
    Writer(RawFd),
    Signal(i32),
    /// The wake-up of whoever slept on a timer.
    Wake(Option<TimerId>),
    /// Something of evloop's own.
    Internal(&'static str),
    /// A handle of which nothing is known: it was queued before anybody looked.
    Handle(HandleId),
}

/// A timer, and whose it is.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct TimerName {
    pub(super) timer: TimerId,
    /// Who armed it.
    pub(super) by: Option<Who>,
    /// Where.
    pub(super) at: Option<Site>,
}

/// How the turn's wait came to its end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Ending {
    /// There was news of so many descriptors.
    Events(usize),
    /// The time was up.
    TimeUp,
    /// It ended early and without news: another thread, or a signal.
    Rung,
}

/// How a turn waited, and why no longer.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Wait {
    /// It did not ask the selector.
    Skipped { ready: usize },
    /// It asked.
    Asked {
        why: WaitReason,
        /// The longest it would have waited.
        limit: Option<Duration>,
        /// The timer it would have waited for.
        timer: Option<TimerName>,
        took: Duration,
        ready: usize,
        ended: Ending,
    },
}

/// What a task waits for, with the timer if it is one.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Awaited {
    pub(super) on: Resource,
    /// Until a sleep is over, when it began.
    pub(super) left: Duration,
    pub(super) timer: Option<TimerId>,
    /// The task it awaits, if it is one.
    pub(super) task: Option<TaskName>,
    pub(super) at: Option<Site>,
}

/// One line of the narration.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Sentence {
    Opened {
        selector: &'static str,
    },
    /// A turn's first line.
    Turn {
        turn: u64,
        wait: Wait,
    },
    /// A turn in one line.
    TurnInShort {
        turn: u64,
        wait: Wait,
        ran: Vec<Who>,
        more: usize,
    },
    /// Turns that found nothing to do.
    Folded {
        turns: u64,
        waited: Duration,
    },
    /// The system call of the wait, and its answer.
    Answered {
        call: &'static str,
        limit: Option<Duration>,
        events: usize,
    },
    Event {
        fd: RawFd,
        readiness: Readiness,
    },
    Due {
        timer: TimerId,
        late: Duration,
        armed: usize,
    },
    Queued {
        handle: HandleId,
        who: Who,
        cause: Who,
        place: usize,
    },
    /// A handle began to run.
    Began {
        /// Its number, where queues are told of as well.
        handle: Option<HandleId>,
        who: Who,
        cause: Who,
        /// Whether it is the first step of a task.
        first: bool,
        /// Where the task was spawned, or had waited.
        at: Option<Site>,
        /// How long it had waited there.
        waited: Option<Duration>,
        /// How late its timer was, if that is worth a word.
        late: Duration,
    },
    Took {
        took: Duration,
    },
    PassedOver {
        who: Who,
    },
    /// What a handle did.
    QueuedNext {
        who: Who,
        turn: u64,
    },
    Woke {
        task: TaskName,
        itself: bool,
        turn: u64,
    },
    Spawned {
        task: TaskName,
        at: Site,
        turn: u64,
    },
    Named {
        task: TaskId,
        name: Rc<str>,
    },
    /// `left` is `None` for a timer that never fires; `armed` is how many timers the heap holds,
    /// where queues are told of as well.
    Armed {
        timer: TimerId,
        who: Who,
        left: Option<Duration>,
        armed: Option<usize>,
    },
    Disarmed {
        timer: TimerName,
        armed: Option<usize>,
    },
    Watches {
        fd: RawFd,
        interest: Option<Interest>,
    },
    Accepted {
        listener: RawFd,
        fd: RawFd,
    },
    Received {
        fd: RawFd,
        bytes: usize,
    },
    Sent {
        fd: RawFd,
        asked: usize,
        sent: usize,
    },
    FlowResumed {
        fd: RawFd,
        buffered: usize,
    },
    Disconnected {
        fd: RawFd,
    },
    Waits {
        task: TaskName,
        what: Awaited,
    },
    /// A task that nothing wakes any more.
    #[cfg(feature = "testing")]
    Pending {
        task: TaskName,
        /// Where it was spawned.
        at: Option<Site>,
        what: Option<Awaited>,
    },
    CancelRequested {
        task: TaskName,
        at: Site,
    },
    Ended {
        task: TaskName,
        end: TaskEnd,
    },
    /// `by` is `None` for the handle that is being told of.
    Stop {
        by: Option<Who>,
        running: bool,
    },
    Closed,
    Finding(Finding),
}

/// Something that deserves a look.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Finding {
    /// Handles ran for long without a poll in between.
    SlowTurn {
        turn: u64,
        took: Duration,
        slowest: Who,
        of_it: Duration,
        behind: usize,
    },
    LateTimer {
        timer: TimerName,
        late: Duration,
        after: Option<(u64, Duration)>,
    },
    /// Somebody queues himself again and again, so that the loop never waits.
    WakesItself {
        who: Who,
        turns: u64,
    },
    /// An event for a descriptor that nobody watches any more.
    NobodyWaits {
        fd: RawFd,
        readiness: Readiness,
    },
    /// A peer does not read: the transport keeps so much.
    FlowPaused {
        fd: RawFd,
        buffered: usize,
    },
    /// A task was pending when the loop was closed.
    ClosedWhilePending {
        task: TaskName,
        what: Option<Awaited>,
    },
    /// No timer is armed and no descriptor watched.
    NothingCanWake {
        pending: usize,
    },
    Exception {
        message: Rc<str>,
    },
}
