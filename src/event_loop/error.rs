//! What can be wrong with a call of the loop.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::RawFd;

/// Why the loop refused, or ended early.
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
    /// Ctrl-C was pressed: the main task was asked to end and ended cancelled, or Ctrl-C was pressed
    /// again before it did. (`KeyboardInterrupt`)
    Interrupted,
    /// The main task was cancelled, and not by Ctrl-C. (`asyncio.CancelledError`)
    Cancelled,
    /// The thread has no current loop: `set_event_loop` sets one, `new_event_loop` makes one. Only
    /// the main thread gets one by itself.
    NoCurrentLoop,
    /// No loop is running in this thread: the call belongs inside a callback or task.
    NotRunning,
    /// The thread has ended and its thread-locals are being destroyed: no loop runs in it any more.
    ThreadEnds,
    /// The loop was made before a fork(2), and this process is the child. Rebuild it with
    /// [`after_fork_child`](crate::EventLoop::after_fork_child), or close it and make another:
    /// neither disturbs the parent.
    Forked {
        /// The process it belongs to.
        owner: u32,
    },
    /// A transport owns the descriptor: it reads and writes it itself.
    UsedByTransport {
        /// The descriptor.
        fd: RawFd,
    },
    /// The signal cannot be caught: SIGKILL, SIGSTOP, a number that is no signal, or one that tells
    /// of a fault (SIGSEGV and its kin), which a handler that returns would meet again for ever.
    UncatchableSignal {
        /// Its number.
        signal: i32,
    },
    /// Another loop of this process handles the signal: a signal has one loop at a time.
    SignalTaken {
        /// Its number.
        signal: i32,
    },
    /// The kernel refused.
    Io(io::Error),
}

/// In words, as `Display`: this is what a `main` that returns it prints.
impl fmt::Debug for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
            LoopError::Interrupted => f.write_str("Interrupted by Ctrl-C"),
            LoopError::Cancelled => f.write_str("The main task was cancelled"),
            LoopError::ThreadEnds => {
                f.write_str("The thread has ended: no event loop runs in its destructors")
            }
            LoopError::NoCurrentLoop => f.write_str(
                "There is no current event loop in this thread: make one with new_event_loop() \
                 and set it with set_event_loop()",
            ),
            LoopError::NotRunning => f.write_str("no running event loop"),
            LoopError::Forked { owner } => write!(
                f,
                "This event loop belongs to process {owner}, of which this one is a fork: call \
                 after_fork_child() on it, or close it and make a new one"
            ),
            LoopError::UsedByTransport { fd } => {
                write!(f, "File descriptor {fd} is used by a transport, which watches it itself")
            }
            LoopError::UncatchableSignal { signal } => write!(f, "sig {signal} cannot be caught"),
            LoopError::SignalTaken { signal } => {
                write!(f, "sig {signal} is handled by another event loop: remove its handler first")
            }
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
