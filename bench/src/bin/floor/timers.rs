//! A 4-ary heap of deadlines, cancelled lazily: a cancelled timer's entry is passed over when it comes up, or swept out when
//! more than half of the heap is such.

use crate::executor::current;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// Where a sleeping task's waker is. The generation tells whether the timer is still this one.
#[derive(Clone, Copy)]
struct Place {
    slot: u32,
    generation: u32,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    waker: Option<Waker>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Nanoseconds since the loop's start.
    at: u64,
    place: Place,
}

/// The timers of one loop.
pub struct Timers {
    start: Instant,
    heap: Vec<Entry>,
    cancelled: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            start: Instant::now(),
            heap: Vec::new(),
            cancelled: 0,
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl Timers {
    fn insert(&mut self, deadline: Instant, waker: Waker) -> Place {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let generation = self.slots[slot as usize].generation;
        self.slots[slot as usize].waker = Some(waker);
        let at = deadline.saturating_duration_since(self.start).as_nanos() as u64;
        let place = Place { slot, generation };
        self.heap.push(Entry { at, place });
        self.sift_up(self.heap.len() - 1);
        place
    }

    fn is_live(&self, place: Place) -> bool {
        self.slots[place.slot as usize].generation == place.generation
    }

    /// Ends a timer's generation; its heap entry is dead from here on.
    fn end(&mut self, place: Place) -> Option<Waker> {
        let slot = &mut self.slots[place.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(place.slot);
        slot.waker.take()
    }

    fn cancel(&mut self, place: Place) -> Option<Waker> {
        let waker = self.end(place);
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled * 2 > self.heap.len() {
            let slots = &self.slots;
            self.heap.retain(|entry| {
                slots[entry.place.slot as usize].generation == entry.place.generation
            });
            self.cancelled = 0;
            for i in (0..self.heap.len().div_ceil(4)).rev() {
                self.sift_down(i);
            }
        }
        waker
    }

    /// Wakes what is due, earliest first; says how long the next may wait.
    pub fn fire(&mut self) -> Option<Duration> {
        if self.heap.is_empty() {
            return None;
        }
        let now = self.start.elapsed().as_nanos() as u64;
        while let Some(&Entry { at, place }) = self.heap.first() {
            let live = self.is_live(place);
            if live && at > now {
                return Some(Duration::from_nanos(at - now));
            }
            self.heap.swap_remove(0);
            self.sift_down(0);
            if !live {
                self.cancelled -= 1;
            } else if let Some(waker) = self.end(place) {
                waker.wake();
            }
        }
        None
    }

    fn sift_up(&mut self, mut i: usize) {
        let entry = self.heap[i];
        while i > 0 && self.heap[(i - 1) / 4].at > entry.at {
            self.heap[i] = self.heap[(i - 1) / 4];
            i = (i - 1) / 4;
        }
        self.heap[i] = entry;
    }

    fn sift_down(&mut self, mut i: usize) {
        let Some(&entry) = self.heap.get(i) else { return };
        loop {
            let children = 4 * i + 1..(4 * i + 5).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child].at) else { break };
            if self.heap[least].at >= entry.at {
                break;
            }
            self.heap[i] = self.heap[least];
            i = least;
        }
        self.heap[i] = entry;
    }
}

/// Ready at its deadline.
pub struct Sleep {
    deadline: Instant,
    place: Option<Place>,
}

impl Sleep {
    pub fn until(deadline: Instant) -> Sleep {
        Sleep { deadline, place: None }
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let timers = &mut *current().timers.borrow_mut();
        match self.place {
            None => self.place = Some(timers.insert(self.deadline, cx.waker().clone())),
            Some(place) if !timers.is_live(place) => return Poll::Ready(()),
            Some(place) => {
                let waker = &mut timers.slots[place.slot as usize].waker;
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut timers = current().timers.borrow_mut();
        if timers.is_live(place) {
            timers.cancel(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Timers;
    use evloop_bench::Rng;
    use std::{
        task::Waker,
        time::{Duration, Instant},
    };

    #[test]
    fn the_heap_gives_what_was_not_cancelled_in_order() {
        let (mut timers, mut rng, far) =
            (Timers::default(), Rng::default(), Instant::now() + Duration::from_secs(3600));
        let mut wanted = Vec::new();
        for i in 0..1000 {
            let place =
                timers.insert(far + Duration::from_nanos(rng.below(500)), Waker::noop().clone());
            let at = timers
                .heap
                .iter()
                .find(|entry| entry.place.slot == place.slot && timers.is_live(entry.place))
                .unwrap()
                .at;
            if i % 10 == 0 { wanted.push(at) } else { drop(timers.cancel(place)) }
        }
        wanted.sort_unstable();
        let mut got = Vec::new();
        while let Some(&entry) = timers.heap.first() {
            if timers.is_live(entry.place) {
                got.push(entry.at);
            }
            timers.heap.swap_remove(0);
            timers.sift_down(0);
        }
        assert_eq!(got, wanted);
    }
}
