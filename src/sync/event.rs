//! Something that has happened or not: asyncio's `Event`.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::bell::Bell;
use super::line::Key;
use crate::observe::{Primitive, Resource, Site, note_wait};

struct Shared {
    set: Cell<bool>,
    bell: Bell,
    made_at: Site,
}

/// A flag that tasks wait for. (`asyncio.Event`)
///
/// Clones are names of the same event.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let ready = evloop::Event::new();
/// let setter = ready.clone();
/// event_loop.call_soon(move || setter.set())?;
/// event_loop.run_until_complete(ready.wait())?;
/// assert!(ready.is_set());
/// # Ok::<(), evloop::LoopError>(())
/// ```
#[derive(Clone)]
pub struct Event(Rc<Shared>);

impl Event {
    /// One that is not set.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it notes where it is made")]
    pub fn new() -> Event {
        let made_at = Location::caller();
        Event(Rc::new(Shared { set: Cell::new(false), bell: Bell::default(), made_at }))
    }

    /// Whether it is set. (`Event.is_set`)
    pub fn is_set(&self) -> bool {
        self.0.set.get()
    }

    /// Sets it, and wakes all who wait, in the order they came. (`Event.set`)
    pub fn set(&self) {
        self.0.set.set(true);
        self.0.bell.ring_all();
    }

    /// Unsets it. Who has been woken by [`set`](Event::set) stays woken. (`Event.clear`)
    pub fn clear(&self) {
        self.0.set.set(false);
    }

    /// Waits until it is set; not at all if it is. (`Event.wait`)
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: the event is for all.
    #[track_caller]
    pub fn wait(&self) -> EventWait {
        EventWait { event: self.clone(), key: None, at: Location::caller() }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_set() { "set" } else { "unset" };
        write!(f, "<Event {state}, waiters: {}>", self.0.bell.len())
    }
}

/// The future of [`Event::wait`].
#[must_use = "an event is not waited for unless this is awaited"]
pub struct EventWait {
    event: Event,
    key: Option<Key>,
    at: Site,
}

impl Future for EventWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = &*self.event.0;
        let waits = match self.key {
            Some(key) => shared.bell.renew(key, context.waker()),
            None => !shared.set.get(),
        };
        if !waits {
            self.key = None;
            return Poll::Ready(());
        }
        note_wait(Some(self.at), Resource::Sync(Primitive::Event, shared.made_at));
        if self.key.is_none() {
            let key = shared.bell.join(context.waker());
            // To clone a waker is to call somebody, who may have set it.
            if shared.set.get() {
                shared.bell.leave(key);
                return Poll::Ready(());
            }
            self.key = Some(key);
        }
        Poll::Pending
    }
}

impl Drop for EventWait {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.event.0.bell.leave(key);
        }
    }
}
