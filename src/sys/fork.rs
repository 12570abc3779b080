//! Which process this is: a child of fork(2) has a copy of everything, and shares what the kernel
//! keeps for it.
//!
//! Two questions, of different price. [`Process::is_this`] asks the kernel and is never wrong. A
//! counter that the child's first act is to raise (pthread_atfork(3)) answers
//! [`Process::seems_this`] with one load; it misses only children that were made behind libc's
//! back, by a bare clone(2). What begins or ends asks the first, what may be called often the
//! second.

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::cvt;

/// How many forks lie between the process that first asked and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// What FORKS is now, from now on kept up to date.
pub(crate) fn forks() -> u32 {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        // SAFETY: pthread_atfork(3) keeps a pointer to a function, which lives as long as this
        // code does and does only what a child may do there: one atomic addition. Where it fails,
        // memory has run out, and the counter is as good as none: `is_this` still tells.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    FORKS.load(Relaxed)
}

/// What it is now, once somebody has called [`forks`]. Safe in a signal handler.
#[inline(always)]
pub(crate) fn forks_so_far() -> u32 {
    FORKS.load(Relaxed)
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Relaxed);
}

/// A process, as somebody was born in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    id: u32,
    forks: u32,
}

impl Process {
    /// This one.
    pub(crate) fn this() -> Process {
        Process { forks: forks(), id: std::process::id() }
    }

    /// Its number.
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// Whether this is it. One system call. (getpid(2))
    pub(crate) fn is_this(self) -> bool {
        self.seems_this() && self.id == std::process::id()
    }

    /// Whether this is it, as far as libc knows. One load.
    #[inline(always)]
    pub(crate) fn seems_this(self) -> bool {
        self.forks == forks_so_far()
    }
}

/// Gives `new` the number that a kqueue of the parent had, which a child does not inherit.
///
/// # Errors
///
/// `AlreadyExists` if the number is in use again; the kernel's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take_place(number: RawFd, new: OwnedFd) -> io::Result<()> {
    // The number was free, so the kernel may have given it to the new one.
    // SAFETY: fcntl(2) with F_GETFD takes integers and touches no memory of ours.
    if new.as_raw_fd() == number || unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return put_in_place(number, new);
    }
    let what = format!(
        "descriptor {number} is in use again: make a loop anew before the child opens anything"
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, what))
}

/// The same for an epoll instance, which it does inherit.
#[cfg(target_os = "linux")]
pub(crate) fn take_place(number: RawFd, new: OwnedFd) -> io::Result<()> {
    put_in_place(number, new)
}

/// Puts `new` in the place of the descriptor that has `number`, close-on-exec: whoever knows the
/// number has the new one. If it has that number already it is left to its owner. (dup2(2))
///
/// # Errors
///
/// The kernel's; the old descriptor is untouched then.
pub(crate) fn put_in_place(number: RawFd, new: OwnedFd) -> io::Result<()> {
    // SAFETY: dup2(2) takes two integers. Whoever owns `number` asks for this and goes on owning
    // it; what is closed by it was nobody else's.
    cvt(unsafe { libc::dup2(new.as_raw_fd(), number) })?;
    // SAFETY: fcntl(2) with F_SETFD takes integers and touches no memory of ours.
    cvt(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    if new.as_raw_fd() == number {
        // Whoever owns the number closes it.
        let _ = new.into_raw_fd();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::FromRawFd;

    use super::*;

    #[test]
    fn what_has_the_number_already_stays_open_and_is_its_owners() {
        let owner = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let number = owner.as_raw_fd();
        // SAFETY: the number's owner lives on, and `put_in_place` leaves the descriptor to it, as
        // it does in a child of fork(2) where the kernel gave the number to the new descriptor.
        put_in_place(number, unsafe { OwnedFd::from_raw_fd(number) }).unwrap();
        assert!(owner.try_clone().is_ok(), "it was closed");
    }
}
