//! Running a coroutine on a loop from another thread, and waiting for it there.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::join_error::JoinError;
use super::task::Task;
use crate::event_loop::{LoopError, LoopHandle};

/// How far the coroutine is, as the other thread sees it.
enum State<T> {
    /// It has not ended; whom to wake for a request to end.
    Pending { cancel: bool, waker: Option<Waker> },
    /// It has ended, and nobody has asked yet.
    Done(Result<T, JoinError>),
    /// Its result was taken.
    Taken,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    ended: Condvar,
}

impl<T> Shared<T> {
    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, result: Result<T, JoinError>) {
        let mut state = self.lock();
        if let State::Pending { .. } = *state {
            let old = std::mem::replace(&mut *state, State::Done(result));
            self.ended.notify_all();
            drop((state, old));
        }
    }

    /// Polls the task, after passing on a request to end.
    fn drive(&self, task: &mut Task<T>, context: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let mut asked = false;
        if let State::Pending { cancel, waker } = &mut *self.lock() {
            asked = std::mem::take(cancel);
            *waker = Some(context.waker().clone());
        }
        if asked {
            task.cancel();
        }
        Pin::new(task).poll(context)
    }
}

/// Settles as cancelled what ends without a result: its loop was closed.
struct Settle<T>(Arc<Shared<T>>);

impl<T> Drop for Settle<T> {
    fn drop(&mut self) {
        self.0.settle(Err(JoinError::Cancelled));
    }
}

/// A coroutine that runs on a loop, as another thread holds it.
/// ([`LoopHandle::run_coroutine_threadsafe`] gives it; `concurrent.futures.Future`)
///
/// Dropping it changes nothing: the coroutine runs on.
pub struct ThreadFuture<T>(Arc<Shared<T>>);

impl<T> ThreadFuture<T> {
    /// Whether the coroutine has ended.
    pub fn done(&self) -> bool {
        !matches!(*self.0.lock(), State::Pending { .. })
    }

    /// Asks it to end, as [`Task::cancel`]; `false` if it has ended already.
    pub fn cancel(&self) -> bool {
        let waker = match &mut *self.0.lock() {
            State::Pending { cancel, waker } => {
                *cancel = true;
                waker.take()
            }
            State::Done(_) | State::Taken => return false,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Blocks the thread until the coroutine has ended, and gives what it gave. On the loop's own
    /// thread that never comes.
    ///
    /// # Errors
    ///
    /// It was cancelled, it panicked, or its loop was closed.
    pub fn result(self) -> Result<T, JoinError> {
        let mut state = self.0.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(result) => return result,
                State::Taken => return Err(JoinError::Taken),
                pending => *state = pending,
            }
            state = self.0.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same, for at most `timeout`; itself again if the coroutine has not ended by then.
    ///
    /// # Errors
    ///
    /// `Err(self)` after `timeout`.
    pub fn result_timeout(self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        let state = self.0.lock();
        let pending = |state: &mut State<T>| matches!(state, State::Pending { .. });
        let waited = self.0.ended.wait_timeout_while(state, timeout, pending);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        if self.done() { Ok(self.result()) } else { Err(self) }
    }
}

impl<T> fmt::Debug for ThreadFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ThreadFuture {}>", if self.done() { "finished" } else { "pending" })
    }
}

impl LoopHandle {
    /// Runs what `coroutine` makes as a task of the loop, from any thread, and gives what that
    /// thread waits for it with. (`asyncio.run_coroutine_threadsafe`)
    ///
    /// It is made on the loop's thread, so it may hold what belongs there: a sleep, a stream, a
    /// task. Only what the closure captures, and the result, cross threads.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let event_loop = evloop::EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let asker = std::thread::spawn(move || {
    ///     let answer = handle.run_coroutine_threadsafe(|| async {
    ///         evloop::sleep(Duration::from_millis(1)).await;
    ///         42
    ///     });
    ///     let answer = answer.unwrap().result();
    ///     handle.stop().unwrap();
    ///     answer
    /// });
    /// event_loop.run_forever()?;
    /// assert_eq!(asker.join().unwrap().unwrap(), 42);
    /// # Ok::<(), evloop::LoopError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]: the closure is dropped here.
    pub fn run_coroutine_threadsafe<F>(
        &self,
        coroutine: impl FnOnce() -> F + Send + 'static,
    ) -> Result<ThreadFuture<F::Output>, LoopError>
    where
        F: Future<Output: Send> + 'static,
    {
        let pending = State::Pending { cancel: false, waker: None };
        let shared = Arc::new(Shared { state: Mutex::new(pending), ended: Condvar::new() });
        let settle = Settle(shared.clone());
        self.send(Box::new(move |event_loop| {
            // Called inside the task, so that a panic of the closure is the task's own.
            let mut task = event_loop.create_task(async move { coroutine().await });
            drop(event_loop.create_task(async move {
                let result = poll_fn(|context| settle.0.drive(&mut task, context)).await;
                settle.0.settle(result);
            }));
        }))?;
        Ok(ThreadFuture(shared))
    }
}
