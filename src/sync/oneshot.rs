//! One value, once, from somebody who may go away without it.
//!
//! A [`LoopFuture`](crate::LoopFuture) waits for ever when whoever was to complete it is gone; this
//! does not.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::line::renew;
use crate::observe::{Primitive, Resource, Site, note_wait};

struct Shared<T> {
    value: Cell<Option<T>>,
    waker: RefCell<Option<Waker>>,
    sender_gone: Cell<bool>,
    receiver_gone: Cell<bool>,
    made_at: Site,
}

impl<T> Shared<T> {
    /// What the sender has done, if anything.
    fn sent(&self) -> Option<Result<T, NothingSent>> {
        match self.value.take() {
            Some(value) => Some(Ok(value)),
            None => self.sender_gone.get().then_some(Err(NothingSent)),
        }
    }
}

/// Sends the one value of a [`oneshot`].
pub struct OneshotSender<T>(Rc<Shared<T>>);

/// The value of a [`oneshot`], to be awaited.
///
/// # Cancel safety
///
/// Polled by reference, it loses nothing. Dropped, it drops the value.
#[must_use = "a value that nobody awaits is dropped"]
pub struct OneshotReceiver<T>(Rc<Shared<T>>);

/// The sender of a [`oneshot`] was dropped and sent nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NothingSent;

/// A channel for one value.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let (sender, receiver) = evloop::sync::oneshot();
/// event_loop.call_soon(move || drop(sender.send(7)))?;
/// assert_eq!(event_loop.run_until_complete(receiver)?, Ok(7));
/// # Ok::<(), evloop::LoopError>(())
/// ```
#[track_caller]
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        waker: RefCell::new(None),
        sender_gone: Cell::new(false),
        receiver_gone: Cell::new(false),
        made_at: Location::caller(),
    });
    (OneshotSender(shared.clone()), OneshotReceiver(shared))
}

impl<T> OneshotSender<T> {
    /// Sends `value`.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.0.value.set(Some(value));
        Ok(())
    }

    /// Whether the receiver is gone: nobody wants the value.
    pub fn is_closed(&self) -> bool {
        self.0.receiver_gone.get()
    }
}

impl<T> Drop for OneshotSender<T> {
    fn drop(&mut self) {
        self.0.sender_gone.set(true);
        let waker = self.0.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Future for OneshotReceiver<T> {
    type Output = Result<T, NothingSent>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &*self.0;
        if let Some(sent) = shared.sent() {
            return Poll::Ready(sent);
        }
        renew(&shared.waker, context.waker(), |slot| Some(slot));
        // To clone a waker is to call somebody, who may have sent.
        if let Some(sent) = shared.sent() {
            return Poll::Ready(sent);
        }
        note_wait(None, Resource::Sync(Primitive::Oneshot, shared.made_at));
        Poll::Pending
    }
}

impl<T> Drop for OneshotReceiver<T> {
    fn drop(&mut self) {
        self.0.receiver_gone.set(true);
        drop(self.0.value.take());
        let waker = self.0.waker.take();
        drop(waker);
    }
}

impl fmt::Display for NothingSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was sent: the sender of the oneshot was dropped without send()")
    }
}

impl Error for NothingSent {}

impl<T> fmt::Debug for OneshotSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<OneshotSender closed: {}>", self.is_closed())
    }
}

impl<T> fmt::Debug for OneshotReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<OneshotReceiver ended: {}>", self.0.sender_gone.get())
    }
}
