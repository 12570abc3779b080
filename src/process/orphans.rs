//! Children whose loop was closed before they ended: nobody is told of their end, but reaped they
//! must be.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Reaps `child` now, if it has ended, or later.
pub(super) fn adopt(mut child: Child) {
    if is_running(&mut child) {
        ORPHANS.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }
}

/// Reaps who has ended.
pub(super) fn reap() {
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(is_running);
}

/// One that cannot be asked about is nobody's child any more.
fn is_running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
