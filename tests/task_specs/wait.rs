use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use evloop::{ReturnWhen, Task, WaitError, sleep, wait, yield_now};

use crate::{reports, secs, turn, virtual_loop};

#[test]
fn wait_01_it_returns_all_as_done_and_never_fails_with_their_errors() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let good = event_loop.create_task(sleep(secs(2)));
    let bad = event_loop.create_task(async { panic!("its own affair") });
    let (good_id, bad_id) = (good.id(), bad.id());
    let mut waited = event_loop.run_until_complete(wait([good, bad])).unwrap().unwrap();
    assert_eq!(waited.done.iter().map(Task::id).collect::<Vec<_>>(), [good_id, bad_id]);
    assert!(waited.pending.is_empty());
    assert!(waited.done[1].result().unwrap().unwrap_err().is_panic());
    drop(waited);
    assert!(told.take().is_empty(), "the panic was read");
}

#[test]
fn wait_02_an_empty_set_is_an_error_and_not_a_panic() {
    let (event_loop, _) = virtual_loop();
    let waited = event_loop.run_until_complete(wait(Vec::<Task<()>>::new())).unwrap();
    let error = waited.unwrap_err();
    assert_eq!(error, WaitError::Empty);
    assert!(error.to_string().contains("at least one"));
}

#[test]
fn wait_03_the_first_to_end_ends_the_wait_and_the_others_run_on() {
    let (event_loop, _) = virtual_loop();
    let tasks = [3, 1, 2].map(|n| event_loop.create_task(sleep(secs(n))));
    let ids = tasks.each_ref().map(Task::id);
    let first = wait(tasks).return_when(ReturnWhen::FirstCompleted);
    let waited = event_loop.run_until_complete(first).unwrap().unwrap();
    assert_eq!(waited.done.iter().map(Task::id).collect::<Vec<_>>(), [ids[1]]);
    assert_eq!(waited.pending.iter().map(Task::id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(1));
    let rest = event_loop.run_until_complete(wait(waited.pending)).unwrap().unwrap();
    assert_eq!(rest.done.len(), 2);
}

#[test]
fn wait_04_whatever_is_done_when_it_wakes_is_in_done() {
    let (event_loop, _) = virtual_loop();
    let tasks = [event_loop.create_task(async {}), event_loop.create_task(async {})];
    let first = wait(tasks).return_when(ReturnWhen::FirstCompleted);
    let waited = event_loop.run_until_complete(first).unwrap().unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (2, 0));
}

#[test]
fn wait_05_the_first_failure_ends_it_and_without_one_it_waits_for_all() {
    let (event_loop, _) = virtual_loop();
    for fails in [true, false] {
        let naps = event_loop.create_task(async {
            sleep(secs(9)).await;
            Ok(())
        });
        let ends = event_loop.create_task(async move {
            sleep(secs(1)).await;
            if fails { Err("failed") } else { Ok(()) }
        });
        let failing = ends.id();
        let first = wait([naps, ends]).return_when(ReturnWhen::FirstException);
        let waited = event_loop.run_until_complete(first).unwrap().unwrap();
        assert_eq!(waited.pending.len(), usize::from(fails));
        assert!(waited.done.iter().any(|task| task.id() == failing));
    }
}

#[test]
fn wait_05_a_panic_is_a_failure() {
    let (event_loop, _) = virtual_loop();
    let tasks = [false, true].map(|panics| {
        event_loop.create_task(async move {
            assert!(!panics, "as asked");
            pending::<()>().await;
        })
    });
    let first = wait(tasks).return_when(ReturnWhen::FirstException);
    let mut waited = event_loop.run_until_complete(first).unwrap().unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    assert!(waited.done[0].result().unwrap().unwrap_err().is_panic());
}

#[test]
fn wait_05_looking_for_a_failure_does_not_run_the_errors_own_code() {
    #[derive(Debug)]
    struct Shy(Rc<Cell<bool>>);
    impl std::fmt::Display for Shy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.set(true);
            f.write_str("shy")
        }
    }
    impl std::error::Error for Shy {}
    let (event_loop, _) = virtual_loop();
    let _told = reports(&event_loop);
    let shown = Rc::new(Cell::new(false));
    let error = Shy(shown.clone());
    let fails = event_loop
        .create_task(async move { Err::<(), Box<dyn std::error::Error>>(Box::new(error)) });
    let first = wait([fails]).return_when(ReturnWhen::FirstException);
    let waited = event_loop.run_until_complete(first).unwrap().unwrap();
    assert!(!shown.get());
    drop(waited);
    assert!(shown.get(), "once nobody can read it any more it is reported in words");
}

#[test]
fn wait_06_a_cancelled_task_is_no_exception() {
    let (event_loop, _) = virtual_loop();
    let cancelled = event_loop.create_task(pending::<()>());
    let naps = event_loop.create_task(sleep(secs(2)));
    turn(&event_loop);
    cancelled.cancel();
    let both = wait([cancelled, naps]).return_when(ReturnWhen::FirstException);
    let waited = event_loop.run_until_complete(both).unwrap().unwrap();
    assert_eq!(waited.done.len(), 2);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(2));
}

#[test]
fn wait_07_running_out_of_time_is_no_error_and_cancels_nothing() {
    let (event_loop, _) = virtual_loop();
    let tasks = [1, 60].map(|n| event_loop.create_task(sleep(secs(n))));
    let waited = event_loop.run_until_complete(wait(tasks).timeout(secs(5))).unwrap().unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(5));
    assert_eq!(waited.pending[0].cancelling(), 0);
    event_loop.run_until_complete(wait(waited.pending)).unwrap().unwrap();
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(60));
}

#[test]
fn wait_09_tasks_that_are_done_already_cost_one_trip_through_the_loop() {
    let (event_loop, _) = virtual_loop();
    let done = event_loop.create_task(async {});
    turn(&event_loop);
    let ran = Rc::new(Cell::new(false));
    let (callback, own) = (ran.clone(), event_loop.clone());
    let (count, between) = event_loop
        .run_until_complete(async move {
            own.call_soon(move || callback.set(true)).unwrap();
            let waited = wait([done]).await.unwrap();
            (waited.done.len(), ran.get())
        })
        .unwrap();
    assert_eq!((count, between), (1, true));
}

#[test]
fn a_task_of_another_loop_is_an_error_and_no_endless_wait() {
    let (event_loop, _) = virtual_loop();
    let (other, _) = virtual_loop();
    let task = other.create_task(pending::<()>());
    let error = event_loop.run_until_complete(wait([task])).unwrap().unwrap_err();
    assert_eq!(error, WaitError::DifferentLoop);
}

#[test]
fn a_task_that_was_waited_for_can_be_awaited_and_waited_for_again() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        sleep(secs(3)).await;
        yield_now().await;
        "value"
    });
    let first = event_loop.run_until_complete(wait([task]).timeout(secs(1))).unwrap().unwrap();
    let again = wait(first.pending).timeout(secs(1));
    let mut again = event_loop.run_until_complete(again).unwrap().unwrap();
    let value = event_loop.run_until_complete(again.pending.remove(0)).unwrap().unwrap();
    assert_eq!(value, "value");
}
