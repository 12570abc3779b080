use std::future::pending;
use std::time::Duration;

use evloop::{Condition, Lock, cancel_scope, sleep, spawn, timeout};

use crate::{Log, run, settle};

fn message(panic: evloop::JoinError) -> String {
    format!("{panic}")
}

#[test]
fn cond_01_the_guard_of_another_lock_neither_waits_nor_notifies() {
    run(async {
        let (condition, other) = (Condition::new(), Lock::new());
        let (mine, theirs) = (condition.clone(), other.clone());
        let waits = spawn(async move { drop(mine.wait(theirs.acquire().await).await) });
        assert!(message(waits.await.unwrap_err()).contains("another lock's"));
        let (mine, theirs) = (condition.clone(), other.clone());
        let notifies = spawn(async move { mine.notify(&theirs.acquire().await, 1) });
        assert!(message(notifies.await.unwrap_err()).contains("another lock's"));
        assert!(!other.locked() && !condition.lock().locked());
    });
}

#[test]
fn cond_02_notify_wakes_so_many_in_order_and_none_before_the_lock_is_released() {
    run(async {
        let (condition, log) = (Condition::new(), Log::default());
        for name in ["1", "2", "3", "4"] {
            let mine = condition.clone();
            drop(log.after(name, async move { drop(mine.wait(mine.acquire().await).await) }));
        }
        settle().await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 2);
        settle().await;
        assert!(log.take().is_empty(), "the notifier has the lock");
        drop(guard);
        settle().await;
        assert_eq!(log.take(), ["1", "2"]);
        condition.notify_all(&condition.acquire().await);
        settle().await;
        assert_eq!(log.take(), ["3", "4"]);
        condition.notify(&condition.acquire().await, 9);
    });
}

#[test]
fn cond_04_who_waits_for_a_predicate_waits_on_while_it_is_false() {
    run(async {
        let condition = Condition::with(Lock::with(0));
        let mine = condition.clone();
        let waits = spawn(async move {
            let guard = mine.acquire().await;
            *mine.wait_for(guard, |value| *value >= 2).await
        });
        for value in 0..=2 {
            settle().await;
            assert!(!waits.done());
            let mut guard = condition.acquire().await;
            *guard = value;
            condition.notify(&guard, 1);
        }
        assert_eq!(waits.await.unwrap(), 2);
        let guard = condition.acquire().await;
        let guard = condition.wait_for(guard, |value| *value == 2).await;
        assert_eq!(*guard, 2, "what is true is not waited for");
    });
}

#[test]
fn cond_05_a_notification_is_not_lost_with_a_waiter_cancelled_before_it_resumes() {
    run(async {
        for relocking in [false, true] {
            let (condition, log) = (Condition::new(), Log::default());
            let wait = |name| {
                let mine = condition.clone();
                log.after(name, async move { drop(mine.wait(mine.acquire().await).await) })
            };
            let (first, second) = (wait("first"), wait("second"));
            settle().await;
            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            if relocking {
                settle().await;
                first.cancel();
                settle().await;
                drop(guard);
            } else {
                drop(guard);
                first.cancel();
            }
            assert!(second.await.is_ok(), "relocking: {relocking}");
            assert_eq!(log.take(), ["second"]);
            assert!(!condition.lock().locked());
        }
    });
}

#[test]
fn cond_06_who_gives_up_after_a_time_has_the_lock_again() {
    run(async {
        let condition = Condition::new();
        let guard = condition.acquire().await;
        let theirs = condition.clone();
        let other = spawn(async move {
            let _guard = theirs.acquire().await;
            sleep(Duration::from_secs(5)).await;
        });
        let (guard, gave_up) = condition.wait_unless(guard, sleep(Duration::from_secs(1))).await;
        assert!(gave_up.is_some() && other.done(), "it waited for the other to release");
        assert!(condition.lock().locked());
        drop(guard);
        assert!(!condition.lock().locked());
    });
}

#[test]
fn cond_06_a_timeout_outside_the_wait_takes_the_guard_along() {
    run(async {
        let condition = Condition::new();
        let guard = condition.acquire().await;
        assert!(timeout(Duration::from_secs(1), condition.wait(guard)).await.is_err());
        assert!(!condition.lock().locked());
        assert_eq!(
            format!("{condition:?}"),
            "<Condition of <Lock unlocked, waiters: 0>, waiters: 0>"
        );
    });
}

#[test]
fn who_is_cancelled_in_a_wait_can_clean_up_under_the_lock() {
    run(async {
        let condition = Condition::with(Lock::with("dirty"));
        let mine = condition.clone();
        let task = spawn(async move {
            let guard = mine.acquire().await;
            let cancelled = cancel_scope(pending::<()>());
            let (mut guard, gave_up) = mine.wait_for_unless(guard, |_| false, cancelled).await;
            assert!(gave_up.is_some_and(|cancelled| cancelled.is_err()));
            *guard = "clean";
        });
        settle().await;
        task.cancel();
        assert!(task.await.is_ok(), "it heard the request");
        assert_eq!(*condition.acquire().await, "clean");
    });
}

#[test]
fn conditions_may_share_a_lock() {
    run(async {
        let lock = Lock::with(Vec::new());
        let (full, empty) = (Condition::with(lock.clone()), Condition::with(lock));
        let (their_full, their_empty) = (full.clone(), empty.clone());
        let consumer = spawn(async move {
            let mut sum = 0;
            while sum < 6 {
                let guard = their_full.acquire().await;
                let mut items = their_full.wait_for(guard, |items| !items.is_empty()).await;
                sum += items.drain(..).sum::<i32>();
                their_empty.notify(&items, 1);
            }
            sum
        });
        for item in 1..=3 {
            let mut items = empty.wait_for(empty.acquire().await, |items| items.is_empty()).await;
            items.push(item);
            full.notify(&items, 1);
        }
        assert_eq!(consumer.await.unwrap(), 6);
    });
}
