//! What a scope hears.

/// What a scope heard: who wants it to end.
#[derive(Clone, Copy, Default)]
pub(in crate::task) struct Request {
    /// The task was cancelled.
    pub(in crate::task) task: bool,
    /// A timeout or group further out, by its number.
    pub(super) by: Option<u64>,
    /// It came from a scope further in, which waits to be dropped.
    pub(in crate::task) handed: bool,
}

impl Request {
    pub(super) fn is_none(self) -> bool {
        !self.task && self.by.is_none() && !self.handed
    }

    /// Both.
    pub(in crate::task) fn and(self, other: Request) -> Request {
        Request {
            task: self.task || other.task,
            by: outermost(self.by, other.by),
            handed: self.handed || other.handed,
        }
    }

    /// Whether somebody outside the scope made it: the scope did not ask for its own sake.
    pub(in crate::task) fn is_from_outside(self) -> bool {
        self.task || self.by.is_some()
    }
}

/// Of two timeouts, one within the other, the one opened first: with it the other ends too.
pub(super) fn outermost(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}
