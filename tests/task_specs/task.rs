use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use evloop::{JoinError, Task, TaskRef, current_task, sleep, spawn, spawn_named, yield_now};

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
        .run_until_complete(async move {
            (own.all_tasks().iter().map(TaskRef::id).collect::<Vec<_>>(), current_task().unwrap())
        })
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

#[test]
fn task_06_a_task_can_be_cancelled_by_whoever_finds_it_among_all_tasks() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(pending::<()>());
    task.set_name("sought");
    turn(&event_loop);
    let found = event_loop.all_tasks().into_iter().find(|task| &*task.name() == "sought").unwrap();
    assert!(found == task.task_ref() && found == task.id() && found.cancel());
    turn(&event_loop);
    assert!(task.cancelled() && found.done() && !found.cancel());
}

#[test]
fn task_08_a_name_given_at_birth_is_kept_and_the_current_task_has_it() {
    let (event_loop, _) = virtual_loop();
    let inner = event_loop
        .run_until_complete(async {
            spawn_named("reader", async { evloop::current_task_ref().unwrap().name() }).await
        })
        .unwrap();
    assert_eq!(&*inner.unwrap(), "reader");
    assert_eq!(&*event_loop.create_task_named("writer", async {}).name(), "writer");
    assert!(evloop::current_task_ref().is_none());
}

#[test]
fn a_tasks_done_callbacks_run_by_call_soon_in_order_also_beside_who_awaits_it() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let task = event_loop.create_task(async {
        yield_now().await;
        5
    });
    let names = ["a", "b", "c"].map(|name| {
        let told = log.clone();
        task.add_done_callback(move |end| told.add(format!("{name} {end:?}")))
    });
    assert!(task.remove_done_callback(names[0].clone()));
    assert!(!task.remove_done_callback(names[0].clone()));
    let told = log.clone();
    let value = event_loop
        .run_until_complete(async move {
            let mut task = task;
            let value = (&mut task).await;
            told.add("awaited");
            let late = told.clone();
            task.add_done_callback(move |_| late.add("late"));
            assert_eq!(told.take(), ["b Finished", "c Finished", "awaited"]);
            yield_now().await;
            value
        })
        .unwrap();
    assert_eq!((value.unwrap(), log.take()), (5, vec!["late".to_string()]));
}

#[test]
fn a_detached_tasks_failure_is_told_to_its_callbacks_and_to_the_handler() {
    let (event_loop, _) = virtual_loop();
    let (log, told) = (Log::default(), reports(&event_loop));
    let task = event_loop.create_task(async { Err::<(), _>("no reader") });
    let callback = log.clone();
    task.add_done_callback(move |end| callback.add(format!("{end:?}")));
    drop(task);
    turn(&event_loop);
    turn(&event_loop);
    assert_eq!(log.take(), ["Finished"]);
    let told = told.take();
    assert!(told.len() == 1 && told[0].contains("no reader"), "{told:?}");
}

#[test]
fn the_call_graph_shows_who_awaits_whom_through_gathers_and_groups_as_well() {
    let (event_loop, _) = virtual_loop();
    let graph = event_loop
        .run_until_complete(async {
            let own = evloop::get_running_loop().unwrap();
            let child = spawn_named("child", pending::<()>());
            let parent = spawn_named("parent", evloop::gather([child]));
            yield_now().await;
            yield_now().await;
            yield_now().await;
            let text = own.call_graph().to_string();
            let edges: Vec<_> = own
                .call_graph()
                .edges()
                .map(|(task, by)| (task.name(), by.map(TaskRef::name)))
                .collect();
            parent.cancel();
            (text, edges)
        })
        .unwrap();
    let depth = |name: &str| {
        let line = graph.0.lines().find(|line| line.contains(name)).unwrap();
        line.len() - line.trim_start().len()
    };
    assert_eq!((depth("'parent'"), depth("'child'")), (0, 8), "{}", graph.0);
    let by = |name: &str| graph.1.iter().find(|(task, _)| &**task == name).unwrap().1.clone();
    assert_eq!(by("parent"), None);
    assert!(by("child").is_some_and(|by| by.starts_with("Task-")));
}

#[test]
fn the_call_graph_of_tasks_that_await_each_other_ends() {
    let (event_loop, _) = virtual_loop();
    let graph = event_loop
        .run_until_complete(async {
            let slot: Rc<RefCell<Option<Task<()>>>> = Rc::default();
            let other = slot.clone();
            let first = spawn_named("first", async move {
                let second = other.take().unwrap();
                let _ = second.await;
            });
            let second = spawn_named("second", async move {
                let _ = first.await;
            });
            slot.replace(Some(second));
            yield_now().await;
            yield_now().await;
            evloop::get_running_loop().unwrap().call_graph().to_string()
        })
        .unwrap();
    assert_eq!(graph.matches("in a ring").count(), 2, "{graph}");
}

#[test]
fn join_gives_all_values_when_the_last_is_there_and_its_futures_may_borrow() {
    let (event_loop, _) = virtual_loop();
    let both = event_loop
        .run_until_complete(async {
            let text = String::from("borrowed");
            let slow = async {
                sleep(secs(2)).await;
                text.len()
            };
            evloop::join!(slow, async { &text[..3] == "bor" }, spawn(async { 1 }))
        })
        .unwrap();
    assert!(matches!(both, (8, true, Ok(1))));
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(2));
}
