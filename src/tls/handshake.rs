//! Waiting for a handshake.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::layer::Tls;
use crate::observe::{Resource, note_wait};
use crate::transport::Transport;

/// What became of a handshake, for whoever waits for it; for nobody else it is kept.
#[derive(Default)]
pub(super) struct Outcome {
    result: Cell<Option<io::Result<Transport>>>,
    waiter: Cell<Option<Waker>>,
}

impl Outcome {
    pub(super) fn set(&self, result: io::Result<Transport>) {
        if let Some(waiter) = self.waiter.take() {
            self.result.set(Some(result));
            waiter.wake();
        }
    }
}

/// A handshake under way.
///
/// # Cancel safety
///
/// Dropped while it waits, it aborts the connection.
pub(super) struct Handshake {
    tls: Rc<Tls>,
    over: bool,
}

impl Handshake {
    pub(super) fn of(tls: Rc<Tls>) -> Handshake {
        tls.outcome.waiter.set(Some(Waker::noop().clone()));
        Handshake { tls, over: false }
    }
}

impl Future for Handshake {
    type Output = io::Result<Transport>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.tls.outcome.result.take() {
            self.over = true;
            return Poll::Ready(result);
        }
        self.tls.outcome.waiter.set(Some(context.waker().clone()));
        note_wait(None, Resource::Other("a TLS handshake"));
        Poll::Pending
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.tls.outcome.waiter.take();
        let result = self.tls.outcome.result.take();
        if !self.over {
            self.tls.give_up();
        }
        drop(result);
    }
}
