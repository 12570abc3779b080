//! Groups, shields, waits for a limited time, what is given as it ends, and runners.

use std::future::Future;

use evloop::{
    Cancelled, GroupCause, GroupError, JoinError, Runner, Task, TaskGroup, WaitForError,
    as_completed, cancel_scope, run, shield, sleep, spawn, task_group, wait_for, yield_now,
};

use crate::log::Log;
use crate::tasks::{ms, turns};

/// As good as for ever.
fn long() -> evloop::Sleep {
    sleep(ms(3_600_000))
}

/// Waits for a request to end, and takes a turn to clean up.
async fn hears(log: Log, name: &'static str) -> Result<(), &'static str> {
    if cancel_scope(long()).await.is_err() {
        say!(log, name, "heard");
        yield_now().await;
        say!(log, name, "cleaned up");
    }
    Ok(())
}

async fn fails(log: Log, steps: usize) -> Result<(), &'static str> {
    turns(steps).await;
    log.say("fails");
    Err("as asked")
}

async fn nap<E>(log: Log, name: &'static str, steps: usize) -> Result<&'static str, E> {
    turns(steps).await;
    say!(log, name, "ends");
    Ok(name)
}

type Group = TaskGroup<&'static str>;

fn runs<F: Future<Output = ()> + 'static>(log: &Log, main: impl FnOnce(Log) -> F) {
    run(main(log.clone())).unwrap();
}

#[expect(clippy::async_yields_async, reason = "the task is handed on, to be awaited later")]
pub fn shield_keeps_its_task(log: &Log) {
    runs(log, async |log: Log| {
        let told = log.clone();
        let mut task = spawn(async move {
            turns(5).await;
            told.say("inner ends");
            7
        });
        let told = log.clone();
        let outer = spawn(async move {
            if cancel_scope(shield(&mut task)).await.is_err() {
                told.say("outer heard");
            }
            task
        });
        yield_now().await;
        outer.cancel();
        let task = outer.await.unwrap();
        say!(log, "outer ended", task.done());
        say!(log, task.await.unwrap());
    });
}

pub fn shield_tells_the_end(log: &Log) {
    runs(log, async |log: Log| {
        let gives = spawn(async {
            yield_now().await;
            "value"
        });
        say!(log, shield(gives).await.unwrap());
        let mut task = spawn(long());
        yield_now().await;
        task.cancel();
        if shield(&mut task).await.is_err_and(|error| error.is_cancelled()) {
            say!(log, "cancelled", task.cancelled());
        }
    });
}

pub fn group_waits_for_all(log: &Log) {
    runs(log, async |log: Log| {
        let block = log.clone();
        let outcome = task_group(async move |group: Group| {
            let a = group.spawn(nap(block.clone(), "a", 4));
            let b = group.spawn(nap(block.clone(), "b", 1));
            block.say("block ends");
            Ok((a, b))
        });
        let Ok((a, b)) = outcome.await else { panic!("nothing failed") };
        say!(log, "group ended", a.await.unwrap(), b.await.unwrap());
    });
}

/// The errors of a group, as Python prints those of an `ExceptionGroup`.
fn errors(outcome: Result<(), GroupError<&'static str>>) -> String {
    outcome.unwrap_err().into_errors().join(" ")
}

pub fn group_fails(log: &Log) {
    runs(log, async |log: Log| {
        let block = log.clone();
        let outcome = task_group(async move |group: Group| {
            group.spawn(hears(block.clone(), "a"));
            group.spawn(fails(block.clone(), 2));
            hears(block, "block").await
        });
        say!(log, "group failed:", errors(outcome.await));
        yield_now().await;
        say!(log, "main goes on", evloop::current_task_ref().unwrap().cancelling());
    });
}

pub fn group_block_fails(log: &Log) {
    runs(log, async |log: Log| {
        let block = log.clone();
        let outcome = task_group(async move |group: Group| {
            group.spawn(hears(block.clone(), "a"));
            fails(block, 2).await
        });
        say!(log, "group failed:", errors(outcome.await));
    });
}

pub fn group_errors_add_up(log: &Log) {
    runs(log, async |log: Log| {
        let outcome = task_group(async |group: Group| {
            group.spawn(async {
                let slept = cancel_scope(long()).await;
                slept.map_err(|Cancelled| "second")
            });
            group.spawn(async {
                turns(2).await;
                Err::<(), _>("first")
            });
            Ok(())
        });
        log.say(errors(outcome.await));
    });
}

pub fn group_within_a_group(log: &Log) {
    runs(log, async |log: Log| {
        let block = log.clone();
        let outcome = task_group(async move |outer: TaskGroup<GroupError<&'static str>>| {
            let told = block.clone();
            outer.spawn(async move {
                let _ = hears(told, "outer").await;
                Ok(())
            });
            let told = block.clone();
            task_group(async move |inner: Group| {
                inner.spawn(hears(told.clone(), "inner"));
                inner.spawn(fails(told, 2));
                Ok(())
            })
            .await?;
            block.say("never");
            Ok(())
        });
        let Err(GroupError::Failed(failures)) = outcome.await else { panic!("it failed") };
        let mut causes = failures.into_iter().map(|failure| failure.cause);
        let (Some(GroupCause::Error(within)), None) = (causes.next(), causes.next()) else {
            panic!("not one error");
        };
        say!(log, "failed:", within.into_errors().join(" "));
    });
}

pub fn group_is_cancelled(log: &Log) {
    runs(log, async |log: Log| {
        let told = log.clone();
        let mut task = spawn(async move {
            let block = told.clone();
            let outcome = task_group(async move |group: Group| {
                group.spawn(hears(block, "a"));
                Ok(())
            });
            let _ = outcome.await;
            told.say("never");
        });
        turns(3).await;
        task.cancel();
        if (&mut task).await.is_err_and(|error| error.is_cancelled()) {
            say!(log, "cancelled", task.cancelled());
        }
    });
}

pub fn group_takes_no_more(log: &Log) {
    runs(log, async |log: Log| {
        let outcome = task_group(async |group: Group| {
            group.spawn(async {
                yield_now().await;
                Ok(())
            });
            Ok(group)
        });
        let Ok(group) = outcome.await else { panic!("nothing failed") };
        let late: Task<()> = group.spawn(async { Ok(()) });
        if matches!(late.await, Err(JoinError::GroupFinished)) {
            log.say("refused");
        }
    });
}

pub fn wait_for_in_time(log: &Log) {
    runs(log, async |log: Log| {
        let gives = |value: &'static str| {
            spawn(async move {
                yield_now().await;
                value
            })
        };
        say!(log, wait_for(gives("limited"), ms(60_000)).await.unwrap());
        say!(log, wait_for(gives("unlimited"), None).await.unwrap());
        let fails = spawn(async { Err::<(), _>("as asked") });
        if let Err(error) = wait_for(fails, ms(60_000)).await.unwrap() {
            say!(log, "failed:", error);
        }
    });
}

fn timed_out<T>(outcome: &Result<T, WaitForError>) -> bool {
    matches!(outcome, Err(WaitForError::TimedOut))
}

pub fn wait_for_expires(log: &Log) {
    runs(log, async |log: Log| {
        let told = log.clone();
        let task = spawn(async move {
            let slept = cancel_scope(long()).await;
            told.say("heard");
            yield_now().await;
            told.say("cleaned up");
            // What has heard and returns has returned. Asked again, outside a scope, it is dropped.
            evloop::current_task_ref().unwrap().cancel();
            yield_now().await;
            slept.unwrap();
        });
        if timed_out(&wait_for(task, ms(2)).await) {
            log.say("timed out");
        }
        yield_now().await;
        log.say("goes on");
    });
}

pub fn wait_for_swallowed(log: &Log) {
    runs(log, async |log: Log| {
        let told = log.clone();
        let task = spawn(async move {
            if cancel_scope(long()).await.is_err() {
                told.say("swallowed");
            }
            yield_now().await;
            "value"
        });
        say!(log, wait_for(task, ms(2)).await.unwrap());
    });
}

pub fn wait_for_no_time(log: &Log) {
    runs(log, async |log: Log| {
        let child = || {
            let told = log.clone();
            spawn(async move {
                told.say("runs");
                "value"
            })
        };
        if timed_out(&wait_for(child(), ms(0)).await) {
            log.say("timed out");
        }
        let task = child();
        yield_now().await;
        say!(log, wait_for(task, ms(0)).await.unwrap());
    });
}

pub fn wait_for_a_shield(log: &Log) {
    runs(log, async |log: Log| {
        let told = log.clone();
        let mut task = spawn(async move {
            sleep(ms(20)).await;
            told.say("inner ends");
            7
        });
        if timed_out(&wait_for(shield(&mut task), ms(2)).await) {
            say!(log, "timed out", task.done());
        }
        say!(log, task.await.unwrap());
    });
}

pub fn as_completed_order(log: &Log) {
    runs(log, async |log: Log| {
        let tasks = [9, 1, 4].map(|steps| {
            let log = log.clone();
            spawn(async move {
                turns(steps).await;
                say!(log, "ends", steps);
                steps
            })
        });
        let mut results = as_completed(tasks);
        while let Some(result) = results.next().await {
            say!(log, "given", result.unwrap());
        }
    });
}

#[expect(clippy::async_yields_async, reason = "the task is handed on, to be awaited later")]
pub fn runner_twice(log: &Log) {
    let mut runner = Runner::new().unwrap();
    let told = log.clone();
    let counts = async move {
        for number in 0..3 {
            say!(told, "count", number);
            yield_now().await;
        }
        if cancel_scope(long()).await.is_err() {
            told.say("heard");
        }
    };
    let first = log.clone();
    let first = async move {
        let task = spawn(counts);
        yield_now().await;
        first.say("first ends");
        task
    };
    let task = runner.run(first).unwrap();
    say!(log, "between", task.done());
    let second = log.clone();
    let second = async move {
        turns(4).await;
        say!(second, "second ends", task.done());
        task
    };
    let task = runner.run(second).unwrap();
    runner.close().unwrap();
    say!(log, "closed", task.done());
}
