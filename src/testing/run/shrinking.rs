//! Making a case that fails smaller.
//!
//! Program and schedule shrink in turns, until neither can: the program to smaller ones that fail
//! on the same schedule, the schedule as its proptest tree would. But to take a step out of a
//! program shifts the decisions and calls behind it, and the schedule no longer fits; so at the
//! end every smaller program is searched for schedules with as few picks, and with its faults at
//! earlier calls. Only failures with the verdict of the first are accepted.

use std::time::{Duration, Instant};

use super::Verdict;
use super::case::{Judged, Program};
use super::prove::{Found, Prove};
use crate::testing::panics::quietly;
use crate::testing::schedule::{Schedule, Search, Shrinker};

/// Shrinks a case that fails with `verdict`.
pub(super) fn shrink<P: Program, J: Judged>(
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
