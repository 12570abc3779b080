//! Why a future gives no value, or takes none.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// Why a future gives no value.
#[derive(Clone)]
#[non_exhaustive]
pub enum FutureError {
    /// It was cancelled.
    Cancelled,
    /// [`set_exception`](crate::LoopFuture::set_exception) was called with this.
    Failed(Rc<dyn Error>),
    /// It has no result yet. Awaiting it never gives this.
    InvalidState(InvalidState),
    /// It belongs to a different loop than the task that awaits it.
    DifferentLoop,
}

/// The call does not fit the state that the future is in. (`asyncio.InvalidStateError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidState {
    /// It has no result yet: await it, or look at [`done`](crate::LoopFuture::done) first.
    Pending,
    /// It has a result already, and gets one once.
    Finished,
    /// It has an error already.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidState::Pending => "Result is not set: await the future, or ask done() first",
            InvalidState::Finished => "invalid state: the future has its result already",
            InvalidState::Failed => "invalid state: the future has its exception already",
            InvalidState::Cancelled => "invalid state: the future was cancelled",
        })
    }
}

impl Error for InvalidState {}

impl fmt::Display for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FutureError::Cancelled => f.write_str("future was cancelled"),
            FutureError::Failed(error) => error.fmt(f),
            FutureError::InvalidState(state) => state.fmt(f),
            FutureError::DifferentLoop => f.write_str(
                "the future is attached to a different loop than the task that awaits it",
            ),
        }
    }
}

impl fmt::Debug for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FutureError::Failed(error) => write!(f, "FutureError(Failed({error:?}))"),
            _ => write!(f, "FutureError({self})"),
        }
    }
}

impl Error for FutureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FutureError::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<InvalidState> for FutureError {
    fn from(state: InvalidState) -> Self {
        FutureError::InvalidState(state)
    }
}
