//! What is true of locks and queues, whatever the schedule, and whoever is cut off while it waits.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use evloop::testing::{Cut, Mode, Schedule, check, cut_each_await, schedule};
use evloop::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Lock, PriorityQueue, Queue, Semaphore,
    spawn, timeout, yield_now,
};
use proptest::prelude::*;

/// Cuts each await of `wait`, by dropping and by asking, on a loop that permutes its handles too;
/// `test` says what must be true after it.
fn survives<T, F>(test: T)
where
    T: Fn(Ender) -> F,
    F: Future<Output = ()> + 'static,
{
    for mode in [Mode::Legal, Mode::Chaos] {
        for asks in [false, true] {
            let schedule = Schedule { mode, ..Schedule::default() };
            let proved = cut_each_await(&schedule, |_, cut| test(Ender { cut, asks })).unwrap();
            assert!(proved.awaits > 0, "there is something to cut");
        }
    }
}

/// Ends what it is given, one way or the other.
struct Ender {
    cut: Cut,
    asks: bool,
}

impl Ender {
    async fn end<F: Future<Output: 'static> + 'static>(&self, future: F) -> Option<F::Output> {
        match self.asks {
            true => self.cut.cancelling(future).await.ok(),
            false => self.cut.dropping(future).await,
        }
    }
}

/// Lets everybody run who is ready, and who becomes so.
async fn settle() {
    for _ in 0..8 {
        yield_now().await;
    }
}

/// Runs `release` once the others wait.
fn later(release: impl FnOnce() + 'static) {
    drop(spawn(async move {
        settle().await;
        release();
    }));
}

#[test]
fn a_lock_is_free_again_whoever_was_cut_off_waiting_for_it() {
    survives(|ender| async move {
        let lock = Lock::with(0);
        let held = lock.acquire().await;
        let (mine, theirs) = (lock.acquire(), lock.acquire());
        let other = spawn(async move { drop(theirs.await) });
        later(move || drop(held));
        ender.end(async move { drop(mine.await) }).await;
        assert!(other.await.is_ok());
        assert!(lock.try_acquire().is_some());
    });
}

#[test]
fn an_event_reaches_all_but_who_was_cut_off() {
    survives(|ender| async move {
        let event = Event::new();
        let other = spawn(event.wait());
        let setter = event.clone();
        later(move || setter.set());
        ender.end(event.wait()).await;
        assert!(other.await.is_ok());
    });
}

#[test]
fn one_notification_reaches_one_of_two_when_the_other_is_cut_off() {
    survives(|ender| async move {
        let (condition, served) = (Condition::new(), Rc::new(Cell::new(0)));
        let wait = || {
            let (condition, served) = (condition.clone(), served.clone());
            async move {
                drop(condition.wait(condition.acquire().await).await);
                served.set(served.get() + 1);
            }
        };
        let (notifier, told, other) = (condition.clone(), served.clone(), spawn(wait()));
        let notifies = spawn(async move {
            settle().await;
            let guard = notifier.acquire().await;
            notifier.notify(&guard, 1);
            settle().await; // Whoever was notified waits for the lock now.
            drop(guard);
            settle().await;
            assert_eq!(told.get(), 1);
            notifier.notify_all(&notifier.acquire().await);
        });
        ender.end(wait()).await;
        assert!(notifies.await.is_ok() && other.await.is_ok());
        assert!(condition.lock().try_acquire().is_some());
    });
}

#[test]
fn permits_are_all_there_again_whoever_was_cut_off() {
    survives(|ender| async move {
        let (semaphore, bounded) = (Semaphore::new(2), BoundedSemaphore::new(1));
        let (both, one) = (semaphore.acquire_many(2).await, bounded.acquire().await);
        let wait = |many: usize| {
            let (first, second) = (semaphore.acquire_many(many), bounded.acquire());
            async move {
                drop(first.await);
                drop(second.await);
            }
        };
        let others = [spawn(wait(1)), spawn(wait(2))];
        later(move || drop(both));
        later(move || later(move || drop(one)));
        ender.end(wait(2)).await;
        for other in others {
            assert!(other.await.is_ok());
        }
        assert_eq!((semaphore.available_permits(), bounded.available_permits()), (2, 1));
        assert!(!semaphore.locked() && !bounded.locked());
    });
}

#[test]
fn a_barrier_fills_with_two_others_when_one_was_cut_off() {
    survives(|ender| async move {
        let barrier = Barrier::new(2.try_into().unwrap());
        let theirs = barrier.clone();
        later(move || drop([spawn(theirs.wait()), spawn(theirs.wait())]));
        let mine = barrier.clone();
        let through = ender.end(async move { mine.wait().await }).await;
        settle().await;
        if through.is_none() {
            drop(spawn(barrier.wait()));
        } else {
            assert_eq!(barrier.wait().await, Ok(1), "one of the others was left over");
        }
        settle().await;
        settle().await;
        barrier.abort();
        assert!(barrier.broken());
    });
}

#[test]
fn items_go_to_others_whoever_was_cut_off() {
    survives(|ender| async move {
        let (queue, got) = (Queue::new(1), Rc::new(RefCell::new(Vec::new())));
        let take = || {
            let (queue, got) = (queue.clone(), got.clone());
            async move {
                let item = queue.get().await.unwrap();
                got.borrow_mut().push(item);
            }
        };
        let (putter, other) = (queue.clone(), spawn(take()));
        let puts = spawn(async move {
            for item in 1..=4 {
                settle().await;
                putter.put(item).await.unwrap();
            }
        });
        ender.end(take()).await;
        while got.borrow().len() < 4 {
            take().await;
        }
        assert!(other.await.is_ok() && puts.await.is_ok());
        got.borrow_mut().sort_unstable();
        assert_eq!((got.take(), queue.qsize()), (vec![1, 2, 3, 4], 0));
    });
}

#[test]
fn an_item_is_put_or_it_is_not_whoever_was_cut_off_putting() {
    survives(|ender| async move {
        let (lifo, priority) = (LifoQueue::new(1), PriorityQueue::new(1));
        lifo.put_nowait(0).unwrap();
        priority.put_nowait(0).unwrap();
        let put = Rc::new(Cell::new(0));
        let add = |item: u32| {
            let (first, second, put) = (lifo.put(item), priority.put(item), put.clone());
            async move {
                first.await.unwrap();
                put.set(put.get() + 1);
                second.await.unwrap();
                put.set(put.get() + 1);
            }
        };
        let others = [spawn(add(1)), spawn(add(3))];
        let (from, also) = (lifo.clone(), priority.clone());
        let takes = spawn(async move {
            let mut taken = 0;
            for _ in 0..8 {
                settle().await;
                taken +=
                    u32::from(from.get_nowait().is_ok()) + u32::from(also.get_nowait().is_ok());
            }
            taken
        });
        ender.end(add(2)).await;
        for other in others {
            assert!(other.await.is_ok());
        }
        assert_eq!(takes.await.unwrap(), put.get() + 2, "two were there");
    });
}

#[test]
fn who_is_cut_off_joining_a_queue_leaves_it_as_it_is() {
    survives(|ender| async move {
        let queue = Queue::new(0);
        queue.put_nowait(()).unwrap();
        let other = spawn(queue.join());
        let worker = queue.clone();
        later(move || assert!(worker.get_nowait().is_ok() && worker.task_done().is_ok()));
        ender.end(queue.join()).await;
        assert!(other.await.is_ok());
    });
}

/// Tasks that acquire some permits, keep them a while, and wait no longer than so long.
async fn tasks_with_permits(total: usize, tasks: Vec<(usize, u64, u64)>) -> (usize, usize) {
    let (semaphore, most, held) =
        (Semaphore::new(total), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let tasks: Vec<_> = tasks
        .into_iter()
        .map(|(wants, keeps, patience)| {
            let (semaphore, most, held) = (semaphore.clone(), most.clone(), held.clone());
            spawn(async move {
                let wait = semaphore.acquire_many(wants);
                if let Ok(permit) = timeout(Duration::from_millis(patience), wait).await {
                    held.set(held.get() + permit.count());
                    most.set(most.get().max(held.get()));
                    evloop::sleep(Duration::from_millis(keeps)).await;
                    held.set(held.get() - permit.count());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (semaphore.available_permits(), most.get())
}

/// Producers and consumers of whom some give up; all items that were put are got, each once.
async fn items_between_tasks(maxsize: usize, patience: Vec<u64>) -> (Vec<u32>, Vec<u32>) {
    let (queue, put, got) = (Queue::new(maxsize), Rc::default(), Rc::default());
    let lists: (Rc<RefCell<Vec<u32>>>, Rc<RefCell<Vec<u32>>>) = (put, got);
    let mut tasks = Vec::new();
    for (number, patience) in patience.into_iter().enumerate() {
        let (queue, lists, number) = (queue.clone(), lists.clone(), number as u32);
        let limit = Duration::from_millis(patience);
        tasks.push(spawn(async move {
            if number % 2 == 0 {
                if timeout(limit, queue.put(number)).await.is_ok() {
                    lists.0.borrow_mut().push(number);
                }
            } else if let Ok(Ok(item)) = timeout(limit, queue.get()).await {
                lists.1.borrow_mut().push(item);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    while let Ok(item) = queue.get_nowait() {
        lists.1.borrow_mut().push(item);
    }
    (lists.0.take(), lists.1.take())
}

fn chaos(schedule: Schedule) -> Schedule {
    Schedule { mode: Mode::Chaos, ..schedule }
}

proptest! {
    #[test]
    fn no_permit_is_lost_and_none_is_there_twice(
        total in 1usize..4,
        tasks in proptest::collection::vec((1usize..4, 0u64..5, 0u64..9), 0..10),
        permuted in any::<bool>(),
        schedule in schedule(),
    ) {
        let schedule = if permuted { chaos(schedule) } else { schedule };
        let (left, most) = check(schedule, move |_| tasks_with_permits(total, tasks))?;
        prop_assert_eq!(left, total);
        prop_assert!(most <= total);
    }

    #[test]
    fn what_is_put_is_got_once(
        maxsize in 0usize..3,
        patience in proptest::collection::vec(0u64..5, 0..12),
        permuted in any::<bool>(),
        schedule in schedule(),
    ) {
        let schedule = if permuted { chaos(schedule) } else { schedule };
        let (mut put, mut got) = check(schedule, move |_| items_between_tasks(maxsize, patience))?;
        put.sort_unstable();
        got.sort_unstable();
        prop_assert_eq!(put, got);
    }
}
