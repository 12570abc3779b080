use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use evloop::{FutureError, InvalidState, LoopFuture, yield_now};

use crate::{Log, reports, turn, virtual_loop};

fn is_pending<T>(result: Result<T, FutureError>) -> bool {
    matches!(result, Err(FutureError::InvalidState(InvalidState::Pending)))
}

#[test]
fn fut_01_a_new_future_is_not_done_and_has_neither_result_nor_exception() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<i32> = event_loop.create_future();
    assert!(!future.done() && !future.cancelled());
    assert!(is_pending(future.result()) && is_pending(future.exception()));
    assert_eq!(future.get_loop(), Some(event_loop));
    assert!(format!("{future:?}").starts_with("<Future pending at tests/task_specs/future.rs"));
}

#[test]
fn fut_02_a_future_with_a_result_gives_it_as_often_as_it_is_asked() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    future.set_result(7).unwrap();
    assert!(future.done() && !future.cancelled());
    assert_eq!((future.result().unwrap(), future.result().unwrap()), (7, 7));
    assert!(future.exception().unwrap().is_none());
    assert_eq!(future.set_result(8), Err(InvalidState::Finished));
    assert_eq!(future.set_exception("late"), Err(InvalidState::Finished));
    assert_eq!(future.result().unwrap(), 7);
}

#[test]
fn fut_04_a_failed_future_gives_its_very_error() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<i32> = event_loop.create_future();
    future.set_exception(std::io::Error::other("broken")).unwrap();
    let exception = future.exception().unwrap().unwrap();
    assert_eq!(exception.downcast_ref::<std::io::Error>().unwrap().to_string(), "broken");
    let Err(FutureError::Failed(error)) = future.result() else { panic!("{future:?}") };
    assert!(Rc::ptr_eq(&error, &exception));
    assert_eq!(future.set_result(1), Err(InvalidState::Failed));
}

#[test]
fn fut_05_a_cancelled_future_is_done_and_stays_cancelled() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    assert!(future.cancel());
    assert!(future.cancelled() && future.done());
    assert!(matches!(future.result(), Err(FutureError::Cancelled)));
    assert!(matches!(future.exception(), Err(FutureError::Cancelled)));
    assert!(!future.cancel());
    assert_eq!(future.set_result(1), Err(InvalidState::Cancelled));
}

#[test]
fn fut_06_done_callbacks_run_by_call_soon_in_the_order_added_among_awaiting_tasks() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<i32> = event_loop.create_future();
    let log = Log::default();
    for name in ["c1", "c2"] {
        let log = log.clone();
        future.add_done_callback(move |done| log.add(format!("{name} {}", done.done())));
    }
    let (waits, told) = (future.clone(), log.clone());
    event_loop.create_task(async move { told.add(format!("task {:?}", waits.await.ok())) });
    turn(&event_loop);
    let told = log.clone();
    future.add_done_callback(move |done| told.add(format!("c3 {:?}", done.result().ok())));
    future.set_result(1).unwrap();
    assert!(log.take().is_empty(), "nothing runs inside set_result");
    turn(&event_loop);
    assert_eq!(log.take(), ["c1 true", "c2 true", "task Some(1)", "c3 Some(1)"]);
    let told = log.clone();
    future.add_done_callback(move |_| told.add("late"));
    assert!(log.take().is_empty(), "a callback added late is scheduled, too");
    turn(&event_loop);
    assert_eq!(log.take(), ["late"]);
}

#[test]
fn fut_08_removing_a_callback_tells_whether_it_was_there() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<()> = event_loop.create_future();
    let log = Log::default();
    let ids: Vec<_> = (0..6)
        .map(|n| {
            let log = log.clone();
            future.add_done_callback(move |_| log.add(n.to_string()))
        })
        .collect();
    assert_eq!(ids.iter().filter(|id| future.remove_done_callback(**id)).count(), 6);
    assert!(!future.remove_done_callback(ids[0]));
    future.set_result(()).unwrap();
    turn(&event_loop);
    assert!(log.take().is_empty());
}

#[test]
fn fut_08_a_callback_of_another_future_removes_neither_a_callback_nor_a_task_that_waits() {
    let (event_loop, _) = virtual_loop();
    let other: LoopFuture<u8> = event_loop.create_future();
    let ids = [other.add_done_callback(|_| ()), other.add_done_callback(|_| ())];
    let future = event_loop.create_future();
    let (log, waited) = (Log::default(), future.clone());
    let waits = event_loop.create_task(async move { waited.await.ok() });
    turn(&event_loop);
    let told = log.clone();
    future.add_done_callback(move |_| told.add("called"));
    assert_eq!(ids.map(|id| future.remove_done_callback(id)), [false, false]);
    future.set_result(7).unwrap();
    turn(&event_loop);
    assert_eq!(log.take(), ["called"]);
    assert!(waits.done(), "the task was not woken");
}

#[test]
fn fut_09_whichever_callback_is_removed_the_others_run_in_order() {
    for removed in 0..3 {
        let (event_loop, _) = virtual_loop();
        let future: LoopFuture<()> = event_loop.create_future();
        let log = Log::default();
        let ids = [0, 1, 2].map(|n| {
            let log = log.clone();
            future.add_done_callback(move |_| log.add(n.to_string()))
        });
        assert!(future.remove_done_callback(ids[removed]));
        let told = log.clone();
        future.add_done_callback(move |_| told.add("3"));
        future.set_result(()).unwrap();
        turn(&event_loop);
        let want: Vec<_> = (0..4).filter(|n| *n != removed).map(|n| n.to_string()).collect();
        assert_eq!(log.take(), want);
    }
}

#[test]
fn fut_10_awaiting_a_future_that_is_done_does_not_yield() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    future.set_result(()).unwrap();
    let log = Log::default();
    let (told, calls, own) = (log.clone(), log.clone(), event_loop.clone());
    event_loop
        .run_until_complete(async move {
            own.call_soon(move || calls.add("callback")).unwrap();
            future.await.unwrap();
            told.add("awaited");
            yield_now().await;
        })
        .unwrap();
    assert_eq!(log.take(), ["awaited", "callback"]);
}

#[test]
fn fut_11_a_setter_that_comes_after_the_cancel_changes_nothing() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    let setter = future.clone();
    event_loop.call_soon(move || assert!(setter.set_result(1).is_err())).unwrap();
    future.cancel();
    turn(&event_loop);
    assert!(future.cancelled());
}

#[test]
fn fut_12_a_failed_future_that_nobody_looked_at_is_reported_when_its_last_name_goes() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let future: LoopFuture<()> = event_loop.create_future();
    future.set_exception("nobody looks").unwrap();
    let other = future.clone();
    drop(future);
    assert!(told.take().is_empty());
    drop(other);
    let reported = told.take();
    assert_eq!(reported.len(), 1);
    assert!(reported[0].contains("exception was never retrieved"));
    assert!(reported[0].contains("nobody looks"));
    let seen: LoopFuture<()> = event_loop.create_future();
    seen.set_exception("seen").unwrap();
    assert!(event_loop.run_until_complete(&seen).unwrap().is_err());
    drop(seen);
    assert!(told.take().is_empty());
}

#[test]
fn fut_13_cancelling_a_failed_future_counts_as_having_seen_the_error() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let future: LoopFuture<()> = event_loop.create_future();
    future.set_exception("seen by whoever cancels").unwrap();
    assert!(!future.cancel());
    drop(future);
    assert!(told.take().is_empty());
}

#[test]
fn fut_14_pending_and_finished_futures_are_dropped_in_silence() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    drop(event_loop.create_future::<i32>());
    let future = event_loop.create_future();
    future.set_result(Err::<(), _>("a value like any other")).unwrap();
    drop(future);
    let cancelled = event_loop.create_future::<i32>();
    cancelled.cancel();
    drop(cancelled);
    assert!(told.take().is_empty());
}

#[test]
fn fut_18_a_chained_future_comes_to_the_same_end_unless_it_has_one() {
    let (event_loop, _) = virtual_loop();
    let pair = || (event_loop.create_future::<i32>(), event_loop.create_future::<i32>());
    let (source, destination) = pair();
    source.chain(&destination);
    source.set_result(5).unwrap();
    turn(&event_loop);
    assert_eq!(destination.result().unwrap(), 5);

    let (source, destination) = pair();
    source.chain(&destination);
    source.set_exception("failed").unwrap();
    turn(&event_loop);
    assert_eq!(destination.exception().unwrap().unwrap().to_string(), "failed");

    let (source, destination) = pair();
    source.chain(&destination);
    source.cancel();
    turn(&event_loop);
    assert!(destination.cancelled());

    let (source, destination) = pair();
    source.chain(&destination);
    destination.cancel();
    turn(&event_loop);
    assert!(source.cancelled(), "whom nobody waits for any more");

    let (source, destination) = pair();
    source.chain(&destination);
    destination.cancel();
    source.set_result(1).unwrap();
    turn(&event_loop);
    assert!(destination.cancelled());
}

#[test]
fn fut_19_awaiting_does_not_consume() {
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    let setter = future.clone();
    event_loop.call_soon(move || setter.set_result("v").unwrap()).unwrap();
    let both = event_loop
        .run_until_complete(async move {
            let first = (&future).await.unwrap();
            (first, (&future).await.unwrap(), future.clone().await.unwrap())
        })
        .unwrap();
    assert_eq!(both, ("v", "v", "v"));
}

#[test]
fn an_await_that_is_dropped_waits_no_more_and_leaves_the_others_waiting() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<i32> = event_loop.create_future();
    let waits: Vec<_> = (0..4)
        .map(|_| {
            let future = future.clone();
            event_loop.create_task(async move { (&future).await.unwrap() })
        })
        .collect();
    turn(&event_loop);
    waits[0].cancel();
    waits[2].cancel();
    turn(&event_loop);
    let woken = event_loop.counters().wakes_local;
    future.set_result(3).unwrap();
    assert_eq!(event_loop.counters().wakes_local - woken, 2);
    turn(&event_loop);
    assert_eq!(waits.iter().filter(|task| !task.cancelled()).count(), 2);
}

#[test]
fn a_value_whose_clone_meddles_with_its_future_finds_it_done() {
    struct Meddler(Rc<RefCell<Option<LoopFuture<Meddler>>>>);
    impl Clone for Meddler {
        fn clone(&self) -> Self {
            let own = self.0.borrow().clone().unwrap();
            assert!(!own.cancel() && own.done());
            assert!(own.set_exception("too late").is_err());
            Meddler(self.0.clone())
        }
    }
    let (event_loop, _) = virtual_loop();
    let future = event_loop.create_future();
    let place = Rc::new(RefCell::new(Some(future.clone())));
    future.set_result(Meddler(place.clone())).unwrap();
    assert!(future.result().is_ok());
    place.take();
}

#[test]
fn task_04_awaiting_a_future_of_another_loop_fails_and_says_so() {
    let (event_loop, _) = virtual_loop();
    let (other, _) = virtual_loop();
    let future: LoopFuture<()> = other.create_future();
    let error = event_loop.run_until_complete(&future).unwrap().unwrap_err();
    assert!(error.to_string().contains("attached to a different loop"));
    let task = other.create_task(pending::<()>());
    let error = event_loop.run_until_complete(task).unwrap().unwrap_err();
    assert!(error.to_string().contains("attached to a different loop"));
}
