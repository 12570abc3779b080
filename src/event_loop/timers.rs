//! The timers: deadlines in order, ties in the order they were armed. Pure: time is an argument.
//!
//! ```text
//! heap   (deadline, number, slot)  smallest first, four children a node
//!                            │
//! slots  ────────────────────▼──  number and payload, or free
//! ```
//!
//! A timer is a slot and an entry of the heap that points at it. Cancelling frees the slot, and
//! what it held, at once; the heap's entry of 24 bytes stays until it reaches the top or until a
//! cancel finds that more than half of the heap is such, and sweeps it in one pass. That makes
//! cancelling O(1) amortised, where taking it out of the heap would walk two paths through memory
//! that is cold; programs that time out cancel nearly every timer they arm.

use crate::sys::Time;
use crate::sys::zoo::{self, Bug};

/// Fewer entries than this are not worth sweeping (asyncio's `_MIN_SCHEDULED_TIMER_HANDLES`).
pub(super) const SWEEP_MIN: usize = 100;

/// Which timer: its slot, and its number, which no other timer ever has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerKey {
    slot: u32,
    number: u64,
}

impl TimerKey {
    /// The timer's number, from 1 in the order of arming.
    pub fn number(self) -> u64 {
        self.number
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline: Time,
    number: u64,
    slot: u32,
}

struct Slot<T> {
    number: u64,
    payload: Option<T>,
}

/// Timers with a payload each.
pub struct Timers<T> {
    heap: Vec<Entry>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    next_number: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), next_number: 1 }
    }
}

/// A timer that is due.
#[derive(Debug, PartialEq, Eq)]
pub struct Due<T> {
    /// Which.
    pub key: TimerKey,
    /// When it was to fire.
    pub deadline: Time,
    /// What it holds.
    pub payload: T,
}

impl<T> Timers<T> {
    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many entries the heap has, cancelled ones included.
    #[cfg(any(test, fuzzing))]
    pub fn entries(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Arms a timer.
    pub fn insert(&mut self, deadline: Time, payload: T) -> TimerKey {
        let number = self.next_number;
        self.next_number += 1;
        let filled = Slot { number, payload: Some(payload) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = filled;
                slot
            }
            None => {
                self.slots.push(filled);
                (self.slots.len() - 1) as u32
            }
        };
        self.heap.push(Entry { deadline, number, slot });
        self.sift_up(self.heap.len() - 1);
        TimerKey { slot, number }
    }

    /// Disarms a timer and gives back what it held; `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let payload = self.take(key)?;
        if self.heap.len() > SWEEP_MIN && self.heap.len() > 2 * self.len() {
            self.sweep();
        }
        Some(payload)
    }

    /// Replaces what an armed timer holds.
    pub fn payload_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.number == key.number { slot.payload.as_mut() } else { None }
    }

    /// The first deadline that a wait has to end for.
    #[inline(always)]
    pub fn first_to_wait_for(&mut self) -> Option<(Time, TimerKey)> {
        if zoo::is(Bug::CancelledHeadWakes) { self.top() } else { self.first() }
    }

    /// The top of the heap, armed or cancelled.
    fn top(&self) -> Option<(Time, TimerKey)> {
        let &Entry { deadline, number, slot } = self.heap.first()?;
        Some((deadline, TimerKey { slot, number }))
    }

    /// The first deadline, and whose it is. Drops cancelled timers from the top as it looks.
    pub fn first(&mut self) -> Option<(Time, TimerKey)> {
        loop {
            let (deadline, key) = self.top()?;
            if self.is_armed(key) {
                return Some((deadline, key));
            }
            self.pop_first();
        }
    }

    /// Takes the first timer if its deadline is `now` or earlier: never early.
    pub fn pop_due(&mut self, now: Time) -> Option<Due<T>> {
        let (deadline, key) = self.first()?;
        if deadline > now {
            return None;
        }
        self.pop_first();
        let payload = self.take(key)?;
        Some(Due { key, deadline, payload })
    }

    /// Disarms every timer and gives back what they held.
    pub fn clear(&mut self) -> Vec<T> {
        self.heap.clear();
        self.free.clear();
        let mut held = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            if let Some(payload) = slot.payload.take() {
                held.push(payload);
            }
        }
        self.slots.clear();
        held
    }

    fn is_armed(&self, key: TimerKey) -> bool {
        let slot = &self.slots[key.slot as usize];
        slot.number == key.number && slot.payload.is_some()
    }

    fn take(&mut self, key: TimerKey) -> Option<T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.number != key.number {
            return None;
        }
        let payload = slot.payload.take()?;
        self.free.push(key.slot);
        Some(payload)
    }

    /// Rebuilds the heap from the armed timers alone.
    fn sweep(&mut self) {
        let slots = &self.slots;
        self.heap.retain(|entry| {
            let slot = &slots[entry.slot as usize];
            slot.number == entry.number && slot.payload.is_some()
        });
        for index in (0..self.heap.len() / 4 + 1).rev() {
            self.sift_down(index);
        }
    }

    fn pop_first(&mut self) {
        let last = self.heap.len() - 1;
        self.heap.swap(0, last);
        self.heap.pop();
        self.sift_down(0);
    }

    fn sift_up(&mut self, mut index: usize) {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / 4;
            if in_order(self.heap[parent], entry) {
                break;
            }
            self.heap[index] = self.heap[parent];
            index = parent;
        }
        self.heap[index] = entry;
    }

    fn sift_down(&mut self, mut index: usize) {
        let Some(&entry) = self.heap.get(index) else { return };
        loop {
            let first = 4 * index + 1;
            let children = first..(first + 4).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child]) else { break };
            if in_order(entry, self.heap[least]) {
                break;
            }
            self.heap[index] = self.heap[least];
            index = least;
        }
        self.heap[index] = entry;
    }
}

/// Whether `first` may stand above `second`.
#[inline(always)]
fn in_order(first: Entry, second: Entry) -> bool {
    if zoo::is(Bug::TimerTiesReversed) {
        return first.deadline < second.deadline;
    }
    first <= second
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn timer_05_timers_that_share_a_deadline_fire_in_the_order_they_were_armed() {
        let mut timers = Timers::default();
        for payload in 0..50 {
            timers.insert(at(7), payload);
        }
        let fired: Vec<_> =
            std::iter::from_fn(|| timers.pop_due(at(7))).map(|d| d.payload).collect();
        assert_eq!(fired, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn timer_10_sweeping_keeps_the_heap_at_most_twice_as_large_as_what_is_armed() {
        let mut timers = Timers::default();
        let keys: Vec<_> = (0..1000).map(|n| timers.insert(at(n), n)).collect();
        for key in &keys[..900] {
            timers.cancel(*key);
        }
        assert_eq!(timers.len(), 100);
        assert!(timers.heap.len() <= 200, "{}", timers.heap.len());
        assert_eq!(timers.pop_due(at(1000)).map(|due| due.payload), Some(900));
    }

    #[test]
    fn timer_09_the_first_deadline_is_that_of_the_first_timer_that_is_not_cancelled() {
        let mut timers = Timers::default();
        let first = timers.insert(at(1), ());
        let second = timers.insert(at(2), ());
        timers.cancel(first);
        assert_eq!(timers.first(), Some((at(2), second)));
    }

    #[test]
    fn a_key_of_a_timer_that_is_gone_finds_nothing_in_its_slots_next_use() {
        let mut timers = Timers::default();
        let old = timers.insert(at(1), "old");
        timers.cancel(old);
        timers.insert(at(2), "new");
        assert_eq!(timers.cancel(old), None);
        assert_eq!(timers.payload_mut(old), None);
        assert_eq!(timers.len(), 1);
    }

    proptest! {
        #[test]
        fn the_heap_agrees_with_a_sorted_list(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            crate::event_loop::model::timers_agree_with_a_sorted_list(&bytes);
        }
    }
}
