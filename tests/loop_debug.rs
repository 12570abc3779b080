//! Debug mode: what it tells of, with what names, and that it is silent otherwise.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::Location;
use std::process::Command;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use evloop::observe::Warning;
use evloop::{Builder, ErrorContext, EventLoop, ManualClock, open_connection, start_server};

const NOW: Option<Duration> = Some(Duration::ZERO);
const SLOW: Duration = Duration::from_millis(150);

/// What the exception handler was told.
type Told = Rc<RefCell<Vec<(Option<Warning>, String)>>>;

/// A loop whose time a callback can let pass, and what it tells.
fn debugged(builder: Builder) -> (EventLoop, ManualClock, Told) {
    let clock = ManualClock::new();
    let event_loop = builder.clock(clock.clone()).build().unwrap();
    let told = listen(&event_loop);
    (event_loop, clock, told)
}

fn listen(event_loop: &EventLoop) -> Told {
    let told = Told::default();
    let ear = told.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        ear.borrow_mut().push((context.warning, context.to_string()));
    }));
    told
}

fn debugging() -> (EventLoop, ManualClock, Told) {
    debugged(EventLoop::builder().debug(true))
}

/// The one thing told, which is `warning`.
#[track_caller]
fn only(told: &Told, warning: Warning) -> String {
    let mut told = told.take();
    assert_eq!(told.len(), 1, "{told:#?}");
    let (is, text) = told.remove(0);
    assert_eq!(is, Some(warning), "{text}");
    text
}

fn here(line_after: u32, at: &Location<'_>) -> String {
    format!("tests/loop_debug.rs:{}", at.line() + line_after)
}

#[test]
fn exc_09_debug_mode_reads_as_it_was_set_also_from_within_a_run() {
    let event_loop = EventLoop::builder().debug(false).build().unwrap();
    assert!(!event_loop.get_debug());
    event_loop.set_debug(true);
    assert!(event_loop.get_debug());
    let inner = event_loop.clone();
    event_loop.call_soon(move || inner.set_debug(false)).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert!(!event_loop.get_debug());
}

#[test]
fn child() {
    if std::env::var_os("EVLOOP_TEST_CHILD").is_some() {
        let event_loop = EventLoop::new().unwrap();
        println!("debug: {}", event_loop.get_debug());
        event_loop.create_task(pending::<()>()).set_name("forgotten");
        event_loop.run_once(NOW).unwrap();
    }
}

#[test]
fn exc_09_the_environment_begins_debug_mode_when_a_loop_is_made() {
    for (value, on) in [("1", true), ("0", false), ("", false)] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .envs([("EVLOOP_TEST_CHILD", "1"), ("EVLOOP_DEBUG", value)])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&child.stdout), child.stderr);
        assert!(out.contains(&format!("debug: {on}")), "{value}: {out}");
        // The loop is dropped, not closed: standard error hears of the task all the same.
        let err = String::from_utf8_lossy(&err);
        let lost = "destroyed but it is pending! The loop was closed while task 'forgotten'";
        assert_eq!(err.contains(lost), on, "{err}");
    }
}

#[test]
fn run_08_a_loop_that_is_built_in_debug_mode_runs_in_debug_mode() {
    for enabled in [true, false] {
        let event_loop = EventLoop::builder().debug(enabled).build().unwrap();
        let inner = event_loop.clone();
        let seen = event_loop.run_until_complete(async move { inner.get_debug() }).unwrap();
        assert_eq!(seen, enabled);
    }
}

#[test]
fn a_slow_callback_is_told_with_where_it_was_registered() {
    let (event_loop, clock, told) = debugging();
    let at = Location::caller();
    event_loop.call_soon(move || clock.advance(SLOW)).unwrap();
    event_loop.run_once(NOW).unwrap();
    let text = only(&told, Warning::SlowCallback { took: SLOW });
    assert!(text.contains("took 0.150 seconds") && text.contains(&here(1, at)), "{text}");
    assert_eq!(event_loop.counters().exceptions, 0);
}

#[test]
fn a_slow_step_is_told_with_the_name_of_its_task_its_await_and_where_it_was_spawned() {
    let (event_loop, clock, told) = debugging();
    let at = Location::caller();
    let task = event_loop.create_task(async move {
        evloop::yield_now().await;
        clock.advance(SLOW);
    });
    task.set_name("report");
    event_loop.run_once(NOW).unwrap();
    assert_eq!(told.take(), []);
    event_loop.run_once(NOW).unwrap();
    let text = only(&told, Warning::SlowCallback { took: SLOW });
    assert!(text.contains(&format!("task 'report' at {}", here(2, at))), "{text}");
    assert!(text.contains(&format!("from: {}", here(1, at))), "{text}");
}

#[test]
fn a_task_that_was_there_before_debug_mode_has_its_name_in_it() {
    let (event_loop, clock, told) = debugged(EventLoop::builder().debug(false));
    event_loop.create_task(async move { clock.advance(SLOW) }).set_name("early");
    event_loop.set_debug(true);
    event_loop.run_once(NOW).unwrap();
    assert!(only(&told, Warning::SlowCallback { took: SLOW }).contains("task 'early'"));
}

#[test]
fn handles_that_are_slow_only_together_are_told_as_a_turn() {
    let (event_loop, clock, told) = debugging();
    let part = Duration::from_millis(60);
    for _ in 0..2 {
        let clock = clock.clone();
        event_loop.call_soon(move || clock.advance(part)).unwrap();
    }
    event_loop.run_once(NOW).unwrap();
    let text = only(&told, Warning::SlowTurn { took: part * 2, handles: 2 });
    assert!(text.contains("call_soon at tests/loop_debug.rs"), "{text}");
}

#[test]
fn what_takes_less_than_the_duration_is_not_told() {
    let (event_loop, clock, told) = debugging();
    assert_eq!(event_loop.slow_callback_duration(), Duration::from_millis(100));
    event_loop.set_slow_callback_duration(SLOW + Duration::from_nanos(1));
    let slow = clock.clone();
    event_loop.call_soon(move || slow.advance(SLOW)).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(told.take(), []);
    event_loop.set_slow_callback_duration(SLOW);
    event_loop.call_soon(move || clock.advance(SLOW)).unwrap();
    event_loop.run_once(NOW).unwrap();
    only(&told, Warning::SlowCallback { took: SLOW });
}

#[test]
fn exc_07_a_task_that_is_pending_at_close_is_told_with_where_it_waits() {
    let (event_loop, _clock, told) = debugging();
    let at = Location::caller();
    let task = event_loop.create_task(async { evloop::sleep(SLOW).await });
    task.set_name("sleeper");
    event_loop.run_once(NOW).unwrap();
    event_loop.close().unwrap();
    let text = only(&told, Warning::TaskPending);
    assert!(text.starts_with("Task was destroyed but it is pending!"), "{text}");
    assert!(text.contains("'sleeper'") && text.contains(&here(1, at)), "{text}");
}

#[test]
fn a_connection_nobody_closed_is_told_with_who_made_it_and_a_closed_one_is_not() {
    let event_loop = EventLoop::builder().debug(true).build().unwrap();
    let told = listen(&event_loop);
    let ends = event_loop.run_until_complete(async {
        let server = start_server(|_, _| async { pending::<()>().await }, ("127.0.0.1", 0)).await?;
        let open = open_connection(server.sockets()[0].local_addr()).await?;
        let mut closed = open_connection(server.sockets()[0].local_addr()).await?;
        closed.1.close();
        server.close();
        Ok::<_, std::io::Error>((open, closed))
    });
    let _ends = ends.unwrap().unwrap();
    event_loop.close().unwrap();
    let told = told.take();
    let by_main = |text: &str| text.contains("made by task 'Task-1'");
    let left =
        |(warning, text): &&(_, String)| *warning == Some(Warning::LeftOpen) && by_main(text);
    assert_eq!(told.iter().filter(left).count(), 1, "{told:#?}");
}

#[test]
fn a_task_that_spins_by_waking_itself_is_told_once_for_all_of_its_kind() {
    let (event_loop, _clock, told) = debugging();
    for _ in 0..2 {
        event_loop.create_task(poll_fn(|context| -> Poll<()> {
            context.waker().wake_by_ref();
            Poll::Pending
        }));
    }
    for _ in 0..300 {
        event_loop.run_once(NOW).unwrap();
    }
    assert!(only(&told, Warning::Misuse).contains("has woken itself in 100 steps in a row"));
}

#[test]
fn a_task_that_yields_on_purpose_is_not_told() {
    let (event_loop, _clock, told) = debugging();
    let yields = async {
        for _ in 0..300 {
            evloop::yield_now().await;
        }
    };
    event_loop.run_until_complete(yields).unwrap();
    assert_eq!(told.take(), []);
}

#[test]
fn a_task_that_nothing_can_wake_is_told_and_one_that_somebody_can_is_not() {
    let (event_loop, _clock, told) = debugging();
    event_loop.create_task(poll_fn(|_| -> Poll<()> { Poll::Pending })).set_name("lost");
    let kept = RefCell::new(None);
    event_loop.create_task(poll_fn(move |context| -> Poll<()> {
        kept.replace(Some(context.waker().clone()));
        Poll::Pending
    }));
    event_loop.create_task(evloop::sleep(SLOW));
    event_loop.run_once(NOW).unwrap();
    let text = only(&told, Warning::Misuse);
    assert!(text.contains("task 'lost' is pending, and nothing can wake it"), "{text}");
}

#[test]
fn a_handler_that_calls_the_loop_from_a_warning_finds_it_in_order() {
    let (event_loop, clock, _) = debugging();
    let ran = Rc::new(RefCell::new(0));
    let count = ran.clone();
    event_loop.set_exception_handler(Some(move |event_loop: &EventLoop, _: &ErrorContext| {
        let count = count.clone();
        event_loop.set_debug(false);
        event_loop.call_soon(move || *count.borrow_mut() += 1).unwrap();
    }));
    event_loop.call_soon(move || clock.advance(SLOW)).unwrap();
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(*ran.borrow(), 1);
}

#[test]
fn outside_of_debug_mode_nothing_of_this_is_told() {
    let (event_loop, clock, told) = debugged(EventLoop::builder().debug(false));
    event_loop.call_soon(move || clock.advance(SLOW)).unwrap();
    event_loop.create_task(poll_fn(|_| -> Poll<()> { Poll::Pending }));
    event_loop.run_once(NOW).unwrap();
    event_loop.close().unwrap();
    assert_eq!(told.take(), []);
}

#[cfg(feature = "process")]
#[test]
fn a_child_that_runs_when_its_loop_is_closed_is_told_with_what_to_do_about_it() {
    use evloop::process::Redirect;
    let (event_loop, _, told) = debugging();
    let child = event_loop.run_until_complete(async {
        let cat = evloop::create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Pipe);
        cat.kill_on_drop(true).await
    });
    let child = child.unwrap().unwrap();
    event_loop.close().unwrap();
    let told = told.take();
    let said =
        |text: &&(_, String)| text.1.contains("a child process") && text.1.contains("wait()");
    assert_eq!(told.iter().filter(said).count(), 1, "{told:#?}");
    drop(child);
}

#[cfg(feature = "datagram")]
#[test]
fn an_endpoint_that_was_asked_to_close_was_not_forgotten() {
    struct Ears;
    impl evloop::DatagramProtocol for Ears {
        fn datagram_received(
            &mut self,
            _: &evloop::DatagramTransport,
            _: &[u8],
            _: std::net::SocketAddr,
        ) {
        }
    }
    for asked in [true, false] {
        let (event_loop, _, told) = debugging();
        let endpoint = event_loop.create_datagram_endpoint(|| Ears).local_addr(("127.0.0.1", 0));
        let transport = event_loop.run_until_complete(endpoint.into_future()).unwrap().unwrap();
        if asked {
            transport.close();
        }
        event_loop.close().unwrap();
        let told = told.take();
        let forgotten = told.iter().any(|(_, text)| text.contains("a datagram endpoint"));
        assert_eq!(forgotten, !asked, "{told:#?}");
    }
}
