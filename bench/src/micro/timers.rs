//! Workloads of timers: d, e.

use super::{Executor, Outcome, Stopwatch, scaled};
use crate::{Rng, sys};
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

/// Deadlines spread over `spread` from `after` from now on.
fn deadlines(count: u64, after: Duration, spread: Duration) -> Vec<Instant> {
    let (start, mut rng) = (Instant::now() + after, Rng::default());
    (0..count).map(|_| start + Duration::from_nanos(rng.below(spread.as_nanos() as u64))).collect()
}

/// d: set many timers, cancel nine of ten, wait for the rest.
pub(super) fn mostly_cancelled<E: Executor>() -> Outcome {
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
