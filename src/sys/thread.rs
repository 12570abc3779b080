//! Which thread this is.

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
