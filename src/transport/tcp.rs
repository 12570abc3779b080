//! A TCP connection: the shell that does what [`Lifecycle`] and [`Flow`] say.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::flow::{Flow, LimitsError};
use super::lifecycle::{Action, Cause, Lifecycle, WriteVerdict};
use super::protocol::Protocol;
use super::server::Membership;
use super::transport::Transport;
use super::unsent::Unsent;
use crate::event_loop::{
    ErrorContext, EventLoop, Exception, Inner, Resident, ResidentKey, Run, Side, WeakLoop,
    panic_message,
};
use crate::observe::{Record, What, add, count};

/// How many bytes one receive takes at most: the size of the loop's buffer.
const RECEIVE_SIZE: usize = 64 * 1024;

/// How many writes to a lost connection pass in silence (asyncio's
/// `LOG_THRESHOLD_FOR_CONNLOST_WRITES`).
const SILENT_WRITES: u8 = 5;

/// How many buffers go into one vectored send of what waits.
const SLICES: usize = 16;

/// A connection.
pub(crate) struct Tcp {
    fd: RawFd,
    lifecycle: Cell<Lifecycle>,
    /// How many writes were discarded after the connection was lost.
    discarded: Cell<u8>,
    /// Whether the protocol has been told to pause.
    told_paused: Cell<bool>,
    flow: Cell<Flow>,
    unsent: RefCell<Unsent>,
    /// Taken out while one of its methods runs.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    /// Why the connection will be lost.
    error: Cell<Option<io::Error>>,
    resident: Cell<ResidentKey>,
    event_loop: WeakLoop,
    peer: Option<SocketAddr>,
    local: Cell<Option<SocketAddr>>,
    server: Cell<Option<Membership>>,
}

impl Tcp {
    /// A transport for the connected socket `fd`, which it owns from now on, and its protocol's
    /// `connection_made` is called. Reading begins.
    pub(crate) fn open(
        event_loop: &EventLoop,
        fd: RawFd,
        peer: Option<SocketAddr>,
        local: Option<SocketAddr>,
        protocol: Box<dyn Protocol>,
        server: Option<Membership>,
    ) -> Rc<Tcp> {
        let tcp = Rc::new(Tcp {
            fd,
            lifecycle: Cell::new(Lifecycle::new()),
            discarded: Cell::new(0),
            told_paused: Cell::new(false),
            flow: Cell::default(),
            unsent: RefCell::default(),
            protocol: Cell::new(Some(protocol)),
            error: Cell::new(None),
            resident: Cell::new(0),
            event_loop: Rc::downgrade(&event_loop.0),
            peer,
            local: Cell::new(local),
            server: Cell::new(server),
        });
        if let Some(server) = tcp.server.take() {
            server.admit(&tcp);
            tcp.server.set(Some(server));
        }
        tcp.resident.set(event_loop.0.house(tcp.clone()));
        event_loop.0.set_owned(fd, true);
        tcp.begin(event_loop);
        tcp
    }

    fn begin(self: &Rc<Self>, event_loop: &EventLoop) {
        self.happens(&event_loop.0, Cause::Made);
        let made = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| protocol.connection_made(transport));
        }));
        if let Err(payload) = made {
            self.protocol_failed(event_loop, "connection_made", payload);
        }
        if self.lifecycle.get().is_reading()
            && let Err(error) = event_loop.0.watch(self.fd, Side::Reader, self.clone())
        {
            self.broken(&event_loop.0, error);
        }
    }

    // ---- the machines -------------------------------------------------------------------------

    /// Moves the life cycle on, and does what it says.
    fn happens(self: &Rc<Self>, inner: &Inner, cause: Cause) {
        let mut lifecycle = self.lifecycle.get();
        let actions = lifecycle.on(cause, self.unsent.borrow().is_empty());
        self.lifecycle.set(lifecycle);
        for action in actions {
            self.act(inner, action);
        }
    }

    fn act(self: &Rc<Self>, inner: &Inner, action: Action) {
        // A kernel that refuses to forget a descriptor has forgotten it already.
        match action {
            Action::StopReading => drop(inner.unwatch(self.fd, Side::Reader)),
            Action::SendFin => {
                if let Err(error) = inner.sockets.shutdown(self.fd, Shutdown::Write) {
                    self.broken(inner, error);
                }
            }
            Action::StopWriting => {
                self.unsent.borrow_mut().clear();
                drop(inner.unwatch(self.fd, Side::Writer));
            }
            Action::ScheduleLost => inner.queue(Rc::new(Lost(self.clone()))),
            Action::Release => self.release(inner),
        }
    }

    /// The connection failed for good.
    fn broken(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        if !self.lifecycle.get().phase().is_closing() || !self.unsent.borrow().is_empty() {
            self.error.set(Some(error));
        }
        self.happens(inner, Cause::Broken);
    }

    /// Closes the descriptor and lets go of everybody.
    fn release(&self, inner: &Inner) {
        self.remember_local(inner);
        inner.set_owned(self.fd, false);
        inner.sockets.close(self.fd);
        inner.observe.tell(|| Record::Disconnected { fd: self.fd });
        drop(self.protocol.take());
        inner.let_go(self.resident.get());
        if let Some(server) = self.server.take() {
            server.leave();
        }
    }

    /// Its own address can be asked for after the end as well.
    fn remember_local(&self, inner: &Inner) {
        if self.local.get().is_none() {
            self.local.set(inner.sockets.local_addr(self.fd).ok());
        }
    }

    // ---- the protocol -------------------------------------------------------------------------

    /// Calls the protocol, and then tells it of the flow's changes meanwhile. `None` while another
    /// of its methods runs, or after the end.
    fn call<R>(
        self: &Rc<Self>,
        method: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        let protocol = self.protocol.take()?;
        let transport = Transport(self.clone());
        let mut borrowed = Borrowed { place: &self.protocol, protocol: Some(protocol) };
        let result =
            borrowed.protocol.as_mut().map(|protocol| method(protocol.as_mut(), &transport));
        drop(borrowed);
        self.tell_flow();
        result
    }

    /// Tells the protocol to pause or to go on, if that has changed since it was last told.
    fn tell_flow(self: &Rc<Self>) {
        let paused = self.flow.get().is_paused();
        if paused == self.told_paused.get() || self.lifecycle.get().phase().is_over() {
            return;
        }
        let Some(event_loop) = self.event_loop() else { return };
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| {
                self.told_paused.set(paused);
                event_loop.0.observe.tell(|| Record::FlowPaused {
                    fd: self.fd,
                    paused,
                    buffered: self.unsent.borrow().len(),
                });
                match paused {
                    true => protocol.pause_writing(transport),
                    false => protocol.resume_writing(transport),
                }
            })
        }));
        if let Err(payload) = told {
            let method = if paused { "pause_writing" } else { "resume_writing" };
            let message = format!("protocol.{method}() failed");
            event_loop.call_exception_handler(
                ErrorContext::new(message).exception(Exception::Panic(payload)),
            );
        }
    }

    /// A method of the protocol panicked: the handler hears of it, and the connection is over.
    fn protocol_failed(
        self: &Rc<Self>,
        event_loop: &EventLoop,
        method: &str,
        payload: Box<dyn Any + Send>,
    ) {
        let text = format!("protocol.{method}() failed: {}", panic_message(payload.as_ref()));
        let message = format!("Fatal error: protocol.{method}() call failed.");
        event_loop.call_exception_handler(
            ErrorContext::new(message)
                .exception(Exception::Panic(payload))
                .handle(What::Reader { fd: self.fd }),
        );
        self.broken(&event_loop.0, io::Error::other(text));
    }

    // ---- reading ------------------------------------------------------------------------------

    /// One receive. Level-triggered: what it leaves comes with the next turn's event.
    fn read_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        if !self.lifecycle.get().may_deliver() {
            return;
        }
        let inner = &*event_loop.0;
        let mut buffer = inner.receive_buffer.take().unwrap_or_else(new_receive_buffer);
        match inner.sockets.recv(self.fd, &mut buffer) {
            Ok(0) => {
                inner.observe.tell(|| Record::Received { fd: self.fd, bytes: 0 });
                self.peer_finished(inner);
            }
            Ok(received) => {
                add(&inner.observe.tally.bytes_received, received as u64);
                inner.observe.tell(|| Record::Received { fd: self.fd, bytes: received });
                self.call(|protocol, transport| {
                    protocol.data_received(transport, &buffer[..received]);
                });
            }
            Err(error) if is_not_now(&error) => {}
            Err(error) => self.broken(inner, error),
        }
        inner.receive_buffer.set(Some(buffer));
    }

    fn peer_finished(self: &Rc<Self>, inner: &Inner) {
        let keep = self.call(|protocol, transport| protocol.eof_received(transport));
        let cause = if keep == Some(true) { Cause::EofKept } else { Cause::EofClosed };
        self.happens(inner, cause);
    }

    pub(super) fn pause_reading(self: &Rc<Self>) {
        let mut lifecycle = self.lifecycle.get();
        let stop = lifecycle.pause_reading();
        self.lifecycle.set(lifecycle);
        if stop && let Some(event_loop) = self.event_loop() {
            drop(event_loop.0.unwatch(self.fd, Side::Reader));
        }
    }

    pub(super) fn resume_reading(self: &Rc<Self>) {
        let mut lifecycle = self.lifecycle.get();
        let start = lifecycle.resume_reading();
        self.lifecycle.set(lifecycle);
        if start
            && let Some(event_loop) = self.event_loop()
            && let Err(error) = event_loop.0.watch(self.fd, Side::Reader, self.clone())
        {
            self.broken(&event_loop.0, error);
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.lifecycle.get().is_reading()
    }

    // ---- writing ------------------------------------------------------------------------------

    /// Sends what the kernel takes now, and keeps the rest.
    pub(super) fn write(self: &Rc<Self>, bytes: &[u8]) -> io::Result<()> {
        self.write_with(
            bytes.len(),
            |inner| inner.sockets.send(self.fd, bytes),
            |unsent, sent| {
                unsent.append(&bytes[sent..]);
            },
        )
    }

    /// The same from several buffers, in one call of the kernel.
    pub(super) fn write_lines(self: &Rc<Self>, buffers: &[IoSlice<'_>]) -> io::Result<()> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.write_with(
            len,
            |inner| inner.sockets.send_vectored(self.fd, buffers),
            |unsent, sent| unsent.append_rest(buffers, sent),
        )
    }

    fn write_with(
        self: &Rc<Self>,
        len: usize,
        send: impl FnOnce(&Inner) -> io::Result<usize>,
        keep: impl FnOnce(&mut Unsent, usize),
    ) -> io::Result<()> {
        match self.lifecycle.get().phase().write_verdict() {
            WriteVerdict::Take => {}
            WriteVerdict::AfterEof => return Err(write_after_eof()),
            WriteVerdict::Discard => {
                self.discard(len);
                return Ok(());
            }
        }
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        if len == 0 {
            return Ok(());
        }
        let inner = &*event_loop.0;
        let idle = self.unsent.borrow().is_empty();
        let sent = match if idle { self.sent(inner, len, send(inner)) } else { Ok(0) } {
            Ok(sent) => sent,
            Err(error) => {
                self.broken(inner, error);
                return Ok(());
            }
        };
        if sent < len {
            keep(&mut self.unsent.borrow_mut(), sent);
            if idle {
                self.watch_writable(inner);
            }
            self.update_flow();
        }
        Ok(())
    }

    /// Books what a send did: how many bytes it took, 0 if it would block.
    fn sent(&self, inner: &Inner, asked: usize, result: io::Result<usize>) -> io::Result<usize> {
        let sent = match result {
            Err(error) if is_not_now(&error) => 0,
            result => result?,
        };
        add(&inner.observe.tally.bytes_sent, sent as u64);
        inner.observe.tell(|| Record::Sent { fd: self.fd, asked, sent });
        Ok(sent)
    }

    #[cold]
    fn watch_writable(self: &Rc<Self>, inner: &Inner) {
        let writer = Rc::new(WriteReady(self.clone()));
        if let Err(error) = inner.watch(self.fd, Side::Writer, writer) {
            self.broken(inner, error);
        }
    }

    /// The socket takes bytes again.
    fn write_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        if !self.lifecycle.get().phase().sends() {
            return;
        }
        let inner = &*event_loop.0;
        let result = {
            let unsent = self.unsent.borrow();
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = unsent.io_slices(&mut slices);
            match &slices[..filled] {
                [one] => inner.sockets.send(self.fd, one),
                many => inner.sockets.send_vectored(self.fd, many),
            }
        };
        let asked = self.unsent.borrow().len();
        match self.sent(inner, asked, result) {
            Ok(sent) => self.unsent.borrow_mut().advance(sent),
            Err(error) => return self.broken(inner, error),
        }
        if self.unsent.borrow().is_empty() {
            drop(inner.unwatch(self.fd, Side::Writer));
            self.happens(inner, Cause::Drained);
        }
        self.update_flow();
    }

    fn update_flow(self: &Rc<Self>) {
        let mut flow = self.flow.get();
        let signal = flow.update(self.unsent.borrow().len());
        self.flow.set(flow);
        if signal.is_some() {
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
        if count + 1 == SILENT_WRITES
            && let Some(event_loop) = self.event_loop()
        {
            event_loop.call_exception_handler(ErrorContext::new(
                "socket.send() raised exception. The connection is lost, and the program goes on \
                 writing to it: stop when connection_lost() is called or drain() fails",
            ));
        }
    }

    pub(super) fn write_eof(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::WriteEof);
        }
    }

    pub(super) fn set_limits(
        self: &Rc<Self>,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), LimitsError> {
        let mut flow = self.flow.get();
        flow.set_limits(high, low, self.unsent.borrow().len())?;
        self.flow.set(flow);
        self.tell_flow();
        Ok(())
    }

    pub(super) fn limits(&self) -> (usize, usize) {
        self.flow.get().limits()
    }

    pub(super) fn unsent_len(&self) -> usize {
        self.unsent.borrow().len()
    }

    // ---- the end ------------------------------------------------------------------------------

    pub(super) fn close(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::Close);
        }
    }

    pub(super) fn abort(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::Abort);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lifecycle.get().phase().is_closing()
    }

    pub(super) fn fd(&self) -> RawFd {
        self.fd
    }

    pub(super) fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        if let (None, Some(event_loop)) = (self.local.get(), self.event_loop()) {
            self.local.set(Some(event_loop.0.sockets.local_addr(self.fd)?));
        }
        self.local.get().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    pub(super) fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }
}

/// Puts a protocol back in its place when its method is over, also by a panic.
struct Borrowed<'a> {
    place: &'a Cell<Option<Box<dyn Protocol>>>,
    protocol: Option<Box<dyn Protocol>>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.place.set(self.protocol.take());
    }
}

impl Run for Tcp {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.read_ready(event_loop);
    }

    fn what(&self) -> What {
        What::Reader { fd: self.fd }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        self.protocol_failed(event_loop, "data_received", payload);
    }
}

impl Resident for Tcp {
    fn what(&self) -> What {
        What::Internal { name: "a connection" }
    }

    fn evict(self: Rc<Self>, inner: &Inner) {
        drop(inner.unwatch(self.fd, Side::Reader));
        drop(inner.unwatch(self.fd, Side::Writer));
        self.release(inner);
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

/// The last call of a connection.
struct Lost(Rc<Tcp>);

impl Run for Lost {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let tcp = &self.0;
        let error = tcp.error.take();
        let protocol = tcp.protocol.take();
        let told = catch_unwind(AssertUnwindSafe(move || {
            if let Some(mut protocol) = protocol {
                protocol.connection_lost(error);
            }
        }));
        if let Err(payload) = told {
            event_loop.call_exception_handler(
                ErrorContext::new("protocol.connection_lost() failed")
                    .exception(Exception::Panic(payload)),
            );
        }
        tcp.happens(&event_loop.0, Cause::Delivered);
    }

    fn what(&self) -> What {
        What::Internal { name: "connection_lost" }
    }
}

fn new_receive_buffer() -> Box<[u8]> {
    vec![0; RECEIVE_SIZE].into_boxed_slice()
}

/// Whether a call only has nothing to do yet.
fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn write_after_eof() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "Cannot call write() after write_eof()")
}

/// Books an accepted connection.
pub(super) fn note_accepted(inner: &Inner, listener: RawFd, fd: RawFd) {
    count(&inner.observe.tally.accepted);
    inner.observe.tell(|| Record::Accepted { listener, fd });
}
