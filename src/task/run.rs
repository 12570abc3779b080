//! Running a loop until a future is done.

use std::cell::Cell;
use std::future::Future;
use std::panic::resume_unwind;
use std::rc::Rc;

use super::task::JoinError;
use crate::event_loop::{EventLoop, LoopError, WeakLoop};

/// Stops the loop when the future that `run_until_complete` waits for has ended, in whatever way:
/// it is dropped with the future. Once the run is over it does nothing.
struct StopWhenDropped {
    event_loop: WeakLoop,
    waiting: Rc<Cell<bool>>,
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        if self.waiting.get()
            && let Some(event_loop) = self.event_loop.upgrade()
        {
            EventLoop(event_loop).stop();
        }
    }
}

impl EventLoop {
    /// Runs until `future` is done, and gives its value. (`loop.run_until_complete`)
    ///
    /// `future` becomes a task of the loop. The loop is not closed afterwards; run it again as
    /// often as you like.
    ///
    /// # Errors
    ///
    /// Those of [`run_forever`](EventLoop::run_forever), and
    /// [`LoopError::StoppedBeforeCompletion`] if [`stop`](EventLoop::stop) was called first: the
    /// task is still pending then, and goes on with the next run.
    ///
    /// # Panics
    ///
    /// With `future`'s own panic, if it panics: as an exception of the main coroutine comes out of
    /// asyncio's. The loop is left in order.
    #[track_caller]
    pub fn run_until_complete<F>(&self, future: F) -> Result<F::Output, LoopError>
    where
        F: IntoFuture<IntoFuture: 'static>,
    {
        self.check_open()?;
        if self.is_running() {
            return Err(LoopError::Running);
        }
        let waiting = Rc::new(Cell::new(true));
        let stop = StopWhenDropped { event_loop: Rc::downgrade(&self.0), waiting: waiting.clone() };
        let future = future.into_future();
        let mut task = self.create_task(async move {
            let _stop = stop;
            future.await
        });
        let ended = self.run_forever();
        waiting.set(false);
        match task.result() {
            Some(Ok(value)) => Ok(value),
            Some(Err(JoinError::Panicked(payload))) => resume_unwind(payload),
            Some(Err(_)) | None => {
                ended?;
                Err(LoopError::StoppedBeforeCompletion)
            }
        }
    }
}

/// Runs `main` on a loop of its own, and closes that loop. (`asyncio.run`)
///
/// # Errors
///
/// [`LoopError::AnotherIsRunning`] inside a running loop, and those of
/// [`run_until_complete`](EventLoop::run_until_complete).
///
/// # Panics
///
/// With `main`'s own panic.
#[track_caller]
pub fn run<F: Future + 'static>(main: F) -> Result<F::Output, LoopError> {
    let event_loop = EventLoop::new()?;
    let result = event_loop.run_until_complete(main);
    event_loop.close()?;
    result
}
