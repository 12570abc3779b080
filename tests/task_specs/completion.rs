use evloop::{JoinError, JoinSet, as_completed, sleep, spawn, timeout_at, yield_now};

use crate::{secs, virtual_loop};

async fn nap(seconds: u64) -> u64 {
    sleep(secs(seconds)).await;
    seconds
}

#[test]
fn ascomp_01_results_come_in_the_order_in_which_tasks_end() {
    let (event_loop, _) = virtual_loop();
    let order = event_loop
        .run_until_complete(async {
            let mut done = as_completed([3, 1, 2].map(|secs| spawn(nap(secs))));
            let mut order = Vec::new();
            while let Some(result) = done.next().await {
                order.push(result.unwrap());
            }
            (order, done.is_empty())
        })
        .unwrap();
    assert_eq!(order, (vec![1, 2, 3], true));
}

#[test]
fn ascomp_02_when_time_is_up_the_rest_is_not_cancelled_and_not_lost() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let deadline = evloop::get_running_loop().unwrap().time() + secs(2);
            let mut done = as_completed([3, 1].map(|secs| spawn(nap(secs))));
            let first = timeout_at(deadline, done.next()).await.unwrap();
            assert_eq!(first.unwrap().unwrap(), 1);
            for _ in 0..2 {
                timeout_at(deadline, done.next()).await.unwrap_err();
            }
            let mut rest = done.into_tasks();
            assert_eq!(rest.pop().unwrap().await.unwrap(), 3);
        })
        .unwrap();
}

#[test]
fn ascomp_03_whoever_asks_first_has_the_first_result() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let mut done = as_completed([2, 1].map(|secs| spawn(nap(secs))));
            // Made first, and dropped: the place in the order is not its.
            drop(done.next());
            let (id, first) = done.next_with_id().await.unwrap();
            assert_eq!((id.0, first.unwrap()), (3, 1));
        })
        .unwrap();
}

#[test]
fn a_join_set_takes_in_tasks_while_others_are_given() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let mut set = JoinSet::new();
            set.spawn(nap(1));
            set.spawn(nap(5));
            assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
            set.spawn(nap(2));
            assert!(set.try_join_next().is_none());
            assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
            assert_eq!((set.len(), set.join_next().await.unwrap().unwrap()), (1, 5));
            assert!(set.join_next().await.is_none() && set.is_empty());
        })
        .unwrap();
}

#[test]
fn a_join_set_that_is_dropped_or_shut_down_cancels_its_tasks() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let mut set = JoinSet::new();
            let task = spawn(nap(60));
            let held = task.task_ref();
            set.insert(task);
            set.cancel_all();
            assert!(matches!(set.join_next().await, Some(Err(JoinError::Cancelled))));
            assert!(held.done());
            let tasks = [60, 70].map(|secs| spawn(nap(secs)));
            let refs = [tasks[0].task_ref(), tasks[1].task_ref()];
            let [first, second] = tasks;
            set.insert(first);
            set.shutdown().await;
            assert!(refs[0].done() && set.is_empty());
            set.insert(second);
            drop(set);
            yield_now().await;
            assert!(refs[1].done());
        })
        .unwrap();
    assert_eq!(event_loop.time(), evloop::Time::ZERO);
}

#[test]
fn a_join_set_says_whose_result_it_gives_and_gives_none_that_is_not_there() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let mut set = JoinSet::new();
            let late = set.spawn(nap(2));
            let soon = set.spawn(nap(1));
            assert!(set.try_join_next().is_none());
            let mut ended = Vec::new();
            while let Some((id, result)) = set.join_next_with_id().await {
                result.unwrap();
                ended.push(id);
            }
            assert_eq!(ended, [soon, late]);
        })
        .unwrap();
}

#[test]
fn tasks_that_a_join_set_lets_go_of_run_on() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            let future = evloop::get_running_loop().unwrap().create_future();
            let setter = future.clone();
            let mut set = JoinSet::new();
            set.spawn(async move {
                sleep(secs(1)).await;
                setter.set_result(7).unwrap();
            });
            set.detach_all();
            assert!(set.is_empty() && set.join_next().await.is_none());
            drop(set);
            assert_eq!(future.await.unwrap(), 7);
        })
        .unwrap();
}
