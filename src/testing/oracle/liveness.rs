//! O16: once the faults are over, a program comes to its end.

use std::time::Duration;

use super::Oracle;
use crate::sys::Time;
use crate::testing::journal::{Act, Entry, Step};
use crate::testing::report::Outcome;
use crate::testing::schedule::Fault;

/// The oracle `liveness`: a program that is not done so long after the last fault will never be.
///
/// By default it complains of a run that a limit ended an hour of virtual time after the last
/// fault, or later. (A run in which nothing can happen any more says so by its outcome.) With
/// [`within`](Liveness::within) it also complains of one that did come to its end, and too late:
///
/// ```
/// use std::time::Duration;
/// use evloop::testing::{Liveness, Schedule, Sim};
///
/// let soon = Liveness::within(Duration::from_secs(5));
/// let report = Sim::new(Schedule::default())
///     .without("liveness")
///     .oracle(soon)
///     .run(|_| evloop::sleep(Duration::from_secs(6)));
/// assert_eq!(report.violations[0].oracle, "liveness");
/// ```
pub struct Liveness {
    bound: Duration,
    also_done: bool,
    healed: Time,
    partitions: usize,
    now: Time,
}

impl Default for Liveness {
    fn default() -> Self {
        let mut liveness = Liveness::within(Duration::from_secs(3600));
        liveness.also_done = false;
        liveness
    }
}

impl Liveness {
    /// Every run is to be done so long after its last fault, or after its beginning if it has none.
    pub fn within(bound: Duration) -> Liveness {
        Liveness { bound, also_done: true, healed: Time::ZERO, partitions: 0, now: Time::ZERO }
    }
}

impl Oracle for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        self.now = entry.at;
        match &entry.step {
            Step::Kernel(Act::Fault { fault, .. }) => {
                let lasts = match fault {
                    Fault::Withhold(time) | Fault::Jump(time) => *time,
                    _ => Duration::ZERO,
                };
                self.healed = self.healed.max(entry.at + lasts);
            }
            Step::Kernel(Act::Partition { healed: false, .. }) => self.partitions += 1,
            Step::Kernel(Act::Partition { healed: true, .. }) => {
                self.partitions = self.partitions.saturating_sub(1);
                self.healed = self.healed.max(entry.at);
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, outcome: &Outcome<()>) -> Result<(), String> {
        let is_judged = match outcome {
            Outcome::LimitHit(_) => true,
            Outcome::Done(()) => self.also_done,
            _ => false,
        };
        let since = self.now.since(self.healed);
        match is_judged && self.partitions == 0 && since > self.bound {
            true => Err(format!("the last fault is {since:?} past, more than {:?}", self.bound)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains};
    use super::*;
    use crate::testing::schedule::Site;

    const HOUR: u64 = 3_600_000_000_000;

    fn fault(fault: Fault) -> Act {
        Act::Fault { site: Site::Select, nth: 0, fault }
    }

    fn at_the_limit(script: Script) -> Result<(), String> {
        script.verdict_on(Liveness::default(), Outcome::LimitHit("virtual time"))
    }

    #[test]
    fn a_run_at_its_limit_is_judged_by_the_time_since_the_last_fault() {
        let note = || Act::Note("late".into());
        let early = Script::default().does(fault(Fault::Eintr)).at(HOUR).does(note());
        assert_eq!(at_the_limit(early), Ok(()));
        let late = Script::default().does(fault(Fault::Eintr)).at(HOUR + 1).does(note());
        complains(at_the_limit(late), "the last fault is 3600.000000001s past");
        let lasting = Fault::Withhold(Duration::from_nanos(1));
        let excused = Script::default().does(fault(lasting)).at(HOUR + 1).does(note());
        assert_eq!(at_the_limit(excused), Ok(()));
    }

    #[test]
    fn a_network_that_is_still_parted_excuses_everything() {
        let any = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
        let parted = |healed| Act::Partition { from: any, to: any, healed };
        let forever = || Script::default().does(parted(false)).at(2 * HOUR);
        assert_eq!(at_the_limit(forever().does(Act::Thread)), Ok(()));
        let healed = forever().does(parted(true)).at(4 * HOUR).does(Act::Thread);
        complains(at_the_limit(healed), "the last fault is 7200s past");
    }

    #[test]
    fn a_run_that_is_done_is_judged_only_against_a_bound_of_its_own() {
        let done = || Script::default().at(2 * HOUR).does(Act::Thread);
        assert_eq!(done().verdict(Liveness::default()), Ok(()));
        complains(done().verdict(Liveness::within(Duration::from_secs(60))), "more than 60s");
    }
}
