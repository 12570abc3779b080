//! Driving a handler: from its first step to the last byte of its answer.
//!
//! One task does it all: the handler, then whatever of the answer is written while it is sent. A
//! handler whose first step is its last, and whose answer is bytes, never becomes a task of the
//! loop.
//!
//! What is sent during one step is gathered in the service's buffer, and leaves in one write when
//! the step is over.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::Connection;
use super::handler::Answer;
use crate::event_loop::Exception;
use crate::task::Task;

/// What remains to be done once an answer has begun.
pub(super) type Rest = Pin<Box<dyn Future<Output = ()>>>;

/// Whoever drives an exchange to its end. Dropped before, with a task that was cancelled, it leaves
/// a client that would wait for ever.
struct Driver {
    connection: Rc<Connection>,
    done: bool,
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.done {
            self.connection.abandoned();
        }
    }
}

impl Connection {
    /// Has the future that `handle` makes answer the request under way; gives the task if that
    /// waits. `name` is the handler's, for reports. (Not the future itself: that would be kept
    /// twice, once as it was given and once where it is polled.)
    pub(in crate::http) fn drive<F>(
        self: &Rc<Self>,
        name: &'static str,
        handle: impl FnOnce() -> F + 'static,
    ) -> Option<Task<()>>
    where
        F: Future<Output: Answer> + 'static,
    {
        let event_loop = self.event_loop()?;
        let driver = Driver { connection: self.clone(), done: false };
        event_loop.start_now(async move {
            let mut driver = driver;
            // What panics in the call itself panics in the first step.
            let mut handling = pin!(async move { handle().await });
            let mut rest: Option<Rest> = None;
            let connection = &driver.connection;
            poll_fn(|context| {
                connection.step_of_handler(|connection| {
                    if rest.is_none() {
                        match caught(handling.as_mut(), context) {
                            Ok(Poll::Pending) => return Poll::Pending,
                            Ok(Poll::Ready(output)) => match output.answer() {
                                Ok(mut response) => rest = connection.answered(&mut response),
                                Err(failure) => {
                                    let failure = Exception::Error(failure.into());
                                    connection.failed(name, failure);
                                }
                            },
                            Err(panic) => connection.failed(name, panic),
                        }
                    }
                    match &mut rest {
                        None => Poll::Ready(()),
                        Some(rest) => match caught(rest.as_mut(), context) {
                            Ok(step) => step,
                            Err(panic) => {
                                connection.broke_off(name, panic);
                                Poll::Ready(())
                            }
                        },
                    }
                })
            })
            .await;
            driver.done = true;
        })
    }

    /// A step of this connection's handler, and what follows from it.
    fn step_of_handler(self: &Rc<Self>, step: impl FnOnce(&Rc<Self>) -> Poll<()>) -> Poll<()> {
        if self.feeding.replace(true) {
            // The first step, in the middle of `feed`, which goes on by itself.
            return step(self);
        }
        self.begin();
        let polled = step(self);
        self.feeding.set(false);
        self.flush();
        self.go_on();
        polled
    }

    /// The task that was to answer is gone.
    #[cold]
    fn abandoned(&self) {
        if self.stage.borrow().exchange().is_some() {
            self.ends();
            self.transport.abort();
        }
    }
}

/// A step that may panic.
#[inline]
fn caught<F: Future + ?Sized>(
    future: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Result<Poll<F::Output>, Exception> {
    catch_unwind(AssertUnwindSafe(|| future.poll(context))).map_err(Exception::Panic)
}
