//! Workloads of wakes from another thread: f, fthr.

use super::{Executor, Outcome, Stopwatch, scaled};
use crate::sys;
use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
};

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
