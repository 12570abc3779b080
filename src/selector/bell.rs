//! What ends a wait from elsewhere.

use std::fmt;
use std::sync::Arc;

use crate::sys::BellFd;

/// Ends a [`Selector::select`](super::Selector::select) that is under way, or else the next one, from any thread or signal
/// handler. Cloning it is cheap; it outlives its selector harmlessly.
#[derive(Clone)]
pub struct Bell(pub(super) Arc<dyn Ring>);

impl Bell {
    /// A bell with this clapper.
    pub fn new(ring: impl Ring + 'static) -> Bell {
        Bell(Arc::new(ring))
    }
    /// Rings. Many rings before a `select` are one.
    pub fn ring(&self) {
        self.0.ring();
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

/// What makes a [`Bell`] ring.
pub trait Ring: Send + Sync {
    /// Makes the selector's `select` return. It may be called in a signal handler, so it may only
    /// do what signal-safety(7) allows: no allocation, no lock.
    fn ring(&self);
}

impl Ring for BellFd {
    fn ring(&self) {
        BellFd::ring(self);
    }
}
