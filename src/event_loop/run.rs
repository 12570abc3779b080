//! Running a loop: until it is stopped, or one turn at a time.

use std::time::Duration;

use super::current::RunningGuard;
use super::error::LoopError;
use super::residents::CloseReport;
use super::{EventLoop, State};
use crate::observe::Record;
use crate::sys::zoo::{self, Bug};

/// Why a run came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// [`EventLoop::stop`] was called.
    Stopped,
    /// Ctrl-C was pressed.
    Interrupted,
}

/// While it lives, the loop is running.
struct Run<'a> {
    event_loop: &'a EventLoop,
    _guard: RunningGuard,
}

impl<'a> Run<'a> {
    fn begin(event_loop: &'a EventLoop) -> Result<Self, LoopError> {
        event_loop.check_open()?;
        event_loop.0.check_process()?;
        match event_loop.0.state.get() {
            State::Closed => return Err(LoopError::Closed),
            State::Running => return Err(LoopError::Running),
            State::Idle => {}
        }
        let guard = RunningGuard::enter(event_loop)?;
        event_loop.0.state.set(State::Running);
        if zoo::is(Bug::StopBeforeRunLost) {
            event_loop.0.stopping.set(false);
        }
        if let Some(host) = event_loop.0.host() {
            host.leave(&event_loop.0);
        }
        // The first turn of a run always polls.
        event_loop.0.handles_until_poll.set(0);
        Ok(Run { event_loop, _guard: guard })
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let inner = &self.event_loop.0;
        inner.end_interruptible();
        inner.stopping.set(false);
        // A child of fork(2) may have closed it in the middle of the turn.
        if inner.state.get() == State::Running {
            inner.state.set(State::Idle);
            inner.return_to_host();
        }
    }
}

impl EventLoop {
    /// Runs until [`stop`](EventLoop::stop) is called, or Ctrl-C is pressed. (`loop.run_forever`)
    ///
    /// On the main thread, if SIGINT does what it does by default, the run answers Ctrl-C: it ends
    /// after the turn that is under way with [`Ended::Interrupted`], and everything is as it was
    /// left, so that the program can close what it opened. If a callback hogs the thread so that
    /// no turn notices, a second Ctrl-C ends the process as it would have without evloop. A
    /// handler added for SIGINT ([`add_signal_handler`](EventLoop::add_signal_handler)) is called
    /// in place of all this. After the run SIGINT does again what it did.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::Running`] if it is running already;
    /// [`LoopError::AnotherIsRunning`] if another loop runs in this thread;
    /// [`LoopError::Forked`] in a child of fork(2), also where a callback forked and the child
    /// came back from it; [`LoopError::Io`] if the selector fails.
    pub fn run_forever(&self) -> Result<Ended, LoopError> {
        self.run_turns(|| true, || false)
    }

    /// Runs until `stop` is called, `over` says so, or `interrupted` does, which is asked at each
    /// Ctrl-C.
    pub(crate) fn run_turns(
        &self,
        mut interrupted: impl FnMut() -> bool,
        mut over: impl FnMut() -> bool,
    ) -> Result<Ended, LoopError> {
        let _run = Run::begin(self)?;
        self.0.begin_interruptible();
        loop {
            self.0.run_once(self, None)?;
            self.0.check_same_process()?;
            if self.0.take_ctrl_c() && interrupted() {
                return Ok(Ended::Interrupted);
            }
            if self.0.stopping.get() || over() {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// One turn of the loop, for programs that have a loop of their own: waits at most `timeout`
    /// for something to happen (`None` is without end, [`Duration::ZERO`] not at all), and runs
    /// the handles that are ready then.
    ///
    /// The wait ends early for a timer, and there is none while handles are ready. In a run
    /// ([`run_forever`](EventLoop::run_forever)) a turn that has handles ready may do without asking
    /// the kernel, for at most 64 handles, or 50 µs and another 8 handles, since it last did;
    /// `run_once` always asks. Ctrl-C is none of its business: that stays with the program whose
    /// loop it is.
    ///
    /// # Errors
    ///
    /// As [`run_forever`](EventLoop::run_forever).
    pub fn run_once(&self, timeout: Option<Duration>) -> Result<(), LoopError> {
        let _run = Run::begin(self)?;
        self.0.run_once(self, timeout)
    }

    /// Ends the run after the turn that is under way: everything that is ready in it still runs.
    /// Called before a run, it lets that run do one turn, without waiting. (`loop.stop`)
    pub fn stop(&self) {
        self.0.observe.tell(|| Record::Stop);
        self.0.stopping.set(true);
        self.0.tell_host();
    }

    /// Closes the loop: pending tasks are dropped, transports closed, handles and timers freed
    /// without being called, descriptors no longer watched. Does nothing the second time.
    /// (`loop.close`)
    ///
    /// What was still alive is in the report.
    ///
    /// In a child of fork(2) it closes what the child has of its parent's loop, and nothing of the
    /// parent's; there that works inside a callback, too.
    ///
    /// # Errors
    ///
    /// [`LoopError::Running`] from inside a callback or task; the loop goes on.
    pub fn close(&self) -> Result<CloseReport, LoopError> {
        match self.0.state.get() {
            State::Running if self.0.process.get().is_this() => Err(LoopError::Running),
            State::Running | State::Idle | State::Closed => Ok(self.0.close(Some(self))),
        }
    }
}
