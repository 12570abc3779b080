//! Futures that somebody else completes: asyncio's `Future`.
//!
//! ```text
//! from       set_result  set_exception  cancel
//! Pending    Finished    Failed         Cancelled
//! Finished   refused     refused        false
//! Failed     refused     refused        false
//! Cancelled  refused     refused        false
//! ```

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::cell::with_current;
use super::waiters::{Callback, DoneCallback, Waiter, Waiters};
use crate::event_loop::{ErrorContext, EventLoop, Home, Work};
#[cfg(feature = "testing")]
use crate::observe::Record;
use crate::observe::{Resource, Site, note_wait};

/// Why a future gives no value.
#[derive(Clone)]
#[non_exhaustive]
pub enum FutureError {
    /// It was cancelled.
    Cancelled,
    /// [`set_exception`](LoopFuture::set_exception) was called with this.
    Failed(Rc<dyn Error>),
    /// It has no result yet. Awaiting it never gives this.
    InvalidState(InvalidState),
    /// It belongs to a different loop than the task that awaits it.
    DifferentLoop,
}

/// The call does not fit the state that the future is in. (`asyncio.InvalidStateError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidState {
    /// It has no result yet: await it, or look at [`done`](LoopFuture::done) first.
    Pending,
    /// It has a result already, and gets one once.
    Finished,
    /// It has an error already.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidState::Pending => "Result is not set: await the future, or ask done() first",
            InvalidState::Finished => "invalid state: the future has its result already",
            InvalidState::Failed => "invalid state: the future has its exception already",
            InvalidState::Cancelled => "invalid state: the future was cancelled",
        })
    }
}

impl Error for InvalidState {}

impl fmt::Display for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FutureError::Cancelled => f.write_str("future was cancelled"),
            FutureError::Failed(error) => error.fmt(f),
            FutureError::InvalidState(state) => state.fmt(f),
            FutureError::DifferentLoop => f.write_str(
                "the future is attached to a different loop than the task that awaits it",
            ),
        }
    }
}

impl fmt::Debug for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FutureError::Failed(error) => write!(f, "FutureError(Failed({error:?}))"),
            _ => write!(f, "FutureError({self})"),
        }
    }
}

impl Error for FutureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FutureError::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<InvalidState> for FutureError {
    fn from(state: InvalidState) -> Self {
        FutureError::InvalidState(state)
    }
}

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

    fn schedule(&self, callback: Rc<dyn Callback<Self>>) {
        self.0.home.ready.push(Work::Run(callback.for_future(self.clone())));
    }

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
}

/// Telling observers, where futures have numbers.
#[cfg(feature = "testing")]
impl<T> Shared<T> {
    fn tell_awaited(&self) {
        let (future, task) = (self.number, with_current(|header| header.id));
        self.home.ready.observe.tell(|| Record::FutureAwaited { future, task });
    }

    fn tell_done(&self) {
        self.home.ready.observe.tell(|| Record::FutureDone { future: self.number });
    }
}

#[cfg(not(feature = "testing"))]
impl<T> Shared<T> {
    #[inline(always)]
    fn tell_awaited(&self) {}
    #[inline(always)]
    fn tell_done(&self) {}
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

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if let State::Failed(error) = self.state.get_mut() {
            if !self.seen.get() {
                if let Some(event_loop) = self.home.event_loop() {
                    let mut context = ErrorContext::new("Future: exception was never retrieved")
                        .error(Unread(error.clone()));
                    context.source = Some(self.made_at);
                    event_loop.call_exception_handler(context);
                }
            }
        }
    }
}

/// An error of a future, as the exception handler gets it.
struct Unread(Rc<dyn Error>);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unread {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
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

/// One await of a [`LoopFuture`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct FutureWait<T> {
    future: LoopFuture<T>,
    waiter: Option<u64>,
    at: Site,
}

impl<T: Clone> IntoFuture for LoopFuture<T> {
    type Output = Result<T, FutureError>;
    type IntoFuture = FutureWait<T>;

    #[track_caller]
    fn into_future(self) -> FutureWait<T> {
        FutureWait { future: self, waiter: None, at: std::panic::Location::caller() }
    }
}

impl<T: Clone> IntoFuture for &LoopFuture<T> {
    type Output = Result<T, FutureError>;
    type IntoFuture = FutureWait<T>;

    #[track_caller]
    fn into_future(self) -> FutureWait<T> {
        self.clone().into_future()
    }
}

impl<T: Clone> Future for FutureWait<T> {
    type Output = Result<T, FutureError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.result() {
            Err(FutureError::InvalidState(_)) => {}
            done => {
                self.waiter = None;
                return Poll::Ready(done);
            }
        }
        let foreign = with_current(|header| !Rc::ptr_eq(&header.home, &self.future.0.home));
        if foreign == Some(true) {
            return Poll::Ready(Err(FutureError::DifferentLoop));
        }
        note_wait(Some(self.at), Resource::Future);
        self.future.0.tell_awaited();
        let waker = context.waker();
        if let Some(id) = self.waiter {
            if self.future.with_waiters(|waiters| waiters.wakes(id, waker)) == Some(true) {
                return Poll::Pending;
            }
        }
        let mut new = Some(Waiter::Task(waker.clone()));
        let before = self.waiter;
        let place = self.future.with_waiters(|waiters| waiters.put(before, &mut new));
        self.waiter = place;
        Poll::Pending
    }
}

impl<T> Drop for FutureWait<T> {
    fn drop(&mut self) {
        if let Some(id) = self.waiter {
            drop(self.future.with_waiters(|waiters| waiters.remove(id)));
        }
    }
}
