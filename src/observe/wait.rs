//! Where a task waits, and for what: leaf futures say so before they return `Pending`.

use std::cell::Cell;

use super::{Resource, Site};

/// Where somebody waits, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) at: Option<Site>,
    pub(crate) on: Resource,
}

thread_local! {
    static LAST: Cell<Option<Wait>> = const { Cell::new(None) };
}

/// Notes that whoever is being polled now waits.
#[inline]
pub(crate) fn note_wait(at: Option<Site>, on: Resource) {
    LAST.set(Some(Wait { at, on }));
}

/// Forgets what was noted: whoever polls does so before.
#[inline]
pub(crate) fn forget_wait() {
    LAST.set(None);
}

/// What was noted last.
#[inline]
pub(crate) fn noted_wait() -> Option<Wait> {
    LAST.get()
}
