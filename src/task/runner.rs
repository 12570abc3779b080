//! Several runs on one loop.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;

use super::locals::Locals;
use crate::event_loop::{EventLoop, LoopError, get_running_loop};
use crate::observe::Site;

/// Runs one future after another on a loop of its own, and ends that loop as [`run`](crate::run)
/// does when it is closed or dropped. (`asyncio.Runner`)
///
/// Values of [`TaskLocal`](crate::TaskLocal)s that a main task sets are there in the next run's.
///
/// ```
/// let mut runner = evloop::Runner::new()?;
/// let listening = runner.run(async { evloop::spawn(async { 1 }) })?;
/// assert_eq!(runner.run(listening)?.unwrap(), 1);
/// runner.close()?;
/// # Ok::<(), evloop::LoopError>(())
/// ```
pub struct Runner {
    event_loop: EventLoop,
    locals: Locals,
    at: Site,
    /// Ctrl-C was pressed twice in a run.
    interrupted: Cell<bool>,
}

impl Runner {
    /// A runner on a new loop.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::new`].
    #[track_caller]
    pub fn new() -> Result<Runner, LoopError> {
        Ok(Runner::with_loop(EventLoop::new()?))
    }

    /// A runner on that loop, which it closes in the end. (`loop_factory`)
    #[track_caller]
    pub fn with_loop(event_loop: EventLoop) -> Runner {
        let at = Location::caller();
        Runner { event_loop, locals: Locals::default(), at, interrupted: Cell::new(false) }
    }

    /// The loop. (`Runner.get_loop`)
    pub fn get_loop(&self) -> EventLoop {
        self.event_loop.clone()
    }

    /// Runs until `main` is done, and gives its value. What it leaves behind goes on with the next
    /// run. (`Runner.run`)
    ///
    /// # Errors
    ///
    /// [`LoopError::AnotherIsRunning`] inside a running loop, [`LoopError::Closed`] after
    /// [`close`](Runner::close), and those of
    /// [`run_until_complete`](EventLoop::run_until_complete), which says what Ctrl-C does.
    ///
    /// # Panics
    ///
    /// With `main`'s own panic.
    #[track_caller]
    pub fn run<F: Future + 'static>(&mut self, main: F) -> Result<F::Output, LoopError> {
        if get_running_loop().is_ok() {
            return Err(LoopError::AnotherIsRunning);
        }
        let interrupts = Cell::new(0);
        let at = Location::caller();
        let result = self.event_loop.run_main(main, at, &interrupts, Some(&mut self.locals));
        self.interrupted.set(interrupts.get() > 1);
        result
    }

    /// Ends what is left, as [`run`](crate::run) does, and closes the loop; the second time it
    /// does nothing. (`Runner.close`)
    ///
    /// # Errors
    ///
    /// [`LoopError::Running`] if its loop is running.
    pub fn close(&mut self) -> Result<(), LoopError> {
        if self.event_loop.is_closed() {
            return Ok(());
        }
        if self.event_loop.is_running() {
            return Err(LoopError::Running);
        }
        if !self.interrupted.get() && get_running_loop().is_err() {
            self.event_loop.end_all_that_is_left(self.at);
        }
        self.event_loop.close().map(drop)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Whoever wants to know calls close().
        let _ = self.close();
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Runner of {:?}>", self.event_loop)
    }
}
