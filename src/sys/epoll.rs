//! epoll(7), Linux's way to wait for many descriptors.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::{cvt, fork};

/// One event as the kernel writes it: what is so, and the word given at registration.
pub(crate) use libc::epoll_event as EpollEvent;

/// An epoll instance.
pub(crate) struct Epoll(OwnedFd);

/// `struct __kernel_timespec`, which is 64 bits wide on every machine, as libc's is not.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanos: i64,
}

impl Epoll {
    /// A new, close-on-exec instance. (epoll_create1(2))
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: epoll_create1(2) takes one integer and touches no memory of ours.
        let fd = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// In a child of fork(2): an instance of this process's own, empty, under the same number.
    pub(crate) fn renew(&self) -> io::Result<()> {
        fork::put_in_place(self.0.as_raw_fd(), Epoll::new()?.0)
    }

    /// Begins to watch `fd` for `flags`; its events carry `data`. (`EPOLL_CTL_ADD`)
    pub(crate) fn add(&self, fd: RawFd, flags: u32, data: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, flags, data)
    }

    /// Changes what `fd` is watched for. (`EPOLL_CTL_MOD`)
    pub(crate) fn modify(&self, fd: RawFd, flags: u32, data: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, flags, data)
    }

    /// Ends watching `fd`. (`EPOLL_CTL_DEL`)
    pub(crate) fn delete(&self, fd: RawFd) -> io::Result<()> {
        // Linux before 2.6.9 wanted a pointer here although it did not look at it; so be it.
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: i32, fd: RawFd, flags: u32, data: u64) -> io::Result<()> {
        let mut event = EpollEvent { events: flags, u64: data };
        // SAFETY: epoll_ctl(2) reads one epoll_event at the pointer, which lives in this frame.
        // It checks both descriptors itself, and a bad one is an error, not undefined.
        cvt(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) })?;
        Ok(())
    }

    /// Waits for at most `timeout` milliseconds (−1: without end), and replaces what is in `events`
    /// by what happened, as far as its capacity goes. (epoll_wait(2))
    ///
    /// # Errors
    ///
    /// `Interrupted` where a signal ended the wait.
    pub(crate) fn wait(&self, events: &mut Vec<EpollEvent>, timeout: i32) -> io::Result<()> {
        let room = room(events);
        // SAFETY: epoll_wait(2) writes at most `room` events at the pointer; the vector's
        // allocation has that capacity and is exclusively borrowed.
        let happened =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, timeout) };
        // SAFETY: the kernel has initialised that many events at the pointer.
        unsafe { take(events, happened) }
    }

    /// The same, to the nanosecond. (epoll_pwait2(2), since Linux 5.11)
    ///
    /// # Errors
    ///
    /// As above; and where the kernel is older, `ENOSYS`, or `EPERM` from an old sandbox.
    pub(crate) fn wait_exactly(
        &self,
        events: &mut Vec<EpollEvent>,
        timeout: Duration,
    ) -> io::Result<()> {
        let room = room(events);
        let timeout = KernelTimespec::from(timeout);
        // SAFETY: epoll_pwait2(2) writes events as above and reads one `__kernel_timespec`, which
        // `timeout` is laid out as and which lives in this frame; a null mask (of size 0) leaves
        // the signal mask alone.
        let happened = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                room,
                &raw const timeout,
                ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        // SAFETY: the kernel has initialised that many events at the pointer.
        unsafe { take(events, happened as i32) }
    }
}

/// How many events the vector's allocation has room for.
fn room(events: &Vec<EpollEvent>) -> i32 {
    i32::try_from(events.capacity()).unwrap_or(i32::MAX)
}

/// Makes `events` as long as the kernel says that it is, or empty and an error where it says −1.
///
/// # Safety
///
/// Where `happened` is not −1, that many events have been initialised, within the capacity.
unsafe fn take(events: &mut Vec<EpollEvent>, happened: i32) -> io::Result<()> {
    events.clear();
    let happened = cvt(happened)?;
    // SAFETY: the caller's promise.
    unsafe { events.set_len(happened as usize) };
    Ok(())
}

impl From<Duration> for KernelTimespec {
    fn from(duration: Duration) -> KernelTimespec {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        KernelTimespec { seconds, nanos: i64::from(duration.subsec_nanos()) }
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
