//! Unix datagram sockets.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;

use super::datagram::{recv_raw, send_raw};
use super::open;
use super::option::get_option;
use super::unix::{FileId, bind, connect, from_raw, local_addr, raw, unlink_if_same};

/// A datagram socket, bound to `local` and connected to `remote` where they are given.
pub(crate) fn datagram(
    local: Option<&UnixAddr>,
    remote: Option<&UnixAddr>,
) -> io::Result<(OwnedFd, Option<FileId>)> {
    let (socket, file) = match local {
        Some(local) => bind(libc::SOCK_DGRAM, local)?,
        None => (open::open(libc::AF_UNIX, libc::SOCK_DGRAM)?, None),
    };
    if let Some(remote) = remote {
        if let Err(error) = raw(remote).and_then(|name| connect(&socket, &name)) {
            local.into_iter().for_each(|local| unlink_if_same(local, file));
            return Err(error);
        }
    }
    Ok((socket, file))
}

/// Makes a Unix datagram socket from elsewhere non-blocking and close-on-exec.
///
/// # Errors
///
/// `InvalidInput` if it is something else.
pub(crate) fn adopt_datagram(fd: RawFd) -> io::Result<()> {
    let kind = get_option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
    if kind != libc::SOCK_DGRAM {
        let text = format!("a socket of type {kind}: a datagram socket (SOCK_DGRAM) is needed");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    local_addr(fd)?;
    open::set_close_on_exec(fd)?;
    open::set_nonblocking(fd)
}

/// recvfrom(2).
pub(crate) fn recv_from(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, UnixAddr)> {
    let (len, from) = recv_raw(fd, buffer)?;
    Ok((len, from_raw(&from)?))
}

/// sendto(2), or send(2) where nobody is named.
pub(crate) fn send_to(fd: RawFd, bytes: &[u8], to: Option<&UnixAddr>) -> io::Result<usize> {
    let to = to.map(raw).transpose()?;
    send_raw(fd, bytes, to.as_ref())
}
