//! Looking at a loop changes nothing, and not looking costs no clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use evloop::observe::{Counters, Explain, FlightRecorder, Level};
use evloop::sys::Clock;
use evloop::{EventLoop, ManualClock, Time, get_running_loop, sleep, yield_now};
use proptest::prelude::*;

use super::Shared;

/// Something that a callback does.
#[derive(Clone, Debug)]
enum Act {
    Soon(Vec<Act>),
    Later(u8, Vec<Act>),
    Cancelled(u8),
    Task(Vec<u8>),
    Stop,
    Panic,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let leaf = prop_oneof![
        any::<u8>().prop_map(Act::Cancelled),
        prop::collection::vec(0..4u8, 0..4).prop_map(Act::Task),
        Just(Act::Stop),
        Just(Act::Panic),
    ];
    let act = leaf.prop_recursive(4, 40, 5, |inner| {
        let inner = prop::collection::vec(inner, 0..5);
        prop_oneof![
            inner.clone().prop_map(Act::Soon),
            (0..4u8, inner).prop_map(|(delay, acts)| Act::Later(delay, acts)),
        ]
    });
    prop::collection::vec(act, 0..8)
}

/// What ran, in its order.
type Log = Rc<RefCell<Vec<String>>>;

fn perform(acts: Vec<Act>, log: Log) {
    let event_loop = get_running_loop().expect("callbacks run in a loop");
    for act in acts {
        log.borrow_mut().push(format!("{act:?} at {:?}", event_loop.time()));
        perform_one(act, &event_loop, &log);
    }
}

fn perform_one(act: Act, event_loop: &EventLoop, log: &Log) {
    let inner = log.clone();
    let ms = |n: u8| Duration::from_millis(n.into());
    match act {
        Act::Soon(acts) => drop(event_loop.call_soon(|| perform(acts, inner)).unwrap()),
        Act::Later(delay, acts) => {
            event_loop.call_later(ms(delay), || perform(acts, inner)).unwrap();
        }
        Act::Cancelled(delay) => event_loop.call_later(ms(delay), || ()).unwrap().cancel(),
        Act::Task(sleeps) => drop(event_loop.create_task(async move {
            for delay in sleeps {
                sleep(ms(delay)).await;
                yield_now().await;
                inner.borrow_mut().push(format!("slept {delay}"));
            }
        })),
        Act::Stop => event_loop.stop(),
        Act::Panic => std::panic::resume_unwind(Box::new("a callback panics")),
    }
}

/// Runs `acts` on a loop, and gives what ran and what was counted.
fn run(acts: Vec<Act>, watched: bool) -> (Vec<String>, Counters) {
    let clock = ManualClock::new();
    let mut builder = EventLoop::builder().virtual_time(clock);
    if watched {
        builder = builder.observer(Explain::new(Level::Everything, Shared::default()));
        builder = builder.observer(FlightRecorder::new(16));
    }
    let event_loop = builder.build().unwrap();
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &evloop::ErrorContext| ()));
    let log = Log::default();
    let inner = log.clone();
    event_loop.call_soon(move || perform(acts, inner)).unwrap();
    for _ in 0..60 {
        event_loop.run_once(Some(Duration::from_millis(1))).unwrap();
    }
    let said = log.borrow().clone();
    (said, event_loop.counters())
}

proptest! {
    #[test]
    fn a_watched_loop_does_what_it_does_unwatched(acts in acts()) {
        let (log, counters) = run(acts.clone(), false);
        let (watched_log, watched_counters) = run(acts, true);
        prop_assert_eq!(log, watched_log);
        prop_assert_eq!(counters, watched_counters);
    }
}

/// A clock that counts who asks it.
#[derive(Clone)]
struct Counting(ManualClock, Rc<Cell<u64>>);

impl Clock for Counting {
    fn now(&self) -> Time {
        self.1.set(self.1.get() + 1);
        self.0.now()
    }
}

/// A loop on a counting clock that is told nothing by anybody.
fn counted() -> (EventLoop, Rc<Cell<u64>>) {
    let (clock, reads) = (ManualClock::new(), Rc::new(Cell::new(0)));
    let event_loop = EventLoop::builder()
        .virtual_time(clock.clone())
        .clock(Counting(clock, reads.clone()))
        .build()
        .unwrap();
    // It reads the clock around each handle.
    #[cfg(feature = "debug")]
    event_loop.set_debug(false);
    (event_loop, reads)
}

#[test]
fn a_turn_that_waits_for_a_timer_reads_the_clock_twice() {
    let (event_loop, reads) = counted();
    for deadline in 1..=100 {
        event_loop.call_at(Time::from_nanos(deadline * 1_000_000), || ()).unwrap();
    }
    reads.set(0);
    for _ in 0..100 {
        event_loop.run_once(None).unwrap();
    }
    assert_eq!(event_loop.counters().timers_fired, 100);
    assert_eq!(reads.get(), 200);
}

#[test]
fn a_turn_with_handles_ready_reads_the_clock_at_most_twice_and_mostly_not_at_all() {
    let (event_loop, reads) = counted();
    let spin = async {
        for _ in 0..1000 {
            yield_now().await;
        }
    };
    reads.set(0);
    event_loop.run_until_complete(spin).unwrap();
    let turns = event_loop.counters().turns;
    assert!(turns > 1000 && reads.get() < turns / 4, "{} reads in {turns} turns", reads.get());
}

#[test]
fn a_recorder_of_the_loop_keeps_the_last_records_and_can_be_explained_afterwards() {
    let event_loop = EventLoop::builder().virtual_time(ManualClock::new()).build().unwrap();
    let recorder = event_loop.record(100);
    assert_eq!(event_loop.record(7).capacity(), 100, "a loop has one recorder");
    event_loop.run_until_complete(sleep(Duration::from_secs(3))).unwrap();
    assert_eq!(recorder.lost(), 0);
    let said = Shared::default();
    recorder.replay(&mut Explain::new(Level::Turns, said.clone()));
    assert!(said.text().contains("waited 3 s for timer#1 of task#1"), "{}", said.text());
    assert!(event_loop.recorder().is_some());
}
