//! evloop through a C ABI, small enough to be read: a host in any language waits for a loop's one
//! descriptor with whatever it waits with, and turns the loop when that is readable.
//!
//! `include/evloop.h` says the same in C. The rules:
//!
//! - A loop belongs to the thread that made it. A call from another is [`EVLOOP_WRONG_THREAD`] and
//!   touches nothing.
//! - No panic crosses: a panic is [`EVLOOP_PANIC`], and a callback's own goes to the loop's
//!   exception handler as always.
//! - A null loop is [`EVLOOP_NULL`]. Any other pointer must come from [`evloop_create`] and not have
//!   been freed.

use std::ffi::c_void;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, ThreadId};
use std::time::Duration;

use evloop::{EventLoop, LoopError};

/// It was done.
pub const EVLOOP_OK: i32 = 0;
/// The pointer is null.
pub const EVLOOP_NULL: i32 = -1;
/// The loop is another thread's.
pub const EVLOOP_WRONG_THREAD: i32 = -2;
/// The loop is closed.
pub const EVLOOP_CLOSED: i32 = -3;
/// The loop is running: a callback cannot turn, close or free it.
pub const EVLOOP_RUNNING: i32 = -4;
/// The loop was made before a fork(2).
pub const EVLOOP_FORKED: i32 = -5;
/// The kernel refused.
pub const EVLOOP_IO: i32 = -6;
/// evloop panicked, which is a bug.
pub const EVLOOP_PANIC: i32 = -7;

/// A loop. C sees a pointer to it.
pub struct Loop {
    event_loop: EventLoop,
    thread: ThreadId,
}

/// What C has called back.
pub type Callback = extern "C" fn(*mut c_void);

fn code(error: &LoopError) -> i32 {
    match error {
        LoopError::Closed => EVLOOP_CLOSED,
        LoopError::Running | LoopError::AnotherIsRunning => EVLOOP_RUNNING,
        LoopError::Forked { .. } => EVLOOP_FORKED,
        _ => EVLOOP_IO,
    }
}

/// The outcome as a number, and no panic.
fn guarded(f: impl FnOnce() -> Result<i32, i32>) -> i32 {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => value,
        Ok(Err(code)) => code,
        Err(payload) => {
            // Its destructor might panic again.
            std::mem::forget(payload);
            EVLOOP_PANIC
        }
    }
}

/// Calls `f` with the loop behind `pointer`, on its own thread.
///
/// # Safety
///
/// `pointer` is null or from [`evloop_create`] and not freed.
unsafe fn with(pointer: *const Loop, f: impl FnOnce(&EventLoop) -> Result<i32, LoopError>) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise. `thread` is never written, so it can be read anywhere.
        let Some(this) = (unsafe { pointer.as_ref() }) else { return Err(EVLOOP_NULL) };
        if this.thread != thread::current().id() {
            return Err(EVLOOP_WRONG_THREAD);
        }
        f(&this.event_loop).map_err(|error| code(&error))
    })
}

/// A new loop of this thread, or null if the kernel gives no descriptor for it.
#[unsafe(no_mangle)]
pub extern "C" fn evloop_create() -> *mut Loop {
    let made = catch_unwind(|| EventLoop::new().ok());
    match made {
        Ok(Some(event_loop)) => {
            Box::into_raw(Box::new(Loop { event_loop, thread: thread::current().id() }))
        }
        _ => std::ptr::null_mut(),
    }
}

/// The descriptor that is readable when [`evloop_run_once`] would do something: wait for it
/// level-triggered, and never read it. It is the loop's, and the same each time. Or an error.
///
/// # Safety
///
/// The pointer is null or from [`evloop_create`] and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_fd(event_loop: *const Loop) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { with(event_loop, |it| Ok(it.try_as_fd()?.as_raw_fd())) }
}

/// One turn. It waits for at most `timeout_ns` nanoseconds: not at all with 0, without end if that is
/// negative.
///
/// # Safety
///
/// As [`evloop_fd`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_run_once(event_loop: *const Loop, timeout_ns: i64) -> i32 {
    let timeout = u64::try_from(timeout_ns).ok().map(Duration::from_nanos);
    // SAFETY: the caller's promise.
    unsafe { with(event_loop, |it| it.run_once(timeout).map(|()| EVLOOP_OK)) }
}

/// How many nanoseconds from now the first timer is due, or -1 if none is; 0 if it is overdue. An
/// error, too, is given as -1: [`evloop_run_once`] says which.
///
/// # Safety
///
/// As [`evloop_fd`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_next_deadline_ns(event_loop: *const Loop) -> i64 {
    let mut nanos = -1;
    // SAFETY: the caller's promise.
    unsafe {
        with(event_loop, |it| {
            if let Some(deadline) = it.next_deadline() {
                let left = deadline.since(it.time()).as_nanos();
                nanos = i64::try_from(left).unwrap_or(i64::MAX);
            }
            Ok(EVLOOP_OK)
        })
    };
    nanos
}

/// Calls `callback(data)` after so many nanoseconds, in a turn.
///
/// # Safety
///
/// As [`evloop_fd`]; `callback` may be called with `data` until the loop is closed, and unwinds
/// never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_call_later(
    event_loop: *const Loop,
    delay_ns: u64,
    callback: Option<Callback>,
    data: *mut c_void,
) -> i32 {
    let Some(callback) = callback else { return EVLOOP_NULL };
    let call = move || callback(data);
    // SAFETY: the caller's promise.
    unsafe {
        with(event_loop, |it| {
            it.call_later(Duration::from_nanos(delay_ns), call).map(|_| EVLOOP_OK)
        })
    }
}

/// Closes the loop; it can still be asked things, and must still be freed. The second time it does
/// nothing.
///
/// # Safety
///
/// As [`evloop_fd`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_close(event_loop: *const Loop) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { with(event_loop, |it| it.close().map(|_| EVLOOP_OK)) }
}

/// Closes the loop and frees it. Refused, it is as it was.
///
/// # Safety
///
/// As [`evloop_fd`]; after [`EVLOOP_OK`] the pointer is no longer used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evloop_free(event_loop: *mut Loop) -> i32 {
    // SAFETY: the caller's promise.
    let closed = unsafe { evloop_close(event_loop) };
    if closed != EVLOOP_OK {
        return closed;
    }
    guarded(|| {
        // SAFETY: it was made by `Box::into_raw`, the thread is its own, no turn of it is under
        // way, and the caller does not use it again.
        drop(unsafe { Box::from_raw(event_loop) });
        Ok(EVLOOP_OK)
    })
}
