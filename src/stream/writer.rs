//! The writing end of a stream.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::shared::{Ends, Shared};
#[cfg(feature = "tls")]
use crate::event_loop::LoopError;
use crate::observe::{Resource, Site, note_wait};
#[cfg(feature = "tls")]
use crate::tls::{TlsInfo, TlsSide};
use crate::transport::Transport;

/// The writing end of a connection. (`asyncio.StreamWriter`)
///
/// [`write`](StreamWriter::write) never waits; [`drain`](StreamWriter::drain) after it does, while
/// the peer is too slow. The connection is closed by [`close`](StreamWriter::close), or when both
/// ends are dropped: what was written is sent first.
///
/// ```no_run
/// # async fn f(mut writer: evloop::StreamWriter) -> std::io::Result<()> {
/// writer.write(b"hello\n")?;
/// writer.drain().await?;
/// # Ok(())
/// # }
/// ```
pub struct StreamWriter {
    ends: Rc<Ends>,
}

impl StreamWriter {
    pub(super) fn new(ends: Rc<Ends>) -> Self {
        StreamWriter { ends }
    }

    fn shared(&self) -> &Rc<Shared> {
        &self.ends.0
    }

    /// The same end for somebody else, who may drain it too.
    #[cfg(feature = "ws")]
    pub(crate) fn another(&self) -> StreamWriter {
        StreamWriter { ends: self.ends.clone() }
    }

    /// The transport under it.
    pub fn transport(&self) -> &Transport {
        &self.shared().transport
    }

    /// Sends `bytes`: at once as much as the kernel takes, the rest as soon as it does.
    ///
    /// # Errors
    ///
    /// `InvalidInput` after [`write_eof`](StreamWriter::write_eof). A connection that is lost is
    /// no error here: [`drain`](StreamWriter::drain) tells.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.transport().write(bytes)
    }

    /// The same from several buffers, in one call of the kernel if it takes everything.
    ///
    /// # Errors
    ///
    /// As [`write`](StreamWriter::write).
    pub fn writelines<B: AsRef<[u8]>>(&mut self, buffers: &[B]) -> io::Result<()> {
        let slices: Vec<_> = buffers.iter().map(|buffer| IoSlice::new(buffer.as_ref())).collect();
        self.transport().writelines(&slices)
    }

    /// Waits until it is reasonable to write more: not at all while less than the high-water mark
    /// is unsent, else until the buffer has shrunk to the low one.
    ///
    /// # Errors
    ///
    /// Why the connection was lost; `ConnectionReset` if it was closed in order before this was
    /// called. One that is closed in order while this waits is no error: there is nothing left to
    /// wait for.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: what was written is sent all the same.
    #[track_caller]
    pub fn drain(&mut self) -> impl Future<Output = io::Result<()>> + use<'_> {
        Drain { shared: &self.ends.0, yielded: false, waited: false, at: Location::caller() }
    }

    /// Tells the peer that nothing more will come, after everything written before (half close).
    /// The reading end goes on.
    pub fn write_eof(&mut self) {
        self.transport().write_eof();
    }

    /// Whether [`write_eof`](StreamWriter::write_eof) is possible: on TCP it is, through TLS not.
    pub fn can_write_eof(&self) -> bool {
        self.transport().can_write_eof()
    }

    /// Closes the connection once everything written is sent. The reading end has its end of file
    /// then.
    pub fn close(&mut self) {
        self.transport().close();
    }

    /// Whether it is closing or closed.
    pub fn is_closing(&self) -> bool {
        self.transport().is_closing()
    }

    /// Waits until the connection is closed: [`close`](StreamWriter::close) comes first.
    ///
    /// # Errors
    ///
    /// Why the connection was lost, if not in order.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    #[track_caller]
    pub fn wait_closed(&mut self) -> impl Future<Output = io::Result<()>> + use<'_> {
        WaitClosed { shared: &self.ends.0, at: Location::caller() }
    }

    /// The peer's address. (`get_extra_info('peername')`)
    ///
    /// # Errors
    ///
    /// `NotConnected` if the kernel could not tell when the connection was made.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.transport().peer_addr()
    }

    /// Our own address. (`get_extra_info('sockname')`)
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.transport().local_addr()
    }
}

#[cfg(feature = "tls")]
impl StreamWriter {
    /// Has the connection go through TLS from now on: both ends of the stream.
    /// (`StreamWriter.start_tls`)
    ///
    /// What the reader has received and nobody has read is taken for the beginning of the peer's
    /// handshake, and not for plaintext of the time after it: else whoever sits in between could
    /// put words into the encrypted conversation (CVE-2011-0411).
    ///
    /// # Errors
    ///
    /// As [`EventLoop::start_tls`](crate::EventLoop::start_tls).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it aborts the connection.
    pub async fn start_tls(&mut self, side: impl Into<TlsSide>) -> io::Result<()> {
        self.drain().await?;
        let (shared, side) = (self.shared(), side.into());
        let event_loop = shared.transport.event_loop().ok_or(LoopError::Closed)?;
        // What is unread stays so if it cannot begin.
        side.check()?;
        shared.transport.check_insert()?;
        let received = shared.take_unread();
        event_loop.start_tls(&shared.transport, side).received(received).await
    }

    /// [`Transport::tls_info`].
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.transport().tls_info()
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<StreamWriter transport={:?}>", self.transport())
    }
}

struct Drain<'a> {
    shared: &'a Rc<Shared>,
    yielded: bool,
    waited: bool,
    at: Site,
}

impl Future for Drain<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A connection that closes is given a turn to be lost, so that a loop of write and drain
        // ends, though nothing ever pauses it.
        if !self.yielded && self.shared.transport.is_closing() {
            self.yielded = true;
            context.waker().wake_by_ref();
            note_wait(Some(self.at), Resource::NextTurn);
            return Poll::Pending;
        }
        if self.waited && self.shared.is_lost_in_order() {
            return Poll::Ready(Ok(()));
        }
        let drained = self.shared.poll_drained(context);
        if drained.is_pending() {
            self.waited = true;
            let fd = self.shared.transport.as_raw_fd();
            note_wait(Some(self.at), Resource::Writable(fd));
        }
        drained
    }
}

struct WaitClosed<'a> {
    shared: &'a Rc<Shared>,
    at: Site,
}

impl Future for WaitClosed<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = self.shared.poll_closed(context);
        if closed.is_pending() {
            note_wait(Some(self.at), Resource::Other("the connection to be closed"));
        }
        closed
    }
}
