//! Child processes: sending them signals, and a descriptor that tells of their end.
//!
//! Who has ended is still to be reaped: the number is not used again before that, so a signal sent
//! until then reaches nobody else.
//!
//! | system             | the descriptor                                              |
//! |--------------------|-------------------------------------------------------------|
//! | Linux 5.3          | pidfd_open(2)                                               |
//! | macOS and the BSDs | a kqueue of its own with EVFILT_PROC, NOTE_EXIT             |
//! | everything else    | a bell that a thread rings when its waitid(2) returns       |
//!
//! SIGCHLD is nobody's here. A signal has one handler in a process, so whoever takes this one takes
//! it from the program and from every other loop. A thread that waits for one child takes nothing
//! from anybody, and it is there only where the kernel has no better.

use std::io;
#[cfg(target_vendor = "apple")]
use std::os::fd::AsRawFd;
use std::os::fd::{FromRawFd, OwnedFd};

use super::cvt;
#[cfg(target_vendor = "apple")]
use super::open::set_close_on_exec;

#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub(crate) use by_kqueue::ExitFd;
#[cfg(not(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
)))]
pub(crate) use by_pidfd::ExitFd;

/// kill(2).
///
/// # Errors
///
/// ESRCH if there is no such process, EINVAL if there is no such signal, EPERM.
pub(crate) fn kill(pid: u32, signal: i32) -> io::Result<()> {
    // Zero and below mean groups of processes, which nobody here has asked for.
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: kill(2) takes two integers.
    cvt(unsafe { libc::kill(pid, signal) })?;
    Ok(())
}

/// A close-on-exec pipe: its reader and its writer. Both block.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: pipe2(2) writes two descriptors at the pointer, which has room for them.
    cvt(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    #[cfg(target_vendor = "apple")]
    // SAFETY: pipe(2) writes two descriptors at the pointer, which has room for them.
    cvt(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
    // SAFETY: the kernel has just opened both for us; nobody else owns them.
    let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    #[cfg(target_vendor = "apple")]
    {
        set_close_on_exec(reader.as_raw_fd())?;
        set_close_on_exec(writer.as_raw_fd())?;
    }
    Ok((reader, writer))
}

#[cfg(not(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
)))]
mod by_pidfd {
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    #[cfg(target_os = "linux")]
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::sync::Arc;
    use std::thread;

    use super::super::{BellFd, cvt, retry};

    /// A descriptor that is readable once a child has ended, and from then on.
    pub(crate) enum ExitFd {
        #[cfg(target_os = "linux")]
        Pid(OwnedFd),
        Bell(Arc<BellFd>),
    }

    /// What a thread needs that only waits.
    const STACK: usize = 64 * 1024;

    impl ExitFd {
        /// That of the child `pid`, which is not reaped yet. `None`: it has ended, and somebody
        /// has reaped it.
        ///
        /// # Errors
        ///
        /// EMFILE, ENFILE, ENOMEM; EAGAIN for a thread too many.
        pub(crate) fn of(pid: u32) -> io::Result<Option<ExitFd>> {
            #[cfg(target_os = "linux")]
            match pidfd_open(pid) {
                Ok(fd) => return Ok(Some(ExitFd::Pid(fd))),
                Err(error) => match error.raw_os_error() {
                    Some(libc::ESRCH) => return Ok(None),
                    // Before Linux 5.3, and as some sandboxes have it.
                    Some(libc::ENOSYS | libc::EPERM) => {}
                    _ => return Err(error),
                },
            }
            ExitFd::by_thread(pid).map(Some)
        }

        /// The same by a thread that waits for it and leaves it to be reaped.
        pub(crate) fn by_thread(pid: u32) -> io::Result<ExitFd> {
            let bell = Arc::new(BellFd::new()?);
            let rung = bell.clone();
            let wait = move || {
                wait_for(pid);
                rung.ring();
            };
            thread::Builder::new()
                .name(format!("evloop-wait-{pid}"))
                .stack_size(STACK)
                .spawn(wait)?;
            Ok(ExitFd::Bell(bell))
        }
    }

    impl AsRawFd for ExitFd {
        fn as_raw_fd(&self) -> RawFd {
            match self {
                #[cfg(target_os = "linux")]
                ExitFd::Pid(fd) => fd.as_raw_fd(),
                ExitFd::Bell(bell) => bell.as_raw_fd(),
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
        let (pid, flags) = (pid as libc::pid_t, 0 as libc::c_uint);
        // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
        let fd = cvt(fd as libc::c_int)?;
        // SAFETY: the kernel has just opened `fd` for us, close-on-exec; nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Waits until the child has ended, or is no child of ours any more.
    fn wait_for(pid: u32) {
        let _ = retry(|| {
            // SAFETY: a siginfo_t is integers and pointers: all zeros is a value of it.
            let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
            let flags = libc::WEXITED | libc::WNOWAIT;
            // SAFETY: waitid(2) writes one siginfo_t at the pointer, which has room for it.
            cvt(unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, flags) })
        });
    }
}

#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
mod by_kqueue {
    use std::io;
    use std::mem::ManuallyDrop;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
    use std::ptr;

    use super::super::open::set_close_on_exec;
    use super::super::{Process, cvt};

    /// A descriptor that is readable once a child has ended, and from then on: a queue whose only
    /// event nobody takes out.
    ///
    /// A child of fork(2) does not inherit a kqueue, and there its number may be somebody else's
    /// descriptor: so only the process that opened it closes it.
    pub(crate) struct ExitFd(ManuallyDrop<OwnedFd>, Process);

    impl Drop for ExitFd {
        fn drop(&mut self) {
            if self.1.is_this() {
                // SAFETY: the descriptor is not used after this, for `self` is going.
                unsafe { ManuallyDrop::drop(&mut self.0) };
            }
        }
    }

    impl ExitFd {
        /// That of the child `pid`, which is not reaped yet. `None`: it has ended, or is about to,
        /// so that there is nothing to watch any more.
        ///
        /// # Errors
        ///
        /// EMFILE, ENFILE, ENOMEM.
        pub(crate) fn of(pid: u32) -> io::Result<Option<ExitFd>> {
            // SAFETY: kqueue(2) takes nothing and touches no memory of ours.
            let fd = cvt(unsafe { libc::kqueue() })?;
            // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
            let queue = unsafe { OwnedFd::from_raw_fd(fd) };
            set_close_on_exec(fd)?;
            // SAFETY: every field of `struct kevent` is an integer or a pointer that is never
            // followed, for which all zeroes is a value.
            let mut change: libc::kevent = unsafe { std::mem::zeroed() };
            change.ident = pid as _;
            change.filter = libc::EVFILT_PROC;
            change.flags = libc::EV_ADD;
            change.fflags = libc::NOTE_EXIT;
            // SAFETY: kevent(2) reads one change at the pointer and has room for no event, so that
            // what fails is its return value; the timeout is null.
            let made = cvt(unsafe {
                libc::kevent(fd, &raw const change, 1, ptr::null_mut(), 0, ptr::null())
            });
            match made {
                Ok(_) => Ok(Some(ExitFd(ManuallyDrop::new(queue), Process::this()))),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
                Err(error) => Err(error),
            }
        }
    }

    impl AsRawFd for ExitFd {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd;
    use std::process::{Command, Stdio};

    use super::super::{PollFd, poll};
    use super::*;

    fn is_readable(fd: &ExitFd, timeout: i32) -> bool {
        let mut table = [PollFd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        poll(&mut table, timeout).unwrap() == 1
    }

    #[test]
    fn it_is_readable_once_the_child_has_ended_and_not_before() {
        for by_thread in [false, true] {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            let exit = match by_thread {
                true => ExitFd::by_thread(child.id()).unwrap(),
                false => ExitFd::of(child.id()).unwrap().unwrap(),
            };
            assert!(!is_readable(&exit, 0));
            drop(child.stdin.take());
            assert!(is_readable(&exit, -1));
            // It is left to be reaped.
            assert!(child.try_wait().unwrap().unwrap().success());
            assert!(is_readable(&exit, 0));
        }
    }

    #[test]
    fn a_number_that_is_no_process_gets_no_signal() {
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert_eq!(kill(pid, 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        }
    }
}
