//! The handle of a datagram endpoint.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

use super::super::flow::LimitsError;
use super::endpoint::Udp;
use crate::sys::{get_option, set_option};

/// A datagram endpoint, as its protocol and its user see it. (`asyncio.DatagramTransport`)
///
/// Cloning it is cheap and gives another name of the same endpoint. Dropping every name does not
/// close it: the loop keeps it until it is closed.
#[derive(Clone)]
pub struct DatagramTransport(pub(super) Rc<Udp>);

impl DatagramTransport {
    /// Sends one datagram, which may be empty: at once if the kernel takes it, else as soon as it
    /// does, in order and whole. It never waits; a sender that may be faster than the kernel minds
    /// [`pause_writing`](crate::DatagramProtocol::pause_writing). On an endpoint that is closing
    /// it is discarded in silence.
    ///
    /// That the kernel took it does not mean that it arrives: this is UDP. What the network says
    /// of it comes as [`error_received`](crate::DatagramProtocol::error_received).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the endpoint is connected and `to` is somebody else, or if it is not and
    /// `to` is `None`.
    pub fn sendto(&self, data: &[u8], to: impl Into<Option<SocketAddr>>) -> io::Result<()> {
        self.0.send(data, to.into())
    }

    /// Closes the endpoint once everything sent is taken by the kernel. Nothing is received any
    /// more, and `connection_lost(None)` is called in a later turn. Does nothing the second time.
    pub fn close(&self) {
        self.0.close();
    }

    /// Closes the endpoint now; what waits to be sent is dropped.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether it is closing or closed.
    pub fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    /// Sets the water marks of the queue: above `high` the protocol is told to pause, at `low` to
    /// go on. A datagram counts its bytes and eight more. Left out, they are as
    /// [`Transport::set_write_buffer_limits`](crate::Transport::set_write_buffer_limits) has them.
    ///
    /// # Errors
    ///
    /// If `high` is below `low`; nothing is changed then.
    pub fn set_write_buffer_limits(
        &self,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), LimitsError> {
        self.0.set_limits(high, low)
    }

    /// The water marks, `(low, high)`.
    pub fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.0.limits()
    }

    /// How much the kernel has not taken yet: bytes, and eight for each datagram.
    pub fn get_write_buffer_size(&self) -> usize {
        self.0.queued()
    }

    /// Our own address; known after the endpoint is closed, too. (`get_extra_info('sockname')`)
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// To whom it is connected, if it is. (`get_extra_info('peername')`)
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// An integer option of the socket (getsockopt(2)), for instance `libc::SOL_SOCKET`,
    /// `libc::SO_RCVBUF`.
    ///
    /// # Errors
    ///
    /// `NotConnected` once it is closed; the kernel's.
    pub fn getsockopt(&self, level: i32, option: i32) -> io::Result<i32> {
        get_option(self.0.open_fd()?, level, option)
    }

    /// Sets an integer option of the socket (setsockopt(2)).
    ///
    /// # Errors
    ///
    /// `NotConnected` once it is closed; the kernel's.
    pub fn setsockopt(&self, level: i32, option: i32, value: i32) -> io::Result<()> {
        set_option(self.0.open_fd()?, level, option, value)
    }
}

impl AsRawFd for DatagramTransport {
    /// The descriptor, for looking at it; -1 once it is closed. (`get_extra_info('socket')`)
    fn as_raw_fd(&self) -> RawFd {
        self.0.fd()
    }
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_closing() { " closing" } else { "" };
        write!(f, "<DatagramTransport{state} fd={}", self.0.fd())?;
        if let Some(peer) = self.peer_addr() {
            write!(f, " peer={peer}")?;
        }
        write!(f, " queued={}>", self.get_write_buffer_size())
    }
}
