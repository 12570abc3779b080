//! The pure parts, held against lists that do it the slow way.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::line::Key;
use super::permits::Permits;
use super::stock::{Refused, Stock};
use super::store::Fifo;

#[derive(Clone, Copy, Debug)]
enum Op {
    Acquire(usize),
    /// Whoever came as number so many gives up, or releases what it holds.
    End(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![(1usize..4).prop_map(Op::Acquire), (0usize..40).prop_map(Op::End)]
}

/// Permits as a list: everybody who came, with what they want.
struct NaivePermits {
    free: usize,
    waiting: VecDeque<(usize, usize)>,
}

impl NaivePermits {
    fn serve(&mut self, served: &mut Vec<usize>) {
        while let Some((who, wants)) = self.waiting.front().copied() {
            if wants > self.free {
                return;
            }
            self.free -= wants;
            self.waiting.pop_front();
            served.push(who);
        }
    }
}

/// How somebody stands: what they want, and their key if they had to wait.
type Guest = (usize, Option<Key>);

/// Holds permits against the list. `loses` is the bug that must be found: who is dropped after it was
/// handed its permits, and before it learnt so, gives nothing back.
fn permits_are_a_list(total: usize, ops: &[Op], loses: bool) -> Result<(), TestCaseError> {
    let mut permits = Permits::new(total);
    let mut naive = NaivePermits { free: total, waiting: VecDeque::new() };
    let mut guests: Vec<Option<Guest>> = Vec::new();
    for op in ops {
        let (mut served, mut expected) = (Vec::new(), Vec::new());
        match *op {
            Op::Acquire(wants) => {
                let who = guests.len();
                naive.waiting.push_back((who, wants));
                if permits.take(wants) {
                    served.push(who);
                    guests.push(Some((wants, None)));
                } else {
                    guests.push(Some((wants, Some(permits.join(wants, who)))));
                }
            }
            Op::End(who) => {
                let Some((wants, key)) = guests.get_mut(who).and_then(Option::take) else {
                    continue;
                };
                match naive.waiting.iter().position(|(other, _)| *other == who) {
                    Some(place) => drop(naive.waiting.remove(place)),
                    None => naive.free += wants,
                }
                match key {
                    Some(key) if loses && permits.waker_mut(key).is_none() => {}
                    Some(key) => drop(permits.leave(key, wants)),
                    None => permits.give(wants),
                }
            }
        }
        naive.serve(&mut expected);
        served.extend(std::iter::from_fn(|| permits.next()));
        prop_assert_eq!(served, expected);
        prop_assert_eq!((permits.free(), permits.waiting()), (naive.free, naive.waiting.len()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn permits_go_to_the_first_who_waits_and_none_is_lost(total in 0usize..5, ops in vec(op(), 0..60)) {
        permits_are_a_list(total, &ops, false)?;
    }
}

#[test]
fn the_property_finds_a_permit_that_is_lost_with_a_cancelled_waiter() {
    let mut runner = TestRunner::deterministic();
    let ops = (0usize..5, vec(op(), 0..60));
    let found = runner.run(&ops, |(total, ops)| permits_are_a_list(total, &ops, true));
    assert!(found.is_err());
}

#[derive(Clone, Copy, Debug)]
enum QueueOp {
    PutNowait,
    GetNowait,
    Put,
    Get,
    /// Some waiter, by its place among all, is polled.
    Poll(usize),
    Drop(usize),
    ShutDown,
}

fn queue_op() -> impl Strategy<Value = QueueOp> {
    prop_oneof![
        4 => Just(QueueOp::PutNowait),
        4 => Just(QueueOp::GetNowait),
        6 => Just(QueueOp::Put),
        6 => Just(QueueOp::Get),
        12 => (0usize..12).prop_map(QueueOp::Poll),
        6 => (0usize..12).prop_map(QueueOp::Drop),
        1 => Just(QueueOp::ShutDown),
    ]
}

/// Somebody who waits: number, key, and the item if it is to be put.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    id: u32,
    key: Key,
    item: Option<u32>,
    woken: bool,
    /// Out of the line, because it was shut down and nothing was left for it.
    told: bool,
}

/// A queue as lists, of which the real one is a part.
struct Queues {
    stock: Stock<Fifo<u32>, u32>,
    items: VecDeque<u32>,
    maxsize: usize,
    waiters: Vec<Waiter>,
    shut_down: bool,
    next: u32,
}

impl Queues {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn room(&self) -> usize {
        if self.maxsize == 0 { usize::MAX } else { self.maxsize - self.items.len() }
    }

    /// How many wait on that side.
    fn waiting(&self, puts: bool) -> usize {
        let same = |waiter: &&Waiter| waiter.item.is_some() == puts && !waiter.told;
        self.waiters.iter().filter(same).count()
    }

    fn refused(&self) -> Refused {
        if self.shut_down { Refused::ShutDown } else { Refused::NotNow }
    }

    /// What a getter should get before whom `rank` wait.
    fn take(&mut self, rank: usize) -> Result<u32, Refused> {
        let refused = self.refused();
        if rank >= self.items.len() {
            return Err(refused);
        }
        self.items.pop_front().ok_or(refused)
    }

    fn may_put(&self, rank: usize) -> Result<(), Refused> {
        if self.shut_down || rank >= self.room() { Err(self.refused()) } else { Ok(()) }
    }

    fn put(&mut self, item: u32) {
        self.stock.add(item);
        self.items.push_back(item);
    }

    fn arrive(&mut self, puts: bool) -> Result<(), TestCaseError> {
        let (id, rank) = (self.number(), self.waiting(puts));
        let refused = if puts {
            let (may, expected) = (self.stock.may_put(None), self.may_put(rank));
            prop_assert_eq!(may, expected);
            if may.is_ok() {
                self.put(id);
            }
            may.err()
        } else {
            let (got, expected) = (self.stock.get(None), self.take(rank));
            prop_assert_eq!(got, expected);
            got.err()
        };
        if refused == Some(Refused::NotNow) {
            let key = if puts { self.stock.join_putters(id) } else { self.stock.join_getters(id) };
            self.waiters.push(Waiter {
                id,
                key,
                item: puts.then_some(id),
                woken: false,
                told: false,
            });
        }
        Ok(())
    }

    fn poll(&mut self, place: usize) -> Result<(), TestCaseError> {
        let Some(waiter) = self.waiters.get(place).copied() else { return Ok(()) };
        let same = |other: &&Waiter| other.item.is_some() == waiter.item.is_some() && !other.told;
        let before = self.waiters[..place].iter().filter(same).count();
        let rank = if waiter.told { usize::MAX } else { before };
        let refused = match waiter.item {
            Some(item) => {
                let (may, expected) = (self.stock.may_put(Some(waiter.key)), self.may_put(rank));
                prop_assert_eq!(may, expected);
                if may.is_ok() {
                    self.put(item);
                }
                may.err()
            }
            None => {
                let (got, expected) = (self.stock.get(Some(waiter.key)), self.take(rank));
                prop_assert_eq!(got, expected);
                got.err()
            }
        };
        if refused != Some(Refused::NotNow) {
            self.waiters.remove(place);
            return Ok(());
        }
        let slot = match waiter.item {
            Some(_) => self.stock.putter(waiter.key),
            None => self.stock.getter(waiter.key),
        };
        prop_assert!(slot.is_some(), "who waits has a place for its waker");
        slot.map(|slot| slot.replace(waiter.id));
        self.waiters[place].woken = false;
        Ok(())
    }

    fn step(&mut self, op: QueueOp) -> Result<(), TestCaseError> {
        match op {
            QueueOp::PutNowait => {
                let (may, expected) = (self.stock.may_put_nowait(), self.may_put(0));
                prop_assert_eq!(may, expected);
                if may.is_ok() {
                    let item = self.number();
                    self.put(item);
                }
            }
            QueueOp::GetNowait => {
                let (got, expected) = (self.stock.get_nowait(), self.take(0));
                prop_assert_eq!(got, expected);
            }
            QueueOp::Put => self.arrive(true)?,
            QueueOp::Get => self.arrive(false)?,
            QueueOp::Poll(place) => self.poll(place)?,
            QueueOp::Drop(place) if place < self.waiters.len() => {
                let waiter = self.waiters.remove(place);
                match waiter.item {
                    Some(_) => drop(self.stock.leave_putters(waiter.key)),
                    None => drop(self.stock.leave_getters(waiter.key)),
                }
            }
            QueueOp::Drop(_) => {}
            QueueOp::ShutDown => {
                self.stock.shut_down();
                self.shut_down = true;
            }
        }
        while let Some(id) = self.stock.next() {
            let woken = self.waiters.iter_mut().find(|waiter| waiter.id == id);
            prop_assert!(woken.is_some(), "{id} is woken, and does not wait");
            woken.into_iter().for_each(|waiter| waiter.woken = true);
        }
        self.nobody_sleeps_who_could_go_on()?;
        if self.shut_down {
            self.tell_who_gets_nothing();
        }
        Ok(())
    }

    fn tell_who_gets_nothing(&mut self) {
        let mut left = self.items.len();
        for waiter in self.waiters.iter_mut().filter(|waiter| !waiter.told) {
            waiter.told = waiter.item.is_some() || left == 0;
            left -= usize::from(!waiter.told);
        }
    }

    fn nobody_sleeps_who_could_go_on(&self) -> Result<(), TestCaseError> {
        for (puts, available) in [(false, self.items.len()), (true, self.room())] {
            let side = self.waiters.iter().filter(|waiter| waiter.item.is_some() == puts);
            for (rank, waiter) in side.enumerate() {
                let could = rank < available || self.shut_down;
                prop_assert!(waiter.woken || !could, "{waiter:?} sleeps, {rank} of {available}");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn a_queue_is_a_list_of_items_and_two_of_waiters(maxsize in 0usize..4, ops in vec(queue_op(), 0..80)) {
        let stock = Stock::new(maxsize);
        let mut queues = Queues {
            stock, items: VecDeque::new(), maxsize, waiters: Vec::new(), shut_down: false, next: 0
        };
        for op in ops {
            queues.step(op)?;
        }
    }
}
