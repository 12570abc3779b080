use std::rc::Rc;

use evloop::sync::{GetError, PutError};
use evloop::{EventLoop, LifoQueue, PriorityQueue, Queue, QueueShutDown, spawn};

use crate::{Log, run, settle};

#[test]
fn queue_01_items_come_first_in_first_out_or_last_or_the_smallest_first() {
    run(async {
        let (fifo, lifo, priority) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
        for item in [1, 3, 2] {
            fifo.put(item).await.unwrap();
            lifo.put(item).await.unwrap();
            priority.put(item).await.unwrap();
        }
        for item in [(1, 2, 1), (3, 3, 2), (2, 1, 3)] {
            let got = (fifo.get().await, lifo.get().await, priority.get().await);
            assert_eq!(got, (Ok(item.0), Ok(item.1), Ok(item.2)));
        }
    });
}

#[test]
fn queue_02_a_full_queue_has_who_puts_wait_until_something_is_taken() {
    run(async {
        let queue = Queue::new(2);
        assert_eq!((queue.maxsize(), queue.empty(), queue.full()), (2, true, false));
        queue.put(1).await.unwrap();
        queue.put(2).await.unwrap();
        let third = spawn(queue.put(3));
        settle().await;
        assert!(queue.full() && !third.done());
        assert_eq!(queue.put_nowait(4), Err(PutError::QueueFull(4)));
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(third.await.unwrap(), Ok(()));
        assert_eq!((queue.qsize(), queue.full()), (2, true));
        let unbounded = Queue::new(0);
        (0..1000).for_each(|item| unbounded.put_nowait(item).unwrap());
        assert_eq!((unbounded.full(), unbounded.maxsize()), (false, 0));
    });
}

#[test]
fn queue_04_those_who_wait_get_one_each_in_the_order_they_came() {
    run(async {
        let (queue, log) = (Queue::new(0), Log::default());
        let tasks = ["1", "2", "3"].map(|name| log.after(name, queue.get()));
        settle().await;
        ["a", "b", "c"].iter().for_each(|item| queue.put_nowait(*item).unwrap());
        let mut got = Vec::new();
        for task in tasks {
            got.push(task.await.unwrap().unwrap());
        }
        assert_eq!((got, log.take().concat()), (vec!["a", "b", "c"], "123".to_owned()));
    });
}

#[test]
fn queue_05_who_was_woken_for_an_item_that_another_took_waits_on_at_its_place() {
    run(async {
        let (queue, log) = (Queue::new(0), Log::default());
        let first = log.after("first", queue.get());
        let second = log.after("second", queue.get());
        settle().await;
        queue.put_nowait(1).unwrap();
        assert_eq!(queue.get_nowait(), Ok(1));
        settle().await;
        assert!(!first.done() && log.take().is_empty());
        queue.put_nowait(2).unwrap();
        queue.put_nowait(3).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(2), Ok(3)));
        assert_eq!(log.take(), ["first", "second"]);
    });
}

#[test]
fn who_comes_to_get_does_not_take_what_another_was_woken_for() {
    run(async {
        let (queue, log) = (Queue::new(1), Log::default());
        let first = log.after("first", queue.get());
        settle().await;
        queue.put_nowait(1).unwrap();
        let late = log.after("late", queue.get());
        queue.put(2).await.unwrap();
        assert_eq!((first.await.unwrap(), late.await.unwrap()), (Ok(1), Ok(2)));
        assert_eq!(log.take(), ["first", "late"]);
    });
}

#[test]
fn queue_06_the_item_goes_to_the_next_when_who_waited_is_cancelled() {
    run(async {
        for woken in [false, true] {
            let queue = Queue::new(0);
            let (first, second) = (spawn(queue.get()), spawn(queue.get()));
            settle().await;
            if woken {
                queue.put_nowait("item").unwrap();
                first.cancel();
            } else {
                first.cancel();
                queue.put_nowait("item").unwrap();
            }
            assert_eq!(second.await.unwrap(), Ok("item"), "woken: {woken}");
        }
    });
}

#[test]
fn queue_08_the_room_goes_to_the_next_when_who_waited_for_it_is_cancelled() {
    run(async {
        let queue = Queue::new(1);
        queue.put_nowait("old").unwrap();
        let (cancelled, next) = (spawn(queue.put("cancelled")), spawn(queue.put("next")));
        settle().await;
        assert_eq!(queue.get_nowait(), Ok("old"));
        cancelled.cancel();
        assert_eq!(next.await.unwrap(), Ok(()));
        assert_eq!(
            (queue.get_nowait(), queue.get_nowait()),
            (Ok("next"), Err(GetError::QueueEmpty))
        );
    });
}

#[test]
fn queue_09_who_is_cancelled_leaves_nothing_behind_not_even_its_item() {
    run(async {
        let queue = Queue::new(1);
        let getters = [spawn(queue.get()), spawn(queue.get())];
        settle().await;
        getters.iter().for_each(|task| assert!(task.cancel()));
        settle().await;
        let item = Rc::new(());
        queue.put_nowait(Rc::new(())).unwrap();
        let putters = [spawn(queue.put(item.clone())), spawn(queue.put(item.clone()))];
        settle().await;
        assert_eq!(Rc::strong_count(&item), 3);
        putters.iter().for_each(|task| assert!(task.cancel()));
        settle().await;
        let text = "<Queue maxsize: 1, items: 1, getters: 0, putters: 0, tasks: 1>";
        assert_eq!((format!("{queue:?}").as_str(), Rc::strong_count(&item)), (text, 1));
    });
}

#[test]
fn queue_10_slow_consumers_strand_nobody() {
    run(async {
        let queue = Queue::new(1);
        let producers: Vec<_> = (0..5).map(|item| spawn(queue.put(item))).collect();
        let mut got = Vec::new();
        for _ in 0..5 {
            settle().await;
            got.push(queue.get().await.unwrap());
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert!(producers.iter().all(evloop::Task::done));
    });
}

#[test]
fn queue_12_a_queue_that_is_shut_down_refuses_items_and_gives_what_it_has() {
    run(async {
        let queue = Queue::new(2);
        queue.put_nowait(1).unwrap();
        queue.put_nowait(2).unwrap();
        let blocked = spawn(queue.put(3));
        settle().await;
        queue.shutdown(false);
        assert_eq!(blocked.await.unwrap(), Err(QueueShutDown(3)));
        assert_eq!(queue.put(4).await, Err(QueueShutDown(4)));
        assert_eq!(queue.put_nowait(5), Err(PutError::QueueShutDown(5)));
        assert_eq!((queue.get().await, queue.get_nowait()), (Ok(1), Ok(2)));
        assert_eq!(queue.get().await, Err(QueueShutDown(())));
        assert_eq!(queue.get_nowait(), Err(GetError::QueueShutDown));
        let empty = Queue::<i32>::new(0);
        let blocked = [spawn(empty.get()), spawn(empty.get())];
        settle().await;
        empty.shutdown(false);
        for blocked in blocked {
            assert_eq!(blocked.await.unwrap(), Err(QueueShutDown(())));
        }
        assert!(empty.is_shutdown());
    });
}

#[test]
fn queue_12_who_was_woken_for_an_item_takes_it_although_the_queue_is_shut_down() {
    run(async {
        let queue = Queue::new(0);
        let (first, second) = (spawn(queue.get()), spawn(queue.get()));
        settle().await;
        queue.put_nowait(1).unwrap();
        queue.shutdown(false);
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(second.await.unwrap(), Err(QueueShutDown(())));
    });
}

#[test]
fn an_item_that_panics_when_it_is_dropped_by_a_shutdown_leaves_nobody_waiting() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("not this way");
        }
    }
    let queue = Queue::new(1);
    let event_loop = EventLoop::new().unwrap();
    assert!(queue.put_nowait(Bad).is_ok());
    let (theirs, other) = (queue.clone(), queue.clone());
    let joins = event_loop.create_task(async move { theirs.join().await });
    event_loop.run_until_complete(evloop::yield_now()).unwrap();
    let shut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| other.shutdown(true)));
    assert!(shut.is_err() && queue.empty());
    event_loop.run_until_complete(joins).unwrap().unwrap();
}

#[test]
fn queue_13_an_immediate_shutdown_drops_the_items_which_count_as_done() {
    run(async {
        let queue = Queue::new(0);
        let item = Rc::new(());
        (0..3).for_each(|_| queue.put_nowait(item.clone()).unwrap());
        drop(queue.get().await);
        let joins = spawn(queue.join());
        settle().await;
        queue.shutdown(true);
        assert_eq!((Rc::strong_count(&item), queue.qsize(), queue.unfinished()), (1, 0, 1));
        assert_eq!(queue.get().await, Err(QueueShutDown(())));
        settle().await;
        assert!(!joins.done(), "one is still in flight");
        queue.task_done().unwrap();
        assert!(joins.await.is_ok());
    });
}

#[test]
fn who_joins_waits_for_as_many_task_dones_as_there_were_items() {
    run(async {
        let queue = Queue::new(0);
        queue.join().await;
        assert!(queue.task_done().unwrap_err().to_string().contains("too many times"));
        (0..2).for_each(|item| queue.put_nowait(item).unwrap());
        let joins = spawn(queue.join());
        for _ in 0..2 {
            settle().await;
            assert!(!joins.done());
            queue.get().await.unwrap();
            queue.task_done().unwrap();
        }
        assert!(joins.await.is_ok());
    });
}
