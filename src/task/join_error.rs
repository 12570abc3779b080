//! Why a task has no value.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use super::scope::Cancelled;
use crate::event_loop::panic_message;

/// Why a task has no value.
#[non_exhaustive]
pub enum JoinError {
    /// It was cancelled.
    Cancelled,
    /// It panicked, with this.
    Panicked(Box<dyn Any + Send>),
    /// Its loop is closed: it never began.
    LoopClosed,
    /// It never began: its [`TaskGroup`](crate::TaskGroup) is being cancelled.
    GroupShuttingDown,
    /// It never began: its [`TaskGroup`](crate::TaskGroup) is over.
    GroupFinished,
    /// It belongs to a different loop than the task that awaits it.
    DifferentLoop,
    /// It awaits itself.
    AwaitsItself,
    /// Its value was taken already.
    Taken,
    /// A job for a thread never began: its executor was shut down.
    ExecutorShutDown,
    /// A job for a thread never began: the kernel gives no thread.
    NoThread(io::Error),
    /// A job for a thread never began: the loop is simulated.
    Simulated,
}

impl JoinError {
    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled)
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("task was cancelled"),
            JoinError::Panicked(payload) => {
                write!(f, "task panicked: {}", panic_message(payload.as_ref()))
            }
            JoinError::LoopClosed => f.write_str("Event loop is closed: the task never began"),
            JoinError::GroupShuttingDown => {
                f.write_str("TaskGroup is shutting down: the task never began")
            }
            JoinError::GroupFinished => f.write_str("TaskGroup is finished: the task never began"),
            JoinError::DifferentLoop => {
                f.write_str("the task is attached to a different loop than the one that awaits it")
            }
            JoinError::AwaitsItself => f.write_str("Task cannot await on itself"),
            JoinError::Taken => f.write_str("the task's result was taken already"),
            JoinError::ExecutorShutDown => f.write_str(
                "cannot begin a job after the executor was shut down: give it one that is open",
            ),
            JoinError::NoThread(error) => write!(f, "the kernel gives no thread: {error}"),
            JoinError::Simulated => f.write_str(
                "a simulation has no threads, for they take real time: have World::after do in \
                 the world what the thread would, or test this part with testing::run_paused",
            ),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::NoThread(error) => error,
            error => io::Error::other(format!("{error}")),
        }
    }
}

/// See [`Cancelled`].
impl From<Cancelled> for JoinError {
    fn from(_: Cancelled) -> Self {
        JoinError::Cancelled
    }
}
