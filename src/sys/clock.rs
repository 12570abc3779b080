//! Where the time comes from: the seam, and the kernel behind it.

use super::time::{Time, monotonic};

/// The clock an event loop lives by.
///
/// The loop asks it once a turn and at every `call_later`; nothing else in evloop knows what time
/// it is. A test puts a clock of its own in the kernel's place.
pub trait Clock {
    /// The time now: never earlier than any time it gave before.
    fn now(&self) -> Time;
}

/// The kernel's `CLOCK_MONOTONIC`: it advances while the process blocks and is never set back.
#[derive(Clone, Copy, Default, Debug)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Time {
        monotonic()
    }
}
