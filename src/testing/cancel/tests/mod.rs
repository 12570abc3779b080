//! Everything of evloop that waits, under the knife.

#[cfg(feature = "process")]
mod children;
mod groups;
#[cfg(feature = "http")]
mod http;
mod meta;
mod opening;
#[cfg(feature = "datagram")]
mod sockets;
mod streams;
mod tasks;
mod threads;

use std::future::Future;
use std::time::Duration;

use super::{CancelSafe, Cut, cut_each_await, cut_each_await_paused};
use crate::testing::{Rng, Schedule, ScheduleParams, World};
use crate::{get_running_loop, yield_now};

const SECOND: Duration = Duration::from_secs(1);

/// How many schedules of each mode are drawn for a test, besides the default one.
const DRAWN: u64 = 6;

/// Holds `main` to the knife in a simulation: in the order of the loop, and on drawn schedules,
/// the order of handles among their choices.
#[track_caller]
fn withstands<F: Future + 'static>(main: impl Fn(World, Cut) -> F) -> CancelSafe {
    for case in 0..DRAWN {
        let mut rng = Rng::of_case(4, case);
        for params in [ScheduleParams::default(), ScheduleParams::chaos()] {
            if let Err(broken) = cut_each_await(&params.draw(&mut rng), &main) {
                panic!("{broken}");
            }
        }
    }
    proved(cut_each_await(&Schedule::default(), &main))
}

/// Holds `main` to the knife on the real kernel.
#[track_caller]
fn withstands_really<F: Future + 'static>(main: impl Fn(Cut) -> F) -> CancelSafe {
    proved(cut_each_await_paused(main))
}

/// Holds a test of streams to the knife: on a simulated network, and on the real one.
#[track_caller]
fn on_streams<F: Future + 'static>(main: impl Fn(Cut) -> F) {
    withstands(|_, cut| main(cut));
    withstands_really(&main);
}

#[track_caller]
fn proved(outcome: Result<CancelSafe, Box<super::NotCancelSafe>>) -> CancelSafe {
    match outcome {
        Ok(proved) => {
            assert!(proved.awaits > 0, "it never waits: nothing was cut");
            proved
        }
        Err(broken) => panic!("{broken}"),
    }
}

/// Nothing of the test is left but itself: every timer was given back, every other task has ended.
async fn nothing_is_left() {
    // A task that was cancelled needs a turn to hear of it, and one more for each task within it.
    for _ in 0..8 {
        yield_now().await;
    }
    let counters = get_running_loop().unwrap().counters();
    let timers = counters.timers_armed - counters.timers_fired - counters.timers_cancelled;
    assert_eq!(timers, 0, "timers that were not given back");
    let tasks = counters.tasks_spawned - counters.tasks_done - 1;
    assert_eq!(tasks, 0, "tasks that are still there");
    assert_eq!(counters.exceptions, 0, "the exception handler was told of something");
}
