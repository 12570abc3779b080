//! Handles: a cancellable promise to call back.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::exception::{ErrorContext, Exception};
use super::readable::Waiters;
use super::timers::TimerKey;
use super::{EventLoop, Inner};
use crate::observe::{Record, TimerId, What, tell_cancelled};
use crate::sys::Time;
use crate::sys::zoo::{self, Bug};

/// Whatever the ready queue can hold: something that runs once each time it is queued.
///
/// This is all that the loop knows of callbacks, watchers, transports and tasks.
pub(crate) trait Run {
    /// Does it. A panic is caught by the loop and handed to [`panicked`](Run::panicked).
    fn run(self: Rc<Self>, event_loop: &EventLoop);
    /// What it is, for whoever observes.
    fn what(&self) -> What;
    /// Whether it must be passed over.
    fn is_cancelled(&self) -> bool {
        false
    }
    /// Gives up: it never runs again, and what it captured is freed now.
    fn cancel(&self) {}
    /// Those who await the descriptor that this watches, if that is what it is for.
    fn waiters(self: Rc<Self>) -> Option<Rc<Waiters>> {
        None
    }
    /// It panicked while it ran.
    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        callback_panicked(self.what(), event_loop, payload);
    }
}

/// Apart from [`Run::panicked`], of which there is one for each kind of handle.
#[cold]
fn callback_panicked(what: What, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
    let message = format!("Exception in callback {what:?}");
    event_loop.call_exception_handler(
        ErrorContext::new(message).handle(what).exception(Exception::Panic(payload)),
    );
}

/// A callback that runs once: `call_soon` and timers.
pub(crate) struct Once<F> {
    callback: Cell<Option<F>>,
    cancelled: Cell<bool>,
    what: What,
}

impl<F: FnOnce() + 'static> Once<F> {
    pub(crate) fn new(what: What, callback: F) -> Rc<Self> {
        Rc::new(Once { callback: Cell::new(Some(callback)), cancelled: Cell::new(false), what })
    }
}

impl<F: FnOnce() + 'static> Run for Once<F> {
    #[inline]
    fn run(self: Rc<Self>, _: &EventLoop) {
        if let Some(callback) = self.callback.take() {
            callback();
        }
    }

    fn what(&self) -> What {
        self.what
    }

    #[inline]
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn cancel(&self) {
        tell_cancelled(self);
        self.cancelled.set(true);
        drop(self.callback.take());
    }
}

/// A callback that runs whenever it is queued: watchers of descriptors and signals.
pub(crate) struct Repeating<F> {
    callback: RefCell<Option<F>>,
    cancelled: Cell<bool>,
    what: What,
}

impl<F: FnMut() + 'static> Repeating<F> {
    pub(crate) fn new(what: What, callback: F) -> Rc<Self> {
        Rc::new(Repeating {
            callback: RefCell::new(Some(callback)),
            cancelled: Cell::new(false),
            what,
        })
    }
}

impl<F: FnMut() + 'static> Run for Repeating<F> {
    fn run(self: Rc<Self>, _: &EventLoop) {
        // The callback leaves its place while it runs, so that it may cancel itself.
        let mut away = Away { callback: self.callback.take(), home: &self };
        if let Some(callback) = &mut away.callback {
            callback();
        }
    }

    fn what(&self) -> What {
        self.what
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn cancel(&self) {
        tell_cancelled(self);
        self.cancelled.set(true);
        let callback = self.callback.take();
        drop(callback);
    }
}

/// A callback that has left its place to run. It goes back also if it panics, for its descriptor
/// is still watched; if it was cancelled meanwhile it is dropped instead.
struct Away<'a, F> {
    callback: Option<F>,
    home: &'a Repeating<F>,
}

impl<F> Drop for Away<'_, F> {
    fn drop(&mut self) {
        if !self.home.cancelled.get() {
            self.home.callback.replace(self.callback.take());
        }
    }
}

/// A callback that the loop will call: the result of [`EventLoop::call_soon`],
/// [`EventLoop::add_reader`] and their kin. (`asyncio.Handle`)
///
/// Dropping it changes nothing: the callback is called all the same.
#[derive(Clone)]
pub struct Handle(pub(crate) Rc<dyn Run>);

impl Handle {
    /// The callback is not called any more, and it and what it captured are dropped now. Does
    /// nothing the second time, or once the callback has run.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether [`cancel`](Handle::cancel) was called.
    pub fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.cancelled() { " cancelled" } else { "" };
        write!(f, "<Handle{state} {:?}>", self.0.what())
    }
}

/// A callback that the loop will call at a point in time: the result of
/// [`EventLoop::call_later`] and [`EventLoop::call_at`]. (`asyncio.TimerHandle`)
///
/// Dropping it changes nothing.
#[derive(Clone)]
pub struct TimerHandle {
    pub(super) run: Rc<dyn Run>,
    pub(super) when: Time,
    pub(super) key: TimerKey,
    pub(super) event_loop: Weak<Inner>,
}

impl TimerHandle {
    /// The callback is not called any more; it and its timer are freed now.
    pub fn cancel(&self) {
        if self.run.is_cancelled() {
            return;
        }
        if !zoo::is(Bug::CancelAfterDueIgnored) {
            self.run.cancel();
        }
        if let Some(inner) = self.event_loop.upgrade() {
            if !inner.disarm(self.key) {
                let timer = TimerId(self.key.number());
                inner.observe.tell(|| Record::TimerCancelledLate { timer });
            }
        }
    }

    /// Whether [`cancel`](TimerHandle::cancel) was called.
    pub fn cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// The deadline, on the loop's clock; it stays the same after the callback ran or was
    /// cancelled.
    pub fn when(&self) -> Time {
        self.when
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.cancelled() { " cancelled" } else { "" };
        write!(f, "<TimerHandle{state} when={:?} {:?}>", self.when, self.run.what())
    }
}
