//! In which order a queue gives its items back. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What a queue keeps its items in.
pub trait Store: Default {
    /// An item.
    type Item;
    /// Keeps one more.
    fn put(&mut self, item: Self::Item);
    /// Gives the next.
    fn take(&mut self) -> Option<Self::Item>;
    /// How many it keeps.
    fn count(&self) -> usize;
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
pub struct Lifo<T>(Vec<T>);

/// The smallest first.
pub struct Smallest<T>(BinaryHeap<Reverse<T>>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo(VecDeque::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo(Vec::new())
    }
}

impl<T: Ord> Default for Smallest<T> {
    fn default() -> Self {
        Smallest(BinaryHeap::new())
    }
}

impl<T> Store for Fifo<T> {
    type Item = T;

    #[inline]
    fn put(&mut self, item: T) {
        self.0.push_back(item);
    }

    #[inline]
    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    #[inline]
    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T> Store for Lifo<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.0.push(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T: Ord> Store for Smallest<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.0.push(Reverse(item));
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop().map(|Reverse(item)| item)
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
