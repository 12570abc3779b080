//! What can be wrong with a call of the loop.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::RawFd;

/// Why the loop refused, or ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoopError {
    /// The loop is closed. Make a new one.
    Closed,
    /// This loop is running already: a callback or task cannot run it again, nor close it.
    Running,
    /// Another loop is running in this thread; a thread runs one at a time.
    AnotherIsRunning,
    /// `stop` was called before the future was done. Its task is still there and goes on with the
    /// next run.
    StoppedBeforeCompletion,
    /// A second Ctrl-C came before the first had ended the run.
    Interrupted,
    /// The thread has no current loop: `set_event_loop` sets one, `new_event_loop` makes one. Only
    /// the main thread gets one by itself.
    NoCurrentLoop,
    /// No loop is running in this thread: the call belongs inside a callback or task.
    NotRunning,
    /// A transport owns the descriptor: it reads and writes it itself.
    UsedByTransport {
        /// The descriptor.
        fd: RawFd,
    },
    /// The signal cannot be caught: SIGKILL, SIGSTOP, or a number that is no signal.
    UncatchableSignal {
        /// Its number.
        signal: i32,
    },
    /// The loop was made before a fork and belongs to the parent process.
    Forked,
    /// The kernel refused.
    Io(io::Error),
}

impl fmt::Display for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopError::Closed => f.write_str("Event loop is closed"),
            LoopError::Running => f.write_str(
                "This event loop is already running: await the future, or call stop() and let \
                 the run end first",
            ),
            LoopError::AnotherIsRunning => {
                f.write_str("Cannot run the event loop while another loop is running")
            }
            LoopError::StoppedBeforeCompletion => {
                f.write_str("Event loop stopped before Future completed.")
            }
            LoopError::Interrupted => f.write_str("Interrupted by a second Ctrl-C"),
            LoopError::NoCurrentLoop => f.write_str(
                "There is no current event loop in this thread: make one with new_event_loop() \
                 and set it with set_event_loop()",
            ),
            LoopError::NotRunning => f.write_str("no running event loop"),
            LoopError::UsedByTransport { fd } => {
                write!(f, "File descriptor {fd} is used by a transport, which watches it itself")
            }
            LoopError::UncatchableSignal { signal } => write!(f, "sig {signal} cannot be caught"),
            LoopError::Forked => f.write_str(
                "This event loop belongs to the parent process: make a new one after fork()",
            ),
            LoopError::Io(error) => error.fmt(f),
        }
    }
}

impl Error for LoopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoopError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        LoopError::Io(error)
    }
}

impl From<LoopError> for io::Error {
    fn from(error: LoopError) -> Self {
        match error {
            LoopError::Io(error) => error,
            other => io::Error::other(other),
        }
    }
}
