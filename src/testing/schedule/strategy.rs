//! Schedules for proptest.

use std::rc::Rc;

use proptest::prelude::RngCore;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::tried::Case;
use super::{Rng, Schedule, ScheduleParams, Shrinker};

/// Draws legal schedules with faults that a correct program does not notice.
///
/// In a tuple of several inputs, and in the argument list of `proptest!`, put it last: proptest
/// shrinks the inputs one after the other, and the search for fewest picks at the end of a
/// schedule's shrinking should be of the program that has shrunk already.
///
/// Shrinking ends after `max_shrink_iters` runs, of which the search takes at most half; proptest's
/// default is four times the number of cases.
pub fn schedule() -> ScheduleStrategy {
    schedule_with(ScheduleParams::default())
}

/// Draws schedules of these.
pub fn schedule_with(params: ScheduleParams) -> ScheduleStrategy {
    ScheduleStrategy { params }
}

/// Draws schedules ([`schedule`], [`schedule_with`]).
#[derive(Clone, Debug)]
#[must_use = "strategies do nothing unless used"]
pub struct ScheduleStrategy {
    params: ScheduleParams,
}

impl Strategy for ScheduleStrategy {
    type Tree = ScheduleTree;
    type Value = Schedule;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let schedule = self.params.draw(&mut Rng::new(runner.rng().next_u64()));
        let budget = u64::from(runner.config().max_shrink_iters() / 2);
        Ok(ScheduleTree::new(schedule, budget))
    }
}

/// A schedule that shrinks towards first come, first served, without faults.
///
/// It tries no picks and no faults; then halves of them, and single ones; then smaller choices and
/// milder faults; then earlier places; and at last all schedules with fewer picks (one, then two)
/// as far as proptest's `max_shrink_iters` allows. Each step is simpler than the last that failed,
/// in this order: fewer faults, fewer picks, smaller parameters, smaller choices, earlier places.
///
/// A [`check`](crate::testing::check) of its schedule takes part: see there.
#[derive(Debug)]
pub struct ScheduleTree {
    shrinker: Shrinker,
    /// What is tried now, if it is not the simplest that failed.
    trying: Option<Schedule>,
    case: Rc<Case>,
}

impl ScheduleTree {
    pub(crate) fn new(schedule: Schedule, budget: u64) -> ScheduleTree {
        ScheduleTree { shrinker: Shrinker::new(schedule, budget), trying: None, case: Case::new() }
    }
}

impl ValueTree for ScheduleTree {
    type Value = Schedule;

    fn current(&self) -> Schedule {
        let schedule = self.trying.as_ref().unwrap_or(self.shrinker.best());
        self.case.give(schedule);
        schedule.clone()
    }

    /// The current schedule fails: goes on to a simpler one.
    fn simplify(&mut self) -> bool {
        if let Some(failed) = self.trying.take() {
            self.shrinker.accept(failed);
        }
        self.trying = self.shrinker.next();
        self.trying.is_some()
    }

    /// The current schedule does not fail: goes on to another that is simpler than the simplest
    /// that did; if there is none, back to that.
    fn complicate(&mut self) -> bool {
        if self.trying.take().is_none() {
            return false;
        }
        if let Some(among) = self.case.take_among() {
            self.shrinker.ran(among);
        }
        self.shrinker.reject();
        self.trying = self.shrinker.next();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{Config, TestError, TestRng, TestRunner};

    use super::*;

    fn runner(max_shrink_iters: u32) -> TestRunner {
        let config = Config {
            cases: 2000,
            max_shrink_iters,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(Default::default()))
    }

    /// What proptest makes of a test that fails if `fails` says so.
    fn found(iterations: u32, fails: impl Fn(&Schedule) -> bool) -> String {
        let result = runner(iterations).run(&schedule(), |schedule| {
            proptest::prop_assert!(!fails(&schedule));
            Ok(())
        });
        match result {
            Err(TestError::Fail(_, schedule)) => schedule.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn picks(schedule: &Schedule, decision: u32) -> bool {
        schedule.picks.get(&decision).is_some_and(|choice| *choice != 0)
    }

    #[test]
    fn proptest_finds_the_least_schedule_of_a_planted_bug() {
        assert_eq!(found(5000, |s| picks(s, 7)), "legal; pick 7:1");
        assert_eq!(found(5000, |s| picks(s, 3) && picks(s, 9)), "legal; pick 3:1 9:1");
        let short = |s: &Schedule| s.to_string().contains("recv#2 short=");
        assert_eq!(found(5000, short), "legal; recv#2 short=1");
    }

    #[test]
    fn whenever_proptest_gives_up_shrinking_what_it_shows_fails() {
        for iterations in 1..60 {
            let line = found(iterations, |s| picks(s, 3) && picks(s, 9));
            let shown: Schedule = line.parse().unwrap();
            assert!(picks(&shown, 3) && picks(&shown, 9), "after {iterations}: {line}");
        }
    }

    #[test]
    fn after_the_last_step_a_tree_stays_where_it_is() {
        let line = "legal; pick 3:1 9:1";
        let mut tree = ScheduleTree::new(line.parse().unwrap(), 100);
        assert!(tree.simplify());
        while tree.trying.is_some() {
            assert!(tree.current().cost() < tree.shrinker.best().cost());
            assert!(tree.complicate());
        }
        for _ in 0..3 {
            assert_eq!((tree.complicate(), tree.current().to_string()), (false, line.to_owned()));
            assert_eq!((tree.simplify(), tree.current().to_string()), (false, line.to_owned()));
        }
    }

    #[test]
    fn inputs_beside_a_schedule_shrink_before_and_after_it() {
        let strategy = (0..100_u32, schedule(), 0..100_u32);
        let result = runner(5000).run(&strategy, |(a, schedule, b)| {
            proptest::prop_assert!(a < 5 || b < 3 || !picks(&schedule, 7));
            Ok(())
        });
        let Err(TestError::Fail(_, (a, schedule, b))) = result else { panic!("{result:?}") };
        assert_eq!((a, schedule.to_string().as_str(), b), (5, "legal; pick 7:1", 3));
    }
}
