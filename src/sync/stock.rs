//! What is in a queue, who waits for an item and who for room. Pure: items, their order and wakers
//! are type parameters.

use super::line::Key;
use super::promises::{Promises, Turn};
use super::store::Store;

/// Why something is not to be had at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// Not now: no item, or no room.
    NotNow,
    /// Never again.
    ShutDown,
}

/// The queue.
pub(super) struct Stock<S, W> {
    store: S,
    /// `usize::MAX` if it has no limit.
    room: usize,
    getters: Promises<W>,
    putters: Promises<W>,
    unfinished: usize,
    shut_down: bool,
}

impl<S: Store, W> Stock<S, W> {
    /// 0 is no limit.
    pub(super) fn new(maxsize: usize) -> Self {
        Stock {
            store: S::default(),
            room: if maxsize == 0 { usize::MAX } else { maxsize },
            getters: Promises::default(),
            putters: Promises::default(),
            unfinished: 0,
            shut_down: false,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.store.count()
    }

    pub(super) fn maxsize(&self) -> usize {
        if self.room == usize::MAX { 0 } else { self.room }
    }

    pub(super) fn is_full(&self) -> bool {
        self.free() == 0
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// How many wait for an item, and how many for room.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.getters.len(), self.putters.len())
    }

    #[inline]
    fn free(&self) -> usize {
        self.room - self.store.count()
    }

    /// Takes an item for who came as `key`, or for who has not waited; what is promised to others
    /// is not for them.
    #[inline]
    pub(super) fn get(&mut self, key: Option<Key>) -> Result<S::Item, Refused> {
        let may = match key {
            None => self.store.count() > self.getters.promised(),
            Some(key) => matches!(self.getters.turn(key), Turn::Promised),
        };
        if !may {
            return Err(self.refused());
        }
        if let Some(key) = key {
            self.getters.leave(key);
        }
        self.store.take().ok_or(self.refused())
    }

    /// Takes an item although others wait.
    pub(super) fn get_nowait(&mut self) -> Result<S::Item, Refused> {
        let item = self.store.take().ok_or(self.refused())?;
        self.getters.withdraw(self.store.count());
        Ok(item)
    }

    /// Whether an item may be put by who came as `key`, or by who has not waited. Who may, leaves
    /// the line, and calls [`add`](Stock::add).
    #[inline]
    pub(super) fn may_put(&mut self, key: Option<Key>) -> Result<(), Refused> {
        if self.shut_down {
            return Err(Refused::ShutDown);
        }
        let may = match key {
            None => self.free() > self.putters.promised(),
            Some(key) => matches!(self.putters.turn(key), Turn::Promised),
        };
        if !may {
            return Err(Refused::NotNow);
        }
        if let Some(key) = key {
            self.putters.leave(key);
        }
        Ok(())
    }

    /// Whether an item may be put although others wait.
    pub(super) fn may_put_nowait(&self) -> Result<(), Refused> {
        if self.shut_down {
            return Err(Refused::ShutDown);
        }
        if self.is_full() { Err(Refused::NotNow) } else { Ok(()) }
    }

    /// Adds an item.
    #[inline]
    pub(super) fn add(&mut self, item: S::Item) {
        self.store.put(item);
        self.unfinished += 1;
        self.putters.withdraw(self.free());
    }

    fn refused(&self) -> Refused {
        if self.shut_down { Refused::ShutDown } else { Refused::NotNow }
    }

    /// Waits for an item.
    #[inline]
    pub(super) fn join_getters(&mut self, waker: W) -> Key {
        self.getters.join(waker)
    }

    /// Waits for room.
    #[inline]
    pub(super) fn join_putters(&mut self, waker: W) -> Key {
        self.putters.join(waker)
    }

    /// The place of the waker of one who waits for an item.
    #[inline]
    pub(super) fn getter(&mut self, key: Key) -> Option<&mut Option<W>> {
        waits(self.getters.turn(key))
    }

    /// The place of the waker of one who waits for room.
    #[inline]
    pub(super) fn putter(&mut self, key: Key) -> Option<&mut Option<W>> {
        waits(self.putters.turn(key))
    }

    /// Stops waiting for an item.
    pub(super) fn leave_getters(&mut self, key: Key) -> Option<W> {
        self.getters.leave(key)
    }

    /// Stops waiting for room.
    pub(super) fn leave_putters(&mut self, key: Key) -> Option<W> {
        self.putters.leave(key)
    }

    /// Whom to wake. To be asked until there is nobody, after every change.
    #[inline]
    pub(super) fn next(&mut self) -> Option<W> {
        if self.shut_down {
            return self.next_of_shut_down();
        }
        let items = self.store.count();
        self.getters.promise(items).or_else(|| self.putters.promise(self.room - items))
    }

    /// Those for whom there is an item may take it. All others leave the line, to be told.
    fn next_of_shut_down(&mut self) -> Option<W> {
        let called = self.getters.promise(self.store.count());
        let in_vain = called.or_else(|| self.getters.dismiss());
        self.putters.withdraw(0);
        in_vain.or_else(|| self.putters.dismiss())
    }

    /// An item has been dealt with; `None` if there was none. `Some(true)` if it was the last.
    pub(super) fn task_done(&mut self) -> Option<bool> {
        self.unfinished = self.unfinished.checked_sub(1)?;
        Some(self.unfinished == 0)
    }

    /// No item is put any more.
    pub(super) fn shut_down(&mut self) {
        self.shut_down = true;
    }

    /// Takes all items, which count as dealt with.
    pub(super) fn drain(&mut self) -> S {
        let store = std::mem::take(&mut self.store);
        self.unfinished = self.unfinished.saturating_sub(store.count());
        self.getters.withdraw(0);
        store
    }
}

#[inline]
fn waits<W>(turn: Turn<'_, W>) -> Option<&mut Option<W>> {
    match turn {
        Turn::Waits(waker) => Some(waker),
        Turn::Promised | Turn::Left => None,
    }
}
