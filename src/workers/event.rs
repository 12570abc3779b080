//! What a supervisor tells: while it goes on, and when it is over.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::machine::Failure;
use crate::event_loop::LoopError;
use crate::sys::child::NotForked;

/// Something that happened to a worker; workers are numbered from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// Its process has been made.
    Started {
        /// Which.
        worker: usize,
        /// The process's number.
        pid: i32,
    },
    /// It said [`ready`](super::Worker::ready).
    Ready {
        /// Which.
        worker: usize,
    },
    /// Everybody has been ready: what is served is served by all. Told once.
    AllReady,
    /// Its main future has ended, unasked and well; it is not started again.
    Done {
        /// Which.
        worker: usize,
    },
    /// It died, and will be started again.
    Died {
        /// Which.
        worker: usize,
        /// What it said, or how its process ended.
        why: String,
        /// When.
        restart_in: Duration,
    },
    /// It died too often; the others are drained and the run ends.
    GaveUp {
        /// Which.
        worker: usize,
        /// How often in a row.
        deaths: u32,
        /// The last time.
        why: String,
    },
    /// It had not ended within the deadline.
    Killed {
        /// Which.
        worker: usize,
    },
}

impl WorkerEvent {
    /// Whether something went wrong.
    pub fn is_bad(&self) -> bool {
        use WorkerEvent::{Died, GaveUp, Killed};
        matches!(self, Died { .. } | GaveUp { .. } | Killed { .. })
    }
}

impl fmt::Display for WorkerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerEvent::Started { worker, pid } => write!(f, "worker {worker} is process {pid}"),
            WorkerEvent::Ready { worker } => write!(f, "worker {worker} is ready"),
            WorkerEvent::AllReady => f.write_str("all workers are ready"),
            WorkerEvent::Done { worker } => write!(f, "worker {worker} is done"),
            WorkerEvent::Died { worker, why, restart_in } => {
                write!(f, "worker {worker} died: {why}; it is started again in {restart_in:?}")
            }
            WorkerEvent::GaveUp { worker, deaths, why } => write!(
                f,
                "worker {worker} is given up after {deaths} deaths in a row, the last: {why}"
            ),
            WorkerEvent::Killed { worker } => {
                write!(f, "worker {worker} had not ended in time and was killed")
            }
        }
    }
}

/// Why the workers have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkersEnded {
    /// Each main future came to its end by itself.
    Finished,
    /// The supervisor was sent SIGTERM.
    Drained,
    /// The supervisor was sent SIGINT: Ctrl-C.
    Interrupted,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WorkersReport {
    /// Why they ended.
    pub ended: WorkersEnded,
    /// How many times a worker was started again.
    pub restarts: u64,
    /// How many had to be killed because they had not ended within the deadline.
    pub killed: usize,
}

/// Why workers did not run, or not to a good end. None of them is left.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkersError {
    /// `workers(0)`.
    None,
    /// The process has more than one thread.
    Threads {
        /// How many.
        count: usize,
    },
    /// A worker failed before all were ready.
    Start {
        /// Which.
        worker: usize,
        /// What it said, or how its process ended.
        why: String,
    },
    /// A worker died more often in a row than the limit.
    GaveUp {
        /// Which.
        worker: usize,
        /// How often.
        deaths: u32,
        /// The last time.
        why: String,
    },
    /// A loop runs in this thread, or another loop has one of the signals SIGCHLD, SIGTERM, SIGINT.
    Loop(LoopError),
    /// The kernel refused.
    Io(io::Error),
}

impl fmt::Display for WorkersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkersError::None => f.write_str("workers(0) does nothing: at least one is needed"),
            WorkersError::Threads { count } => write!(
                f,
                "this process has {count} threads, and a forked worker would have one of them and \
                 the locks of all: run workers before threads are started, or run a loop in each \
                 of your threads, with servers that reuse_port(true)"
            ),
            WorkersError::Start { worker, why } => {
                write!(f, "worker {worker} did not start: {why}")
            }
            WorkersError::GaveUp { worker, deaths, why } => {
                let event =
                    WorkerEvent::GaveUp { worker: *worker, deaths: *deaths, why: why.clone() };
                event.fmt(f)
            }
            WorkersError::Loop(error) => error.fmt(f),
            WorkersError::Io(error) => error.fmt(f),
        }
    }
}

impl Error for WorkersError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WorkersError::Loop(error) => Some(error),
            WorkersError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LoopError> for WorkersError {
    fn from(error: LoopError) -> Self {
        match error {
            LoopError::Io(error) => WorkersError::Io(error),
            error => WorkersError::Loop(error),
        }
    }
}

impl From<io::Error> for WorkersError {
    fn from(error: io::Error) -> Self {
        WorkersError::Io(error)
    }
}

impl From<NotForked> for WorkersError {
    fn from(error: NotForked) -> Self {
        match error {
            NotForked::Threads(count) => WorkersError::Threads { count },
            NotForked::Kernel(error) => WorkersError::Io(error),
        }
    }
}

impl From<Failure> for WorkersError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Start { worker, why } => WorkersError::Start { worker, why },
            Failure::GaveUp { worker, deaths, why } => WorkersError::GaveUp { worker, deaths, why },
        }
    }
}

impl From<WorkersError> for io::Error {
    fn from(error: WorkersError) -> Self {
        match error {
            WorkersError::Io(error) => error,
            error => io::Error::other(error),
        }
    }
}
