//! A job in a thread, as its loop awaits it.
//!
//! ```text
//! from        the thread has the result   the future is dropped
//! Pending     Done; wakes                 Abandoned; a job that has not begun is taken out
//! Done        –                           Abandoned; the result is dropped here
//! Abandoned   the result is dropped there –
//! ```

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::super::join_error::JoinError;
use crate::event_loop::{Job, JobId, Pool, RealWork, Refused};
use crate::observe::{Resource, Site, note_wait};

enum State<T> {
    /// Nobody has a result; who waits for it, and what keeps virtual time from jumping meanwhile.
    Pending {
        waiter: Option<Waker>,
        real: RealWork,
    },
    Done(Result<T, JoinError>),
    /// Nobody waits for a result; or it was taken.
    Abandoned,
}

/// What the thread and the one who waits share.
struct Answer<T>(Mutex<State<T>>);

impl<T> Answer<T> {
    /// Neither side panics while it holds the lock: nothing of anybody else's is dropped under it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread has a result.
    fn settle(&self, result: Result<T, JoinError>) {
        let mut state = self.lock();
        if !matches!(*state, State::Pending { .. }) {
            drop(state);
            return drop(result);
        }
        let old = std::mem::replace(&mut *state, State::Done(result));
        drop(state);
        if let State::Pending { waiter, real } = old {
            waiter.into_iter().for_each(Waker::wake);
            // Behind the waker: its letter comes before time may jump.
            drop(real);
        }
    }

    fn is_pending(&self) -> bool {
        matches!(*self.lock(), State::Pending { .. })
    }

    /// Takes the result, or leaves a waker.
    fn poll(&self, context: &Context<'_>) -> Poll<Result<T, JoinError>> {
        let mut state = self.lock();
        match &mut *state {
            State::Pending { waiter, .. } => {
                if waiter.as_ref().is_some_and(|waiter| waiter.will_wake(context.waker())) {
                    return Poll::Pending;
                }
                let old = waiter.replace(context.waker().clone());
                drop(state);
                drop(old);
                Poll::Pending
            }
            State::Done(_) => match std::mem::replace(&mut *state, State::Abandoned) {
                State::Done(result) => Poll::Ready(result),
                _ => Poll::Ready(Err(JoinError::Taken)),
            },
            State::Abandoned => Poll::Ready(Err(JoinError::Taken)),
        }
    }
}

/// A job that was given to a pool.
struct Submitted<T> {
    answer: Arc<Answer<T>>,
    pool: Arc<Pool>,
    job: JobId,
}

impl<T> Drop for Submitted<T> {
    fn drop(&mut self) {
        let old = std::mem::replace(&mut *self.answer.lock(), State::Abandoned);
        if let State::Pending { .. } = old {
            self.pool.remove(self.job);
        }
        drop(old);
    }
}

enum Stage<T> {
    Submitted(Submitted<T>),
    /// It never began, or its result was taken.
    Over(Option<JoinError>),
}

/// A job that runs in another thread, and that yields its value to whoever awaits it.
/// ([`run_in_executor`](crate::EventLoop::run_in_executor) gives it)
///
/// # Errors
///
/// When awaited, [`JoinError`]: the job panicked, or never began because the executor was shut
/// down, the loop is closed or simulated, or the kernel gives no thread.
///
/// # Cancel safety
///
/// Dropping it, also when the task that awaits it is cancelled, abandons the job: one that has not
/// begun never runs and is dropped here; one that runs goes on to its end, for a thread cannot be
/// stopped, and its value is dropped there. Awaiting `&mut` of it instead loses nothing.
#[must_use = "a job whose future is dropped before it begins never runs"]
pub struct ExecutorFuture<T> {
    stage: Stage<T>,
    at: Site,
}

impl<T> ExecutorFuture<T> {
    /// Whether the job has ended, or never will begin.
    pub fn done(&self) -> bool {
        match &self.stage {
            Stage::Submitted(submitted) => !submitted.answer.is_pending(),
            Stage::Over(_) => true,
        }
    }

    /// One that is over before it began.
    pub(super) fn refused(error: JoinError, at: Site) -> Self {
        ExecutorFuture { stage: Stage::Over(Some(error)), at }
    }
}

impl<T: Send + 'static> ExecutorFuture<T> {
    /// Has `pool` call `f`.
    pub(super) fn submit(
        pool: &Arc<Pool>,
        real: RealWork,
        f: impl FnOnce() -> T + Send + 'static,
        at: Site,
    ) -> Self {
        let answer = Arc::new(Answer(Mutex::new(State::Pending { waiter: None, real })));
        let theirs = answer.clone();
        let job: Job = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(f)).map_err(JoinError::Panicked);
            theirs.settle(result);
        });
        match pool.submit(job) {
            Ok(job) => {
                let submitted = Submitted { answer, pool: pool.clone(), job };
                ExecutorFuture { stage: Stage::Submitted(submitted), at }
            }
            Err(Refused::ShutDown) => Self::refused(JoinError::ExecutorShutDown, at),
            Err(Refused::NoThread(error)) => Self::refused(JoinError::NoThread(error), at),
        }
    }
}

impl<T> Future for ExecutorFuture<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = match &mut self.stage {
            Stage::Submitted(submitted) => submitted.answer.poll(context),
            Stage::Over(error) => Poll::Ready(Err(error.take().unwrap_or(JoinError::Taken))),
        };
        if polled.is_pending() {
            note_wait(Some(self.at), Resource::Other("a job in a thread"));
        }
        polled
    }
}

impl<T> fmt::Debug for ExecutorFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.done() { "finished" } else { "pending" };
        write!(f, "<ExecutorFuture {state} at {}>", self.at)
    }
}
