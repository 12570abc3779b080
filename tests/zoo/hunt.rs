//! Letting the bugs out, one after the other, and seeing who catches them.

use std::process::ExitCode;
use std::time::Duration;

use evloop::sys::zoo::{self, Bug};
use evloop::testing::{Found, Prove, prove};

use crate::case::Case;

/// So many cases at most; those that need the most need about a hundredth of it.
const CASES: u64 = 100_000;

const SEEDS: [u64; 3] = [1, 2, 3];

/// Who may catch a bug. `model` is the reference model, or a claim of the program itself; who comes
/// first hangs on the case.
fn catchers(bug: Bug) -> &'static [&'static str] {
    match bug {
        Bug::WakeDuringPollLost => &["lost-wakeup"],
        Bug::TimerTiesReversed => &["timers", "model"],
        Bug::WatchEndsWithEagain => &["lost-wakeup"],
        Bug::RemoteCallDoesNotRing => &["lost-wakeup", "model"],
        Bug::TimersOnlyWhenIdle => &["turn-fairness", "model"],
        Bug::SleepRoundedDown => &["timers"],
        Bug::TimerEarly => &["timers", "model"],
        Bug::CancelAfterDueIgnored => &["cancel-once", "model"],
        Bug::WakeNotDeduplicated => &["one-poll"],
        Bug::StopBeforeRunLost => &["model"],
        Bug::EventWithoutGeneration => &["stale-event"],
        Bug::RegistrationLeft => &["registrations"],
        Bug::WakerLeaked => &["wakers"],
        Bug::HangUpSkipsRead => &["busy-loop"],
        Bug::TurnWithoutEnd => &["turn-fairness", "model"],
        Bug::TimerJumpsQueue => &["fifo", "model"],
        Bug::ShortReadIsEof => &["bytes", "model"],
        Bug::UnknownTokenPanics => &["panic"],
        Bug::InterruptedWaitStartsOver => &["timers"],
        Bug::CancelledHeadWakes => &["unattributed-wakeup", "timers", "model"],
        Bug::ClosedTwice => &["registrations"],
        Bug::PartialSendLosesTail => &["bytes"],
        Bug::EofHidesUnread => &["bytes", "model"],
        Bug::EndsTwice => &["cancel-once"],
        // Two threads at once: loom's.
        Bug::FlagLoweredAfterTaking => &[],
    }
}

/// What hunting a bug with one seed came to.
struct Caught {
    found: Box<Found<Case>>,
}

impl Caught {
    fn operations(&self) -> usize {
        match &self.found.program {
            Case::Steps(steps) => steps.len(),
            Case::Ops(_, ops) => ops.len(),
        }
    }

    fn picks(&self) -> usize {
        self.found.schedule.picks.len()
    }
}

fn hunt(bug: Bug, seed: u64) -> Option<Caught> {
    let all = Prove { cases: CASES, seed, ..Prove::default() };
    let found = zoo::with(bug, || prove(&all, Case::draw, Case::run)).err()?;
    Some(Caught { found })
}

/// One bug, in full.
pub fn one(number: u8) -> ExitCode {
    std::panic::set_hook(Box::new(|_| ()));
    for bug in zoo::ALL.into_iter().filter(|bug| *bug as u8 == number) {
        for seed in SEEDS {
            match hunt(bug, seed) {
                Some(caught) => println!("{bug:?} seed {seed}\n{}\n", caught.found),
                None => println!("{bug:?} seed {seed}: not found"),
            }
        }
    }
    ExitCode::SUCCESS
}

/// All of them: a table, and whether each was caught by whom it should be.
pub fn all() -> ExitCode {
    std::panic::set_hook(Box::new(|_| ()));
    println!("bug\toracle\tcases\tworst\tops\tpicks\tfaults\tshrunk");
    let (mut operations, mut picks, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut wrong = Vec::new();
    for bug in zoo::ALL.into_iter().filter(|bug| !catchers(*bug).is_empty()) {
        let caught: Vec<Caught> = SEEDS.iter().filter_map(|seed| hunt(bug, *seed)).collect();
        if caught.len() < SEEDS.len() {
            wrong.push(format!("{bug:?}: {} of {} seeds found it", caught.len(), SEEDS.len()));
        }
        for Caught { found } in &caught {
            let verdict = found.verdict.to_string();
            if !catchers(bug).contains(&verdict.as_str()) {
                wrong.push(format!("{bug:?}: caught by {verdict}, not {:?}", catchers(bug)));
            }
        }
        let worst = caught.iter().max_by_key(|caught| caught.found.found_in);
        let Some(worst) = worst else { continue };
        times.push(worst.found.found_in);
        operations.extend(caught.iter().map(Caught::operations));
        picks.extend(caught.iter().map(Caught::picks));
        print_row(bug, &caught, worst);
    }
    print_sums(&mut operations, &mut picks, &times);
    wrong.iter().for_each(|line| println!("WRONG {line}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_row(bug: Bug, caught: &[Caught], worst: &Caught) {
    let mut names: Vec<_> = caught.iter().map(|caught| caught.found.verdict.to_string()).collect();
    names.dedup();
    let cases = caught.iter().map(|caught| caught.found.case).max().unwrap_or(0);
    let (ops, picks) = (worst.operations(), worst.picks());
    let faults = worst.found.schedule.faults.len();
    println!(
        "{} {bug:?}\t{}\t{cases}\t{:.3}\t{ops}\t{picks}\t{faults}\t{:?} | {}",
        bug as u8,
        names.join(" "),
        worst.found.found_in.as_secs_f64(),
        worst.found.program,
        worst.found.schedule,
    );
}

fn print_sums(operations: &mut [usize], picks: &mut [usize], times: &[Duration]) {
    let median = |all: &mut [usize]| {
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or(0)
    };
    let below = |seconds| times.iter().filter(|time| **time < Duration::from_secs(seconds)).count();
    println!("found\t{}", times.len());
    println!("below 10 s\t{}", below(10));
    println!("below 1 s\t{}", below(1));
    println!("median operations\t{}", median(operations));
    println!("median picks\t{}", median(picks));
}
