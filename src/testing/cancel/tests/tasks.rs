//! Sleeping, waiting for others, and limits.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;
use crate::{
    Cancelled, JoinError, ReturnWhen, cancel_scope, gather, sleep, sleep_until, spawn, timeout,
    timeout_at, timeout_with, try_gather, wait,
};

/// Holds what `make` gives to both ways of ending it; nothing may be left afterwards.
#[track_caller]
fn withstands_both_ways<F: Future + 'static>(make: impl Fn() -> F + Clone + 'static) {
    let of_drop = make.clone();
    withstands(move |_, cut| {
        let victim = of_drop();
        async move {
            cut.dropping(victim).await;
            nothing_is_left().await;
        }
    });
    withstands(move |_, cut| {
        let victim = make();
        async move {
            let ended = cut.cancelling(victim).await;
            assert!(ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()));
            nothing_is_left().await;
        }
    });
}

#[test]
fn sleeps_give_their_timers_back() {
    withstands_both_ways(|| async {
        yield_now().await;
        sleep(SECOND).await;
        sleep(Duration::ZERO).await;
        let now = get_running_loop().unwrap().time();
        sleep_until(now + SECOND).await;
        sleep_until(now).await;
    });
}

#[test]
fn timeouts_give_their_timers_back_whether_or_not_they_run_out() {
    withstands_both_ways(|| async {
        let _ = timeout(2 * SECOND, sleep(SECOND)).await;
        let _ = timeout(SECOND, sleep(2 * SECOND)).await;
        let _ = timeout(Duration::ZERO, sleep(SECOND)).await;
        let soon = get_running_loop().unwrap().time() + SECOND;
        let _ = timeout_at(soon, timeout(2 * SECOND, sleep(3 * SECOND))).await;
        let _ = timeout_with(SECOND, |deadline| async move {
            sleep(SECOND / 2).await;
            let later = get_running_loop().unwrap().time() + 4 * SECOND;
            // Refused where the cut came first.
            let _ = deadline.reschedule(later);
            sleep(2 * SECOND).await;
            let _ = deadline.reschedule(None);
            sleep(9 * SECOND).await;
        })
        .await;
    });
}

#[test]
fn a_timeout_whose_block_cleans_up_lets_it_finish_unless_it_is_dropped() {
    withstands(|_, cut| async move {
        let cleaned = Rc::new(Cell::new(None));
        let inside = cleaned.clone();
        let ended = cut.cancelling(timeout(SECOND, async move {
            inside.set(Some(false));
            let slept = cancel_scope(sleep(2 * SECOND)).await;
            inside.set(Some(true));
            assert_eq!(slept, Err(Cancelled));
        }));
        ended.await.unwrap().unwrap();
        assert_eq!(cleaned.get(), Some(true), "by the timeout or by the cut");
        nothing_is_left().await;
    });
}

#[test]
fn a_future_keeps_its_value_for_the_next_who_asks() {
    withstands(|_, cut| async move {
        let future = get_running_loop().unwrap().create_future();
        let setter = future.clone();
        let sets = spawn(async move {
            sleep(SECOND).await;
            setter.set_result(5).unwrap();
        });
        let first = cut.dropping(&future).await;
        assert!(first.is_none_or(|value| value.unwrap() == 5));
        assert_eq!((&future).await.unwrap(), 5);
        sets.await.unwrap();
        nothing_is_left().await;
    });
}

#[test]
fn a_dropped_wait_for_a_task_loses_neither_the_task_nor_its_value() {
    withstands(|_, cut| async move {
        let mut task = spawn(async {
            sleep(SECOND).await;
            yield_now().await;
            7
        });
        let value = match cut.dropping(&mut task).await {
            Some(value) => value,
            None => task.await,
        };
        assert_eq!(value.unwrap(), 7);
        nothing_is_left().await;
    });
}

#[test]
fn gathers_end_their_tasks_with_them() {
    withstands_both_ways(|| async {
        let nap = |seconds: u32| async move {
            sleep(seconds * SECOND).await;
            if seconds == 3 { Err(seconds) } else { Ok(seconds) }
        };
        let _ = gather((1..4).map(nap)).await;
        let _ = gather((1..4).map(nap)).return_exceptions().await;
        let _ = try_gather((1..4).map(nap)).await;
    });
}

#[test]
fn a_task_that_a_gather_was_given_outlives_it() {
    withstands(|_, cut| async move {
        let future = get_running_loop().unwrap().create_future();
        let setter = future.clone();
        let inner = spawn(async move {
            sleep(SECOND).await;
            setter.set_result(()).unwrap();
        });
        drop(cut.dropping(gather([inner])).await);
        (&future).await.unwrap();
        nothing_is_left().await;
    });
}

#[test]
fn a_wait_leaves_its_tasks_running() {
    for when in [ReturnWhen::AllCompleted, ReturnWhen::FirstCompleted, ReturnWhen::FirstException] {
        withstands(move |_, cut| async move {
            let ended = Rc::new(Cell::new(0));
            let naps = [1, 2, 3].map(|seconds| {
                let ended = ended.clone();
                spawn(async move {
                    sleep(seconds * SECOND).await;
                    ended.set(ended.get() + 1);
                })
            });
            let waited = wait(naps).return_when(when).timeout(2 * SECOND + SECOND / 2);
            drop(cut.dropping(waited).await);
            sleep(4 * SECOND).await;
            assert_eq!(ended.get(), 3, "a wait ended what it waited for");
            nothing_is_left().await;
        });
    }
}

#[test]
fn a_scope_hears_the_request_wherever_its_task_waits_and_its_clean_up_is_whole() {
    withstands(|_, cut| async move {
        let (taken, steps) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (inside, cleaned) = (taken.clone(), steps.clone());
        let ended = cut.cancelling(async move {
            inside.set(1);
            let work = cancel_scope(async {
                yield_now().await;
                sleep(SECOND).await;
                timeout(SECOND, sleep(2 * SECOND)).await
            });
            let outcome = work.await;
            // The request was for the work; where that was done, one may come here still.
            let undo = cancel_scope(async {
                sleep(SECOND).await;
                cleaned.set(1);
            });
            let undone = undo.await;
            inside.set(0);
            (outcome, undone)
        });
        let (outcome, undone) = ended.await.expect("a task with a scope is not dropped");
        assert!(outcome.is_ok() || undone.is_ok(), "one request is heard once");
        assert_eq!((taken.get(), steps.get() == 1), (0, undone.is_ok()));
        nothing_is_left().await;
    });
}

#[test]
fn a_task_without_a_scope_is_dropped_where_it_waits_with_what_it_holds() {
    withstands(|_, cut| async move {
        let held = Rc::new(());
        let holds = held.clone();
        let ended = cut.cancelling(async move {
            yield_now().await;
            sleep(SECOND).await;
            drop(holds);
        });
        let ended = ended.await;
        assert!(matches!(ended, Ok(()) | Err(JoinError::Cancelled)));
        assert_eq!(Rc::strong_count(&held), 1, "something still holds it");
        nothing_is_left().await;
    });
}

#[test]
fn a_coroutine_from_another_thread_runs_on_when_nobody_asks_for_it_any_more() {
    withstands(|_, cut| async move {
        let ran = Arc::new(AtomicBool::new(false));
        let inside = ran.clone();
        let handle = get_running_loop().unwrap().handle();
        let coroutine = handle.run_coroutine_threadsafe(move || async move {
            for _ in 0..3 {
                yield_now().await;
            }
            inside.store(true, SeqCst);
        });
        let future = coroutine.unwrap();
        let asks = cut.dropping(async move {
            while !future.done() {
                yield_now().await;
            }
            future.result().unwrap();
        });
        asks.await;
        sleep(2 * SECOND).await;
        assert!(ran.load(SeqCst));
        nothing_is_left().await;
    });
}
