//! Signals: handlers that run as callbacks of the loop, and Ctrl-C.
//!
//! In signal context nothing happens but that the signal is noted and the loop woken; step 2 of the
//! next turn queues the handler. Until the first handler is added nothing of the process is
//! touched, with one exception: while a run is under way on the main thread, Ctrl-C belongs to it
//! ([`EventLoop::run_forever`]), if SIGINT does what it does by default.

use std::rc::Rc;
use std::sync::Arc;

use super::error::LoopError;
use super::handle::{Handle, Repeating, Run};
use super::remote::Mailbox;
use super::{EventLoop, Inner, Work};
use crate::observe::What;
use crate::sys::is_main_thread;
use crate::sys::signal::{Caught, NotCaught, Tell, Unnoticed, catch, is_default, raise};

impl Tell for Mailbox {
    fn tell(&self) {
        self.knock();
    }
}

/// The signals of one loop.
#[derive(Default)]
pub(super) struct Signals {
    handlers: Vec<(Caught, Rc<dyn Run>)>,
    /// A run that ends by Ctrl-C is under way.
    interruptible: bool,
    ctrl_c: Option<Caught>,
}

impl Signals {
    fn find(&self, signal: i32) -> Option<usize> {
        self.handlers.iter().position(|(caught, _)| caught.signal() == signal)
    }

    /// Has Ctrl-C noted, if a run wants it, and nobody else does.
    fn catch_ctrl_c(&mut self, mailbox: &Arc<Mailbox>) {
        if self.interruptible && self.ctrl_c.is_none() && is_default(libc::SIGINT) {
            // Nobody listens if a second one comes before the loop has noticed the first.
            self.ctrl_c = catch(libc::SIGINT, mailbox.clone(), Unnoticed::Default).ok();
        }
    }
}

impl EventLoop {
    /// Calls `callback` on the loop's thread whenever the process receives `signal` (a number such
    /// as [`SIGTERM`](crate::signal::SIGTERM)). (`loop.add_signal_handler`)
    ///
    /// It is an ordinary callback and may do anything; signals that come faster than the loop
    /// turns are one. A handler this loop had for `signal` is replaced. What the signal did before
    /// is restored when the handler is removed or the loop closed. A handler for SIGINT takes the
    /// place of a run's own answer to Ctrl-C.
    ///
    /// A signal concerns the whole process, so it has one handler: a second loop is refused while
    /// another has it. A process that other code starts inherits none of it.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::UncatchableSignal`] for SIGKILL, SIGSTOP, SIGSEGV,
    /// SIGBUS, SIGFPE, SIGILL and numbers that are no signal; [`LoopError::SignalTaken`]. Nothing
    /// is changed then.
    ///
    /// # Unlike asyncio
    ///
    /// It works on every thread's loop, not only on the main thread's.
    ///
    /// Source: sigaction(2), signal-safety(7).
    pub fn add_signal_handler(
        &self,
        signal: i32,
        callback: impl FnMut() + 'static,
    ) -> Result<Handle, LoopError> {
        self.check_open()?;
        let run: Rc<dyn Run> = Repeating::new(What::Signal { signal }, callback);
        let old = self.0.set_signal_handler(signal, run.clone())?;
        if let Some(old) = old {
            old.cancel();
        }
        Ok(Handle(run))
    }

    /// Ends handling `signal`, at once, and restores what it did before; `false` if this loop had
    /// no handler for it. (`loop.remove_signal_handler`)
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let removed = self.0.unset_signal_handler(signal);
        removed.inspect(|run| run.cancel()).is_some()
    }
}

impl Inner {
    fn set_signal_handler(
        &self,
        signal: i32,
        run: Rc<dyn Run>,
    ) -> Result<Option<Rc<dyn Run>>, LoopError> {
        let mut signals = self.signals.borrow_mut();
        if let Some(index) = signals.find(signal) {
            return Ok(Some(std::mem::replace(&mut signals.handlers[index].1, run)));
        }
        let ctrl_c = if signal == libc::SIGINT { signals.ctrl_c.take() } else { None };
        let pressed = ctrl_c.is_some_and(Caught::let_go);
        match catch(signal, self.home.mailbox.clone(), Unnoticed::Merge) {
            Ok(caught) => signals.handlers.push((caught, run.clone())),
            Err(NotCaught::Uncatchable) => return Err(LoopError::UncatchableSignal { signal }),
            Err(NotCaught::Taken) => return Err(LoopError::SignalTaken { signal }),
        }
        if pressed {
            self.home.ready.push(Work::Run(run));
        }
        Ok(None)
    }

    fn unset_signal_handler(&self, signal: i32) -> Option<Rc<dyn Run>> {
        let mut signals = self.signals.borrow_mut();
        let index = signals.find(signal)?;
        let (caught, run) = signals.handlers.remove(index);
        drop(caught);
        signals.catch_ctrl_c(&self.home.mailbox);
        Some(run)
    }

    /// Queues the handlers of the signals that have come. Of one whose handle was cancelled the
    /// handler is removed instead.
    pub(super) fn collect_signals(&self) {
        let mut cancelled = Vec::new();
        for (caught, run) in &self.signals.borrow().handlers {
            match caught.take() {
                true if run.is_cancelled() => cancelled.push(caught.signal()),
                true => self.home.ready.push(Work::Run(run.clone())),
                false => {}
            }
        }
        for signal in cancelled {
            drop(self.unset_signal_handler(signal));
        }
    }

    /// A run that ends by Ctrl-C begins: on the main thread, as only there somebody sits who
    /// expects it.
    pub(super) fn begin_interruptible(&self) {
        let mut signals = self.signals.borrow_mut();
        signals.interruptible = is_main_thread();
        signals.catch_ctrl_c(&self.home.mailbox);
    }

    /// It ends, and Ctrl-C does again what it did: also one that came too late for any turn.
    pub(super) fn end_interruptible(&self) {
        let mut signals = self.signals.borrow_mut();
        signals.interruptible = false;
        if signals.ctrl_c.take().is_some_and(Caught::let_go) {
            raise(libc::SIGINT);
        }
    }

    /// Whether Ctrl-C was pressed since this was last asked.
    pub(super) fn take_ctrl_c(&self) -> bool {
        self.signals.borrow().ctrl_c.as_ref().is_some_and(Caught::take)
    }

    /// Restores every signal; the handlers go with those that are queued.
    pub(super) fn close_signals(&self) -> Vec<Rc<dyn Run>> {
        let mut handlers = Vec::new();
        for (caught, run) in self.signals.take().handlers {
            drop(caught);
            handlers.push(run);
        }
        handlers
    }
}
