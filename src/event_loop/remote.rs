//! What other threads may do to a loop: send it a call, wake it.
//!
//! A sender puts its letter into the box and knocks; the loop, before it sleeps, announces that and
//! looks whether somebody has knocked. `wake.rs` has the two flags and the argument why no letter
//! waits for a loop that sleeps.
//!
//! A signal handler notes its signal where a thread pushes, and then does the same.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::EventLoop;
use super::error::LoopError;
use super::wake::Flags;
use crate::selector::Bell;

/// A call from another thread, to be made with the loop on the loop's thread.
pub(crate) type RemoteCall = Box<dyn FnOnce(&EventLoop) + Send>;

#[derive(Default)]
struct Letters {
    calls: VecDeque<RemoteCall>,
    closed: bool,
}

/// The loop's letter box.
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    flags: Flags,
    /// How much is on its way from outside that the loop knows of; not counted but for virtual
    /// time, which alone asks.
    outstanding: Option<AtomicUsize>,
    bell: Bell,
}

/// While it lives, something from outside is on its way to the loop. It is dropped on the loop's
/// thread, when that something has been delivered or nobody waits for it: dropped by the sender it
/// would be gone before its letter is read.
pub(crate) struct Outstanding(Arc<Mailbox>);

impl Outstanding {
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.0
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        if let Some(outstanding) = &self.0.outstanding {
            outstanding.fetch_sub(1, SeqCst);
        }
    }
}

impl Mailbox {
    /// An empty one. If it `counts`, what is outstanding is counted.
    pub(crate) fn new(bell: Bell, counts: bool) -> Arc<Self> {
        Arc::new(Mailbox {
            letters: Mutex::default(),
            flags: Flags::new(),
            outstanding: counts.then(AtomicUsize::default),
            bell,
        })
    }

    /// Sends a call; gives it back if the loop is closed. Any thread.
    pub(crate) fn send(&self, call: RemoteCall) -> Result<(), RemoteCall> {
        let mut letters = self.lock();
        if letters.closed {
            return Err(call);
        }
        letters.calls.push_back(call);
        drop(letters);
        self.knock();
        Ok(())
    }

    /// Makes the loop look into the box. Any thread, and safe in a signal handler.
    pub(crate) fn knock(&self) {
        if self.flags.knock() {
            self.bell.ring();
        }
    }

    /// Whether there is something to collect. The loop's thread.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.flags.is_pending()
    }

    /// Announces that the loop is about to sleep; `false` means it must not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.flags.fall_asleep()
    }

    /// Announces that it is awake.
    pub(crate) fn wake_up(&self) {
        self.flags.wake_up();
    }

    /// The bell, for whoever rings it without a letter.
    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Says that something is on its way, until what this gives is dropped; `None` where nobody
    /// counts.
    pub(crate) fn expect_something(self: &Arc<Self>) -> Option<Outstanding> {
        self.outstanding.as_ref()?.fetch_add(1, SeqCst);
        Some(Outstanding(self.clone()))
    }

    /// Whether something is on its way.
    pub(crate) fn is_outstanding(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| outstanding.load(SeqCst) > 0)
    }

    /// Takes everything out.
    pub(crate) fn collect(&self) -> VecDeque<RemoteCall> {
        self.flags.collect(|| mem::take(&mut self.lock().calls))
    }

    /// Refuses everything from now on, and gives what was in the box. One that a child of fork(2)
    /// has `inherited` stays as it is if a thread held its lock then, for no thread gives it back.
    pub(crate) fn close(&self, inherited: bool) -> VecDeque<RemoteCall> {
        if inherited && self.is_stuck() {
            return VecDeque::new();
        }
        let mut letters = self.lock();
        letters.closed = true;
        mem::take(&mut letters.calls)
    }

    /// Whether its lock is held, and this is the child of a fork(2), in which nobody holds it.
    pub(crate) fn is_stuck(&self) -> bool {
        matches!(self.letters.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// A sender that panicked while it held the lock left a whole queue behind: pushing to it is
    /// the last thing done.
    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What other threads hold of a loop: [`EventLoop::handle`] gives it.
///
/// An [`EventLoop`] cannot leave its thread; this can, and it offers just what is safe from there.
#[derive(Clone)]
pub struct LoopHandle {
    pub(crate) mailbox: Arc<Mailbox>,
}

impl LoopHandle {
    /// Calls `callback` on the loop's thread, in the order of calls, and ends the loop's sleep if
    /// it sleeps. (`loop.call_soon_threadsafe`)
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]: the callback is dropped here.
    ///
    /// # Unlike asyncio
    ///
    /// It gives no handle: cancelling from another thread would race with the call.
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopError> {
        self.send(Box::new(move |event_loop| event_loop.queue_remote(callback)))
    }

    /// [`EventLoop::stop`] from another thread.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`].
    pub fn stop(&self) -> Result<(), LoopError> {
        self.send(Box::new(|event_loop| event_loop.stop()))
    }

    pub(crate) fn send(&self, call: RemoteCall) -> Result<(), LoopError> {
        self.mailbox.send(call).map_err(|_| LoopError::Closed)
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoopHandle")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::selector::Ring;

    /// A bell that counts its rings.
    struct Counter(Arc<AtomicUsize>);

    impl Ring for Counter {
        fn ring(&self) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn mailbox() -> (Arc<Mailbox>, Arc<AtomicUsize>) {
        let rings = Arc::default();
        (Mailbox::new(Bell::new(Counter(Arc::clone(&rings))), false), rings)
    }

    #[test]
    fn thread_04_one_ring_is_enough_however_many_knock() {
        let (mailbox, rings) = mailbox();
        assert!(mailbox.fall_asleep());
        (0..1000).for_each(|_| mailbox.knock());
        assert_eq!(rings.load(SeqCst), 1);
    }

    #[test]
    fn nobody_rings_for_a_loop_that_is_awake_and_it_does_not_fall_asleep_over_a_letter() {
        let (mailbox, rings) = mailbox();
        assert!(mailbox.send(Box::new(|_| ())).is_ok());
        assert_eq!(rings.load(SeqCst), 0);
        assert!(!mailbox.fall_asleep());
        assert_eq!(mailbox.collect().len(), 1);
        assert!(mailbox.fall_asleep());
    }

    #[test]
    fn thread_05_a_closed_mailbox_gives_a_letter_back_and_does_not_ring() {
        let (mailbox, rings) = mailbox();
        assert!(mailbox.fall_asleep());
        assert!(mailbox.close(false).is_empty());
        assert!(mailbox.send(Box::new(|_| ())).is_err());
        assert_eq!(rings.load(SeqCst), 0);
    }
}
