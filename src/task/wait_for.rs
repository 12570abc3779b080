//! Waiting for a task for a limited time, and ending it when that is over.
//!
//! ```text
//! from      inner ends   time is up           the caller is asked to end
//! Waiting   its outcome  inner asked: Ending  inner asked: Ending
//! Ending    TimedOut, or, if it does not end cancelled, its outcome; or the caller's request
//! ```

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::join_error::JoinError;
use super::scope::{OpenScope, Request};
use super::shield::TaskHandle;
use super::sleep::{Sleep, sleep};
use super::timeout::TimedOut;
use crate::observe::Site;

/// Why [`wait_for`] has no value.
#[derive(Debug)]
pub enum WaitForError {
    /// The time ran out, and the task was cancelled. (`asyncio.TimeoutError`)
    TimedOut,
    /// The task has none: by itself, or it panicked while it was being cancelled.
    Join(JoinError),
}

impl fmt::Display for WaitForError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitForError::TimedOut => TimedOut.fmt(f),
            WaitForError::Join(error) => error.fmt(f),
        }
    }
}

impl Error for WaitForError {}

impl From<WaitForError> for io::Error {
    fn from(error: WaitForError) -> Self {
        match error {
            WaitForError::TimedOut => TimedOut.into(),
            WaitForError::Join(error) => error.into(),
        }
    }
}

/// The future of [`wait_for`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct WaitFor<H: TaskHandle> {
    task: Option<H>,
    limit: Option<Sleep>,
    /// There is no time at all.
    no_time: bool,
    scope: OpenScope,
    timed_out: bool,
    /// What the caller was asked meanwhile.
    heard: Request,
    handed_on: bool,
    at: Site,
}

/// Waits for `task` for at most `limit`; then cancels it, waits until it has ended, and fails with
/// [`WaitForError::TimedOut`]. Without a limit (`None`) it waits as long as the task takes.
/// (`asyncio.wait_for`, as it is since Python 3.12)
///
/// What is to be limited and is no task has [`timeout`](crate::timeout), which drops it: a future
/// that is dropped has ended. `wait_for(shield(&mut task), limit)` leaves the task alone.
///
/// If the task, being cancelled, comes to a value or panics, that is the outcome. With a limit of
/// zero, a task that has ended already still gives its value, and one that has not begun never runs
/// a line.
///
/// ```
/// use evloop::{WaitForError, cancel_scope, sleep, spawn, wait_for};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// let outcome = event_loop.run_until_complete(async {
///     let nap = spawn(sleep(Duration::from_secs(60)));
///     wait_for(nap, Duration::from_secs(1)).await
/// })?;
/// assert!(matches!(outcome, Err(WaitForError::TimedOut)));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors
///
/// [`WaitForError`].
///
/// # Panics
///
/// When it is polled outside a running loop, with a limit.
///
/// # Cancel safety
///
/// It is a cancel scope of its own: when the task that waits is asked to end, the inner task is
/// cancelled, its end is awaited, and then the request goes on to the scope outside; what the
/// inner task came to is dropped, and nothing behind the await runs unless a scope lets it.
/// Dropping it, the hard form, cancels the inner task and waits for nothing.
#[track_caller]
pub fn wait_for<H: TaskHandle>(task: H, limit: impl Into<Option<Duration>>) -> WaitFor<H> {
    let limit = limit.into();
    WaitFor {
        task: Some(task),
        no_time: limit == Some(Duration::ZERO),
        limit: limit.map(sleep),
        scope: OpenScope::hearing(),
        timed_out: false,
        heard: Request::default(),
        handed_on: false,
        at: std::panic::Location::caller(),
    }
}

impl<H: TaskHandle> WaitFor<H> {
    /// Takes a request that the caller end.
    fn hear(&mut self, context: &Context<'_>) {
        if let Err(request) = self.scope.poll(context.waker(), || ()) {
            self.heard = self.heard.and(request);
            self.end();
        }
    }

    /// Asks the task to end, or leaves it alone if it is shielded.
    fn end(&mut self) {
        self.no_time = false;
        self.limit = None;
        match &self.task {
            Some(task) if !H::SHIELDED => task.ask_to_end(self.at),
            _ => self.task = None,
        }
    }

    fn is_out_of_time(&mut self, context: &mut Context<'_>) -> bool {
        let limit = self.limit.as_mut();
        self.no_time || limit.is_some_and(|limit| Pin::new(limit).poll(context).is_ready())
    }

    /// How the task ended, once it has; `None` if it was let go.
    fn poll_task(&mut self, context: &mut Context<'_>) -> Poll<Option<TaskOutcome<H>>> {
        let Some(task) = &mut self.task else { return Poll::Ready(None) };
        let outcome = Pin::new(&mut *task).poll(context);
        outcome.map(|outcome| {
            self.task = None;
            Some(outcome)
        })
    }
}

type TaskOutcome<H> = Result<<H as TaskHandle>::Value, JoinError>;

impl<H: TaskHandle> Unpin for WaitFor<H> {}

impl<H: TaskHandle> Future for WaitFor<H> {
    type Output = Result<H::Value, WaitForError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.handed_on {
            return Poll::Pending;
        }
        self.hear(context);
        let mut polled = self.poll_task(context);
        if polled.is_pending() && self.is_out_of_time(context) {
            self.timed_out = true;
            self.end();
            polled = self.poll_task(context);
        }
        let Poll::Ready(outcome) = polled else { return Poll::Pending };
        self.limit = None;
        if self.heard.is_from_outside() {
            let heard = self.heard;
            self.handed_on = true;
            self.scope.hand_on(heard, context.waker());
            return Poll::Pending;
        }
        self.scope.close();
        Poll::Ready(match outcome {
            Some(Ok(value)) => Ok(value),
            None | Some(Err(JoinError::Cancelled)) if self.timed_out => Err(WaitForError::TimedOut),
            None => Err(WaitForError::Join(JoinError::Taken)),
            Some(Err(error)) => Err(WaitForError::Join(error)),
        })
    }
}

impl<H: TaskHandle> Drop for WaitFor<H> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.ask_to_end(self.at);
        }
    }
}
