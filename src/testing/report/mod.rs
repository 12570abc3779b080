//! What a run came to.

use std::any::Any;
use std::fmt;

use super::journal::Timeline;
use super::schedule::Schedule;
use crate::sys::Time;

/// How a run ended.
pub enum Outcome<T> {
    /// Its main future returned.
    Done(T),
    /// Its main future panicked.
    Panicked(Box<dyn Any + Send>),
    /// Nothing can ever happen any more, and the main future is pending.
    Quiescent,
    /// It went beyond a limit of the simulation: which.
    LimitHit(&'static str),
    /// The loop ended otherwise, and says so.
    Failed(crate::LoopError),
}

impl<T> Outcome<T> {
    /// The same without the value.
    pub fn kind(&self) -> &'static str {
        match self {
            Outcome::Done(_) => "done",
            Outcome::Panicked(_) => "panicked",
            Outcome::Quiescent => "quiescent",
            Outcome::LimitHit(_) => "limit hit",
            Outcome::Failed(_) => "failed",
        }
    }
}

impl<T> fmt::Debug for Outcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// An oracle's complaint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Whose.
    pub oracle: &'static str,
    /// After which entry of the timeline.
    pub entry: usize,
    /// In which turn.
    pub turn: u64,
    /// When.
    pub at: Time,
    /// In words.
    pub what: String,
}

/// A run, and what is wrong with it.
pub struct Report<T> {
    /// How it ended.
    pub outcome: Outcome<T>,
    /// What oracles said, in their order.
    pub violations: Vec<Violation>,
    /// All that happened.
    pub timeline: Timeline,
    /// What was played.
    pub schedule: Schedule,
    /// How many choices there were.
    pub decisions: u32,
    /// Between how many things each of them chose; 255 is that many or more.
    pub among: Vec<u8>,
}

impl<T> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, on the schedule \"{}\"", self.verdict(), self.schedule)?;
        if let Outcome::Panicked(payload) = &self.outcome {
            write!(f, "\n  {}", crate::event_loop::panic_message(&**payload))?;
        }
        self.violations.iter().try_for_each(|Violation { oracle, turn, at, what, .. }| {
            write!(f, "\n  {oracle} in turn {turn}, at {at:?}: {what}")
        })
    }
}
