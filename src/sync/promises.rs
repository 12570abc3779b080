//! Who is first when there is something for so many: a line whose head has been promised.
//!
//! A queue does not hand items over as a lock hands itself over, because what `get_nowait` may take
//! is whatever lies there, and the best item of a priority queue is known only when it is taken. It
//! promises instead: so many at the head of the line as there are items are called, in order, keep
//! their places until they have taken one, and come before all who arrive later. When an item is
//! taken past them, the last promise is withdrawn, and who had it waits on, at its old place.
//!
//! Pure: wakers are a type parameter.

use super::line::{Key, Line};

/// Whether somebody may go on.
pub(super) enum Turn<'a, W> {
    /// There is something for it.
    Promised,
    /// The place of its waker, which it lost if it was called in vain.
    Waits(&'a mut Option<W>),
    /// It does not stand in the line.
    Left,
}

/// The line.
pub(super) struct Promises<W> {
    line: Line<Option<W>>,
    promised: usize,
    /// Keys below are promised.
    end: Key,
}

impl<W> Default for Promises<W> {
    fn default() -> Self {
        Promises { line: Line::default(), promised: 0, end: 0 }
    }
}

impl<W> Promises<W> {
    /// How many have been promised something.
    #[inline]
    pub(super) fn promised(&self) -> usize {
        self.promised
    }

    /// How many stand in the line.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// Stands behind all others.
    #[inline]
    pub(super) fn join(&mut self, waker: W) -> Key {
        self.line.join(Some(waker))
    }

    /// How it stands with one.
    #[inline]
    pub(super) fn turn(&mut self, key: Key) -> Turn<'_, W> {
        let promised = key < self.end;
        match self.line.get_mut(key) {
            None => Turn::Left,
            Some(_) if promised => Turn::Promised,
            Some(waker) => Turn::Waits(waker),
        }
    }

    /// Leaves the line, with its promise; its waker, if it was not called.
    #[inline]
    pub(super) fn leave(&mut self, key: Key) -> Option<W> {
        let waker = self.line.leave(key)?;
        if key < self.end {
            self.promised -= 1;
        }
        waker
    }

    /// Those who have no promise leave the line, one by one: whom to wake.
    pub(super) fn dismiss(&mut self) -> Option<W> {
        while let Some(key) = self.line.at_or_after(self.end) {
            if let Some(waker) = self.line.leave(key).flatten() {
                return Some(waker);
            }
        }
        None
    }

    /// Withdraws what is promised beyond `count`.
    pub(super) fn withdraw(&mut self, count: usize) {
        while self.promised > count {
            let Some(last) = self.line.last_before(self.end) else { return };
            self.end = last;
            self.promised -= 1;
        }
    }

    /// Promises to one more, if fewer than `count` have a promise: whom to wake.
    #[inline]
    pub(super) fn promise(&mut self, count: usize) -> Option<W> {
        while self.promised < count.min(self.line.len()) {
            let key = self.line.at_or_after(self.end)?;
            self.end = key + 1;
            self.promised += 1;
            // One that was called in vain is on its way already.
            let waker = self.line.get_mut(key).and_then(Option::take);
            if waker.is_some() {
                return waker;
            }
        }
        None
    }
}
