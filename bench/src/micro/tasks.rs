//! Workloads of tasks, yields and callbacks: a, a1, abig, b, b1, c, c64.

use super::{Executor, Outcome, Stopwatch, scaled};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
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
