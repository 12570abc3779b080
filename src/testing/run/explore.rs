//! All schedules with few picks.

use std::future::Future;
use std::panic::Location;

use super::Verdict;
use crate::testing::kernel::World;
use crate::testing::report::Report;
use crate::testing::schedule::{Schedule, Search};
use crate::testing::sim::Sim;

/// What an exploration went through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Explored {
    /// How many runs there were; all passed.
    pub runs: u64,
    /// Whether these are all; else there would have been more than allowed.
    pub complete: bool,
}

/// Runs a program on every legal schedule with at most `bound` picks and no faults, but at most
/// `max_runs` of them: none first, then one, then two. So what fails first has the fewest picks.
///
/// ```
/// let explored = evloop::testing::explore(2, 1000, |_world| async {
///     evloop::spawn(async { 1 }).await.unwrap()
/// });
/// assert!(explored.is_ok_and(|explored| explored.complete));
/// ```
///
/// # Errors
///
/// The report of the first run that does not pass; the schedule is in it.
#[track_caller]
pub fn explore<F: Future + 'static>(
    bound: usize,
    max_runs: u64,
    main: impl Fn(World) -> F,
) -> Result<Explored, Box<Report<F::Output>>> {
    let at = Location::caller();
    let run = |schedule| Sim::new(schedule).run_at(at, &main);
    explore_from(&Schedule::default(), bound, max_runs, run)
}

/// The same from a schedule of your choice, whose mode and faults every run has, and with
/// simulations of your own.
///
/// ```
/// use evloop::testing::{self, Mode, Schedule, Sim};
/// let chaos = Schedule { mode: Mode::Chaos, ..Schedule::default() };
/// let explored = testing::explore_from(&chaos, 1, 1000, |schedule| {
///     Sim::new(schedule).run(|_world| async { evloop::yield_now().await })
/// });
/// assert!(explored.is_ok());
/// ```
///
/// # Errors
///
/// As [`explore`].
pub fn explore_from<T>(
    from: &Schedule,
    bound: usize,
    max_runs: u64,
    mut run: impl FnMut(Schedule) -> Report<T>,
) -> Result<Explored, Box<Report<T>>> {
    let mut search = Search::new(from.clone(), bound, max_runs.saturating_sub(1), &[]);
    let mut next = (max_runs > 0).then(|| search.first());
    let mut runs = 0;
    while let Some(schedule) = next {
        let report = run(schedule);
        runs += 1;
        if report.verdict() != Verdict::Pass {
            return Err(Box::new(report));
        }
        search.ran(Some(&report.among));
        next = search.next();
    }
    Ok(Explored { runs, complete: runs > 0 && search.is_complete() })
}
