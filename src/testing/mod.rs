//! Proving what schedules: a simulated kernel, schedules that are values, and oracles.
//!
//! The loop you ship is the loop you test: a [`Sim`] runs the ordinary [`EventLoop`] on a selector,
//! a clock and sockets that have no kernel below them. What a real kernel leaves open (the order of
//! events, how many bytes a call takes, when a packet comes, who resets) is decided by a
//! [`Schedule`], which is a plain value: a property test draws it, shrinks it together with its
//! other inputs, prints it, and reads it back.
//!
//! ```text
//! Schedule ──► Kernel (virtual time, descriptors, links, faults) ◄── the ordinary EventLoop
//!                 │ acts                                                 │ records
//!                 └────────────────────► Journal ◄───────────────────────┘
//!                                           │
//!                                        oracles ──► Report
//! ```

mod cancel;
#[cfg(all(test, target_os = "linux"))]
mod fidelity;
pub mod guide;
mod journal;
mod kernel;
pub mod model;
mod oracle;
mod panics;
mod paused;
mod report;
mod run;
mod schedule;
mod sim;

pub use cancel::{
    CancelSafe, Cut, CutBy, CutPlace, Moment, NotCancelSafe, ParseCutError, cut_each_await,
    cut_each_await_paused, replay_cut,
};
pub use journal::{Act, Choice, Entry, Errno, Step, Timeline};
pub use kernel::{Link, Peer, PeerOp, SimFd, World};
pub use oracle::{DETERMINISM, Liveness, Oracle, oracles, same_twice};
pub use paused::run_paused;
pub use report::{Outcome, Report, Violation};
pub use run::{
    Explored, Found, Judged, Program, Prove, Proved, Regression, Regressions, Verdict, check,
    explore, explore_from, prove, replay,
};
pub use schedule::{
    Fault, FaultKind, Mode, Rng, Schedule, ScheduleError, ScheduleParams, ScheduleStrategy,
    ScheduleTree, Site, schedule, schedule_with,
};
pub use sim::{Limits, Sim};

#[cfg(doc)]
use crate::EventLoop;
