//! Descriptors for sockets: opened, accepted and adopted, non-blocking and close-on-exec each.
//!
//! Linux and the BSDs set both flags in the call that makes the descriptor. macOS has no such
//! call, so there a fork(2) in between may leak the descriptor to the child; nothing can be done.

use super::addr::RawAddr;
use super::option::{get_option, set_option};
use super::{cvt, retry};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A new socket of this address family (`AF_…`) and kind (`SOCK_…`).
pub(crate) fn open(family: libc::c_int, kind: libc::c_int) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket(2) takes no pointers.
    let fd = cvt(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: socket(2) has just made `fd`, so nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(socket.as_raw_fd())?;
    Ok(socket)
}

/// The next connection that waits at `listener`, and who it is.
pub(crate) fn accept(listener: RawFd) -> io::Result<(OwnedFd, RawAddr)> {
    let (fd, peer) = RawAddr::receive(|addr, len| {
        retry(|| {
            // SAFETY: accept4(2) may write `*len` bytes at `addr`; `RawAddr::receive` hands out a
            // sockaddr_storage with its size, both alive and unshared during the call.
            #[cfg(not(target_vendor = "apple"))]
            let fd = unsafe {
                libc::accept4(listener, addr, len, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
            };
            // SAFETY: the same for accept(2).
            #[cfg(target_vendor = "apple")]
            let fd = unsafe { libc::accept(listener, addr, len) };
            cvt(fd)
        })
    })?;
    // SAFETY: accept(2) has just made `fd`, so nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    if peer.is_empty() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    prepare(socket.as_raw_fd()).map_err(gone)?;
    Ok((socket, peer))
}

/// The same, with the address if it is an internet one.
pub(crate) fn accept_socket(listener: RawFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (socket, peer) = accept(listener)?;
    Ok((socket, peer.to_socket_addr().ok()))
}

/// macOS answers EINVAL to options of a socket whose peer has reset it already.
fn gone(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL) => io::ErrorKind::ConnectionAborted.into(),
        _ => error,
    }
}

/// Sets what could not be asked for when the socket was made.
#[cfg(not(target_vendor = "apple"))]
fn prepare(_socket: RawFd) -> io::Result<()> {
    Ok(())
}

/// Sets what could not be asked for when the socket was made; SIGPIPE can be switched off only for
/// a whole socket here, not for one send.
#[cfg(target_vendor = "apple")]
fn prepare(socket: RawFd) -> io::Result<()> {
    set_close_on_exec(socket)?;
    set_nonblocking(socket)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)
}

/// Makes a stream socket from elsewhere ours: non-blocking, close-on-exec, without SIGPIPE, and
/// with TCP_NODELAY if it is an internet one. Gives its address family.
///
/// # Errors
///
/// - `InvalidInput` if it is a socket of another kind.
/// - EBADF and ENOTSOCK as the kernel has them.
pub(crate) fn adopt(fd: RawFd) -> io::Result<libc::c_int> {
    let kind = get_option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
    if kind != libc::SOCK_STREAM {
        let text = format!("a socket of type {kind}: a stream socket (SOCK_STREAM) is needed");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    set_close_on_exec(fd)?;
    set_nonblocking(fd)?;
    #[cfg(target_vendor = "apple")]
    set_option(fd, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)?;
    let family = super::socket::raw_local_addr(fd)?.family();
    if matches!(family, libc::AF_INET | libc::AF_INET6) {
        set_nodelay(fd)?;
    }
    Ok(family)
}

/// `TCP_NODELAY`: small writes go out at once, they do not wait for earlier ones' acknowledgement.
pub(crate) fn set_nodelay(socket: RawFd) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)
}

/// Whether `O_NONBLOCK` is set.
///
/// # Errors
///
/// `InvalidInput` if it is not, which would stop the whole loop; EBADF.
pub(crate) fn check_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no pointer.
    let flags = cvt(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    if flags & libc::O_NONBLOCK != 0 {
        return Ok(());
    }
    let text = "the socket must be non-blocking: call its set_nonblocking(true) first";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Sets `O_NONBLOCK`.
pub(crate) fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no pointer.
    let flags = cvt(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    if flags & libc::O_NONBLOCK == 0 {
        // SAFETY: F_SETFL takes an integer, no pointer.
        cvt(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    }
    Ok(())
}

/// Sets `FD_CLOEXEC`.
pub(crate) fn set_close_on_exec(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_SETFD takes an integer, no pointer.
    cvt(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(())
}
