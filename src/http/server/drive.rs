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
use crate::task::{Inside, Spare, Task};

/// What remains to be done once an answer has begun.
pub(super) type Rest = Pin<Box<dyn Future<Output = ()>>>;

/// What drives an exchange to its end, beside the handler's future.
pub(in crate::http) struct Driver {
    connection: Rc<Connection>,
    /// The handler's, for reports.
    name: &'static str,
    rest: Option<Rest>,
    done: bool,
}

/// A task that answers: the handler's future and, as soon as it waits, its driver. (An `async`
/// block would hold the former twice, once as it was given and once where it is polled, and move
/// all of it into place.)
pub(in crate::http) type Driven<F> = Inside<F, Option<Driver>>;

/// Dropped before the end, with a task that was cancelled, it leaves a client that would wait for
/// ever.
impl Drop for Driver {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.connection.abandoned();
        }
    }
}

/// Every step but the first, which is in [`Connection::drive`].
impl<F: Future<Output: Answer>> Future for Driven<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (handling, driver) = self.project();
        let Some(driver) = driver else { return Poll::Ready(()) };
        let inside = driver.connection.step_begins();
        let polled = driver.step(handling, context);
        if !inside {
            driver.connection.step_ends();
        }
        polled
    }
}

impl Driver {
    /// Takes what the handler's last step has left to be done on, if there was one.
    fn step<F>(&mut self, handling: Pin<&mut Option<F>>, context: &mut Context<'_>) -> Poll<()>
    where
        F: Future<Output: Answer>,
    {
        if self.rest.is_none() {
            let step = || poll(handling, context);
            match self.connection.step_of_handler(self.name, step) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(rest) => self.rest = rest,
            }
        }
        self.step_of_rest(context)
    }

    fn step_of_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let polled = match &mut self.rest {
            Some(rest) => caught(|| rest.as_mut().poll(context)).unwrap_or_else(|panic| {
                self.connection.broke_off(self.name, panic);
                Poll::Ready(())
            }),
            None => Poll::Ready(()),
        };
        self.done = polled.is_ready();
        polled
    }
}

#[inline(always)]
fn poll<F: Future>(future: Pin<&mut Option<F>>, context: &mut Context<'_>) -> Poll<F::Output> {
    future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(context))
}

impl Connection {
    /// Has the future that `handle` makes answer the request under way; gives the task if that
    /// waits. `name` is the handler's, for reports, and `spare` its own.
    ///
    /// The first step is taken here, in the middle of `feed`, and the call of `handle` belongs to
    /// it: what panics there panics in the task.
    #[inline]
    pub(in crate::http) fn drive<F>(
        self: &Rc<Self>,
        name: &'static str,
        spare: &Spare<Driven<F>>,
        handle: impl FnOnce() -> F,
    ) -> Option<Task<()>>
    where
        F: Future<Output: Answer> + 'static,
    {
        // Moved only where it is called.
        let mut handle = Some(handle);
        self.event_loop()?.start_now(spare, |inside, context| {
            let (mut handling, place) = inside.project();
            let stepped = self.step_of_handler(name, || {
                handling.set(handle.take().map(|handle| handle()));
                poll(handling.as_mut(), context)
            });
            match stepped {
                Poll::Ready(None) => {
                    handling.set(None);
                    Poll::Ready(())
                }
                Poll::Ready(rest) => {
                    handling.set(None);
                    self.goes_on(name, rest, place, context)
                }
                Poll::Pending => {
                    *place = Some(self.driver(name, None));
                    Poll::Pending
                }
            }
        })
    }

    #[inline(never)]
    fn driver(self: &Rc<Self>, name: &'static str, rest: Option<Rest>) -> Driver {
        Driver { connection: self.clone(), name, rest, done: false }
    }

    /// The handler has come to an answer in its first step, and that is not all.
    #[inline(never)]
    fn goes_on(
        self: &Rc<Self>,
        name: &'static str,
        rest: Option<Rest>,
        place: &mut Option<Driver>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut driver = self.driver(name, rest);
        let polled = driver.step_of_rest(context);
        if polled.is_pending() {
            *place = Some(driver);
        }
        polled
    }

    /// A step of the handler; if it is its last, its answer begins, and what is given remains to be
    /// done for it.
    #[inline(always)]
    fn step_of_handler<A: Answer>(
        self: &Rc<Self>,
        name: &'static str,
        step: impl FnOnce() -> Poll<A>,
    ) -> Poll<Option<Rest>> {
        let mut answers = false;
        let stepped = caught(|| match step().map(Answer::answer) {
            Poll::Pending => Poll::Pending,
            // Where it is: it is large.
            Poll::Ready(Ok(ref mut response)) => {
                answers = true;
                Poll::Ready(Ok(self.answered(response)))
            }
            Poll::Ready(Err(failure)) => Poll::Ready(Err(failure)),
        });
        match stepped {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(rest))) => Poll::Ready(rest),
            Ok(Poll::Ready(Err(failure))) => {
                self.failed(name, Exception::Error(failure.into()));
                Poll::Ready(None)
            }
            Err(panic) => {
                self.panicked(name, panic, answers);
                Poll::Ready(None)
            }
        }
    }

    /// The handler panicked, or what it gave as its answer did.
    #[cold]
    fn panicked(self: &Rc<Self>, name: &'static str, panic: Exception, answers: bool) {
        if answers {
            self.cut(&format!("The answer of the handler {name} panicked"), panic);
        } else {
            self.failed(name, panic);
        }
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
