//! So many tasks at a time: asyncio's `Semaphore` and `BoundedSemaphore`.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::line::Key;
use super::permits::Gate;
use crate::observe::{Primitive, Site};

struct Shared {
    gate: Gate,
    /// Permits that no guard holds and nobody has released.
    forgotten: Cell<usize>,
}

/// So many permits. (`asyncio.Semaphore`)
///
/// Clones are names of the same semaphore. A permit that is released goes to the first who waits:
/// first come, first served, also among those who want several.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let two_at_a_time = evloop::Semaphore::new(2);
/// let semaphore = two_at_a_time.clone();
/// let downloads = (0..5).map(move |_| {
///     let two_at_a_time = semaphore.clone();
///     async move {
///         let _permit = two_at_a_time.acquire().await;
///         // …
///     }
/// });
/// event_loop.run_until_complete(async { evloop::gather(downloads).await })??;
/// assert_eq!(two_at_a_time.available_permits(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Semaphore(Rc<Shared>);

impl Semaphore {
    /// One with `permits` permits.
    #[track_caller]
    pub fn new(permits: usize) -> Semaphore {
        let gate = Gate::new(permits, Primitive::Semaphore, Location::caller());
        Semaphore(Rc::new(Shared { gate, forgotten: Cell::new(0) }))
    }

    /// Waits for a permit, and holds it while the guard lives. (`Semaphore.acquire`,
    /// `async with semaphore`)
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in the line. A permit that had been handed over already goes
    /// on to the next.
    #[track_caller]
    pub fn acquire(&self) -> AcquirePermit {
        self.acquire_many(1)
    }

    /// The same for `permits` at once. Who wants many is not passed by who wants few; more than
    /// there will ever be are waited for without end.
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> AcquirePermit {
        let wants = Permit { shared: self.0.clone(), count: permits };
        AcquirePermit { wants: Some(wants), key: None, at: Location::caller() }
    }

    /// A permit, if one is free and nobody waits.
    pub fn try_acquire(&self) -> Option<Permit> {
        self.try_acquire_many(1)
    }

    /// `permits` at once, if so many are free and nobody waits.
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit> {
        let taken = self.0.gate.take(permits);
        taken.then(|| Permit { shared: self.0.clone(), count: permits })
    }

    /// Whether [`acquire`](Semaphore::acquire) would have to wait. (`Semaphore.locked`)
    pub fn locked(&self) -> bool {
        let (free, waiting) = self.0.gate.free_and_waiting();
        free == 0 || waiting > 0
    }

    /// How many permits nobody holds.
    pub fn available_permits(&self) -> usize {
        self.0.gate.free_and_waiting().0
    }

    /// Adds a permit: one that was [forgotten](Permit::forget), or a new one.
    /// (`Semaphore.release`)
    pub fn release(&self) {
        self.0.forgotten.set(self.0.forgotten.get().saturating_sub(1));
        self.0.gate.give(1);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, waiting) = self.0.gate.free_and_waiting();
        write!(f, "<Semaphore value: {free}, waiters: {waiting}>")
    }
}

/// A semaphore that never has more permits than it began with. (`asyncio.BoundedSemaphore`)
#[derive(Clone)]
pub struct BoundedSemaphore(Semaphore);

impl BoundedSemaphore {
    /// One with `permits` permits.
    #[track_caller]
    pub fn new(permits: usize) -> BoundedSemaphore {
        BoundedSemaphore(Semaphore::new(permits))
    }

    /// As [`Semaphore::acquire`], and as safe to cancel.
    #[track_caller]
    pub fn acquire(&self) -> AcquirePermit {
        self.0.acquire()
    }

    /// As [`Semaphore::try_acquire`].
    pub fn try_acquire(&self) -> Option<Permit> {
        self.0.try_acquire()
    }

    /// As [`Semaphore::locked`].
    pub fn locked(&self) -> bool {
        self.0.locked()
    }

    /// How many permits nobody holds.
    pub fn available_permits(&self) -> usize {
        self.0.available_permits()
    }

    /// Gives a [forgotten](Permit::forget) permit back. (`BoundedSemaphore.release`)
    ///
    /// # Errors
    ///
    /// [`ReleasedTooOften`]: none is forgotten. Nothing changes.
    pub fn release(&self) -> Result<(), ReleasedTooOften> {
        if self.0.0.forgotten.get() == 0 {
            return Err(ReleasedTooOften);
        }
        self.0.release();
        Ok(())
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// [`BoundedSemaphore::release`] had nothing to give back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleasedTooOften;

impl fmt::Display for ReleasedTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "BoundedSemaphore released too many times: release() is for permits that were \
             forgotten, the others are released by dropping them",
        )
    }
}

impl Error for ReleasedTooOften {}

/// Permits of a [`Semaphore`], which go back when it is dropped.
#[must_use = "permits are given back at once if they are not kept"]
pub struct Permit {
    shared: Rc<Shared>,
    count: usize,
}

impl Permit {
    /// How many permits it holds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Keeps them from going back when it is dropped; who calls `release`, as often as there are
    /// permits, gives them back, from wherever.
    pub fn forget(mut self) {
        let count = std::mem::take(&mut self.count);
        self.shared.forgotten.set(self.shared.forgotten.get().saturating_add(count));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.shared.gate.give(self.count);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Permit {}>", self.count)
    }
}

/// The future of [`Semaphore::acquire`].
#[must_use = "no permit is acquired unless this is awaited"]
pub struct AcquirePermit {
    /// What it becomes; it holds nothing yet.
    wants: Option<Permit>,
    key: Option<Key>,
    at: Site,
}

impl Future for AcquirePermit {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit> {
        let this = &mut *self;
        let Some(wants) = &this.wants else { panic!("acquire() was polled after its end") };
        if wants.shared.gate.poll(&mut this.key, wants.count, this.at, context).is_pending() {
            return Poll::Pending;
        }
        this.wants.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for AcquirePermit {
    fn drop(&mut self) {
        let Some(mut wants) = self.wants.take() else { return };
        let count = std::mem::take(&mut wants.count);
        if let Some(key) = self.key {
            wants.shared.gate.leave(key, count);
        }
    }
}
