//! Socket options whose value is an integer.

use super::cvt;
use std::io;
use std::mem::size_of;
use std::os::fd::RawFd;

/// setsockopt(2) with one integer.
pub(crate) fn set_option(
    socket: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: setsockopt(2) reads `len` bytes at the pointer, which is to one live c_int.
    cvt(unsafe { libc::setsockopt(socket, level, name, (&raw const value).cast(), len) })?;
    Ok(())
}

/// getsockopt(2) of one integer.
pub(crate) fn get_option(
    socket: RawFd,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    let pointer = (&raw mut value).cast();
    // SAFETY: getsockopt(2) writes at most `len` bytes at the pointer, which is to one live c_int
    // that nobody else can see.
    cvt(unsafe { libc::getsockopt(socket, level, name, pointer, &raw mut len) })?;
    Ok(value)
}
