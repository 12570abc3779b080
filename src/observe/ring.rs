//! The flight recorder: the last records, in a ring whose memory is fixed.
//!
//! ```text
//! oldest ─────────► newest
//! [ 17 18 19 20 | 13 14 15 16 ]    seen 20, kept 8, lost 12
//!               ▲ the next one goes here
//! ```

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::{Observer, Record};
use crate::sys::Time;

/// How many records a recorder keeps when nobody says.
pub const DEFAULT_CAPACITY: usize = 16 * 1024;

/// No recorder keeps more: a program that wants a longer record wants a file.
const LARGEST_CAPACITY: usize = 1024 * 1024;

/// Texts in records (a task's name, an exception's message) are kept up to so many bytes, so that
/// they do not make the ring's memory grow.
const LONGEST_TEXT: usize = 256;

struct Ring {
    records: Vec<(Time, Record)>,
    capacity: usize,
    /// How many were ever put in. The next one goes to `seen % capacity`.
    seen: u64,
}

impl Ring {
    fn push(&mut self, at: Time, record: Record) {
        let place = (self.seen % self.capacity as u64) as usize;
        self.seen += 1;
        match self.records.get_mut(place) {
            Some(oldest) => *oldest = (at, record),
            None => self.records.push((at, record)),
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &(Time, Record)> {
        let oldest = match self.lost() {
            0 => 0,
            _ => (self.seen % self.capacity as u64) as usize,
        };
        let (newer, older) = self.records.split_at(oldest);
        older.iter().chain(newer)
    }

    fn lost(&self) -> u64 {
        self.seen - self.records.len() as u64
    }
}

/// Keeps the last records of a loop, each with its time: what happened just before now.
///
/// It is an [`Observer`]; clones show the same ring, so one goes to the loop and another stays
/// with whoever reads. [`EventLoop::record`](crate::EventLoop::record) sets one up.
///
/// Its memory is taken when it is made and never grows.
///
/// ```
/// use evloop::observe::FlightRecorder;
/// let recorder = FlightRecorder::new(1000);
/// let event_loop = evloop::EventLoop::builder().observer(recorder.clone()).build()?;
/// event_loop.stop();
/// event_loop.run_forever()?;
/// println!("{} records, {} were overwritten", recorder.records().len(), recorder.lost());
/// # assert!(recorder.lost() == 0 && !recorder.records().is_empty());
/// # Ok::<(), evloop::LoopError>(())
/// ```
#[derive(Clone)]
pub struct FlightRecorder(Rc<RefCell<Ring>>);

impl FlightRecorder {
    /// A recorder that keeps the last `capacity` records: at least 1, and at most 2²⁰.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, LARGEST_CAPACITY);
        let records = Vec::with_capacity(capacity);
        FlightRecorder(Rc::new(RefCell::new(Ring { records, capacity, seen: 0 })))
    }

    /// What it holds, the oldest first.
    pub fn records(&self) -> Vec<(Time, Record)> {
        self.0.borrow().in_order().cloned().collect()
    }

    /// How many records were overwritten: those that were before the first of
    /// [`records`](FlightRecorder::records).
    pub fn lost(&self) -> u64 {
        self.0.borrow().lost()
    }

    /// How many it keeps.
    pub fn capacity(&self) -> usize {
        self.0.borrow().capacity
    }

    /// Tells `observer` what it holds, as if that happened now: the explain mode after the fact.
    pub fn replay(&self, observer: &mut dyn Observer) {
        for (at, record) in self.records() {
            observer.record(at, &record);
        }
    }
}

impl Default for FlightRecorder {
    fn default() -> Self {
        FlightRecorder::new(DEFAULT_CAPACITY)
    }
}

impl Observer for FlightRecorder {
    fn record(&mut self, at: Time, record: &Record) {
        self.0.borrow_mut().push(at, with_short_texts(record));
    }
}

impl fmt::Debug for FlightRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.0.borrow();
        write!(f, "<FlightRecorder {} records, {} overwritten>", ring.records.len(), ring.lost())
    }
}

fn with_short_texts(record: &Record) -> Record {
    match record {
        Record::TaskNamed { task, name } => {
            Record::TaskNamed { task: *task, name: shortened(name) }
        }
        Record::Exception { message } => Record::Exception { message: shortened(message) },
        record => record.clone(),
    }
}

fn shortened(text: &Rc<str>) -> Rc<str> {
    if text.len() <= LONGEST_TEXT {
        return text.clone();
    }
    let end = (0..=LONGEST_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(record: &Record) -> u64 {
        match record {
            Record::Turn { turn } => *turn,
            other => panic!("{other:?} was never recorded"),
        }
    }

    proptest! {
        #[test]
        fn the_ring_holds_the_last_records_in_order_and_counts_the_rest(
            capacity in 1..20usize,
            records in 0..60u64,
        ) {
            let mut recorder = FlightRecorder::new(capacity);
            for turn in 0..records {
                recorder.record(Time::from_nanos(turn), &Record::Turn { turn });
            }
            let lost = records.saturating_sub(capacity as u64);
            prop_assert_eq!(recorder.lost(), lost);
            let held: Vec<u64> = recorder.records().iter().map(|(_, record)| turn(record)).collect();
            prop_assert_eq!(held, (lost..records).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_rings_memory_is_taken_once() {
        let mut recorder = FlightRecorder::new(64);
        let before = recorder.0.borrow().records.as_ptr();
        for turn in 0..1000 {
            recorder.record(Time::ZERO, &Record::Turn { turn });
        }
        assert_eq!(recorder.0.borrow().records.as_ptr(), before);
        assert_eq!(recorder.0.borrow().records.capacity(), 64);
    }

    #[test]
    fn a_capacity_that_no_memory_could_hold_is_cut_to_the_largest() {
        assert_eq!(FlightRecorder::new(0).capacity(), 1);
        assert_eq!(FlightRecorder::new(usize::MAX).capacity(), LARGEST_CAPACITY);
    }

    #[test]
    fn a_long_text_is_kept_in_part_and_never_cut_inside_a_character() {
        let mut recorder = FlightRecorder::new(1);
        let message: Rc<str> = "é".repeat(LONGEST_TEXT).into();
        recorder.record(Time::ZERO, &Record::Exception { message });
        match &recorder.records()[0].1 {
            Record::Exception { message } => assert_eq!(&**message, "é".repeat(LONGEST_TEXT / 2)),
            other => panic!("{other:?} was never recorded"),
        }
    }
}
