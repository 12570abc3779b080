//! Cancel scopes: where a task hears that it is asked to end.
//!
//! `request.rs` is what a scope hears, `tree.rs` which scopes are open in a task and who hears what,
//! `open.rs` one of them, as whoever polls its inside holds it.

mod open;
mod request;
mod tree;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) use open::OpenScope;
pub(super) use request::Request;
pub(super) use tree::Scopes;

use super::cell::Inside;

/// The task was asked to end. (`asyncio.CancelledError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(error: Cancelled) -> Self {
        io::Error::new(io::ErrorKind::Interrupted, error)
    }
}

/// Awaits `future`, and hears a request to end: when the task's
/// [`cancel`](crate::Task::cancel) is called and no scope further in is open, `future` is dropped
/// and this returns `Err(Cancelled)`. The caller may then clean up, with awaits, and return, or
/// swallow the request and go on.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let task = event_loop.create_task(async {
///     match evloop::cancel_scope(evloop::sleep(std::time::Duration::from_secs(60))).await {
///         Ok(()) => "slept",
///         Err(evloop::Cancelled) => "was woken early, and cleaned up",
///     }
/// });
/// task.cancel();
/// // The task had not begun, so it never runs a line.
/// assert!(event_loop.run_until_complete(task)?.is_err());
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Cancel safety
///
/// Dropping it drops `future`: the hard form of cancelling, which nobody hears.
///
/// # Unlike asyncio
///
/// There every `await` may raise `CancelledError`; here those inside a scope do.
pub fn cancel_scope<F: IntoFuture>(
    future: F,
) -> impl Future<Output = Result<F::Output, Cancelled>> {
    Inside::new(future.into_future(), OpenScope::hearing())
}

impl<F: Future> Future for Inside<F, OpenScope> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut place, scope) = self.project();
        let Some(future) = place.as_mut().as_pin_mut() else {
            return Poll::Ready(Err(Cancelled));
        };
        let outcome = match scope.poll(context.waker(), || future.poll(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(_) => Err(Cancelled),
        };
        scope.close();
        place.set(None);
        Poll::Ready(outcome)
    }
}
