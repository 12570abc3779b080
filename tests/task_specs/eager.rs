use evloop::{current_task, current_task_ref, get_running_loop, spawn_eager, yield_now};

use crate::{Log, reports, virtual_loop};

#[test]
fn eager_01_a_task_that_does_not_wait_is_done_when_the_call_returns() {
    let (event_loop, _) = virtual_loop();
    let (done, value) = event_loop
        .run_until_complete(async {
            let own = get_running_loop().unwrap();
            let handles = own.counters().handles;
            let mut task = spawn_eager(async { 5 });
            let done = task.done() && own.counters().handles == handles;
            (done, task.result())
        })
        .unwrap();
    assert!(done && value.unwrap().unwrap() == 5);
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn eager_01_awaiting_what_is_done_does_not_suspend_the_first_step() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    future.set_result(3).unwrap();
    let value = event_loop
        .run_until_complete(
            async move { spawn_eager(async move { future.await.unwrap() }).result() },
        )
        .unwrap();
    assert_eq!(value.unwrap().unwrap(), 3);
}

#[test]
fn eager_02_a_task_that_waits_goes_on_as_any_other_and_is_current_only_inside() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    event_loop
        .run_until_complete(async move {
            let outside = current_task();
            let inner = told.clone();
            let task = spawn_eager(async move {
                inner.add("first step");
                let me = current_task();
                yield_now().await;
                inner.add("second step");
                assert_eq!(current_task(), me);
                me
            });
            told.add("started");
            assert_eq!(current_task(), outside);
            assert!(get_running_loop().unwrap().all_tasks().contains(&task.task_ref()));
            let id = task.id();
            assert_eq!(task.await.unwrap(), Some(id));
        })
        .unwrap();
    assert_eq!(log.take(), ["first step", "started", "second step"]);
}

#[test]
fn eager_02_a_panic_in_the_first_step_is_the_tasks() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let text = event_loop
        .run_until_complete(async {
            drop(spawn_eager(async { panic!("unheard") }));
            spawn_eager::<std::pin::Pin<Box<dyn Future<Output = ()>>>>(Box::pin(async {
                panic!("at once")
            }))
            .await
            .unwrap_err()
            .to_string()
        })
        .unwrap();
    assert_eq!(text, "task panicked: at once");
    assert_eq!(told.take().len(), 1);
}

#[test]
fn eager_02_a_task_cancelled_after_its_first_step_ends_cancelled() {
    let (event_loop, _) = virtual_loop();
    let cancelled = event_loop
        .run_until_complete(async {
            let task = spawn_eager(std::future::pending::<()>());
            task.cancel();
            yield_now().await;
            task.cancelled()
        })
        .unwrap();
    assert!(cancelled);
}

#[test]
fn eager_03_on_a_loop_that_does_not_run_it_begins_as_any_task() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task_eager(async { 1 });
    assert!(!task.done());
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), 1);
}

#[test]
fn a_task_that_was_started_eagerly_has_a_reference_to_itself_once_it_has_waited() {
    let (event_loop, _) = virtual_loop();
    let known = event_loop.run_until_complete(async {
        let task = spawn_eager(async {
            let at_first = current_task_ref().map(|task| task.id());
            yield_now().await;
            let later = current_task_ref().map(|task| task.id());
            (at_first, later == current_task() && later.is_some())
        });
        task.await.unwrap()
    });
    assert_eq!(known.unwrap(), (None, true));
}
