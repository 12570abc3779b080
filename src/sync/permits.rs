//! Permits that are handed over: what a lock (one permit) and a semaphore (many) are made of.
//!
//! [`Permits`] is pure. A permit that comes back goes to whoever is first in the line, in the same
//! call, so nobody who comes later can take it before that one is polled. Who is not in the line
//! any more, and did not leave it, has been given what it asked for; if it is dropped before it
//! learns so, it gives that on.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

use super::line::{Key, Line, renew};
use crate::observe::{Primitive, Resource, Site, note_wait};

/// The permits, and who waits for how many of them.
pub(super) struct Permits<W> {
    free: usize,
    line: Line<(usize, W)>,
}

impl<W> Permits<W> {
    pub(super) fn new(free: usize) -> Self {
        Permits { free, line: Line::default() }
    }

    /// How many nobody has.
    #[inline]
    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Takes `wants`, if there are so many and nobody was here before.
    #[inline]
    pub(super) fn take(&mut self, wants: usize) -> bool {
        let can = self.free >= wants && self.line.len() == 0;
        if can {
            self.free -= wants;
        }
        can
    }

    /// Waits for `wants`.
    #[inline]
    pub(super) fn join(&mut self, wants: usize, waker: W) -> Key {
        self.line.join((wants, waker))
    }

    /// The waker of one who still waits.
    #[inline]
    pub(super) fn waker_mut(&mut self, key: Key) -> Option<&mut W> {
        self.line.get_mut(key).map(|(_, waker)| waker)
    }

    /// Gives `count` back. [`next`](Permits::next) is to be called until it gives nobody.
    #[inline]
    pub(super) fn give(&mut self, count: usize) {
        self.free = self.free.saturating_add(count);
    }

    /// Stops waiting for `wants`: the waker, or `None` if they had been handed over, and now are
    /// given back. [`next`](Permits::next) is to be called until it gives nobody, in both cases:
    /// behind one who wanted many stands one who wants few.
    pub(super) fn leave(&mut self, key: Key, wants: usize) -> Option<W> {
        let left = self.line.leave(key);
        if left.is_none() {
            self.give(wants);
        }
        left.map(|(_, waker)| waker)
    }

    /// Hands over to the first in the line, if there is enough; whom to wake.
    #[inline]
    pub(super) fn next(&mut self) -> Option<W> {
        let (_, (wants, _)) = self.line.first()?;
        if *wants > self.free {
            return None;
        }
        self.free -= *wants;
        self.line.pop().map(|(_, waker)| waker)
    }
}

/// Permits that tasks wait for.
pub(super) struct Gate {
    permits: RefCell<Permits<Waker>>,
    kind: Primitive,
    made_at: Site,
}

impl Gate {
    pub(super) fn new(free: usize, kind: Primitive, made_at: Site) -> Self {
        Gate { permits: RefCell::new(Permits::new(free)), kind, made_at }
    }

    /// How many permits nobody has, and how many tasks wait.
    pub(super) fn free_and_waiting(&self) -> (usize, usize) {
        let permits = self.permits.borrow();
        (permits.free(), permits.waiting())
    }

    #[inline]
    pub(super) fn take(&self, wants: usize) -> bool {
        self.permits.borrow_mut().take(wants)
    }

    /// Has `key` wait for `wants`, or says that it has them.
    #[inline]
    pub(super) fn poll(
        &self,
        key: &mut Option<Key>,
        wants: usize,
        at: Site,
        context: &Context<'_>,
    ) -> Poll<()> {
        let waits = match *key {
            Some(key) => renew(&self.permits, context.waker(), |permits| permits.waker_mut(key)),
            None if self.take(wants) => false,
            None => {
                *key = Some(self.join(wants, context.waker()));
                true
            }
        };
        if waits {
            note_wait(Some(at), Resource::Sync(self.kind, self.made_at));
            return Poll::Pending;
        }
        *key = None;
        Poll::Ready(())
    }

    fn join(&self, wants: usize, waker: &Waker) -> Key {
        let waker = waker.clone();
        let key = self.permits.borrow_mut().join(wants, waker);
        // Whatever a foreign waker does when it is cloned, nobody waits for what is free.
        self.hand_over();
        key
    }

    /// Gives `count` back, to whoever is first in the line.
    #[inline]
    pub(super) fn give(&self, count: usize) {
        self.permits.borrow_mut().give(count);
        self.hand_over();
    }

    /// Stops waiting; what was handed over goes on.
    pub(super) fn leave(&self, key: Key, wants: usize) {
        let waker = self.permits.borrow_mut().leave(key, wants);
        drop(waker);
        self.hand_over();
    }

    #[inline]
    fn hand_over(&self) {
        loop {
            let next = self.permits.borrow_mut().next();
            let Some(waker) = next else { return };
            waker.wake();
        }
    }
}
