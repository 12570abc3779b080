//! Waiting for something to become true of what a lock protects: asyncio's `Condition`.
//!
//! Whoever waits has released the lock, and has it again when the wait is over. In Rust a wait may
//! end by being dropped, and a drop cannot wait for a lock; so a wait takes the guard and gives it
//! back, and who drops it has neither: no code can run that believes to hold the lock and does not.
//! Who must have the lock again when it gives up, waits with
//! [`wait_unless`](Condition::wait_unless): that is asyncio's "re-acquired even if cancelled".

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Pending, pending, poll_fn};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::bell::Bell;
use super::line::Key;
use super::lock::{Acquire, Lock, LockGuard};
use crate::observe::{Primitive, Resource, Site, note_wait};

struct Shared<T> {
    lock: Lock<T>,
    bell: Bell,
    made_at: Site,
}

/// Tasks that wait until somebody has changed what a lock protects. (`asyncio.Condition`)
///
/// Clones are names of the same condition; several conditions may share a lock.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// use evloop::{Condition, Lock};
///
/// let stock = Condition::with(Lock::with(0));
/// let supplier = stock.clone();
/// event_loop.create_task(async move {
///     let mut stock = supplier.acquire().await;
///     *stock += 3;
///     supplier.notify_all(&stock);
/// });
/// let left = event_loop.run_until_complete(async move {
///     let mut guard = stock.wait_for(stock.acquire().await, |stock| *stock >= 2).await;
///     *guard -= 2;
///     *guard
/// })?;
/// assert_eq!(left, 1);
/// # Ok::<(), evloop::LoopError>(())
/// ```
pub struct Condition<T = ()>(Rc<Shared<T>>);

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Condition(self.0.clone())
    }
}

impl Condition {
    /// One with a lock of its own, around nothing.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it notes where it is made")]
    pub fn new() -> Condition {
        Condition::with(Lock::new())
    }
}

impl<T> Condition<T> {
    /// One of `lock`. (`asyncio.Condition(lock)`)
    #[track_caller]
    pub fn with(lock: Lock<T>) -> Condition<T> {
        let made_at = Location::caller();
        Condition(Rc::new(Shared { lock, bell: Bell::default(), made_at }))
    }

    /// The lock.
    pub fn lock(&self) -> &Lock<T> {
        &self.0.lock
    }

    /// As [`Lock::acquire`], and as safe to cancel. (`async with condition`)
    #[track_caller]
    pub fn acquire(&self) -> Acquire<T> {
        self.0.lock.acquire()
    }

    /// Wakes the first `n` who wait. Each has the lock again before it goes on, so not before
    /// `guard` is gone. (`Condition.notify`)
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    #[track_caller]
    pub fn notify(&self, guard: &LockGuard<T>, n: usize) {
        self.must_be_mine(guard);
        for _ in 0..n {
            if !self.0.bell.ring() {
                return;
            }
        }
    }

    /// Wakes all who wait. (`Condition.notify_all`)
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    #[track_caller]
    pub fn notify_all(&self, guard: &LockGuard<T>) {
        self.must_be_mine(guard);
        self.0.bell.ring_all();
    }

    /// Releases the lock, waits to be notified, and acquires the lock again. What was waited for
    /// need not be true then: somebody may have been faster, and a notification that its receiver
    /// was too cancelled to use goes to another. (`Condition.wait`)
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the lock released, or gives up its place in the lock's line; the guard
    /// is gone. A notification that had come already goes to another who waits.
    #[track_caller]
    pub fn wait(&self, guard: LockGuard<T>) -> impl Future<Output = LockGuard<T>> + use<T> {
        let wait = self.wait_at(guard, once(), never(), Location::caller());
        async move { wait.await.0 }
    }

    /// [`wait`](Condition::wait)s until `predicate` is true of what the lock protects; not at all
    /// if it is. It is asked while the lock is held. (`Condition.wait_for`)
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Condition::wait).
    #[track_caller]
    pub fn wait_for<P: FnMut(&mut T) -> bool>(
        &self,
        guard: LockGuard<T>,
        predicate: P,
    ) -> impl Future<Output = LockGuard<T>> + use<T, P> {
        let wait = self.wait_at(guard, predicate, never(), Location::caller());
        async move { wait.await.0 }
    }

    /// As [`wait`](Condition::wait), but not longer than until `gives_up` is done, whose output
    /// comes with the guard then: the lock has been acquired again in both cases.
    ///
    /// ```
    /// # let clock = evloop::ManualClock::new();
    /// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
    /// # event_loop.run_until_complete(async {
    /// # use std::{future::pending, time::Duration};
    /// let condition = evloop::Condition::new();
    /// let guard = condition.acquire().await;
    /// let (guard, gave_up) = condition.wait_unless(guard, evloop::sleep(Duration::from_secs(1))).await;
    /// assert_eq!(gave_up, Some(()), "nobody notified");
    ///
    /// // Or until the task is cancelled, to clean up under the lock:
    /// let cancelled = evloop::cancel_scope(pending::<()>());
    /// # let cancelled = evloop::timeout(Duration::from_secs(1), cancelled);
    /// let (_guard, gave_up) = condition.wait_unless(guard, cancelled).await;
    /// assert!(gave_up.is_some());
    /// # })?;
    /// # Ok::<(), evloop::LoopError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Condition::wait).
    #[track_caller]
    pub fn wait_unless<G: IntoFuture>(
        &self,
        guard: LockGuard<T>,
        gives_up: G,
    ) -> impl Future<Output = (LockGuard<T>, Option<G::Output>)> + use<T, G> {
        self.wait_at(guard, once(), gives_up.into_future(), Location::caller())
    }

    /// [`wait_for`](Condition::wait_for) and [`wait_unless`](Condition::wait_unless) in one. Who
    /// gave up may ask the predicate itself.
    ///
    /// # Panics
    ///
    /// If `guard` is another lock's.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Condition::wait).
    #[track_caller]
    pub fn wait_for_unless<P: FnMut(&mut T) -> bool, G: IntoFuture>(
        &self,
        guard: LockGuard<T>,
        predicate: P,
        gives_up: G,
    ) -> impl Future<Output = (LockGuard<T>, Option<G::Output>)> + use<T, P, G> {
        self.wait_at(guard, predicate, gives_up.into_future(), Location::caller())
    }

    #[track_caller]
    fn must_be_mine(&self, guard: &LockGuard<T>) {
        assert!(
            guard.lock().is(&self.0.lock),
            "the guard is another lock's: a condition takes the guards of its own, lock()"
        );
    }

    #[track_caller]
    fn wait_at<P: FnMut(&mut T) -> bool, G: Future>(
        &self,
        mut guard: LockGuard<T>,
        mut predicate: P,
        gives_up: G,
        at: Site,
    ) -> impl Future<Output = (LockGuard<T>, Option<G::Output>)> + use<T, P, G> {
        self.must_be_mine(&guard);
        let condition = self.clone();
        async move {
            let mut gives_up = pin!(gives_up);
            while !predicate(&mut guard) {
                let gave_up;
                (guard, gave_up) = condition.wait_once(guard, gives_up.as_mut(), at).await;
                if gave_up.is_some() {
                    return (guard, gave_up);
                }
            }
            (guard, None)
        }
    }

    async fn wait_once<G: Future>(
        &self,
        guard: LockGuard<T>,
        mut gives_up: Pin<&mut G>,
        at: Site,
    ) -> (LockGuard<T>, Option<G::Output>) {
        let mut turn = Turn { bell: &self.0.bell, key: None };
        let mut guard = Some(guard);
        let gave_up = poll_fn(|context| {
            if !turn.waits(context) {
                return Poll::Ready(None);
            }
            // Now that it would be notified.
            drop(guard.take());
            if let Poll::Ready(output) = gives_up.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            note_wait(Some(at), Resource::Sync(Primitive::Condition, self.0.made_at));
            Poll::Pending
        })
        .await;
        if gave_up.is_some() {
            turn.leave();
        }
        let guard = self.0.lock.acquire_at(at).await;
        turn.key = None; // From here on nobody else needs the notification.
        (guard, gave_up)
    }
}

/// A predicate that is true when it is asked again.
fn once<T>() -> impl FnMut(&mut T) -> bool {
    let mut notified = false;
    move |_| std::mem::replace(&mut notified, true)
}

/// What never gives up.
fn never() -> Pending<Infallible> {
    pending()
}

/// A place among those who wait, and then a notification that must not be lost.
struct Turn<'a> {
    bell: &'a Bell,
    key: Option<Key>,
}

impl Turn<'_> {
    fn waits(&mut self, context: &Context<'_>) -> bool {
        let Some(key) = self.key else {
            self.key = Some(self.bell.join(context.waker()));
            return true;
        };
        self.bell.renew(key, context.waker())
    }

    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            if !self.bell.leave(key) {
                self.bell.ring();
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Condition of {:?}, waiters: {}>", self.0.lock, self.0.bell.len())
    }
}
