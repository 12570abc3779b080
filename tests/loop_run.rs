//! `run` gives main's value, ends what main has left behind, and closes the loop.

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use evloop::{
    Cancelled, ErrorContext, EventLoop, LoopError, cancel_scope, get_running_loop, run, sleep,
    spawn, yield_now,
};

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn run_01_the_value_or_the_panic_of_main_comes_out_and_the_loop_is_closed() {
    let (value, event_loop) = run(async { (1, get_running_loop().unwrap()) }).unwrap();
    assert_eq!((value, event_loop.is_closed()), (1, true));
    let seen: Rc<RefCell<Option<EventLoop>>> = Rc::default();
    let keep = std::panic::AssertUnwindSafe(seen.clone());
    let panic = catch_unwind(move || {
        let keep = keep;
        run(async move {
            keep.replace(Some(get_running_loop().unwrap()));
            panic!("main")
        })
    });
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"main"));
    assert!(seen.take().unwrap().is_closed());
}

#[test]
fn run_02_it_is_refused_inside_a_running_loop() {
    let inner = run(async { run(async {}) });
    assert!(matches!(inner.unwrap(), Err(LoopError::AnotherIsRunning)));
}

#[test]
fn run_03_tasks_left_behind_are_asked_to_end_and_have_the_time_they_need() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let (heard, own) = (log.clone(), log.clone());
    let value = run(async move {
        spawn(async move {
            let end = cancel_scope(sleep(LONG)).await;
            for _ in 0..5 {
                yield_now().await;
            }
            heard.borrow_mut().push(("a", end));
        });
        let kept = spawn(async move {
            let end = cancel_scope(sleep(LONG)).await;
            own.borrow_mut().push(("b", end));
        });
        // One that waits for another, and one without a scope.
        spawn(async move { cancel_scope(kept).await.map(drop) });
        spawn(sleep(LONG));
        yield_now().await;
        yield_now().await;
        1
    });
    assert_eq!(value.unwrap(), 1);
    log.borrow_mut().sort_by_key(|(name, _)| *name);
    assert_eq!(*log.borrow(), [("a", Err(Cancelled)), ("b", Err(Cancelled))]);
}

#[test]
fn run_03_tasks_that_are_born_meanwhile_are_dropped_with_the_loop() {
    let held = Rc::new(());
    let captured = held.clone();
    run(async move {
        spawn(async move {
            let _ = cancel_scope(sleep(LONG)).await;
            spawn(async move {
                sleep(LONG).await;
                drop(captured);
            });
        });
        yield_now().await;
    })
    .unwrap();
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn run_04_what_one_of_them_fails_with_goes_to_the_handler_and_mains_value_comes_out() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    let value = run(async move {
        let handler = move |_: &EventLoop, context: &ErrorContext| {
            tell.borrow_mut().push(context.to_string())
        };
        get_running_loop().unwrap().set_exception_handler(Some(handler));
        spawn(async {
            let _ = cancel_scope(sleep(LONG)).await;
            panic!("while ending");
        });
        yield_now().await;
        1
    });
    assert_eq!(value.unwrap(), 1);
    let told = told.take();
    assert!(told[0].starts_with("unhandled exception during run() shutdown"), "{told:?}");
    assert!(told[0].contains("exception: while ending"), "{told:?}");
}
