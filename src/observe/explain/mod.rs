//! Explain mode: the loop's life in words, made from the stream of records alone.
//!
//! ```text
//! Record ─► facts (who is who) ─► story ─► Sentence ─► english ─► a line
//! ```
//!
//! [`Narrator`] is all of that, a record at a time; [`Explain`] writes what it says to somewhere,
//! and the reports of `testing` put it beside what the kernel did.
//!
//! `EVLOOP_EXPLAIN=1`, `2` or `3` on any program that uses evloop puts it on standard error.

mod english;
mod facts;
mod findings;
mod narrator;
mod sentence;
mod story;
#[cfg(test)]
mod tests;
mod units;

use std::fmt;
use std::io::Write;

use super::{Observer, Record};
use crate::sys::Time;
#[cfg(feature = "testing")]
pub(crate) use english::{interest, readiness};
pub(crate) use narrator::Narrator;
#[cfg(feature = "testing")]
pub(crate) use units::short_path;

/// How much [`Explain`] tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// A line for each turn: how long it waited, why no longer, and what ran. (`1`)
    Turns,
    /// Also each handle: who caused it, and what it did. (`2`)
    Handles,
    /// Also every change of the ready queue and of the timers, and the names of the system calls
    /// that waited, watched and moved bytes. (`3`)
    Everything,
}

impl Level {
    /// The level of that number, as `EVLOOP_EXPLAIN` gives it.
    pub fn parse(number: &str) -> Option<Level> {
        match number {
            "1" => Some(Level::Turns),
            "2" => Some(Level::Handles),
            "3" => Some(Level::Everything),
            _ => None,
        }
    }
}

/// An observer that tells what the loop does, in words: always why it waited that long, and who
/// caused what ran.
///
/// Lines that begin with `!` are findings: a turn that ran for 100 ms or more, a timer more than
/// 5 ms late, somebody who queues himself in 100 turns in a row, an event nobody waits for, a peer
/// that does not read, a task that was pending when the loop was closed, an exception, a sleep
/// that nothing of the loop's own can end. Turns in which nothing happened are folded into one
/// line.
///
/// Under [`virtual_time`](crate::Builder::virtual_time) a program's text is the same every time.
///
/// ```
/// use evloop::observe::{Explain, Level};
/// use evloop::{EventLoop, ManualClock};
///
/// let event_loop = EventLoop::builder()
///     .virtual_time(ManualClock::new())
///     .observer(Explain::new(Level::Handles, std::io::stderr()))
///     .build()?;
/// # Ok::<(), evloop::LoopError>(())
/// ```
pub struct Explain {
    narrator: Narrator,
    text: String,
    out: Box<dyn Write>,
}

impl Explain {
    /// Tells on `out`, a line at a time. An `out` that fails is told nothing more than it takes:
    /// an observer may not disturb the loop.
    pub fn new(level: Level, out: impl Write + 'static) -> Self {
        Explain { narrator: Narrator::new(level), text: String::new(), out: Box::new(out) }
    }
}

impl Observer for Explain {
    fn record(&mut self, at: Time, record: &Record) {
        self.narrator.tell(at, record, &mut self.text);
        if !self.text.is_empty() {
            let _ = self.out.write_all(self.text.as_bytes());
            self.text.clear();
        }
    }
}

impl Drop for Explain {
    fn drop(&mut self) {
        self.narrator.finish(&mut self.text);
        let _ = self.out.write_all(self.text.as_bytes());
    }
}

impl fmt::Debug for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Explain")
    }
}
