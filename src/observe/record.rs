//! The one stream of records: everything a loop can say that it did.

use std::fmt;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::{FutureId, HandleId, Primitive, Site, TaskId, TimerId};
use crate::selector::{Interest, Readiness, Token};
use crate::sys::Time;

/// What a handle in the ready queue will do when it runs.
#[derive(Clone, Copy)]
pub enum What {
    /// A callback given to `call_soon` at `at`.
    Callback {
        /// Where it was given.
        at: Site,
    },
    /// A callback given to `call_soon_threadsafe`.
    Remote,
    /// A timer's callback, given to `call_later` or `call_at` at `at`.
    Timer {
        /// Where it was given.
        at: Site,
    },
    /// A due timer that wakes whoever sleeps on it.
    Wake,
    /// The reader of a descriptor.
    Reader {
        /// The descriptor.
        fd: RawFd,
    },
    /// The writer of a descriptor.
    Writer {
        /// The descriptor.
        fd: RawFd,
    },
    /// A step of a task.
    Task {
        /// The task.
        task: TaskId,
    },
    /// The handler of a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Something of evloop's own.
    Internal {
        /// In words.
        name: &'static str,
    },
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Callback { at } => write!(f, "call_soon at {at}"),
            What::Remote => f.write_str("call_soon_threadsafe"),
            What::Timer { at } => write!(f, "call_later at {at}"),
            What::Wake => f.write_str("wake-up by a timer"),
            What::Reader { fd } => write!(f, "reader of fd {fd}"),
            What::Writer { fd } => write!(f, "writer of fd {fd}"),
            What::Task { task } => write!(f, "{task:?}"),
            What::Signal { signal } => write!(f, "handler of signal {signal}"),
            What::Internal { name } => f.write_str(name),
        }
    }
}

/// Why a poll waits as long as it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitReason {
    /// It does not wait: handles are ready.
    Ready,
    /// It does not wait: `stop` was called.
    Stopping,
    /// It does not wait: another thread has sent something.
    Remote,
    /// Until a timer is due.
    Timer(TimerId),
    /// As long as the caller of `run_once` allows.
    Limit,
    /// Without end: no timer is armed.
    Forever,
}

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// A point in time.
    Timer(Time),
    /// The next turn.
    NextTurn,
    /// A future somebody will complete.
    Future,
    /// The end of another task.
    Task(TaskId),
    /// Bytes to read from a descriptor.
    Readable(RawFd),
    /// Room to write to a descriptor.
    Writable(RawFd),
    /// Another task to do something to a lock, an event, a queue, which was made there.
    Sync(Primitive, Site),
    /// Something else, in words.
    Other(&'static str),
}

/// How a task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskEnd {
    /// It returned.
    Finished,
    /// It was cancelled.
    Cancelled,
    /// It panicked.
    Panicked,
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// The loop was made.
    Opened {
        /// The kernel facility it waits with.
        selector: &'static str,
    },
    /// A turn began.
    Turn {
        /// Its number, from 1.
        turn: u64,
    },
    /// The turn did not poll: handles are ready and the last poll was a moment ago.
    PollSkipped,
    /// The loop asks the selector, and waits at most so long.
    Poll {
        /// The limit; `None` is without end.
        timeout: Option<Duration>,
        /// Why this limit.
        why: WaitReason,
    },
    /// The selector answered.
    Polled {
        /// How many events there were.
        events: usize,
        /// How long it took.
        waited: Duration,
    },
    /// An event was collected; the handles it queues follow.
    Event {
        /// The descriptor.
        fd: RawFd,
        /// The registration that it is for, which may be gone by now.
        token: Token,
        /// What is so of it.
        readiness: Readiness,
    },
    /// A timer was due; the handle it queues follows.
    TimerDue {
        /// Which.
        timer: TimerId,
        /// How long after its deadline.
        late: Duration,
    },
    /// The turn has collected what came, and runs what is ready now.
    Collected {
        /// How many handles that is.
        ready: usize,
    },
    /// The turn is over.
    TurnEnded,
    /// A handle entered the ready queue.
    Queued {
        /// Its number.
        handle: HandleId,
        /// What it will do.
        what: What,
        /// The handle that ran then; [`HandleId::OUTSIDE`] while one runs means another thread.
        cause: HandleId,
    },
    /// A handle begins to run.
    Run {
        /// Its number.
        handle: HandleId,
        /// What it does.
        what: What,
        /// The handle that queued it.
        cause: HandleId,
    },
    /// It has run, or panicked.
    Ran {
        /// Its number.
        handle: HandleId,
    },
    /// A handle was cancelled before it ran, and is passed over.
    Skipped {
        /// Its number.
        handle: HandleId,
    },
    /// A timer was armed.
    TimerArmed {
        /// Which.
        timer: TimerId,
        /// Its deadline.
        when: Time,
        /// What it will queue.
        what: What,
    },
    /// A timer was cancelled.
    TimerCancelled {
        /// Which.
        timer: TimerId,
    },
    /// A timer was cancelled that was due already: if its handle waits in the ready queue, it is
    /// to be passed over.
    TimerCancelledLate {
        /// Which.
        timer: TimerId,
    },
    /// A callback or watcher in the ready queue was cancelled, and is to be passed over. (Told with
    /// the feature `testing` alone: to know which handle a callback is queued as takes a table.)
    HandleCancelled {
        /// The handle.
        handle: HandleId,
    },
    /// What a descriptor is watched for has changed.
    Watched {
        /// The descriptor.
        fd: RawFd,
        /// The registration. Its generation goes up when nothing is watched any more.
        token: Token,
        /// What for; `None`: no more.
        interest: Option<Interest>,
    },
    /// A connection was accepted.
    Accepted {
        /// The listening socket.
        listener: RawFd,
        /// The new connection.
        fd: RawFd,
    },
    /// A transport took over a connection; its protocol's `connection_made` follows.
    Connected {
        /// Its descriptor.
        fd: RawFd,
    },
    /// Bytes were received.
    Received {
        /// From where.
        fd: RawFd,
        /// How many; 0 is the peer's end of file.
        bytes: usize,
    },
    /// A program wrote to a transport, which took the bytes to send them. What the kernel takes at
    /// once of them is told first or after, and as [`Sent`](Record::Sent).
    Written {
        /// To where.
        fd: RawFd,
        /// How many.
        bytes: usize,
    },
    /// Bytes were given to the kernel to send.
    Sent {
        /// To where.
        fd: RawFd,
        /// How many there were.
        asked: usize,
        /// How many it took.
        sent: usize,
    },
    /// A transport's protocol was told to stop writing (`true`) or to go on.
    FlowPaused {
        /// Whose.
        fd: RawFd,
        /// Whether it is paused now.
        paused: bool,
        /// Unsent bytes in the transport's buffer.
        buffered: usize,
    },
    /// A connection broke, was aborted, or was still there when its loop was closed: bytes that
    /// were written and not sent are dropped.
    CutOff {
        /// Whose.
        fd: RawFd,
        /// How many those are.
        unsent: usize,
    },
    /// A connection was closed.
    Disconnected {
        /// Its descriptor until now.
        fd: RawFd,
    },
    /// A task was created.
    TaskSpawned {
        /// Which.
        task: TaskId,
        /// Where.
        at: Site,
    },
    /// A task was given a name.
    TaskNamed {
        /// Which.
        task: TaskId,
        /// The name.
        name: Rc<str>,
    },
    /// A task waits.
    TaskWaits {
        /// Which.
        task: TaskId,
        /// Where in its code.
        at: Option<Site>,
        /// For what.
        on: Resource,
    },
    /// A task was woken by the handle that runs now.
    TaskWoken {
        /// Which.
        task: TaskId,
    },
    /// A task's waker was used, and nothing follows from it: the task is queued already, or has
    /// ended. (Told with the feature `testing` alone: a wake for nothing is to cost nothing.)
    TaskWokenAgain {
        /// Which.
        task: TaskId,
    },
    /// A task was asked to end.
    CancelRequested {
        /// Which.
        task: TaskId,
        /// By whom.
        at: Site,
    },
    /// A future was awaited that is pending. (Told, like its end, with the feature `testing` alone:
    /// without it futures have no numbers.)
    FutureAwaited {
        /// Which.
        future: FutureId,
        /// By which task; `None` outside of tasks.
        task: Option<TaskId>,
    },
    /// A future got its value or its error, or was cancelled.
    FutureDone {
        /// Which.
        future: FutureId,
    },
    /// A task ended.
    TaskDone {
        /// Which.
        task: TaskId,
        /// How.
        end: TaskEnd,
    },
    /// A task's memory was freed: nobody has a name or a waker of it any more. (Told with the
    /// feature `testing` alone, so that without it a task's end has nothing to ask.)
    TaskFreed {
        /// Which.
        task: TaskId,
    },
    /// A callback or task panicked, or an error found no reader; the exception handler was told.
    Exception {
        /// In words.
        message: Rc<str>,
    },
    /// `stop` was called.
    Stop,
    /// The loop is being closed: tasks that end from here on were pending.
    Closing,
    /// The loop was closed.
    Closed,
}
