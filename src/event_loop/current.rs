//! Which loop is this thread's: the running one, and the current one.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use super::EventLoop;
use super::error::LoopError;

/// What a thread has for a current loop.
enum Current {
    /// Nothing yet: the main thread gets one at the first `get_event_loop`.
    Unset,
    /// `set_event_loop(None)` was called: none is made by itself any more.
    Cleared,
    Loop(EventLoop),
}

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current::Unset) };
    static RUNNING: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

static NEXT_THREAD: AtomicU64 = AtomicU64::new(1);

/// A number for this thread that no other thread ever has, or 0 for a thread that never made a
/// loop. (The address of a thread-local would be reused.)
#[inline]
pub(crate) fn thread_number() -> u64 {
    THREAD.get()
}

/// The same, and from now on not 0.
pub(crate) fn number_this_thread() -> u64 {
    if THREAD.get() == 0 {
        THREAD.set(NEXT_THREAD.fetch_add(1, Ordering::Relaxed));
    }
    THREAD.get()
}

/// Calls `f` as if it were on another thread: one that never made a loop, and in which none runs.
///
/// That is sound. `thread_number` promises that whoever has a loop's number is on the loop's
/// thread, never that whoever is on it has the number: while `f` runs no loop's number is this
/// thread's, for they are not 0, and one that `f` makes a loop with is new. So a waker takes the
/// way of another thread: atomics and a letter, which are right on any thread. `f` is `Send`, so
/// it holds nothing of a loop but what other threads may hold.
#[cfg(feature = "testing")]
pub(crate) fn as_another_thread(f: impl FnOnce() + Send) {
    struct Back(u64, Option<EventLoop>);
    impl Drop for Back {
        fn drop(&mut self) {
            THREAD.set(self.0);
            let running = RUNNING.replace(self.1.take());
            drop(running);
        }
    }
    let _back = Back(THREAD.replace(0), RUNNING.take());
    f();
}

/// The loop that runs in this thread, or else the thread's current loop; the main thread gets a
/// new one at the first call. (`asyncio.get_event_loop`)
///
/// # Errors
///
/// [`LoopError::NoCurrentLoop`] in other threads until [`set_event_loop`], and after
/// `set_event_loop(None)`. [`LoopError::ThreadEnds`] in the destructors of a thread that has ended.
/// [`LoopError::Io`] if the kernel gives no descriptor for a new one.
pub fn get_event_loop() -> Result<EventLoop, LoopError> {
    if let Ok(running) = get_running_loop() {
        return Ok(running);
    }
    let may_make = CURRENT.try_with(|current| match &*current.borrow() {
        Current::Loop(event_loop) => Err(event_loop.clone()),
        Current::Unset => Ok(crate::sys::is_main_thread()),
        Current::Cleared => Ok(false),
    });
    match may_make {
        Ok(Err(event_loop)) => Ok(event_loop),
        Ok(Ok(true)) => {
            let event_loop = EventLoop::new()?;
            set_event_loop(Some(event_loop.clone()));
            Ok(event_loop)
        }
        Ok(Ok(false)) => Err(LoopError::NoCurrentLoop),
        Err(_) => Err(LoopError::ThreadEnds),
    }
}

/// A new loop, on the platform's best selector. (`asyncio.new_event_loop`)
///
/// # Errors
///
/// [`LoopError::Io`] if the kernel gives no descriptor for it.
pub fn new_event_loop() -> Result<EventLoop, LoopError> {
    EventLoop::new()
}

/// Makes `event_loop` this thread's current loop; `None` clears it, and none is made by itself
/// from then on. (`asyncio.set_event_loop`)
pub fn set_event_loop(event_loop: Option<EventLoop>) {
    let new = event_loop.map_or(Current::Cleared, Current::Loop);
    // Whatever a thread that ends sets is dropped at once: nobody can ask for it any more.
    let old = CURRENT.try_with(|current| current.replace(new));
    drop(old);
}

/// The loop that is running in this thread. (`asyncio.get_running_loop`)
///
/// # Errors
///
/// [`LoopError::NotRunning`] outside of callbacks and tasks.
#[inline]
pub fn get_running_loop() -> Result<EventLoop, LoopError> {
    running().ok_or(LoopError::NotRunning)
}

/// A destructor of a thread-local may ask after this one is gone: then nothing is running.
/// A loop that runs in the parent of this process does not run here.
#[inline(always)]
fn running() -> Option<EventLoop> {
    // Asked before the clone: a name that may have to be dropped again costs every caller.
    let running = RUNNING.try_with(|running| match &*running.borrow() {
        Some(running) if running.is_of_this_process() => Some(running.clone()),
        _ => None,
    });
    running.ok().flatten()
}

/// While it lives, a loop is the one that runs in this thread.
pub(crate) struct RunningGuard(());

impl RunningGuard {
    pub(crate) fn enter(event_loop: &EventLoop) -> Result<RunningGuard, LoopError> {
        let entered = RUNNING.try_with(|running| match &mut *running.borrow_mut() {
            Some(running) if running.is_of_this_process() => Err(LoopError::AnotherIsRunning),
            running => Ok((RunningGuard(()), running.replace(event_loop.clone()))),
        });
        // What was the parent's goes outside of the borrow: it may be its last name.
        let entered = entered.map(|entered| entered.map(|(guard, _parents)| guard));
        entered.unwrap_or(Err(LoopError::ThreadEnds))
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let event_loop = RUNNING.try_with(RefCell::take);
        drop(event_loop);
    }
}
