//! A case: steps on a simulation, or operations that are compared with the model's.

use std::fmt;

use evloop::testing::model::{self, Op, RealLoop, Setup, compare};
use evloop::testing::{Judged, Limits, Outcome, Program, Report, Rng, Schedule, Sim, Verdict};

use crate::play::play;
use crate::step::Step;

/// How many steps a case has at most.
const STEPS: u64 = 10;

#[derive(Clone)]
pub enum Case {
    Steps(Vec<Step>),
    Ops(Setup, Vec<Op>),
}

impl Case {
    pub fn draw(rng: &mut Rng) -> Case {
        if rng.chance(90) {
            let len = 1 + rng.below(STEPS);
            return Case::Steps((0..len).map(|_| Step::draw(rng)).collect());
        }
        let len = 1 + 4 * (1 + rng.below(STEPS));
        let bytes: Vec<_> = (0..len).map(|_| rng.bits() as u8).collect();
        let (setup, program) = model::decode(&bytes);
        Case::Ops(setup, program.0)
    }

    pub fn run(&self, schedule: Schedule) -> Ended {
        match self {
            Case::Steps(steps) => {
                let steps = steps.clone();
                let limits = Limits { turns: 3000, ..Limits::default() };
                Ended::Simulated(
                    Sim::new(schedule).limits(limits).run(move |world| play(world, steps)),
                )
            }
            Case::Ops(setup, ops) => compared(setup, ops),
        }
    }
}

fn compared(setup: &Setup, ops: &[Op]) -> Ended {
    let mut real = RealLoop::simulated(setup).expect("a simulated loop needs nothing");
    let program = model::Program(ops.to_vec());
    let compare = std::panic::AssertUnwindSafe(|| compare(&program, &mut real));
    match std::panic::catch_unwind(compare) {
        Ok(agreed) => Ended::Compared(agreed.map_err(|wrong| wrong.to_string())),
        Err(_) => Ended::Compared(Err("the loop panicked".into())),
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = match self {
            Case::Steps(steps) => steps.iter().map(Step::to_string).collect(),
            Case::Ops(_, ops) => ops.iter().map(Op::to_string).collect(),
        };
        f.write_str(&texts.join("; "))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Program for Case {
    fn shrinks(&self) -> impl Iterator<Item = Case> {
        let all: Vec<Case> = match self {
            Case::Steps(steps) => {
                let shorter = steps.shrinks();
                let milder = (0..steps.len()).flat_map(|at| {
                    steps[at].smaller().into_iter().map(move |step| {
                        let mut steps = steps.clone();
                        steps[at] = step;
                        steps
                    })
                });
                shorter.chain(milder).map(Case::Steps).collect()
            }
            Case::Ops(setup, ops) => {
                let shorter = ops.shrinks();
                let plain = (0..ops.len()).filter_map(|at| {
                    let Op::When(_, op) = &ops[at] else { return None };
                    let mut ops = ops.clone();
                    ops[at] = (**op).clone();
                    Some(ops)
                });
                shorter.chain(plain).map(|ops| Case::Ops(setup.clone(), ops)).collect()
            }
        };
        all.into_iter()
    }
}

/// What came of it.
pub enum Ended {
    Simulated(Report<Result<(), String>>),
    Compared(Result<(), String>),
}

/// The loop and the model disagree, or a program's own claims do not hold.
pub const MODEL: Verdict = Verdict::Oracle("model");

impl Judged for Ended {
    fn verdict(&self) -> Verdict {
        match self {
            Ended::Compared(agreed) => {
                if agreed.is_ok() {
                    Verdict::Pass
                } else {
                    MODEL
                }
            }
            Ended::Simulated(report) => match (report.verdict(), &report.outcome) {
                (Verdict::Pass, Outcome::Done(Err(_))) => MODEL,
                (verdict, _) => verdict,
            },
        }
    }

    fn among(&self) -> Option<&[u8]> {
        match self {
            Ended::Simulated(report) => Some(&report.among),
            Ended::Compared(_) => None,
        }
    }

    fn text(self, fifo: Option<Verdict>) -> String {
        match self {
            Ended::Compared(agreed) => agreed.err().unwrap_or_default(),
            Ended::Simulated(report) => {
                let wrong = match &report.outcome {
                    Outcome::Done(Err(wrong)) => format!("{wrong}\n"),
                    _ => String::new(),
                };
                wrong + &Judged::text(report, fifo)
            }
        }
    }
}
