//! The reading end of a stream.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::buffer::{Progress, ReadResult, StreamBuffer};
use super::error::ReadError;
use super::scan::Scan;
use super::shared::{Ends, Shared, copy};
use crate::observe::{Resource, Site, note_wait};

/// The reading end of a connection. (`asyncio.StreamReader`)
///
/// It holds at most about twice its limit (64 KiB if not set): beyond that the peer is held back
/// until something is read. The connection is closed when both ends are dropped.
///
/// # Cancel safety
///
/// A read that is dropped while it waits has taken nothing: every byte is there for the next.
///
/// # Unlike asyncio
///
/// What came before the connection was lost can be read, and then comes the error; asyncio gives the
/// error at once. Two tasks cannot read at the same time: a read borrows the reader (STREAM-14).
///
/// ```compile_fail,E0499
/// async fn two(mut reader: evloop::StreamReader) {
///     let (one, other) = (reader.read(1), reader.read(1));
///     drop((one.await, other.await));
/// }
/// ```
pub struct StreamReader {
    ends: Rc<Ends>,
}

impl StreamReader {
    pub(super) fn new(ends: Rc<Ends>) -> Self {
        StreamReader { ends }
    }

    fn shared(&self) -> &Shared {
        &self.ends.0
    }

    /// The same end for whoever reads after this one is dropped.
    #[cfg(feature = "ws")]
    pub(crate) fn another(&self) -> StreamReader {
        StreamReader { ends: self.ends.clone() }
    }

    /// How many bytes have come that nobody has read.
    #[cfg(feature = "ws")]
    pub(crate) fn unread(&self) -> usize {
        self.shared().buffer.borrow().unread().len()
    }

    /// What has come, at most `max` bytes; waits only while nothing has. Empty at the end of the
    /// stream, or if `max` is 0.
    ///
    /// # Errors
    ///
    /// Why the connection was lost.
    #[track_caller]
    pub fn read(&mut self, max: usize) -> impl Future<Output = io::Result<Vec<u8>>> + use<'_> {
        self.reading(move |buffer| buffer.read(max))
    }

    /// The same into memory of yours; gives how many bytes it was.
    ///
    /// # Errors
    ///
    /// As [`read`](StreamReader::read).
    #[track_caller]
    pub fn read_into<'a>(
        &'a mut self,
        memory: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        self.reading(move |buffer| buffer.read_into(memory))
    }

    /// Everything up to the end of the stream. (`read(-1)`)
    ///
    /// # Errors
    ///
    /// As [`read`](StreamReader::read).
    #[track_caller]
    pub fn read_to_end(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> + use<'_> {
        self.reading(StreamBuffer::read_to_end)
    }

    /// One line with its newline; at the end of the stream what is left without one, which may be
    /// nothing.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line is longer than the limit: it, or as much of it as has come, is
    /// dropped. Otherwise as [`read`](StreamReader::read).
    #[track_caller]
    pub fn readline(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> + use<'_> {
        let mut scan = Scan::line();
        self.reading(move |buffer| buffer.read_line(&mut scan))
    }

    /// Exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError::IncompleteRead`], with what has come, if the stream ends before;
    /// [`ReadError::Io`] if the connection was lost.
    #[track_caller]
    pub fn readexactly(
        &mut self,
        count: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> + use<'_> {
        self.reading(move |buffer| buffer.read_exactly(count))
    }

    /// Everything up to and including `separator`.
    ///
    /// # Errors
    ///
    /// [`ReadError::IncompleteRead`] if the stream ends before; [`ReadError::LimitOverrun`] if it
    /// does not come within the limit, and everything stays to be read otherwise;
    /// [`ReadError::Io`] if the connection was lost or `separator` is empty.
    #[track_caller]
    pub fn readuntil<'a>(
        &'a mut self,
        separator: &'a [u8],
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> + use<'a> {
        self.reading(scanning(Scan::one(separator)))
    }

    /// Everything up to and including whichever of `separators` ends first.
    ///
    /// # Errors
    ///
    /// As [`readuntil`](StreamReader::readuntil).
    #[track_caller]
    pub fn readuntil_any<'a>(
        &'a mut self,
        separators: &'a [&'a [u8]],
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> + use<'a> {
        self.reading(scanning(Scan::new(separators)))
    }

    /// Why the connection was lost, if not in order: what every read gives from then on for which
    /// what came before is not enough.
    pub fn exception(&self) -> Option<io::Error> {
        self.shared().buffer.borrow().exception().map(copy)
    }

    /// Whether the stream has ended and everything is read.
    pub fn at_eof(&self) -> bool {
        self.shared().buffer.borrow().at_eof()
    }

    #[track_caller]
    fn reading<'a, T, E, Op>(&'a mut self, op: Op) -> Reading<'a, Op, E>
    where
        Op: FnMut(&mut StreamBuffer) -> ReadResult<T> + Unpin + 'a,
    {
        Reading {
            shared: &self.ends.0,
            op,
            at: Location::caller(),
            error: std::marker::PhantomData,
        }
    }
}

/// A read up to what `scan` finds; fails if there can be no such scan.
fn scanning(mut scan: io::Result<Scan<'_>>) -> impl FnMut(&mut StreamBuffer) -> ReadResult {
    move |buffer| match &mut scan {
        Ok(scan) => buffer.read_until(scan),
        Err(error) => Err(ReadError::Io(copy(error))),
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = self.shared().buffer.borrow();
        let eof = if buffer.at_eof() { " eof" } else { "" };
        write!(f, "<StreamReader{eof} unread={} ", buffer.unread().len())?;
        write!(f, "limit={} transport={:?}>", buffer.limit(), self.shared().transport)
    }
}

/// A read under way: asks the buffer, and waits while that needs more.
struct Reading<'a, Op, E> {
    shared: &'a Rc<Shared>,
    op: Op,
    at: Site,
    error: std::marker::PhantomData<fn() -> E>,
}

impl<T, E, Op> Future for Reading<'_, Op, E>
where
    E: From<ReadError>,
    Op: FnMut(&mut StreamBuffer) -> ReadResult<T> + Unpin,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let progress = (this.op)(&mut this.shared.buffer.borrow_mut());
        match progress {
            Ok(Progress::NeedMore) => {
                this.shared.reader_waits(context);
                let fd = this.shared.transport.as_raw_fd();
                note_wait(Some(this.at), Resource::Readable(fd));
                Poll::Pending
            }
            Ok(Progress::Done(value)) => {
                this.shared.reader_has_read();
                Poll::Ready(Ok(value))
            }
            Err(error) => {
                this.shared.reader_has_read();
                Poll::Ready(Err(error.into()))
            }
        }
    }
}
