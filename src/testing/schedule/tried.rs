//! What a schedule's tree and the runs of its schedules have to tell each other, on one thread.
//!
//! proptest knows of a test only whether it failed. While it shrinks, that is too little twice
//! over: a simpler case that fails of something else is another bug, and shrinking would slip to
//! it; and a search needs to know what the run that passed chose between. So each tree has a note
//! of its case, which lives as long as the tree, and a check finds the note by the schedule it was
//! given: a check of any other schedule is none of a tree's business.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::Schedule;
use crate::testing::run::Verdict;

thread_local! {
    static CASES: RefCell<Vec<Weak<Case>>> = const { RefCell::new(Vec::new()) };
}

/// A tree's case.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// What the test was given last.
    given: RefCell<Schedule>,
    /// How often it was given something: the first time proptest does not shrink yet.
    times: Cell<u64>,
    failure: Cell<Option<Fails>>,
    among: RefCell<Option<Vec<u8>>>,
}

/// Which failure: whose check, and what was wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fails {
    pub(crate) at: &'static Location<'static>,
    pub(crate) verdict: Verdict,
}

impl Case {
    pub(super) fn new() -> Rc<Case> {
        let case = Rc::new(Case::default());
        CASES.with_borrow_mut(|cases| {
            cases.retain(|case| case.strong_count() > 0);
            cases.push(Rc::downgrade(&case));
        });
        case
    }

    pub(super) fn give(&self, schedule: &Schedule) {
        self.given.replace(schedule.clone());
        self.times.set(self.times.get() + 1);
        self.among.take();
    }

    /// What the run of the schedule given last chose between, if a check ran it.
    pub(super) fn take_among(&self) -> Option<Vec<u8>> {
        self.among.take()
    }

    /// Notes the first failure of this case, or compares with it.
    fn judge(&self, fails: Fails) -> Option<Fails> {
        let first = self.failure.get().filter(|_| self.times.get() > 1);
        match first {
            Some(first) => Some(first).filter(|first| *first != fails),
            None => {
                // Of a test that goes on after a check that fails, the last is what fails it.
                self.failure.set(Some(fails));
                None
            }
        }
    }
}

/// The latest case whose test was given `schedule`.
fn case_of(schedule: &Schedule) -> Option<Rc<Case>> {
    CASES.with_borrow(|cases| {
        let mut alive = cases.iter().rev().filter_map(Weak::upgrade);
        alive.find(|case| *case.given.borrow() == *schedule)
    })
}

/// Whether a tree gave `schedule` because another one of its case has failed.
pub(crate) fn is_shrinking(schedule: &Schedule) -> bool {
    case_of(schedule).is_some_and(|case| case.times.get() > 1 && case.failure.get().is_some())
}

/// Tells the tree that gave `schedule`, if one did, what its run came to. The answer is the failure
/// with which shrinking began, if this is another one.
pub(crate) fn judge_by_case(schedule: &Schedule, fails: Fails, among: &[u8]) -> Option<Fails> {
    let case = case_of(schedule)?;
    case.among.replace(Some(among.to_vec()));
    if fails.verdict == Verdict::Pass { None } else { case.judge(fails) }
}
