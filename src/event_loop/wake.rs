//! The two flags between a loop and other threads: nobody's wake is lost, and a loop that is awake
//! is not rung at. `remote.rs` says how they are used; `loom/` tries every interleaving of them.
//!
//! ```text
//! another thread                      the loop's thread
//! lock, push, unlock                  asleep := true
//! pending := true                     pending?  ── yes ─► do not sleep
//! asleep? ─ swap to false, ring ──►   select
//!                                     asleep := false
//!                                     pending? ─ swap to false, lock, take all
//! ```
//!
//! Either the sender sees `asleep` and rings, or the loop sees `pending` and does not sleep: the
//! two flags are sequentially consistent, so both cannot miss. The loop takes `pending` down
//! before it takes the queue, so that a sender who comes in between raises it again.
//!
//! Every write is a swap: on x86 a sequentially consistent store is one anyway, and a flag that
//! some store and others swap is more than loom can follow (loom#389).

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::sys::zoo::{self, Bug};

/// The flags of one letter box.
pub(crate) struct Flags {
    /// Something is in the box, or a signal has come.
    pending: AtomicBool,
    /// The loop is in its selector, or about to be: it needs the bell.
    asleep: AtomicBool,
}

impl Flags {
    pub(crate) fn new() -> Self {
        Flags { pending: AtomicBool::new(false), asleep: AtomicBool::new(false) }
    }

    /// Something is in the box now; `true` if the bell must be rung. Any thread, and safe in a
    /// signal handler.
    pub(crate) fn knock(&self) -> bool {
        self.pending.swap(true, SeqCst);
        self.asleep.swap(false, SeqCst) && !zoo::is(Bug::RemoteCallDoesNotRing)
    }

    /// Whether there is something to collect. The loop's thread.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(SeqCst)
    }

    /// The loop is about to sleep; `false` means it must not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.swap(true, SeqCst);
        !self.is_pending()
    }

    /// It is awake.
    pub(crate) fn wake_up(&self) {
        self.asleep.swap(false, SeqCst);
    }

    /// Has `take` empty the box.
    pub(crate) fn collect<T>(&self, take: impl FnOnce() -> T) -> T {
        if zoo::is(Bug::FlagLoweredAfterTaking) {
            let taken = take();
            self.pending.swap(false, SeqCst);
            return taken;
        }
        self.pending.swap(false, SeqCst);
        take()
    }
}
