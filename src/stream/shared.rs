//! What a connection's reader, writer and protocol share.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::buffer::StreamBuffer;
use super::reader::StreamReader;
use super::writer::StreamWriter;
use crate::sys::kind_of;
use crate::transport::{Protocol, Transport};

/// Where the connection's end stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Not there.
    Open,
    /// `connection_lost` was called.
    Lost,
}

/// A connection's bytes, and who waits for what.
pub(super) struct Shared {
    pub(super) transport: Transport,
    pub(super) buffer: RefCell<StreamBuffer>,
    /// Who waits in a read, or did last: it is likely to wait again, so its waker is kept.
    reader: Cell<Option<Waker>>,
    reader_waits: Cell<bool>,
    reading_paused: Cell<bool>,
    writing_paused: Cell<bool>,
    end: Cell<End>,
    error: RefCell<Option<io::Error>>,
    /// Who waits in `drain` or `wait_closed`.
    writers: RefCell<Vec<Waker>>,
}

impl Shared {
    pub(super) fn new(transport: Transport, limit: usize) -> io::Result<Rc<Shared>> {
        Ok(Rc::new(Shared {
            transport,
            buffer: RefCell::new(StreamBuffer::new(limit)?),
            reader: Cell::new(None),
            reader_waits: Cell::new(false),
            reading_paused: Cell::new(false),
            writing_paused: Cell::new(false),
            end: Cell::new(End::Open),
            error: RefCell::new(None),
            writers: RefCell::default(),
        }))
    }

    // ---- reading ------------------------------------------------------------------------------

    fn feed(&self, data: &[u8]) {
        let mut buffer = self.buffer.borrow_mut();
        buffer.feed_data(data);
        let pause = buffer.should_pause();
        drop(buffer);
        if pause && !self.reading_paused.replace(true) {
            self.transport.pause_reading();
        }
        self.wake_reader();
    }

    /// Takes what was received and not read.
    #[cfg(feature = "tls")]
    pub(super) fn take_unread(&self) -> Vec<u8> {
        let unread = self.buffer.borrow_mut().take_all();
        self.resume_reading();
        unread
    }

    fn feed_eof(&self) {
        self.buffer.borrow_mut().feed_eof();
        self.wake_reader();
    }

    fn wake_reader(&self) {
        if self.reader_waits.replace(false) {
            if let Some(reader) = self.reader.take() {
                reader.wake_by_ref();
                self.reader.set(Some(reader));
            }
        }
    }

    /// A read must wait: it wants the transport to receive, however full the buffer is.
    pub(super) fn reader_waits(&self, context: &Context<'_>) {
        self.resume_reading();
        self.reader_waits.set(true);
        let kept = match self.reader.take() {
            Some(kept) if kept.will_wake(context.waker()) => kept,
            _ => context.waker().clone(),
        };
        self.reader.set(Some(kept));
    }

    /// A read has taken its bytes: a transport that was paused for them may go on.
    #[inline]
    pub(super) fn reader_has_read(&self) {
        if self.reading_paused.get() && self.buffer.borrow().should_resume() {
            self.resume_reading();
        }
    }

    fn resume_reading(&self) {
        if self.reading_paused.replace(false) {
            self.transport.resume_reading();
        }
    }

    // ---- writing ------------------------------------------------------------------------------

    /// Whether a drain is over; else `context` is woken when it may be.
    pub(super) fn poll_drained(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if self.end.get() == End::Lost {
            return Poll::Ready(Err(self.lost_error()));
        }
        if !self.writing_paused.get() {
            return Poll::Ready(Ok(()));
        }
        self.writer_waits(context);
        Poll::Pending
    }

    /// Whether the connection is lost, and for no error.
    pub(super) fn is_lost_in_order(&self) -> bool {
        self.end.get() == End::Lost && self.error.borrow().is_none()
    }

    /// Whether the connection is lost, and how; else `context` is woken when it is.
    pub(super) fn poll_closed(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if self.end.get() == End::Open {
            self.writer_waits(context);
            return Poll::Pending;
        }
        match &*self.error.borrow() {
            Some(error) => Poll::Ready(Err(copy(error))),
            None => Poll::Ready(Ok(())),
        }
    }

    fn writer_waits(&self, context: &Context<'_>) {
        let mut writers = self.writers.borrow_mut();
        if !writers.iter().any(|waker| waker.will_wake(context.waker())) {
            writers.push(context.waker().clone());
        }
    }

    fn wake_writers(&self) {
        for waker in self.writers.take() {
            waker.wake();
        }
    }

    /// Why nothing can be written any more.
    fn lost_error(&self) -> io::Error {
        match &*self.error.borrow() {
            Some(error) => copy(error),
            None => io::Error::new(io::ErrorKind::ConnectionReset, "Connection lost"),
        }
    }

    fn lost(&self, error: Option<io::Error>) {
        match error {
            Some(error) => {
                let mut buffer = self.buffer.borrow_mut();
                // What the peer had to say is whole then, and it is the writer's error.
                if !buffer.has_eof() {
                    buffer.set_exception(copy(&error));
                }
                drop(buffer);
                *self.error.borrow_mut() = Some(error);
            }
            None => self.buffer.borrow_mut().feed_eof(),
        }
        self.end.set(End::Lost);
        self.wake_reader();
        let reader = self.reader.take();
        drop(reader);
        self.wake_writers();
    }
}

/// An error that may be asked for again: [`io::Error`] cannot be cloned, so what is handed out is
/// the same number, or the same kind and text.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(kind_of(error), format!("{error}")),
    }
}

/// What a reader and a writer hold together: when both are gone, the connection is closed.
pub(super) struct Ends(pub(super) Rc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.transport.close();
    }
}

/// Takes a new connection's two ends.
pub(super) type Connected = Box<dyn FnOnce(StreamReader, StreamWriter)>;

/// The protocol under a reader and a writer. (`asyncio.StreamReaderProtocol`)
pub(super) struct StreamProtocol {
    limit: usize,
    connected: Option<Connected>,
    shared: Option<Rc<Shared>>,
}

impl StreamProtocol {
    /// `limit` is at least 1.
    pub(super) fn new(limit: usize, connected: Connected) -> Self {
        StreamProtocol { limit, connected: Some(connected), shared: None }
    }
}

impl Protocol for StreamProtocol {
    fn connection_made(&mut self, transport: &Transport) {
        let Ok(shared) = Shared::new(transport.clone(), self.limit) else {
            return transport.abort();
        };
        self.shared = Some(shared.clone());
        let ends = Rc::new(Ends(shared));
        if let Some(connected) = self.connected.take() {
            connected(StreamReader::new(ends.clone()), StreamWriter::new(ends));
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        if let Some(shared) = &self.shared {
            shared.feed(data);
        }
    }

    /// The connection stays, so that an answer can still be written.
    fn eof_received(&mut self, _: &Transport) -> bool {
        if let Some(shared) = &self.shared {
            shared.feed_eof();
        }
        true
    }

    fn pause_writing(&mut self, _: &Transport) {
        if let Some(shared) = &self.shared {
            shared.writing_paused.set(true);
        }
    }

    fn resume_writing(&mut self, _: &Transport) {
        if let Some(shared) = &self.shared {
            shared.writing_paused.set(false);
            shared.wake_writers();
        }
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        if let Some(shared) = &self.shared {
            shared.lost(error);
        }
    }
}
