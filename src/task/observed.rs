//! Callbacks of a task that has ended.
//!
//! Few tasks have them, so they stand where a task keeps who waits for it, and bring a place for
//! that one along: a task without them pays nothing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::Waker;

use super::header::Header;
use super::joiner::Joiner;
use crate::event_loop::{EventLoop, Home, Run, Work};
use crate::observe::{Site, TaskEnd, What};

/// The callbacks of a task, and who else waits for it.
pub(crate) struct Observed {
    pub(super) waits: Option<Joiner>,
    callbacks: Rc<Callbacks>,
}

/// An `Rc`, so that the end of all this is one function, and not a part of whatever drops a task.
struct Callbacks {
    list: RefCell<Vec<Rc<dyn Callback>>>,
    home: Rc<Home>,
}

impl Observed {
    /// The same, awaited with `waker`.
    pub(super) fn awaited(mut self: Box<Self>, waker: &Waker) -> Joiner {
        if !matches!(&self.waits, Some(Joiner::Awaiting(kept)) if kept.will_wake(waker)) {
            drop(self.waits.replace(Joiner::Awaiting(waker.clone())));
        }
        Joiner::Observed(self)
    }

    /// The task has ended.
    pub(super) fn told(self, failed: impl Fn() -> bool, end: TaskEnd) {
        self.told_apart(&failed, end);
    }

    /// (As [`Joiner::told_apart`].)
    #[inline(never)]
    pub(super) fn told_apart(self, failed: &dyn Fn() -> bool, end: TaskEnd) {
        for callback in self.callbacks.list.take() {
            callback.schedule(&self.callbacks.home, end);
        }
        if let Some(joiner) = self.waits {
            joiner.told_apart(failed, end);
        }
    }
}

trait Callback {
    fn schedule(self: Rc<Self>, home: &Home, end: TaskEnd);
    fn remove(&self) -> bool;
}

struct DoneCallback<C> {
    callback: RefCell<Option<C>>,
    end: Cell<Option<TaskEnd>>,
    at: Site,
}

impl<C: FnOnce(TaskEnd) + 'static> Callback for DoneCallback<C> {
    fn schedule(self: Rc<Self>, home: &Home, end: TaskEnd) {
        if self.callback.borrow().is_some() {
            self.end.set(Some(end));
            home.ready.push(Work::Run(self));
        }
    }

    fn remove(&self) -> bool {
        let removed = self.callback.take();
        removed.is_some()
    }
}

impl<C: FnOnce(TaskEnd) + 'static> Run for DoneCallback<C> {
    fn run(self: Rc<Self>, _: &EventLoop) {
        let callback = self.callback.take();
        if let (Some(callback), Some(end)) = (callback, self.end.get()) {
            callback(end);
        }
    }

    fn what(&self) -> What {
        What::Callback { at: self.at }
    }

    fn is_cancelled(&self) -> bool {
        self.callback.borrow().is_none()
    }
}

/// Which done-callback of a task: [`Task::add_done_callback`](crate::Task::add_done_callback) gives
/// it.
#[derive(Clone)]
pub struct DoneCallbackId(Weak<dyn Callback>);

impl DoneCallbackId {
    pub(super) fn remove(&self) -> bool {
        self.0.upgrade().is_some_and(|callback| callback.remove())
    }
}

impl fmt::Debug for DoneCallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoneCallbackId")
    }
}

/// Has `callback` called when the task has ended.
pub(super) fn add_done_callback(
    header: &Header,
    callback: impl FnOnce(TaskEnd) + 'static,
    at: Site,
) -> DoneCallbackId {
    let callback = RefCell::new(Some(callback));
    let callback = Rc::new(DoneCallback { callback, end: Cell::new(None), at });
    let weak: Weak<dyn Callback> = Rc::<DoneCallback<_>>::downgrade(&callback);
    let id = DoneCallbackId(weak);
    if let Some(end) = header.end.get() {
        callback.schedule(&header.home, end);
        return id;
    }
    let observed = match header.joiner.take() {
        Some(Joiner::Observed(observed)) => observed,
        waits => {
            let callbacks = Callbacks { list: RefCell::default(), home: header.home.clone() };
            Box::new(Observed { waits, callbacks: Rc::new(callbacks) })
        }
    };
    observed.callbacks.list.borrow_mut().push(callback);
    header.joiner.set(Some(Joiner::Observed(observed)));
    id
}
