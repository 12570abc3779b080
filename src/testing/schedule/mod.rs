//! Schedules: everything that a kernel leaves open, as one value.

mod draw;
mod kind;
mod order;
mod rng;
mod search;
mod shrink;
mod strategy;
mod text;
mod tried;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use draw::ScheduleParams;
pub use kind::FaultKind;
pub use rng::Rng;
pub(crate) use search::Search;
pub(crate) use shrink::Shrinker;
pub use strategy::{ScheduleStrategy, ScheduleTree, schedule, schedule_with};
pub use text::ScheduleError;
pub(crate) use tried::{Fails, is_shrinking, judge_by_case};

/// What may be permuted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Mode {
    /// Only what an operating system may do: a failure is surely a bug.
    #[default]
    Legal,
    /// Also the ready queue, against its documented order: finds code that leans on that.
    Chaos,
}

/// A kind of call at which a fault may be played. Calls of a site are counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Site {
    /// A wait for events.
    Select,
    /// A receive.
    Recv,
    /// A send.
    Send,
    /// An accept.
    Accept,
    /// A connect.
    Connect,
}

/// Something that a kernel, a network or another thread may do to a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// At a select: a signal ends it, with nothing.
    Eintr,
    /// At a select: a descriptor that is watched is told ready and is not; its place among the
    /// registrations, modulo their number.
    Spurious(u8),
    /// At a select: an event is told so much later, a minute at most.
    Withhold(Duration),
    /// At a select: one event is told, the others come with the next.
    OneEvent,
    /// At a select: events come in the opposite order.
    Reverse,
    /// At a select: hang-ups are told together with what is still to be read.
    MergeHup,
    /// At a select: also an event of a registration that is gone.
    Stale,
    /// At a select: what another thread is about to do next happens between the loop's last look
    /// at its letter box and the select.
    NotifyRace,
    /// At a select: the clock leaps by so much, an hour at most, as after a suspend.
    Jump(Duration),
    /// At a receive or send: it takes at most so many bytes.
    Short(u16),
    /// At a receive, send or accept: nothing to do, although it was told ready.
    Again,
    /// At a receive, send or connect: the connection is reset (a connect is refused).
    Reset,
    /// At an accept: no descriptor is left.
    Emfile,
    /// At an accept: the connection that waited is gone.
    Aborted,
}

/// Everything that a kernel leaves open, decided: sparse deviations from what would happen by
/// itself. The default deviates nowhere.
///
/// Every schedule is valid for every program: a choice is taken modulo what there is to choose
/// from, and what is never reached is ignored. So a program and its schedule shrink independently.
///
/// Its `Debug` is its text, since that is what proptest prints of an input.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Decisions, by their number in the run, that do not take the first. Only real choices are
    /// counted, those between two or more.
    pub picks: BTreeMap<u32, u8>,
    /// Faults, by site and number of the call.
    pub faults: BTreeMap<(Site, u32), Fault>,
    /// What picks may permute.
    pub mode: Mode,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule(\"{self}\")")
    }
}
