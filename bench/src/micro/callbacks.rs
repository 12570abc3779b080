//! Workloads of callbacks alone, for loops that know nothing else: q, q64, q1000.

use super::{Outcome, Stopwatch, scaled};
use std::{cell::Cell, rc::Rc};

/// A loop of callbacks.
pub trait CallbackLoop: 'static {
    /// Calls `first`, and whatever that leads to, until [`stop`](CallbackLoop::stop).
    fn run(first: impl FnOnce() + 'static);
    /// Calls back soon. The handle of it, which could cancel it, is dropped.
    fn call_soon(callback: impl FnOnce() + 'static);
    /// Ends the run after this turn.
    fn stop();
}

/// Runs one case on `L`; `None` if there is no such case.
pub(super) fn case<L: CallbackLoop>(case: &str) -> Option<Outcome> {
    match case {
        "q" => Some(chains::<L>(1)),
        "q64" => Some(chains::<L>(64)),
        "q1000" => Some(chains::<L>(1000)),
        _ => None,
    }
}

fn chain<L: CallbackLoop>(running: Rc<Cell<u64>>, left: u64) {
    if left > 1 {
        return L::call_soon(move || chain::<L>(running, left - 1));
    }
    running.set(running.get() - 1);
    if running.get() == 0 {
        L::stop();
    }
}

/// `count` chains, each of callbacks of which one schedules the next.
fn chains<L: CallbackLoop>(count: u64) -> Outcome {
    let each = (scaled(1_000_000) / count).max(1);
    let watch = Stopwatch::start();
    L::run(move || {
        let running = Rc::new(Cell::new(count));
        for _ in 0..count {
            let running = running.clone();
            L::call_soon(move || chain::<L>(running, each));
        }
    });
    watch.stop(count * each)
}
