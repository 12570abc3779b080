//! What nobody is there to take goes to the exception handler, and never further.

mod support;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use evloop::observe::What;
use evloop::{ErrorContext, EventLoop, Exception};
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Runs one of the programs below in a process of its own, and gives what it writes to standard
/// error.
fn stderr_of(program: &str) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("EVLOOP_TEST_PROGRAM", program)
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    String::from_utf8(child.stderr).unwrap()
}

#[test]
fn child() {
    let event_loop = EventLoop::new().unwrap();
    match std::env::var("EVLOOP_TEST_PROGRAM").as_deref() {
        Ok("no handler") => {}
        Ok("broken handler") => {
            event_loop
                .set_exception_handler(Some(|_: &EventLoop, _: &ErrorContext| panic!("broken")));
        }
        Ok("broken error") => event_loop.default_exception_handler(
            &ErrorContext::new("told").error(Box::new(Broken) as Box<dyn Error>),
        ),
        _ => return,
    }
    event_loop.call_soon(|| panic!("from the callback")).unwrap();
    let log = Log::default();
    event_loop.call_soon(log.note("next")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["next"]);
}

/// An error that panics when it is shown.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("while shown")
    }
}

impl Error for Broken {}

#[test]
fn exc_01_without_a_handler_it_is_written_to_standard_error_and_the_loop_goes_on() {
    let text = stderr_of("no handler");
    assert!(text.contains("evloop: Exception in callback"), "{text}");
    assert!(text.contains("exception: from the callback"), "{text}");
}

#[test]
fn exc_02_a_handler_is_told_what_happened_with_what_and_in_which_handle() {
    let event_loop = EventLoop::new().unwrap();
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    event_loop.set_exception_handler(Some(move |own: &EventLoop, context: &ErrorContext| {
        assert!(own.is_running());
        let Some(Exception::Panic(payload)) = &context.exception else { panic!("{context:?}") };
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"no"));
        assert!(matches!(context.handle, Some(What::Callback { .. })));
        tell.borrow_mut().push((context.message.clone(), context.source));
    }));
    event_loop.call_soon(|| panic!("no")).unwrap();
    let line = line!() - 1;
    event_loop.run_once(NOW).unwrap();
    let told = told.take();
    assert!(told[0].0.starts_with("Exception in callback"), "{told:?}");
    // EXC-10: where it was registered.
    let source = told[0].1.unwrap();
    assert_eq!((source.file(), source.line()), (file!(), line));
}

#[test]
fn exc_04_a_handler_that_panics_is_told_of_to_the_default_one_with_what_it_was_called_for() {
    let text = stderr_of("broken handler");
    assert!(text.contains("evloop: Unhandled error in exception handler"), "{text}");
    assert!(text.contains("exception: broken"), "{text}");
    assert!(text.contains("while handling: Exception in callback"), "{text}");
}

#[test]
fn exc_05_where_the_default_handler_fails_too_only_that_is_written() {
    let text = stderr_of("broken error");
    let expected = "evloop: Exception in default exception handler, while handling: told";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn exc_06_a_task_that_failed_unread_is_told_of_when_its_handle_is_dropped() {
    let (event_loop, log) = (EventLoop::new().unwrap(), Rc::new(RefCell::new(Vec::new())));
    let tell = log.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        tell.borrow_mut().push(context.to_string());
    }));
    let task = event_loop.create_task(async { Err::<(), _>(std::io::Error::other("unread")) });
    event_loop.run_once(NOW).unwrap();
    assert!(log.borrow().is_empty());
    drop(task);
    let told = log.take();
    assert!(told[0].contains("exception was never retrieved"), "{told:?}");
    assert!(told[0].contains("exception: unread"), "{told:?}");
}

#[test]
fn a_handler_may_replace_itself_and_schedule() {
    let (event_loop, log) = (EventLoop::new().unwrap(), Log::default());
    let (second, scheduled) = (Rc::new(log.note("second")), Rc::new(log.note("scheduled")));
    event_loop.set_exception_handler(Some(move |own: &EventLoop, _: &ErrorContext| {
        let (second, scheduled) = (second.clone(), scheduled.clone());
        own.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
            // With EVLOOP_DEBUG it is warned, too.
            if context.warning.is_none() {
                second();
            }
        }));
        own.call_soon(move || scheduled()).unwrap();
    }));
    event_loop.call_soon(|| panic!("one")).unwrap();
    event_loop.call_soon(|| panic!("two")).unwrap();
    event_loop.run_once(NOW).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["second", "scheduled"]);
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_does_not_leave_the_turn() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (event_loop, log) = (EventLoop::new().unwrap(), Log::default());
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &ErrorContext| ()));
    event_loop.call_soon(|| std::panic::panic_any(Bomb)).unwrap();
    event_loop.call_soon(log.note("next")).unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(log.take(), ["next"]);
}
