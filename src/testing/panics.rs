//! Panics in simulations: where each was, and silence about those that are expected.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use crate::event_loop::panic_message;
use crate::observe::short_path;

/// The places of so many panics are kept, the latest: a program may panic in a loop.
const MOST_KEPT: usize = 64;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
}

struct Seen {
    message: String,
    place: String,
}

/// Puts a hook before the one that is there, once: a payload that was caught does not say where the
/// panic was.
fn hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            if !QUIET.get() {
                before(info);
            }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let Some(place) = info.location() else { return };
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            seen.drain(..(seen.len() + 1).saturating_sub(MOST_KEPT));
            let place = format!("{}:{}", short_path(place.file()), place.line());
            seen.push(Seen { message: panic_message(info.payload()).to_owned(), place });
        }
    });
}

/// Notes the places of this thread's panics while it is there; one in another has its own.
pub(super) struct Watch {
    outer: Option<Vec<Seen>>,
}

impl Watch {
    pub(super) fn new() -> Watch {
        hook();
        Watch { outer: SEEN.replace(Some(Vec::new())) }
    }

    /// Where the panic with this payload was, the last if several said the same: file and line.
    pub(super) fn place_of(&self, payload: &(dyn Any + Send)) -> Option<String> {
        SEEN.with_borrow(|seen| {
            let mut latest = seen.iter().flatten().rev();
            let found = latest.find(|seen| seen.message == panic_message(payload))?;
            Some(found.place.clone())
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        SEEN.replace(self.outer.take());
    }
}

/// While it is there, no word on standard error about panics on this thread: while a case shrinks
/// there are hundreds, and to print a backtrace takes longer than the run. All other panics go to
/// the hook that was there before.
pub(super) struct Quiet {
    outer: bool,
}

impl Quiet {
    pub(super) fn new() -> Quiet {
        hook();
        Quiet { outer: QUIET.replace(true) }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(self.outer);
    }
}

/// Whether panics on this thread are silent.
#[cfg(test)]
pub(super) fn is_quiet() -> bool {
    QUIET.get()
}

/// Does `what` in silence.
pub(super) fn quietly<T>(what: impl FnOnce() -> T) -> T {
    let _quiet = Quiet::new();
    what()
}
