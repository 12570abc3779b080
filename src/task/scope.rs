//! Cancel scopes: where a task hears that it is asked to end.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Poll, Waker};

use super::cell::with_current;

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

/// The scopes that are open in a task, the innermost last.
#[derive(Default)]
pub(crate) struct Scopes {
    next_id: u64,
    open: Vec<(u64, Option<Waker>)>,
}

impl Scopes {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How to have the innermost scope polled.
    pub(crate) fn innermost_waker(&self) -> Option<Waker> {
        self.open.last()?.1.clone()
    }

    /// The scope that a request would be delivered to.
    pub(crate) fn innermost(&self) -> Option<u64> {
        self.open.last().map(|(id, _)| *id)
    }

    fn enter(&mut self) -> u64 {
        self.next_id += 1;
        self.open.push((self.next_id, None));
        self.next_id
    }

    fn leave(&mut self, id: u64) {
        self.open.retain(|(open, _)| *open != id);
    }

    fn waits(&mut self, id: u64, waker: &Waker) {
        if let Some((_, place)) = self.open.iter_mut().find(|(open, _)| *open == id) {
            place.clone_from(&Some(waker.clone()));
        }
    }
}

/// A scope that is open in the current task, until dropped.
pub(super) struct OpenScope {
    id: Option<u64>,
}

impl OpenScope {
    /// Opens one in the current task; outside of tasks nobody can ask, so there is nothing to open.
    pub(super) fn enter() -> Self {
        let id = with_current(|header| header.with_extras(|extras| extras.scopes.enter()));
        OpenScope { id }
    }

    /// Takes a request that is to be delivered here.
    pub(super) fn take_request(&self) -> bool {
        let Some(id) = self.id else { return false };
        let here = with_current(|header| {
            header.must_cancel.get()
                && header.with_extras(|extras| extras.scopes.innermost() == Some(id))
                && header.must_cancel.replace(false)
        });
        here == Some(true)
    }

    /// Notes whom to wake for a request.
    pub(super) fn waits(&self, waker: &Waker) {
        if let Some(id) = self.id {
            with_current(|header| header.with_extras(|extras| extras.scopes.waits(id, waker)));
        }
    }
}

impl Drop for OpenScope {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            with_current(|header| header.with_extras(|extras| extras.scopes.leave(id)));
        }
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
pub async fn cancel_scope<F: IntoFuture>(future: F) -> Result<F::Output, Cancelled> {
    let mut future = pin!(Some(future.into_future()));
    let scope = OpenScope::enter();
    poll_fn(move |context| {
        if scope.take_request() {
            future.set(None);
            return Poll::Ready(Err(Cancelled));
        }
        scope.waits(context.waker());
        match future.as_mut().as_pin_mut() {
            Some(future) => future.poll(context).map(Ok),
            None => Poll::Ready(Err(Cancelled)),
        }
    })
    .await
}
