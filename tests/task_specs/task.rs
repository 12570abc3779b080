use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use evloop::{JoinError, Task, current_task, sleep, yield_now};

use crate::{Log, reports, secs, turn, virtual_loop};

#[test]
fn task_01_no_line_of_a_task_runs_before_a_later_turn() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let (told, own) = (log.clone(), event_loop.clone());
    event_loop
        .run_until_complete(async move {
            let inner = told.clone();
            let task = own.create_task(async move { inner.add("task") });
            told.add("created");
            task.await.unwrap();
        })
        .unwrap();
    assert_eq!(log.take(), ["created", "task"]);
}

#[test]
fn task_02_a_task_gives_its_value_or_its_panic_to_who_awaits_it() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async { 41 + 1 });
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), 42);
    let task = event_loop.create_task(async { panic!("on purpose") });
    let error: JoinError = event_loop.run_until_complete(task).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "task panicked: on purpose");
}

#[test]
fn task_03_a_task_cannot_await_itself() {
    let (event_loop, _) = virtual_loop();
    let place: Rc<RefCell<Option<Task<String>>>> = Rc::default();
    let own = place.clone();
    let told = Rc::new(RefCell::new(String::new()));
    let said = told.clone();
    let task = event_loop.create_task(async move {
        let mut me = own.borrow_mut().take().unwrap();
        *said.borrow_mut() = (&mut me).await.unwrap_err().to_string();
        String::new()
    });
    *place.borrow_mut() = Some(task);
    turn(&event_loop);
    assert_eq!(*told.borrow(), "Task cannot await on itself");
}

#[test]
fn task_06_all_tasks_are_those_of_the_loop_that_have_not_ended() {
    let (event_loop, _) = virtual_loop();
    let (other, _) = virtual_loop();
    other.create_task(pending::<()>());
    let waits = event_loop.create_task(pending::<()>());
    let ends = event_loop.create_task(async {});
    assert_eq!(event_loop.all_tasks(), [waits.id(), ends.id()]);
    turn(&event_loop);
    assert_eq!(event_loop.all_tasks(), [waits.id()]);
    let own = event_loop.clone();
    let (all, me) = event_loop
        .run_until_complete(async move { (own.all_tasks(), current_task().unwrap()) })
        .unwrap();
    assert!(all.contains(&me) && all.contains(&waits.id()) && all.len() == 2);
    assert_eq!(current_task(), None);
}

#[test]
fn task_08_a_task_is_named_by_its_number_until_it_is_given_a_name() {
    let (event_loop, _) = virtual_loop();
    let tasks = [event_loop.create_task(async {}), event_loop.create_task(async {})];
    assert_eq!(tasks.each_ref().map(|task| task.name().to_string()), ["Task-1", "Task-2"]);
    tasks[1].set_name("worker");
    assert_eq!(&*tasks[1].name(), "worker");
    assert_eq!(&*event_loop.create_task(async {}).name(), "Task-3");
}

#[test]
fn task_11_a_panic_while_a_task_is_being_cancelled_is_how_it_ends() {
    let (event_loop, _) = virtual_loop();
    let mut task = event_loop.create_task(async {
        if evloop::cancel_scope(pending::<()>()).await.is_err() {
            panic!("in the clean-up");
        }
    });
    turn(&event_loop);
    task.cancel();
    turn(&event_loop);
    assert!(!task.cancelled());
    assert!(task.result().unwrap().unwrap_err().is_panic());
}

#[test]
fn task_12_a_tasks_debug_text_says_how_it_stands_and_where_it_waits() {
    let (event_loop, _) = virtual_loop();
    let naps = event_loop.create_task(sleep(secs(5)));
    assert!(format!("{naps:?}").starts_with("<Task pending name='Task-1' at tests/task_specs"));
    turn(&event_loop);
    let text = format!("{naps:?}");
    assert!(text.contains("wait_for=Timer(") && text.contains("task_specs/task.rs"), "{text}");
    naps.cancel();
    assert!(format!("{naps:?}").starts_with("<Task cancelling"));
    turn(&event_loop);
    assert!(format!("{naps:?}").starts_with("<Task cancelled"));
    let ends = event_loop.create_task(async {});
    turn(&event_loop);
    assert!(format!("{ends:?}").starts_with("<Task finished"));
}

#[test]
fn task_12_a_task_that_awaits_a_future_tells_the_line_it_awaits_it_on() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future::<()>();
    let task = event_loop.create_task(async move {
        let _ = future.await;
    });
    let line = line!() - 2;
    turn(&event_loop);
    let text = format!("{task:?}");
    assert!(
        text.contains(&format!("wait_for=Future at tests/task_specs/task.rs:{line}")),
        "{text}"
    );
}

#[test]
fn task_13_the_panic_of_an_inner_task_comes_out_where_it_is_awaited() {
    let (event_loop, _) = virtual_loop();
    let own = event_loop.clone();
    let text = event_loop
        .run_until_complete(async move {
            let inner = own.create_task(async { panic!("inner") });
            inner.await.unwrap_err().to_string()
        })
        .unwrap();
    assert_eq!(text, "task panicked: inner");
}

#[test]
fn a_task_ends_once_and_gives_its_value_once() {
    let (event_loop, _) = virtual_loop();
    let mut task = event_loop.create_task(async { 1 });
    assert!(task.result().is_none());
    turn(&event_loop);
    assert!(matches!(task.result(), Some(Ok(1))));
    assert!(matches!(task.result(), Some(Err(JoinError::Taken))));
}

#[test]
fn an_error_of_a_task_that_nobody_can_read_any_more_is_reported() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    drop(event_loop.create_task(async { Err::<(), _>("dropped before the end") }));
    turn(&event_loop);
    let after = event_loop.create_task(async { Err::<(), _>("dropped after the end") });
    turn(&event_loop);
    drop(after);
    let told = told.take();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("dropped before") && told[1].contains("dropped after"));
}

#[test]
fn an_output_that_panics_when_dropped_unread_is_reported_and_not_lost() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("bad output");
        }
    }
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    drop(event_loop.create_task(async { Bad }));
    turn(&event_loop);
    let told = told.take();
    assert!(told.len() == 1 && told[0].contains("bad output"), "{told:?}");
}

#[test]
fn sleep_02_a_sleep_until_a_time_that_has_passed_is_a_sleep_of_zero() {
    let (event_loop, clock) = virtual_loop();
    clock.advance(secs(5));
    let log = Log::default();
    let told = log.clone();
    let task = event_loop.create_task(async move {
        evloop::sleep_until(evloop::Time::ZERO + secs(1)).await;
        told.add("woke");
    });
    turn(&event_loop);
    assert!(log.take().is_empty(), "it lets others run first");
    turn(&event_loop);
    turn(&event_loop);
    assert_eq!(log.take(), ["woke"]);
    assert!(task.done() && event_loop.time() == evloop::Time::ZERO + secs(5));
}

#[test]
fn sleep_01_a_sleep_of_zero_lets_what_is_ready_run_first() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    for nap in ["sleep", "yield"] {
        let (told, calls, own) = (log.clone(), log.clone(), event_loop.clone());
        event_loop
            .run_until_complete(async move {
                own.call_soon(move || calls.add("callback")).unwrap();
                if nap == "sleep" {
                    sleep(secs(0)).await
                } else {
                    yield_now().await
                }
                told.add(nap);
            })
            .unwrap();
        assert_eq!(log.take(), ["callback", nap]);
    }
}

#[test]
fn a_sleep_lasts_as_long_as_it_says_on_the_loops_clock() {
    let (event_loop, _) = virtual_loop();
    event_loop.run_until_complete(sleep(secs(100))).unwrap();
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(100));
}
