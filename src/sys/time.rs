//! Points in time on a loop's clock.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time on an event loop's clock, in nanoseconds since that clock's own beginning.
///
/// [`std::time::Instant`] cannot be made from a number, so it cannot stand still for a test or be
/// replayed; `Time` can. Arithmetic saturates: a delay too large to represent means "never", it is
/// not an error.
///
/// # Unlike asyncio
///
/// `loop.time()` is a float of seconds there; [`Time::as_secs_f64`] gives that number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The clock's beginning.
    pub const ZERO: Time = Time(0);
    /// Later than anything: a timer armed for it never fires.
    pub const NEVER: Time = Time(u64::MAX);

    /// The time that is `nanos` nanoseconds after the clock's beginning.
    pub const fn from_nanos(nanos: u64) -> Self {
        Time(nanos)
    }

    /// Nanoseconds since the clock's beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the clock's beginning, as asyncio's `loop.time()` gives them.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in nanoseconds, at most `u64::MAX` (584 years).
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, delay: Duration) -> Time {
        Time(self.0.saturating_add(nanos(delay)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, delay: Duration) {
        *self = *self + delay;
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// The kernel's monotonic clock: never set back, and it advances while the process blocks.
pub(crate) fn monotonic() -> Time {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: clock_gettime(2) requires a valid pointer to one timespec, which `now` is; it fails
    // only for an unknown clock, and CLOCK_MONOTONIC exists on every system we compile for.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    Time(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}
