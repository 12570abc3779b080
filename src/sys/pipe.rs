//! Reading and writing what is no socket: pipes, terminals.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::error::cvt_size;
use super::open::{set_close_on_exec, set_nonblocking};
use super::poll::{PollFd, poll};
use super::{cvt, retry};

/// What a transport can read or write that is not always ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PipeKind {
    /// A pipe or a FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal or another character device.
    Device,
}

/// Makes a pipe, a socket or a character device non-blocking and close-on-exec.
///
/// # Errors
///
/// `InvalidInput` if it is something else; EBADF.
pub(super) fn adopt_pipe(fd: RawFd) -> io::Result<PipeKind> {
    let kind = match file_type(fd)? {
        libc::S_IFIFO => PipeKind::Pipe,
        libc::S_IFSOCK => PipeKind::Socket,
        libc::S_IFCHR => PipeKind::Device,
        other => return Err(no_pipe(fd, other)),
    };
    set_close_on_exec(fd)?;
    set_nonblocking(fd)?;
    Ok(kind)
}

fn no_pipe(fd: RawFd, file_type: libc::mode_t) -> io::Error {
    let what = match file_type {
        libc::S_IFREG => "a regular file",
        libc::S_IFDIR => "a directory",
        libc::S_IFBLK => "a block device",
        _ => "something else",
    };
    let text = format!(
        "Pipe transport is for pipes, sockets and character devices only: descriptor {fd} is \
         {what}, which is always ready; read or write it in a thread"
    );
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn file_type(fd: RawFd) -> io::Result<libc::mode_t> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat(2) writes one `stat` at the pointer, which has room for it; it checks the
    // descriptor itself.
    cvt(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: fstat succeeded, so it has written all of it.
    Ok(unsafe { stat.assume_init() }.st_mode & libc::S_IFMT)
}

/// read(2).
pub(super) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    let len = buffer.len().min(MOST);
    // SAFETY: `buffer` is exclusively borrowed, so the kernel may write `len` bytes at its pointer.
    cvt_size(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), len) })
}

/// write(2).
pub(super) fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let len = bytes.len().min(MOST);
    // SAFETY: `bytes` is borrowed for the whole call, so the kernel may read `len` bytes there.
    cvt_size(unsafe { libc::write(fd, bytes.as_ptr().cast(), len) })
}

/// writev(2).
pub(super) fn write_vectored(fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = buffers.len().min(super::socket::MAX_BUFFERS) as libc::c_int;
    // SAFETY: IoSlice is an iovec by its documentation, and writev(2) only reads them and what they
    // point to; `buffers` is borrowed with all that for the whole call.
    cvt_size(unsafe { libc::writev(fd, buffers.as_ptr().cast(), count) })
}

/// The most bytes given to one call: macOS refuses more.
const MOST: usize = libc::c_int::MAX as usize;

/// Whether nobody reads any more what is written to `fd`.
///
/// A pipe's writer is in error or hung up then, which poll(2) tells unasked. A socket whose peer
/// has closed may still be open from here, and has its end of file to read.
pub(super) fn is_reader_gone(fd: RawFd) -> io::Result<bool> {
    let mut entry = [PollFd { fd, events: 0, revents: 0 }];
    retry(|| poll(&mut entry, 0))?;
    if entry[0].revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
        return Ok(true);
    }
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: recv(2) writes at most one byte at the pointer, which is to one that nobody else sees.
    let peeked = cvt_size(unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, flags) });
    // What is no socket says ENOTSOCK.
    Ok(matches!(peeked, Ok(0)))
}
