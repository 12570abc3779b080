//! Driving a handler: from its first step to the last byte of its answer.
//!
//! One task does it all: the handler, then whatever of the answer is written while it is sent. A
//! handler whose first step is its last, and whose answer is bytes, never becomes a task of the
//! loop.
//!
//! What is sent during one step is gathered in the service's buffer, and leaves in one write when
//! the step is over.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::Connection;
use super::handler::Answer;
use crate::event_loop::Exception;
use crate::http::response::Response;
use crate::task::{Inside, Spare, Task};

/// What remains to be done once an answer has begun.
pub(super) type Rest = Pin<Box<dyn Future<Output = ()>>>;

/// What drives an exchange to its end, beside the handler's future.
struct Driver<C> {
    connection: Rc<Connection>,
    /// The handler's, for reports.
    name: &'static str,
    /// Makes the handler's future, in the first step: what panics in the call itself panics there.
    handle: Option<C>,
    rest: Option<Rest>,
    done: bool,
}

/// Dropped before the end, with a task that was cancelled, it leaves a client that would wait for
/// ever.
impl<C> Drop for Driver<C> {
    fn drop(&mut self) {
        if !self.done {
            self.connection.abandoned();
        }
    }
}

/// The handler's future and its driver. (An `async` block would hold the former twice, once as it
/// was given and once where it is polled, and move all of it into place.)
impl<F, C> Future for Inside<F, Driver<C>>
where
    F: Future<Output: Answer>,
    C: FnOnce() -> F,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (handling, driver) = self.project();
        let first = driver.connection.step_begins();
        let polled = driver.step(handling, context);
        driver.done = polled.is_ready();
        if !first {
            driver.connection.step_ends();
        }
        polled
    }
}

impl<C> Driver<C> {
    #[inline(always)]
    fn step<F>(&mut self, handling: Pin<&mut Option<F>>, context: &mut Context<'_>) -> Poll<()>
    where
        F: Future<Output: Answer>,
        C: FnOnce() -> F,
    {
        if self.rest.is_none() {
            let mut polled = caught(|| self.step_of_handling(handling, context));
            if let Ok(Poll::Ready(Ok(response))) = &mut polled {
                // Where it is: it is large.
                self.rest = self.connection.answered(response);
            } else if self.has_failed(polled).is_pending() {
                return Poll::Pending;
            }
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(()) };
        caught(|| rest.as_mut().poll(context)).unwrap_or_else(|panic| {
            self.connection.broke_off(self.name, panic);
            Poll::Ready(())
        })
    }

    /// The handler has come to no response; it may still.
    fn has_failed(&self, polled: Result<Poll<Result<Response, String>>, Exception>) -> Poll<()> {
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(_))) => {}
            Ok(Poll::Ready(Err(failure))) => {
                self.connection.failed(self.name, Exception::Error(failure.into()));
            }
            Err(panic) => self.connection.failed(self.name, panic),
        }
        Poll::Ready(())
    }

    #[inline(always)]
    fn step_of_handling<F>(
        &mut self,
        mut handling: Pin<&mut Option<F>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Response, String>>
    where
        F: Future<Output: Answer>,
        C: FnOnce() -> F,
    {
        if let Some(handle) = self.handle.take() {
            handling.set(Some(handle()));
        }
        match handling.as_pin_mut() {
            Some(handling) => handling.poll(context).map(Answer::answer),
            None => Poll::Pending,
        }
    }
}

impl Connection {
    /// Has the future that `handle` makes answer the request under way; gives the task if that
    /// waits. `name` is the handler's, for reports, and `spare` its own.
    pub(in crate::http) fn drive<F>(
        self: &Rc<Self>,
        name: &'static str,
        spare: &Spare,
        handle: impl FnOnce() -> F + 'static,
    ) -> Option<Task<()>>
    where
        F: Future<Output: Answer> + 'static,
    {
        let connection = self.clone();
        let driver = Driver { connection, name, handle: Some(handle), rest: None, done: false };
        self.event_loop()?.start_now(spare, Inside::before(driver))
    }

    /// A step of this connection's handler begins; says whether it is the first, in the middle of
    /// `feed`, which goes on by itself. After every other [`step_ends`](Self::step_ends).
    #[inline]
    fn step_begins(&self) -> bool {
        let first = self.feeding.replace(true);
        if !first {
            self.begin();
        }
        first
    }

    #[inline(never)]
    fn step_ends(self: &Rc<Self>) {
        self.feeding.set(false);
        self.flush();
        self.go_on();
    }

    /// The task that was to answer is gone.
    #[cold]
    fn abandoned(&self) {
        if self.stage.borrow().exchange().is_some() {
            self.ends(false);
            self.transport.abort();
        }
    }
}

/// A step that may panic.
#[inline(always)]
fn caught<T>(step: impl FnOnce() -> T) -> Result<T, Exception> {
    catch_unwind(AssertUnwindSafe(step)).map_err(Exception::Panic)
}
