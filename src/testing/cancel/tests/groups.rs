//! What ends tasks by itself: groups, `wait_for`, sets of tasks, shields.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::{
    GroupError, JoinSet, TaskGroup, as_completed, cancel_scope, shield, sleep, spawn, spawn_eager,
    task_group, timeout, wait_for,
};

/// Counts those that are alive, and those that heard a request.
#[derive(Clone, Default)]
struct Alive {
    now: Rc<Cell<i32>>,
    heard: Rc<Cell<u32>>,
}

struct One(Alive);

impl Drop for One {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
    }
}

impl Alive {
    fn one(&self) -> One {
        self.now.set(self.now.get() + 1);
        One(self.clone())
    }

    /// Sleeps, and if asked to end, takes a second for that.
    async fn nap(self, seconds: u32) -> Result<u32, u32> {
        let _one = self.one();
        if cancel_scope(sleep(seconds * SECOND)).await.is_err() {
            self.heard.set(self.heard.get() + 1);
            sleep(SECOND).await;
        }
        Ok(seconds)
    }
}

/// A group of three tasks, one of which fails after `fails` seconds, with a group inside.
async fn nested(alive: Alive, fails: u32) -> Result<u32, GroupError<u32>> {
    task_group(async |group: TaskGroup<u32>| {
        group.spawn(alive.clone().nap(1));
        group.spawn(alive.clone().nap(4));
        group.spawn(async move {
            sleep(fails * SECOND).await;
            if fails < 5 { Err::<(), _>(fails) } else { Ok(()) }
        });
        let inner = alive.clone();
        let value = task_group(async |group: TaskGroup<u32>| {
            let one = group.spawn(inner.clone().nap(2));
            group.spawn(inner.clone().nap(3));
            Ok(one.await.unwrap_or(0))
        });
        value.await.map_err(|_| 99)
    })
    .await
}

#[test]
fn a_group_asked_to_end_has_ended_all_its_tasks_when_its_task_goes_on() {
    for fails in [1, 2, 9] {
        withstands(move |_, cut| async move {
            let alive = Alive::default();
            let ended = cut.cancelling(nested(alive.clone(), fails)).await;
            assert_eq!(alive.now.get(), 0, "somebody was not waited for");
            match ended {
                Ok(Ok(value)) => assert_eq!((value, fails), (2, 9)),
                Ok(Err(error)) => assert_eq!(error.into_errors(), [fails]),
                Err(error) => assert!(error.is_cancelled()),
            }
            nothing_is_left().await;
        });
    }
}

#[test]
fn a_group_that_is_dropped_leaves_nothing_that_does_not_end() {
    for fails in [1, 9] {
        withstands(move |_, cut| async move {
            let alive = Alive::default();
            cut.dropping(nested(alive.clone(), fails)).await;
            // Who was asked to end takes a second; what is inside another's block hears in turn.
            sleep(9 * SECOND).await;
            assert_eq!(alive.now.get(), 0, "somebody was not asked to end");
            nothing_is_left().await;
        });
    }
}

#[test]
fn a_group_under_a_timeout_has_ended_all_its_tasks_when_the_time_is_up() {
    for limit in 1..4 {
        withstands(move |_, cut| async move {
            let alive = Alive::default();
            let ended = cut.cancelling(timeout(limit * SECOND, nested(alive.clone(), 9))).await;
            assert_eq!(alive.now.get(), 0, "somebody was not waited for");
            assert!(!matches!(ended, Ok(Ok(_))), "in {limit} s it cannot have ended by itself");
            nothing_is_left().await;
        });
    }
}

#[test]
fn wait_for_asked_to_end_has_ended_its_task() {
    for limit in 0..3 {
        withstands(move |_, cut| async move {
            let alive = Alive::default();
            let task = spawn(alive.clone().nap(2));
            let ended = cut.cancelling(wait_for(task, limit * SECOND)).await;
            assert_eq!(alive.now.get(), 0, "the task was not waited for");
            assert!(ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()));
            nothing_is_left().await;
        });
    }
}

#[test]
fn a_shielded_task_keeps_its_value_whenever_the_wait_for_it_ends() {
    withstands(|_, cut| async move {
        let mut task = spawn(Alive::default().nap(2));
        let value = match cut.dropping(wait_for(shield(&mut task), SECOND)).await {
            Some(Ok(value)) => Ok(value),
            _ => task.await,
        };
        assert_eq!(value.unwrap(), Ok(2));
        nothing_is_left().await;
    });
}

#[test]
fn a_wait_for_the_next_of_many_that_ends_early_loses_no_result() {
    withstands(|_, cut| async move {
        let mut done = as_completed([2, 1, 3].map(|secs| spawn(Alive::default().nap(secs))));
        let mut sum = 0;
        let first = cut.dropping(async {
            while let Some(result) = done.next().await {
                sum += result.unwrap().unwrap();
            }
        });
        first.await;
        while let Some(result) = done.next().await {
            sum += result.unwrap().unwrap();
        }
        assert_eq!(sum, 6);
        nothing_is_left().await;
    });
}

#[test]
fn a_join_set_ends_its_tasks_with_it() {
    withstands(|_, cut| async move {
        let alive = Alive::default();
        let inside = alive.clone();
        cut.dropping(async move {
            let mut set = JoinSet::new();
            for secs in 1..4 {
                set.spawn(inside.clone().nap(secs));
            }
            set.join_next().await.unwrap().unwrap().unwrap();
            set.shutdown().await;
        })
        .await;
        sleep(2 * SECOND).await;
        assert_eq!(alive.now.get(), 0);
        nothing_is_left().await;
    });
}

#[test]
fn a_task_that_began_at_once_hears_a_request_wherever_it_waits() {
    withstands(|_, cut| async move {
        let alive = Alive::default();
        let inside = alive.clone();
        let _ = cut
            .cancelling(async move {
                let task = spawn_eager(inside.nap(1));
                task.await.unwrap()
            })
            .await;
        sleep(2 * SECOND).await;
        assert_eq!(alive.now.get(), 0);
        nothing_is_left().await;
    });
}
