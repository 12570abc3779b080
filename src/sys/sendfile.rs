//! sendfile(2), which three families of kernels have in three forms.

use std::io;
use std::os::fd::RawFd;

/// Sends at most `count` bytes of `file`, from `offset` on, to a stream socket; how many it was. 0
/// is the end of the file.
///
/// # Errors
///
/// `WouldBlock`; EINVAL and others if the kernel cannot do it with this file or this socket.
#[cfg(target_os = "linux")]
pub(super) fn sendfile(to: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
    let mut offset = in_range(offset)?;
    // SAFETY: sendfile(2) reads and writes one off_t at the pointer, which is to a live one.
    super::error::cvt_size(unsafe { libc::sendfile(to, file, &raw mut offset, count) })
}

/// Reads from an open file, from `offset` on; how many bytes it was. 0 is its end. For simulations,
/// whose sockets are not the kernel's.
///
/// # Errors
///
/// Those of pread(2).
#[cfg(feature = "testing")]
pub(crate) fn read_file_at(file: RawFd, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: pread(2) writes at most `len` bytes to the buffer, which has as many.
    let read = unsafe { libc::pread(file, buffer.as_mut_ptr().cast(), buffer.len(), offset) };
    super::error::cvt_size(read)
}

#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
pub(super) fn sendfile(to: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
    let (mut sent, offset, none) = (0, in_range(offset)?, std::ptr::null_mut());
    // SAFETY: sendfile(2) writes one off_t at the pointer, which is to a live one; there are
    // neither headers nor trailers.
    let told = unsafe { libc::sendfile(file, to, offset, count, none, &raw mut sent, 0) };
    in_part(told, sent)
}

#[cfg(target_vendor = "apple")]
pub(super) fn sendfile(to: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
    // It is both: how many to send, and how many were sent.
    let (mut len, offset, none) =
        (in_range(count as u64)?, in_range(offset)?, std::ptr::null_mut());
    // SAFETY: sendfile(2) reads and writes one off_t at the pointer, which is to a live one; there
    // are neither headers nor trailers.
    let told = unsafe { libc::sendfile(file, to, offset, &raw mut len, none, 0) };
    in_part(told, len)
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_vendor = "apple"
)))]
pub(super) fn sendfile(_: RawFd, _: RawFd, _: u64, _: usize) -> io::Result<usize> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no sendfile(2)"))
}

/// What was sent counts, also where the call then would have blocked or was interrupted.
#[cfg(any(target_os = "freebsd", target_os = "dragonfly", target_vendor = "apple"))]
fn in_part(told: libc::c_int, sent: libc::off_t) -> io::Result<usize> {
    match super::cvt(told) {
        Err(error) if sent == 0 || !is_not_yet(&error) => Err(error),
        _ => Ok(sent as usize),
    }
}

#[cfg(any(target_os = "freebsd", target_os = "dragonfly", target_vendor = "apple"))]
fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(any(
    target_os = "linux",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_vendor = "apple"
))]
fn in_range(offset: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(offset).map_err(|_| {
        let text = format!("{offset} is no offset in a file: it is beyond what an off_t holds");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}
