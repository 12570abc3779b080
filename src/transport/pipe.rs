//! Pipes: a connection of which one end reads and the other writes.
//!
//! A [`Tcp`] over an end of a pipe obeys the same machines. To the life cycle a reader is a
//! connection whose FIN is sent already, a writer one whose peer has finished; so each has its
//! calls in the order that the table says, and no phase is added for them.
//!
//! ```text
//!             phase of its life    read event means                   write_eof
//! reader      Finished             bytes, or the end                  nothing
//! writer      PeerFinished         its reader is gone, ask            close
//! ```
//!
//! # Unlike asyncio
//!
//! asyncio takes any read event of a writer for its reader's end, so that a FIFO opened for both
//! directions, or a socket on which something comes in, is closed at the first byte. Here the
//! kernel is asked, and an event that means something else ends the watching: then the next write
//! tells.

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::lifecycle::Cause;
use super::protocol::Protocol;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{EventLoop, Inner, LoopError, Run, Side};
use crate::observe::What;
use crate::sys::{PipeKind, Sockets};

/// What a transport's descriptor is, as far as it matters which system calls are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Channel {
    /// Both ways, by recv(2) and send(2).
    Socket,
    /// What is read by read(2).
    ReadPipe,
    /// What is written by write(2), and can tell that its reader is gone.
    WritePipe,
    /// What is written by write(2) and cannot: a terminal is readable for reasons of its own.
    WriteDevice,
    /// None: the bytes go through a layer to another connection, both ways.
    #[cfg(feature = "tls")]
    Layer,
}

impl Channel {
    /// Whether it both reads and writes.
    pub(super) const fn is_both_ways(self) -> bool {
        !matches!(self, Channel::ReadPipe | Channel::WritePipe | Channel::WriteDevice)
    }
}

/// What [`connect_read_pipe`](EventLoop::connect_read_pipe) and
/// [`connect_write_pipe`](EventLoop::connect_write_pipe) take: whatever can be turned into an
/// [`OwnedFd`], as a [`File`](std::fs::File), a [`ChildStdout`](std::process::ChildStdout) or a
/// [`UnixStream`](std::os::unix::net::UnixStream).
pub trait ToPipe {
    /// Made fit for us, its number is the caller's to close; otherwise it is closed.
    #[doc(hidden)]
    fn to_pipe(self, sockets: &dyn Sockets) -> io::Result<(RawFd, PipeKind)>;
}

impl<T: Into<OwnedFd>> ToPipe for T {
    fn to_pipe(self, sockets: &dyn Sockets) -> io::Result<(RawFd, PipeKind)> {
        let pipe = self.into();
        sockets.check_real(pipe.as_raw_fd())?;
        let kind = sockets.adopt_pipe(pipe.as_raw_fd())?;
        Ok((pipe.into_raw_fd(), kind))
    }
}

impl EventLoop {
    /// Reads `pipe` for `protocol`: a pipe, a socket, a terminal or another character device.
    /// `connection_made` has been called when this returns. (`loop.connect_read_pipe`)
    ///
    /// The descriptor is made non-blocking, and with it every other that is open on the same
    /// pipe or terminal by way of dup(2) or fork(2). After the end of file the transport closes,
    /// whatever `eof_received` says.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::Io`] with `InvalidInput` if it is a regular file, a
    /// directory or a block device, which are always ready: read those in
    /// [a thread](crate::to_thread). `pipe` is closed then.
    ///
    /// # Unlike asyncio
    ///
    /// It does not wait, so there is nothing to await; and it gives the transport alone: the
    /// protocol belongs to it.
    pub fn connect_read_pipe(
        &self,
        protocol: impl Protocol + 'static,
        pipe: impl ToPipe,
    ) -> Result<Transport, LoopError> {
        self.open_pipe(pipe, Box::new(protocol), |_| Channel::ReadPipe)
    }

    /// Writes `pipe`. When its reader is gone, `connection_lost` is called: with `BrokenPipe` if
    /// bytes are unsent, with `None` otherwise. (`loop.connect_write_pipe`)
    ///
    /// What was said of [`connect_read_pipe`](EventLoop::connect_read_pipe) holds here too. A
    /// terminal does not tell of its reader's end but by the next write.
    ///
    /// A write to a pipe nobody reads raises SIGPIPE. A Rust program ignores that from its start;
    /// a program with another `main` must do so itself.
    ///
    /// # Errors
    ///
    /// As [`connect_read_pipe`](EventLoop::connect_read_pipe).
    pub fn connect_write_pipe(
        &self,
        protocol: impl Protocol + 'static,
        pipe: impl ToPipe,
    ) -> Result<Transport, LoopError> {
        self.open_pipe(pipe, Box::new(protocol), |kind| match kind {
            PipeKind::Pipe | PipeKind::Socket => Channel::WritePipe,
            PipeKind::Device => Channel::WriteDevice,
        })
    }

    fn open_pipe(
        &self,
        pipe: impl ToPipe,
        protocol: Box<dyn Protocol>,
        channel: impl FnOnce(PipeKind) -> Channel,
    ) -> Result<Transport, LoopError> {
        self.check_open()?;
        let (fd, kind) = pipe.to_pipe(&self.0.home.sockets)?;
        Ok(Transport(Tcp::open_on(channel(kind), self, fd, None, None, protocol, None)))
    }
}

impl Tcp {
    /// Has a writer hear of its reader's end.
    pub(super) fn watch_its_reader(self: &Rc<Self>, inner: &Inner) {
        if self.channel.get() == Channel::WritePipe && !self.is_closing() {
            self.watch_readable(inner);
        }
    }

    pub(super) fn unwatch_its_reader(&self, inner: &Inner) {
        if self.channel.get() == Channel::WritePipe {
            inner.forget(self.fd, Side::Reader);
        }
    }

    pub(super) fn can_write_eof(&self) -> bool {
        self.channel.get() != Channel::ReadPipe && self.layer().is_none()
    }

    /// A writer has a read event.
    fn reader_may_be_gone(self: &Rc<Self>, inner: &Inner) {
        match inner.home.sockets.is_reader_gone(self.fd) {
            Ok(false) => self.unwatch_its_reader(inner),
            _ if self.unsent_len() > 0 => {
                self.broken(inner, io::Error::from_raw_os_error(libc::EPIPE));
            }
            _ => self.happens(inner, Cause::Close),
        }
    }
}

/// The reader of a transport over a pipe: a handle of its own, so that a socket's is not asked
/// what it is at each event.
pub(super) struct PipeReady(pub(super) Rc<Tcp>);

impl Run for PipeReady {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let pipe = &self.0;
        match pipe.channel.get() {
            Channel::WritePipe => pipe.reader_may_be_gone(&event_loop.0),
            _ => Tcp::read_ready(&Transport(pipe.clone()), event_loop, |tcp, buffer| {
                tcp.home.sockets.read(tcp.fd, buffer)
            }),
        }
    }

    fn what(&self) -> What {
        What::Reader { fd: self.0.fd }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn std::any::Any + Send>) {
        self.0.clone().panicked(event_loop, payload);
    }
}
