//! Oracles: what must be true of every run, whatever the program and the schedule.
//!
//! An oracle reads a [`Timeline`](super::Timeline) and nothing else, so that it knows the loop by
//! what the loop says and the kernel saw, and goes on being right when the loop is written anew.
//! It is silent about what a schedule may do: what it says is a bug, of evloop or of the program.
//!
//! | name | fails when |
//! |---|---|
//! | `lost-wakeup` | nothing can happen any more, and what a task waits for is so; a wake was dropped |
//! | `one-poll` | a task is queued twice, or polled after its end |
//! | `fifo` | handles run in another order than they were queued in, but for the schedule's picks |
//! | `timers` | a timer fires early, twice, out of order; a wait is longer than until the next one |
//! | `turn-fairness` | a handle runs in the turn it was queued in; a due timer or event misses its |
//! | `starvation` | a ready handle is not run in its turn; turns go on without a poll for too long |
//! | `cancel-once` | what was cancelled runs; a task ends twice, a future is completed twice |
//! | `stale-event` | an event reaches the watcher of a registration that it is not for |
//! | `unattributed-wakeup` | a wait ended, nothing was to be done, and nothing explains it |
//! | `busy-loop` | turn after turn does nothing, and no time passes |
//! | `registrations` | descriptors are closed twice, or while watched, or watched for ever |
//! | `wakers` | a task's memory is there when its loop is gone |
//! | `leftovers` | tasks, sleeps, descriptors outlive the run; a panic or error found no reader |
//! | `bytes` | bytes get lost, or come from nowhere, between a transport and its kernel |
//! | `liveness` | the last fault is long past, and the program is still not done |
//!
//! The sixteenth, `determinism`, needs a run to compare with: see
//! [`same_twice`](super::same_twice).

mod bytes;
mod cancel_once;
mod determinism;
mod fifo;
mod idle;
mod leftovers;
mod liveness;
mod lost_wakeup;
mod one_poll;
mod registrations;
#[cfg(test)]
mod script;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod silence_net;
mod stale_event;
mod timers;
mod turns;

pub use determinism::{DETERMINISM, same_twice};
pub use liveness::Liveness;

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
    vec![
        Box::<lost_wakeup::LostWakeup>::default(),
        Box::<one_poll::OnePoll>::default(),
        Box::<fifo::Fifo>::default(),
        Box::<timers::Timers>::default(),
        Box::<turns::TurnFairness>::default(),
        Box::<turns::Starvation>::default(),
        Box::<cancel_once::CancelOnce>::default(),
        Box::<stale_event::StaleEvent>::default(),
        Box::<idle::UnattributedWakeup>::default(),
        Box::<idle::BusyLoop>::default(),
        Box::<registrations::Registrations>::default(),
        Box::<leftovers::Wakers>::default(),
        Box::<leftovers::Leftovers>::default(),
        Box::<bytes::Bytes>::default(),
        Box::<Liveness>::default(),
    ]
}

/// Takes the oracle of that name out.
///
/// # Panics
///
/// If there is none; it says which there are.
#[track_caller]
pub(super) fn take_out(oracles: &mut Vec<Box<dyn Oracle>>, name: &str) {
    let before = oracles.len();
    let names: Vec<_> = oracles.iter().map(|oracle| oracle.name()).collect();
    oracles.retain(|oracle| oracle.name() != name);
    let found = oracles.len() < before;
    assert!(found, "no oracle is called {name:?}; there are: {}", names.join(", "));
}

#[cfg(test)]
mod tests {
    use crate::testing::{Schedule, Sim};

    #[test]
    #[should_panic(expected = "no oracle is called \"lost-wake-up\"; there are: lost-wakeup, one-")]
    fn a_name_that_no_oracle_has_is_refused_with_the_names_there_are() {
        let _ = Sim::new(Schedule::default()).without("lost-wake-up");
    }

    #[test]
    fn the_docs_list_every_oracle_in_its_order() {
        let rows = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
        let named: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
        let all = super::oracles();
        assert_eq!(named, all.iter().map(|oracle| oracle.name()).collect::<Vec<_>>());
    }
}
