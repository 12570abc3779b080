//! Tasks that go on together: asyncio's `Barrier`. The rounds are in `rounds.rs`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::line::{Key, renew};
use super::rounds::{Phase, Rounds, Standing};
use crate::observe::{Primitive, Resource, Site, note_wait};

struct Shared {
    rounds: RefCell<Rounds<Waker>>,
    made_at: Site,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Rounds<Waker>) -> T) -> T {
        let changed = change(&mut self.rounds.borrow_mut());
        loop {
            let called = self.rounds.borrow_mut().called();
            let Some(waker) = called else { return changed };
            waker.wake();
        }
    }
}

/// A point that so many tasks pass together, again and again. (`asyncio.Barrier`)
///
/// Clones are names of the same barrier.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let start = evloop::Barrier::new(3.try_into()?);
/// let runners = (0..3).map(move |_| start.wait());
/// let places = event_loop.run_until_complete(async { evloop::gather(runners).await })??;
/// assert_eq!(places, [Ok(0), Ok(1), Ok(2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Barrier(Rc<Shared>);

impl Barrier {
    /// One that lets `parties` tasks through at a time.
    #[track_caller]
    pub fn new(parties: NonZeroUsize) -> Barrier {
        let rounds = RefCell::new(Rounds::new(parties.get()));
        Barrier(Rc::new(Shared { rounds, made_at: Location::caller() }))
    }

    /// Waits until as many wait as there are parties, and gives which of them one was: each of
    /// `0..parties` once, in the order they came. The last does not wait. Who comes while the tasks
    /// of a full round are still on their way out belongs to the next. (`Barrier.wait`)
    ///
    /// # Errors
    ///
    /// [`BrokenBarrierError`]: it was [aborted](Barrier::abort), or [reset](Barrier::reset)
    /// meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping it while the round fills makes it one less; the barrier does not break. Dropping it
    /// when the round was full changes nothing for the others.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait {
        BarrierWait { barrier: self.clone(), key: None, at: Location::caller() }
    }

    /// Fails those who wait, and begins anew with those who come. (`Barrier.reset`)
    pub fn reset(&self) {
        self.0.change(Rounds::reset);
    }

    /// Fails those who wait and those who come, until it is [reset](Barrier::reset).
    /// (`Barrier.abort`)
    pub fn abort(&self) {
        self.0.change(Rounds::abort);
    }

    /// How many tasks it lets through at a time. (`Barrier.parties`)
    pub fn parties(&self) -> usize {
        self.0.rounds.borrow().parties()
    }

    /// How many wait for it to fill. (`Barrier.n_waiting`)
    pub fn n_waiting(&self) -> usize {
        self.0.rounds.borrow().waiting()
    }

    /// Whether it was aborted, and not reset since. (`Barrier.broken`)
    pub fn broken(&self) -> bool {
        self.0.rounds.borrow().phase() == Phase::Broken
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.0.rounds.borrow();
        let phase = format!("{:?}", rounds.phase()).to_lowercase();
        write!(f, "<Barrier {phase}, waiters: {}/{}>", rounds.waiting(), rounds.parties())
    }
}

/// The barrier was aborted, or reset while one waited. (`asyncio.BrokenBarrierError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenBarrierError;

impl fmt::Display for BrokenBarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Barrier was aborted, or reset while it was waited for: reset() repairs it")
    }
}

impl Error for BrokenBarrierError {}

/// The future of [`Barrier::wait`].
#[must_use = "a barrier is not waited for unless this is awaited"]
pub struct BarrierWait {
    barrier: Barrier,
    key: Option<Key>,
    at: Site,
}

impl BarrierWait {
    /// Its key, from the first poll on; `None` if the barrier is broken.
    fn arrived(&mut self, context: &Context<'_>) -> Option<Key> {
        if self.key.is_none() {
            let waker = context.waker().clone();
            self.key = self.barrier.0.change(|rounds| rounds.arrive(waker));
        }
        self.key
    }

    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            drop(self.barrier.0.change(|rounds| rounds.leave(key)));
        }
    }
}

impl Future for BarrierWait {
    type Output = Result<usize, BrokenBarrierError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(key) = self.arrived(context) else { return Poll::Ready(Err(BrokenBarrierError)) };
        let shared = &*self.barrier.0;
        let waits = renew(&shared.rounds, context.waker(), |rounds| match rounds.standing(key) {
            Standing::Waits(waker) => Some(waker),
            _ => None,
        });
        if waits {
            note_wait(Some(self.at), Resource::Sync(Primitive::Barrier, shared.made_at));
            return Poll::Pending;
        }
        let outcome = match shared.rounds.borrow_mut().standing(key) {
            Standing::Through(index) => Ok(index),
            _ => Err(BrokenBarrierError),
        };
        self.leave();
        Poll::Ready(outcome)
    }
}

impl Drop for BarrierWait {
    fn drop(&mut self) {
        self.leave();
    }
}
