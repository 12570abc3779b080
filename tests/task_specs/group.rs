use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use evloop::{
    GroupCause, GroupError, JoinError, OnError, TaskGroup, TimedOut, cancel_scope,
    current_task_ref, sleep, task_group, timeout, yield_now,
};

use crate::{Log, secs, turn, virtual_loop};

type Outcome<T> = Result<T, GroupError<&'static str>>;

async fn fails_after(seconds: u64, error: &'static str) -> Result<(), &'static str> {
    sleep(secs(seconds)).await;
    Err(error)
}

/// Fails with `error` when it is asked to end.
async fn fails_when_asked(error: &'static str) -> Result<(), &'static str> {
    let _ = cancel_scope(pending::<()>()).await;
    Err(error)
}

/// Says when it was asked to end, after some time to clean up.
async fn says_when_asked(log: Log, name: &'static str, cleans_up: u64) -> Result<(), &'static str> {
    if cancel_scope(pending::<()>()).await.is_err() {
        sleep(secs(cleans_up)).await;
        log.add(name);
    }
    Ok(())
}

#[test]
fn tg_01_the_group_waits_for_all_its_tasks_and_for_those_they_begin() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let value: Outcome<_> = event_loop
        .run_until_complete(task_group(async move |group: TaskGroup<_>| {
            let (inner, first) = (group.clone(), told.clone());
            group.spawn(async move {
                sleep(secs(1)).await;
                first.add("first");
                inner.spawn(async move {
                    sleep(secs(2)).await;
                    first.add("second");
                    Ok(())
                });
                Ok(())
            });
            told.add("block");
            Ok(5)
        }))
        .unwrap();
    assert_eq!(
        (value.unwrap(), log.take()),
        (5, vec!["block".into(), "first".into(), "second".into()])
    );
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(3));
}

#[test]
fn tg_02_the_first_failure_cancels_the_rest_and_the_block_and_all_are_awaited() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let value: Outcome<()> = event_loop
        .run_until_complete(task_group(async move |group: TaskGroup<_>| {
            group.spawn(fails_after(1, "first"));
            group.spawn(says_when_asked(told.clone(), "child", 2));
            group.spawn(async { pending().await }) as evloop::Task<()>;
            let block = told.clone();
            if cancel_scope(pending::<()>()).await.is_err() {
                block.add("block");
            }
            Ok(())
        }))
        .unwrap();
    assert_eq!(value.unwrap_err().into_errors(), ["first"]);
    assert_eq!(log.take(), ["block", "child"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(3));
}

#[test]
fn tg_02_errors_of_the_clean_up_are_listed_in_order_and_cancellations_are_not() {
    let (event_loop, _) = virtual_loop();
    let value: Result<(), GroupError<Box<dyn std::error::Error>>> = event_loop
        .run_until_complete(task_group(async |group: TaskGroup<_>| {
            group.spawn(async {
                cancel_scope(pending::<()>()).await?;
                Ok(())
            });
            group.spawn(async {
                let _ = cancel_scope(pending::<()>()).await;
                sleep(secs(1)).await;
                Err::<(), _>("in the clean-up".into())
            });
            group.spawn(async { Err::<(), _>("first".into()) });
            group.spawn(async { if true { panic!("a panic") } else { Ok(()) } });
            pending().await
        }))
        .unwrap();
    let error = value.unwrap_err();
    let kinds: Vec<_> = error.failures().iter().map(|failure| failure.cause.to_string()).collect();
    assert_eq!(kinds, ["first", "in the clean-up"]);
    assert!(error.to_string().contains("(2 errors): task#4: first; task#3:"), "{error}");
}

#[test]
fn tg_02_a_panic_is_a_failure() {
    let (event_loop, _) = virtual_loop();
    let value: Outcome<()> = event_loop
        .run_until_complete(task_group(async |group: TaskGroup<_>| {
            group.spawn(async { if true { panic!("a panic") } else { Ok(()) } });
            pending().await
        }))
        .unwrap();
    let error = value.unwrap_err();
    assert!(matches!(error.failures()[0].cause, GroupCause::Panicked(_)));
    assert!(error.to_string().ends_with("panicked: a panic"), "{error}");
}

#[test]
fn tg_04_a_parent_that_is_cancelled_ends_cancelled_when_its_tasks_have() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let parent = event_loop.create_task(async move {
        let heard = cancel_scope(task_group(async |group: TaskGroup<&'static str>| {
            group.spawn(says_when_asked(told.clone(), "child", 2));
            Ok(())
        }));
        let heard = heard.await.map(drop);
        told.add(format!("{heard:?}"));
        // And once more, with nobody to hear it but the task.
        let _: Outcome<()> = task_group(async |group: TaskGroup<_>| {
            group.spawn(says_when_asked(told.clone(), "again", 0));
            current_task_ref().unwrap().cancel();
            pending().await
        })
        .await;
        told.add("never");
    });
    turn(&event_loop);
    turn(&event_loop);
    parent.cancel();
    let ended = event_loop.run_until_complete(parent).unwrap();
    assert!(matches!(ended, Err(JoinError::Cancelled)));
    assert_eq!(log.take(), ["child", "Err(Cancelled)", "again"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(2));
}

/// A task with a group in which a child fails as it is being cancelled, and what comes of it.
async fn fails_while_cancelled(log: Log) {
    let outcome: Outcome<()> = task_group(async |group: TaskGroup<_>| {
        group.spawn(fails_when_asked("in the clean-up"));
        pending().await
    })
    .await;
    log.add(outcome.unwrap_err().into_errors().concat());
    let heard = cancel_scope(pending::<()>()).await;
    log.add(format!("{heard:?}"));
    yield_now().await;
    log.add("went on");
}

#[test]
fn tg_05_tg_10_an_error_wins_over_the_request_which_is_heard_at_the_next_await() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let parent = event_loop.create_task(fails_while_cancelled(log.clone()));
    turn(&event_loop);
    turn(&event_loop);
    parent.cancel();
    event_loop.run_until_complete(parent).unwrap().unwrap();
    assert_eq!(log.take(), ["in the clean-up", "Err(Cancelled)", "went on"]);
}

#[test]
fn tg_06_the_blocks_own_error_is_among_the_errors_and_cancels_the_tasks() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let value: Outcome<()> = event_loop
        .run_until_complete(task_group(async move |group: TaskGroup<_>| {
            group.spawn(says_when_asked(told, "child", 0));
            group.spawn(fails_when_asked("a child's"));
            yield_now().await;
            yield_now().await;
            Err("the block's")
        }))
        .unwrap();
    let error = value.unwrap_err();
    assert_eq!(error.failures()[0].task, None);
    assert_eq!(error.into_errors(), ["the block's", "a child's"]);
    assert_eq!(log.take(), ["child"]);
}

#[test]
fn tg_06_the_blocks_panic_comes_out_when_its_tasks_have_ended() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let parent = event_loop.create_task(async move {
        let _: Outcome<()> = task_group(async |group: TaskGroup<_>| {
            group.spawn(says_when_asked(told, "child", 1));
            yield_now().await;
            yield_now().await;
            panic!("the block")
        })
        .await;
    });
    let error = event_loop.run_until_complete(parent).unwrap().unwrap_err();
    assert_eq!(
        (error.to_string(), log.take()),
        ("task panicked: the block".into(), vec!["child".into()])
    );
}

#[test]
fn tg_08_a_group_that_is_shutting_down_or_finished_takes_no_more_and_says_so() {
    let (event_loop, _) = virtual_loop();
    let texts = event_loop
        .run_until_complete(async {
            let ran = Rc::new(Cell::new(false));
            let kept = Rc::new(Cell::new(None));
            let (out, late) = (kept.clone(), ran.clone());
            let outcome: Outcome<_> = task_group(async |group: TaskGroup<_>| {
                group.cancel();
                let refused = group.spawn(async move {
                    late.set(true);
                    Ok(())
                });
                out.set(Some(group));
                Ok(refused.await.unwrap_err().to_string())
            })
            .await;
            let finished = kept.take().unwrap().spawn(async { Ok(()) }).await.unwrap_err();
            assert!(!ran.get());
            [outcome.unwrap(), finished.to_string()]
        })
        .unwrap();
    assert!(texts[0].starts_with("TaskGroup is shutting down"), "{texts:?}");
    assert!(texts[1].starts_with("TaskGroup is finished"), "{texts:?}");
}

#[test]
fn tg_09_after_a_group_has_failed_its_parent_is_not_cancelled_and_goes_on() {
    let (event_loop, _) = virtual_loop();
    let parent = event_loop.create_task(async {
        let outcome: Outcome<()> = task_group(async |group: TaskGroup<_>| {
            group.spawn(fails_after(1, "first"));
            cancel_scope(pending::<()>()).await.unwrap_err();
            Ok(())
        })
        .await;
        sleep(secs(1)).await;
        (outcome.unwrap_err().into_errors(), current_task_ref().unwrap().cancelling())
    });
    let (errors, cancelling) = event_loop.run_until_complete(parent).unwrap().unwrap();
    assert_eq!((errors, cancelling), (vec!["first"], 0));
}

#[test]
fn tg_10_an_inner_group_that_fails_while_cancelled_leaves_the_request_to_the_outer() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let parent = event_loop.create_task(async move {
        let _: Outcome<()> = task_group(async |outer: TaskGroup<_>| {
            outer.spawn(says_when_asked(told.clone(), "outer's child", 1));
            let inner: Outcome<()> = task_group(async |inner: TaskGroup<_>| {
                inner.spawn(fails_when_asked("in the clean-up"));
                pending().await
            })
            .await;
            told.add(inner.unwrap_err().into_errors().concat());
            pending().await
        })
        .await;
        told.add("never");
    });
    turn(&event_loop);
    turn(&event_loop);
    parent.cancel();
    let ended = event_loop.run_until_complete(parent);
    assert!(matches!(ended, Ok(Err(JoinError::Cancelled))));
    assert_eq!(log.take(), ["in the clean-up", "outer's child"]);
}

#[test]
fn cancel_ends_the_group_with_the_blocks_value_if_it_has_one() {
    let (event_loop, _) = virtual_loop();
    let (with, without) = event_loop
        .run_until_complete(async {
            let with: Outcome<_> = task_group(async |group: TaskGroup<_>| {
                group.spawn(fails_after(9, "never"));
                yield_now().await;
                group.cancel();
                Ok(7)
            })
            .await;
            let without: Outcome<()> = task_group(async |group: TaskGroup<_>| {
                let inner = group.clone();
                group.spawn(async move {
                    inner.cancel();
                    Ok(())
                });
                pending().await
            })
            .await;
            (with, without)
        })
        .unwrap();
    assert_eq!(with.unwrap(), 7);
    assert!(matches!(without, Err(GroupError::Cancelled)));
    assert_eq!(event_loop.time(), evloop::Time::ZERO);
}

#[test]
fn with_let_run_on_all_run_to_their_end_and_all_errors_are_told() {
    let (event_loop, _) = virtual_loop();
    let value: Outcome<()> = event_loop
        .run_until_complete(task_group(async |group: TaskGroup<_>| {
            group.on_error(OnError::LetRunOn);
            let failing = group.spawn(fails_after(2, "second"));
            group.spawn(fails_after(1, "first"));
            assert!(matches!(failing.await, Err(JoinError::Cancelled)));
            Err("block")
        }))
        .unwrap();
    assert_eq!(value.unwrap_err().into_errors(), ["first", "second", "block"]);
}

#[test]
fn a_timeout_around_a_group_waits_for_its_tasks_and_times_out() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    let outcome = event_loop
        .run_until_complete(timeout(secs(1), async move {
            let _: Outcome<()> = task_group(async |outer: TaskGroup<_>| {
                outer.spawn(says_when_asked(told.clone(), "outer", 1));
                let _: Outcome<()> = task_group(async |inner: TaskGroup<_>| {
                    inner.spawn(says_when_asked(told.clone(), "inner", 2));
                    pending().await
                })
                .await;
                told.add("never");
                Ok(())
            })
            .await;
        }))
        .unwrap();
    assert_eq!(outcome, Err(TimedOut));
    assert_eq!(log.take(), ["inner", "outer"]);
    assert_eq!(event_loop.time(), evloop::Time::ZERO + secs(4));
}

#[test]
fn an_inner_group_that_fails_is_an_error_of_the_outer_block_and_of_nobody_else() {
    let (event_loop, _) = virtual_loop();
    let value: Outcome<&str> = event_loop
        .run_until_complete(task_group(async |outer: TaskGroup<_>| {
            let beside = outer.spawn(async {
                sleep(secs(3)).await;
                Ok("beside")
            });
            let inner: Outcome<()> = task_group(async |inner: TaskGroup<_>| {
                inner.spawn(fails_after(1, "inner"));
                pending().await
            })
            .await;
            assert_eq!(inner.unwrap_err().into_errors(), ["inner"]);
            Ok(beside.await.unwrap())
        }))
        .unwrap();
    assert_eq!(value.unwrap(), "beside");
}

#[test]
fn a_group_that_is_dropped_cancels_its_tasks() {
    let (event_loop, _) = virtual_loop();
    let log = Log::default();
    let told = log.clone();
    event_loop
        .run_until_complete(async move {
            let mut group = Box::pin(task_group(async |group: TaskGroup<&str>| {
                group.spawn(says_when_asked(told, "child", 0));
                pending::<Result<(), _>>().await
            }));
            std::future::poll_fn(|context| {
                assert!(group.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            yield_now().await;
            drop(group);
            yield_now().await;
            yield_now().await;
        })
        .unwrap();
    assert_eq!(log.take(), ["child"]);
}
