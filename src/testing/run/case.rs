//! What a case is made of, as far as drawing and shrinking know: a program that can be made smaller,
//! and a judgement.

use std::fmt;

use super::Verdict;
use crate::testing::report::Report;

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
