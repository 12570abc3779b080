//! The micro-benchmarks, written once over [`Executor`], so that every contestant does exactly the same work.
//!
//! A case is a function that returns an [`Outcome`]; [`run`] finds it by name and prints its line. Counts are those of the
//! README's table, multiplied by the environment's `RIG_SCALE`.

mod callbacks;
mod channels;
mod tasks;
mod threads;
mod timers;

pub use callbacks::CallbackLoop;

use crate::sys;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What a contestant brings: its own tasks, timers and channels. All of it belongs to one thread.
pub trait Executor: 'static {
    /// The handle of a spawned task.
    type Join<T: 'static>: 'static;
    /// A timer that has not been polled yet.
    type Sleep: Future<Output = ()> + 'static;
    /// Sends into a channel that holds one value.
    type Sender<T: 'static>: 'static;
    /// Receives from it.
    type Receiver<T: 'static>: 'static;
    /// Completes a oneshot.
    type OneSender<T: Clone + 'static>: 'static;
    /// Waits for it.
    type OneReceiver<T: Clone + 'static>: 'static;
    /// The loop's best way of waiting for whichever of many oneshots completes first.
    type First<T: Clone + 'static>: 'static;

    /// Runs `root` to its end as a task of a new loop. A task, because a future beside the tasks costs tokio and smol a trip
    /// around their loop for each time that it is woken.
    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T;
    /// Starts a local task.
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> Self::Join<T>;
    /// Waits for a task.
    fn join<T: 'static>(handle: Self::Join<T>) -> impl Future<Output = T>;
    /// Calls back soon; a loop without callbacks spawns a detached task.
    fn call_soon(callback: impl FnOnce() + 'static);
    /// Lets every other ready task run first.
    fn yield_now() -> impl Future<Output = ()>;
    /// A timer for an absolute deadline.
    fn sleep_until(deadline: Instant) -> Self::Sleep;
    /// Runs `future` without the loop's own limit on work per poll, where it has one.
    fn unthrottled<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
        future
    }
    /// A bounded channel of capacity one.
    fn channel<T: 'static>() -> (Self::Sender<T>, Self::Receiver<T>);
    /// Sends, waiting for room.
    fn send<T: 'static>(sender: &Self::Sender<T>, value: T) -> impl Future<Output = ()>;
    /// Receives; `None` when the sender is gone.
    fn receive<T: 'static>(receiver: &mut Self::Receiver<T>) -> impl Future<Output = Option<T>>;
    /// A channel for one value, once.
    fn oneshot<T: Clone + 'static>() -> (Self::OneSender<T>, Self::OneReceiver<T>);
    /// Completes a oneshot.
    fn complete<T: Clone + 'static>(sender: Self::OneSender<T>, value: T);
    /// Waits for a oneshot.
    fn completed<T: Clone + 'static>(receiver: Self::OneReceiver<T>) -> impl Future<Output = T>;
    /// An empty set of oneshots.
    fn first<T: Clone + 'static>() -> Self::First<T>;
    /// Puts a oneshot into the set.
    fn put<T: Clone + 'static>(set: &mut Self::First<T>, receiver: Self::OneReceiver<T>);
    /// Waits for, and takes, the first completed of the set.
    fn next<T: Clone + 'static>(set: &mut Self::First<T>) -> impl Future<Output = T>;
}

/// What a case measured.
#[derive(Debug)]
struct Outcome {
    ops: u64,
    wall: Duration,
    cpu: Duration,
    /// More members for the JSON line.
    extra: Vec<(&'static str, f64)>,
}

/// Started before the timed part, asked at its end.
struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    fn start() -> Stopwatch {
        Stopwatch { wall: Instant::now(), cpu: sys::cpu_time() }
    }

    fn stop(self, ops: u64) -> Outcome {
        Outcome {
            ops,
            wall: self.wall.elapsed(),
            cpu: sys::cpu_time() - self.cpu,
            extra: Vec::new(),
        }
    }
}

/// A count of the table times `RIG_SCALE`, at least one.
fn scaled(count: u64) -> u64 {
    let scale = std::env::var("RIG_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    ((count as f64 * scale) as u64).max(1)
}

/// Runs one case on `E` and prints its line; false if there is no such case.
pub fn run<E: Executor>(case: &str) -> bool {
    let outcome = match case {
        "a" => tasks::spawn_and_join::<E>(1000),
        "a1" => tasks::spawn_and_join::<E>(1),
        "abig" => tasks::spawn_and_join::<E>(u64::MAX),
        "b" => tasks::yields::<E>(1000, scaled(1000)),
        "b1" => tasks::yields::<E>(1, scaled(1_000_000)),
        "c" => tasks::callback_chains::<E>(1),
        "c64" => tasks::callback_chains::<E>(64),
        "d" => timers::mostly_cancelled::<E>(),
        "e" => timers::sleeping_tasks::<E>(),
        "f" => threads::thread_round_trips::<E>(),
        "fthr" => threads::wakes_from_a_thread::<E>(),
        "g" => channels::channel_ping_pong::<E>(),
        "g1" => channels::oneshot_replies::<E>(),
        "h" => channels::first_completed::<E>(),
        _ => return false,
    };
    println!("{}", line(case, &outcome));
    true
}

/// Runs one case of callbacks alone on `L` and prints its line; false if there is no such case.
pub fn run_callbacks<L: CallbackLoop>(case: &str) -> bool {
    let outcome = callbacks::case::<L>(case);
    if let Some(outcome) = &outcome {
        println!("{}", line(case, outcome));
    }
    outcome.is_some()
}

/// The JSON line. d and e spend most of their wall time waiting, so their `ns_per_op` is CPU time.
fn line(case: &str, outcome: &Outcome) -> String {
    let per_op = |time: Duration| time.as_nanos() as f64 / outcome.ops as f64;
    let time = if matches!(case, "d" | "e") { outcome.cpu } else { outcome.wall };
    let mut line = format!(
        r#"{{"bench":"{case}","ns_per_op":{:.2},"cpu_ns_per_op":{:.2},"ops":{}"#,
        per_op(time),
        per_op(outcome.cpu),
        outcome.ops
    );
    for (name, value) in &outcome.extra {
        line += &format!(r#","{name}":{value:.1}"#);
    }
    line + "}"
}

#[cfg(test)]
mod tests {
    use super::{Outcome, line};
    use std::time::Duration;

    #[test]
    fn a_timer_case_counts_cpu_time_as_its_time() {
        let (wall, cpu) = (Duration::from_nanos(900), Duration::from_nanos(300));
        let outcome = Outcome { ops: 3, wall, cpu, extra: vec![("bytes_per_task", 1.5)] };
        assert_eq!(
            line("a", &outcome),
            r#"{"bench":"a","ns_per_op":300.00,"cpu_ns_per_op":100.00,"ops":3,"bytes_per_task":1.5}"#
        );
        assert!(line("d", &outcome).contains(r#""ns_per_op":100.00,"#));
    }
}
