//! One run that has to pass.

use std::future::Future;
use std::panic::Location;

use proptest::test_runner::TestCaseError;

use super::Verdict;
use crate::testing::kernel::World;
use crate::testing::oracle::oracles;
use crate::testing::panics::Quiet;
use crate::testing::report::{Outcome, Report};
use crate::testing::schedule::{Fails, Schedule, ScheduleError, is_shrinking, judge_by_case};
use crate::testing::sim::{Limits, Sim};

/// Runs what `main` gives on a simulation of `schedule`; for the body of a property.
///
/// ```
/// use evloop::testing::{self, schedule};
/// # use proptest::prelude::*;
/// proptest! {
///     # #![proptest_config(ProptestConfig::with_cases(8))]
///     # /*
///     #[test]
///     # */
///     fn the_answer_comes(question in any::<u8>(), schedule in schedule()) {
///         let answer = testing::check(schedule, move |_world| async move {
///             evloop::spawn(async move { question.wrapping_add(1) }).await.unwrap()
///         })?;
///         prop_assert_eq!(answer, question.wrapping_add(1));
///     }
/// }
/// # the_answer_comes();
/// ```
///
/// # Errors
///
/// With the report, if `main` panics, waits for what can never come (deadlock), goes beyond a
/// limit, or an oracle complains. The report then also says what the same program does without
/// picks and faults, for which `main` is run a second time: what it captures is cloned, and what
/// is shared by its clones (an `Rc`) sees both runs.
///
/// # While proptest shrinks
///
/// A simpler case that fails of something else is another bug, and is not accepted: the error is
/// then a *rejection*, which proptest takes for a pass. Failures are the same if they are of the
/// same call of `check` in the source and have the same [`Verdict`]. This holds if `schedule` is
/// what the strategy gave: a schedule that the test made itself, or changed, is judged without a
/// memory, and a failure always is a failure. So it is in the first run of each case, whichever
/// tests ran before on the same thread.
///
/// Panics of the runs that shrink write nothing to standard error: there are hundreds, and the
/// report says of the last what it was and where.
#[track_caller]
pub fn check<F: Future + 'static>(
    schedule: Schedule,
    main: impl FnOnce(World) -> F + Clone,
) -> Result<F::Output, TestCaseError> {
    Sim::new(schedule).check(main)
}

/// Runs what `main` gives on the schedule that `text` is.
///
/// # Errors
///
/// If `text` is no schedule: which part is wrong, and what may stand there.
#[track_caller]
pub fn replay<F: Future + 'static>(
    text: &str,
    main: impl FnOnce(World) -> F,
) -> Result<Report<F::Output>, ScheduleError> {
    Ok(Sim::new(text.parse()?).run(main))
}

impl Sim {
    /// As [`check`](crate::testing::check), with the limits and oracles of this simulation. (Of
    /// oracles of your own the second run, without picks and faults, knows nothing.)
    ///
    /// # Errors
    ///
    /// As [`check`](crate::testing::check).
    #[track_caller]
    pub fn check<F: Future + 'static>(
        self,
        main: impl FnOnce(World) -> F + Clone,
    ) -> Result<F::Output, TestCaseError> {
        let at = Location::caller();
        let again = Again::of(&self);
        let quiet = is_shrinking(&self.schedule).then(Quiet::new);
        let report = self.run(main.clone());
        drop(quiet);
        let verdict = report.verdict();
        let other = judge_by_case(&report.schedule, Fails { at, verdict }, &report.among);
        match (report.outcome, other) {
            (Outcome::Done(value), _) if verdict == Verdict::Pass => Ok(value),
            (_, Some(first)) => Err(TestCaseError::reject(format!(
                "another failure: {verdict} at {at}, and not {} at {}",
                first.verdict, first.at
            ))),
            (outcome, None) => {
                let quiet = Quiet::new();
                let fifo = again.sim(&report.schedule).run(main).verdict();
                drop(quiet);
                let report = Report { outcome, fifo: Some(fifo), ..report };
                Err(TestCaseError::fail(report.to_string().trim_end().to_owned()))
            }
        }
    }
}

/// What a simulation needs to be run again.
struct Again {
    limits: Limits,
    oracles: Vec<&'static str>,
}

impl Again {
    fn of(sim: &Sim) -> Again {
        let oracles = sim.oracles.iter().map(|oracle| oracle.name()).collect();
        Again { limits: sim.limits.clone(), oracles }
    }

    /// The same, without picks and faults.
    fn sim(self, schedule: &Schedule) -> Sim {
        let limits = self.limits;
        let mut oracles = oracles();
        oracles.retain(|oracle| self.oracles.contains(&oracle.name()));
        let schedule = Schedule { mode: schedule.mode, ..Schedule::default() };
        Sim { schedule, limits, oracles }
    }
}
