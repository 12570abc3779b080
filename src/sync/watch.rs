//! A value of which only the newest counts: a configuration, a state, "stop".

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use super::bell::Bell;
use crate::observe::{Primitive, Resource, Site, note_wait};

struct Shared<T> {
    value: RefCell<T>,
    version: Cell<u64>,
    bell: Bell,
    made_at: Site,
}

/// A value that many see, and wait to see changed. Clones see the same value, each with its own
/// mark of what it has seen.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let level = evloop::sync::Watch::new(1);
/// let mut watcher = level.clone();
/// event_loop.call_soon(move || level.set(2))?;
/// let seen = event_loop.run_until_complete(async move {
///     watcher.changed().await;
///     *watcher.borrow()
/// })?;
/// assert_eq!(seen, 2);
/// # Ok::<(), evloop::LoopError>(())
/// ```
pub struct Watch<T> {
    shared: Rc<Shared<T>>,
    seen: u64,
}

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Self {
        Watch { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Watch<T> {
    /// One that shows `value`, which counts as seen.
    #[track_caller]
    pub fn new(value: T) -> Watch<T> {
        let shared = Shared {
            value: RefCell::new(value),
            version: Cell::new(0),
            bell: Bell::default(),
            made_at: Location::caller(),
        };
        Watch { shared: Rc::new(shared), seen: 0 }
    }

    /// The value. Not to be kept over an await: [`set`](Watch::set) would panic.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.value.borrow()
    }

    /// Shows another value, and wakes all who wait.
    ///
    /// # Panics
    ///
    /// While somebody keeps what [`borrow`](Watch::borrow) gave.
    pub fn set(&self, value: T) {
        let old = self.shared.value.replace(value);
        drop(old);
        self.shared.version.set(self.shared.version.get() + 1);
        self.shared.bell.ring_all();
    }

    /// Whether it has been set since this clone last saw a change.
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Waits until it has been set since this clone last saw a change, and takes that as seen; not
    /// at all if it has.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: a change counts as seen only when this is done.
    #[track_caller]
    pub fn changed(&mut self) -> impl Future<Output = ()> + use<'_, T> {
        let at = Location::caller();
        async move {
            let mut set = self.shared.bell.until(|| self.seen != self.shared.version.get());
            poll_fn(|context| {
                let set = Pin::new(&mut set).poll(context);
                if set.is_pending() {
                    note_wait(Some(at), Resource::Sync(Primitive::Watch, self.shared.made_at));
                }
                set
            })
            .await;
            drop(set);
            self.seen = self.shared.version.get();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.shared.value).finish()
    }
}
