//! Sending files: from the file to the socket within the kernel, or by reading and sending where
//! it cannot.
//!
//! To a connection the file is a part of what is to be sent: earlier writes go first, `close` and
//! `write_eof` wait for its end, and only `write` is refused meanwhile. Reading from the
//! connection goes on. (asyncio pauses it, as it gives the transport another protocol.)

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::layer::Layer;
use super::lifecycle::{Cause, WriteVerdict};
use super::receive::is_not_now;
use super::sock::Operation;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{EventLoop, FdWait, Side, Watchable};
use crate::observe::{Record, Resource, Site, add, note_wait};
use crate::sys::Sockets;

/// The most bytes given to one call.
const AT_ONCE: u64 = 1 << 20;

/// How many bytes are read at once where the kernel cannot do it itself.
const CHUNK: usize = 64 * 1024;

/// How far a file has been sent. When it goes, the file's position is where it came to.
struct Progress<'a> {
    file: &'a File,
    offset: u64,
    left: Option<u64>,
    sent: u64,
    native: bool,
    fallback: bool,
    chunk: Vec<u8>,
}

impl<'a> Progress<'a> {
    fn new(part: Part<'a>, fallback: bool) -> Progress<'a> {
        let Part { file, offset, count } = part;
        let chunk = Vec::new();
        Progress { file, offset, left: count, sent: 0, native: true, fallback, chunk }
    }

    /// Sends a part; 0 at the end.
    fn step(&mut self, sockets: &dyn Sockets, fd: RawFd) -> io::Result<usize> {
        let want = self.left.unwrap_or(AT_ONCE).min(AT_ONCE) as usize;
        if want == 0 {
            return Ok(0);
        }
        let mut result = Err(ErrorKind::Unsupported.into());
        if self.native {
            result = sockets.sendfile(fd, self.file.as_raw_fd(), self.offset, want);
        }
        if result.as_ref().is_err_and(|error| self.sent == 0 && is_not_available(error)) {
            self.native = false;
        }
        if !self.native {
            let Some(error) = result.err().filter(|_| !self.fallback) else {
                return self.read_and_send(sockets, fd, want);
            };
            return Err(not_available(error));
        }
        self.account(result)
    }

    fn read_and_send(
        &mut self,
        sockets: &dyn Sockets,
        fd: RawFd,
        want: usize,
    ) -> io::Result<usize> {
        let read = self.read(want)?;
        if read == 0 {
            return Ok(0);
        }
        let result = sockets.send(fd, &self.chunk[..read]);
        self.account(result)
    }

    /// Reads into `chunk`, at most so much; 0 at the end.
    fn read(&mut self, want: usize) -> io::Result<usize> {
        self.chunk.resize(CHUNK, 0);
        self.file.read_at(&mut self.chunk[..want.min(CHUNK)], self.offset)
    }

    fn account(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        let sent = result?;
        self.offset += sent as u64;
        self.sent += sent as u64;
        self.left = self.left.map(|left| left.saturating_sub(sent as u64));
        Ok(sent)
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.sent > 0 {
            // A file that has no position needs none.
            let mut file = self.file;
            let _ = file.seek(SeekFrom::Start(self.offset));
        }
    }
}

/// Whether the kernel cannot do it with this file or socket, or at all.
fn is_not_available(error: &io::Error) -> bool {
    let cannot = [libc::EINVAL, libc::ENOSYS, libc::ENOTSOCK, libc::EOPNOTSUPP, libc::EOVERFLOW];
    error.kind() == ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|number| cannot.contains(&number))
}

fn not_available(error: io::Error) -> io::Error {
    let text = format!("SendfileNotAvailable: the kernel cannot send this file itself: {error}");
    io::Error::new(ErrorKind::Unsupported, text)
}

/// Which part of a file.
#[derive(Clone, Copy)]
struct Part<'a> {
    file: &'a File,
    offset: u64,
    count: Option<u64>,
}

type Sending<'a> = Pin<Box<dyn Future<Output = io::Result<u64>> + 'a>>;

/// A file that is to be sent: say whether there is a [`fallback`](SendFile::fallback), then await
/// it. [`sendfile`](EventLoop::sendfile) and [`sock_sendfile`](EventLoop::sock_sendfile) give it.
#[must_use = "the file is sent when this is awaited"]
pub struct SendFile<'a> {
    begin: Box<dyn FnOnce(bool) -> Sending<'a> + 'a>,
    fallback: bool,
}

impl SendFile<'_> {
    /// Whether to read the file and send what was read where the kernel cannot do both in one;
    /// yes if not set. If not, it is the error `Unsupported` (asyncio's
    /// `SendfileNotAvailableError`).
    pub fn fallback(mut self, fallback: bool) -> Self {
        self.fallback = fallback;
        self
    }
}

impl<'a> IntoFuture for SendFile<'a> {
    type Output = io::Result<u64>;
    type IntoFuture = Sending<'a>;

    fn into_future(self) -> Self::IntoFuture {
        (self.begin)(self.fallback)
    }
}

impl EventLoop {
    /// Sends `file` over a connection, from `offset` on and `count` bytes of it or all there are;
    /// gives how many it was. (`loop.sendfile`)
    ///
    /// What was written before goes first; until the file is sent, [`Transport::write`] is refused
    /// and `close` waits. The file's position is then at the end of what was sent, in any case.
    /// Reading a file may block, as all of a disk's work; it is not done in a thread.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the connection is closing; `InvalidInput` after `write_eof`, while another
    /// file is sent, or of a pipe; why the connection was lost. `Unsupported`: see
    /// [`SendFile::fallback`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, a part of the file has been sent: its position tells which.
    #[track_caller]
    pub fn sendfile<'a>(
        &self,
        transport: &'a Transport,
        file: &'a File,
        offset: u64,
        count: Option<u64>,
    ) -> SendFile<'a> {
        let (at, part) = (Location::caller(), Part { file, offset, count });
        let begin = Box::new(move |fallback| {
            Box::pin(to_transport(&transport.0, part, fallback, at)) as Sending<'a>
        });
        SendFile { begin, fallback: true }
    }

    /// The same over a socket without a transport, which must not block. (`loop.sock_sendfile`)
    ///
    /// # Errors
    ///
    /// As [`sock_sendall`](EventLoop::sock_sendall). `Unsupported`: see [`SendFile::fallback`].
    ///
    /// # Cancel safety
    ///
    /// As [`sendfile`](EventLoop::sendfile).
    #[track_caller]
    pub fn sock_sendfile<'a, S: Watchable + 'a>(
        &self,
        socket: S,
        file: &'a File,
        offset: u64,
        count: Option<u64>,
    ) -> SendFile<'a> {
        let mut operation = Operation::new(self, socket, Location::caller());
        let begin = Box::new(move |fallback| {
            Box::pin(async move {
                let mut progress = Progress::new(Part { file, offset, count }, fallback);
                let mut step = |sockets: &dyn Sockets, fd| progress.step(sockets, fd);
                while operation.attempt(Side::Writer, &mut step).await? > 0 {}
                Ok(progress.sent)
            }) as Sending<'a>
        });
        SendFile { begin, fallback: true }
    }
}

/// While it is there, a file is on its way over the connection.
struct Claim<'a>(&'a Rc<Tcp>);

impl Claim<'_> {
    fn of(tcp: &Rc<Tcp>) -> io::Result<Claim<'_>> {
        let refused = |text: &str| Err(io::Error::new(ErrorKind::InvalidInput, text));
        if !tcp.channel.get().is_both_ways() {
            return refused("a file is sent over a socket, not over a pipe");
        }
        match tcp.lifecycle.get().phase().write_verdict() {
            WriteVerdict::Take => {}
            WriteVerdict::AfterEof => return refused("Cannot call sendfile() after write_eof()"),
            WriteVerdict::Discard => {
                let text = "Transport is closing: nothing can be sent any more";
                return Err(io::Error::new(ErrorKind::NotConnected, text));
            }
        }
        if !tcp.outgoing.borrow_mut().begin_file() {
            return refused("another file is being sent over this connection");
        }
        Ok(Claim(tcp))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let Claim(tcp) = self;
        tcp.outgoing.borrow_mut().end_file();
        if let Some(event_loop) = tcp.event_loop() {
            if tcp.outgoing.borrow().is_empty() {
                tcp.happens(&event_loop.0, Cause::Drained);
            }
            if let Some(layer) = tcp.layer() {
                tcp.close_layer(layer);
            }
        }
    }
}

async fn to_transport(tcp: &Rc<Tcp>, part: Part<'_>, fallback: bool, at: Site) -> io::Result<u64> {
    let _claim = Claim::of(tcp)?;
    if let Some(layer) = tcp.layer() {
        return through(tcp, &*layer, part, fallback, at).await;
    }
    until_drained(tcp, at).await;
    let mut progress = Progress::new(part, fallback);
    loop {
        check_sends(tcp)?;
        match progress.step(&tcp.home.sockets, tcp.fd) {
            Ok(0) => return Ok(progress.sent),
            Ok(sent) => {
                tcp.outgoing.borrow_mut().file_moves(sent);
                let observe = &*tcp.home.ready.observe;
                add(&observe.tally.bytes_sent, sent as u64);
                observe.tell(|| Record::Written { fd: tcp.fd, bytes: sent });
                observe.tell(|| Record::Sent { fd: tcp.fd, asked: sent, sent });
            }
            Err(error) if is_not_now(&error) => {
                let waited = FdWait::new(&tcp.home, tcp.fd, Side::Writer, at).await;
                // That the connection is over says more than that its wait failed.
                check_sends(tcp)?;
                waited?;
            }
            Err(error) => {
                let of_connection = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                if let Some(event_loop) = tcp.event_loop() {
                    if of_connection.contains(&error.kind()) {
                        let told = io::Error::new(error.kind(), error.to_string());
                        tcp.send_failed(&event_loop.0, told);
                    }
                }
                return Err(error);
            }
        }
    }
}

/// Through a layer a file is read and written, piece by piece, each when the last is sent.
async fn through(
    tcp: &Rc<Tcp>,
    layer: &dyn Layer,
    part: Part<'_>,
    fallback: bool,
    at: Site,
) -> io::Result<u64> {
    if !fallback {
        let text = "SendfileNotAvailable: the kernel cannot encrypt this file itself";
        return Err(io::Error::new(ErrorKind::Unsupported, text));
    }
    let mut progress = Progress::new(part, fallback);
    loop {
        until_drained(&tcp.bottom(), at).await;
        check_sends(tcp)?;
        let want = progress.left.unwrap_or(AT_ONCE).min(CHUNK as u64) as usize;
        let read = progress.read(want)?;
        if read == 0 {
            return Ok(progress.sent);
        }
        layer.write(&[IoSlice::new(&progress.chunk[..read])])?;
        progress.account(Ok(read))?;
    }
}

fn check_sends(tcp: &Tcp) -> io::Result<()> {
    if tcp.lifecycle.get().phase().sends() {
        return Ok(());
    }
    let text = "the connection was lost while a file was sent";
    Err(io::Error::new(ErrorKind::BrokenPipe, text))
}

/// Waits until everything written before is sent, or will never be.
async fn until_drained(tcp: &Rc<Tcp>, at: Site) {
    poll_fn(|context| {
        if !tcp.outgoing.borrow_mut().wakes_when_drained(context.waker()) {
            return Poll::Ready(());
        }
        note_wait(Some(at), Resource::Writable(tcp.fd));
        Poll::Pending
    })
    .await;
}
