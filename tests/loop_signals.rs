//! Signals are handled as callbacks of the loop, and leave the process as they found it.
//!
//! Dispositions belong to the process, so every test has a signal of its own.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use evloop::{Ended, EventLoop, LoopError, get_running_loop, signal};
use nix::sys::signal::{Signal, raise};
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn new_loop() -> (EventLoop, Log) {
    (EventLoop::new().unwrap(), Log::default())
}

/// Whether `signal` has the disposition of a process that has touched nothing, as the kernel says.
#[cfg(target_os = "linux")]
fn is_caught(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (signal - 1) != 0
}

#[test]
fn sig_01_a_handler_runs_as_a_callback_and_nothing_else_happens() {
    let (event_loop, log) = new_loop();
    let note = log.note("handled");
    let handler = move || {
        assert!(get_running_loop().is_ok());
        note();
    };
    event_loop.add_signal_handler(signal::SIGUSR1, handler).unwrap();
    raise(Signal::SIGUSR1).unwrap();
    assert!(log.take().is_empty());
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["handled"]);
    event_loop.close().unwrap();
}

#[test]
fn sig_02_a_signal_ends_a_sleep_without_end_whichever_thread_it_hits() {
    let (event_loop, _) = new_loop();
    let stop = event_loop.handle();
    event_loop.add_signal_handler(signal::SIGUSR2, move || stop.stop().unwrap()).unwrap();
    let (send, receive) = mpsc::channel::<()>();
    let sender = thread::spawn(move || {
        receive.recv().unwrap();
        // The handler runs in this very thread.
        raise(Signal::SIGUSR2).unwrap();
    });
    event_loop.call_soon(move || send.send(()).unwrap()).unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    sender.join().unwrap();
    event_loop.close().unwrap();
}

#[test]
fn sig_03_a_handler_has_what_it_captured_and_keeps_its_state() {
    let (event_loop, _) = new_loop();
    let seen = Rc::new(Cell::new(0));
    let (mut count, show) = (40, seen.clone());
    let handler = move || {
        count += 1;
        show.set(count);
    };
    event_loop.add_signal_handler(signal::SIGWINCH, handler).unwrap();
    for _ in 0..2 {
        raise(Signal::SIGWINCH).unwrap();
        event_loop.run_once(NOW).unwrap();
    }
    assert_eq!(seen.get(), 42);
    event_loop.close().unwrap();
}

#[test]
fn sig_05_what_cannot_be_caught_is_refused_and_removing_it_is_false() {
    let (event_loop, _) = new_loop();
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
    for signal in [libc::SIGKILL, libc::SIGSTOP, 0, -1, 1000].into_iter().chain(faults) {
        let error = event_loop.add_signal_handler(signal, || ()).unwrap_err();
        assert_eq!(error.to_string(), format!("sig {signal} cannot be caught"));
        assert!(!event_loop.remove_signal_handler(signal));
    }
    event_loop.close().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn sig_06_removing_a_handler_is_true_once_and_restores_what_was_before() {
    let (event_loop, _) = new_loop();
    assert!(!is_caught(signal::SIGHUP));
    event_loop.add_signal_handler(signal::SIGHUP, || ()).unwrap();
    assert!(is_caught(signal::SIGHUP));
    assert!(event_loop.remove_signal_handler(signal::SIGHUP));
    assert!(!event_loop.remove_signal_handler(signal::SIGHUP));
    assert!(!is_caught(signal::SIGHUP));
    // Closing does as much.
    event_loop.add_signal_handler(signal::SIGHUP, || ()).unwrap();
    event_loop.close().unwrap();
    assert!(!is_caught(signal::SIGHUP));
}

#[test]
fn sig_07_a_handler_may_remove_another_whose_signal_has_come_as_well() {
    let (event_loop, log) = new_loop();
    let inner = event_loop.clone();
    let handler = move || assert!(inner.remove_signal_handler(signal::SIGURG));
    event_loop.add_signal_handler(signal::SIGCONT, handler).unwrap();
    event_loop.add_signal_handler(signal::SIGURG, log.note("urgent")).unwrap();
    raise(Signal::SIGCONT).unwrap();
    raise(Signal::SIGURG).unwrap();
    event_loop.run_once(NOW).unwrap();
    // Its default is to be ignored.
    raise(Signal::SIGURG).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
    event_loop.close().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn sig_09_a_loop_without_handlers_touches_no_signal() {
    let caught = || {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let masks = status.lines().filter(|line| line.starts_with("Sig"));
        // Other tests of this process catch their own meanwhile; nobody here touches these.
        let own = [signal::SIGINT, signal::SIGTERM, signal::SIGPIPE].map(is_caught);
        (own, masks.filter(|line| line.starts_with("SigBlk")).collect::<String>())
    };
    let before = caught();
    let (event_loop, _) = new_loop();
    event_loop.run_until_complete(async move { assert_eq!(caught(), before) }).unwrap();
    event_loop.close().unwrap();
}

#[test]
fn sig_10_a_signal_whose_handler_is_gone_before_the_turn_is_ignored() {
    let (event_loop, log) = new_loop();
    event_loop.add_signal_handler(signal::SIGIO, log.note("handled")).unwrap();
    raise(Signal::SIGIO).unwrap();
    assert!(event_loop.remove_signal_handler(signal::SIGIO));
    event_loop.run_once(NOW).unwrap();
    // Nor does a handler that is added afterwards hear of it.
    event_loop.add_signal_handler(signal::SIGIO, log.note("late")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
    event_loop.close().unwrap();
}

#[test]
fn sig_11_a_handler_whose_handle_was_cancelled_is_removed_when_its_signal_comes() {
    let (event_loop, log) = new_loop();
    let handle = event_loop.add_signal_handler(signal::SIGALRM, log.note("handled")).unwrap();
    handle.cancel();
    raise(Signal::SIGALRM).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert!(log.take().is_empty());
    assert!(!event_loop.remove_signal_handler(signal::SIGALRM), "it is still there");
    event_loop.close().unwrap();
}

#[test]
fn sig_12_it_works_on_every_thread_and_a_signal_has_one_loop_at_a_time() {
    let (event_loop, log) = new_loop();
    event_loop.add_signal_handler(signal::SIGQUIT, log.note("first")).unwrap();
    let refused = thread::spawn(|| {
        let other = EventLoop::new().unwrap();
        let error = other.add_signal_handler(signal::SIGQUIT, || ()).unwrap_err();
        assert!(!other.remove_signal_handler(signal::SIGQUIT));
        matches!(error, LoopError::SignalTaken { signal: signal::SIGQUIT })
    });
    assert!(refused.join().unwrap());
    // A second handler of the same loop replaces the first.
    event_loop.add_signal_handler(signal::SIGQUIT, log.note("second")).unwrap();
    raise(Signal::SIGQUIT).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["second"]);
    event_loop.close().unwrap();
    let free = thread::spawn(|| {
        let other = EventLoop::new().unwrap();
        other.add_signal_handler(signal::SIGQUIT, || ()).map(|_| other.close().unwrap()).is_ok()
    });
    assert!(free.join().unwrap());
}

#[test]
fn sig_13_a_handler_that_was_refused_leaves_nothing_behind() {
    let (event_loop, log) = new_loop();
    let held = Rc::new(());
    let captured = held.clone();
    let reserved = 32; // Of the realtime signals, which glibc keeps for itself.
    if cfg!(target_os = "linux") {
        let handler = move || drop(captured.clone());
        assert!(event_loop.add_signal_handler(reserved, handler).is_err());
        assert_eq!(Rc::strong_count(&held), 1);
    }
    assert!(!event_loop.remove_signal_handler(reserved));
    event_loop.call_soon(log.note("goes on")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["goes on"]);
    event_loop.close().unwrap();
}

#[test]
fn signals_that_come_faster_than_turns_are_one() {
    let (event_loop, log) = new_loop();
    event_loop.add_signal_handler(signal::SIGVTALRM, log.note("handled")).unwrap();
    for _ in 0..100 {
        raise(Signal::SIGVTALRM).unwrap();
    }
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["handled"]);
    event_loop.close().unwrap();
}

#[test]
fn signals_from_many_threads_meet_removals_and_nothing_is_freed_too_early() {
    let (event_loop, _) = new_loop();
    // SIGCHLD, for its default is to be ignored.
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let done = done.clone();
            thread::spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    raise(Signal::SIGCHLD).unwrap();
                }
            })
        })
        .collect();
    for _ in 0..500 {
        event_loop.add_signal_handler(signal::SIGCHLD, || ()).unwrap();
        event_loop.run_once(NOW).unwrap();
        assert!(event_loop.remove_signal_handler(signal::SIGCHLD));
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    event_loop.close().unwrap();
}
