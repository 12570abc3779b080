use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use evloop::{
    Cancelled, TimedOut, WaitForError, cancel_scope, shield, sleep, spawn, timeout, wait_for,
    yield_now,
};

use crate::{Log, secs, turn, virtual_loop};

#[test]
fn waitfor_01_a_task_that_ends_in_time_gives_its_value_and_without_a_limit_there_is_time() {
    let (event_loop, _) = virtual_loop();
    let slow = |seconds| async move {
        sleep(secs(seconds)).await;
        seconds
    };
    let values = event_loop
        .run_until_complete(async move {
            (wait_for(spawn(slow(1)), secs(2)).await, wait_for(spawn(slow(9000)), None).await)
        })
        .unwrap();
    assert!(matches!(values, (Ok(1), Ok(9000))));
    assert!(event_loop.close().unwrap().is_clean(), "no timer is left");
}

/// A task that takes `secs` to clean up when it is asked to end.
async fn slow_to_end(log: Log, cleans_up: u64) {
    if cancel_scope(pending::<()>()).await.is_err() {
        sleep(secs(cleans_up)).await;
        log.add("cleaned up");
        // Asked to end, it does: by a scope of which nothing comes.
        evloop::current_task_ref().unwrap().cancel();
        pending::<()>().await;
    }
}

#[test]
fn waitfor_02_when_time_is_up_the_task_is_cancelled_and_its_end_awaited() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outcome = event_loop
        .run_until_complete(async move {
            let outcome = wait_for(spawn(slow_to_end(told.clone(), 5)), secs(1)).await;
            told.add("timed out");
            outcome
        })
        .unwrap();
    assert!(matches!(outcome, Err(WaitForError::TimedOut)));
    assert_eq!(log.take(), ["cleaned up", "timed out"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(6));
}

#[test]
fn waitfor_04_with_no_time_at_all_a_new_task_never_runs_a_line() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outcome = event_loop
        .run_until_complete(async move {
            wait_for(spawn(async move { told.add("ran") }), secs(0)).await
        })
        .unwrap();
    assert!(matches!(outcome, Err(WaitForError::TimedOut)));
    assert!(log.take().is_empty());
}

#[test]
fn waitfor_05_with_no_time_at_all_a_running_task_is_cancelled_and_its_end_awaited() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outcome = event_loop
        .run_until_complete(async move {
            let task = spawn(slow_to_end(told, 2));
            yield_now().await;
            wait_for(task, secs(0)).await
        })
        .unwrap();
    assert!(matches!(outcome, Err(WaitForError::TimedOut)));
    assert_eq!(log.take(), ["cleaned up"]);
}

#[test]
fn waitfor_06_a_caller_asked_to_end_has_the_task_end_first() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let (told, inner) = (log.clone(), log.clone());
    let caller = event_loop.create_task(async move {
        let heard = cancel_scope(async {
            wait_for(spawn(slow_to_end(inner, 5)), None).await.ok();
            told.add("never");
        });
        told.add(format!("{:?}", heard.await));
    });
    turn(&event_loop);
    turn(&event_loop);
    caller.cancel();
    event_loop.run_until_complete(caller).unwrap().unwrap();
    assert_eq!(log.take(), ["cleaned up", "Err(Cancelled)"]);
}

#[test]
fn waitfor_06_a_caller_without_a_scope_ends_cancelled_when_the_task_has_ended() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let inner = log.clone();
    let mut caller = event_loop
        .create_task(async move { wait_for(spawn(slow_to_end(inner, 5)), secs(9)).await });
    turn(&event_loop);
    turn(&event_loop);
    caller.cancel();
    turn(&event_loop);
    turn(&event_loop);
    assert!(!caller.done());
    let ended = event_loop.run_until_complete(async move {
        let _ = (&mut caller).await;
        caller.cancelled()
    });
    assert!(ended.unwrap());
    assert_eq!(log.take(), ["cleaned up"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(5));
}

#[test]
fn waitfor_08_what_the_task_comes_to_while_it_is_being_cancelled_is_the_outcome() {
    let (event_loop, _) = virtual_loop();
    let outcome = event_loop
        .run_until_complete(async {
            let swallows = spawn(async { cancel_scope(pending::<()>()).await });
            let panics = spawn(async {
                let _ = cancel_scope(pending::<()>()).await;
                panic!("while ending");
            });
            (wait_for(swallows, secs(1)).await, wait_for::<evloop::Task<()>>(panics, secs(1)).await)
        })
        .unwrap();
    assert!(matches!(outcome.0, Ok(Err(Cancelled))));
    assert_eq!(outcome.1.unwrap_err().to_string(), "task panicked: while ending");
}

#[test]
fn waitfor_09_a_caller_cancelled_in_the_turn_the_task_ends_in_does_not_go_on() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let setter = event_loop.create_future();
    let value = setter.clone();
    let inner = event_loop.create_task(async move { value.await.unwrap() });
    let caller = event_loop.create_task(async move {
        wait_for(inner, secs(9)).await.unwrap();
        told.add("went on");
    });
    turn(&event_loop);
    setter.set_result(5).unwrap();
    turn(&event_loop);
    caller.cancel();
    turn(&event_loop);
    turn(&event_loop);
    assert!(caller.cancelled() && log.take().is_empty());
}

#[test]
fn waitfor_10_a_shielded_task_is_not_cancelled_with_time_or_without() {
    let (event_loop, _) = virtual_loop();
    let value = event_loop
        .run_until_complete(async {
            let mut task = spawn(async {
                sleep(secs(2)).await;
                7
            });
            for limit in [0, 1] {
                let early = wait_for(shield(&mut task), secs(limit)).await;
                assert!(matches!(early, Err(WaitForError::TimedOut)));
            }
            wait_for(&mut task, secs(9)).await
        })
        .unwrap();
    assert_eq!(value.unwrap(), 7);
}

#[test]
fn a_timeout_around_a_wait_for_waits_for_the_tasks_end_and_times_out() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outcome = event_loop
        .run_until_complete(timeout(secs(1), async move {
            let _ = wait_for(spawn(slow_to_end(told, 5)), secs(60)).await;
        }))
        .unwrap();
    assert_eq!((outcome, log.take()), (Err(TimedOut), vec!["cleaned up".to_string()]));
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(6));
}

#[test]
fn a_request_handed_on_ends_the_branch_beside_it_too() {
    let (event_loop, _) = virtual_loop();
    let went_on = Rc::new(Cell::new(false));
    let on = went_on.clone();
    let task = event_loop.create_task(async move {
        let beside = cancel_scope(sleep(secs(60)));
        let _ = evloop::join!(beside, wait_for(spawn(pending::<()>()), None));
        on.set(true);
    });
    turn(&event_loop);
    turn(&event_loop);
    task.cancel();
    for _ in 0..4 {
        turn(&event_loop);
    }
    assert!(task.cancelled() && !went_on.get());
}
