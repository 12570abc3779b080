//! Children of fork(2) that run this same program's code: made, told, waited for.
//!
//! What a child may do is libc's question as long as its parent has several threads: it has one of
//! them, and any lock another one held is held for ever. So [`fork`] is for a process with one
//! thread, where the child may do whatever its parent may.

use std::io;
use std::process::ExitStatus;
use std::ptr;

use nix::sys::signal::{SigSet, SigmaskHow};

use super::{cvt, retry};

/// The number of a process.
pub(crate) type Pid = libc::pid_t;

/// On which side of a fork one is.
pub(crate) enum Fork {
    Parent(Pid),
    Child,
}

/// Why there is no child.
pub(crate) enum NotForked {
    /// The process has so many threads.
    Threads(usize),
    Kernel(io::Error),
}

/// A child of this process, which has one thread. (fork(2))
///
/// Signals that came before it returned and are [held](HeldSignals) wait in the parent only.
pub(crate) fn fork() -> Result<Fork, NotForked> {
    check_one_thread()?;
    // SAFETY: fork(2) takes nothing. There is one thread, so that the child is a whole copy of
    // its parent, in which nobody is missing who would have to give something back. Where the
    // system does not tell how many threads there are, libc's own locks are still in order in the
    // child (pthread_atfork(3)), and whoever started threads before `workers` has been told not to.
    match cvt(unsafe { libc::fork() }) {
        Ok(0) => Ok(Fork::Child),
        Ok(child) => Ok(Fork::Parent(child)),
        Err(error) => Err(NotForked::Kernel(error)),
    }
}

/// Whether this process has one thread, as far as that can be told.
pub(crate) fn check_one_thread() -> Result<(), NotForked> {
    match threads() {
        Some(count) if count > 1 => Err(NotForked::Threads(count)),
        _ => Ok(()),
    }
}

/// How many threads this process has, where that can be told.
fn threads() -> Option<usize> {
    if cfg!(target_os = "linux") {
        return Some(std::fs::read_dir("/proc/self/task").ok()?.count());
    }
    // The BSDs and macOS tell it by structures that are theirs alone, and change.
    None
}

/// Has this process end by SIGKILL when its parent ends in whatever way, where there is such a
/// thing: Linux. (PR_SET_PDEATHSIG)
pub(crate) fn die_with_parent() {
    // SAFETY: prctl(2) with this option takes integers. It can only fail for a number that is no
    // signal.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0, 0, 0)
    };
}

/// Ends this process now: nothing of what its parent wanted done at its end is done. (_exit(2))
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// How a child ended, if it has; it is gone then, and its number may be another's. (waitpid(2))
///
/// # Errors
///
/// `ECHILD` if somebody else has waited for it.
pub(crate) fn reap(child: Pid) -> io::Result<Option<ExitStatus>> {
    use std::os::unix::process::ExitStatusExt;
    let mut status = 0;
    // SAFETY: waitpid(2) writes one integer at the pointer, which lives in this frame.
    match retry(|| cvt(unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) }))? {
        0 => Ok(None),
        _ => Ok(Some(ExitStatus::from_raw(status))),
    }
}

/// Waits for a child to its end.
pub(crate) fn reap_waiting(child: Pid) {
    // SAFETY: waitpid(2) takes a null pointer for a status nobody wants.
    let _ = retry(|| cvt(unsafe { libc::waitpid(child, ptr::null_mut(), 0) }));
}

/// Sends `signal` to a child that has not been reaped, so that its number is its own. (kill(2))
pub(crate) fn send_signal(child: Pid, signal: i32) {
    // SAFETY: kill(2) takes two integers. A child that has ended and is not reaped takes it too.
    let _ = cvt(unsafe { libc::kill(child, signal) });
}

/// Ends such a child, whatever it does. (SIGKILL)
pub(crate) fn kill(child: Pid) {
    send_signal(child, libc::SIGKILL);
}

/// While it lives, no signal reaches this thread; those that come wait. (pthread_sigmask(3))
pub(crate) struct HeldSignals(SigSet);

impl HeldSignals {
    pub(crate) fn hold() -> io::Result<HeldSignals> {
        Ok(HeldSignals(SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?))
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        // It was this thread's mask before, so it is one.
        let _ = self.0.thread_set_mask();
    }
}
