//! A connection's sending side.

use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;

use super::flow::LimitsError;
use super::layer::Layer;
use super::lifecycle::{Cause, WriteVerdict};
use super::outgoing::Queue;
use super::pipe::Channel;
use super::receive::is_not_now;
use super::tcp::Tcp;
use super::unsent::Unsent;
use crate::event_loop::{ErrorContext, EventLoop, Inner, Run, Side};
use crate::observe::{Record, What, add};
use crate::sys::Sockets;
use crate::sys::zoo::{self, Bug};

/// How many writes to a lost connection pass in silence (asyncio's
/// `LOG_THRESHOLD_FOR_CONNLOST_WRITES`).
const SILENT_WRITES: u8 = 5;

/// How many buffers go into one vectored send of what waits.
const SLICES: usize = 16;

impl Tcp {
    /// Sends what the kernel takes now, and keeps the rest.
    pub(super) fn write(self: &Rc<Self>, bytes: &[u8]) -> io::Result<()> {
        self.write_with(
            bytes.len(),
            || self.send(bytes),
            |unsent, sent| {
                unsent.append(&bytes[sent..]);
            },
            |layer| layer.write(&[IoSlice::new(bytes)]),
        )
    }

    /// The same from several buffers, in one call of the kernel.
    pub(super) fn write_lines(self: &Rc<Self>, buffers: &[IoSlice<'_>]) -> io::Result<()> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.write_with(
            len,
            || self.send_vectored(buffers),
            |unsent, sent| unsent.append_rest(buffers, sent),
            |layer| layer.write(buffers),
        )
    }

    /// The usual case, a send that takes everything, comes first and asks for nothing but what it
    /// needs: it is most of what an answer costs besides the kernel. Of everything else `keep`
    /// is a part, which is why the loop is looked for only there.
    #[inline]
    fn write_with(
        self: &Rc<Self>,
        len: usize,
        send: impl FnOnce() -> io::Result<usize>,
        keep: impl FnOnce(&mut Unsent, usize),
        through: impl FnOnce(&dyn Layer) -> io::Result<()>,
    ) -> io::Result<()> {
        if len == 0 || self.lifecycle.get().phase().write_verdict() != WriteVerdict::Take {
            return self.refuse(len);
        }
        let idle = self.outgoing.borrow().is_empty();
        let result = if idle { send() } else { Ok(0) };
        let took_all = |sent| sent == len || zoo::is(Bug::PartialSendLosesTail);
        if idle && matches!(result, Ok(sent) if took_all(sent)) {
            self.book_written(len);
        } else {
            if self.outgoing.borrow().has_file() {
                return Err(write_during_file());
            }
            if let Some(layer) = self.layer() {
                return through(&*layer);
            }
            self.sent_in_part(len, idle, result, keep);
        }
        Ok(())
    }

    /// A write of nothing, or at a time when nothing is taken any more.
    #[cold]
    fn refuse(&self, len: usize) -> io::Result<()> {
        match self.lifecycle.get().phase().write_verdict() {
            WriteVerdict::Take => {}
            WriteVerdict::AfterEof if self.channel.get() == Channel::ReadPipe => {
                return Err(write_to_reader());
            }
            WriteVerdict::AfterEof => return Err(write_after_eof()),
            WriteVerdict::Discard => self.discard(len),
        }
        Ok(())
    }

    /// Keeps what was not sent; the first bytes kept have the socket watched.
    #[cold]
    #[inline(never)]
    fn sent_in_part(
        self: &Rc<Self>,
        asked: usize,
        idle: bool,
        result: io::Result<usize>,
        keep: impl FnOnce(&mut Unsent, usize),
    ) {
        let Some(event_loop) = self.event_loop() else { return };
        let inner = &*event_loop.0;
        inner.observe.tell(|| Record::Written { fd: self.fd, bytes: asked });
        let sent = match if idle { self.sent(asked, result) } else { result } {
            Ok(sent) => sent,
            Err(error) => return self.send_failed(inner, error),
        };
        keep(&mut self.outgoing.borrow_mut().queue().unsent, sent);
        if idle {
            self.watch_writable(inner);
        }
        self.update_flow();
    }

    /// Books what a send did: how many bytes it took, 0 if it would block.
    fn sent(&self, asked: usize, result: io::Result<usize>) -> io::Result<usize> {
        let sent = match result {
            Err(error) if is_not_now(&error) => 0,
            result => result?,
        };
        self.book_sent(asked, sent);
        Ok(sent)
    }

    /// Books a write of which the kernel took everything at once, with one look whether anybody
    /// observes.
    #[inline]
    fn book_written(&self, len: usize) {
        let observe = &*self.home.ready.observe;
        add(&observe.tally.bytes_sent, len as u64);
        if observe.is_watched() {
            observe.tell(|| Record::Written { fd: self.fd, bytes: len });
            observe.tell(|| Record::Sent { fd: self.fd, asked: len, sent: len });
        }
    }

    #[inline]
    fn book_sent(&self, asked: usize, sent: usize) {
        let observe = &*self.home.ready.observe;
        add(&observe.tally.bytes_sent, sent as u64);
        observe.tell(|| Record::Sent { fd: self.fd, asked, sent });
    }

    #[inline]
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.channel.get() {
            Channel::Socket => self.home.sockets.send(self.fd, bytes),
            _ => self.home.sockets.write(self.fd, bytes),
        }
    }

    #[inline]
    fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.channel.get() {
            Channel::Socket => self.home.sockets.send_vectored(self.fd, buffers),
            _ => self.home.sockets.write_vectored(self.fd, buffers),
        }
    }

    pub(super) fn watch_writable(self: &Rc<Self>, inner: &Inner) {
        let writer = Rc::new(WriteReady(self.clone()));
        if let Err(error) = inner.watch(self.fd, Side::Writer, writer) {
            self.broken(inner, error);
        }
    }

    /// The socket takes bytes again.
    fn write_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        let asked = self.outgoing.borrow().len();
        if asked == 0 || !self.lifecycle.get().phase().sends() {
            return;
        }
        let inner = &*event_loop.0;
        let result = self.send_unsent();
        match self.sent(asked, result) {
            Ok(sent) => self.outgoing.borrow_mut().queue().unsent.advance(sent),
            Err(error) => return self.send_failed(inner, error),
        }
        // Before the end that a closing transport comes to when all is sent: after it nobody is told.
        self.update_flow();
        if self.outgoing.borrow().has_no_bytes() {
            inner.forget(self.fd, Side::Writer);
            self.drained(inner);
        }
    }

    /// All bytes are sent: a file may follow, or that was all.
    fn drained(self: &Rc<Self>, inner: &Inner) {
        let waker = self.outgoing.borrow_mut().take_drained();
        if let Some(waker) = waker {
            waker.wake();
        }
        if !self.outgoing.borrow().has_file() {
            self.happens(inner, Cause::Drained);
        }
    }

    fn send_unsent(&self) -> io::Result<usize> {
        let mut outgoing = self.outgoing.borrow_mut();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = outgoing.queue().unsent.io_slices(&mut slices);
        match &slices[..filled] {
            [one] => self.send(one),
            many => self.send_vectored(many),
        }
    }

    fn update_flow(self: &Rc<Self>) {
        let changed = self.outgoing.borrow_mut().update_flow();
        if changed {
            self.tell_flow();
        }
    }

    /// Bytes for a connection that is over.
    fn discard(&self, len: usize) {
        let count = self.discarded.get();
        if len == 0 || !self.lifecycle.get().phase().is_over() || count > SILENT_WRITES {
            return;
        }
        self.discarded.set(count + 1);
        if let Some(event_loop) = self.event_loop().filter(|_| count + 1 == SILENT_WRITES) {
            event_loop.call_exception_handler(ErrorContext::new(
                "socket.send() raised exception. The connection is lost, and the program goes on \
                 writing to it: stop when connection_lost() is called or drain() fails",
            ));
        }
    }

    pub(super) fn write_eof(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop().filter(|_| self.can_write_eof()) {
            // A pipe has one direction: its end is the end.
            let both = self.channel.get().is_both_ways();
            let end = if both { Cause::WriteEof } else { Cause::Close };
            self.happens(&event_loop.0, end);
        }
    }

    pub(super) fn set_limits(
        self: &Rc<Self>,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), LimitsError> {
        if self.layer().is_some() {
            return self.bottom().set_limits(high, low);
        }
        let mut outgoing = self.outgoing.borrow_mut();
        let Queue { unsent, flow, .. } = outgoing.queue();
        let result = flow.set_limits(high, low, unsent.len());
        outgoing.update_flow();
        drop(outgoing);
        result?;
        self.tell_flow();
        Ok(())
    }

    pub(super) fn limits(self: &Rc<Self>) -> (usize, usize) {
        self.bottom().outgoing.borrow().limits()
    }

    pub(super) fn unsent_at_end(self: &Rc<Self>) -> usize {
        self.bottom().outgoing.borrow().was_cut_off()
    }

    pub(super) fn unsent_len(self: &Rc<Self>) -> usize {
        self.bottom().outgoing.borrow().len()
    }
}

/// The writer of a connection whose bytes the kernel did not take.
struct WriteReady(Rc<Tcp>);

impl Run for WriteReady {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.0.write_ready(event_loop);
    }

    fn what(&self) -> What {
        What::Writer { fd: self.0.fd }
    }
}

fn write_to_reader() -> io::Error {
    let text = "Cannot write() to a pipe that was given to connect_read_pipe(): it is only read";
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn write_during_file() -> io::Error {
    let text = "Cannot call write() while sendfile() is in progress: await that first";
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn write_after_eof() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "Cannot call write() after write_eof()")
}
