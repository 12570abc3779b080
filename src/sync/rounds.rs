//! The rounds of a barrier. Pure: wakers are a type parameter.
//!
//! ```text
//! from       arrives    fills     leaves     empties   reset      reset, empty  abort
//! Filling    Filling    Draining  Filling    Filling   Resetting  Filling       Broken
//! Draining   Draining   –         Draining   Filling   Resetting  –             Broken
//! Resetting  Resetting  –         Resetting  Filling   Resetting  –             Broken
//! Broken     Broken     –         Broken     Broken    Resetting  Filling       Broken
//! ```
//!
//! Who arrives while it fills belongs to the round, who arrives while it drains or is being reset is
//! held back until that is over, and who arrives when it is broken fails. It empties when the last
//! of the round has learnt what became of it, or was dropped.

use std::collections::VecDeque;

use super::line::{Key, Line};

/// What a barrier does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Filling,
    Draining,
    Resetting,
    Broken,
}

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Happens {
    Arrives,
    Fills,
    Leaves,
    Empties,
    Reset,
    ResetEmpty,
    Abort,
}

impl Phase {
    /// The table above; `None` is its dash.
    pub(super) fn after(self, what: Happens) -> Option<Phase> {
        use Phase::{Broken, Draining, Filling, Resetting};
        match (self, what) {
            (_, Happens::Arrives | Happens::Leaves) => Some(self),
            (Filling, Happens::Fills) => Some(Draining),
            (Filling | Draining | Resetting, Happens::Empties) => Some(Filling),
            (Broken, Happens::Empties) => Some(Broken),
            (_, Happens::Reset) => Some(Resetting),
            (Filling | Broken, Happens::ResetEmpty) => Some(Filling),
            (_, Happens::Abort) => Some(Broken),
            _ => None,
        }
    }
}

/// Where somebody stands who has arrived.
enum Place<W> {
    /// Not in a round yet.
    HeldBack(W),
    Waiting(W),
    /// Its round was full; its index there.
    Through(usize),
    Broken,
}

/// What one finds who asks.
pub(super) enum Standing<'a, W> {
    Waits(&'a mut W),
    Through(usize),
    Broken,
}

/// The barrier.
pub(super) struct Rounds<W> {
    parties: usize,
    phase: Phase,
    /// Those of the round, and behind them those who are held back.
    line: Line<Place<W>>,
    /// How many are in the round.
    inside: usize,
    /// Whom to wake.
    called: VecDeque<W>,
}

impl<W> Rounds<W> {
    /// `parties` is not 0.
    pub(super) fn new(parties: usize) -> Self {
        Rounds {
            parties,
            phase: Phase::Filling,
            line: Line::default(),
            inside: 0,
            called: VecDeque::new(),
        }
    }

    pub(super) fn parties(&self) -> usize {
        self.parties
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// How many the round has that is not full yet.
    pub(super) fn waiting(&self) -> usize {
        if self.phase == Phase::Filling { self.inside } else { 0 }
    }

    /// Whom to wake; to be asked until there is nobody, after every change.
    pub(super) fn called(&mut self) -> Option<W> {
        self.called.pop_front()
    }

    /// Somebody arrives; `None` if the barrier is broken.
    pub(super) fn arrive(&mut self, waker: W) -> Option<Key> {
        self.happens(Happens::Arrives);
        match self.phase {
            Phase::Broken => None,
            Phase::Draining | Phase::Resetting => Some(self.line.join(Place::HeldBack(waker))),
            Phase::Filling => {
                let key = self.line.join(Place::Waiting(waker));
                self.inside += 1;
                if self.fill() {
                    // The last one is here and needs no call.
                    self.called.pop_back();
                }
                Some(key)
            }
        }
    }

    /// What became of who arrived as `key`.
    pub(super) fn standing(&mut self, key: Key) -> Standing<'_, W> {
        match self.line.get_mut(key) {
            Some(Place::HeldBack(waker) | Place::Waiting(waker)) => Standing::Waits(waker),
            Some(Place::Through(index)) => Standing::Through(*index),
            Some(Place::Broken) | None => Standing::Broken,
        }
    }

    /// Leaves, because it has learnt what became of it or because it gives up; its waker, if it
    /// waited.
    pub(super) fn leave(&mut self, key: Key) -> Option<W> {
        let waker = match self.line.leave(key)? {
            Place::HeldBack(waker) => return Some(waker),
            Place::Waiting(waker) => Some(waker),
            Place::Through(_) | Place::Broken => None,
        };
        self.inside -= 1;
        self.happens(if self.inside == 0 { Happens::Empties } else { Happens::Leaves });
        if self.inside == 0 && self.phase == Phase::Filling {
            self.admit();
        }
        waker
    }

    /// Fails those of the round.
    pub(super) fn reset(&mut self) {
        if self.inside == 0 {
            return self.happens(Happens::ResetEmpty);
        }
        self.happens(Happens::Reset);
        self.fail(false);
    }

    /// Fails everybody, and all who come.
    pub(super) fn abort(&mut self) {
        self.happens(Happens::Abort);
        self.fail(true);
    }

    fn happens(&mut self, what: Happens) {
        self.phase = self.phase.after(what).unwrap_or(self.phase);
    }

    /// Lets the round through, if it is full.
    fn fill(&mut self) -> bool {
        if self.inside < self.parties {
            return false;
        }
        self.happens(Happens::Fills);
        for (index, place) in self.line.iter_mut().take(self.parties).enumerate() {
            if let Place::Waiting(waker) = std::mem::replace(place, Place::Through(index)) {
                self.called.push_back(waker);
            }
        }
        true
    }

    /// A round begins with those who were held back.
    fn admit(&mut self) {
        for place in self.line.iter_mut().take(self.parties) {
            if let Place::HeldBack(waker) = std::mem::replace(place, Place::Broken) {
                *place = Place::Waiting(waker);
                self.inside += 1;
            }
        }
        self.fill();
    }

    fn fail(&mut self, all: bool) {
        for place in self.line.iter_mut() {
            if !all && matches!(place, Place::HeldBack(_)) {
                continue;
            }
            match std::mem::replace(place, Place::Broken) {
                Place::HeldBack(waker) => {
                    self.inside += 1;
                    self.called.push_back(waker);
                }
                Place::Waiting(waker) => self.called.push_back(waker),
                Place::Through(_) | Place::Broken => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_docs_is_the_table_of_the_code() {
        use Phase::*;
        let what = [
            Happens::Arrives,
            Happens::Fills,
            Happens::Leaves,
            Happens::Empties,
            Happens::Reset,
            Happens::ResetEmpty,
            Happens::Abort,
        ];
        let heads = ["arrives", "fills", "leaves", "empties", "reset", "reset, empty", "abort"];
        let row = |name: &str, cells: Vec<String>| {
            let widths = [10, 9, 10, 9, 10, 13, 0];
            let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("//! {name:<10} {}\n", cells.collect::<Vec<_>>().join(" "))
        };
        let mut table = row("from", heads.map(str::to_owned).to_vec());
        for from in [Filling, Draining, Resetting, Broken] {
            let cell = |what| from.after(what).map_or("–".to_owned(), |to| format!("{to:?}"));
            table += &row(&format!("{from:?}"), what.map(cell).to_vec());
        }
        assert!(include_str!("rounds.rs").contains(&table), "the docs want:\n{table}");
    }

    /// Everything that may happen is in the table: whatever is done to barriers of few parties, no
    /// dash is met and the phase says who is inside.
    #[test]
    fn no_dash_of_the_table_is_ever_met() {
        fn explore(ops: &mut Vec<u8>, depth: usize, parties: usize) {
            check(ops, parties);
            if depth > 0 {
                for op in 0..6 {
                    ops.push(op);
                    explore(ops, depth - 1, parties);
                    ops.pop();
                }
            }
        }

        fn check(ops: &[u8], parties: usize) {
            let (mut rounds, mut keys) = (Rounds::new(parties), Vec::new());
            for op in ops {
                let before = rounds.phase;
                match op {
                    0 => keys.extend(rounds.arrive(())),
                    1 if !keys.is_empty() => drop(rounds.leave(keys.remove(0))),
                    2 => drop(keys.pop().map(|key| rounds.leave(key))),
                    3 => rounds.reset(),
                    4 => rounds.abort(),
                    _ => {}
                }
                let empty = rounds.inside == 0;
                match rounds.phase {
                    Phase::Filling => assert!(rounds.inside < parties, "{ops:?}"),
                    Phase::Draining | Phase::Resetting => assert!(!empty, "{ops:?}"),
                    Phase::Broken => assert!(before == Phase::Broken || *op == 4, "{ops:?}"),
                }
                assert_eq!(rounds.line.len(), keys.len(), "{ops:?}");
            }
        }
        for parties in 1..=3 {
            explore(&mut Vec::new(), 6, parties);
        }
    }
}
