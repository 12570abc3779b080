use evloop::{Barrier, BrokenBarrierError, Task, spawn};

use crate::{run, settle};

fn barrier(parties: usize) -> Barrier {
    Barrier::new(parties.try_into().unwrap())
}

fn arrive(barrier: &Barrier) -> Task<Result<usize, BrokenBarrierError>> {
    spawn(barrier.wait())
}

#[test]
fn barrier_01_the_last_lets_all_through_each_with_an_index_of_its_own() {
    run(async {
        let barrier = barrier(3);
        let tasks = [arrive(&barrier), arrive(&barrier)];
        settle().await;
        assert_eq!((barrier.n_waiting(), barrier.parties()), (2, 3));
        assert_eq!(barrier.wait().await, Ok(2));
        for (index, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), Ok(index));
        }
        assert_eq!(format!("{barrier:?}"), "<Barrier filling, waiters: 0/3>");
    });
}

#[test]
fn barrier_02_who_is_cancelled_while_it_fills_is_one_less_and_breaks_nothing() {
    run(async {
        let barrier = barrier(2);
        let cancelled = arrive(&barrier);
        settle().await;
        cancelled.cancel();
        settle().await;
        assert_eq!((barrier.n_waiting(), barrier.broken()), (0, false));
        let tasks = [arrive(&barrier), arrive(&barrier)];
        settle().await;
        assert!(tasks.iter().all(Task::done));
    });
}

#[test]
fn barrier_04_who_comes_while_it_drains_belongs_to_the_next_round() {
    run(async {
        let barrier = barrier(2);
        let first = arrive(&barrier);
        settle().await;
        assert_eq!(barrier.wait().await, Ok(1));
        let mut late = std::pin::pin!(barrier.wait());
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(late.as_mut().poll(context).is_pending())
        });
        assert!(polled.await, "the first of the round before has not left");
        assert_eq!((barrier.n_waiting(), first.done()), (0, false));
        let other = arrive(&barrier);
        assert_eq!(late.await, Ok(0));
        assert_eq!((first.await.unwrap(), other.await.unwrap()), (Ok(0), Ok(1)));
    });
}

#[test]
fn who_waits_for_an_aborted_barrier_fails_and_a_reset_repairs_it() {
    run(async {
        let barrier = barrier(2);
        let waits = arrive(&barrier);
        settle().await;
        barrier.abort();
        assert!(barrier.broken());
        assert_eq!(barrier.wait().await, Err(BrokenBarrierError));
        barrier.reset();
        let next = arrive(&barrier);
        settle().await;
        assert_eq!(waits.await.unwrap(), Err(BrokenBarrierError));
        assert_eq!(barrier.n_waiting(), 1, "the next was held back until that had left");
        assert_eq!(barrier.wait().await, Ok(1));
        assert_eq!(next.await.unwrap(), Ok(0));
    });
}

#[test]
fn a_reset_fails_those_who_wait_and_does_not_break() {
    run(async {
        let barrier = barrier(3);
        let tasks = [arrive(&barrier), arrive(&barrier)];
        settle().await;
        barrier.reset();
        assert!(!barrier.broken());
        for task in tasks {
            assert_eq!(task.await.unwrap(), Err(BrokenBarrierError));
        }
    });
}
