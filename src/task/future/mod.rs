//! Futures that somebody else completes: asyncio's `Future`.
//!
//! ```text
//! from       set_result  set_exception  cancel
//! Pending    Finished    Failed         Cancelled
//! Finished   refused     refused        false
//! Failed     refused     refused        false
//! Cancelled  refused     refused        false
//! ```

mod callbacks;
mod error;
mod told;
mod wait;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

pub use callbacks::CallbackId;
pub use error::{FutureError, InvalidState};
pub use wait::FutureWait;

use super::waiters::{Waiter, Waiters};
use crate::event_loop::{EventLoop, Home};
use crate::observe::Site;

enum State<T> {
    Pending(Waiters<LoopFuture<T>>),
    Finished(T),
    Failed(Rc<dyn Error>),
    Cancelled,
}

impl<T> State<T> {
    fn invalid(&self) -> InvalidState {
        match self {
            State::Pending(_) => InvalidState::Pending,
            State::Finished(_) => InvalidState::Finished,
            State::Failed(_) => InvalidState::Failed,
            State::Cancelled => InvalidState::Cancelled,
        }
    }
}

struct Shared<T> {
    home: Rc<Home>,
    /// Once it is not `Pending` it is never borrowed mutably again: values may be cloned under a
    /// borrow, and their `clone` may call anything here.
    state: RefCell<State<T>>,
    /// Somebody has seen the error.
    seen: Cell<bool>,
    made_at: Site,
    /// Its number, for those who prove what was awaited by whom.
    #[cfg(feature = "testing")]
    number: crate::observe::FutureId,
}

/// A value that will be there later, because somebody sets it. (`asyncio.Future`)
///
/// Clones are names of the same future: some await it, one sets it. Awaiting it, a clone or a
/// reference gives `Result<T, FutureError>` and consumes nothing, so it may be awaited often; what
/// is done already does not wait. Dropping the last name of one that failed, when nobody has
/// looked at the error, tells the loop's exception handler.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let future = event_loop.create_future();
/// let setter = future.clone();
/// event_loop.call_soon(move || setter.set_result("hello").unwrap())?;
/// assert_eq!(event_loop.run_until_complete(&future)?.unwrap(), "hello");
/// assert_eq!(future.result().unwrap(), "hello");
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Cancel safety
///
/// Dropping a pending await loses nothing, and does not cancel the future.
///
/// # Unlike asyncio
///
/// Cancelling the task that awaits a future does not cancel the future: others may await it too.
/// A cancel carries no message. What `remove_done_callback` takes is what `add_done_callback`
/// gave, for closures cannot be compared.
pub struct LoopFuture<T>(Rc<Shared<T>>);

impl<T> Clone for LoopFuture<T> {
    fn clone(&self) -> Self {
        LoopFuture(self.0.clone())
    }
}

impl EventLoop {
    /// A future that waits to be completed. (`loop.create_future`)
    #[track_caller]
    pub fn create_future<T>(&self) -> LoopFuture<T> {
        LoopFuture(Rc::new(Shared {
            home: self.0.home.clone(),
            state: RefCell::new(State::Pending(Waiters::default())),
            seen: Cell::new(false),
            made_at: std::panic::Location::caller(),
            #[cfg(feature = "testing")]
            number: self.0.observe.number_future(),
        }))
    }
}

impl<T> LoopFuture<T> {
    /// Whether it has a result, an error, or was cancelled. (`Future.done`)
    pub fn done(&self) -> bool {
        !matches!(&*self.0.state.borrow(), State::Pending(_))
    }

    /// Whether it was cancelled. (`Future.cancelled`)
    pub fn cancelled(&self) -> bool {
        matches!(&*self.0.state.borrow(), State::Cancelled)
    }

    /// The loop it belongs to; `None` once that is gone. (`Future.get_loop`)
    pub fn get_loop(&self) -> Option<EventLoop> {
        self.0.home.event_loop()
    }

    /// Its error, if it failed. (`Future.exception`)
    ///
    /// # Errors
    ///
    /// [`FutureError::InvalidState`] while it is pending, [`FutureError::Cancelled`] if it was
    /// cancelled.
    pub fn exception(&self) -> Result<Option<Rc<dyn Error>>, FutureError> {
        match &*self.0.state.borrow() {
            State::Pending(_) => Err(InvalidState::Pending.into()),
            State::Finished(_) => Ok(None),
            State::Failed(error) => {
                self.0.seen.set(true);
                Ok(Some(error.clone()))
            }
            State::Cancelled => Err(FutureError::Cancelled),
        }
    }
}

impl<T: Clone> LoopFuture<T> {
    /// Its result. (`Future.result`)
    ///
    /// # Errors
    ///
    /// [`FutureError::InvalidState`] while it is pending; else why it has none.
    pub fn result(&self) -> Result<T, FutureError> {
        match &*self.0.state.borrow() {
            State::Pending(_) => Err(InvalidState::Pending.into()),
            State::Finished(value) => Ok(value.clone()),
            State::Failed(error) => {
                self.0.seen.set(true);
                Err(FutureError::Failed(error.clone()))
            }
            State::Cancelled => Err(FutureError::Cancelled),
        }
    }
}

impl<T: 'static> LoopFuture<T> {
    /// Completes it with a result. Who awaits it is woken, in the order they came.
    /// (`Future.set_result`)
    ///
    /// # Errors
    ///
    /// If it is done already; `value` is dropped and nothing changes. A setter that comes after a
    /// cancel may ignore that.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState> {
        self.complete(State::Finished(value))
    }

    /// Completes it with an error. (`Future.set_exception`)
    ///
    /// # Errors
    ///
    /// As [`set_result`](LoopFuture::set_result).
    pub fn set_exception(&self, error: impl Into<Box<dyn Error>>) -> Result<(), InvalidState> {
        self.complete(State::Failed(Rc::from(error.into())))
    }

    /// Cancels it; `false` if it is done already. (`Future.cancel`)
    pub fn cancel(&self) -> bool {
        self.0.seen.set(true);
        self.complete(State::Cancelled).is_ok()
    }

    fn complete(&self, outcome: State<T>) -> Result<(), InvalidState> {
        let invalid = self.0.state.borrow().invalid();
        if invalid != InvalidState::Pending {
            return Err(invalid);
        }
        self.0.tell_done();
        if let State::Pending(waiters) = self.0.state.replace(outcome) {
            waiters.each(|waiter| match waiter {
                Waiter::Task(waker) => waker.wake(),
                Waiter::Callback(callback) => self.schedule(callback),
            });
        }
        Ok(())
    }
}

impl<T> LoopFuture<T> {
    /// Calls `f` with the waiters, while it is pending.
    #[inline]
    fn with_waiters<R>(&self, f: impl FnOnce(&mut Waiters<LoopFuture<T>>) -> R) -> Option<R> {
        if self.done() {
            return None;
        }
        match &mut *self.0.state.borrow_mut() {
            State::Pending(waiters) => Some(f(waiters)),
            _ => None,
        }
    }
}

impl<T> fmt::Debug for LoopFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0.state.borrow().invalid() {
            InvalidState::Pending => "pending",
            InvalidState::Finished => "finished",
            InvalidState::Failed => "failed",
            InvalidState::Cancelled => "cancelled",
        };
        write!(f, "<Future {state} at {}>", self.0.made_at)
    }
}
