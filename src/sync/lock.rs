//! One task at a time: asyncio's `Lock`, with what it protects inside.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::line::Key;
use super::permits::Gate;
use crate::observe::{Primitive, Site};

struct Shared<T> {
    /// One permit.
    gate: Gate,
    /// Out while a guard has it.
    value: Cell<Option<T>>,
    /// Held by nobody's guard, for [`Lock::release`].
    forgotten: Cell<bool>,
}

/// What one task at a time may have. (`asyncio.Lock`)
///
/// Clones are names of the same lock. A lock is needed where a task *awaits* between reading and
/// writing; between two awaits nobody else runs, and a `Cell` does. It protects a value, as a
/// `Mutex` does; `Lock::new()` protects nothing, as asyncio's.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// use evloop::Lock;
///
/// let log = Lock::with(Vec::new());
/// event_loop.run_until_complete(async move {
///     let mut guard = log.acquire().await;
///     let theirs = log.clone();
///     let second = evloop::spawn(async move { theirs.acquire().await.push("second") });
///     evloop::yield_now().await; // Held over an await.
///     guard.push("first");
///     drop(guard);
///     assert!(second.await.is_ok());
///     assert_eq!(*log.acquire().await, ["first", "second"]);
/// })?;
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// First come, first served: who releases hands it to the first who waits, so who releases and
/// acquires again at once goes to the back. It is not re-entrant: a task that acquires it twice
/// waits for itself. A panic while it is held releases it, and leaves the value as it is.
///
/// It stays on its thread:
///
/// ```compile_fail
/// fn sent<T: Send>(_: T) {}
/// sent(evloop::Lock::new());
/// ```
pub struct Lock<T = ()>(Rc<Shared<T>>);

impl<T> Clone for Lock<T> {
    fn clone(&self) -> Self {
        Lock(self.0.clone())
    }
}

impl Lock {
    /// A lock around nothing.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it notes where it is made")]
    pub fn new() -> Lock {
        Lock::with(())
    }
}

impl<T> Lock<T> {
    /// A lock around `value`, which moves into each guard and back: box what is large.
    #[track_caller]
    pub fn with(value: T) -> Lock<T> {
        Lock(Rc::new(Shared {
            gate: Gate::new(1, Primitive::Lock, Location::caller()),
            value: Cell::new(Some(value)),
            forgotten: Cell::new(false),
        }))
    }

    /// Waits until it is free, and holds it while the guard lives. A free lock does not wait.
    /// (`Lock.acquire`, `async with lock`)
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in the line. What had been handed over already goes on to the
    /// next.
    #[track_caller]
    #[doc(alias = "lock")]
    pub fn acquire(&self) -> Acquire<T> {
        self.acquire_at(Location::caller())
    }

    pub(super) fn acquire_at(&self, at: Site) -> Acquire<T> {
        Acquire { lock: Some(self.clone()), key: None, at }
    }

    /// Holds it, if it is free and nobody waits for it.
    #[doc(alias = "try_lock")]
    pub fn try_acquire(&self) -> Option<LockGuard<T>> {
        self.0.gate.take(1).then(|| LockGuard::new(self.clone()))
    }

    /// Whether somebody holds it. (`Lock.locked`)
    pub fn locked(&self) -> bool {
        self.0.gate.free_and_waiting().0 == 0
    }

    /// Releases what a guard was made to [forget](LockGuard::forget), from wherever.
    /// (`Lock.release`)
    ///
    /// # Errors
    ///
    /// [`NotAcquired`]: it is free, or a guard holds it, which alone releases it. Nothing changes.
    pub fn release(&self) -> Result<(), NotAcquired> {
        if !self.0.forgotten.replace(false) {
            return Err(NotAcquired(self.locked()));
        }
        self.0.gate.give(1);
        Ok(())
    }

    pub(super) fn is(&self, other: &Lock<T>) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// What it protects, if nobody else has a name of it and nobody holds it; else itself again.
    ///
    /// # Errors
    ///
    /// `Err(self)`.
    pub fn into_inner(self) -> Result<T, Self> {
        if self.locked() {
            return Err(self);
        }
        let shared = Rc::try_unwrap(self.0).map_err(Lock)?;
        shared.value.take().ok_or_else(|| unreachable!("a lock that nobody holds has its value"))
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, waiting) = self.0.gate.free_and_waiting();
        let state = if free == 0 { "locked" } else { "unlocked" };
        write!(f, "<Lock {state}, waiters: {waiting}>")
    }
}

/// Nothing was there to release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAcquired(bool);

impl fmt::Display for NotAcquired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            false => "Lock is not acquired.",
            true => "Lock is held by a guard: drop that, or forget() it before you call release()",
        })
    }
}

impl Error for NotAcquired {}

/// The future of [`Lock::acquire`].
#[must_use = "a lock is not acquired unless this is awaited"]
pub struct Acquire<T = ()> {
    /// Until the guard has it.
    lock: Option<Lock<T>>,
    key: Option<Key>,
    at: Site,
}

/// Nothing in it is pinned.
impl<T> Unpin for Acquire<T> {}

impl<T> Future for Acquire<T> {
    type Output = LockGuard<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<LockGuard<T>> {
        let this = &mut *self;
        let Some(lock) = &this.lock else { panic!("Lock.acquire() was polled after its end") };
        if lock.0.gate.poll(&mut this.key, 1, this.at, context).is_pending() {
            return Poll::Pending;
        }
        match this.lock.take() {
            Some(lock) => Poll::Ready(LockGuard::new(lock)),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Acquire<T> {
    fn drop(&mut self) {
        if let (Some(lock), Some(key)) = (&self.lock, self.key) {
            lock.0.gate.leave(key, 1);
        }
    }
}

/// Holds a [`Lock`], and gives what it protects, until it is dropped.
#[must_use = "the lock is released at once if its guard is not kept"]
pub struct LockGuard<T = ()> {
    lock: Lock<T>,
    /// Until it is dropped.
    value: Option<T>,
}

const KEPT: &str = "a guard has the lock's value until it is dropped";

impl<T> LockGuard<T> {
    fn new(lock: Lock<T>) -> Self {
        let value = lock.0.value.take();
        LockGuard { lock, value }
    }

    /// The lock that it holds.
    pub fn lock(&self) -> &Lock<T> {
        &self.lock
    }

    /// Leaves the lock held without a guard, until somebody calls [`Lock::release`].
    pub fn forget(mut self) {
        self.lock.0.value.set(self.value.take());
        self.lock.0.forgotten.set(true);
    }
}

impl<T> Deref for LockGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect(KEPT)
    }
}

impl<T> DerefMut for LockGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(KEPT)
    }
}

impl<T> Drop for LockGuard<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.lock.0.value.set(Some(value));
            self.lock.0.gate.give(1);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&**self).finish()
    }
}
