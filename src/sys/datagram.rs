//! Datagram sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};

use super::addr::RawAddr;
use super::error::cvt_size;
use super::open;
use super::option::{get_option, set_option};
use super::socket::{
    ConnectProgress, DatagramOptions, REUSE_PORT, SEND_FLAGS, bind, family_of, limited,
    raw_local_addr, start_connect,
};

/// A non-blocking, close-on-exec socket, bound and connected as asked.
pub(super) fn open(
    local: Option<&SocketAddr>,
    remote: Option<&SocketAddr>,
    options: &DatagramOptions,
) -> io::Result<RawFd> {
    let Some(some) = local.or(remote) else {
        let text = "a datagram socket wants an address to bind to, or one to connect to";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let socket = open::open(family_of(some), libc::SOCK_DGRAM)?;
    let fd = socket.as_raw_fd();
    if options.reuse_port {
        set_option(fd, libc::SOL_SOCKET, REUSE_PORT, 1)?;
    }
    if options.allow_broadcast {
        set_option(fd, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
    }
    if let Some(local) = local {
        bind(fd, local)?;
    }
    if let Some(remote) = remote {
        // There is nobody to wait for: connecting only notes the address.
        match start_connect(fd, remote)? {
            ConnectProgress::Connected | ConnectProgress::InProgress => {}
        }
    }
    Ok(socket.into_raw_fd())
}

/// Makes a socket from elsewhere non-blocking and close-on-exec.
pub(super) fn adopt(fd: RawFd) -> io::Result<()> {
    let kind = get_option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
    let family = raw_local_addr(fd)?.family();
    if kind != libc::SOCK_DGRAM || !matches!(family, libc::AF_INET | libc::AF_INET6) {
        let text = format!(
            "a socket of type {kind} and address family {family}: a datagram socket (SOCK_DGRAM) \
             of IPv4 or IPv6 is needed"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    open::set_close_on_exec(fd)?;
    open::set_nonblocking(fd)
}

/// recvfrom(2).
pub(super) fn recv_raw(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, RawAddr)> {
    let room = limited(buffer.len());
    RawAddr::receive(|addr, len| {
        let bytes = buffer.as_mut_ptr().cast();
        // SAFETY: `buffer` is one live, exclusively borrowed allocation of at least `room` bytes,
        // and `RawAddr::receive` hands out a sockaddr_storage with its size, both unshared.
        cvt_size(unsafe { libc::recvfrom(fd, bytes, room, 0, addr, len) })
    })
}

pub(super) fn recv_from(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (len, from) = recv_raw(fd, buffer)?;
    Ok((len, from.to_socket_addr()?))
}

/// sendto(2), or send(2) where nobody is named.
pub(super) fn send_raw(fd: RawFd, bytes: &[u8], to: Option<&RawAddr>) -> io::Result<usize> {
    let (data, len) = (bytes.as_ptr().cast(), bytes.len());
    let (addr, addr_len) = to.map_or((std::ptr::null(), 0), RawAddr::as_ptr);
    // SAFETY: `bytes` is borrowed for the whole call, and so is the address, of which the kernel
    // reads `addr_len` bytes; a null address of length 0 is none (POSIX, sendto).
    cvt_size(unsafe { libc::sendto(fd, data, len, SEND_FLAGS, addr, addr_len) })
}

pub(super) fn send_to(fd: RawFd, bytes: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
    let to = to.map(RawAddr::new);
    send_raw(fd, bytes, to.as_ref())
}
