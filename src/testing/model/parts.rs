//! What the model is made of.

use super::op::Id;

/// The number of something scheduled: its place in the list of all.
pub(super) type Number = usize;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Once,
    Remote,
    Watcher,
}

/// Something scheduled.
pub(super) struct Scheduled {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) cancelled: bool,
    /// Its callback is still held by the loop.
    pub(super) alive: bool,
}

/// What is so of a descriptor.
#[derive(Clone, Copy, Default)]
pub(super) struct Condition {
    pub(super) bytes: bool,
    pub(super) eof: bool,
    pub(super) full: bool,
    pub(super) hung_up: bool,
}

impl Condition {
    /// Whether a reader (0) or a writer (1) is called.
    pub(super) fn is_so(&self, side: usize) -> bool {
        self.hung_up || if side == 0 { self.bytes || self.eof } else { !self.full }
    }
}

#[derive(Clone, Copy, PartialEq, Default)]
pub(super) enum State {
    #[default]
    Idle,
    Running,
    Closed,
}
