//! A simulation: one program on one schedule.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use super::journal::{Choice, Entry, Journal, Timeline};
use super::kernel::{End, SimClock, SimSelector, SimSockets, World};
use super::oracle::{Oracle, oracles, take_out};
use super::panics::Watch;
use super::report::{Outcome, Report, Violation};
use super::schedule::{Mode, Schedule};
use crate::event_loop::{ErrorContext, EventLoop, LoopError, Policy, panic_message};

/// What a run may use, so that a program that never ends is a finding and not a hang.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Turns of the loop.
    pub turns: u64,
    /// Handles that the loop runs, and as many things that happen by themselves in the world.
    pub handles: u64,
    /// Virtual time.
    pub virtual_time: Duration,
    /// Turns one after the other in which no handle runs and no time passes: a loop that spins.
    pub idle_turns: u32,
}

impl Limits {
    /// What a run has done that went beyond the limit `which`.
    pub(crate) fn describe(&self, which: &str) -> String {
        match which {
            "turns" => format!("more than {} turns (Limits::turns)", self.turns),
            "handles" => format!(
                "more than {} handles run, or things happened in the world (Limits::handles)",
                self.handles
            ),
            "virtual time" => {
                format!("more than {:?} of virtual time (Limits::virtual_time)", self.virtual_time)
            }
            _ => format!(
                "more than {} turns at one instant in which nothing ran (Limits::idle_turns): the \
                 loop spins",
                self.idle_turns
            ),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            turns: 20_000,
            handles: 200_000,
            virtual_time: Duration::from_secs(24 * 3600),
            idle_turns: 1_000,
        }
    }
}

/// A simulation in the making.
pub struct Sim {
    pub(super) schedule: Schedule,
    pub(super) limits: Limits,
    pub(super) oracles: Vec<Box<dyn Oracle>>,
}

/// The schedule's picks among the ready handles.
struct Chaos(World);

impl Policy for Chaos {
    fn pick(&mut self, ready: usize) -> usize {
        self.0.choose(Choice::Handle, ready)
    }
}

impl Sim {
    /// A simulation of `schedule`, with every oracle.
    pub fn new(schedule: Schedule) -> Sim {
        Sim { schedule, limits: Limits::default(), oracles: oracles() }
    }

    /// With these limits.
    pub fn limits(self, limits: Limits) -> Sim {
        Sim { limits, ..self }
    }

    /// Without the oracle of that name.
    ///
    /// # Panics
    ///
    /// If there is none; it says which there are.
    #[track_caller]
    pub fn without(mut self, oracle: &str) -> Sim {
        take_out(&mut self.oracles, oracle);
        self
    }

    /// With an oracle of your own.
    pub fn oracle(mut self, oracle: impl Oracle + 'static) -> Sim {
        self.oracles.push(Box::new(oracle));
        self
    }

    /// Runs what `main` gives as [`run`](crate::run) would, on a loop in a world of its own.
    #[track_caller]
    pub fn run<F: Future + 'static>(self, main: impl FnOnce(World) -> F) -> Report<F::Output> {
        let journal = Journal::default();
        let world = World::new(self.schedule.clone(), self.limits, journal.clone());
        let panics = Watch::new();
        let mut outcome = run_in(&world, &journal, main);
        if let (Err(payload), Outcome::Done(_)) = (world.end(), &outcome) {
            outcome = Outcome::Panicked(payload);
        }
        let panicked_at = match &outcome {
            Outcome::Panicked(payload) => panics.place_of(payload.as_ref()),
            _ => None,
        };
        let timeline = journal.take();
        let violations = judge(self.oracles, &timeline, &outcome);
        let decisions = world.0.decisions.get();
        let among = world.0.among.take();
        let schedule = self.schedule;
        let fifo = None;
        Report { outcome, panicked_at, violations, timeline, schedule, decisions, among, fifo }
    }
}

#[track_caller]
fn run_in<F: Future + 'static>(
    world: &World,
    journal: &Journal,
    main: impl FnOnce(World) -> F,
) -> Outcome<F::Output> {
    let mut builder = EventLoop::builder()
        .clock(SimClock(world.clone()))
        .selector(SimSelector(world.clone()))
        .sockets(SimSockets::new(world.clone()))
        .observer(journal.clone());
    if world.0.schedule.mode == Mode::Chaos {
        builder = builder.policy(Chaos(world.clone()));
    }
    let event_loop = match builder.build() {
        Ok(event_loop) => event_loop,
        Err(error) => return Outcome::Failed(error),
    };
    // What it would write to standard error is in the timeline, which is printed when it matters.
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &ErrorContext| ()));
    let at = Location::caller();
    let run = AssertUnwindSafe(|| event_loop.run_to_its_end(main(world.clone()), at));
    let result = catch_unwind(run);
    match (result, world.0.end.get()) {
        (Err(payload), _) => Outcome::Panicked(payload),
        (Ok(Ok(value)), None) => Outcome::Done(value),
        (_, Some(End::Quiescent)) => Outcome::Quiescent,
        (_, Some(End::Limit(which))) => Outcome::LimitHit(which),
        (Ok(Err(error)), None) => Outcome::Failed(error),
    }
}

fn judge<T>(
    oracles: Vec<Box<dyn Oracle>>,
    timeline: &Timeline,
    outcome: &Outcome<T>,
) -> Vec<Violation> {
    let outcome = match outcome {
        Outcome::Done(_) => Outcome::Done(()),
        Outcome::Panicked(_) => Outcome::Panicked(Box::new(())),
        Outcome::Quiescent => Outcome::Quiescent,
        Outcome::LimitHit(which) => Outcome::LimitHit(which),
        Outcome::Failed(_) => Outcome::Failed(LoopError::Closed),
    };
    oracles.into_iter().filter_map(|oracle| judge_one(oracle, &timeline.0, &outcome)).collect()
}

/// An oracle's first complaint: what it says after that has often the same reason. That it panics
/// is one, too.
fn judge_one(
    mut oracle: Box<dyn Oracle>,
    timeline: &[Entry],
    outcome: &Outcome<()>,
) -> Option<Violation> {
    let complaint = timeline.iter().enumerate().find_map(|(at, entry)| {
        let what = said(|| oracle.on(entry)).err()?;
        Some((at, what))
    });
    let (at, what) = match complaint {
        Some(complaint) => complaint,
        None => (timeline.len().checked_sub(1)?, said(|| oracle.at_end(outcome)).err()?),
    };
    let Entry { turn, at: time, .. } = timeline[at];
    Some(Violation { oracle: oracle.name(), entry: at, turn, at: time, what })
}

fn said(asked: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(asked)).unwrap_or_else(|payload| {
        Err(format!("the oracle itself panicked: {}", panic_message(payload.as_ref())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::panics::Quiet;
    use crate::testing::run::Verdict;

    #[test]
    fn virtual_time_moves_as_far_as_the_program_sleeps_and_no_real_time_passes() {
        let report = Sim::new(Schedule::default()).run(|world| async move {
            crate::sleep(Duration::from_secs(3600)).await;
            world.now()
        });
        assert!(
            matches!(report.outcome, Outcome::Done(now) if now.as_nanos() == 3_600_000_000_000)
        );
    }

    #[test]
    fn a_program_that_nothing_can_wake_is_quiescent_and_does_not_hang() {
        let report = Sim::new(Schedule::default()).run(|_| std::future::pending::<()>());
        assert!(matches!(report.outcome, Outcome::Quiescent));
    }

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    #[test]
    fn whoever_panics_the_run_has_a_report_that_says_what_and_where() {
        let _quiet = Quiet::new();
        let sim = || Sim::new(Schedule::default());
        let in_closure: fn(World) -> std::future::Ready<()> = |_| panic!("in the closure");
        let reports = [
            (sim().run(in_closure), "in the closure"),
            (sim().run(|_| async { panic!("in the future") }), "in the future"),
            (sim().run(|_| async { drop(Bomb) }), "in a destructor"),
            (sim().run(|world| async move { planned(&world, Bomb) }), "in a destructor"),
        ];
        for (report, message) in reports {
            assert_eq!(report.verdict(), Verdict::Panic);
            let text = report.to_string();
            let place = report.panicked_at.expect("a place");
            assert!(place.starts_with("src/testing/sim.rs:"), "{place}");
            assert!(text.contains(&format!("it panicked at {place}: {message}\n")), "{text}");
        }
    }

    /// Holds `bomb` until a time that the run does not see.
    fn planned(world: &World, bomb: Bomb) {
        world.after(Duration::from_secs(9), move |_| drop(bomb));
    }

    /// Panics at every entry, or at the end.
    struct Clumsy {
        at_end: bool,
    }

    impl Oracle for Clumsy {
        fn name(&self) -> &'static str {
            "clumsy"
        }
        fn on(&mut self, _: &Entry) -> Result<(), String> {
            assert!(self.at_end, "not yet");
            Ok(())
        }
        fn at_end(&mut self, _: &Outcome<()>) -> Result<(), String> {
            panic!("too late")
        }
    }

    #[test]
    fn an_oracle_that_panics_is_a_violation_of_its_own() {
        let _quiet = Quiet::new();
        for (at_end, message) in [(false, "not yet"), (true, "too late")] {
            let report = Sim::new(Schedule::default()).oracle(Clumsy { at_end }).run(|_| async {});
            assert_eq!(report.verdict(), Verdict::Oracle("clumsy"));
            let what = &report.violations[0].what;
            assert_eq!(*what, format!("the oracle itself panicked: {message}"));
        }
    }

    #[test]
    fn a_program_that_never_ends_hits_a_limit() {
        let report = Sim::new(Schedule::default()).run(|_| async {
            loop {
                crate::yield_now().await;
            }
        });
        assert!(matches!(report.outcome, Outcome::LimitHit("turns")));
    }
}
