//! Other threads send calls to a loop: none is lost, and none waits for anything else.

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use evloop::{Ended, ErrorContext, EventLoop, LoopError};
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn thread_01_a_call_from_another_thread_ends_a_sleep_without_end() {
    let event_loop = EventLoop::new().unwrap();
    let (handle, own_thread) = (event_loop.handle(), thread::current().id());
    let (send, receive) = mpsc::channel();
    let caller = thread::spawn(move || {
        let stop = handle.clone();
        let call = move || {
            send.send(thread::current().id()).unwrap();
            stop.stop().unwrap();
        };
        handle.call_soon_threadsafe(call).unwrap();
    });
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    assert_eq!(receive.recv().unwrap(), own_thread);
    caller.join().unwrap();
}

#[test]
fn thread_01_no_call_is_lost_however_sends_and_sleeps_meet() {
    const THREADS: u32 = 4;
    const CALLS: u32 = 500;
    let event_loop = EventLoop::new().unwrap();
    let barrier = Arc::new(Barrier::new(THREADS as usize));
    let done = Arc::new(AtomicU32::new(0));
    let callers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (handle, barrier) = (event_loop.handle(), barrier.clone());
            let done = done.clone();
            thread::spawn(move || {
                barrier.wait();
                for _ in 0..CALLS {
                    // The answer is waited for, so that the loop sleeps between any two calls.
                    let (send, receive) = mpsc::channel();
                    handle.call_soon_threadsafe(move || send.send(()).unwrap()).unwrap();
                    receive.recv().unwrap();
                }
                // The last one ends the run.
                let stop_if_last = move || {
                    if done.fetch_add(1, Ordering::SeqCst) + 1 == THREADS {
                        evloop::get_running_loop().unwrap().stop();
                    }
                };
                handle.call_soon_threadsafe(stop_if_last).unwrap();
            })
        })
        .collect();
    event_loop.run_forever().unwrap();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    event_loop.run_once(NOW).unwrap();
    assert_eq!(event_loop.counters().wakes_remote, u64::from(THREADS * CALLS + THREADS));
}

#[test]
fn thread_02_a_call_sent_before_one_that_is_made_here_comes_before_it() {
    let event_loop = EventLoop::new().unwrap();
    let (handle, here) = (event_loop.handle(), Rc::new(RefCell::new(Vec::new())));
    let (send, receive) = mpsc::channel();
    thread::spawn(move || handle.call_soon_threadsafe(move || send.send("a").unwrap()))
        .join()
        .unwrap()
        .unwrap();
    let order = here.clone();
    event_loop.call_soon(move || order.borrow_mut().extend(receive.try_iter())).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(*here.borrow(), ["a"]);
}

#[test]
fn thread_05_a_closed_loop_refuses_and_gives_up_what_was_sent() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let held = Arc::new(());
    let captured = held.clone();
    handle.call_soon_threadsafe(move || drop(captured)).unwrap();
    assert_eq!(event_loop.close().unwrap().handles, 1);
    assert_eq!(Arc::strong_count(&held), 1);
    drop(event_loop);
    let captured = held.clone();
    let refused = thread::spawn(move || handle.call_soon_threadsafe(move || drop(captured)));
    assert!(matches!(refused.join().unwrap(), Err(LoopError::Closed)));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn thread_05_closing_races_with_senders_and_everything_sent_is_freed() {
    let held = Arc::new(());
    for _ in 0..50 {
        let event_loop = EventLoop::new().unwrap();
        let (handle, captured) = (event_loop.handle(), held.clone());
        let barrier = Arc::new(Barrier::new(2));
        let start = barrier.clone();
        let sender = thread::spawn(move || {
            start.wait();
            loop {
                let captured = captured.clone();
                if handle.call_soon_threadsafe(move || drop(captured)).is_err() {
                    break;
                }
            }
        });
        barrier.wait();
        event_loop.run_once(NOW).unwrap();
        event_loop.close().unwrap();
        sender.join().unwrap();
    }
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_call_from_another_thread_that_panics_ends_only_itself() {
    let (event_loop, log) = (EventLoop::new().unwrap(), Log::default());
    let told = log.note("handler");
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            told();
        }
    }));
    event_loop.handle().call_soon_threadsafe(|| panic!("remote")).unwrap();
    event_loop.call_soon(log.note("next")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["handler", "next"]);
}

#[test]
fn thread_07_a_threads_coroutine_gives_it_the_value_the_panic_or_that_it_was_cancelled() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let asker = thread::spawn(move || {
        let two = || async {
            evloop::yield_now().await;
            2
        };
        assert_eq!(handle.run_coroutine_threadsafe(two).unwrap().result().unwrap(), 2);
        let fails = || async { std::panic::resume_unwind(Box::new("no")) };
        let failed = handle.run_coroutine_threadsafe(fails).unwrap();
        assert!(failed.result().unwrap_err().is_panic());
        let never = handle.run_coroutine_threadsafe(std::future::pending::<()>).unwrap();
        let never = never.result_timeout(Duration::ZERO).unwrap_err();
        assert!(never.cancel());
        assert!(never.result().unwrap_err().is_cancelled());
        handle.stop().unwrap();
    });
    event_loop.run_forever().unwrap();
    asker.join().unwrap();
    event_loop.close().unwrap();
}

#[test]
fn thread_07_a_coroutine_whose_loop_is_closed_ends_cancelled_and_a_closed_loop_takes_none() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let unstarted = handle.run_coroutine_threadsafe(std::future::pending::<()>).unwrap();
    let started = handle.run_coroutine_threadsafe(std::future::pending::<()>).unwrap();
    event_loop.run_once(NOW).unwrap();
    event_loop.close().unwrap();
    assert!(unstarted.result().unwrap_err().is_cancelled());
    assert!(started.result().unwrap_err().is_cancelled());
    let refused = handle.run_coroutine_threadsafe(|| async {});
    assert!(matches!(refused, Err(LoopError::Closed)));
}
