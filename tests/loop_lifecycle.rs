//! A loop runs, stops and runs again, and never inside itself; a thread knows which loop is its own.

mod support;

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use evloop::{
    Ended, EventLoop, LoopError, get_event_loop, get_running_loop, new_event_loop, set_event_loop,
    yield_now,
};
use support::Log;

fn new_loop() -> EventLoop {
    new_event_loop().unwrap()
}

#[test]
fn loop_01_a_new_loop_neither_runs_nor_is_closed_and_a_closed_one_says_so() {
    let event_loop = new_loop();
    assert!(!event_loop.is_running() && !event_loop.is_closed());
    event_loop.close().unwrap();
    assert!(!event_loop.is_running() && event_loop.is_closed());
}

#[test]
fn loop_05_a_running_loop_cannot_be_closed_and_goes_on() {
    let event_loop = new_loop();
    event_loop
        .run_until_complete(async {
            let event_loop = get_running_loop().unwrap();
            assert!(matches!(event_loop.close(), Err(LoopError::Running)));
            yield_now().await;
            assert!(event_loop.is_running() && !event_loop.is_closed());
        })
        .unwrap();
}

#[test]
fn loop_06_a_loop_does_not_run_inside_itself() {
    let event_loop = new_loop();
    let inner = event_loop.clone();
    let error = event_loop.run_until_complete(async move { inner.run_forever() });
    assert!(matches!(error.unwrap(), Err(LoopError::Running)));
    let inner = event_loop.clone();
    let error = event_loop.run_until_complete(async move { inner.run_until_complete(async {}) });
    assert_eq!(
        error.unwrap().unwrap_err().to_string().split(':').next(),
        Some("This event loop is already running")
    );
}

#[test]
fn a_loop_does_not_run_inside_another() {
    let [outer, inner] = [new_loop(), new_loop()];
    let error = outer.run_until_complete(async move { inner.run_forever() });
    assert!(matches!(error.unwrap(), Err(LoopError::AnotherIsRunning)));
}

#[test]
fn loop_08_the_value_comes_out_and_the_loop_can_run_again() {
    let event_loop = new_loop();
    assert_eq!(event_loop.run_until_complete(async { 1 }).unwrap(), 1);
    assert!(!event_loop.is_closed() && !event_loop.is_running());
    assert_eq!(event_loop.run_until_complete(async { 2 }).unwrap(), 2);
}

#[test]
fn loop_09_an_error_comes_out_as_it_is() {
    let failing = async { Err::<(), _>(std::io::Error::other("no")) };
    let error = new_loop().run_until_complete(failing).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no");
}

#[test]
fn loop_10_a_run_that_is_stopped_early_says_so_and_its_task_stays_pending() {
    let event_loop = new_loop();
    let log = Log::default();
    let done = log.note("done");
    let result = event_loop.run_until_complete(async move {
        get_running_loop().unwrap().stop();
        yield_now().await;
        done();
    });
    let error = result.unwrap_err();
    assert!(matches!(error, LoopError::StoppedBeforeCompletion));
    assert_eq!(error.to_string(), "Event loop stopped before Future completed.");
    assert!(log.take().is_empty());
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(log.take(), ["done"]);
}

#[test]
fn loop_12_a_task_of_another_loop_is_refused_and_does_not_run() {
    let [ours, theirs] = [new_loop(), new_loop()];
    let log = Log::default();
    let note = log.note("ran");
    let task = theirs.create_task(async move { note() });
    let error = ours.run_until_complete(task).unwrap().unwrap_err();
    assert!(error.to_string().contains("attached to a different loop"), "{error}");
    assert!(log.take().is_empty());
}

#[test]
fn loop_14_a_future_left_over_by_a_panic_does_not_stop_the_next_run() {
    let event_loop = new_loop();
    let left_over = Rc::new(Cell::new(false));
    let stopped = event_loop.run_until_complete({
        let left_over = left_over.clone();
        async move {
            get_running_loop().unwrap().stop();
            yield_now().await;
            left_over.set(true);
        }
    });
    assert!(stopped.is_err());
    let seen = left_over.clone();
    let second = event_loop.run_until_complete(async move {
        yield_now().await;
        yield_now().await;
        yield_now().await;
        seen.get()
    });
    assert!(second.unwrap());
}

#[test]
fn loop_15_a_panic_of_the_main_task_leaves_no_stop_behind() {
    let event_loop = new_loop();
    let panic =
        catch_unwind(AssertUnwindSafe(|| event_loop.run_until_complete(async { panic!("main") })));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"main"));
    assert!(!event_loop.is_running() && !event_loop.is_closed());
    let inner = event_loop.clone();
    event_loop
        .call_soon(move || {
            let last = inner.clone();
            inner.call_soon(move || last.stop()).unwrap();
        })
        .unwrap();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    assert!(event_loop.close().unwrap().is_clean());
}

/// asyncio lets a fatal error leave the run; here there is none: a panic ends only its callback.
#[test]
fn loop_16_a_panic_of_a_callback_does_not_end_the_run_and_those_behind_it_still_run() {
    let event_loop = new_loop();
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &_| ()));
    let log = Log::default();
    event_loop.call_soon(|| panic!("first")).unwrap();
    event_loop.call_soon(log.note("second")).unwrap();
    event_loop.stop();
    assert_eq!(event_loop.run_forever().unwrap(), Ended::Stopped);
    assert_eq!(log.take(), ["second"]);
}

#[test]
fn loop_17_a_stop_before_the_run_lets_it_do_one_turn_without_waiting() {
    let event_loop = new_loop();
    let log = Log::default();
    event_loop.call_soon(log.note("ready")).unwrap();
    event_loop.call_later(Duration::from_secs(3600), log.note("later")).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["ready"]);
    assert_eq!(event_loop.counters().turns, 1);
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(event_loop.counters().turns, 2);
}

#[test]
fn loop_18_stop_lets_the_turn_end() {
    let event_loop = new_loop();
    let log = Log::default();
    let stop = event_loop.clone();
    event_loop.call_soon(move || stop.stop()).unwrap();
    event_loop.call_soon(log.note("behind")).unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["behind"]);
    event_loop.close().unwrap();
}

#[test]
fn loop_20_an_event_of_the_turn_that_stops_is_handled_once() {
    let event_loop = new_loop();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let calls = Rc::new(Cell::new(0));
    theirs.write_all(b"x").unwrap();
    let reader = ours.try_clone().unwrap();
    let count = calls.clone();
    event_loop
        .add_reader(&ours, move || {
            count.set(count.get() + 1);
            std::io::Read::read(&mut &reader, &mut [0]).unwrap();
        })
        .unwrap();
    let stop = event_loop.clone();
    event_loop.call_soon(move || stop.stop()).unwrap();
    event_loop.run_forever().unwrap();
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(calls.get(), 1);
    event_loop.close().unwrap();
}

#[test]
fn loop_21_after_a_run_nothing_of_it_is_left() {
    let event_loop = new_loop();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert!(!event_loop.is_running());
    assert!(matches!(get_running_loop(), Err(LoopError::NotRunning)));
    assert_eq!(event_loop.next_deadline(), None, "a stop is pending");
}

#[test]
fn loop_22_inside_a_run_both_functions_give_that_loop_whatever_is_set() {
    let [running, current] = [new_loop(), new_loop()];
    set_event_loop(Some(current.clone()));
    let expected = running.clone();
    running
        .run_until_complete(async move {
            assert!(get_event_loop().unwrap() == expected);
            assert!(get_running_loop().unwrap() == expected);
        })
        .unwrap();
    assert!(get_event_loop().unwrap() == current);
    set_event_loop(None);
}

#[test]
fn loop_24_a_thread_that_is_not_the_main_one_gets_no_loop_by_itself() {
    let error = thread::spawn(|| get_event_loop().map(drop).unwrap_err().to_string());
    assert!(error.join().unwrap().starts_with("There is no current event loop"));
}

#[test]
fn loop_25_none_clears_the_current_loop() {
    set_event_loop(Some(new_loop()));
    assert!(get_event_loop().is_ok());
    set_event_loop(None);
    assert!(matches!(get_event_loop(), Err(LoopError::NoCurrentLoop)));
}

#[test]
fn loop_26_each_thread_sees_its_own_running_loop() {
    let (meet, other) = (mpsc::channel(), mpsc::channel());
    let run = |ready: mpsc::Sender<()>, go: mpsc::Receiver<()>| {
        thread::spawn(move || {
            let event_loop = new_loop();
            let own = event_loop.clone();
            let seen = event_loop.run_until_complete(async move {
                // Both are inside their runs when each looks.
                ready.send(()).unwrap();
                go.recv().unwrap();
                get_running_loop().unwrap() == own
            });
            event_loop.close().unwrap();
            seen.unwrap()
        })
    };
    let threads = [run(meet.0, other.1), run(other.0, meet.1)];
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

#[cfg(target_os = "linux")]
#[test]
fn loop_27_the_standard_streams_keep_their_flags() {
    // Among them is close-on-exec. (proc(5))
    let flags = || {
        [0, 1, 2].map(|fd| {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
            info.lines().find(|line| line.starts_with("flags")).map(String::from).unwrap()
        })
    };
    let before = flags();
    let event_loop = new_loop();
    event_loop.run_until_complete(evloop::sleep(Duration::ZERO)).unwrap();
    assert_eq!(flags(), before);
    event_loop.close().unwrap();
    assert_eq!(flags(), before);
}

#[test]
fn loop_28_time_is_alive_within_a_turn() {
    let event_loop = new_loop();
    event_loop
        .run_until_complete(async {
            let event_loop = get_running_loop().unwrap();
            let before = event_loop.time();
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(2) {
                std::hint::spin_loop();
            }
            assert!(event_loop.time().since(before) >= Duration::from_millis(2));
        })
        .unwrap();
}
