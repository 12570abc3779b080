//! Debug mode: the loop's side of it. What is looked for, and how, is in `observe/debug.rs`.

#[cfg(feature = "debug")]
use std::time::Duration;

use super::exception::{ErrorContext, discard, write_to_stderr};
use super::residents::Resident;
use super::{EventLoop, Inner};
use crate::observe::Finding;
#[cfg(feature = "debug")]
use crate::observe::What;

#[cfg(feature = "debug")]
impl EventLoop {
    /// Begins or ends debug mode. (`loop.set_debug`)
    ///
    /// The environment variable `EVLOOP_DEBUG=1` begins it when a loop is made (asyncio's
    /// `PYTHONASYNCIODEBUG`); [`Builder::debug`](crate::Builder::debug) does too. In debug mode the
    /// exception handler, or standard error where there is none, is also told
    ///
    /// - of a handle that ran for [`slow_callback_duration`](EventLoop::slow_callback_duration) or
    ///   longer, and of a turn whose handles did so together: by the task's name, the await it
    ///   stood at and where it was spawned, or where the callback was registered;
    /// - of tasks that are pending, and connections and servers that nobody asked to close, when
    ///   the loop is closed: by where they were made;
    /// - of a task that spins by waking itself, and of one that can never be woken: once for each
    ///   place that spawns such tasks.
    ///
    /// Such a call of the handler has [`ErrorContext::warning`], and is no exception in
    /// [`counters`](EventLoop::counters). It comes at the end of the turn, or of `close`. What
    /// asyncio's debug mode checks besides, threads and arguments, the compiler checks here always.
    ///
    /// Debug mode reads the clock around every handle; a loop that is not in it pays nothing. It
    /// may be changed at any time, from within the loop as well.
    pub fn set_debug(&self, enabled: bool) {
        let observe = &self.0.observe;
        if !observe.set_debug(enabled) || !enabled {
            return;
        }
        for resident in self.0.residents() {
            let (What::Task { task }, Some((at, name))) = (resident.what(), resident.spawned())
            else {
                continue;
            };
            observe.debug(|debugger| debugger.meet(task, at, Some(name)));
        }
    }

    /// Whether the loop is in debug mode. (`loop.get_debug`)
    pub fn get_debug(&self) -> bool {
        self.0.observe.is_debugging()
    }

    /// A handle that runs for this long is slow: 100 ms unless
    /// [`set_slow_callback_duration`](EventLoop::set_slow_callback_duration) says otherwise. Of
    /// meaning in debug mode only. (`loop.slow_callback_duration`)
    pub fn slow_callback_duration(&self) -> Duration {
        self.0.observe.slow_callback()
    }

    /// Sets [`slow_callback_duration`](EventLoop::slow_callback_duration).
    pub fn set_slow_callback_duration(&self, duration: Duration) {
        self.0.observe.set_slow_callback(duration);
    }
}

impl Inner {
    /// Shows the debugger somebody who still lives here at the end.
    pub(super) fn show_left_behind(&self, resident: &dyn Resident) {
        if self.observe.is_watched() && !resident.is_ending() {
            let (what, fd, advice) = (resident.what(), resident.fd(), resident.advice());
            self.observe.debug(|debugger| debugger.left_behind(what, fd, advice));
        }
    }

    /// Hands what the debugger has found to the exception handler, or where there is no loop any
    /// more to have one to standard error. Nothing may be borrowed.
    pub(super) fn tell_findings(&self, event_loop: Option<&EventLoop>) {
        for finding in self.observe.take_findings() {
            let context = context(finding);
            match event_loop {
                Some(event_loop) => event_loop.hand_over(context),
                None => {
                    write_to_stderr(&context);
                    discard(context);
                }
            }
        }
    }
}

fn context(finding: Finding) -> ErrorContext {
    let Finding { warning, message, handle, task, source } = finding;
    let mut context = ErrorContext::new(message);
    context.warning = Some(warning);
    (context.handle, context.task, context.source) = (handle, task, source);
    context
}
