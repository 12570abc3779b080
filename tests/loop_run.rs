//! `run` gives main's value, ends what main has left behind, and closes the loop.

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use evloop::{
    Cancelled, ErrorContext, EventLoop, LoopError, Runner, TaskLocal, cancel_scope,
    get_running_loop, run, sleep, spawn, yield_now,
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
fn run_03_tasks_that_are_born_meanwhile_are_asked_to_end_too() {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let told = heard.clone();
    run(async move {
        spawn(async move {
            let _ = cancel_scope(sleep(LONG)).await;
            spawn(async move {
                let end = cancel_scope(sleep(LONG)).await;
                told.borrow_mut().push(end);
            });
            for _ in 0..3 {
                yield_now().await;
            }
        });
        yield_now().await;
    })
    .unwrap();
    assert_eq!(*heard.borrow(), [Err(Cancelled)]);
}

#[test]
fn run_03_a_task_that_is_dropped_pending_because_there_is_no_end_of_them_is_told_of() {
    fn again() -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async {
            let _ = cancel_scope(sleep(LONG)).await;
            spawn(again());
            yield_now().await;
            yield_now().await;
        })
    }
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    run(async move {
        let handler = move |_: &EventLoop, context: &ErrorContext| {
            tell.borrow_mut().push(context.to_string())
        };
        get_running_loop().unwrap().set_exception_handler(Some(handler));
        spawn(again());
        yield_now().await;
    })
    .unwrap();
    let told = told.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Task was destroyed but it is pending"), "{told:?}");
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

#[test]
fn run_05_a_runner_keeps_its_loop_and_its_locals_from_run_to_run_until_it_is_closed() {
    static WHO: TaskLocal<&str> = TaskLocal::new();
    let mut runner = Runner::new().unwrap();
    let first = runner
        .run(async {
            WHO.set("first").unwrap();
            get_running_loop().unwrap().call_soon(|| ()).unwrap();
            (spawn(sleep(Duration::ZERO)),)
        })
        .unwrap();
    let (who, slept) = runner.run(async { (WHO.get(), first.0.await) }).unwrap();
    assert_eq!((who, slept.unwrap()), (Some("first"), ()));
    assert!(!runner.get_loop().is_closed());
    runner.close().unwrap();
    runner.close().unwrap();
    assert!(runner.get_loop().is_closed());
    assert!(matches!(runner.run(async {}), Err(LoopError::Closed)));
}

#[test]
fn run_05_a_runner_that_is_dropped_ends_what_its_runs_have_left_behind() {
    let heard = Rc::new(RefCell::new(None));
    let told = heard.clone();
    let mut runner = Runner::new().unwrap();
    runner
        .run(async move {
            spawn(async move {
                let end = cancel_scope(sleep(LONG)).await;
                told.replace(Some(end));
            });
            yield_now().await;
        })
        .unwrap();
    assert_eq!(*heard.borrow(), None);
    drop(runner);
    assert_eq!(*heard.borrow(), Some(Err(Cancelled)));
}

#[test]
fn run_02_a_runner_does_not_run_inside_a_running_loop() {
    let inner = run(async { Runner::new().unwrap().run(async {}).map_err(|e| e.to_string()) });
    assert_eq!(inner.unwrap(), Err(LoopError::AnotherIsRunning.to_string()));
}
