//! Properties of the loop, shared by the unit tests and the fuzz targets.
//!
//! [`timers_agree_with_a_sorted_list`] is about the heap alone.
//! [`loop_operations_agree_with_a_naive_model`] is about the whole loop: one program runs on a real
//! loop (on a clock that is moved by hand, with a real socket) and on [`Naive`], which does what the
//! documentation of a turn says with plain lists. A program is a table of operations. Whatever is
//! scheduled gets the next number, and when it runs it performs the operation of its number, so both
//! worlds do the same for as long as they run the same, in the same order.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use super::timers::{TimerKey, Timers};
use super::{EventLoop, Handle, ManualClock, TimerHandle};
use crate::sys::Time;

/// The timer heap does what a sorted list does, for any sequence of arming, cancelling and
/// letting time pass.
///
/// # Panics
///
/// If it does not.
pub fn timers_agree_with_a_sorted_list(operations: &[u8]) {
    let mut timers = Timers::default();
    let mut list: Vec<(Time, u64, TimerKey)> = Vec::new();
    let mut keys: Vec<TimerKey> = Vec::new();
    let mut now = Time::ZERO;
    for pair in operations.chunks_exact(2) {
        let argument = u64::from(pair[1]);
        match pair[0] % 4 {
            0 | 1 => {
                let deadline = Time::from_nanos(now.as_nanos() + argument);
                let key = timers.insert(deadline, deadline);
                list.push((deadline, key.number(), key));
                keys.push(key);
            }
            2 if !keys.is_empty() => {
                let key = keys[argument as usize % keys.len()];
                let listed = list.iter().position(|(_, _, armed)| *armed == key);
                assert_eq!(timers.cancel(key).is_some(), listed.is_some());
                listed.map(|index| list.remove(index));
            }
            _ => {
                now = Time::from_nanos(now.as_nanos() + argument);
                fire(&mut timers, &mut list, now);
            }
        }
        list.sort();
        assert_eq!(timers.first(), list.first().map(|&(deadline, _, key)| (deadline, key)));
        assert_eq!(timers.len(), list.len());
    }
}

fn fire(timers: &mut Timers<Time>, list: &mut Vec<(Time, u64, TimerKey)>, now: Time) {
    list.sort();
    while let Some(due) = timers.pop_due(now) {
        let (deadline, _, key) = list.remove(0);
        assert_eq!((due.deadline, due.payload, due.key), (deadline, deadline, key));
    }
    assert!(list.first().is_none_or(|(deadline, ..)| *deadline > now));
}

/// The number of something scheduled.
type Number = usize;

/// So much is scheduled at most, so that every program ends.
const MOST: usize = 300;

/// What a callback, or the program itself between two turns, does.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Soon,
    Later(u64),
    Remote,
    Read,
    Write,
    RemoveReader,
    RemoveWriter,
    Cancel(usize),
    Feed,
    Drain,
    Advance(u64),
}

impl Operation {
    fn decode(bytes: &[u8], at: usize) -> Operation {
        let byte = |index: usize| bytes[index % bytes.len()];
        let argument = byte(2 * at + 1);
        match byte(2 * at) % 16 {
            0..=2 => Operation::Soon,
            3 | 4 => Operation::Later(u64::from(argument % 8)),
            5 => Operation::Remote,
            6 => Operation::Read,
            7 => Operation::Write,
            8 => Operation::RemoveReader,
            9 => Operation::RemoveWriter,
            10 | 11 => Operation::Cancel(usize::from(argument)),
            12 | 13 => Operation::Feed,
            14 => Operation::Drain,
            _ => Operation::Advance(u64::from(argument % 8)),
        }
    }
}

/// One of the two worlds a program runs in.
trait World {
    fn perform(&self, operation: Operation);
    fn turn(&self);
    /// What has run since this was last asked, and when the next timer is due.
    fn outcome(&self) -> (Vec<Number>, Option<Time>);
}

/// Any program of callbacks, timers, remote calls, watchers and cancellations does on a loop what
/// it does on a naive one.
///
/// # Panics
///
/// If it does not.
pub fn loop_operations_agree_with_a_naive_model(bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let program: Rc<[u8]> = bytes.into();
    let (real, naive) = (Real::new(program.clone()), Naive::new(program));
    for at in 0..(bytes.len() / 2).min(MOST) {
        let operation = Operation::decode(bytes, at);
        real.perform(operation);
        naive.perform(operation);
        if at % 3 == 2 {
            real.turn();
            naive.turn();
        }
        assert_eq!(real.outcome(), naive.outcome(), "at operation {at}, {operation:?}");
    }
    assert!(real.event_loop.close().is_ok());
}

/// How something scheduled is cancelled.
enum Scheduled {
    Handle(Handle),
    Timer(TimerHandle),
    Remote,
}

/// A real loop.
struct Real {
    program: Rc<[u8]>,
    event_loop: EventLoop,
    clock: ManualClock,
    ours: UnixStream,
    theirs: UnixStream,
    fed: Cell<bool>,
    scheduled: RefCell<Vec<Scheduled>>,
    ran: RefCell<Vec<Number>>,
}

thread_local!(static REAL: RefCell<Option<Rc<Real>>> = const { RefCell::new(None) });

impl Real {
    fn new(program: Rc<[u8]>) -> Rc<Real> {
        let clock = ManualClock::new();
        let event_loop = EventLoop::builder().clock(clock.clone()).build();
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let real = Rc::new(Real {
            program,
            event_loop: event_loop.expect("an event loop"),
            clock,
            ours,
            theirs,
            fed: Cell::new(false),
            scheduled: RefCell::default(),
            ran: RefCell::default(),
        });
        REAL.set(Some(real.clone()));
        real
    }

    /// What number `number` does when it runs.
    fn run(number: Number) {
        // A remote call may capture nothing that cannot be sent, so the world is found here.
        let real = REAL.with_borrow(|real| real.clone()).expect("a world");
        real.ran.borrow_mut().push(number);
        real.perform(Operation::decode(&real.program, number));
    }

    fn schedule(
        &self,
        operation: Operation,
        number: Number,
    ) -> Result<Scheduled, super::LoopError> {
        let (own, call) = (&self.event_loop, move || Real::run(number));
        Ok(match operation {
            Operation::Later(delay) => {
                Scheduled::Timer(own.call_later(Duration::from_nanos(delay), call)?)
            }
            Operation::Remote => {
                own.handle().call_soon_threadsafe(call)?;
                Scheduled::Remote
            }
            Operation::Read => Scheduled::Handle(own.add_reader(&self.ours, call)?),
            Operation::Write => Scheduled::Handle(own.add_writer(&self.ours, call)?),
            _ => Scheduled::Handle(own.call_soon(call)?),
        })
    }
}

impl World for Real {
    fn perform(&self, operation: Operation) {
        match operation {
            Operation::RemoveReader => drop(self.event_loop.remove_reader(&self.ours)),
            Operation::RemoveWriter => drop(self.event_loop.remove_writer(&self.ours)),
            Operation::Cancel(which) => {
                let scheduled = self.scheduled.borrow();
                match scheduled.get(which % scheduled.len().max(1)) {
                    Some(Scheduled::Handle(handle)) => handle.cancel(),
                    Some(Scheduled::Timer(handle)) => handle.cancel(),
                    Some(Scheduled::Remote) | None => {}
                }
            }
            Operation::Feed if !self.fed.replace(true) => {
                (&self.theirs).write_all(&[0]).expect("room for one byte");
            }
            Operation::Drain if self.fed.replace(false) => {
                (&self.ours).read_exact(&mut [0]).expect("one byte");
            }
            Operation::Feed | Operation::Drain => {}
            Operation::Advance(by) => self.clock.advance(Duration::from_nanos(by)),
            _ => {
                let number = self.scheduled.borrow().len();
                if number < MOST {
                    let scheduled = self.schedule(operation, number).expect("an open loop");
                    self.scheduled.borrow_mut().push(scheduled);
                }
            }
        }
    }

    fn turn(&self) {
        self.event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    }

    fn outcome(&self) -> (Vec<Number>, Option<Time>) {
        let first = self.event_loop.0.timers.borrow_mut().first();
        (self.ran.take(), first.map(|(deadline, _)| deadline))
    }
}

/// What the documentation of a turn says, with plain lists.
#[derive(Default)]
struct Naive {
    program: Rc<[u8]>,
    now: Cell<u64>,
    fed: Cell<bool>,
    reader: Cell<Option<Number>>,
    writer: Cell<Option<Number>>,
    remote: RefCell<Vec<Number>>,
    ready: RefCell<Vec<Number>>,
    /// By deadline, and then by number, which is the order of arming.
    timers: RefCell<Vec<(u64, Number)>>,
    /// Whether it can be cancelled, and whether it was.
    scheduled: RefCell<Vec<(bool, bool)>>,
    ran: RefCell<Vec<Number>>,
}

impl Naive {
    fn new(program: Rc<[u8]>) -> Naive {
        Naive { program, ..Naive::default() }
    }

    fn cancel(&self, number: Option<Number>) {
        if let Some((true, cancelled)) =
            number.and_then(|n| self.scheduled.borrow().get(n).copied())
        {
            if let Some(number) = number {
                if !cancelled {
                    self.scheduled.borrow_mut()[number].1 = true;
                    self.timers.borrow_mut().retain(|(_, armed)| *armed != number);
                }
            }
        }
    }

    fn is_cancelled(&self, number: Number) -> bool {
        self.scheduled.borrow()[number].1
    }

    fn schedule(&self, operation: Operation, number: Number) {
        match operation {
            Operation::Later(delay) => {
                self.timers.borrow_mut().push((self.now.get() + delay, number));
                self.timers.borrow_mut().sort();
            }
            Operation::Remote => self.remote.borrow_mut().push(number),
            Operation::Read => self.cancel(self.reader.replace(Some(number))),
            Operation::Write => self.cancel(self.writer.replace(Some(number))),
            // What other threads sent before comes before.
            _ => self.ready.borrow_mut().extend(self.remote.take().into_iter().chain([number])),
        }
    }

    fn collect_watcher(&self, watcher: &Cell<Option<Number>>) {
        match watcher.get() {
            Some(number) if self.is_cancelled(number) => watcher.set(None),
            watcher => self.ready.borrow_mut().extend(watcher),
        }
    }
}

impl World for Naive {
    fn perform(&self, operation: Operation) {
        match operation {
            Operation::RemoveReader => self.cancel(self.reader.take()),
            Operation::RemoveWriter => self.cancel(self.writer.take()),
            Operation::Cancel(which) => {
                let scheduled = self.scheduled.borrow().len();
                self.cancel(Some(which % scheduled.max(1)));
            }
            Operation::Feed => self.fed.set(true),
            Operation::Drain => self.fed.set(false),
            Operation::Advance(by) => self.now.set(self.now.get() + by),
            _ => {
                let number = self.scheduled.borrow().len();
                if number < MOST {
                    let cancellable = !matches!(operation, Operation::Remote);
                    self.scheduled.borrow_mut().push((cancellable, false));
                    self.schedule(operation, number);
                }
            }
        }
    }

    fn turn(&self) {
        self.ready.borrow_mut().extend(self.remote.take());
        if self.fed.get() {
            self.collect_watcher(&self.reader);
        }
        self.collect_watcher(&self.writer);
        let now = self.now.get();
        let due = self.timers.borrow_mut().extract_due(now);
        self.ready.borrow_mut().extend(due);
        for number in self.ready.take() {
            if !self.is_cancelled(number) {
                self.ran.borrow_mut().push(number);
                self.perform(Operation::decode(&self.program, number));
            }
        }
    }

    fn outcome(&self) -> (Vec<Number>, Option<Time>) {
        let first = self.timers.borrow().first().copied();
        (self.ran.take(), first.map(|(deadline, _)| Time::from_nanos(deadline)))
    }
}

trait ExtractDue {
    fn extract_due(&mut self, now: u64) -> Vec<Number>;
}

impl ExtractDue for Vec<(u64, Number)> {
    fn extract_due(&mut self, now: u64) -> Vec<Number> {
        let due = self.partition_point(|(deadline, _)| *deadline <= now);
        self.drain(..due).map(|(_, number)| number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn loop_operations_agree_with_a_naive_model(
            bytes in proptest::collection::vec(any::<u8>(), 0..600)
        ) {
            super::loop_operations_agree_with_a_naive_model(&bytes);
        }
    }

    #[test]
    fn the_naive_model_sees_that_a_turn_is_as_documented() {
        let naive = Naive::new([14, 0].into());
        for operation in [Operation::Later(0), Operation::Remote, Operation::Read, Operation::Feed]
        {
            naive.perform(operation);
        }
        naive.turn();
        assert_eq!(naive.outcome(), (vec![1, 2, 0], None));
    }
}
