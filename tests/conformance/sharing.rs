//! What tasks share: locks, events, conditions, semaphores, barriers, queues.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use evloop::{
    Barrier, Condition, Event, LifoQueue, Lock, PriorityQueue, Queue, Semaphore, gather, run,
    spawn, wait, yield_now,
};

use crate::log::Log;
use crate::tasks::turns;

pub fn lock_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let lock = Lock::new();
        let holders = ["a", "b", "c"].map(|name| {
            let (log, lock) = (log.clone(), lock.clone());
            async move {
                for number in 0..2 {
                    let _guard = lock.acquire().await;
                    say!(log, name, number);
                    yield_now().await;
                }
            }
        });
        gather(holders).await.unwrap();
        say!(log, lock.locked());
    };
    run(main).unwrap();
}

pub fn lock_cancelled_waiter(log: &Log) {
    let log = log.clone();
    let main = async move {
        let lock = Lock::new();
        let held = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, lock) = (log.clone(), lock.clone());
            spawn(async move {
                let _guard = lock.acquire().await;
                log.say(name);
            })
        });
        yield_now().await;
        tasks[0].cancel();
        drop(held);
        log.say("released");
        let waited = wait(tasks).await.unwrap();
        say!(log, waited.done[0].cancelled(), lock.locked());
    };
    run(main).unwrap();
}

pub fn event_wakes_all(log: &Log) {
    let log = log.clone();
    let main = async move {
        let event = Event::new();
        let tasks = ["a", "b"].map(|name| {
            let (log, event) = (log.clone(), event.clone());
            spawn(async move {
                say!(log, name, "waits");
                event.wait().await;
                say!(log, name, "goes on");
            })
        });
        yield_now().await;
        event.set();
        say!(log, "set", event.is_set());
        event.wait().await;
        log.say("main passed");
        event.clear();
        for task in tasks {
            task.await.unwrap();
        }
        say!(log, event.is_set());
    };
    run(main).unwrap();
}

pub fn condition_notify(log: &Log) {
    let log = log.clone();
    let main = async move {
        let condition = Condition::new();
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, condition) = (log.clone(), condition.clone());
            spawn(async move {
                let guard = condition.acquire().await;
                say!(log, name, "waits");
                let _guard = condition.wait(guard).await;
                say!(log, name, "woke");
            })
        });
        yield_now().await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 2);
        log.say("notified two");
        drop(guard);
        turns(3).await;
        let guard = condition.acquire().await;
        condition.notify_all(&guard);
        log.say("notified all");
        drop(guard);
        for task in tasks {
            task.await.unwrap();
        }
    };
    run(main).unwrap();
}

pub fn semaphore_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let semaphore = Semaphore::new(2);
        let guests = ["a", "b", "c", "d"].map(|name| {
            let (log, semaphore) = (log.clone(), semaphore.clone());
            async move {
                let _permit = semaphore.acquire().await;
                say!(log, name, "in");
                yield_now().await;
                say!(log, name, "out");
            }
        });
        gather(guests).await.unwrap();
        say!(log, semaphore.locked());
    };
    run(main).unwrap();
}

pub fn barrier_rounds(log: &Log) {
    let log = log.clone();
    let main = async move {
        let barrier = Barrier::new(NonZeroUsize::new(3).unwrap());
        let places = Rc::new(RefCell::new(Vec::new()));
        let party = ["a", "b", "c"].map(|name| {
            let (log, barrier, places) = (log.clone(), barrier.clone(), places.clone());
            async move {
                for number in 0..2 {
                    say!(log, name, "arrives", number);
                    let place = barrier.wait().await.unwrap();
                    places.borrow_mut().push(place);
                }
            }
        });
        gather(party).await.unwrap();
        let mut places = places.take();
        places.sort();
        let places: Vec<String> = places.iter().map(usize::to_string).collect();
        log.say(places.join(" "));
        say!(log, barrier.n_waiting(), barrier.broken());
    };
    run(main).unwrap();
}

pub fn queue_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let queue = Queue::new(1);
        let (told, into) = (log.clone(), queue.clone());
        let puts = spawn(async move {
            for number in 0..3 {
                into.put(number).await.unwrap();
                say!(told, "put", number);
            }
        });
        yield_now().await;
        say!(log, queue.full(), queue.qsize());
        let (told, from) = (log.clone(), queue.clone());
        let gets = spawn(async move {
            for _ in 0..3 {
                say!(told, "got", from.get().await.unwrap());
                from.task_done().unwrap();
            }
        });
        puts.await.unwrap();
        gets.await.unwrap();
        queue.join().await;
        say!(log, queue.empty());
    };
    run(main).unwrap();
}

pub fn queue_getters(log: &Log) {
    let log = log.clone();
    let main = async move {
        let queue = Queue::<i32>::new(0);
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, queue) = (log.clone(), queue.clone());
            spawn(async move { say!(log, name, "got", queue.get().await.unwrap()) })
        });
        yield_now().await;
        (0..3).for_each(|number| queue.put_nowait(number).unwrap());
        log.say("all put");
        wait(tasks).await.unwrap();
        if queue.get_nowait().is_err() {
            log.say("empty");
        }
    };
    run(main).unwrap();
}

pub fn queue_kinds(log: &Log) {
    let (last, smallest) = (LifoQueue::new(0), PriorityQueue::new(0));
    for number in [2, 3, 1] {
        last.put_nowait(number).unwrap();
        smallest.put_nowait(number).unwrap();
    }
    let next = || last.get_nowait().unwrap();
    say!(log, next(), next(), next());
    let next = || smallest.get_nowait().unwrap();
    say!(log, next(), next(), next());
}

pub fn condition_predicate(log: &Log) {
    let log = log.clone();
    let main = async move {
        let condition = Condition::with(Lock::with(0));
        let tasks = [("a", 2), ("b", 1)].map(|(name, least)| {
            let (log, condition) = (log.clone(), condition.clone());
            spawn(async move {
                let guard = condition.acquire().await;
                let guard = condition.wait_for(guard, |value| *value >= least).await;
                say!(log, name, "has", *guard);
            })
        });
        for _ in 0..2 {
            turns(3).await;
            let mut guard = condition.acquire().await;
            *guard += 1;
            say!(log, "now", *guard);
            condition.notify_all(&guard);
        }
        wait(tasks).await.unwrap();
    };
    run(main).unwrap();
}

pub fn semaphore_cancelled_waiter(log: &Log) {
    let log = log.clone();
    let main = async move {
        let semaphore = Semaphore::new(1);
        let held = semaphore.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, semaphore) = (log.clone(), semaphore.clone());
            spawn(async move {
                let _permit = semaphore.acquire().await;
                log.say(name);
            })
        });
        yield_now().await;
        tasks[0].cancel();
        drop(held);
        log.say("released");
        let waited = wait(tasks).await.unwrap();
        say!(log, waited.done[0].cancelled(), semaphore.locked());
    };
    run(main).unwrap();
}

pub fn queue_join(log: &Log) {
    let log = log.clone();
    let main = async move {
        let queue = Queue::new(0);
        queue.join().await;
        log.say("nothing to do");
        (0..3).for_each(|number| queue.put_nowait(number).unwrap());
        let (told, from) = (log.clone(), queue.clone());
        let worker = spawn(async move {
            loop {
                say!(told, "works on", from.get().await.unwrap());
                yield_now().await;
                from.task_done().unwrap();
            }
        });
        queue.join().await;
        say!(log, "all done", queue.empty());
        worker.cancel();
        if queue.task_done().is_err() {
            log.say("too often");
        }
    };
    run(main).unwrap();
}

pub fn queue_putters(log: &Log) {
    let log = log.clone();
    let main = async move {
        let queue = Queue::new(1);
        queue.put_nowait("first").unwrap();
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, queue) = (log.clone(), queue.clone());
            spawn(async move {
                queue.put(name).await.unwrap();
                say!(log, "put", name);
            })
        });
        yield_now().await;
        tasks[1].cancel();
        for _ in 0..3 {
            say!(log, "got", queue.get().await.unwrap());
            turns(3).await;
        }
        say!(log, queue.empty());
    };
    run(main).unwrap();
}
