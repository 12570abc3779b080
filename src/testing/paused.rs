//! Virtual time for ordinary tests, on the real kernel.

use std::future::Future;
use std::panic::Location;

use crate::event_loop::{EventLoop, LoopError, ManualClock};

/// Runs `main` as [`run`](crate::run) does, in [virtual time](crate::Builder::virtual_time): where
/// only a timer could end the loop's sleep, time jumps to it.
///
/// Descriptors and threads are real here, and while any is waited for time goes at its own pace: a
/// test of timers is over at once, and a timeout around a thread's work does not fire early. For a
/// network without any real time, and for other orders than the usual one, use a
/// [`Sim`](super::Sim).
///
/// ```
/// # use std::time::Duration;
/// use evloop::{TimedOut, sleep, timeout};
///
/// let nap = evloop::testing::run_paused(async {
///     timeout(Duration::from_secs(60), sleep(Duration::from_secs(3600))).await
/// })?;
/// assert_eq!(nap, Err(TimedOut));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors, panics
///
/// As [`run`](crate::run).
#[track_caller]
pub fn run_paused<F: Future + 'static>(main: F) -> Result<F::Output, LoopError> {
    if crate::get_running_loop().is_ok() {
        return Err(LoopError::AnotherIsRunning);
    }
    EventLoop::builder()
        .virtual_time(ManualClock::new())
        .build()?
        .run_to_its_end(main, Location::caller())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{Outcome, Schedule, Sim};
    use crate::{JoinError, sleep, to_thread};

    #[test]
    fn a_paused_run_sleeps_a_year_at_once_and_waits_for_a_thread() {
        let year = Duration::from_secs(365 * 24 * 3600);
        let slept = run_paused(async move {
            let began = crate::get_running_loop().unwrap().time();
            let answer = to_thread(|| 42).await.unwrap();
            sleep(year).await;
            (answer, crate::get_running_loop().unwrap().time().since(began) >= year)
        });
        assert_eq!(slept.unwrap(), (42, true));
    }

    #[test]
    fn a_paused_run_inside_a_running_loop_is_refused() {
        let inside = run_paused(async { run_paused(async {}) }).unwrap();
        assert!(matches!(inside, Err(LoopError::AnotherIsRunning)));
    }

    #[test]
    fn a_job_for_a_thread_in_a_simulation_is_an_error_at_once_that_says_what_to_do() {
        let report = Sim::new(Schedule::default()).run(|_| to_thread(|| ()));
        let Outcome::Done(Err(error)) = report.outcome else {
            panic!("{:?}", report.outcome);
        };
        assert!(matches!(error, JoinError::Simulated));
        assert!(error.to_string().contains("run_paused"), "{error}");
    }
}
