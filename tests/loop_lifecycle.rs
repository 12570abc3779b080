//! A loop runs, stops, runs again and is closed, and never runs inside itself.

mod support;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use evloop::{
    Ended, ErrorContext, EventLoop, LoopError, ManualClock, get_event_loop, get_running_loop,
    new_event_loop, set_event_loop, sleep, yield_now,
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
fn loop_02_closing_again_does_nothing() {
    let event_loop = new_loop();
    event_loop.call_soon(|| ()).unwrap();
    assert_eq!(event_loop.close().unwrap().handles, 1);
    assert!(event_loop.close().unwrap().is_clean());
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn loop_04_a_closed_loop_refuses_everything() {
    let event_loop = new_loop();
    let handle = event_loop.handle();
    let (socket, _peer) = UnixStream::pair().unwrap();
    event_loop.close().unwrap();
    let is_closed = |result: Result<(), LoopError>| matches!(result, Err(LoopError::Closed));
    assert!(is_closed(event_loop.call_soon(|| ()).map(drop)));
    assert!(is_closed(event_loop.call_later(Duration::ZERO, || ()).map(drop)));
    assert!(is_closed(event_loop.call_at(event_loop.time(), || ()).map(drop)));
    assert!(is_closed(event_loop.add_reader(&socket, || ()).map(drop)));
    assert!(is_closed(event_loop.add_writer(&socket, || ()).map(drop)));
    assert!(is_closed(event_loop.add_signal_handler(evloop::signal::SIGURG, || ()).map(drop)));
    assert!(is_closed(handle.call_soon_threadsafe(|| ())));
    assert!(is_closed(event_loop.run_forever().map(drop)));
    assert!(is_closed(event_loop.run_once(None)));
    assert!(is_closed(event_loop.run_until_complete(async {})));
    assert!(is_closed(event_loop.try_as_fd().map(drop)));
    let mut task = event_loop.create_task(async {});
    assert!(matches!(task.result(), Some(Err(evloop::JoinError::LoopClosed))));
}

#[test]
fn a_closed_loop_is_never_due_also_if_a_stop_or_another_thread_s_call_came_before_the_close() {
    let stopped = new_loop();
    stopped.stop();
    stopped.close().unwrap();
    assert_eq!(stopped.next_deadline(), None);

    let called = new_loop();
    called.handle().call_soon_threadsafe(|| ()).unwrap();
    called.close().unwrap();
    assert_eq!(called.next_deadline(), None);
}

#[test]
fn closing_frees_what_a_callback_captured_also_if_somebody_keeps_its_handle() {
    let event_loop = new_loop();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let captured = Rc::new(());
    let capture = || {
        let captured = captured.clone();
        move || drop(captured.clone())
    };
    let handles = [
        event_loop.call_soon(capture()).unwrap(),
        event_loop.add_reader(&socket, capture()).unwrap(),
    ];
    let timer = event_loop.call_later(Duration::from_secs(1), capture()).unwrap();
    assert_eq!(Rc::strong_count(&captured), 4);
    event_loop.close().unwrap();
    assert_eq!(Rc::strong_count(&captured), 1);
    assert!(timer.cancelled() && handles.iter().all(|handle| handle.cancelled()));
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
    event_loop.run_until_complete(sleep(Duration::ZERO)).unwrap();
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

#[test]
fn exc_07_closing_reports_what_was_still_alive() {
    let event_loop = new_loop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&ours);
    event_loop.add_reader(&ours, || ()).unwrap();
    let task = event_loop.create_task(sleep(Duration::from_secs(1)));
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    event_loop.call_soon(|| ()).unwrap();
    event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    let report = event_loop.close().unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.residents.len(), 1);
    assert_eq!((report.handles, report.descriptors), (2, vec![fd]));
    assert!(task.cancelled());
}

/// Panics when it is dropped.
struct Bomb(Rc<Cell<u32>>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("destructor");
    }
}

#[test]
fn destructors_that_panic_while_the_loop_closes_end_only_themselves() {
    let event_loop = new_loop();
    let told = Rc::new(Cell::new(0));
    let tell = told.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        tell.set(tell.get() + usize::from(context.warning.is_none()));
    }));
    let dropped = Rc::new(Cell::new(0));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let bomb = || Bomb(dropped.clone());
    let watchers = Cell::new(0);
    for _ in 0..2 {
        let [a, b, c, d] = [bomb(), bomb(), bomb(), bomb()];
        event_loop.call_soon(move || drop(a)).unwrap();
        event_loop.call_later(Duration::from_secs(1), move || drop(b)).unwrap();
        drop(event_loop.create_task(async move {
            std::future::pending::<()>().await;
            drop(c)
        }));
        let watcher = move || assert!(d.0.get() < 8);
        match watchers.replace(watchers.get() + 1) {
            0 => event_loop.add_reader(&ours, watcher).unwrap(),
            _ => event_loop.add_writer(&ours, watcher).unwrap(),
        };
    }
    event_loop.close().unwrap();
    assert_eq!((dropped.get(), told.get()), (8, 8));
}

#[test]
fn a_loop_that_is_dropped_contains_destructors_that_panic() {
    let dropped = Rc::new(Cell::new(0));
    let event_loop = new_loop();
    for bomb in [Bomb(dropped.clone()), Bomb(dropped.clone())] {
        event_loop.call_soon(move || drop(bomb)).unwrap();
    }
    drop(event_loop);
    assert_eq!(dropped.get(), 2);
}

#[test]
fn whatever_is_dropped_while_the_loop_closes_may_call_the_loop() {
    struct Calls(EventLoop, Rc<RefCell<Vec<bool>>>);
    impl Drop for Calls {
        fn drop(&mut self) {
            let closed = matches!(self.0.call_soon(|| ()), Err(LoopError::Closed));
            let again = self.0.close().is_ok_and(|report| report.is_clean());
            self.1.borrow_mut().extend([closed, again, self.0.run_once(None).is_err()]);
        }
    }
    let event_loop = new_loop();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let calls = || Calls(event_loop.clone(), seen.clone());
    let [a, b, c] = [calls(), calls(), calls()];
    event_loop.call_soon(move || drop(a)).unwrap();
    event_loop.call_later(Duration::from_secs(1), move || drop(b)).unwrap();
    drop(event_loop.create_task(async move {
        std::future::pending::<()>().await;
        drop(c)
    }));
    event_loop.close().unwrap();
    assert_eq!(*seen.borrow(), [true; 9]);
}

#[test]
fn a_loop_may_be_used_up_to_the_last_destructor_of_its_thread() {
    thread_local!(static LAST: RefCell<Option<LastWords>> = const { RefCell::new(None) });
    struct LastWords(mpsc::Sender<bool>, EventLoop);
    impl Drop for LastWords {
        fn drop(&mut self) {
            let current = get_event_loop();
            let turn = self.1.run_once(Some(Duration::ZERO));
            let orderly = matches!(current, Ok(_) | Err(LoopError::ThreadEnds))
                && matches!(turn, Ok(()) | Err(LoopError::ThreadEnds));
            set_event_loop(None);
            self.0.send(orderly).unwrap();
        }
    }
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        // Registered first, destroyed last.
        LAST.set(Some(LastWords(send, new_loop())));
        let event_loop = new_loop();
        set_event_loop(Some(event_loop.clone()));
        event_loop.run_until_complete(async {}).unwrap();
    })
    .join()
    .unwrap();
    assert!(receive.recv().unwrap());
}

#[test]
fn a_program_of_sleeps_takes_no_time_on_virtual_time() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().virtual_time(clock).build().unwrap();
    event_loop.run_until_complete(sleep(Duration::from_secs(1_000_000))).unwrap();
    assert_eq!(event_loop.time().as_secs_f64(), 1_000_000.0);
    event_loop.close().unwrap();
}

/// Runs in a process of its own, with `EVLOOP_CLOCK` set.
#[test]
fn child_of_the_environment() {
    if std::env::var_os("EVLOOP_CLOCK").is_none() {
        return;
    }
    match EventLoop::new() {
        Ok(event_loop) => {
            let year = Duration::from_secs(365 * 24 * 3600);
            event_loop.run_until_complete(sleep(year)).unwrap();
            println!("slept until {:?}", event_loop.time());
        }
        Err(error) => println!("refused: {error}"),
    }
}

#[test]
fn the_environment_can_make_time_virtual_and_nothing_else() {
    let with_clock = |clock: &str| {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_of_the_environment", "--nocapture"])
            .env("EVLOOP_CLOCK", clock)
            .output();
        String::from_utf8(child.unwrap().stdout).unwrap()
    };
    let text = with_clock("virtual");
    assert!(text.contains("slept until 31536000s"), "{text}");
    let text = with_clock("fast");
    assert!(text.contains("refused: EVLOOP_CLOCK is \"fast\"; it may be: real, virtual"), "{text}");
}

#[test]
fn what_a_callback_captured_is_freed_by_close_also_where_it_captured_its_own_handle() {
    let event_loop = EventLoop::new().unwrap();
    let (handles, timers) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
    let captured = (handles.clone(), timers.clone());
    *handles.borrow_mut() = event_loop.call_soon(move || drop(captured)).ok();
    let captured = (handles.clone(), timers.clone());
    let hour = Duration::from_secs(3600);
    *timers.borrow_mut() = event_loop.call_later(hour, move || drop(captured)).ok();
    event_loop.close().unwrap();
    assert_eq!((Rc::strong_count(&handles), Rc::strong_count(&timers)), (1, 1));
}
