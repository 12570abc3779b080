//! A bounded channel between tasks of one thread, of cells and one waker a side: for contestants that have none of their own.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Wakes whoever waits, if anyone does.
pub fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Pending, with the task noted as the one that waits.
pub fn wait<T>(waker: &Cell<Option<Waker>>, cx: &Context<'_>) -> Poll<T> {
    waker.set(Some(cx.waker().clone()));
    Poll::Pending
}

struct Channel<T> {
    value: Cell<Option<T>>,
    full: Cell<bool>,
    closed: Cell<bool>,
    sender: Cell<Option<Waker>>,
    receiver: Cell<Option<Waker>>,
}

/// Closes the channel when dropped.
pub struct Sender<T>(Rc<Channel<T>>);
/// Receives what the sender sends.
pub struct Receiver<T>(Rc<Channel<T>>);

/// A channel that holds one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Rc::new(Channel {
        value: Cell::new(None),
        full: Cell::new(false),
        closed: Cell::new(false),
        sender: Cell::new(None),
        receiver: Cell::new(None),
    });
    (Sender(channel.clone()), Receiver(channel))
}

impl<T> Sender<T> {
    /// Sends, waiting for room.
    pub async fn send(&self, value: T) {
        let channel = &*self.0;
        poll_fn(|cx| if channel.full.get() { wait(&channel.sender, cx) } else { Poll::Ready(()) })
            .await;
        channel.value.set(Some(value));
        channel.full.set(true);
        wake(&channel.receiver);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        wake(&self.0.receiver);
    }
}

impl<T> Receiver<T> {
    /// Receives; `None` when the sender is gone.
    pub fn receive(&mut self) -> impl Future<Output = Option<T>> {
        let channel = &*self.0;
        poll_fn(|cx| match channel.value.take() {
            None if channel.closed.get() => Poll::Ready(None),
            None => wait(&channel.receiver, cx),
            value => {
                channel.full.set(false);
                wake(&channel.sender);
                Poll::Ready(value)
            }
        })
    }
}
