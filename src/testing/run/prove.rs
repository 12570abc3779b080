//! Very many cases: programs and schedules drawn directly, and what fails shrunk together.
//!
//! proptest draws trees of values, which is slower than running a small program. Here a case is
//! drawn as a value, and only one that fails is shrunk. (`shrinking.rs`)

use std::fmt;
use std::time::{Duration, Instant};

use super::Verdict;
use super::case::{Judged, Program};
use super::shrinking::shrink;
use crate::testing::schedule::{Rng, Schedule, ScheduleParams};

/// How to prove: how many cases, of which schedules.
#[derive(Clone, Debug)]
pub struct Prove {
    /// How many cases.
    pub cases: u64,
    /// The same seed gives the same cases.
    pub seed: u64,
    /// Which schedules.
    pub schedules: ScheduleParams,
    /// How many runs shrinking may take, its searches included.
    pub shrink_runs: u64,
    /// How many schedules each search tries at most.
    pub search: u64,
}

impl Default for Prove {
    /// 10 000 cases of legal schedules with faults that a correct program does not notice.
    fn default() -> Self {
        Prove {
            cases: 10_000,
            seed: 0,
            schedules: ScheduleParams::default(),
            shrink_runs: 100_000,
            search: 5_000,
        }
    }
}

/// All cases passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proved {
    /// How many.
    pub cases: u64,
    /// How long it took.
    pub took: Duration,
}

/// A case that fails, shrunk. Its `Debug` is its text, so that an `unwrap` can be read.
#[derive(Clone)]
pub struct Found<P> {
    /// The program.
    pub program: P,
    /// Its schedule.
    pub schedule: Schedule,
    /// What is wrong.
    pub verdict: Verdict,
    /// What is wrong, in words.
    pub text: String,
    /// What the program comes to without picks and faults.
    pub fifo: Verdict,
    /// The number of the case, from 0: so many passed before it.
    pub case: u64,
    /// The case as it was drawn.
    pub drawn: (P, Schedule),
    /// How long it took to find it.
    pub found_in: Duration,
    /// How many runs shrinking took.
    pub shrink_runs: u64,
    /// How long shrinking took.
    pub shrunk_in: Duration,
}

/// Runs `cases` cases: programs that `draw` gives, on schedules drawn beside them.
///
/// ```
/// use evloop::testing::{Prove, Sim, prove};
/// let prove_it = Prove { cases: 100, ..Prove::default() };
/// let proved = prove(&prove_it, |rng| vec![0_u8; rng.below(10) as usize], |program, schedule| {
///     let steps = program.len();
///     Sim::new(schedule).run(move |_world| async move {
///         for _ in 0..steps {
///             evloop::yield_now().await;
///         }
///     })
/// });
/// assert_eq!(proved.map(|proved| proved.cases).map_err(|found| found.to_string()), Ok(100));
/// ```
///
/// # Errors
///
/// The first case that fails, shrunk.
pub fn prove<P: Program, J: Judged>(
    prove: &Prove,
    mut draw: impl FnMut(&mut Rng) -> P,
    mut run: impl FnMut(&P, Schedule) -> J,
) -> Result<Proved, Box<Found<P>>> {
    let began = Instant::now();
    for case in 0..prove.cases {
        let mut rng = Rng::of_case(prove.seed, case);
        let schedule = prove.schedules.draw(&mut rng);
        let program = draw(&mut rng);
        let verdict = run(&program, schedule.clone()).verdict();
        if verdict != Verdict::Pass {
            let found_in = began.elapsed();
            let found = shrink(prove, (program, schedule), verdict, &mut run);
            return Err(Box::new(Found { case, found_in, ..found }));
        }
    }
    Ok(Proved { cases: prove.cases, took: began.elapsed() })
}

impl<P: fmt::Debug> fmt::Display for Found<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { program, schedule, case, drawn, .. } = self;
        writeln!(f, "case {case} fails: {}", self.verdict)?;
        writeln!(f, "program: {program:?}")?;
        writeln!(f, "schedule: {schedule}")?;
        let (picks, faults) = (drawn.1.picks.len(), drawn.1.faults.len());
        writeln!(
            f,
            "shrunk from {picks} picks and {faults} faults to {} and {}, in {} runs",
            schedule.picks.len(),
            schedule.faults.len(),
            self.shrink_runs
        )?;
        write!(f, "{}", self.text)
    }
}

impl<P: fmt::Debug> fmt::Debug for Found<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
