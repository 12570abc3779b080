//! Who waits, first come first served: a line that one can leave anywhere.
//!
//! Pure: what stands in the line is a type parameter, the waker of a task or a test's number.
//!
//! Without `unsafe` a line cannot run through the futures that stand in it, so it is one
//! `VecDeque`, whose memory serves all who come later: once it is as long as it ever gets, joining
//! allocates nothing. Who leaves from the middle leaves a gap. Gaps at both ends go at once, and
//! all of them when they are the larger half, so a line of one who waits for ever and many who come
//! and give up stays short, and leaving costs a search plus a constant, on average.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::Waker;

/// Somebody's place. Keys ascend in the order of the line and never come again.
pub(super) type Key = u64;

/// The line.
pub(super) struct Line<E> {
    /// The first and the last are never gaps.
    places: VecDeque<(Key, Option<E>)>,
    next: Key,
    here: usize,
}

impl<E> Default for Line<E> {
    fn default() -> Self {
        Line { places: VecDeque::new(), next: 0, here: 0 }
    }
}

impl<E> Line<E> {
    /// Stands behind all others.
    #[inline]
    pub(super) fn join(&mut self, who: E) -> Key {
        let key = self.next;
        self.next += 1;
        self.here += 1;
        self.places.push_back((key, Some(who)));
        key
    }

    /// How many stand in it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.here
    }

    /// The key of whoever joins next: all who are here have smaller ones.
    pub(super) fn end(&self) -> Key {
        self.next
    }

    /// Who stands there; `None` if they have left, or were called.
    #[inline]
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut E> {
        let place = self.find(key)?;
        self.places[place].1.as_mut()
    }

    /// Who is next.
    #[inline]
    pub(super) fn first(&self) -> Option<(Key, &E)> {
        let (key, who) = self.places.front()?;
        Some((*key, who.as_ref()?))
    }

    /// The first with a key of at least `key`.
    pub(super) fn at_or_after(&self, key: Key) -> Option<Key> {
        let (first, _) = self.places.front()?;
        if *first >= key {
            return Some(*first);
        }
        let from = self.places.partition_point(|(other, _)| *other < key);
        self.places.range(from..).find_map(|(key, who)| who.as_ref().map(|_| *key))
    }

    /// The last with a key of less than `key`.
    pub(super) fn last_before(&self, key: Key) -> Option<Key> {
        let until = self.places.partition_point(|(other, _)| *other < key);
        let mut before = self.places.range(..until).rev();
        before.find_map(|(key, who)| who.as_ref().map(|_| *key))
    }

    /// Everybody, in order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.places.iter_mut().filter_map(|(_, who)| who.as_mut())
    }

    /// Calls the first, who leaves.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<E> {
        let (_, who) = self.places.pop_front()?;
        self.here -= 1;
        self.trim();
        who
    }

    /// Leaves; `None` who is not there any more.
    pub(super) fn leave(&mut self, key: Key) -> Option<E> {
        let place = self.find(key)?;
        let who = self.places[place].1.take()?;
        self.here -= 1;
        self.trim();
        if self.places.len() > 2 * self.here + 8 {
            self.places.retain(|(_, who)| who.is_some());
        }
        Some(who)
    }

    #[inline]
    fn find(&self, key: Key) -> Option<usize> {
        let first = self.places.front()?.0;
        // Without gaps closed up, which is nearly always, this is the place.
        let guess = usize::try_from(key.checked_sub(first)?).ok()?;
        if self.places.get(guess).is_some_and(|(other, _)| *other == key) {
            return Some(guess);
        }
        self.places.binary_search_by_key(&key, |(key, _)| *key).ok()
    }

    #[inline]
    fn trim(&mut self) {
        while self.places.front().is_some_and(|(_, who)| who.is_none()) {
            self.places.pop_front();
        }
        while self.places.back().is_some_and(|(_, who)| who.is_none()) {
            self.places.pop_back();
        }
    }
}

/// Has the waker that `find` finds wake whoever `waker` does; `false` if it finds none.
///
/// Wakers are cloned and dropped while nothing is borrowed: a foreign one may call anything here.
#[inline]
pub(super) fn renew<L, S: Slot>(
    line: &RefCell<L>,
    waker: &Waker,
    find: impl Fn(&mut L) -> Option<&mut S>,
) -> bool {
    match find(&mut line.borrow_mut()) {
        None => return false,
        Some(slot) if slot.wakes(waker) => return true,
        Some(_) => {}
    }
    let new = waker.clone();
    let old = find(&mut line.borrow_mut()).map(|slot| slot.put(new));
    old.is_some()
}

/// Where a waker is kept.
pub(super) trait Slot {
    fn wakes(&self, waker: &Waker) -> bool;
    fn put(&mut self, waker: Waker) -> Option<Waker>;
}

impl Slot for Waker {
    #[inline]
    fn wakes(&self, waker: &Waker) -> bool {
        self.will_wake(waker)
    }

    fn put(&mut self, waker: Waker) -> Option<Waker> {
        Some(std::mem::replace(self, waker))
    }
}

impl Slot for Option<Waker> {
    #[inline]
    fn wakes(&self, waker: &Waker) -> bool {
        self.as_ref().is_some_and(|kept| kept.will_wake(waker))
    }

    fn put(&mut self, waker: Waker) -> Option<Waker> {
        self.replace(waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Join,
        Leave(usize),
        Pop,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => Just(Op::Join),
            4 => (0usize..200).prop_map(Op::Leave),
            1 => Just(Op::Pop),
        ]
    }

    proptest! {
        #[test]
        fn a_line_is_a_list_from_which_anybody_may_be_taken(ops in proptest::collection::vec(op(), 0..300)) {
            let (mut line, mut naive) = (Line::default(), Vec::<Key>::new());
            for op in ops {
                match op {
                    Op::Join => {
                        let key = line.join(line.end());
                        naive.push(key);
                    }
                    Op::Leave(key) => {
                        let place = naive.iter().position(|other| *other == key as Key);
                        let gone = place.map(|place| naive.remove(place));
                        prop_assert_eq!(line.leave(key as Key), gone);
                    }
                    Op::Pop => {
                        let first = (!naive.is_empty()).then(|| naive.remove(0));
                        prop_assert_eq!(line.pop(), first);
                    }
                }
                prop_assert_eq!(line.len(), naive.len());
                prop_assert_eq!(line.first().map(|(key, _)| key), naive.first().copied());
                prop_assert_eq!(line.iter_mut().map(|key| *key).collect::<Vec<_>>(), naive.clone());
                for key in 0..line.end() + 1 {
                    let before = naive.iter().rfind(|other| **other < key).copied();
                    let after = naive.iter().find(|other| **other >= key).copied();
                    prop_assert_eq!(line.last_before(key), before);
                    prop_assert_eq!(line.at_or_after(key), after);
                    prop_assert_eq!(line.get_mut(key).is_some(), naive.contains(&key));
                }
                prop_assert!(line.places.len() <= 2 * naive.len() + 8, "gaps pile up");
            }
        }
    }

    #[test]
    fn one_who_waits_for_ever_among_many_who_give_up_has_a_short_line() {
        let mut line = Line::default();
        let first = line.join(());
        let mut last = line.join(());
        for _ in 0..10_000 {
            let next = line.join(());
            assert!(line.leave(last).is_some());
            last = next;
        }
        assert!(line.places.len() <= 12 && line.len() == 2);
        assert!(line.leave(first).is_some());
    }
}
