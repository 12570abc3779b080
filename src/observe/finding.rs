//! What debug mode has to say. Who finds it is `debug.rs`; without the feature `debug` nobody does,
//! and the words stay for those who match on them.

use std::time::Duration;

use super::{Site, TaskId, What};

/// What debug mode warns of: nothing has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// A handle ran for too long.
    SlowCallback {
        /// How long it ran.
        took: Duration,
    },
    /// A turn's handles ran for too long, though none of them did.
    SlowTurn {
        /// How long they ran together, without those that were slow themselves.
        took: Duration,
        /// How many handles the turn had.
        handles: usize,
    },
    /// A task was pending when its loop was closed.
    TaskPending,
    /// A connection or a server was open when its loop was closed.
    LeftOpen,
    /// Something that does no harm at once and cannot be meant. Told once for each place.
    Misuse,
}

/// A warning with all that is known about it.
pub(crate) struct Finding {
    pub(crate) warning: Warning,
    pub(crate) message: String,
    pub(crate) handle: Option<What>,
    pub(crate) task: Option<TaskId>,
    pub(crate) source: Option<Site>,
}

impl Finding {
    #[cfg(feature = "debug")]
    pub(super) fn new(warning: Warning, message: String) -> Self {
        Finding { warning, message, handle: None, task: None, source: None }
    }
}
