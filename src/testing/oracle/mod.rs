//! Oracles: what must be true of every run, whatever the program and the schedule.
//!
//! An oracle reads a [`Timeline`] and nothing else.

use super::journal::Entry;
use super::report::Outcome;

/// Something that must be true of every run.
pub trait Oracle {
    /// Its name: `lost-wakeup`.
    fn name(&self) -> &'static str;
    /// Looks at the next entry.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    fn on(&mut self, entry: &Entry) -> Result<(), String>;
    /// The run is over and its loop closed.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    fn at_end(&mut self, _outcome: &Outcome<()>) -> Result<(), String> {
        Ok(())
    }
}

/// All of them, as a [`Sim`](super::Sim) has them.
pub fn oracles() -> Vec<Box<dyn Oracle>> {
    Vec::new()
}
