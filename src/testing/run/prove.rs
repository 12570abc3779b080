//! Very many cases: programs and schedules drawn directly, and what fails shrunk together.
//!
//! proptest draws trees of values, which is slower than running a small program. Here a case is
//! drawn as a value, and only one that fails is shrunk.
//!
//! Program and schedule shrink in turns, until neither can: the program to smaller ones that fail
//! on the same schedule, the schedule as its proptest tree would. But to take a step out of a
//! program shifts the decisions and calls behind it, and the schedule no longer fits; so at the
//! end every smaller program is searched for schedules with as few picks, and with its faults at
//! earlier calls. Only failures with the verdict of the first are accepted.

use std::fmt;
use std::time::{Duration, Instant};

use super::Verdict;
use crate::testing::panics::quietly;
use crate::testing::report::Report;
use crate::testing::schedule::{Rng, Schedule, ScheduleParams, Search, Shrinker};

/// A program: what a case consists of beside its schedule.
pub trait Program: Clone + fmt::Debug {
    /// Smaller programs, the smallest first. Each is smaller in an order that has an end, so that
    /// shrinking ends.
    fn shrinks(&self) -> impl Iterator<Item = Self>;
}

/// Nothing but the schedule.
impl Program for () {
    fn shrinks(&self) -> impl Iterator<Item = Self> {
        std::iter::empty()
    }
}

/// A list of steps. Smaller is shorter: without all, without a half, a quarter, … and without one;
/// a list of at most 16 also without any two, since steps often come in pairs (an open and
/// its close) of which neither goes alone.
impl<Step: Clone + fmt::Debug> Program for Vec<Step> {
    fn shrinks(&self) -> impl Iterator<Item = Self> {
        let len = self.len();
        let sizes = std::iter::successors(Some(len), |size| (*size > 1).then(|| size.div_ceil(2)));
        let chunks = sizes.filter(|size| *size > 0).flat_map(move |size| {
            (0..len).step_by(size).map(move |from| (from, len.min(from + size) - 1))
        });
        let without_chunk = chunks.map(|(first, last)| {
            let mut shorter = self.clone();
            shorter.drain(first..=last);
            shorter
        });
        let paired = if len > PAIRS_UP_TO { 0 } else { len };
        let pairs = (0..paired).flat_map(move |one| (one + 1..paired).map(move |two| (one, two)));
        without_chunk.chain(pairs.map(|(one, two)| {
            let mut shorter = self.clone();
            shorter.remove(two);
            shorter.remove(one);
            shorter
        }))
    }
}

/// From longer lists no pairs of steps are left out: there would be too many.
const PAIRS_UP_TO: usize = 16;

/// What a run of a case came to.
pub trait Judged: Sized {
    /// In one word.
    fn verdict(&self) -> Verdict;
    /// Between how many things each decision chose, if that is known: it makes searches exact.
    fn among(&self) -> Option<&[u8]>;
    /// In many words; `fifo` is what the same program comes to without picks and faults, if that is
    /// known.
    fn text(self, fifo: Option<Verdict>) -> String;
}

impl<T> Judged for Report<T> {
    fn verdict(&self) -> Verdict {
        Report::verdict(self)
    }

    fn among(&self) -> Option<&[u8]> {
        Some(&self.among)
    }

    fn text(mut self, fifo: Option<Verdict>) -> String {
        self.fifo = fifo;
        self.to_string()
    }
}

/// For cases that are judged otherwise than by a simulation's oracles.
impl Judged for Verdict {
    fn verdict(&self) -> Verdict {
        *self
    }

    fn among(&self) -> Option<&[u8]> {
        None
    }

    fn text(self, fifo: Option<Verdict>) -> String {
        match fifo {
            None => self.to_string(),
            Some(fifo) => format!("{self}\nwithout picks and faults: {fifo}"),
        }
    }
}

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

/// Shrinks a case that fails with `verdict`.
fn shrink<P: Program, J: Judged>(
    prove: &Prove,
    drawn: (P, Schedule),
    verdict: Verdict,
    run: &mut impl FnMut(&P, Schedule) -> J,
) -> Found<P> {
    let began = Instant::now();
    let (program, schedule) = drawn.clone();
    let (left, search) = (prove.shrink_runs, prove.search);
    let mut shrinking = Shrinking { program, schedule, verdict, left, search, run };
    quietly(|| shrinking.shrink_it());
    let Shrinking { program, schedule, left, run, .. } = shrinking;
    let fifo = Schedule { mode: schedule.mode, ..Schedule::default() };
    let fifo = quietly(|| run(&program, fifo).verdict());
    let text = run(&program, schedule.clone()).text(Some(fifo));
    let shrink_runs = prove.shrink_runs - left;
    let (shrunk_in, case, found_in) = (began.elapsed(), 0, Duration::ZERO);
    Found { program, schedule, verdict, text, fifo, case, drawn, found_in, shrink_runs, shrunk_in }
}

struct Shrinking<'a, P, R> {
    program: P,
    schedule: Schedule,
    verdict: Verdict,
    left: u64,
    search: u64,
    run: &'a mut R,
}

/// What a try came to.
struct Tried {
    fails: bool,
    among: Option<Vec<u8>>,
}

impl<P: Program, J: Judged, R: FnMut(&P, Schedule) -> J> Shrinking<'_, P, R> {
    fn shrink_it(&mut self) {
        loop {
            // Searches of a program that is not small yet would be long.
            self.in_turns();
            let program = self.shrink_program_with_search();
            if !program && !self.shrink_schedule(self.search) {
                return;
            }
        }
    }

    fn in_turns(&mut self) {
        self.shrink_schedule(0);
        while self.shrink_program() && self.shrink_schedule(0) {}
    }

    /// Whether a case fails as the first did; `None` if no more runs are allowed.
    fn try_it(&mut self, program: &P, schedule: &Schedule) -> Option<Tried> {
        self.left = self.left.checked_sub(1)?;
        let judged = (self.run)(program, schedule.clone());
        let fails = judged.verdict() == self.verdict;
        Some(Tried { fails, among: judged.among().map(<[u8]>::to_vec) })
    }

    fn shrink_program(&mut self) -> bool {
        let mut changed = false;
        while let Some(smaller) = self.smaller_program(|this, smaller| {
            let schedule = this.schedule.clone();
            this.try_it(smaller, &schedule)?.fails.then_some(schedule)
        }) {
            (self.program, self.schedule) = smaller;
            changed = true;
        }
        changed
    }

    fn shrink_program_with_search(&mut self) -> bool {
        let smaller = self.smaller_program(Self::search_for);
        let found = smaller.is_some();
        if let Some(smaller) = smaller {
            (self.program, self.schedule) = smaller;
        }
        found
    }

    /// The first smaller program for which `schedule` gives one that fails.
    fn smaller_program(
        &mut self,
        mut schedule: impl FnMut(&mut Self, &P) -> Option<Schedule>,
    ) -> Option<(P, Schedule)> {
        let program = self.program.clone();
        let mut smaller = program.shrinks();
        while self.left > 0 {
            let program = smaller.next()?;
            if let Some(schedule) = schedule(self, &program) {
                return Some((program, schedule));
            }
        }
        None
    }

    /// A schedule on which `program` fails, with no more picks, and no more faults, than now.
    fn search_for(&mut self, program: &P) -> Option<Schedule> {
        let bound = self.schedule.picks.len().min(2);
        earlier_calls(&self.schedule).into_iter().find_map(|base| {
            let mut search = Search::new(base, bound, self.search, &[]);
            let mut next = Some(search.first());
            while let Some(schedule) = next {
                let tried = self.try_it(program, &schedule)?;
                if tried.fails {
                    return Some(schedule);
                }
                search.ran(tried.among.as_deref());
                next = search.next();
            }
            None
        })
    }

    fn shrink_schedule(&mut self, search: u64) -> bool {
        let program = self.program.clone();
        let mut shrinker = Shrinker::new(self.schedule.clone(), search);
        while let Some(simpler) = shrinker.next() {
            let Some(tried) = self.try_it(&program, &simpler) else { break };
            if tried.fails {
                shrinker.accept(simpler);
                continue;
            }
            if let Some(among) = tried.among {
                shrinker.ran(among);
            }
            shrinker.reject();
        }
        let changed = *shrinker.best() != self.schedule;
        self.schedule = shrinker.best().clone();
        changed
    }
}

/// The schedule itself, and with one of its faults up to so many calls earlier.
fn earlier_calls(schedule: &Schedule) -> Vec<Schedule> {
    const CALLS: u32 = 4;
    let faults = schedule.faults.iter();
    let earlier = faults.flat_map(|((site, nth), fault)| {
        (nth.saturating_sub(CALLS)..*nth).rev().map(move |earlier| {
            let mut moved = schedule.clone();
            moved.faults.remove(&(*site, *nth));
            moved.faults.entry((*site, earlier)).or_insert(*fault);
            moved
        })
    });
    std::iter::once(schedule.clone()).chain(earlier).collect()
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
