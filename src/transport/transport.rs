//! The handle of a connection.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

use super::flow::LimitsError;
use super::tcp::Tcp;
use crate::event_loop::EventLoop;
#[cfg(feature = "http")]
use crate::sys::Sockets;
use crate::sys::{get_option, set_option};

/// A connection, as its protocol and its user see it. (`asyncio.Transport`)
///
/// Cloning it is cheap and gives another name of the same connection. Dropping every name does
/// not close it: the loop keeps it until it is closed by either side.
#[derive(Clone)]
pub struct Transport(pub(super) Rc<Tcp>);

impl Transport {
    /// Sends `bytes`: at once as much as the kernel takes, the rest as soon as it does. It never
    /// waits; a writer that may write more than the peer reads minds
    /// [`pause_writing`](crate::Protocol::pause_writing). On a connection that is over the bytes
    /// are discarded in silence, as nobody knows earlier than `connection_lost`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` after [`write_eof`](Transport::write_eof), while
    /// [`sendfile`](crate::EventLoop::sendfile) or the handshake of `start_tls` is under way, and of
    /// a pipe that is read.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    /// [`write`](Transport::write) from several buffers, in one call of the kernel if it takes
    /// everything.
    ///
    /// # Errors
    ///
    /// As [`write`](Transport::write).
    pub fn writelines(&self, buffers: &[IoSlice<'_>]) -> io::Result<()> {
        self.0.write_lines(buffers)
    }

    /// Tells the peer that nothing more will come, after everything written before (half close).
    /// Receiving goes on. Does nothing the second time, or on a connection that closes. Of a pipe
    /// it is the same as [`close`](Transport::close).
    pub fn write_eof(&self) {
        self.0.write_eof();
    }

    /// Whether [`write_eof`](Transport::write_eof) is possible: it is but for a pipe that is read,
    /// and through TLS, where it does nothing.
    pub fn can_write_eof(&self) -> bool {
        self.0.can_write_eof()
    }

    /// Closes the connection once everything written is sent. Nothing is received any more, and
    /// `connection_lost(None)` is called in a later turn. Does nothing the second time.
    pub fn close(&self) {
        self.0.close();
    }

    /// Closes the connection now; what is not sent is lost.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether it is closing or closed.
    pub fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    /// Receives nothing until [`resume_reading`](Transport::resume_reading): the peer is held
    /// back by TCP.
    pub fn pause_reading(&self) {
        self.0.pause_reading();
    }

    /// Receives again.
    pub fn resume_reading(&self) {
        self.0.resume_reading();
    }

    /// Whether it receives: neither paused nor closing, nor is the peer done.
    pub fn is_reading(&self) -> bool {
        self.0.is_reading()
    }

    /// Sets the water marks of the write buffer, in bytes: above `high` the protocol is told to
    /// pause, at `low` to go on. One that is `None` follows the other (`low` is a quarter of
    /// `high`); both are 16 KiB and 64 KiB.
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

    /// The water marks in bytes, `(low, high)`.
    pub fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.0.limits()
    }

    /// How many written bytes the kernel has not taken yet.
    pub fn get_write_buffer_size(&self) -> usize {
        self.0.unsent_len()
    }

    /// How many written bytes the kernel had not taken when the connection broke or was aborted: they
    /// are not sent. 0 before, and if it was closed in order. (asyncio does not tell.)
    pub fn unsent_at_end(&self) -> usize {
        self.0.unsent_at_end()
    }

    /// How many bytes the kernel has of us that the peer has not acknowledged, as far as it says.
    #[cfg(feature = "http")]
    pub(crate) fn unacknowledged(&self) -> usize {
        let bottom = self.0.bottom();
        let asked = bottom.open_fd().and_then(|fd| bottom.home.sockets.unacknowledged(fd));
        asked.unwrap_or(0)
    }

    /// How much of the file that is being sent the kernel has taken.
    #[cfg(feature = "http")]
    pub(crate) fn sent_of_file(&self) -> u64 {
        self.0.outgoing.borrow().sent_of_file()
    }

    /// Whether the peer has finished or is gone, though reading is paused; as far as the kernel says.
    #[cfg(feature = "http")]
    pub(crate) fn has_peer_finished(&self) -> bool {
        let bottom = self.0.bottom();
        let asked = bottom.open_fd().and_then(|fd| bottom.home.sockets.has_peer_finished(fd));
        asked.unwrap_or(false)
    }

    /// The loop it belongs to, if that still is.
    pub(crate) fn event_loop(&self) -> Option<EventLoop> {
        self.0.event_loop()
    }

    /// An integer option of the socket (getsockopt(2)), for instance `libc::SOL_SOCKET`,
    /// `libc::SO_RCVBUF`. Whether it blocks is no option: it never does.
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

    /// The peer's address; known after the connection is closed, too.
    /// (`get_extra_info('peername')`)
    ///
    /// # Errors
    ///
    /// `NotConnected` if the kernel could not tell when the connection was made.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Our own address; known after the connection is closed, too. (`get_extra_info('sockname')`)
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsRawFd for Transport {
    /// The descriptor, for looking at it; -1 once it is closed. The transport reads, writes and
    /// closes it. (`get_extra_info('socket')`)
    fn as_raw_fd(&self) -> RawFd {
        self.0.fd()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_closing() { " closing" } else { "" };
        write!(f, "<Transport{state} fd={}", self.0.fd())?;
        if let Ok(peer) = self.peer_addr() {
            write!(f, " peer={peer}")?;
        }
        write!(f, " unsent={}>", self.get_write_buffer_size())
    }
}
