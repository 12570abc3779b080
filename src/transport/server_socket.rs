//! The sockets that a server listens on, as its user sees them.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::rc::{Rc, Weak};

use super::listener::Listener;

/// A socket that a server listens on.
#[derive(Clone)]
pub struct ServerSocket {
    listener: Weak<Listener>,
    local: SocketAddr,
}

impl ServerSocket {
    pub(super) fn new(listener: &Rc<Listener>, local: SocketAddr) -> ServerSocket {
        ServerSocket { listener: Rc::downgrade(listener), local }
    }

    /// The address it is bound to, with the port the kernel chose if none was asked for.
    /// (`getsockname()`)
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl AsRawFd for ServerSocket {
    /// -1 once the server is closed.
    fn as_raw_fd(&self) -> RawFd {
        self.listener.upgrade().map_or(-1, |listener| listener.fd.get())
    }
}

impl fmt::Debug for ServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.local.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        write!(
            f,
            "<socket fd={}, family={family}, type=SOCK_STREAM, laddr={}>",
            self.as_raw_fd(),
            self.local
        )
    }
}

/// A Unix socket that a server listens on.
#[derive(Clone)]
pub struct UnixServerSocket {
    listener: Weak<Listener>,
    local: UnixAddr,
}

impl UnixServerSocket {
    pub(super) fn new(listener: &Rc<Listener>, local: UnixAddr) -> UnixServerSocket {
        UnixServerSocket { listener: Rc::downgrade(listener), local }
    }

    /// The address it is bound to. (`getsockname()`)
    pub fn local_addr(&self) -> &UnixAddr {
        &self.local
    }
}

impl AsRawFd for UnixServerSocket {
    /// -1 once the server is closed.
    fn as_raw_fd(&self) -> RawFd {
        self.listener.upgrade().map_or(-1, |listener| listener.fd.get())
    }
}

impl fmt::Debug for UnixServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.as_raw_fd();
        write!(f, "<socket fd={fd}, family=AF_UNIX, type=SOCK_STREAM, laddr={:?}>", self.local)
    }
}
