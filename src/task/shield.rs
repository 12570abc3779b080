//! Waiting for a task without being able to end it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::join_error::JoinError;
use super::task::Task;

/// A task's handle, or a loan of it.
pub trait TaskHandle:
    Future<Output = Result<Self::Value, JoinError>> + Unpin + sealed::Handle
{
    /// What the task comes to.
    type Value;
}

impl<T> TaskHandle for Task<T> {
    type Value = T;
}

impl<T> TaskHandle for &mut Task<T> {
    type Value = T;
}

pub(super) mod sealed {
    use crate::observe::Site;

    /// Only evloop has these.
    pub trait Handle {
        /// Whether who gives up waiting leaves the task alone.
        const SHIELDED: bool;
        /// Asks it to end.
        fn ask_to_end(&self, at: Site);
    }

    impl<T> Handle for crate::Task<T> {
        const SHIELDED: bool = false;

        fn ask_to_end(&self, at: Site) {
            self.cancel_at(at);
        }
    }

    impl<T> Handle for &mut crate::Task<T> {
        const SHIELDED: bool = false;

        fn ask_to_end(&self, at: Site) {
            self.cancel_at(at);
        }
    }
}

/// The future of [`shield`].
#[must_use = "a shield does nothing unless it is awaited"]
pub struct Shield<H>(H);

/// Awaits `task`, and keeps whoever gives up waiting from ending it: a
/// [`wait_for`](crate::wait_for) that runs out of time, a [`gather`](crate::gather) that is
/// dropped. The task runs on. (`asyncio.shield`)
///
/// To have the task afterwards, lend it: `shield(&mut task)`. What is no task yet becomes one by
/// [`spawn`](crate::spawn).
///
/// ```
/// use evloop::{WaitForError, shield, sleep, spawn, wait_for};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// let saved = event_loop.run_until_complete(async {
///     let mut save = spawn(async {
///         sleep(Duration::from_secs(2)).await;
///         "saved"
///     });
///     let early = wait_for(shield(&mut save), Duration::from_secs(1)).await;
///     assert!(matches!(early, Err(WaitForError::TimedOut)));
///     save.await
/// })?;
/// assert_eq!(saved.unwrap(), "saved");
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Cancel safety
///
/// Dropping it does not cancel the task. One that was not lent runs on detached, and what it fails
/// with then goes to the exception handler.
///
/// # Unlike asyncio
///
/// Awaiting a `Task` never ends it here, shielded or not: a cancelled task drops what it awaits, and
/// dropping a handle detaches.
pub fn shield<H: TaskHandle>(task: H) -> Shield<H> {
    Shield(task)
}

impl<H> Shield<H> {
    /// The task itself.
    pub fn into_inner(self) -> H {
        self.0
    }
}

impl<H: TaskHandle> Future for Shield<H> {
    type Output = Result<H::Value, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<H> sealed::Handle for Shield<H> {
    const SHIELDED: bool = true;

    fn ask_to_end(&self, _: crate::observe::Site) {}
}

impl<H: TaskHandle> TaskHandle for Shield<H> {
    type Value = H::Value;
}

impl<H: fmt::Debug> fmt::Debug for Shield<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Shield of {:?}>", self.0)
    }
}
