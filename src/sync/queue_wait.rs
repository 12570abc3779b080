//! The futures of a queue.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::line::{Key, renew};
use super::queue::Shared;
use super::queue_error::QueueShutDown;
use super::stock::Refused;
use super::store::Store;
use crate::observe::{Primitive, Resource, Site, note_wait};

/// The future of [`Queue::get`](crate::Queue::get).
#[must_use = "nothing is taken unless this is awaited"]
pub struct Get<T, S: Store<Item = T>> {
    shared: Rc<Shared<S>>,
    key: Option<Key>,
    at: Site,
}

impl<T, S: Store<Item = T>> Get<T, S> {
    pub(super) fn new(shared: Rc<Shared<S>>, at: Site) -> Self {
        Get { shared, key: None, at }
    }

    fn wait(&mut self, context: &Context<'_>) {
        let (shared, waker) = (&self.shared, context.waker());
        if let Some(key) = self.key {
            renew(&shared.stock, waker, |stock| stock.getter(key));
        } else {
            let waker = waker.clone();
            let key = shared.stock.borrow_mut().join_getters(waker);
            self.key = Some(key);
        }
        note_wait(Some(self.at), Resource::Sync(Primitive::QueueItem, shared.made_at));
    }
}

impl<T, S: Store<Item = T>> Future for Get<T, S> {
    type Output = Result<T, QueueShutDown>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let got = self.shared.stock.borrow_mut().get(self.key);
        if matches!(got, Err(Refused::NotNow)) {
            self.wait(context);
            return Poll::Pending;
        }
        self.key = None;
        self.shared.settle();
        Poll::Ready(got.map_err(|_| QueueShutDown(())))
    }
}

impl<T, S: Store<Item = T>> Drop for Get<T, S> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.shared.stock.borrow_mut().leave_getters(key);
            drop(waker);
            self.shared.settle();
        }
    }
}

/// The future of [`Queue::put`](crate::Queue::put).
#[must_use = "nothing is put unless this is awaited"]
pub struct Put<T, S: Store<Item = T>> {
    shared: Rc<Shared<S>>,
    /// Until it is put.
    item: Option<T>,
    key: Option<Key>,
    at: Site,
}

/// Nothing in it is pinned.
impl<T, S: Store<Item = T>> Unpin for Put<T, S> {}

impl<T, S: Store<Item = T>> Put<T, S> {
    pub(super) fn new(shared: Rc<Shared<S>>, item: T, at: Site) -> Self {
        Put { shared, item: Some(item), key: None, at }
    }

    fn wait(&mut self, context: &Context<'_>) {
        let (shared, waker) = (&self.shared, context.waker());
        if let Some(key) = self.key {
            renew(&shared.stock, waker, |stock| stock.putter(key));
        } else {
            let waker = waker.clone();
            let key = shared.stock.borrow_mut().join_putters(waker);
            self.key = Some(key);
        }
        note_wait(Some(self.at), Resource::Sync(Primitive::QueueRoom, shared.made_at));
    }
}

impl<T, S: Store<Item = T>> Future for Put<T, S> {
    type Output = Result<(), QueueShutDown<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let may = this.shared.stock.borrow_mut().may_put(this.key);
        if may == Err(Refused::NotNow) {
            this.wait(context);
            return Poll::Pending;
        }
        this.key = None;
        let Some(item) = this.item.take() else { panic!("Queue.put() was polled after its end") };
        if may.is_err() {
            return Poll::Ready(Err(QueueShutDown(item)));
        }
        this.shared.stock.borrow_mut().add(item);
        this.shared.settle();
        Poll::Ready(Ok(()))
    }
}

impl<T, S: Store<Item = T>> Drop for Put<T, S> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.shared.stock.borrow_mut().leave_putters(key);
            drop(waker);
            self.shared.settle();
        }
    }
}

/// The future of [`Queue::join`](crate::Queue::join).
#[must_use = "a queue is not waited for unless this is awaited"]
pub struct Join<T, S: Store<Item = T>> {
    shared: Rc<Shared<S>>,
    key: Option<Key>,
    at: Site,
}

impl<T, S: Store<Item = T>> Join<T, S> {
    pub(super) fn new(shared: Rc<Shared<S>>, at: Site) -> Self {
        Join { shared, key: None, at }
    }
}

impl<T, S: Store<Item = T>> Future for Join<T, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = &*self.shared;
        let waits = match self.key {
            Some(key) => shared.done.renew(key, context.waker()),
            None => shared.stock.borrow().unfinished() > 0,
        };
        if !waits {
            self.key = None;
            return Poll::Ready(());
        }
        note_wait(Some(self.at), Resource::Sync(Primitive::QueueDone, shared.made_at));
        if self.key.is_none() {
            self.key = Some(self.shared.done.join(context.waker()));
        }
        Poll::Pending
    }
}

impl<T, S: Store<Item = T>> Drop for Join<T, S> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.done.leave(key);
        }
    }
}
