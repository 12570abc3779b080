use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use evloop::{Lock, LockGuard, Task, spawn, timeout, yield_now};

use crate::{Log, run, settle};

type Waiting = Task<LockGuard>;

#[test]
fn lock_01_a_free_lock_is_acquired_without_yielding_and_free_again_when_released() {
    run(async {
        let lock = Lock::new();
        let others_ran = Rc::new(Cell::new(false));
        let told = others_ran.clone();
        drop(spawn(async move { told.set(true) }));
        let guard = lock.acquire().await;
        assert!(lock.locked() && !others_ran.get());
        drop(guard);
        assert!(!lock.locked());
        assert_eq!(format!("{lock:?}"), "<Lock unlocked, waiters: 0>");
    });
}

#[test]
fn lock_02_a_release_wakes_one_waiter_the_first() {
    run(async {
        let (lock, log) = (Lock::new(), Log::default());
        let mut held = Some(lock.acquire().await);
        let tasks = ["1", "2", "3"].map(|name| log.after(name, lock.acquire()));
        settle().await;
        assert_eq!(format!("{lock:?}"), "<Lock locked, waiters: 3>");
        for (task, name) in tasks.into_iter().zip(["1", "2", "3"]) {
            assert!(log.take().is_empty());
            drop(held.take());
            settle().await;
            assert_eq!(log.take(), [name]);
            held = task.await.ok();
        }
    });
}

#[test]
fn lock_04_what_is_not_held_without_a_guard_cannot_be_released() {
    run(async {
        let lock = Lock::new();
        assert_eq!(lock.release().unwrap_err().to_string(), "Lock is not acquired.");
        let guard = lock.acquire().await;
        let error = lock.release().unwrap_err().to_string();
        assert!(error.contains("held by a guard"), "{error}");
        guard.forget();
        assert!(lock.locked());
        let waiter = spawn(lock.acquire());
        settle().await;
        lock.release().unwrap();
        assert!(lock.release().is_err(), "it is the waiter's now, although that has not run");
        assert!(waiter.await.is_ok() && !lock.locked());
    });
}

/// The lock's guard, and two tasks that wait for it.
async fn held_and_awaited(lock: &Lock, log: &Log) -> (LockGuard, Waiting, Waiting) {
    let held = lock.acquire().await;
    let first = log.after("first", lock.acquire());
    let second = log.after("second", lock.acquire());
    settle().await;
    (held, first, second)
}

#[test]
fn lock_05_a_waiter_that_is_cancelled_leaves_the_line() {
    run(async {
        let (lock, log) = (Lock::new(), Log::default());
        let (held, first, second) = held_and_awaited(&lock, &log).await;
        first.cancel();
        settle().await;
        assert_eq!(format!("{lock:?}"), "<Lock locked, waiters: 1>");
        drop(held);
        assert!(second.await.is_ok());
        assert_eq!(log.take(), ["second"]);
    });
}

#[test]
fn lock_06_a_waiter_cancelled_when_it_had_been_handed_the_lock_passes_it_on() {
    run(async {
        let (lock, log) = (Lock::new(), Log::default());
        let (held, first, second) = held_and_awaited(&lock, &log).await;
        drop(held);
        first.cancel();
        assert!(second.await.is_ok());
        assert_eq!(log.take(), ["second"]);
        assert!(!lock.locked(), "the guard that the task gave is gone");
    });
}

#[test]
fn lock_07_the_end_of_a_block_releases_also_by_a_panic_or_a_cancel() {
    run(async {
        let lock = Lock::with(7);
        let theirs = lock.clone();
        let panics = spawn(async move {
            let mut guard = theirs.acquire().await;
            *guard = 8;
            panic!("in the block");
        });
        assert!(panics.await.is_err());
        assert!(!lock.locked());
        let theirs = lock.clone();
        let endless = async move {
            let _guard = theirs.acquire().await;
            pending::<()>().await;
        };
        assert!(timeout(Duration::from_secs(1), endless).await.is_err());
        assert_eq!(*lock.acquire().await, 8);
    });
}

#[test]
fn a_lock_that_is_released_and_acquired_again_at_once_goes_to_who_waited() {
    run(async {
        let (lock, log) = (Lock::new(), Log::default());
        let held = lock.acquire().await;
        let other = log.after("other", lock.acquire());
        settle().await;
        drop(held);
        assert!(lock.try_acquire().is_none(), "it has been handed over");
        let again = log.after("again", lock.acquire());
        drop(other.await);
        drop(again.await);
        assert_eq!(log.take(), ["other", "again"]);
        assert!(lock.try_acquire().is_some());
    });
}

#[test]
fn a_lock_keeps_what_is_in_it_and_gives_it_to_the_last_who_has_it() {
    run(async {
        let lock = Lock::with(vec![1]);
        lock.acquire().await.push(2);
        let other = lock.clone();
        let Err(lock) = lock.into_inner() else { panic!("there is another name") };
        drop(other);
        let held = lock.acquire().await;
        held.forget();
        let Err(lock) = lock.into_inner() else { panic!("it is held") };
        lock.release().unwrap();
        assert_eq!(lock.into_inner().unwrap(), [1, 2]);
    });
}

#[test]
fn a_task_that_waits_for_a_lock_says_for_which() {
    let event_loop = evloop::EventLoop::new().unwrap();
    let lock = Lock::new();
    let waits = lock.clone();
    event_loop
        .run_until_complete(async move {
            let _held = lock.acquire().await;
            let task = spawn(async move { drop(waits.acquire().await) });
            yield_now().await;
            let text = format!("{task:?}");
            assert!(text.contains("Lock") && text.contains("lock.rs"), "{text}");
        })
        .unwrap();
}
