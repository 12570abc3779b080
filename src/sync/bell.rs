//! Those who wait to be woken, and for nothing that could be lost: one after the other, or all.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::line::{Key, Line, renew};

/// A line of tasks. Whoever is not in it any more was rung for.
#[derive(Default)]
pub(crate) struct Bell {
    line: RefCell<Line<Waker>>,
}

impl Bell {
    /// Waits, behind all others.
    #[inline]
    pub(super) fn join(&self, waker: &Waker) -> Key {
        let waker = waker.clone();
        self.line.borrow_mut().join(waker)
    }

    /// Whether it has not rung for `key` yet; then it will wake whoever `waker` does.
    #[inline]
    pub(super) fn renew(&self, key: Key, waker: &Waker) -> bool {
        renew(&self.line, waker, |line| line.get_mut(key))
    }

    /// Stops waiting; whether it had not rung.
    pub(super) fn leave(&self, key: Key) -> bool {
        let waker = self.line.borrow_mut().leave(key);
        waker.is_some()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.line.borrow().len()
    }

    /// Rings for the first; `false` if nobody waits.
    pub(super) fn ring(&self) -> bool {
        let first = self.line.borrow_mut().pop();
        first.map(Waker::wake).is_some()
    }

    /// Rings for all who wait now, in order.
    pub(crate) fn ring_all(&self) {
        let end = self.line.borrow().end();
        while let Some(waker) = self.pop_before(end) {
            waker.wake();
        }
    }

    fn pop_before(&self, end: Key) -> Option<Waker> {
        let mut line = self.line.borrow_mut();
        let (first, _) = line.first()?;
        if first < end { line.pop() } else { None }
    }

    /// Waits until `over` says so, which is asked now and whenever it rings. Dropped, it leaves
    /// nothing in the line.
    pub(crate) fn until<F: Fn() -> bool>(&self, over: F) -> Until<'_, F> {
        Until { bell: self, key: None, over }
    }
}

/// The future of [`Bell::until`].
pub(crate) struct Until<'a, F> {
    bell: &'a Bell,
    key: Option<Key>,
    over: F,
}

/// Nothing in it is pinned.
impl<F> Unpin for Until<'_, F> {}

impl<F: Fn() -> bool> Future for Until<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if (self.over)() {
            return Poll::Ready(());
        }
        match self.key {
            Some(key) if self.bell.renew(key, context.waker()) => {}
            _ => self.key = Some(self.bell.join(context.waker())),
        }
        // To clone a waker is to call somebody, who may have rung.
        if (self.over)() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.bell.leave(key);
        }
    }
}
