//! Ctrl-C, as a Python user expects it.
//!
//! It belongs to the main thread and to the whole process, so this test has a main function of its
//! own, and every program below a process of its own: the test starts itself again for each.

use std::cell::{Cell, RefCell};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};
use std::rc::Rc;
use std::time::Duration;

use evloop::{Cancelled, Ended, EventLoop, LoopError, cancel_scope, signal, sleep, yield_now};
use nix::sys::signal::{Signal, raise};

const PROGRAM: &str = "EVLOOP_TEST_PROGRAM";
const LONG: Duration = Duration::from_secs(3600);

type Program = (&'static str, fn(), fn(ExitStatus) -> bool);

const PROGRAMS: &[Program] = &[
    ("a_run_ends_by_ctrl_c_and_sigint_is_as_before", a_run_ends, succeeds),
    ("run_06_the_first_cancels_the_main_task", the_first_cancels, succeeds),
    ("run_06_a_main_task_that_swallows_it_gives_its_value", swallowed, succeeds),
    ("run_06_the_second_interrupts_at_once", the_second_interrupts, succeeds),
    ("run_06_after_the_second_run_waits_for_nobody", the_second_ends_run, succeeds),
    ("run_03_tasks_left_behind_clean_up_after_ctrl_c", left_behind, succeeds),
    ("a_second_one_kills_what_hogs_the_thread", hogs_the_thread, dies_of_sigint),
    ("a_handler_of_the_users_own_wins", users_handler, succeeds),
    ("a_handler_added_in_the_turn_of_ctrl_c_is_called", handler_after_ctrl_c, succeeds),
    ("one_in_main_tasks_last_turn_is_not_lost", in_the_last_turn, succeeds),
    ("loops_of_other_threads_leave_it_alone", other_thread, succeeds),
    ("run_once_leaves_it_alone", run_once, succeeds),
];

fn succeeds(status: ExitStatus) -> bool {
    status.success()
}

fn dies_of_sigint(status: ExitStatus) -> bool {
    status.signal() == Some(libc::SIGINT)
}

fn main() {
    if let Ok(name) = std::env::var(PROGRAM) {
        return match PROGRAMS.iter().find(|(known, ..)| *known == name) {
            Some((_, program, _)) => program(),
            None => stays_ignored(),
        };
    }
    let own = std::env::current_exe().unwrap();
    for (name, _, expected) in PROGRAMS {
        judge(name, Command::new(&own).env(PROGRAM, name).output().unwrap(), *expected);
    }
    let ignoring = ["-c", "trap '' INT; exec \"$0\""];
    let name = "an_ignored_sigint_stays_ignored";
    let output = Command::new("sh").args(ignoring).arg(&own).env(PROGRAM, name).output().unwrap();
    judge(name, output, succeeds);
}

fn judge(name: &str, output: Output, expected: fn(ExitStatus) -> bool) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(expected(output.status), "{name}: {:?}\n{stderr}", output.status);
    println!("test {name} ... ok");
}

fn press() {
    raise(Signal::SIGINT).unwrap();
}

/// Whether SIGINT has a handler, as the kernel says; unknown elsewhere.
fn is_caught() -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    Some(u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (libc::SIGINT - 1) != 0)
}

fn new_loop() -> EventLoop {
    EventLoop::new().unwrap()
}

fn a_run_ends() {
    let event_loop = new_loop();
    assert_ne!(is_caught(), Some(true));
    for _ in 0..2 {
        event_loop
            .call_soon(|| {
                assert_ne!(is_caught(), Some(false));
                press();
            })
            .unwrap();
        assert_eq!(event_loop.run_forever().unwrap(), Ended::Interrupted);
        assert_ne!(is_caught(), Some(true));
    }
    // The loop is in order.
    assert_eq!(event_loop.run_until_complete(async { 1 }).unwrap(), 1);
    assert!(event_loop.close().unwrap().is_clean());
}

fn the_first_cancels() {
    let event_loop = new_loop();
    event_loop.call_soon(press).unwrap();
    let result = event_loop.run_until_complete(sleep(LONG));
    assert!(matches!(result, Err(LoopError::Interrupted)));
    assert!(event_loop.close().unwrap().is_clean());
}

fn swallowed() {
    let event_loop = new_loop();
    let result = event_loop.run_until_complete(async {
        press();
        let heard = cancel_scope(sleep(LONG)).await;
        yield_now().await;
        heard
    });
    assert_eq!(result.unwrap(), Err(Cancelled));
}

async fn stubborn(log: Rc<RefCell<Vec<&'static str>>>) {
    loop {
        press();
        if cancel_scope(sleep(LONG)).await.is_err() {
            log.borrow_mut().push("heard");
        }
    }
}

fn the_second_interrupts() {
    let (event_loop, log) = (new_loop(), Rc::default());
    let result = event_loop.run_until_complete(stubborn(Rc::clone(&log)));
    assert!(matches!(result, Err(LoopError::Interrupted)));
    assert_eq!(*log.borrow(), ["heard"]);
    assert_eq!(event_loop.close().unwrap().residents.len(), 1);
}

fn the_second_ends_run() {
    let log = Rc::default();
    assert!(matches!(evloop::run(stubborn(Rc::clone(&log))), Err(LoopError::Interrupted)));
    assert_eq!(*log.borrow(), ["heard"]);
}

fn left_behind() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let cleaned_up = log.clone();
    let result = evloop::run(async move {
        evloop::spawn(async move {
            let heard = cancel_scope(sleep(LONG)).await;
            yield_now().await;
            cleaned_up.borrow_mut().push(heard);
        });
        yield_now().await;
        press();
        sleep(LONG).await;
    });
    assert!(matches!(result, Err(LoopError::Interrupted)));
    assert_eq!(*log.borrow(), [Err(Cancelled)]);
}

fn hogs_the_thread() {
    let event_loop = new_loop();
    event_loop
        .call_soon(|| {
            loop {
                press();
            }
        })
        .unwrap();
    let _ = event_loop.run_forever();
}

fn users_handler() {
    let (event_loop, calls) = (new_loop(), Rc::new(Cell::new(0)));
    let (count, stop) = (calls.clone(), event_loop.clone());
    let handler = move || {
        count.set(count.get() + 1);
        stop.stop();
    };
    // Before the run, and in it.
    event_loop.add_signal_handler(signal::SIGINT, handler.clone()).unwrap();
    event_loop.call_soon(press).unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    assert!(event_loop.remove_signal_handler(signal::SIGINT));
    let inner = event_loop.clone();
    event_loop
        .call_soon(move || {
            inner.add_signal_handler(signal::SIGINT, handler).unwrap();
            press();
            press();
        })
        .unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    assert_eq!(calls.get(), 2);
    // Removed in a run, the run answers again.
    let inner = event_loop.clone();
    event_loop
        .call_soon(move || {
            assert!(inner.remove_signal_handler(signal::SIGINT));
            press();
        })
        .unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Interrupted);
}

fn handler_after_ctrl_c() {
    let event_loop = new_loop();
    let (inner, stop) = (event_loop.clone(), event_loop.clone());
    event_loop
        .call_soon(move || {
            press();
            inner.add_signal_handler(signal::SIGINT, move || stop.stop()).unwrap();
        })
        .unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
}

fn in_the_last_turn() {
    let result = new_loop().run_until_complete(async { press() });
    assert!(matches!(result, Err(LoopError::Interrupted)));
}

fn other_thread() {
    let in_the_run = std::thread::spawn(|| new_loop().run_until_complete(async { is_caught() }));
    assert_ne!(in_the_run.join().unwrap().unwrap(), Some(true));
}

fn run_once() {
    let event_loop = new_loop();
    event_loop.call_soon(|| assert_ne!(is_caught(), Some(true))).unwrap();
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(event_loop.counters().exceptions, 0);
}

fn stays_ignored() {
    let event_loop = new_loop();
    let result = event_loop.run_until_complete(async {
        press();
        press();
        yield_now().await;
        is_caught()
    });
    assert_ne!(result.unwrap(), Some(true));
}
