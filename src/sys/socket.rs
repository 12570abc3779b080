//! The socket calls a transport makes: the seam, and the kernel behind it.

use super::addr::RawAddr;
use super::cvt;
use super::datagram;
use super::error::cvt_size;
use super::open::{accept, adopt, check_nonblocking, open, set_nodelay};
use super::option::{get_option, set_option};
use super::peer;
use super::pipe::{self, PipeKind};
use super::resolve::NameFlags;
use super::sendfile;
use super::unix::{self, FileId};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
#[cfg(any(feature = "workers", all(test, feature = "testing", feature = "datagram")))]
use std::os::fd::OwnedFd;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;

/// How a listening socket is made.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Connections the kernel queues before we accept them (listen(2)).
    pub backlog: i32,
    /// `SO_REUSEADDR`: bind although old connections of this port are in TIME_WAIT.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`: share the port with other sockets that ask for it too.
    pub reuse_port: bool,
    /// `IPV6_V6ONLY`: an IPv6 socket takes no IPv4 connections.
    pub v6_only: bool,
    /// `SO_KEEPALIVE` of every connection: a peer that is silent is asked whether it is still there.
    pub keep_alive: bool,
}

/// How a datagram socket is made.
#[derive(Clone, Copy, Default, Debug)]
pub struct DatagramOptions {
    /// `SO_REUSEPORT`: share the port with other sockets that ask for it too.
    pub reuse_port: bool,
    /// `SO_BROADCAST`: datagrams may be sent to broadcast addresses.
    pub allow_broadcast: bool,
}

/// What connect(2) said of a non-blocking socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectProgress {
    /// The connection is there already.
    Connected,
    /// It is under way: the socket becomes writable, and then [`Sockets::take_error`] tells.
    InProgress,
}

/// Every socket call that transports and servers make, so that a test can answer in the kernel's
/// place. Descriptors are plain numbers because a simulated network has no real ones; whoever
/// holds one closes it exactly once through [`Sockets::close`].
pub trait Sockets {
    /// A non-blocking, close-on-exec stream socket, bound to `address` and listening.
    fn listen(&self, address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd>;
    /// The next waiting connection as a non-blocking, close-on-exec, TCP_NODELAY socket.
    /// `WouldBlock` if none waits; `ConnectionAborted` if one did but is gone: ask again.
    fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)>;
    /// Starts to connect a new non-blocking, close-on-exec, TCP_NODELAY stream socket, from
    /// `local` if given.
    fn connect(
        &self,
        remote: &SocketAddr,
        local: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)>;
    /// Makes a connected or listening stream socket from elsewhere fit for us: non-blocking,
    /// close-on-exec, TCP_NODELAY. `InvalidInput` if it is no stream socket.
    fn adopt(&self, fd: RawFd) -> io::Result<()>;
    /// `SO_ERROR`: what became of an asynchronous operation; reading it clears it.
    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>>;
    /// recv(2). `Ok(0)` is the peer's end of file.
    fn recv(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize>;
    /// send(2), without SIGPIPE.
    fn send(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize>;
    /// The same from several buffers in one call (sendmsg(2)).
    fn send_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    /// shutdown(2).
    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()>;
    /// getsockname(2).
    fn local_addr(&self, fd: RawFd) -> io::Result<SocketAddr>;
    /// getpeername(2).
    fn peer_addr(&self, fd: RawFd) -> io::Result<SocketAddr>;
    /// close(2). Errors are of no use to anyone: the descriptor is gone in any case.
    fn close(&self, fd: RawFd);
    /// A non-blocking, close-on-exec datagram socket, bound to `local` and connected to `remote`
    /// where they are given; one of them is.
    ///
    /// # Errors
    ///
    /// `Unsupported`, as of every call below that an implementation does not have.
    fn datagram(
        &self,
        local: Option<&SocketAddr>,
        remote: Option<&SocketAddr>,
        options: &DatagramOptions,
    ) -> io::Result<RawFd> {
        let _ = (local, remote, options);
        Err(unsupported("datagrams"))
    }
    /// Makes an internet datagram socket from elsewhere fit for us: non-blocking, close-on-exec.
    /// `InvalidInput` if it is something else.
    fn adopt_datagram(&self, fd: RawFd) -> io::Result<()> {
        let _ = fd;
        Err(unsupported("datagrams"))
    }
    /// recvfrom(2): one datagram, and from whom. What does not fit into `buffer` is lost.
    fn recv_from(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let _ = (fd, buffer);
        Err(unsupported("datagrams"))
    }
    /// sendto(2), or send(2) to whom the socket is connected, without SIGPIPE. A datagram is sent
    /// whole or not at all.
    fn send_to(&self, fd: RawFd, bytes: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        let _ = (fd, bytes, to);
        Err(unsupported("datagrams"))
    }
    /// A Unix stream socket bound to `address` and listening, and which file it made. One that is
    /// left of somebody who is gone is removed first.
    fn listen_unix(&self, address: &UnixAddr, backlog: i32) -> io::Result<(RawFd, Option<FileId>)> {
        let _ = (address, backlog);
        Err(unsupported("Unix sockets"))
    }
    /// The next connection that waits at a Unix socket. `WouldBlock` if none does.
    fn accept_unix(&self, listener: RawFd) -> io::Result<RawFd> {
        let _ = listener;
        Err(unsupported("Unix sockets"))
    }
    /// A Unix stream socket that is connected; `WouldBlock` if the listener's queue is full, and
    /// no event tells when it no longer is.
    fn connect_unix(&self, address: &UnixAddr) -> io::Result<RawFd> {
        let _ = address;
        Err(unsupported("Unix sockets"))
    }
    /// sendfile(2): at most `count` bytes of the open file `file`, from `offset` on; 0 is its end.
    fn sendfile(&self, fd: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
        let _ = (fd, file, offset, count);
        Err(unsupported("sendfile"))
    }
    /// Whether calls of `fd` return at once.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if they may block.
    fn check_nonblocking(&self, fd: RawFd) -> io::Result<()> {
        let _ = fd;
        Ok(())
    }
    /// Makes an end of a pipe from elsewhere fit for us: non-blocking, close-on-exec.
    /// `InvalidInput` if it is always ready, as a regular file. Who has no pipes need not say more
    /// than this.
    fn adopt_pipe(&self, _fd: RawFd) -> io::Result<PipeKind> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "these sockets have no pipes among them"))
    }
    /// read(2).
    fn read(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv(fd, buffer)
    }
    /// write(2).
    fn write(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        self.send(fd, bytes)
    }
    /// writev(2).
    fn write_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_vectored(fd, buffers)
    }
    /// Whether nobody reads any more what is written to `fd`: asked when it has a read event.
    fn is_reader_gone(&self, _fd: RawFd) -> io::Result<bool> {
        Ok(true)
    }
    /// Whether the peer of a connection has sent its end of file or a reset, though there may be more
    /// to receive before it. `false` also where that cannot be known.
    fn has_peer_finished(&self, _fd: RawFd) -> io::Result<bool> {
        Ok(false)
    }
    /// How many bytes that were sent the peer's kernel has not acknowledged; 0 also where that cannot
    /// be known.
    fn unacknowledged(&self, _fd: RawFd) -> io::Result<usize> {
        Ok(0)
    }
    /// Whether a descriptor of the process can be waited for beside these.
    ///
    /// # Errors
    ///
    /// Why not, where sockets are simulated.
    fn check_real(&self, _fd: RawFd) -> io::Result<()> {
        Ok(())
    }
    /// The addresses of `host`, if whoever makes these sockets has names of its own; `None`: the
    /// system's resolver is asked, on a thread of its own.
    fn resolve(&self, _host: &str, _port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        None
    }
    /// The way back: the host and the service that an address is called by.
    fn name_of(
        &self,
        _address: &SocketAddr,
        _flags: NameFlags,
    ) -> Option<io::Result<(String, String)>> {
        None
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("these sockets have no {what}"))
}

/// [`Sockets`] as the operating system has them.
///
/// None of these calls waits, so EINTR is not reported: the call is made again, or a receive or a
/// send says that there is nothing to do yet.
#[derive(Clone, Copy, Default, Debug)]
pub struct OsSockets;

/// Whether an accepted socket has TCP_NODELAY because its listener has. Linux copies it, which no
/// man page promises but a test here holds it to; elsewhere it is set on each socket.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");

/// FreeBSD's SO_REUSEPORT gives all connections to the socket bound last; only the _LB variant
/// spreads them, as the plain one does on Linux and DragonFly.
#[cfg(target_os = "freebsd")]
pub(super) const REUSE_PORT: libc::c_int = libc::SO_REUSEPORT_LB;
#[cfg(not(target_os = "freebsd"))]
pub(super) const REUSE_PORT: libc::c_int = libc::SO_REUSEPORT;

/// A send to a connection that is gone fails with EPIPE and raises no SIGPIPE. macOS has no such
/// flag for one send, its sockets are made with SO_NOSIGPIPE.
pub(super) const SEND_FLAGS: libc::c_int =
    if cfg!(target_vendor = "apple") { 0 } else { libc::MSG_NOSIGNAL };

/// How many of so many bytes are given to one call: macOS refuses more than `c_int::MAX`.
pub(super) fn limited(len: usize) -> usize {
    if cfg!(target_vendor = "apple") { len.min(libc::c_int::MAX as usize) } else { len }
}

/// The most buffers given to one call: Linux, macOS and the BSDs refuse more (`IOV_MAX`).
pub(super) const MAX_BUFFERS: usize = 1024;

/// The address family, `AF_…`.
pub(crate) fn family_of(address: &SocketAddr) -> libc::c_int {
    if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

pub(super) fn bind(socket: RawFd, address: &SocketAddr) -> io::Result<()> {
    let raw = RawAddr::new(address);
    let (pointer, len) = raw.as_ptr();
    // SAFETY: bind(2) reads `len` bytes at `pointer`, which are those of `raw`, alive until after
    // the call.
    cvt(unsafe { libc::bind(socket, pointer, len) })?;
    Ok(())
}

pub(super) fn start_connect(socket: RawFd, remote: &SocketAddr) -> io::Result<ConnectProgress> {
    let raw = RawAddr::new(remote);
    let (pointer, len) = raw.as_ptr();
    // SAFETY: connect(2) reads `len` bytes at `pointer`, which are those of `raw`, alive until
    // after the call.
    match cvt(unsafe { libc::connect(socket, pointer, len) }) {
        Ok(_) => Ok(ConnectProgress::Connected),
        // Interrupted, the attempt goes on all the same, and a second call would be EALREADY
        // (POSIX, connect).
        Err(error) => match error.raw_os_error() {
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(ConnectProgress::InProgress),
            _ => Err(error),
        },
    }
}

/// Starts to connect a socket that there is already. One that is connecting goes on with it.
pub(crate) fn connect_socket(socket: RawFd, remote: &SocketAddr) -> io::Result<ConnectProgress> {
    match start_connect(socket, remote) {
        Err(error) if error.raw_os_error() == Some(libc::EALREADY) => {
            Ok(ConnectProgress::InProgress)
        }
        Err(error) if error.raw_os_error() == Some(libc::EISCONN) => Ok(ConnectProgress::Connected),
        result => result,
    }
}

/// A socket's address family, `AF_…`.
pub(crate) fn socket_family(socket: RawFd) -> io::Result<libc::c_int> {
    Ok(raw_local_addr(socket)?.family())
}

/// A socket that has `address` together with others that share it (`SO_REUSEPORT`), and never
/// listens, so that no connection comes to it; and the address it has. (bind(2))
#[cfg(any(feature = "workers", all(test, feature = "testing", feature = "datagram")))]
pub(crate) fn reserve(address: &SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = open(family_of(address), libc::SOCK_STREAM)?;
    let fd = socket.as_raw_fd();
    set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    set_option(fd, libc::SOL_SOCKET, REUSE_PORT, 1)?;
    if address.is_ipv6() {
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    bind(fd, address)?;
    let address = raw_local_addr(fd)?.to_socket_addr()?;
    Ok((socket, address))
}

/// getsockname(2), whatever the address family.
pub(crate) fn raw_local_addr(socket: RawFd) -> io::Result<RawAddr> {
    let call = |addr, len| {
        // SAFETY: getsockname(2) may write `*len` bytes at `addr`; `RawAddr::receive` hands out a
        // sockaddr_storage with its size, both alive and unshared during the call.
        cvt(unsafe { libc::getsockname(socket, addr, len) })
    };
    Ok(RawAddr::receive(call)?.1)
}

/// getpeername(2), whatever the address family.
pub(super) fn raw_peer_addr(socket: RawFd) -> io::Result<RawAddr> {
    let call = |addr, len| {
        // SAFETY: as in `raw_local_addr`.
        cvt(unsafe { libc::getpeername(socket, addr, len) })
    };
    Ok(RawAddr::receive(call)?.1)
}

impl Sockets for OsSockets {
    fn listen(&self, address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd> {
        let socket = open(family_of(address), libc::SOCK_STREAM)?;
        let fd = socket.as_raw_fd();
        if options.reuse_address {
            set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        }
        if options.reuse_port {
            set_option(fd, libc::SOL_SOCKET, REUSE_PORT, 1)?;
        }
        if address.is_ipv6() {
            // Set in both cases, because the default differs between systems and their settings.
            let only = libc::c_int::from(options.v6_only);
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only)?;
        }
        if options.keep_alive {
            // Accepted sockets have it from their listener (Linux, macOS and the BSDs).
            set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        }
        bind(fd, address)?;
        if NODELAY_IS_INHERITED {
            set_nodelay(fd)?;
        }
        // SAFETY: listen(2) takes no pointers.
        cvt(unsafe { libc::listen(fd, options.backlog) })?;
        Ok(socket.into_raw_fd())
    }

    fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)> {
        let (socket, peer) = accept(listener)?;
        let peer = peer.to_socket_addr()?;
        if !NODELAY_IS_INHERITED {
            // It fails if the peer is gone already, and then the first recv says how.
            let _ = set_nodelay(socket.as_raw_fd());
        }
        Ok((socket.into_raw_fd(), peer))
    }

    fn connect(
        &self,
        remote: &SocketAddr,
        local: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)> {
        let socket = open(family_of(remote), libc::SOCK_STREAM)?;
        let fd = socket.as_raw_fd();
        set_nodelay(fd)?;
        if let Some(local) = local {
            bind(fd, local)?;
        }
        let progress = start_connect(fd, remote)?;
        Ok((socket.into_raw_fd(), progress))
    }

    fn adopt(&self, fd: RawFd) -> io::Result<()> {
        adopt(fd).map(drop)
    }

    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>> {
        let number = get_option(fd, libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok((number != 0).then(|| io::Error::from_raw_os_error(number)))
    }

    fn recv(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        let len = limited(buffer.len());
        // SAFETY: `buffer` is one live, exclusively borrowed allocation, so the kernel may write
        // up to `len` bytes at its pointer.
        cvt_size(unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), len, 0) })
    }

    fn send(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        let len = limited(bytes.len());
        // SAFETY: `bytes` is borrowed for the whole call, so the kernel may read `len` bytes there.
        cvt_size(unsafe { libc::send(fd, bytes.as_ptr().cast(), len, SEND_FLAGS) })
    }

    fn send_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        // SAFETY: msghdr is pointers, integers and padding; all zeros is one, and means neither
        // address nor control data.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_iov = buffers.as_ptr().cast_mut().cast();
        message.msg_iovlen = buffers.len().min(MAX_BUFFERS) as _;
        // SAFETY: IoSlice is an iovec by its documentation, and sendmsg(2) only reads them and what
        // they point to; `buffers` is borrowed with all that for the whole call.
        cvt_size(unsafe { libc::sendmsg(fd, &raw const message, SEND_FLAGS) })
    }

    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => libc::SHUT_RD,
            Shutdown::Write => libc::SHUT_WR,
            Shutdown::Both => libc::SHUT_RDWR,
        };
        // SAFETY: shutdown(2) takes no pointers.
        cvt(unsafe { libc::shutdown(fd, how) })?;
        Ok(())
    }

    fn local_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        raw_local_addr(fd)?.to_socket_addr()
    }

    fn peer_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        raw_peer_addr(fd)?.to_socket_addr()
    }

    fn datagram(
        &self,
        local: Option<&SocketAddr>,
        remote: Option<&SocketAddr>,
        options: &DatagramOptions,
    ) -> io::Result<RawFd> {
        datagram::open(local, remote, options)
    }

    fn adopt_datagram(&self, fd: RawFd) -> io::Result<()> {
        datagram::adopt(fd)
    }

    fn recv_from(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        datagram::recv_from(fd, buffer)
    }

    fn send_to(&self, fd: RawFd, bytes: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        datagram::send_to(fd, bytes, to)
    }

    fn listen_unix(&self, address: &UnixAddr, backlog: i32) -> io::Result<(RawFd, Option<FileId>)> {
        unix::listen(address, backlog)
    }

    fn accept_unix(&self, listener: RawFd) -> io::Result<RawFd> {
        unix::accept(listener)
    }

    fn connect_unix(&self, address: &UnixAddr) -> io::Result<RawFd> {
        unix::connect_stream(address)
    }

    fn sendfile(&self, fd: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
        sendfile::sendfile(fd, file, offset, count)
    }

    fn check_nonblocking(&self, fd: RawFd) -> io::Result<()> {
        check_nonblocking(fd)
    }

    fn adopt_pipe(&self, fd: RawFd) -> io::Result<PipeKind> {
        pipe::adopt_pipe(fd)
    }

    fn read(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        pipe::read(fd, buffer)
    }

    fn write(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        pipe::write(fd, bytes)
    }

    fn write_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        pipe::write_vectored(fd, buffers)
    }

    fn is_reader_gone(&self, fd: RawFd) -> io::Result<bool> {
        pipe::is_reader_gone(fd)
    }

    fn has_peer_finished(&self, fd: RawFd) -> io::Result<bool> {
        peer::has_finished(fd)
    }

    fn unacknowledged(&self, fd: RawFd) -> io::Result<usize> {
        peer::unacknowledged(fd)
    }

    fn close(&self, fd: RawFd) {
        // SAFETY: close(2) takes no pointers; by the contract of `Sockets` the caller owns `fd`. It
        // is not repeated after EINTR: the number may be somebody else's by then.
        unsafe { libc::close(fd) };
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
