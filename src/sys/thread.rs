//! Threads: which this is, and one that nobody waits for.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What a thread is there for.
type Job = Box<dyn FnOnce() + Send>;

/// Calls `job` on a thread of its own, which nobody can wait for.
///
/// A bare one: what std's threads have beyond that (a handle, a name, scopes, what tests print)
/// would be 9 kB in every program that listens on an address, for any address may be a name. Its
/// stack is as large as theirs.
///
/// # Errors
///
/// `EAGAIN`: no more threads are to be had.
///
/// Source: pthread_create(3).
pub(crate) fn detach_thread(job: Job) -> io::Result<()> {
    let job = Box::into_raw(Box::new(job));
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: pthread_attr_init(3) writes `attributes`, and the call after it changes it;
    // pthread_create(3) reads it, writes `thread` if it gives 0, and calls `main` on another thread
    // with the pointer, whose box holds what is `Send`. pthread_detach(3) takes a thread that was
    // neither joined nor detached.
    let error = unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setstacksize(attributes, STACK);
        let error = libc::pthread_create(thread.as_mut_ptr(), attributes, main, job.cast());
        libc::pthread_attr_destroy(attributes);
        if error == 0 {
            libc::pthread_detach(thread.assume_init());
        }
        error
    };
    if error != 0 {
        // SAFETY: no thread was made, so the box that `Box::into_raw` let go of is still ours.
        drop(unsafe { Box::from_raw(job) });
        return Err(io::Error::from_raw_os_error(error));
    }
    Ok(())
}

const STACK: usize = 2 << 20;

extern "C" fn main(job: *mut c_void) -> *mut c_void {
    // SAFETY: `detach_thread` made this pointer by `Box::into_raw` from a `Job`, and gave it away.
    let job = unsafe { Box::from_raw(job.cast::<Job>()) };
    // The panic was written to standard error when it began, and there is nobody else to tell.
    let _ = catch_unwind(AssertUnwindSafe(job));
    ptr::null_mut()
}

/// Whether this is the process's first thread.
pub(crate) fn is_main_thread() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: getpid(2) and gettid(2) take nothing and cannot fail; the main thread's id is the
    // process's.
    unsafe {
        libc::getpid() == libc::syscall(libc::SYS_gettid) as libc::pid_t
    }
    #[cfg(target_os = "netbsd")]
    // SAFETY: _lwp_self(2) takes nothing and cannot fail; a process's first LWP has number 1.
    unsafe {
        libc::_lwp_self() == 1
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "netbsd")))]
    // SAFETY: pthread_main_np(3) takes nothing; it tells nonzero on the main thread.
    unsafe {
        libc::pthread_main_np() == 1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn a_detached_thread_is_another_one_and_its_panic_ends_it_alone() {
        let (done, over) = channel();
        let panics = done.clone();
        detach_thread(Box::new(move || done.send(thread::current().id()).unwrap())).unwrap();
        assert_ne!(over.recv().unwrap(), thread::current().id());
        detach_thread(Box::new(move || {
            let _gone_when_unwound = panics;
            std::panic::resume_unwind(Box::new("nobody hears it"));
        }))
        .unwrap();
        assert!(over.recv().is_err());
    }
}
