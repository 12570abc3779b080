//! Awaiting a future.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::{FutureError, LoopFuture};
use crate::observe::{Resource, Site, note_wait};
use crate::task::cell::with_current;
use crate::task::waiters::Waiter;

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
