use evloop::{BoundedSemaphore, Semaphore, spawn};

use crate::{Log, run, settle};

#[test]
fn sem_01_so_many_permits_are_acquired_without_waiting_and_the_next_waits() {
    run(async {
        let semaphore = Semaphore::new(3);
        let mut permits = Vec::new();
        for _ in 0..3 {
            assert!(!semaphore.locked());
            permits.push(semaphore.acquire().await);
        }
        assert!(semaphore.locked() && semaphore.try_acquire().is_none());
        let next = spawn(semaphore.acquire());
        settle().await;
        assert!(!next.done());
        assert_eq!(format!("{semaphore:?}"), "<Semaphore value: 0, waiters: 1>");
        permits.pop();
        assert_eq!(next.await.unwrap().count(), 1);
    });
}

#[test]
fn sem_02_a_semaphore_of_no_permits_waits_for_the_first_release() {
    run(async {
        let semaphore = Semaphore::new(0);
        let waits = spawn(semaphore.acquire());
        settle().await;
        assert!(!waits.done());
        semaphore.release();
        assert!(waits.await.is_ok());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn sem_02_a_bounded_semaphore_is_not_released_beyond_its_bound() {
    run(async {
        let semaphore = BoundedSemaphore::new(1);
        assert!(semaphore.release().unwrap_err().to_string().contains("too many times"));
        let permit = semaphore.acquire().await;
        assert!(semaphore.release().is_err(), "the permit goes back by itself");
        permit.forget();
        assert!(semaphore.locked() && semaphore.try_acquire().is_none());
        assert_eq!((semaphore.release(), semaphore.available_permits()), (Ok(()), 1));
        assert!(semaphore.release().is_err());
    });
}

#[test]
fn sem_03_waiters_are_served_in_order_also_when_one_comes_again_at_once() {
    run(async {
        let (semaphore, log) = (Semaphore::new(1), Log::default());
        let tasks = ["a", "b", "c"].map(|name| {
            let (semaphore, log) = (semaphore.clone(), log.clone());
            spawn(async move {
                for round in 0..3 {
                    let _permit = semaphore.acquire().await;
                    evloop::yield_now().await;
                    log.add(format!("{name}{round}"));
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(log.take(), ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]);
    });
}

#[test]
fn sem_05_the_permit_goes_to_the_next_waiter_that_is_not_cancelled() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let cancelled = ["1", "2"].map(|name| log.after(name, semaphore.acquire()));
        let live = log.after("3", semaphore.acquire());
        settle().await;
        cancelled.iter().for_each(|task| assert!(task.cancel()));
        semaphore.release();
        assert!(live.await.is_ok());
        assert_eq!(log.take(), ["3"]);
    });
}

#[test]
fn sem_06_a_waiter_cancelled_with_its_permit_gives_it_on() {
    run(async {
        let (semaphore, log) = (Semaphore::new(1), Log::default());
        let permit = semaphore.acquire().await;
        let first = log.after("first", semaphore.acquire());
        let second = log.after("second", semaphore.acquire());
        settle().await;
        drop(permit);
        first.cancel();
        assert!(second.await.is_ok());
        assert_eq!((semaphore.available_permits(), semaphore.locked()), (1, false));
    });
}

#[test]
fn sem_07_no_permit_is_idle_while_somebody_waits() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let sleeping = log.after("sleeping", semaphore.acquire());
        settle().await;
        (0..3).for_each(|_| semaphore.release());
        let newcomers = ["1", "2"].map(|name| log.after(name, semaphore.acquire()));
        settle().await;
        assert_eq!(log.take(), ["sleeping", "1", "2"]);
        assert!(sleeping.done() && newcomers.iter().all(evloop::Task::done));
    });
}

#[test]
fn who_wants_many_is_not_passed_by_who_wants_few_unless_it_gives_up() {
    run(async {
        let (semaphore, log) = (Semaphore::new(3), Log::default());
        let one = semaphore.acquire().await;
        let all = log.after("all", semaphore.acquire_many(3));
        settle().await;
        assert!(semaphore.locked() && semaphore.try_acquire().is_none());
        let few = log.after("few", semaphore.acquire());
        settle().await;
        assert!(log.take().is_empty(), "two permits are there, and all are wanted first");
        all.cancel();
        assert!(few.await.is_ok());
        drop(one);
        assert_eq!(semaphore.try_acquire_many(3).map(|permit| permit.count()), Some(3));
    });
}
