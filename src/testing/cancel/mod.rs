//! Cancel safety, proved by cutting: a test is run again and again, and each run ends one await
//! early, the first, the second, the third, until there is none left to end.
//!
//! In Rust any await may be the last one: a [`timeout`](crate::timeout) drops what it limits, and
//! [`Task::cancel`](crate::Task::cancel) ends a task where it waits. Whether anything is lost then,
//! a byte that was taken out of a buffer, a permit that had just been handed over, a descriptor,
//! shows at one await of many, and only if something ends just there. So end all of them:
//!
//! ```
//! use evloop::testing::{Schedule, cut_each_await};
//! use std::time::Duration;
//!
//! let proved = cut_each_await(&Schedule::default(), |_world, cut| async move {
//!     let sum = cut.dropping(async {
//!         evloop::yield_now().await;
//!         evloop::sleep(Duration::from_secs(1)).await;
//!         1 + 2
//!     });
//!     assert!(matches!(sum.await, Some(3) | None));
//! })?;
//! assert_eq!((proved.awaits, proved.runs), (2, 5));
//! # Ok::<(), Box<evloop::testing::NotCancelSafe>>(())
//! ```
//!
//! A run has two chances at each await ([`Moment`]): to end it as it begins to wait, and when it
//! has been woken but not polled again, which is when what was handed over is lost. And there are
//! two ways to end it: [`Cut::dropping`], the hard one, and [`Cut::cancelling`], asking, with its
//! clean-up. What must be true afterwards the test asserts; that nothing was left behind (a timer,
//! a task, a registration, a waker) the simulation's [oracles](super::oracles) look after in every
//! run, and a test that hangs because of a cut is told as a deadlock.

mod knife;
mod place;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use knife::{Cut, CutBy};
pub use place::{CutPlace, Moment, ParseCutError};

use super::kernel::World;
use super::paused::run_paused;
use super::report::{Outcome, Report};
use super::schedule::Schedule;
use super::sim::Sim;
use crate::event_loop::{LoopError, panic_message};
use crate::observe::{Resource, Site};

/// More awaits than this are taken for a test that never ends: it would be run twice for each.
const MOST_AWAITS: u32 = 10_000;

/// What a test has withstood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CancelSafe {
    /// The most awaits that a run had.
    pub awaits: u32,
    /// How often the test was run: once uncut, and then with every cut there is.
    pub runs: u32,
}

/// A run in which something went wrong because an await ended early: [`cut_each_await`] gives it.
///
/// Its text says which await, where, and what went wrong, and has the line that
/// [`replay_cut`] takes.
pub struct NotCancelSafe {
    /// Which await ended early; `None` if the test fails without that, too.
    pub place: Option<CutPlace>,
    /// How it was ended.
    pub by: Option<CutBy>,
    /// Where in its code the future waited.
    pub at: Option<Site>,
    /// What for.
    pub on: Option<Resource>,
    /// What went wrong, in words.
    pub what: String,
    /// The run; `None` on the real kernel.
    pub report: Option<Report<()>>,
}

impl NotCancelSafe {
    fn new(cut: &Cut, what: String, report: Option<Report<()>>) -> Box<Self> {
        let made = cut.made();
        let wait = made.and_then(|made| made.wait);
        Box::new(NotCancelSafe {
            place: cut.place().filter(|_| made.is_some()),
            by: made.map(|made| made.by),
            at: wait.and_then(|wait| wait.at),
            on: wait.map(|wait| wait.on),
            what,
            report,
        })
    }
}

impl fmt::Display for NotCancelSafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = self.place else {
            return write!(f, "the test fails although nothing is cut: {}", self.what);
        };
        let by = match self.by {
            Some(CutBy::Cancelling) => "asked to end",
            _ => "dropped",
        };
        let moment = match place.moment {
            Moment::Waiting => "as it began to wait",
            Moment::Woken => "when it had been woken",
        };
        write!(f, "not cancel safe: await {} was {by} {moment}", place.nth)?;
        if let Some(on) = self.on {
            write!(f, " for {on:?}")?;
        }
        if let Some(at) = self.at {
            write!(f, " at {at}")?;
        }
        write!(f, "\n  {}", self.what)?;
        match &self.report {
            Some(Report { schedule, .. }) => {
                write!(f, "\n  replay: evloop::testing::replay_cut(\"{place}; {schedule}\", test)")
            }
            None => Ok(()),
        }
    }
}

/// In words, as `Display`: this is what `unwrap` prints.
impl fmt::Debug for NotCancelSafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NotCancelSafe {}

/// Runs the test that `main` gives in a simulation of `schedule`: once as it is, and then once for
/// every await of what it wraps with its [`Cut`] and every [`Moment`], ended there.
///
/// # Errors
///
/// The first run that panics, deadlocks, goes beyond a limit of the simulation or breaks an oracle.
pub fn cut_each_await<F: Future + 'static>(
    schedule: &Schedule,
    main: impl Fn(World, Cut) -> F,
) -> Result<CancelSafe, Box<NotCancelSafe>> {
    each_place(|place| simulate(schedule, place, &main))
}

/// The same on the real kernel, as [`run_paused`]: for what a simulation does not have, threads
/// above all. It has no oracles, and a test that hangs because of a cut hangs.
///
/// # Errors
///
/// The first run that panics.
pub fn cut_each_await_paused<F: Future + 'static>(
    main: impl Fn(Cut) -> F,
) -> Result<CancelSafe, Box<NotCancelSafe>> {
    each_place(|place| really(place, &main))
}

/// Runs the test once, with the cut and the schedule that a failure's text names
/// (`"await 3 woken; legal"`), and gives what goes wrong; `None` if nothing does.
///
/// # Errors
///
/// If `text` does not name them: what would.
pub fn replay_cut<F: Future + 'static>(
    text: &str,
    main: impl Fn(World, Cut) -> F,
) -> Result<Option<Box<NotCancelSafe>>, ParseCutError> {
    let (place, schedule) = place::parse(text)?;
    Ok(simulate(&schedule, Some(place), &main).err())
}

/// Runs without a cut, and then with each there is, until a run comes to its end uncut.
fn each_place(
    mut run: impl FnMut(Option<CutPlace>) -> Result<Cut, Box<NotCancelSafe>>,
) -> Result<CancelSafe, Box<NotCancelSafe>> {
    let uncut = run(None)?;
    let mut proved = CancelSafe { awaits: uncut.awaits(), runs: 1 };
    for moment in [Moment::Waiting, Moment::Woken] {
        for nth in 1.. {
            let place = Some(CutPlace { nth, moment });
            let cut = run(place)?;
            if cut.made().is_none() {
                break;
            }
            proved.runs += 1;
            proved.awaits = proved.awaits.max(cut.awaits());
            if nth == MOST_AWAITS {
                let what = format!("the test has more than {MOST_AWAITS} awaits to end");
                return Err(NotCancelSafe::new(&cut, what, None));
            }
        }
    }
    Ok(proved)
}

fn simulate<F: Future + 'static>(
    schedule: &Schedule,
    place: Option<CutPlace>,
    main: impl Fn(World, Cut) -> F,
) -> Result<Cut, Box<NotCancelSafe>> {
    let cut = Cut::new(place);
    let theirs = cut.clone();
    let report = Sim::new(schedule.clone()).run(|world| {
        let test = main(world, theirs);
        async move { drop(test.await) }
    });
    match wrong(&report) {
        None => Ok(cut),
        Some(what) => Err(NotCancelSafe::new(&cut, what, Some(report))),
    }
}

fn really<F: Future + 'static>(
    place: Option<CutPlace>,
    main: impl Fn(Cut) -> F,
) -> Result<Cut, Box<NotCancelSafe>> {
    let cut = Cut::new(place);
    let test = AssertUnwindSafe(|| run_paused(main(cut.clone())));
    let what = match catch_unwind(test) {
        Ok(Ok(_)) => return Ok(cut),
        Ok(Err(error)) => failed(&error),
        Err(payload) => panicked(payload.as_ref()),
    };
    Err(NotCancelSafe::new(&cut, what, None))
}

fn panicked(payload: &(dyn Any + Send)) -> String {
    format!("the test panicked: {}", panic_message(payload))
}

fn failed(error: &LoopError) -> String {
    format!("the loop failed: {error}")
}

/// What is wrong with a run, in words.
fn wrong(report: &Report<()>) -> Option<String> {
    match &report.outcome {
        Outcome::Done(()) => {
            let violation = report.violations.first()?;
            Some(format!("oracle {}: {}", violation.oracle, violation.what))
        }
        Outcome::Panicked(payload) => Some(panicked(payload.as_ref())),
        Outcome::Quiescent => {
            Some("deadlock: the test waits, and nothing can ever happen any more".to_owned())
        }
        Outcome::LimitHit(which) => Some(format!("the test goes on beyond its limit of {which}")),
        Outcome::Failed(error) => Some(failed(error)),
    }
}
