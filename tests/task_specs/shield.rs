use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use evloop::{
    JoinError, WaitForError, cancel_scope, gather, shield, sleep, spawn, wait_for, yield_now,
};

use crate::{one_that_takes_a_second, reports, secs, turn, virtual_loop};

#[test]
fn shield_01_the_outcome_is_the_tasks() {
    let (event_loop, _) = virtual_loop();
    let (value, panic) = event_loop
        .run_until_complete(async {
            let fails = spawn(async { panic!("inner") });
            (shield(spawn(async { 5 })).await, shield::<evloop::Task<()>>(fails).await)
        })
        .unwrap();
    assert_eq!(value.unwrap(), 5);
    assert_eq!(panic.unwrap_err().to_string(), "task panicked: inner");
}

#[test]
fn shield_02_cancelling_who_waits_leaves_the_task_alone() {
    let (event_loop, _) = virtual_loop();
    let (inner, ended) = one_that_takes_a_second(&event_loop);
    let outer = event_loop.create_task(shield(inner));
    turn(&event_loop);
    outer.cancel();
    turn(&event_loop);
    assert!(outer.cancelled() && !ended.get());
    event_loop.run_until_complete(sleep(secs(2))).unwrap();
    assert!(ended.get());
}

#[test]
fn shield_04_a_shield_of_a_task_that_is_done_does_not_wait() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(ready(3));
    turn(&event_loop);
    let ran = Rc::new(Cell::new(false));
    let (callback, own) = (ran.clone(), event_loop.clone());
    let value = event_loop
        .run_until_complete(async move {
            own.call_soon(move || callback.set(true)).unwrap();
            (shield(task).await.unwrap(), ran.get())
        })
        .unwrap();
    assert_eq!(value, (3, false));
}

#[test]
fn shield_05_cancelling_a_gather_of_shields_leaves_the_tasks_alone() {
    let (event_loop, _) = virtual_loop();
    let names = [1, 2].map(|secs_| event_loop.create_task(sleep(secs(secs_))));
    let refs = [names[0].task_ref(), names[1].task_ref()];
    let outer = event_loop.create_task(async move { gather(names.map(shield)).await });
    turn(&event_loop);
    turn(&event_loop);
    outer.cancel();
    turn(&event_loop);
    turn(&event_loop);
    assert!(outer.cancelled() && !refs[0].done() && !refs[1].done());
    event_loop.run_until_complete(sleep(secs(3))).unwrap();
    assert!(refs.iter().all(|task| task.end() == Some(evloop::observe::TaskEnd::Finished)));
}

#[test]
fn shield_06_a_shielded_gather_runs_to_its_end() {
    let (event_loop, _) = virtual_loop();
    let mut inner = event_loop.create_task(async {
        gather([1, 2].map(|n| async move {
            sleep(secs(n)).await;
            n
        }))
        .await
    });
    let values = event_loop
        .run_until_complete(async move {
            let cut = wait_for(shield(&mut inner), secs(1)).await;
            assert!(matches!(cut, Err(WaitForError::TimedOut)));
            inner.await
        })
        .unwrap();
    assert_eq!(values.unwrap().unwrap(), [1, 2]);
}

#[test]
fn shield_07_what_the_task_fails_with_when_nobody_waits_any_more_is_reported() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let inner = event_loop.create_task(async {
        yield_now().await;
        Err::<(), _>("too late")
    });
    let outer = event_loop.create_task(cancel_scope(shield(inner)));
    turn(&event_loop);
    outer.cancel();
    for _ in 0..3 {
        turn(&event_loop);
    }
    let told = told.take();
    assert!(told.len() == 1 && told[0].contains("too late"), "{told:?}");
}

#[test]
fn a_shield_gives_the_task_back() {
    let (event_loop, _) = virtual_loop();
    let task = shield(event_loop.create_task(pending::<()>())).into_inner();
    task.cancel();
    let ended = event_loop.run_until_complete(task).unwrap();
    assert!(matches!(ended, Err(JoinError::Cancelled)));
}
