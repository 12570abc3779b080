//! Asking for a call: soon, later, at a point in time.

use std::rc::{Rc, Weak};
use std::task::Waker;
use std::time::Duration;

use super::error::LoopError;
use super::handle::{Handle, Once, Run, TimerHandle};
use super::timers::TimerKey;
use super::{EventLoop, Inner, State, Work};
use crate::observe::{Record, TimerId, What, count};
use crate::sys::Time;

impl EventLoop {
    /// Calls `callback` in the next turn, after everything that was asked for before.
    /// (`loop.call_soon`)
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> Result<Handle, LoopError> {
        self.check_open()?;
        self.keep_order_with_threads();
        let at = std::panic::Location::caller();
        let run = Once::new(What::Callback { at }, callback);
        self.0.home.ready.push_run(run.clone());
        Ok(Handle(run))
    }

    /// Calls `callback` after `delay`, measured from now. (`loop.call_later`)
    ///
    /// It is never called early. A delay of zero means the next turn; one that is too long for
    /// the clock means never.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_later(
        &self,
        delay: Duration,
        callback: impl FnOnce() + 'static,
    ) -> Result<TimerHandle, LoopError> {
        self.call_at(self.time() + delay, callback)
    }

    /// Calls `callback` when the loop's clock shows `when`, or in the next turn if it is past.
    /// Callbacks for the same time are called in the order they were asked for. (`loop.call_at`)
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_at(
        &self,
        when: Time,
        callback: impl FnOnce() + 'static,
    ) -> Result<TimerHandle, LoopError> {
        self.check_open()?;
        let at = std::panic::Location::caller();
        let run: Rc<dyn Run> = Once::new(What::Timer { at }, callback);
        let key = self.0.arm(when, Work::Run(run.clone()));
        Ok(TimerHandle { run, when, key, event_loop: Rc::downgrade(&self.0) })
    }

    /// When the next timer is due, for programs that have a loop of their own: sleep no longer
    /// than until then before the next [`run_once`](EventLoop::run_once). `None`: no timer is
    /// armed.
    ///
    /// While handles are ready the answer is [`Time::ZERO`]: do not sleep at all. A closed loop has
    /// nothing to be awake for: `None`.
    pub fn next_deadline(&self) -> Option<Time> {
        if self.is_closed() {
            return None;
        }
        if !self.0.home.ready.is_empty()
            || self.0.stopping.get()
            || self.0.home.mailbox.is_pending()
        {
            return Some(Time::ZERO);
        }
        self.0.timers.borrow_mut().first().map(|(deadline, _)| deadline)
    }

    /// Queues a callback that came from another thread.
    pub(super) fn queue_remote(&self, callback: impl FnOnce() + 'static) {
        self.0.home.ready.push(Work::Run(Once::new(What::Remote, callback)));
    }

    /// A call that another thread sent before this moment comes before what is queued now.
    fn keep_order_with_threads(&self) {
        if self.0.home.mailbox.is_pending() {
            self.0.collect_remote(self);
        }
    }
}

impl Inner {
    /// Arms a timer that queues `work`.
    pub(crate) fn arm(&self, when: Time, work: Work) -> TimerKey {
        let what = self.observe.is_watched().then(|| work.what());
        let key = self.timers.borrow_mut().insert(when, work);
        count(&self.observe.tally.timers_armed);
        if let Some(what) = what {
            let timer = TimerId(key.number());
            self.observe.tell(|| Record::TimerArmed { timer, when, what });
        }
        self.tell_host_of_timers();
        key
    }

    /// Disarms it; `false` if it is not armed any more.
    pub(crate) fn disarm(&self, key: TimerKey) -> bool {
        let work = self.timers.borrow_mut().cancel(key);
        let was_armed = work.is_some();
        if was_armed {
            count(&self.observe.tally.timers_cancelled);
            self.observe.tell(|| Record::TimerCancelled { timer: TimerId(key.number()) });
            self.tell_host_of_timers();
        }
        drop(work);
        was_armed
    }

    /// Has an armed timer wake `waker`; `false` if it has fired.
    pub(crate) fn rearm(&self, key: TimerKey, waker: &Waker) -> bool {
        let mut timers = self.timers.borrow_mut();
        let old = match timers.payload_mut(key) {
            None => return false,
            Some(Work::Wake(armed)) if armed.will_wake(waker) => return true,
            Some(work) => std::mem::replace(work, Work::Wake(waker.clone())),
        };
        drop(timers);
        drop(old);
        true
    }

    /// Runs `run` in the next turn.
    #[inline(never)]
    pub(crate) fn queue(&self, run: Rc<dyn Run>) {
        self.home.ready.push_run(run);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.get() == State::Closed
    }
}

/// A name of a loop that does not keep it alive.
pub(crate) type WeakLoop = Weak<Inner>;
