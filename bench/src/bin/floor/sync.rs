//! Oneshots between tasks of one thread, and a set of them.

use evloop_bench::cells::{wait, wake};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
};

/// A oneshot is an enum: whoever comes second finds what the first left.
enum One<T> {
    Empty,
    Value(T),
    Waiting(Waker),
    /// In a set, which gets the value directly.
    In(Rc<Arrived<T>>),
}

pub struct OneSender<T>(Rc<Cell<One<T>>>);
pub struct OneReceiver<T>(Rc<Cell<One<T>>>);

pub fn oneshot<T>() -> (OneSender<T>, OneReceiver<T>) {
    let one = Rc::new(Cell::new(One::Empty));
    (OneSender(one.clone()), OneReceiver(one))
}

impl<T> OneSender<T> {
    pub fn complete(self, value: T) {
        match self.0.replace(One::Empty) {
            One::In(arrived) => arrived.push(value),
            One::Waiting(waker) => {
                self.0.set(One::Value(value));
                waker.wake();
            }
            _ => self.0.set(One::Value(value)),
        }
    }
}

impl<T> OneReceiver<T> {
    pub fn completed(self) -> impl Future<Output = T> {
        poll_fn(move |cx| match self.0.replace(One::Empty) {
            One::Value(value) => Poll::Ready(value),
            _ => {
                self.0.set(One::Waiting(cx.waker().clone()));
                Poll::Pending
            }
        })
    }
}

struct Arrived<T> {
    values: RefCell<VecDeque<T>>,
    waiter: Cell<Option<Waker>>,
}

impl<T> Arrived<T> {
    fn push(&self, value: T) {
        self.values.borrow_mut().push_back(value);
        wake(&self.waiter);
    }
}

/// Waits for the first of many oneshots.
pub struct First<T>(Rc<Arrived<T>>);

impl<T> Default for First<T> {
    fn default() -> First<T> {
        First(Rc::new(Arrived { values: RefCell::default(), waiter: Cell::new(None) }))
    }
}

impl<T> First<T> {
    pub fn put(&mut self, receiver: OneReceiver<T>) {
        if let One::Value(value) = receiver.0.replace(One::In(self.0.clone())) {
            self.0.push(value);
        }
    }

    pub fn next(&mut self) -> impl Future<Output = T> {
        poll_fn(|cx| match self.0.values.borrow_mut().pop_front() {
            Some(value) => Poll::Ready(value),
            None => wait(&self.0.waiter, cx),
        })
    }
}
