//! Turning the kernel's −1 into an [`std::io::Error`].

use std::io;

/// The result of a system call: its value, or `errno` as an [`io::Error`] where it is −1.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same for calls that return a byte count.
pub(crate) fn cvt_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
