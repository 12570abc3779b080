//! Timers come due in order, never early, and what a poll waits for is the first of them.

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evloop::observe::{Observer, Record, WaitReason};
use evloop::{EventLoop, ManualClock, Time};
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);

fn at_hand() -> (EventLoop, ManualClock, Log) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().unwrap();
    (event_loop, clock, Log::default())
}

#[test]
fn timer_01_a_timer_fires_once_and_not_a_nanosecond_early() {
    let (event_loop, clock, log) = at_hand();
    event_loop.call_later(SECOND, log.note("fired")).unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
    clock.advance(Duration::from_nanos(1));
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["fired"]);
}

#[test]
fn timer_01_on_the_kernels_clock_no_timer_fires_early() {
    let event_loop = EventLoop::new().unwrap();
    for micros in [1, 30, 200, 999, 1001] {
        let deadline = event_loop.time() + Duration::from_micros(micros);
        event_loop.run_until_complete(evloop::sleep_until(deadline)).unwrap();
        assert!(event_loop.time() >= deadline);
    }
}

#[test]
fn timer_02_call_at_takes_a_time_and_the_handle_gives_it_back() {
    let (event_loop, clock, log) = at_hand();
    clock.advance(SECOND);
    let when = event_loop.time() + SECOND;
    let handle = event_loop.call_at(when, log.note("fired")).unwrap();
    assert_eq!((handle.when(), event_loop.next_deadline()), (when, Some(when)));
    clock.advance(SECOND);
    event_loop.run_once(NOW).unwrap();
    assert_eq!((log.take(), handle.when()), (vec!["fired"], when));
}

#[test]
fn timer_04_no_delay_and_a_deadline_that_is_past_mean_the_next_turn() {
    let (event_loop, clock, log) = at_hand();
    clock.advance(SECOND);
    event_loop.call_later(Duration::ZERO, log.note("zero")).unwrap();
    event_loop.call_at(Time::ZERO, log.note("past")).unwrap();
    event_loop.run_once(None).unwrap();
    assert_eq!(log.take(), ["past", "zero"]);
}

#[test]
fn timer_05_timers_of_one_deadline_fire_in_the_order_they_were_asked_for() {
    let (event_loop, clock, log) = at_hand();
    for name in ["a", "b", "c", "d", "e"] {
        event_loop.call_at(Time::ZERO + SECOND, log.note(name)).unwrap();
    }
    clock.advance(SECOND);
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn timer_06_a_timer_that_is_due_goes_behind_what_is_ready() {
    let (event_loop, _, log) = at_hand();
    event_loop.call_later(Duration::ZERO, log.note("timer")).unwrap();
    event_loop.call_soon(log.note("soon")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["soon", "timer"]);
}

#[test]
fn timer_07_a_cancelled_timer_does_not_fire_and_keeps_its_time() {
    let (event_loop, clock, log) = at_hand();
    let handle = event_loop.call_later(SECOND, log.note("fired")).unwrap();
    handle.cancel();
    assert!(handle.cancelled());
    clock.advance(SECOND);
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
    assert_eq!(handle.when(), Time::ZERO + SECOND);
}

#[test]
fn timer_07_a_timer_that_is_due_can_still_be_cancelled_in_its_turn() {
    let (event_loop, _, log) = at_hand();
    let handle = event_loop.call_later(Duration::ZERO, log.note("fired")).unwrap();
    event_loop.call_soon(move || handle.cancel()).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
}

type Polls = Rc<RefCell<Vec<(Option<Duration>, WaitReason)>>>;

/// Notes what every poll waits for.
struct PollWatcher(Polls);

impl Observer for PollWatcher {
    fn record(&mut self, _: Time, record: &Record) {
        if let Record::Poll { timeout, why } = record {
            self.0.borrow_mut().push((*timeout, *why));
        }
    }
}

fn watched() -> (EventLoop, ManualClock, Polls) {
    let (clock, polls) = (ManualClock::new(), Polls::default());
    let builder = EventLoop::builder().virtual_time(clock.clone());
    let event_loop = builder.observer(PollWatcher(polls.clone())).build().unwrap();
    (event_loop, clock, polls)
}

#[test]
fn timer_09_a_poll_waits_for_the_first_timer_that_is_not_cancelled() {
    let (event_loop, _, polls) = watched();
    let first = event_loop.call_later(SECOND, || ()).unwrap();
    event_loop.call_later(2 * SECOND, || ()).unwrap();
    first.cancel();
    event_loop.run_once(None).unwrap();
    assert_eq!(polls.borrow()[0].0, Some(2 * SECOND));
}

#[test]
fn timer_11_a_poll_waits_not_at_all_or_for_the_first_timer_or_without_end() {
    let (event_loop, clock, polls) = watched();
    let last = |event_loop: &EventLoop, limit| {
        event_loop.run_once(limit).unwrap();
        polls.borrow_mut().pop().unwrap()
    };
    event_loop.call_soon(|| ()).unwrap();
    assert_eq!(last(&event_loop, None), (NOW, WaitReason::Ready));
    event_loop.stop();
    assert_eq!(last(&event_loop, None), (NOW, WaitReason::Stopping));
    assert_eq!(last(&event_loop, Some(SECOND)), (Some(SECOND), WaitReason::Limit));
    event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    assert_eq!(last(&event_loop, None), (NOW, WaitReason::Remote));
    let first = event_loop.call_later(SECOND, || ()).unwrap();
    clock.advance(2 * SECOND);
    assert!(matches!(last(&event_loop, None), (NOW, WaitReason::Timer(_))), "it is past");
    assert!(!first.cancelled());
    event_loop.call_later(100 * 3600 * SECOND, || ()).unwrap();
    assert_eq!(last(&event_loop, None).0, Some(24 * 3600 * SECOND));
}

#[test]
fn timer_12_a_delay_too_long_for_the_clock_means_never_and_can_be_cancelled() {
    let (event_loop, clock, log) = at_hand();
    clock.advance(SECOND);
    let never = event_loop.call_later(Duration::MAX, log.note("fired")).unwrap();
    assert_eq!(never.when(), Time::NEVER);
    clock.advance(Duration::from_secs(1 << 33));
    event_loop.run_once(NOW).unwrap();
    never.cancel();
    assert_eq!((log.take().len(), event_loop.next_deadline()), (0, None));
    let real = EventLoop::new().unwrap();
    let sleep = real.create_task(evloop::sleep(Duration::MAX));
    real.run_once(NOW).unwrap();
    assert!(sleep.cancel());
    real.run_until_complete(async { assert!(sleep.await.unwrap_err().is_cancelled()) }).unwrap();
}

#[test]
fn timer_14_no_rounding_makes_a_sleep_shorter() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().virtual_time(clock).build().unwrap();
    for _ in 0..8 {
        let before = event_loop.time();
        let delay = Duration::from_nanos(60_000_001) + Duration::from_nanos(9_999_999);
        event_loop.run_until_complete(evloop::sleep(delay)).unwrap();
        assert_eq!(event_loop.time().since(before), Duration::from_millis(70));
    }
}

#[test]
fn timer_15_a_delay_counts_from_the_call_not_from_the_beginning_of_the_turn() {
    let (event_loop, clock, log) = at_hand();
    let (inner, note) = (event_loop.clone(), log.note("fired"));
    let block = clock.clone();
    event_loop
        .call_soon(move || {
            block.advance(SECOND);
            inner.call_later(SECOND, note).unwrap();
        })
        .unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(event_loop.next_deadline(), Some(Time::ZERO + 2 * SECOND));
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
}
