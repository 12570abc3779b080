use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;

use evloop::{
    Cancelled, Deadline, RescheduleError, Time, TimedOut, cancel_scope, gather, sleep, timeout,
    timeout_at, timeout_with, yield_now,
};

use crate::{Log, secs, turn, virtual_loop};

fn at(n: u64) -> Time {
    Time::ZERO + secs(n)
}

#[test]
fn timeout_01_a_block_without_a_scope_is_dropped_when_its_time_runs_out() {
    struct Guard(Rc<Cell<bool>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let (event_loop, _) = virtual_loop();
    let dropped = Rc::new(Cell::new(false));
    let guard = Guard(dropped.clone());
    let block = timeout(secs(2), async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert_eq!(event_loop.run_until_complete(block).unwrap(), Err(TimedOut));
    assert!(dropped.get());
    assert_eq!(event_loop.time(), at(2));
    assert_eq!(io::Error::from(TimedOut).kind(), io::ErrorKind::TimedOut);
}

#[test]
fn timeout_01_a_scope_in_the_block_hears_of_it_and_the_blocks_value_wins() {
    let (event_loop, _) = virtual_loop();
    let seen = Rc::new(RefCell::new(None));
    let kept = seen.clone();
    let block = timeout_with(secs(2), |deadline| async move {
        *kept.borrow_mut() = Some(deadline);
        let heard = cancel_scope(pending::<()>()).await;
        sleep(secs(3)).await;
        heard
    });
    assert_eq!(event_loop.run_until_complete(block).unwrap(), Ok(Err(Cancelled)));
    assert_eq!(event_loop.time(), at(5), "it cleaned up with awaits");
    assert!(seen.borrow().as_ref().unwrap().expired());
}

#[test]
fn timeout_02_a_block_that_ends_in_time_disarms_the_timer() {
    let (event_loop, _) = virtual_loop();
    let value = timeout(secs(60), async {
        sleep(secs(1)).await;
        7
    });
    assert_eq!(event_loop.run_until_complete(value).unwrap(), Ok(7));
    assert_eq!(event_loop.next_deadline(), None);
    assert_eq!(event_loop.counters().timers_cancelled, 1);
}

#[test]
fn timeout_04_with_no_time_left_a_block_that_yields_times_out_and_one_that_does_not_passes() {
    let (event_loop, clock) = virtual_loop();
    assert_eq!(
        event_loop.run_until_complete(timeout(secs(0), yield_now())).unwrap(),
        Err(TimedOut)
    );
    let zero = timeout(secs(0), sleep(secs(0)));
    assert_eq!(event_loop.run_until_complete(zero).unwrap(), Err(TimedOut));
    assert_eq!(event_loop.run_until_complete(timeout(secs(0), async { 1 })).unwrap(), Ok(1));
    clock.advance(secs(10));
    let past = timeout_at(at(9), sleep(secs(0)));
    assert_eq!(event_loop.run_until_complete(past).unwrap(), Err(TimedOut));
    assert_eq!(event_loop.run_until_complete(timeout_at(at(9), async { 2 })).unwrap(), Ok(2));
}

#[test]
fn timeout_05_the_blocks_own_error_passes_unchanged() {
    let (event_loop, _) = virtual_loop();
    let block = timeout(secs(2), async {
        sleep(secs(1)).await;
        Err::<(), _>("its own")
    });
    assert_eq!(event_loop.run_until_complete(block).unwrap(), Ok(Err("its own")));
}

#[test]
fn timeout_06_an_error_of_the_clean_up_wins_over_the_timeout() {
    let (event_loop, _) = virtual_loop();
    let block = timeout(secs(1), async {
        cancel_scope(pending::<()>()).await.map_err(|Cancelled| "clean-up failed")
    });
    assert_eq!(event_loop.run_until_complete(block).unwrap(), Ok(Err("clean-up failed")));
}

#[test]
fn timeout_08_after_a_timeout_the_task_is_not_cancelled_and_has_no_request() {
    let (event_loop, _) = virtual_loop();
    for soft in [true, false] {
        let task = event_loop.create_task(async move {
            if soft {
                let _ = timeout(secs(1), cancel_scope(pending::<()>())).await;
            } else {
                let _ = timeout(secs(1), pending::<()>()).await;
            }
            sleep(secs(5)).await;
            cancel_scope(yield_now()).await
        });
        event_loop.run_until_complete(sleep(secs(2))).unwrap();
        assert_eq!(task.cancelling(), 0);
        assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), Ok(()));
    }
}

#[test]
fn timeout_09_of_two_limits_for_the_same_moment_the_inner_reports() {
    let (event_loop, _) = virtual_loop();
    let nested = timeout(secs(1), timeout(secs(1), pending::<()>()));
    assert_eq!(event_loop.run_until_complete(nested).unwrap(), Ok(Err(TimedOut)));
}

#[test]
fn timeout_10_a_block_past_both_limits_meets_the_outer_at_its_next_wait() {
    let (event_loop, clock) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outer = timeout(secs(10), async move {
        let inner = timeout(secs(1), async {
            yield_now().await;
            clock.advance(secs(10));
            pending::<()>().await;
        });
        told.add(format!("inner {:?}", inner.await));
        yield_now().await;
        told.add("never");
    });
    assert_eq!(event_loop.run_until_complete(outer).unwrap(), Err(TimedOut));
    assert_eq!(log.take(), ["inner Err(TimedOut)"]);
}

#[test]
fn timeout_12_in_the_clean_up_of_a_cancelled_task_a_timeout_is_a_timeout_and_a_cancel_a_cancel() {
    let (event_loop, _) = virtual_loop();
    for again in [false, true] {
        let task = event_loop.create_task(async {
            let _ = cancel_scope(pending::<()>()).await;
            timeout(secs(5), pending::<()>()).await
        });
        turn(&event_loop);
        task.cancel();
        event_loop.run_until_complete(sleep(secs(1))).unwrap();
        if again {
            task.cancel();
        }
        let outcome = event_loop.run_until_complete(task).unwrap();
        match again {
            true => assert!(outcome.unwrap_err().is_cancelled()),
            false => assert_eq!(outcome.unwrap(), Err(TimedOut)),
        }
    }
}

#[test]
fn timeout_13_the_limit_moves_later_earlier_and_away_while_the_block_is_under_way() {
    for (wanted, ends_at, outcome) in
        [(Some(at(50)), 20, Ok(())), (Some(at(4)), 4, Err(TimedOut)), (None, 20, Ok(()))]
    {
        let (event_loop, _) = virtual_loop();
        let block = timeout_with(secs(10), move |deadline| async move {
            assert_eq!(deadline.when(), None, "it begins with the first wait");
            sleep(secs(1)).await;
            assert_eq!(deadline.when(), Some(at(10)));
            deadline.reschedule(wanted).unwrap();
            assert_eq!(deadline.when(), wanted);
            sleep(secs(19)).await;
        });
        assert_eq!(event_loop.run_until_complete(block).unwrap(), outcome);
        assert_eq!(event_loop.time(), at(ends_at));
    }
}

#[test]
fn timeout_13_somebody_else_may_move_the_limit_and_only_while_it_is_under_way() {
    let (event_loop, _) = virtual_loop();
    let seen: Rc<RefCell<Option<Deadline>>> = Rc::default();
    let kept = seen.clone();
    let block = timeout_with(secs(10), move |deadline| {
        assert_eq!(deadline.reschedule(at(1)), Err(RescheduleError::NotEntered));
        *kept.borrow_mut() = Some(deadline);
        pending::<()>()
    });
    let task = event_loop.create_task(block);
    turn(&event_loop);
    let deadline = seen.borrow_mut().take().unwrap();
    deadline.reschedule(at(3)).unwrap();
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), Err(TimedOut));
    assert_eq!(event_loop.time(), at(3));
    assert_eq!(deadline.reschedule(None), Err(RescheduleError::Expired));
    assert!(deadline.expired());

    let kept = seen.clone();
    let block = timeout_with(secs(10), move |deadline| async move {
        *kept.borrow_mut() = Some(deadline);
    });
    event_loop.run_until_complete(block).unwrap().unwrap();
    let deadline = seen.borrow_mut().take().unwrap();
    assert_eq!(deadline.reschedule(None), Err(RescheduleError::Finished));
    assert!(!deadline.expired());
}

#[test]
fn a_timeout_asks_no_scope_that_is_beside_it_in_the_same_task() {
    let (event_loop, _) = virtual_loop();
    let task = event_loop.create_task(async {
        let mut limited = Box::pin(timeout(secs(1), pending::<()>()));
        let mut beside = Box::pin(cancel_scope(sleep(secs(5))));
        let mut outcome = None;
        let slept = std::future::poll_fn(|context| {
            if outcome.is_none() {
                if let std::task::Poll::Ready(value) = limited.as_mut().poll(context) {
                    outcome = Some(value);
                }
            }
            beside.as_mut().poll(context)
        })
        .await;
        (outcome, slept)
    });
    let value = event_loop.run_until_complete(task).unwrap().unwrap();
    assert_eq!(value, (Some(Err(TimedOut)), Ok(())));
}

#[test]
fn a_scope_in_another_task_does_not_hear_of_the_timeout() {
    let (event_loop, _) = virtual_loop();
    let block = timeout(secs(1), async {
        gather([async { cancel_scope(pending::<()>()).await }]).return_exceptions().await.len()
    });
    // The scope is in another task: nothing inside this one hears, so the block is dropped, and
    // with it the gather, whose child is cancelled and hears.
    assert_eq!(event_loop.run_until_complete(block).unwrap(), Err(TimedOut));
}
