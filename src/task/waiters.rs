//! Who waits for a future, in the order they came.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use crate::event_loop::{EventLoop, Run};
use crate::observe::{Site, What};

/// What is called with a future of type `F` when that is done.
pub(super) trait Callback<F> {
    /// The handle that makes the call.
    fn for_future(self: Rc<Self>, future: F) -> Rc<dyn Run>;
}

/// A callback, and then also what it is to be called with: one allocation for both its lives.
pub(super) struct DoneCallback<F, C> {
    pub(super) callback: Cell<Option<C>>,
    pub(super) future: Cell<Option<F>>,
    pub(super) at: Site,
}

impl<F: 'static, C: FnOnce(&F) + 'static> Callback<F> for DoneCallback<F, C> {
    fn for_future(self: Rc<Self>, future: F) -> Rc<dyn Run> {
        self.future.set(Some(future));
        self
    }
}

impl<F: 'static, C: FnOnce(&F) + 'static> Run for DoneCallback<F, C> {
    fn run(self: Rc<Self>, _: &EventLoop) {
        if let (Some(callback), Some(future)) = (self.callback.take(), self.future.take()) {
            callback(&future);
        }
    }

    fn what(&self) -> What {
        What::Callback { at: self.at }
    }
}

/// One of them.
pub(super) enum Waiter<F> {
    Task(Waker),
    Callback(Rc<dyn Callback<F>>),
}

/// All of them. The first needs no memory of its own: most futures have one.
pub(super) struct Waiters<F> {
    next_id: u64,
    first: Option<(u64, Waiter<F>)>,
    /// Ids ascend.
    more: Vec<(u64, Waiter<F>)>,
}

impl<F> Default for Waiters<F> {
    fn default() -> Self {
        Waiters { next_id: 1, first: None, more: Vec::new() }
    }
}

impl<F> Waiters<F> {
    /// Adds one behind all others. Its id is not 0.
    #[inline]
    pub(super) fn add(&mut self, waiter: Waiter<F>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some((id, waiter));
        } else {
            self.more.push((id, waiter));
        }
        id
    }

    /// Takes one out, if it is a callback. (Whoever gives another future's number, one that is gone
    /// and lay here, must not make a task wait for ever.)
    pub(super) fn remove_callback(&mut self, id: u64) -> Option<Waiter<F>> {
        match self.find(id)? {
            Waiter::Callback(_) => self.remove(id),
            Waiter::Task(_) => None,
        }
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, id: u64) -> Option<Waiter<F>> {
        if let Some((_, waiter)) = self.first.take_if(|(first, _)| *first == id) {
            return Some(waiter);
        }
        let place = self.more.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.more.remove(place).1)
    }

    /// Whether that one is there and has the same task woken as `waker` does.
    pub(super) fn wakes(&mut self, id: u64, waker: &Waker) -> bool {
        matches!(self.find(id), Some(Waiter::Task(kept)) if kept.will_wake(waker))
    }

    /// Puts one in the place of that other one, which is left in `waiter`; behind all others if
    /// there is none.
    pub(super) fn put(&mut self, id: Option<u64>, waiter: &mut Option<Waiter<F>>) -> u64 {
        if let Some(id) = id {
            if let Some(place) = self.find(id) {
                if let Some(new) = waiter.take() {
                    *waiter = Some(std::mem::replace(place, new));
                    return id;
                }
            }
        }
        waiter.take().map_or(0, |waiter| self.add(waiter))
    }

    fn find(&mut self, id: u64) -> Option<&mut Waiter<F>> {
        if let Some((first, waiter)) = &mut self.first {
            if *first == id {
                return Some(waiter);
            }
        }
        let place = self.more.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&mut self.more[place].1)
    }

    /// Each of them, in order.
    #[inline]
    pub(super) fn each(self, mut f: impl FnMut(Waiter<F>)) {
        if let Some((_, waiter)) = self.first {
            f(waiter);
        }
        for (_, waiter) in self.more {
            f(waiter);
        }
    }
}
