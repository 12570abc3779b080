//! What is called when a future is done, and futures that follow each other.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::{FutureError, LoopFuture, State};
use crate::event_loop::Work;
use crate::task::waiters::{Callback, DoneCallback, Waiter};

/// Which done-callback, of which future.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CallbackId {
    /// Where the future is: callbacks are numbered in each by itself.
    future: usize,
    number: u64,
}

impl fmt::Debug for CallbackId {
    /// Without the address, which is another in every run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackId({})", self.number)
    }
}

impl<T: 'static> LoopFuture<T> {
    /// Has `callback` called, as by `call_soon`, when it is done; at once if it is. Callbacks and
    /// awaiting tasks go in the order they came. (`Future.add_done_callback`)
    ///
    /// What it gives is for [`remove_done_callback`](LoopFuture::remove_done_callback). On a
    /// closed loop the callback is never called.
    #[track_caller]
    pub fn add_done_callback(&self, callback: impl FnOnce(&LoopFuture<T>) + 'static) -> CallbackId {
        let callback = Rc::new(DoneCallback {
            callback: Cell::new(Some(callback)),
            future: Cell::new(None),
            at: std::panic::Location::caller(),
        });
        let future = self.address();
        if self.done() {
            self.schedule(callback);
            return CallbackId { future, number: 0 };
        }
        let waiter = Waiter::Callback(callback);
        let number = self.with_waiters(|waiters| waiters.add(waiter)).unwrap_or(0);
        CallbackId { future, number }
    }

    /// The callback is not called any more, and is dropped; `false` if it is scheduled or removed
    /// already, or another future's. (`Future.remove_done_callback`)
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        id.future == self.address()
            && self.with_waiters(|waiters| waiters.remove_callback(id.number)).flatten().is_some()
    }

    fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    /// When this is done, `destination` gets the same result, error or cancel, unless it is done
    /// by then; when `destination` is cancelled, so is this. (`asyncio.futures._chain_future`)
    #[track_caller]
    pub fn chain(&self, destination: &LoopFuture<T>)
    where
        T: Clone,
    {
        let forward = destination.clone();
        self.add_done_callback(move |source| {
            // Done by then: nothing is copied.
            let _ = match source.result() {
                Ok(value) => forward.set_result(value),
                Err(FutureError::Failed(error)) => forward.complete(State::Failed(error)),
                Err(_) => forward.complete(State::Cancelled),
            };
        });
        let back = Rc::downgrade(&self.0);
        destination.add_done_callback(move |destination| {
            if let Some(source) = back.upgrade() {
                if destination.cancelled() {
                    LoopFuture(source).cancel();
                }
            }
        });
    }

    pub(super) fn schedule(&self, callback: Rc<dyn Callback<Self>>) {
        self.0.home.ready.push(Work::Run(callback.for_future(self.clone())));
    }
}
