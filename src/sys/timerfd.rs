//! A descriptor that becomes readable at a point in time: timerfd_create(2) on Linux, a kqueue with
//! one timer in it elsewhere.

use std::cell::Cell;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::{Process, Time, cvt};

/// A descriptor that is readable from a point in time on, and until it is set again.
///
/// It is close-on-exec.
pub(crate) struct TimerFd {
    fd: ManuallyDrop<OwnedFd>,
    /// Who opened it: a child of fork(2) does not inherit a kqueue, and there the number may be
    /// somebody else's descriptor.
    owner: Cell<Process>,
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl TimerFd {
    /// A timer that is not set.
    pub(crate) fn new() -> io::Result<TimerFd> {
        let owner = Cell::new(Process::this());
        Ok(TimerFd { fd: ManuallyDrop::new(open()?), owner })
    }

    /// In a child of fork(2): a timer of this process's own, not set, under the same number.
    pub(crate) fn renew(&self) -> io::Result<()> {
        super::fork::take_place(self.as_raw_fd(), open()?)?;
        self.owner.set(Process::this());
        Ok(())
    }

    /// Whether the number is ours to close. (A timerfd is inherited.)
    fn is_ours(&self) -> bool {
        cfg!(target_os = "linux") || self.owner.get().is_this()
    }
}

impl Drop for TimerFd {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: `fd` is not used after this, for `self` is going.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}

/// (timerfd_create(2))
#[cfg(target_os = "linux")]
fn open() -> io::Result<OwnedFd> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: timerfd_create(2) takes two integers and touches no memory of ours.
    let fd = cvt(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
    // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// (kqueue(2))
#[cfg(not(target_os = "linux"))]
fn open() -> io::Result<OwnedFd> {
    // SAFETY: kqueue(2) takes nothing and touches no memory of ours.
    let fd = cvt(unsafe { libc::kqueue() })?;
    // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: fcntl(2) with F_SETFD takes integers and touches no memory of ours.
    cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(fd)
}

#[cfg(target_os = "linux")]
impl TimerFd {
    /// Readable from `when` on, a point on the kernel's monotonic clock; with `None`, never.
    /// (timerfd_settime(2))
    pub(crate) fn set(&self, when: Option<Time>) -> io::Result<()> {
        // All zero would mean that it is not set; no machine has a timer due so early.
        let nanos = when.map_or(0, |when| when.as_nanos().max(1));
        let timer = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                tv_sec: libc::time_t::try_from(nanos / 1_000_000_000).unwrap_or(libc::time_t::MAX),
                tv_nsec: (nanos % 1_000_000_000) as libc::c_long,
            },
        };
        let absolute = libc::TFD_TIMER_ABSTIME;
        // SAFETY: timerfd_settime(2) reads one itimerspec at the pointer, which lives in this
        // frame; a null pointer for the old value is allowed.
        cvt(unsafe {
            libc::timerfd_settime(self.fd.as_raw_fd(), absolute, &timer, std::ptr::null_mut())
        })?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
impl TimerFd {
    /// Readable from `when` on, a point on the kernel's monotonic clock, rounded up to whole
    /// milliseconds, which every kqueue has; with `None`, never. (EVFILT_TIMER)
    pub(crate) fn set(&self, when: Option<Time>) -> io::Result<()> {
        // Deleting it takes back an expiry that is pending, too; there may be none to delete.
        let _ = self.change(None);
        let Some(when) = when else { return Ok(()) };
        let delay = when.since(super::time::monotonic()).as_nanos().div_ceil(1_000_000);
        // A day: no kqueue takes just any number. Whoever waits longer is woken once in vain.
        let millis = delay.clamp(1, 24 * 60 * 60 * 1000);
        self.change(Some(millis as u32))
    }

    /// Sets the timer anew to so many milliseconds from now, or deletes it.
    fn change(&self, millis: Option<u32>) -> io::Result<()> {
        // SAFETY: kevent is a plain C struct of integers and a pointer that we do not use: all zero
        // is a value of it.
        let mut change: libc::kevent = unsafe { std::mem::zeroed() };
        change.filter = libc::EVFILT_TIMER;
        change.flags = match millis {
            Some(_) => libc::EV_ADD | libc::EV_ONESHOT,
            None => libc::EV_DELETE,
        };
        change.data = millis.unwrap_or(0) as _;
        let none = std::ptr::null_mut();
        // SAFETY: kevent(2) reads one change at the pointer, which lives in this frame, and with
        // room for no events it neither waits nor writes.
        cvt(unsafe { libc::kevent(self.fd.as_raw_fd(), &change, 1, none, 0, std::ptr::null()) })?;
        Ok(())
    }
}
