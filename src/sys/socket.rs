//! The socket calls a transport makes: the seam, and the kernel behind it.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;

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
    /// TCP_NODELAY is set on it where accepted sockets inherit that.
    fn listen(&self, address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd>;
    /// The next waiting connection as a non-blocking, close-on-exec, TCP_NODELAY socket.
    fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)>;
    /// Starts to connect a new non-blocking, close-on-exec, TCP_NODELAY stream socket, from
    /// `local` if given.
    fn connect(
        &self,
        remote: &SocketAddr,
        local: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)>;
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
}

/// [`Sockets`] as the operating system has them.
#[derive(Clone, Copy, Default, Debug)]
pub struct OsSockets;
