use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use evloop::{
    Cancelled, FutureError, LoopFuture, Task, cancel_scope, sleep, spawn, timeout, wait, yield_now,
};

use crate::{Log, one_that_takes_a_second, secs, turn, virtual_loop};

#[test]
fn cancel_01_a_task_cancelled_before_it_began_never_runs_a_line() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let task = event_loop.create_task(async move { told.add("ran") });
    assert!(task.cancel());
    assert!(!task.cancelled() && !task.done());
    turn(&event_loop);
    assert!(task.cancelled() && log.take().is_empty());
    assert!(!task.cancel(), "it has ended");
}

#[test]
fn cancel_02_a_waiting_task_hears_the_request_in_the_next_turn() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let task = event_loop.create_task(async move {
        let heard = cancel_scope(pending::<()>()).await;
        told.add(format!("{heard:?}"));
        Err::<(), Cancelled>(Cancelled)
    });
    turn(&event_loop);
    assert!(task.cancel());
    assert!(!task.done() && log.take().is_empty());
    turn(&event_loop);
    assert_eq!(log.take(), ["Err(Cancelled)"]);
    assert!(task.done());
}

#[test]
fn cancel_04_a_yielding_task_is_cancelled_on_its_next_step() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        yield_now().await;
        yield_now().await;
    });
    turn(&event_loop);
    task.cancel();
    turn(&event_loop);
    assert!(task.cancelled());
}

#[test]
fn cancel_05_who_awaits_a_cancelled_future_is_told_so() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<()> = event_loop.create_future();
    let mut task = event_loop.create_task(&future);
    turn(&event_loop);
    future.cancel();
    turn(&event_loop);
    assert!(matches!(task.result(), Some(Ok(Err(FutureError::Cancelled)))));
}

#[test]
fn cancel_06_cancelling_the_task_and_its_future_ends_it_cancelled_once() {
    let (event_loop, _) = virtual_loop();
    let future: LoopFuture<()> = event_loop.create_future();
    let task = event_loop.create_task(&future);
    turn(&event_loop);
    future.cancel();
    task.cancel();
    turn(&event_loop);
    assert!(task.cancelled());
    assert_eq!(event_loop.counters().tasks_done, 1);
}

#[test]
fn cancel_08_a_task_that_swallows_the_request_goes_on_undisturbed() {
    let (event_loop, _) = virtual_loop();
    let later = event_loop.create_future();
    let waits = later.clone();
    let mut task = event_loop.create_task(async move {
        assert_eq!(cancel_scope(pending::<()>()).await, Err(Cancelled));
        waits.await.unwrap()
    });
    turn(&event_loop);
    task.cancel();
    turn(&event_loop);
    assert!(!task.done() && !later.cancelled());
    later.set_result(9).unwrap();
    turn(&event_loop);
    assert!(matches!(task.result(), Some(Ok(9))));
}

/// Runs a task that gets its own handle.
fn with_own_handle<F: Future<Output = ()> + 'static>(
    event_loop: &evloop::EventLoop,
    body: impl FnOnce(Rc<RefCell<Option<Task<()>>>>) -> F,
) -> Rc<RefCell<Option<Task<()>>>> {
    let place = Rc::new(RefCell::new(None));
    let task = event_loop.create_task(body(place.clone()));
    *place.borrow_mut() = Some(task);
    place
}

fn cancel_me(place: &RefCell<Option<Task<()>>>) {
    place.borrow().as_ref().unwrap().cancel();
}

#[test]
fn cancel_09_a_task_that_cancels_itself_hears_it_at_its_next_await() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let task = with_own_handle(&event_loop, |me| async move {
        cancel_me(&me);
        told.add("goes on");
        told.add(format!("{:?}", cancel_scope(yield_now()).await));
    });
    turn(&event_loop);
    assert_eq!(log.take(), ["goes on", "Err(Cancelled)"]);
    assert!(!task.borrow().as_ref().unwrap().cancelled());
}

#[test]
fn cancel_10_a_task_that_cancels_itself_and_returns_ends_cancelled() {
    let (event_loop, _) = virtual_loop();
    let task = with_own_handle(&event_loop, |me| async move { cancel_me(&me) });
    turn(&event_loop);
    assert!(task.borrow().as_ref().unwrap().cancelled());
}

#[test]
fn cancel_12_two_requests_before_the_next_step_are_delivered_as_one() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        let first = cancel_scope(pending::<()>()).await;
        (first, cancel_scope(yield_now()).await)
    });
    turn(&event_loop);
    task.cancel();
    task.cancel();
    assert_eq!(task.cancelling(), 2);
    let heard = event_loop.run_until_complete(task).unwrap().unwrap();
    assert_eq!(heard, (Err(Cancelled), Ok(())));
}

#[test]
fn cancel_13_uncancel_counts_down_to_zero_and_never_changes_a_finished_task() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        let _ = cancel_scope(pending::<()>()).await;
    });
    turn(&event_loop);
    task.cancel();
    task.cancel();
    assert_eq!((task.uncancel(), task.cancelling()), (1, 1));
    assert_eq!((task.uncancel(), task.uncancel()), (0, 0));
    task.cancel();
    turn(&event_loop);
    assert!(task.done());
    assert_eq!((task.uncancel(), task.cancelling()), (1, 1));
}

#[test]
fn cancel_14_a_task_that_took_a_request_back_can_be_cancelled_again() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        let _ = cancel_scope(pending::<()>()).await;
        pending::<()>().await;
    });
    turn(&event_loop);
    task.cancel();
    turn(&event_loop);
    assert_eq!(task.uncancel(), 0);
    assert!(!task.done());
    task.cancel();
    turn(&event_loop);
    assert!(task.cancelled());
}

#[test]
fn cancel_17_cancelling_a_wait_does_not_cancel_what_it_waits_for() {
    let (event_loop, _) = virtual_loop();
    let (inner, ended) = one_that_takes_a_second(&event_loop);
    let waiter = event_loop.create_task(wait([inner]));
    turn(&event_loop);
    waiter.cancel();
    event_loop.run_until_complete(sleep(secs(2))).unwrap();
    assert!(waiter.cancelled() && ended.get());
}

#[test]
fn cancel_18_cancelling_a_sleeping_task_cancels_its_timer() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(sleep(secs(1000)));
    turn(&event_loop);
    assert!(event_loop.next_deadline().is_some());
    task.cancel();
    turn(&event_loop);
    assert_eq!(event_loop.next_deadline(), None);
    assert_eq!(event_loop.counters().timers_cancelled, 1);
}

#[test]
fn of_nested_scopes_the_innermost_hears_and_then_the_next() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let task = event_loop.create_task(async move {
        let outer = cancel_scope(async {
            told.add(format!("inner {:?}", cancel_scope(pending::<()>()).await));
            pending::<()>().await;
        });
        told.add(format!("outer {:?}", outer.await));
        pending::<()>().await;
    });
    turn(&event_loop);
    for _ in 0..3 {
        task.cancel();
        turn(&event_loop);
    }
    assert_eq!(log.take(), ["inner Err(Cancelled)", "outer Err(Cancelled)"]);
    assert!(task.cancelled());
}

#[test]
fn a_scope_that_moves_to_another_task_hears_that_tasks_requests_and_leaves_the_first_alone() {
    let (event_loop, _) = virtual_loop();
    let place = Rc::new(RefCell::new(None));
    let put = place.clone();
    let first = event_loop.create_task(async move {
        let mut scope = Box::pin(cancel_scope(pending::<()>()));
        std::future::poll_fn(|context| {
            assert!(scope.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        *put.borrow_mut() = Some(scope);
        pending::<()>().await;
    });
    turn(&event_loop);
    let scope = place.borrow_mut().take().unwrap();
    let mut second = event_loop.create_task(async move {
        let own = cancel_scope(sleep(secs(1)));
        let moved = scope.await;
        (moved, own.await)
    });
    turn(&event_loop);
    second.cancel();
    first.cancel();
    event_loop.run_until_complete(sleep(secs(5))).unwrap();
    assert_eq!(second.result().unwrap().unwrap(), (Err(Cancelled), Ok(())));
    assert!(first.cancelled(), "no scope is left in it to wait for");
}

#[test]
fn a_request_finds_a_scope_inside_a_timeout() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(timeout(secs(9), cancel_scope(pending::<()>())));
    turn(&event_loop);
    task.cancel();
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), Ok(Err(Cancelled)));
    assert_eq!(event_loop.time(), evloop::Time::ZERO);
}

#[test]
fn a_cancelled_task_may_clean_up_with_awaits() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        let heard = cancel_scope(pending::<()>()).await;
        sleep(secs(3)).await;
        spawn(async { "cleaned up" }).await.map(|text| (heard, text)).unwrap()
    });
    turn(&event_loop);
    task.cancel();
    let value = event_loop.run_until_complete(task).unwrap().unwrap();
    assert_eq!(value, (Err(Cancelled), "cleaned up"));
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(3));
}

#[test]
fn cancel_16_the_message_of_a_request_is_there_for_who_hears_it_and_who_holds_the_task() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let task = event_loop.create_task(async move {
        assert_eq!(evloop::cancel_message(), None);
        let _ = cancel_scope(pending::<()>()).await;
        told.add(&*evloop::cancel_message().unwrap());
    });
    turn(&event_loop);
    assert!(task.cancel_with("shutting down"));
    turn(&event_loop);
    assert_eq!(log.take(), ["shutting down"]);
    assert_eq!(task.cancel_message().as_deref(), Some("shutting down"));
    assert!(!task.cancel_with("too late"));
    assert_eq!(task.cancel_message().as_deref(), Some("shutting down"));
}

#[test]
fn cancel_16_of_several_requests_the_last_says_why() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(pending::<()>());
    task.cancel_with("first");
    task.cancel_with("second");
    assert_eq!(task.cancel_message().as_deref(), Some("second"));
    task.cancel();
    assert_eq!(task.cancel_message(), None);
}
