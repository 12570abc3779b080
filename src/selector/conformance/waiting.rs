//! Timeouts, signals and the bell.

use std::io::Write;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::sys::testing::Thread;
use crate::sys::{Clock, MonotonicClock};

fn a_wait_never_ends_before_its_time(open: Open) {
    let mut selector = open();
    for nanos in [0, 1, 999, 300_000, 999_999, 1_000_001, 2_500_000] {
        let timeout = Duration::from_nanos(nanos);
        let began = MonotonicClock.now();
        assert_eq!(select(&mut *selector, Some(timeout)), []);
        assert!(MonotonicClock.now() - began >= timeout, "{timeout:?}");
    }
}

fn a_timeout_longer_than_any_kernel_takes_is_no_error(open: Open) {
    let mut selector = open();
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX), 2 * MAX_WAIT] {
        selector.bell().ring();
        assert_eq!(select(&mut *selector, Some(timeout)), []);
    }
}

fn events_are_appended(open: Open) {
    let (mut selector, _here, _there) = watched_pair(open, Interest::WRITE);
    let old = Event { token: token(7), readiness: Readiness::ERROR };
    let mut events = vec![old];
    selector.select(NOW, &mut events).unwrap();
    assert_eq!(events, [old, Event { token: token(1), readiness: Readiness::WRITABLE }]);
}

fn a_signal_ends_a_wait_with_an_empty_list(open: Open) {
    let (say, heard) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let waiting = thread::spawn(move || {
        let mut selector = open();
        say.send(Some(Thread::current())).unwrap();
        let events = select(&mut *selector, None);
        say.send(None).unwrap();
        // The thread must live as long as somebody may send it a signal.
        let _ = ended.recv();
        events
    });
    let thread = heard.recv().unwrap().unwrap();
    // Nobody can see a thread begin to wait, so signals are sent until one has found it waiting.
    while matches!(heard.try_recv(), Err(mpsc::TryRecvError::Empty)) {
        thread.interrupt();
        thread::yield_now();
    }
    drop(end);
    assert_eq!(waiting.join().unwrap(), []);
}

fn what_is_no_longer_watched_ends_no_wait(open: Open) {
    let (mut selector, here, mut there) = watched_pair(open, Interest::BOTH);
    there.write_all(b"x").unwrap();
    assert_eq!(select(&mut *selector, None).len(), 1);
    selector.unregister(fd(&here)).unwrap();
    let (began, timeout) = (MonotonicClock.now(), Duration::from_millis(3));
    assert_eq!(select(&mut *selector, Some(timeout)), []);
    assert!(MonotonicClock.now() - began >= timeout);
}

fn the_bell_ends_a_wait_from_another_thread(open: Open) {
    let mut selector = open();
    let bell = selector.bell();
    let ringer = thread::spawn(move || bell.ring());
    assert_eq!(select(&mut *selector, None), []);
    ringer.join().unwrap();
}

fn a_bell_rung_before_the_wait_ends_it(open: Open) {
    let mut selector = open();
    let (one, two) = (selector.bell(), selector.bell());
    for bell in [&one, &two, &one.clone()] {
        bell.ring();
        assert_eq!(select(&mut *selector, None), []);
    }
}

fn many_rings_are_one(open: Open) {
    let mut selector = open();
    (0..1000).for_each(|_| selector.bell().ring());
    assert_eq!(select(&mut *selector, None), []);
    let (began, timeout) = (MonotonicClock.now(), Duration::from_millis(3));
    assert_eq!(select(&mut *selector, Some(timeout)), []);
    assert!(MonotonicClock.now() - began >= timeout, "a second ring was heard");
}

fn the_bell_is_no_event_and_hides_none(open: Open) {
    let (mut selector, _here, mut there) = watched_pair(open, Interest::READ);
    there.write_all(b"x").unwrap();
    selector.bell().ring();
    assert_eq!(ready(&mut *selector), Readiness::READABLE);
    assert_eq!(selector.len(), 1);
}

fn a_bell_outlives_its_selector(open: Open) {
    let bell = open().bell();
    let mut other = open();
    bell.ring();
    assert_eq!(select(&mut *other, NOW), []);
}

fn every_ring_is_heard_by_a_wait_that_begins_after_the_last_was(open: Open) {
    let mut selector = open();
    let bell = selector.bell();
    let (ask, asked) = mpsc::channel();
    let ringer = thread::spawn(move || asked.iter().for_each(|()| bell.ring()));
    for _ in 0..500 {
        ask.send(()).unwrap();
        assert_eq!(select(&mut *selector, None), []);
    }
    drop(ask);
    ringer.join().unwrap();
}

over_every_backend! {
    a_wait_never_ends_before_its_time,
    a_timeout_longer_than_any_kernel_takes_is_no_error,
    events_are_appended,
    a_signal_ends_a_wait_with_an_empty_list,
    what_is_no_longer_watched_ends_no_wait,
    the_bell_ends_a_wait_from_another_thread,
    a_bell_rung_before_the_wait_ends_it,
    many_rings_are_one,
    the_bell_is_no_event_and_hides_none,
    a_bell_outlives_its_selector,
    every_ring_is_heard_by_a_wait_that_begins_after_the_last_was,
}
