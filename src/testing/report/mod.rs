//! What a run came to, and how it is told.
//!
//! ```text
//! Timeline ─► lines (explain's sentences, the kernel's acts) ─► cut ─► text
//! ```

mod acts;
mod cut;
mod lines;
#[cfg(test)]
mod tests;
mod text;

use std::any::Any;
use std::error::Error;
use std::fmt;

use super::journal::Timeline;
use super::run::Verdict;
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
///
/// Its text ([`Display`](fmt::Display)) is what a failing test prints: what went wrong, the line
/// that replays it, what still waits, and the timeline around the failure. `{:#}` has the whole
/// timeline. It is the same every time: no addresses, no real time, no paths of a machine.
pub struct Report<T> {
    /// How it ended.
    pub outcome: Outcome<T>,
    /// Where the panic was that ended it, file and line.
    pub panicked_at: Option<String>,
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
    /// What the same program comes to first come, first served, and with no fault, if somebody has
    /// tried: a program that passes then has a bug of order.
    pub fifo: Option<Verdict>,
}

/// So that a test that returns `Result<(), Box<dyn Error>>` takes it with `?`.
impl<T> Error for Report<T> {}

/// The same as its `Display`, so that an `unwrap` says what happened.
impl<T> fmt::Debug for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
