//! What is asked for is called once, in order, in the next turn, and freed.

mod support;

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::{EventLoop, ManualClock};
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn new_loop() -> EventLoop {
    EventLoop::builder().clock(ManualClock::new()).build().unwrap()
}

#[test]
fn call_01_callbacks_run_once_each_in_the_order_they_were_asked_for() {
    let (event_loop, log) = (new_loop(), Log::default());
    for name in ["a", "b", "c"] {
        event_loop.call_soon(log.note(name)).unwrap();
    }
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["a", "b", "c"]);
}

#[test]
fn call_02_work_scheduled_in_a_turn_waits_for_the_next() {
    let (event_loop, log) = (new_loop(), Log::default());
    let (inner, note) = (event_loop.clone(), log.note("inner"));
    event_loop.call_soon(move || drop(inner.call_soon(note))).unwrap();
    event_loop.call_soon(log.note("outer")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["outer"]);
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["inner"]);
}

#[test]
fn call_02_a_builder_option_polls_between_any_two_turns() {
    let event_loop = EventLoop::builder().always_poll().build().unwrap();
    event_loop
        .run_until_complete(async {
            for _ in 0..9 {
                evloop::yield_now().await
            }
        })
        .unwrap();
    let counters = event_loop.counters();
    assert_eq!((counters.polls, counters.polls_skipped), (counters.turns, 0));
}

#[test]
fn call_04_a_turn_runs_what_is_ready_then_events_then_timers() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().unwrap();
    let log = Log::default();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"x").unwrap();
    event_loop.call_later(Duration::from_secs(1), log.note("timer")).unwrap();
    event_loop.add_reader(&ours, log.note("event")).unwrap();
    event_loop.call_soon(log.note("ready")).unwrap();
    event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    clock.advance(Duration::from_secs(1));
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["ready", "event", "timer"]);
}

#[test]
fn call_05_a_cancelled_call_is_not_made_and_says_so() {
    let (event_loop, log) = (new_loop(), Log::default());
    let handle = event_loop.call_soon(log.note("called")).unwrap();
    assert!(!handle.cancelled());
    handle.cancel();
    handle.cancel();
    assert!(handle.cancelled());
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn call_06_a_callback_can_cancel_the_next_one_of_its_turn() {
    let (event_loop, log) = (new_loop(), Log::default());
    let second: Rc<Cell<Option<evloop::Handle>>> = Rc::default();
    let cancel = second.clone();
    event_loop.call_soon(move || cancel.take().unwrap().cancel()).unwrap();
    second.set(Some(event_loop.call_soon(log.note("second")).unwrap()));
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn call_08_a_watcher_whose_handle_is_cancelled_is_not_queued_and_watched_no_more() {
    let (event_loop, log) = (new_loop(), Log::default());
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"x").unwrap();
    event_loop.add_reader(&ours, log.note("read")).unwrap().cancel();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(event_loop.counters().handles, 0);
    assert!(!event_loop.remove_reader(&ours).unwrap(), "it is still watched");
    event_loop.run_once(NOW).unwrap();
    assert_eq!((log.take().len(), event_loop.counters().events), (0, 1));
}

#[test]
fn call_09_cancelling_frees_what_the_callback_held() {
    let event_loop = new_loop();
    let held = Rc::new(());
    let (soon, later) = (held.clone(), held.clone());
    let soon = event_loop.call_soon(move || drop(soon)).unwrap();
    let later = event_loop.call_later(Duration::from_secs(1), move || drop(later)).unwrap();
    assert_eq!(Rc::strong_count(&held), 3);
    soon.cancel();
    later.cancel();
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn call_09_a_watcher_that_cancels_itself_and_panics_is_freed_as_well() {
    let event_loop = new_loop();
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &_| ()));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (held, own) = (Rc::new(()), Rc::<Cell<Option<evloop::Handle>>>::default());
    let (captured, cancel) = (held.clone(), own.clone());
    let handle = event_loop.add_writer(&ours, move || {
        let _captured = &captured;
        cancel.take().unwrap().cancel();
        panic!("after cancelling");
    });
    own.set(Some(handle.unwrap()));
    event_loop.run_once(NOW).unwrap();
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn call_10_a_callback_that_has_run_is_freed_before_the_next_one_runs() {
    let event_loop = new_loop();
    let held = Rc::new(());
    let captured = held.clone();
    let handle = event_loop.call_soon(move || drop(captured.clone())).unwrap();
    let seen = Rc::new(Cell::new(0));
    let (look, count) = (seen.clone(), Rc::downgrade(&held));
    event_loop.call_soon(move || look.set(count.strong_count())).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(seen.get(), 1);
    assert!(!handle.cancelled());
}

#[test]
fn call_12_those_behind_a_callback_that_panics_still_run_in_its_turn() {
    let (event_loop, log) = (new_loop(), Log::default());
    let told = log.note("handler");
    event_loop.set_exception_handler(Some(move |_: &EventLoop, _: &_| told()));
    event_loop.call_soon(|| panic!("one")).unwrap();
    event_loop.call_soon(|| panic!("two")).unwrap();
    event_loop.call_soon(log.note("three")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["handler", "handler", "three"]);
}

#[test]
fn a_panic_in_a_waker_of_another_make_is_not_blamed_on_the_task_before_it() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("waker");
        }
    }
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().unwrap();
    let told = Rc::new(Cell::new(0));
    let tell = told.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, _: &_| tell.set(tell.get() + 1)));
    let mut task = event_loop.create_task(async {
        let mut sleep = std::pin::pin!(evloop::sleep(Duration::from_secs(1)));
        let waker = std::task::Waker::from(std::sync::Arc::new(Panics));
        let polled = sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        assert!(polled.is_pending());
        evloop::sleep(Duration::from_secs(1)).await;
        evloop::yield_now().await;
    });
    event_loop.run_once(NOW).unwrap();
    let other = event_loop.create_task(async { evloop::sleep(Duration::from_secs(60)).await });
    clock.advance(Duration::from_secs(1));
    for _ in 0..4 {
        event_loop.run_once(NOW).unwrap();
    }
    assert_eq!(told.get(), 1);
    assert!(matches!(task.result(), Some(Ok(()))), "{task:?}");
    assert!(!other.done());
}

#[test]
fn a_policy_chooses_among_what_is_ready_in_the_turn_and_may_panic() {
    struct Last;
    impl evloop::Policy for Last {
        fn pick(&mut self, ready: usize) -> usize {
            assert_ne!(ready, 2, "a policy that panics");
            ready - 1
        }
    }
    let event_loop = EventLoop::builder().policy(Last).build().unwrap();
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &_| ()));
    let log = Log::default();
    for name in ["a", "b", "c"] {
        event_loop.call_soon(log.note(name)).unwrap();
    }
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take()[0], "c");
    event_loop.close().unwrap();
}
