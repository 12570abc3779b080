//! poll(2), the one wait that every Unix has; and what a descriptor is a descriptor of.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::cvt;

/// One descriptor, what is asked of it and what came. A negative descriptor is passed over.
pub(crate) use libc::pollfd as PollFd;

/// Waits until something asked for in `table` is so, for at most `timeout` milliseconds (−1:
/// without end); how many entries then have something to tell.
///
/// # Errors
///
/// `Interrupted` where a signal ended the wait.
pub(crate) fn poll(table: &mut [PollFd], timeout: i32) -> io::Result<usize> {
    // SAFETY: poll(2) reads and writes `table.len()` entries at the pointer, which is that long and
    // exclusively borrowed. It checks the descriptors itself: a bad one gives POLLNVAL.
    let told =
        cvt(unsafe { libc::poll(table.as_mut_ptr(), table.len() as libc::nfds_t, timeout) })?;
    Ok(told as usize)
}

/// What kind of file a descriptor is open on, as far as waiting for it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    /// A regular file or a directory: always ready, so there is nothing to wait for.
    Storage,
    /// A pipe or a FIFO.
    Pipe,
    /// A socket, a terminal, another device.
    Other,
}

impl FileKind {
    /// The kind of `fd`; `EBADF` if it is not open. (fstat(2))
    pub(crate) fn of(fd: RawFd) -> io::Result<FileKind> {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: fstat(2) writes one `stat` at the pointer, which has room for it; it checks the
        // descriptor itself.
        cvt(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
        // SAFETY: fstat succeeded, so it has written all of it.
        let mode = unsafe { stat.assume_init() }.st_mode;
        Ok(match mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR => FileKind::Storage,
            libc::S_IFIFO => FileKind::Pipe,
            _ => FileKind::Other,
        })
    }
}
