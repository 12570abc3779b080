//! What went wrong in a group.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use super::super::join_error::JoinError;
use super::super::scope::Cancelled;
use crate::event_loop::panic_message;
use crate::observe::TaskId;

/// Why a [`task_group`](crate::task_group) has no value.
#[non_exhaustive]
pub enum GroupError<E> {
    /// These failed, in this order; never empty. (`ExceptionGroup`)
    Failed(Vec<GroupFailure<E>>),
    /// [`TaskGroup::cancel`](crate::TaskGroup::cancel) was called before the block had its value.
    Cancelled,
}

/// One failure in a group.
pub struct GroupFailure<E> {
    /// Which task; `None` is the group's own block.
    pub task: Option<TaskId>,
    /// What it failed with.
    pub cause: GroupCause<E>,
}

/// What a task of a group failed with.
pub enum GroupCause<E> {
    /// It returned this.
    Error(E),
    /// It panicked, with this.
    Panicked(Box<dyn Any + Send>),
}

impl<E> GroupError<E> {
    /// The failures; none if the group was cancelled.
    pub fn failures(&self) -> &[GroupFailure<E>] {
        match self {
            GroupError::Failed(failures) => failures,
            GroupError::Cancelled => &[],
        }
    }

    /// The errors that were returned, in order, without the panics.
    pub fn into_errors(self) -> Vec<E> {
        let GroupError::Failed(failures) = self else { return Vec::new() };
        let error = |failure: GroupFailure<E>| match failure.cause {
            GroupCause::Error(error) => Some(error),
            GroupCause::Panicked(_) => None,
        };
        failures.into_iter().filter_map(error).collect()
    }
}

impl<E: fmt::Display> fmt::Display for GroupCause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupCause::Error(error) => error.fmt(f),
            GroupCause::Panicked(payload) => {
                write!(f, "panicked: {}", panic_message(payload.as_ref()))
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = match self {
            GroupError::Cancelled => return f.write_str("the task group was cancelled"),
            GroupError::Failed(failures) => failures,
        };
        let number = failures.len();
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "unhandled errors in a task group ({number} error{plural})")?;
        for (place, GroupFailure { task, cause }) in failures.iter().enumerate() {
            let before = if place == 0 { ": " } else { "; " };
            match task {
                Some(task) => write!(f, "{before}{task:?}: {cause}")?,
                None => write!(f, "{before}{cause}")?,
            }
        }
        Ok(())
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupCause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupCause::Error(error) => write!(f, "Error({error:?})"),
            GroupCause::Panicked(payload) => {
                write!(f, "Panicked({:?})", panic_message(payload.as_ref()))
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupFailure")
            .field("task", &self.task)
            .field("cause", &self.cause)
            .finish()
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupError::Failed(failures) => f.debug_tuple("Failed").field(failures).finish(),
            GroupError::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl<E: Error> Error for GroupError<E> {}

/// Whether an error only says that its task was asked to end, as far as evloop can tell.
pub(super) fn is_cancellation<E: 'static>(error: &E) -> bool {
    let error: &dyn Any = error;
    let io = |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<Cancelled>());
    let dynamic = |error: &(dyn Error + 'static)| {
        error.is::<Cancelled>()
            || error.downcast_ref::<JoinError>().is_some_and(JoinError::is_cancelled)
            || error.downcast_ref().is_some_and(io)
    };
    error.is::<Cancelled>()
        || error.downcast_ref::<JoinError>().is_some_and(JoinError::is_cancelled)
        || error.downcast_ref().is_some_and(io)
        || error.downcast_ref::<Box<dyn Error>>().is_some_and(|error| dynamic(&**error))
        || error
            .downcast_ref::<Box<dyn Error + Send + Sync>>()
            .is_some_and(|error| dynamic(&**error))
}
