use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use evloop::{
    JoinError, TryGatherError, cancel_scope, gather, sleep, spawn, timeout, try_gather, yield_now,
};

use crate::{Log, reports, secs, turn, virtual_loop};

#[test]
fn gather_01_the_values_are_in_the_order_of_the_arguments() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let values = event_loop
        .run_until_complete(async move {
            gather([("a", 2), ("b", 1), ("c", 3)].map(|(name, nap)| {
                let log = told.clone();
                async move {
                    sleep(secs(nap)).await;
                    log.add(name);
                    name
                }
            }))
            .await
        })
        .unwrap()
        .unwrap();
    assert_eq!(values, ["a", "b", "c"]);
    assert_eq!(log.take(), ["b", "a", "c"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(3));
}

#[test]
fn gather_02_gathering_nothing_is_done_at_once() {
    let (event_loop, _) = virtual_loop();
    let ran = Rc::new(Cell::new(false));
    let (callback, own) = (ran.clone(), event_loop.clone());
    let (values, between) = event_loop
        .run_until_complete(async move {
            own.call_soon(move || callback.set(true)).unwrap();
            (gather(Vec::<std::future::Ready<()>>::new()).await.unwrap(), ran.get())
        })
        .unwrap();
    assert_eq!((values.len(), between), (0, false));
}

#[test]
fn gather_03_the_first_failure_is_the_outcome_and_the_others_run_on() {
    let (event_loop, _) = virtual_loop();
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    let error = event_loop
        .run_until_complete(async move {
            let naps: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
                sleep(secs(5)).await;
                end.set(true);
            });
            let fails = Box::pin(async {
                sleep(secs(1)).await;
                panic!("first failure");
            });
            gather([naps, fails]).await.unwrap_err().to_string()
        })
        .unwrap();
    assert_eq!(error, "task panicked: first failure");
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(1));
    event_loop.run_until_complete(sleep(secs(10))).unwrap();
    assert!(ended.get());
}

#[test]
fn gather_03_the_first_err_of_try_gather_is_the_outcome_and_the_others_run_on() {
    let (event_loop, _) = virtual_loop();
    let ended = Rc::new(Cell::new(0));
    let end = ended.clone();
    let result = event_loop
        .run_until_complete(async move {
            try_gather([3, 1, 2].map(|nap| {
                let end = end.clone();
                async move {
                    sleep(secs(nap)).await;
                    end.set(end.get() + 1);
                    if nap == 1 { Err("one") } else { Ok(nap) }
                }
            }))
            .await
        })
        .unwrap();
    assert!(matches!(result, Err(TryGatherError::Failed("one"))), "{result:?}");
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(1));
    event_loop.run_until_complete(sleep(secs(10))).unwrap();
    assert_eq!(ended.get(), 3);
    let all = event_loop
        .run_until_complete(async { try_gather([1, 2].map(|n| ready(Ok::<_, ()>(n)))).await })
        .unwrap();
    assert_eq!(all.unwrap(), [1, 2]);
}

#[test]
fn gather_04_with_return_exceptions_failures_stand_in_their_places() {
    let (event_loop, _) = virtual_loop();
    let results = event_loop
        .run_until_complete(async {
            gather((0..3).map(|n| async move {
                sleep(secs(3 - n)).await;
                assert_ne!(n, 1, "as asked");
                n
            }))
            .return_exceptions()
            .await
        })
        .unwrap();
    assert!(matches!(results[..], [Ok(0), Err(JoinError::Panicked(_)), Ok(2)]), "{results:?}");
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(3));
}

#[test]
fn gather_05_a_cancelled_child_is_the_outcome_and_the_awaiting_task_is_not_cancelled() {
    let (event_loop, _) = virtual_loop();
    let outer = event_loop.create_task(async {
        let children = gather([pending::<()>(), pending()]);
        children.tasks()[1].cancel();
        children.await
    });
    let outcome = event_loop.run_until_complete(outer).unwrap().unwrap();
    assert!(outcome.unwrap_err().is_cancelled());
}

#[test]
fn gather_06_with_return_exceptions_a_cancelled_child_stands_in_its_place() {
    let (event_loop, _) = virtual_loop();
    let results = event_loop
        .run_until_complete(async {
            let children = gather((0..2).map(|n| async move {
                sleep(secs(1)).await;
                n
            }));
            yield_now().await;
            children.tasks()[0].cancel();
            children.return_exceptions().await
        })
        .unwrap();
    assert!(matches!(results[..], [Err(JoinError::Cancelled), Ok(1)]), "{results:?}");
}

#[test]
fn gather_07_cancelling_or_dropping_a_gather_cancels_its_children() {
    let (event_loop, _) = virtual_loop();
    for drops in [true, false] {
        let log = Log::default();
        let told = log.clone();
        let outer = event_loop.create_task(async move {
            let child = |n| {
                let log = told.clone();
                async move {
                    let heard = cancel_scope(pending::<()>()).await;
                    log.add(format!("{n} {heard:?}"));
                }
            };
            let children = gather((0..2).map(child));
            if drops {
                assert!(timeout(secs(1), children).await.is_err());
            } else {
                children.await.unwrap();
            }
        });
        turn(&event_loop);
        turn(&event_loop);
        if !drops {
            outer.cancel();
        }
        event_loop.run_until_complete(sleep(secs(2))).unwrap();
        assert_eq!(log.take(), ["0 Err(Cancelled)", "1 Err(Cancelled)"]);
        assert_eq!(outer.cancelled(), !drops);
    }
}

#[test]
fn gather_08_cancelling_when_all_children_are_done_is_refused_and_keeps_the_values() {
    let (event_loop, _) = virtual_loop();
    let values = event_loop
        .run_until_complete(async {
            let children = gather([1, 2].map(ready));
            assert!(children.tasks().iter().all(|task| !task.done()));
            yield_now().await;
            yield_now().await;
            assert!(!children.cancel());
            children.await.unwrap()
        })
        .unwrap();
    assert_eq!(values, [1, 2]);
}

#[test]
fn a_task_given_to_gather_is_awaited_and_outlives_it() {
    let (event_loop, _) = virtual_loop();
    let told = reports(&event_loop);
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    event_loop
        .run_until_complete(async move {
            let task = spawn(async move {
                sleep(secs(2)).await;
                end.set(true);
            });
            assert!(timeout(secs(1), gather([task])).await.is_err());
            sleep(secs(5)).await;
        })
        .unwrap();
    assert!(ended.get());
    assert!(told.take().is_empty());
}

#[test]
fn gather_10_tasks_of_another_loop_are_an_error_and_no_endless_wait() {
    let (other, _) = virtual_loop();
    let (event_loop, _) = virtual_loop();
    // What is gathered before a loop runs is of the thread's own.
    evloop::set_event_loop(Some(other.clone()));
    let endless = || [pending::<()>()];
    let error = event_loop.run_until_complete(gather(endless())).unwrap().unwrap_err();
    assert!(matches!(error, JoinError::DifferentLoop), "{error}");
    let each = gather(endless()).return_exceptions();
    let each = event_loop.run_until_complete(each).unwrap();
    assert!(matches!(each[..], [Err(JoinError::DifferentLoop)]), "{each:?}");
    let fails = try_gather([pending::<Result<(), ()>>()]);
    let error = event_loop.run_until_complete(fails).unwrap().unwrap_err();
    assert!(matches!(error, TryGatherError::Join(JoinError::DifferentLoop)), "{error:?}");
    let none_left = other.run_until_complete(yield_now()).is_ok() && other.all_tasks().is_empty();
    evloop::set_event_loop(None);
    assert!(none_left, "its tasks are cancelled with it");
}
