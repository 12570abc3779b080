//! Always-on counters: plain integers, and no clock but the one the turn reads anyway.

use std::cell::Cell;
use std::time::Duration;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a loop has done since it was made. [`EventLoop::counters`](crate::EventLoop::counters)
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Time spent waiting in the selector.
            pub idle: Duration,
            /// Time spent outside it, between two polls.
            pub busy: Duration,
        }

        /// The counters as the loop keeps them.
        #[derive(Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Cell<u64>,)*
            pub(crate) idle_nanos: Cell<u64>,
            pub(crate) busy_nanos: Cell<u64>,
        }

        impl Tally {
            pub(crate) fn snapshot(&self) -> Counters {
                Counters {
                    $($name: self.$name.get(),)*
                    idle: Duration::from_nanos(self.idle_nanos.get()),
                    busy: Duration::from_nanos(self.busy_nanos.get()),
                }
            }
        }
    };
}

counters! {
    /// Turns of the loop.
    turns,
    /// Calls of the selector.
    polls,
    /// Turns that did without one, because the last was a moment ago.
    polls_skipped,
    /// Events the selector reported.
    events,
    /// Handles that were run.
    handles,
    /// The most handles that were ready at the start of a turn.
    ready_peak,
    /// Timers armed.
    timers_armed,
    /// Timers that came due.
    timers_fired,
    /// Timers cancelled in time.
    timers_cancelled,
    /// Tasks created.
    tasks_spawned,
    /// Tasks ended.
    tasks_done,
    /// Tasks woken on the loop's own thread.
    wakes_local,
    /// Calls and wakes that came from other threads.
    wakes_remote,
    /// Connections accepted.
    accepted,
    /// Bytes received by transports.
    bytes_received,
    /// Bytes sent by transports.
    bytes_sent,
    /// Errors and panics the exception handler was told of.
    exceptions,
}

/// Adds one.
#[inline]
pub(crate) fn count(counter: &Cell<u64>) {
    counter.set(counter.get().wrapping_add(1));
}

/// Adds `n`.
#[inline]
pub(crate) fn add(counter: &Cell<u64>, n: u64) {
    counter.set(counter.get().wrapping_add(n));
}
