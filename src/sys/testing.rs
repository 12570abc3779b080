//! What tests want of the kernel and the standard library does not have.

#[cfg(feature = "testing")]
use std::io;
#[cfg(feature = "testing")]
use std::os::fd::RawFd;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::cvt;
#[cfg(feature = "testing")]
use super::error::cvt_size;

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

/// read(2), for what is no socket.
#[cfg(feature = "testing")]
pub(crate) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buffer` is exclusively borrowed, so the kernel may write its length at its pointer.
    cvt_size(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// write(2), for what is no socket.
#[cfg(feature = "testing")]
pub(crate) fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is borrowed for the whole call, so the kernel may read its length there.
    cvt_size(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// How many bytes of a TCP socket its peer's kernel has not acknowledged, its end of file counting
/// as one. (SIOCOUTQ, tcp(7))
#[cfg(all(feature = "testing", target_os = "linux"))]
pub(crate) fn unacknowledged(fd: RawFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, whose number is TIOCOUTQ's, writes one int at the pointer.
    cvt(unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut count) })?;
    Ok(count as usize)
}

/// Keeps the calling thread on the processor that it runs on. (sched_setaffinity(2))
#[cfg(all(feature = "testing", target_os = "linux"))]
pub(crate) fn stay_on_this_processor() -> io::Result<()> {
    // SAFETY: a cpu_set_t is an array of integers, and all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: sched_getcpu(3) takes nothing, CPU_SET writes inside `set` (it panics for a number
    // beyond), and sched_setaffinity(2) reads as many bytes of it as it is told.
    cvt(unsafe {
        libc::CPU_SET(cvt(libc::sched_getcpu())? as usize, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    })?;
    Ok(())
}
