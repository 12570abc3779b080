//! What a run came to, in one word: the signature by which two failures are the same.

use std::fmt;

use crate::testing::report::{Outcome, Report};

/// What a run came to.
///
/// Two failures with equal verdicts count as the same failure while shrinking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// It returned, and no oracle complains.
    Pass,
    /// The oracle of that name complains.
    Oracle(&'static str),
    /// The main future panicked.
    Panic,
    /// Nothing can ever happen any more, and the main future is pending.
    Deadlock,
    /// It went beyond a limit of the simulation: which.
    Limit(&'static str),
    /// The loop gave an error.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.write_str("pass"),
            Verdict::Oracle(name) => f.write_str(name),
            Verdict::Panic => f.write_str("panic"),
            Verdict::Deadlock => f.write_str("deadlock"),
            Verdict::Limit(which) => write!(f, "limit: {which}"),
            Verdict::Failed => f.write_str("failed"),
        }
    }
}

impl<T> Report<T> {
    /// The run's verdict: that of the oracle that complained first, if one did. But a panic comes
    /// before what oracles say of the end of the run, which may be its consequence.
    pub fn verdict(&self) -> Verdict {
        let last = self.timeline.0.len().saturating_sub(1);
        let first = self.violations.iter().min_by_key(|violation| violation.entry);
        match (&self.outcome, first) {
            (Outcome::Panicked(_), Some(first)) if first.entry >= last => Verdict::Panic,
            (_, Some(first)) => Verdict::Oracle(first.oracle),
            (Outcome::Done(_), None) => Verdict::Pass,
            (Outcome::Panicked(_), None) => Verdict::Panic,
            (Outcome::Quiescent, None) => Verdict::Deadlock,
            (Outcome::LimitHit(which), None) => Verdict::Limit(which),
            (Outcome::Failed(_), None) => Verdict::Failed,
        }
    }
}
