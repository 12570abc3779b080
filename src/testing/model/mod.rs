//! The reference model: what a loop must be seen to do, whatever is done to it.
//!
//! ```text
//!                    ┌─► ModelLoop  (plain lists)           ─► Vec<Seen> ─┐
//! Program ── Op ─────┤                                                    ├─ equal?
//!                    └─► RealLoop   (the ordinary EventLoop) ─► Vec<Seen> ─┘
//!                          on simulated descriptors, epoll, poll, kqueue ...
//! ```
//!
//! A [`Program`] is a list of operations: what a user, another thread, the other end of a descriptor
//! or the clock does. [`compare`] gives each to both loops and wants the same [`Seen`] of both: what
//! ran, in which order and at what time, which timeout the selector was handed, what was refused.
//! What callbacks do is said with [`Op::When`], so that a list is all there is to know of a case,
//! and its text ([`Program`]) can be pasted and replayed.
//!
//! Time is virtual for both: it moves where a wait finds nothing, by what the wait would have taken.
//! A wait that nothing can end is refused as [`Refusal::Quiescent`].
//!
//! What a kernel leaves open is settled by [`Setup`], for both: the order of events is by
//! descriptor. A loop whose policy is not first come, first served tells the model what it picked.

mod decode;
mod dispatch;
mod ground;
mod op;
mod parts;
mod real;
mod reference;
mod seams;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use decode::{decode, ops, setup};
pub use op::*;
pub use real::RealLoop;
pub use reference::ModelLoop;

use crate::sys::Time;

/// So much is scheduled at most, so that every program ends; what comes after it is nothing.
pub const MOST_SCHEDULED: usize = 300;

/// So many polls one operation may take; a run with more is [`Refusal::Endless`].
pub const MOST_POLLS: usize = 40;

/// Something that can be seen of a loop from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// What has this name ran, at this time.
    Ran(Id, Time),
    /// The selector was handed this timeout.
    Timeout(Option<Duration>),
    /// A turn did without the selector. (Seen where [`Setup::watched`]; else only the timeout is
    /// missing.)
    PollSkipped,
    /// The call answered: a removal, whether there was something to remove; a cancellation, whether
    /// it was cancelled before.
    Answered(bool),
    /// `next_deadline` answered.
    Next(Option<Time>),
    /// The exception handler was told of a panic.
    Reported,
    /// A turn or run returned.
    Returned,
    /// The call, or the run, was refused.
    Refused(Refusal),
    /// The loop was closed, and so much was left.
    Closed {
        /// Handles that were ready, and calls of other threads.
        handles: usize,
        /// Armed timers.
        timers: usize,
        /// Watched descriptors.
        descriptors: usize,
    },
    /// After the operation so many callbacks, with what they captured, are still held.
    Alive(usize),
}

/// Why something was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The loop is closed.
    Closed,
    /// The loop is running.
    Running,
    /// It would wait, and nothing can ever come.
    Quiescent,
    /// It took more than [`MOST_POLLS`].
    Endless,
    /// Something that no model foresees, in words.
    Other(String),
}

/// What a loop can be in different ways, and what a kernel leaves open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Setup {
    /// [`Builder::always_poll`](crate::Builder::always_poll).
    pub always_poll: bool,
    /// Somebody observes the loop.
    pub watched: bool,
    /// Events come with the highest descriptor first.
    pub descending: bool,
    /// Which ready handle runs next, modulo how many there are, at each choice between two or more;
    /// where the list ends the first. `None`: the loop has no policy.
    pub picks: Option<Vec<u8>>,
}

/// A loop that operations are applied to.
pub trait Subject {
    /// Does `op`, and tells what was seen meanwhile.
    fn apply(&mut self, op: &Op) -> Vec<Seen>;
}

/// A loop and the model saw different things.
#[derive(Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The place in the program; its length is the closing after it.
    pub at: usize,
    /// What was done.
    pub op: Op,
    /// What the model says must be seen.
    pub model: Vec<Seen>,
    /// What was seen of the loop.
    pub real: Vec<Seen>,
}

impl fmt::Debug for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { at, op, model, real } = self;
        let alike = model.iter().zip(real).take_while(|(model, real)| model == real).count();
        let (model, real) = (shortened(&model[alike..]), shortened(&real[alike..]));
        write!(
            f,
            "at operation {at}, `{op}`, after {alike} alike:\n  model {model}\n  real  {real}"
        )
    }
}

/// What matters is where it begins.
fn shortened(seen: &[Seen]) -> String {
    let (first, rest) = seen.split_at(seen.len().min(4));
    let rest = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{first:?}{rest}")
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Applies `program` and then [`Op::Close`] to `real` and to a model of it.
///
/// # Errors
///
/// The first operation at which they disagree.
pub fn compare(program: &Program, real: &mut RealLoop) -> Result<(), Disagreement> {
    let mut model = ModelLoop::new(real.setup());
    for (at, op) in program.0.iter().chain([&Op::Close]).enumerate() {
        let real_seen = real.apply(op);
        model.follow(real.take_picks());
        let model_seen = model.apply(op);
        if real_seen != model_seen {
            return Err(Disagreement { at, op: op.clone(), model: model_seen, real: real_seen });
        }
    }
    Ok(())
}
