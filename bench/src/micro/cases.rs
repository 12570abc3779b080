//! The workloads. Each runs inside the root task and times only the part that its row of the table describes.

use super::{Executor, Outcome, Stopwatch, scaled};
use crate::{Rng, sys};
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// a, a1, abig: spawn a wave keeping the handles, await each in order, add up.
pub(super) fn spawn_and_join<E: Executor>(wave: u64) -> Outcome {
    let ops = scaled(1_000_000);
    E::block_on(async move {
        let watch = Stopwatch::start();
        let (mut sum, mut next) = (0, 0);
        let mut handles = Vec::new();
        while next < ops {
            let end = next.saturating_add(wave).min(ops);
            handles.extend((next..end).map(|i| E::spawn(async move { i })));
            for handle in handles.drain(..) {
                sum += E::join(handle).await;
            }
            next = end;
        }
        let outcome = watch.stop(ops);
        assert_eq!(sum, ops * (ops - 1) / 2);
        outcome
    })
}

/// b, b1: tasks that only yield.
pub(super) fn yields<E: Executor>(tasks: u64, each: u64) -> Outcome {
    E::block_on(async move {
        let watch = Stopwatch::start();
        let task = || async move {
            for _ in 0..each {
                E::yield_now().await;
            }
        };
        let handles: Vec<_> = (0..tasks).map(|_| E::spawn(task())).collect();
        for handle in handles {
            E::join(handle).await;
        }
        watch.stop(tasks * each)
    })
}

/// One chain of callbacks; the last callback of the last chain completes the oneshot.
struct Chains<E: Executor> {
    running: Cell<u64>,
    done: RefCell<Option<E::OneSender<()>>>,
}

fn chain<E: Executor>(chains: Rc<Chains<E>>, left: u64) {
    if left > 1 {
        return E::call_soon(move || chain(chains, left - 1));
    }
    chains.running.set(chains.running.get() - 1);
    if chains.running.get() == 0 {
        E::complete(chains.done.take().expect("only one chain is last"), ());
    }
}

/// c, c64: a callback schedules the next.
pub(super) fn callback_chains<E: Executor>(count: u64) -> Outcome {
    let each = (scaled(1_000_000) / count).max(1);
    E::block_on(async move {
        let (sender, receiver) = E::oneshot();
        let chains =
            Rc::new(Chains::<E> { running: Cell::new(count), done: RefCell::new(Some(sender)) });
        let watch = Stopwatch::start();
        for _ in 0..count {
            let chains = chains.clone();
            E::call_soon(move || chain(chains, each));
        }
        E::completed(receiver).await;
        watch.stop(count * each)
    })
}

/// Deadlines spread over `spread` from `after` from now on.
fn deadlines(count: u64, after: Duration, spread: Duration) -> Vec<Instant> {
    let (start, mut rng) = (Instant::now() + after, Rng::default());
    (0..count).map(|_| start + Duration::from_nanos(rng.below(spread.as_nanos() as u64))).collect()
}

/// d: set many timers, cancel nine of ten, wait for the rest.
pub(super) fn timers_mostly_cancelled<E: Executor>() -> Outcome {
    let ops = scaled(1_000_000);
    E::block_on(async move {
        let deadlines = deadlines(ops, Duration::from_secs(2), Duration::from_secs(2));
        let watch = Stopwatch::start();
        let mut sleeps: Vec<_> = deadlines.iter().map(|at| Box::pin(E::sleep_until(*at))).collect();
        E::unthrottled(poll_fn(|cx| {
            for sleep in &mut sleeps {
                let _ = sleep.as_mut().poll(cx);
            }
            Poll::Ready(())
        }))
        .await;
        let kept: Vec<_> = sleeps
            .into_iter()
            .enumerate()
            .filter_map(|(i, sleep)| (i % 10 == 0).then_some(sleep))
            .collect();
        for sleep in kept {
            sleep.await;
        }
        let outcome = watch.stop(ops);
        let last = deadlines.iter().step_by(10).max().expect("at least one is kept");
        assert!(Instant::now() >= *last, "a timer fired before its deadline");
        outcome
    })
}

/// e: many tasks asleep at once, each noting how late it was woken.
pub(super) fn sleeping_tasks<E: Executor>() -> Outcome {
    let ops = scaled(100_000);
    E::block_on(async move {
        let deadlines = deadlines(ops, Duration::from_secs(1), Duration::from_secs(1));
        let asleep = Rc::new(Cell::new(0));
        let late = Rc::new(Cell::new(Duration::ZERO));
        let mut handles = Vec::with_capacity(ops as usize);
        let resident = sys::resident_bytes();
        let watch = Stopwatch::start();
        for at in deadlines {
            let (asleep, late) = (asleep.clone(), late.clone());
            handles.push(E::spawn(async move {
                asleep.set(asleep.get() + 1);
                E::sleep_until(at).await;
                late.set(late.get() + at.elapsed());
            }));
        }
        while asleep.get() < ops {
            E::yield_now().await;
        }
        let bytes = sys::resident_bytes().saturating_sub(resident) as f64;
        for handle in handles {
            E::join(handle).await;
        }
        let mut outcome = watch.stop(ops);
        let late_us = late.get().as_nanos() as f64 / 1000.0;
        outcome.extra =
            vec![("bytes_per_task", bytes / ops as f64), ("late_us", late_us / ops as f64)];
        outcome
    })
}

/// The waker of the task that asks.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// Waits until `number` is at least `wanted`; whoever raises it wakes the task afterwards.
async fn reaches(number: &AtomicU64, wanted: u64) {
    poll_fn(|_| if number.load(SeqCst) >= wanted { Poll::Ready(()) } else { Poll::Pending }).await
}

/// f: a thread on the other core parks until i is published, stores i, wakes the task.
pub(super) fn thread_round_trips<E: Executor>() -> Outcome {
    let ops = scaled(50_000);
    let trips = move |asked: Arc<AtomicU64>, answered: Arc<AtomicU64>, waker: Waker| {
        for i in 1..=ops {
            while asked.load(SeqCst) < i {
                thread::park();
            }
            answered.store(i, SeqCst);
            waker.wake_by_ref();
        }
    };
    E::block_on(async move {
        E::join(E::spawn(async move {
            let (asked, answered) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
            let other = beside({
                let (asked, answered, waker) = (asked.clone(), answered.clone(), own_waker().await);
                move || trips(asked, answered, waker)
            });
            let watch = Stopwatch::start();
            for i in 1..=ops {
                asked.store(i, SeqCst);
                other.thread().unpark();
                reaches(&answered, i).await;
            }
            let outcome = watch.stop(ops);
            other.join().expect("the other thread does not panic");
            outcome
        }))
        .await
    })
}

/// fthr: a thread stores i and wakes by reference, spinning.
pub(super) fn wakes_from_a_thread<E: Executor>() -> Outcome {
    let ops = scaled(1_000_000);
    E::block_on(async move {
        E::join(E::spawn(async move {
            let stored = Arc::<AtomicU64>::default();
            let (seen, waker) = (stored.clone(), own_waker().await);
            let watch = Stopwatch::start();
            let other = beside(move || {
                for i in 1..=ops {
                    stored.store(i, SeqCst);
                    waker.wake_by_ref();
                }
            });
            reaches(&seen, ops).await;
            let outcome = watch.stop(ops);
            other.join().expect("the other thread does not panic");
            outcome
        }))
        .await
    })
}

/// Runs `work` on a thread of its own, on another core than the caller's.
fn beside(work: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let core = sys::current_core();
    thread::spawn(move || {
        sys::pin_beside(core);
        work();
    })
}

/// g: v one way, v + 1 back, over two channels of capacity one.
pub(super) fn channel_ping_pong<E: Executor>() -> Outcome {
    let ops = scaled(500_000);
    E::block_on(async move {
        let (there, mut here) = E::channel::<u64>();
        let (back, mut answers) = E::channel::<u64>();
        let watch = Stopwatch::start();
        let pong = E::spawn(async move {
            while let Some(value) = E::receive(&mut here).await {
                E::send(&back, value + 1).await;
            }
        });
        let ping = E::spawn(async move {
            for v in 0..ops {
                E::send(&there, v).await;
                assert_eq!(E::receive(&mut answers).await, Some(v + 1));
            }
        });
        E::join(ping).await;
        E::join(pong).await;
        watch.stop(ops)
    })
}

/// g1: each request carries the oneshot for its reply.
pub(super) fn oneshot_replies<E: Executor>() -> Outcome {
    let ops = scaled(500_000);
    E::block_on(async move {
        let (requests, mut incoming) = E::channel::<(u64, E::OneSender<u64>)>();
        let watch = Stopwatch::start();
        let server = E::spawn(async move {
            while let Some((value, reply)) = E::receive(&mut incoming).await {
                E::complete(reply, value + 1);
            }
        });
        let client = E::spawn(async move {
            for v in 0..ops {
                let (reply, answer) = E::oneshot();
                E::send(&requests, (v, reply)).await;
                assert_eq!(E::completed(answer).await, v + 1);
            }
        });
        E::join(client).await;
        E::join(server).await;
        watch.stop(ops)
    })
}

/// The pending oneshots of h by place; a place is empty between being completed and being taken.
type Senders<E> = Rc<RefCell<Vec<Option<<E as Executor>::OneSender<usize>>>>>;

/// h: a thousand pending, a random one completed, the first completed taken and replaced.
pub(super) fn first_completed<E: Executor>() -> Outcome {
    const PENDING: usize = 1000;
    let ops = scaled(300_000);
    E::block_on(async move {
        let senders: Senders<E> = Rc::default();
        let mut set = E::first::<usize>();
        for _ in 0..PENDING {
            let (sender, receiver) = E::oneshot();
            senders.borrow_mut().push(Some(sender));
            E::put(&mut set, receiver);
        }
        let watch = Stopwatch::start();
        let completer = E::spawn(complete_at_random::<E>(senders.clone(), ops));
        for _ in 0..ops {
            let slot = E::next(&mut set).await;
            let (sender, receiver) = E::oneshot();
            senders.borrow_mut()[slot] = Some(sender);
            E::put(&mut set, receiver);
        }
        E::join(completer).await;
        watch.stop(ops)
    })
}

async fn complete_at_random<E: Executor>(senders: Senders<E>, ops: u64) {
    let mut rng = Rng::default();
    for _ in 0..ops {
        let (slot, sender) = loop {
            let slot = rng.below(senders.borrow().len() as u64) as usize;
            let sender = senders.borrow_mut()[slot].take();
            if let Some(sender) = sender {
                break (slot, sender);
            }
        };
        E::complete(sender, slot);
        E::yield_now().await;
    }
}
