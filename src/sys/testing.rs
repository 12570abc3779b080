//! What the selectors' tests want of the kernel and the standard library does not have.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::cvt;

/// A non-blocking pipe: its reader and its writer.
pub(crate) fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: pipe(2) writes two descriptors at the pointer, which has room for them.
    cvt(unsafe { libc::pipe(ends.as_mut_ptr()) }).unwrap();
    let [reader, writer] = ends.map(|fd| {
        // SAFETY: fcntl(F_SETFL) takes an integer; `fd` has just been opened.
        cvt(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) }).unwrap();
        // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
        unsafe { OwnedFd::from_raw_fd(fd) }
    });
    (reader, writer)
}

/// Opens what `from` is open on under the number of `onto` as well, which thereby is closed as what
/// it was and reused in one step: no other thread can be given the number in between. (dup2(2))
pub(crate) fn reuse_number(onto: &impl AsRawFd, from: &impl AsRawFd) {
    // SAFETY: dup2(2) takes two integers; both descriptors are borrowed and open.
    cvt(unsafe { libc::dup2(from.as_raw_fd(), onto.as_raw_fd()) }).unwrap();
}

/// Whether two numbers are open on the same file; `None` if one is closed.
#[cfg(target_os = "linux")]
pub(crate) fn same_file(one: libc::c_int, other: libc::c_int) -> Option<bool> {
    let identify = |fd| {
        let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: fstat(2) writes one `stat` at the pointer, which has room for it.
        cvt(unsafe { libc::fstat(fd, stat.as_mut_ptr()) }).ok()?;
        // SAFETY: fstat succeeded, so it has written all of it.
        let stat = unsafe { stat.assume_init() };
        Some((stat.st_dev, stat.st_ino))
    };
    Some(identify(one)? == identify(other)?)
}

/// A thread that signals can be sent to.
pub(crate) struct Thread(libc::pthread_t);

// SAFETY: a pthread_t names a thread to pthread_kill, which any thread may call.
unsafe impl Send for Thread {}

impl Thread {
    /// The calling thread, with SIGUSR2 caught by a handler that does nothing.
    pub(crate) fn current() -> Thread {
        extern "C" fn nothing(_signal: libc::c_int) {}
        let handler: extern "C" fn(libc::c_int) = nothing;
        // SAFETY: the handler touches nothing, so it may run anywhere; it lives for ever.
        unsafe { libc::signal(libc::SIGUSR2, handler as libc::sighandler_t) };
        // SAFETY: pthread_self(3) always succeeds.
        Thread(unsafe { libc::pthread_self() })
    }

    /// Sends it SIGUSR2. The thread must not have ended.
    pub(crate) fn interrupt(&self) {
        // SAFETY: the caller keeps the thread alive, so its name is valid.
        unsafe { libc::pthread_kill(self.0, libc::SIGUSR2) };
    }
}
