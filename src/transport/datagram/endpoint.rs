//! A datagram endpoint: the shell that does what [`Lifecycle`] and [`Flow`] say.
//!
//! The life cycle is the one of connections. Of its phases an endpoint knows `New`, `Open`,
//! `Flushing`, `Closed` and `Lost`, for datagrams have no end of file.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::flow::{Flow, LimitsError};
use super::super::lifecycle::{Action, Cause, Lifecycle, Phase, WriteVerdict};
use super::super::receive::{is_not_now, new_receive_buffer};
use super::addressee;
use super::protocol::DatagramProtocol;
use super::queue::Queue;
use super::transport::DatagramTransport;
use crate::event_loop::{
    ErrorContext, EventLoop, Exception, Home, Inner, Resident, ResidentKey, Run, Side,
    panic_message,
};
use crate::observe::{Record, What, add};
use crate::sys::Sockets;

pub(super) struct Udp {
    fd: RawFd,
    lifecycle: Cell<Lifecycle>,
    queue: RefCell<Queue>,
    flow: Cell<Flow>,
    told_paused: Cell<bool>,
    flow_is_news: Cell<bool>,
    /// What sends met that the protocol has not been told.
    refused: RefCell<VecDeque<io::Error>>,
    /// Borrowed while one of its methods runs.
    protocol: RefCell<Option<Box<dyn DatagramProtocol>>>,
    /// Why the endpoint will be lost.
    error: Cell<Option<io::Error>>,
    resident: Cell<ResidentKey>,
    home: Rc<Home>,
    pub(super) peer: Option<SocketAddr>,
    local: OnceCell<SocketAddr>,
}

impl Udp {
    /// An endpoint on the socket `fd`, which it owns from now on, and its protocol's
    /// `connection_made` is called. Reading begins.
    pub(super) fn open(
        event_loop: &EventLoop,
        fd: RawFd,
        peer: Option<SocketAddr>,
        protocol: Box<dyn DatagramProtocol>,
    ) -> Rc<Udp> {
        let udp = Rc::new(Udp {
            fd,
            lifecycle: Cell::new(Lifecycle::new()),
            queue: RefCell::default(),
            flow: Cell::default(),
            told_paused: Cell::new(false),
            flow_is_news: Cell::new(false),
            refused: RefCell::default(),
            protocol: RefCell::new(Some(protocol)),
            error: Cell::new(None),
            resident: Cell::new(0),
            home: event_loop.0.home.clone(),
            peer,
            local: OnceCell::new(),
        });
        udp.resident.set(event_loop.0.house(udp.clone()));
        event_loop.0.set_owned(fd, true);
        udp.begin(event_loop);
        udp
    }

    fn begin(self: &Rc<Self>, event_loop: &EventLoop) {
        self.happens(&event_loop.0, Cause::Made);
        let made = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| protocol.connection_made(transport));
        }));
        if let Err(payload) = made {
            self.protocol_failed(event_loop, "connection_made", payload);
        }
        if self.lifecycle.get().is_reading() {
            if let Err(error) = event_loop.0.watch(self.fd, Side::Reader, self.clone()) {
                self.broken(&event_loop.0, error);
            }
        }
    }

    // ---- the machine --------------------------------------------------------------------------

    fn happens(self: &Rc<Self>, inner: &Inner, cause: Cause) {
        let mut lifecycle = self.lifecycle.get();
        let actions = lifecycle.on(cause, self.queue.borrow().is_empty());
        self.lifecycle.set(lifecycle);
        for action in actions {
            self.act(inner, action);
        }
    }

    fn act(self: &Rc<Self>, inner: &Inner, action: Action) {
        // A kernel that refuses to forget a descriptor has forgotten it already.
        match action {
            Action::StopReading => drop(inner.unwatch(self.fd, Side::Reader)),
            // No cause of ours leads to a phase with a FIN, nor to one that drains.
            Action::SendFin | Action::Drain => {}
            Action::StopWriting => {
                drop(self.queue.take());
                drop(inner.unwatch(self.fd, Side::Writer));
            }
            Action::ScheduleLost => inner.queue(Rc::new(Lost(self.clone()))),
            Action::Release => self.release(inner),
        }
    }

    /// The socket is of no use any more.
    fn broken(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        self.error.set(Some(error));
        self.tell_cut_off(inner);
        self.happens(inner, Cause::Broken);
    }

    fn release(self: &Rc<Self>, inner: &Inner) {
        inner.let_go(self.resident.get());
        let protocol = self.protocol.try_borrow_mut().ok().and_then(|mut place| place.take());
        // A destructor that panics must not keep the descriptor open.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(protocol)));
        drop(self.local_addr());
        inner.set_owned(self.fd, false);
        inner.home.sockets.close(self.fd);
        inner.observe.tell(|| Record::Disconnected { fd: self.fd });
    }

    #[cold]
    fn tell_cut_off(&self, inner: &Inner) {
        let unsent = self.queue.borrow().size();
        inner.observe.tell(|| Record::CutOff { fd: self.fd, unsent });
    }

    // ---- the protocol -------------------------------------------------------------------------

    /// Calls the protocol, and then tells it of the flow's changes meanwhile. `None` while another
    /// of its methods runs, or after the end.
    fn call<R>(
        self: &Rc<Self>,
        method: impl FnOnce(&mut dyn DatagramProtocol, &DatagramTransport) -> R,
    ) -> Option<R> {
        let mut protocol = self.protocol.try_borrow_mut().ok()?;
        let result = method(protocol.as_deref_mut()?, &DatagramTransport(self.clone()));
        drop(protocol);
        if self.flow_is_news.get() {
            self.tell_flow();
        }
        Some(result)
    }

    fn update_flow(self: &Rc<Self>) {
        let mut flow = self.flow.get();
        let changed = flow.update(self.queue.borrow().size()).is_some();
        self.flow.set(flow);
        if changed {
            self.tell_flow();
        }
    }

    /// Tells the protocol to pause or to go on, if that has changed since it was last told.
    #[cold]
    fn tell_flow(self: &Rc<Self>) {
        let paused = self.flow.get().is_paused();
        let news = paused != self.told_paused.get();
        self.flow_is_news.set(news);
        let Some(event_loop) = self.event_loop() else { return };
        if !news || self.lifecycle.get().phase().is_over() {
            return;
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| {
                self.told_paused.set(paused);
                self.flow_is_news.set(false);
                let buffered = self.queue.borrow().size();
                event_loop.0.observe.tell(|| Record::FlowPaused { fd: self.fd, paused, buffered });
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

    /// A method of the protocol panicked: the handler hears of it, and the endpoint is over.
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

    /// The network said something of a datagram.
    fn tell_error(self: &Rc<Self>, event_loop: &EventLoop, error: io::Error) {
        if self.lifecycle.get().phase().is_over() {
            return;
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| protocol.error_received(transport, error));
        }));
        if let Err(payload) = told {
            self.protocol_failed(event_loop, "error_received", payload);
        }
    }

    /// The same, in the next turn.
    fn refused(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        self.refused.borrow_mut().push_back(error);
        if self.refused.borrow().len() == 1 {
            inner.queue(Rc::new(TellRefused(self.clone())));
        }
    }

    // ---- receiving ----------------------------------------------------------------------------

    /// One datagram. Level-triggered: the next one comes with the next turn's event.
    fn read_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        if !self.lifecycle.get().may_deliver() {
            return;
        }
        // Nobody else can be using it; if somebody were, the event would come again.
        let Ok(mut buffer) = event_loop.0.receive_buffer.try_borrow_mut() else { return };
        let buffer = &mut **buffer.get_or_insert_with(new_receive_buffer);
        match self.home.sockets.recv_from(self.fd, buffer) {
            Ok((received, from)) => {
                let observe = &*self.home.ready.observe;
                add(&observe.tally.bytes_received, received as u64);
                // No bytes would be the end of a file.
                if received > 0 {
                    observe.tell(|| Record::Received { fd: self.fd, bytes: received });
                }
                self.call(|protocol, transport| {
                    protocol.datagram_received(transport, &buffer[..received], from);
                });
            }
            Err(error) if is_not_now(&error) => {}
            Err(error) if is_of_the_socket(&error) => self.broken(&event_loop.0, error),
            Err(error) => self.tell_error(event_loop, error),
        }
    }

    // ---- sending ------------------------------------------------------------------------------

    pub(super) fn send(self: &Rc<Self>, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let to = addressee(self.peer, to)?;
        if self.peer.is_none() && to.is_none() {
            return Err(to_nobody());
        }
        if self.lifecycle.get().phase().write_verdict() != WriteVerdict::Take {
            return Ok(());
        }
        let observe = &*self.home.ready.observe;
        observe.tell(|| Record::Written { fd: self.fd, bytes: bytes.len() });
        let idle = self.queue.borrow().is_empty();
        if idle && self.sent(bytes, to) {
            return Ok(());
        }
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        self.queue.borrow_mut().push(bytes, to);
        if idle {
            let writer = Rc::new(WriteReady(self.clone()));
            if let Err(error) = event_loop.0.watch(self.fd, Side::Writer, writer) {
                self.broken(&event_loop.0, error);
            }
        }
        self.update_flow();
        Ok(())
    }

    /// Whether the kernel has taken or refused a datagram; `false`: later.
    fn sent(self: &Rc<Self>, bytes: &[u8], to: Option<SocketAddr>) -> bool {
        match self.home.sockets.send_to(self.fd, bytes, to.as_ref()) {
            Ok(sent) => {
                let observe = &*self.home.ready.observe;
                add(&observe.tally.bytes_sent, sent as u64);
                observe.tell(|| Record::Sent { fd: self.fd, asked: bytes.len(), sent });
            }
            Err(error) if is_not_now(&error) => return false,
            Err(error) => {
                if let Some(event_loop) = self.event_loop() {
                    self.refused(&event_loop.0, error);
                }
            }
        }
        true
    }

    /// The socket takes datagrams again: as many as it does.
    fn write_ready(self: &Rc<Self>, inner: &Inner) {
        if !self.lifecycle.get().phase().sends() {
            return;
        }
        loop {
            let queue = self.queue.borrow();
            let Some((bytes, to)) = queue.first() else { break };
            let done = self.sent(bytes, *to);
            drop(queue);
            if !done {
                break;
            }
            self.queue.borrow_mut().pop();
        }
        if self.queue.borrow().is_empty() {
            drop(inner.unwatch(self.fd, Side::Writer));
            self.happens(inner, Cause::Drained);
        }
        self.update_flow();
    }

    pub(super) fn set_limits(
        self: &Rc<Self>,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), LimitsError> {
        let mut flow = self.flow.get();
        flow.set_limits(high, low, self.queue.borrow().size())?;
        self.flow.set(flow);
        self.tell_flow();
        Ok(())
    }

    pub(super) fn limits(&self) -> (usize, usize) {
        self.flow.get().limits()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.borrow().size()
    }

    // ---- the end ------------------------------------------------------------------------------

    pub(super) fn close(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::Close);
        }
    }

    pub(super) fn abort(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.tell_cut_off(&event_loop.0);
            self.happens(&event_loop.0, Cause::Abort);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lifecycle.get().phase().is_closing()
    }

    /// -1 once it is closed: the number may be somebody else's by then.
    pub(super) fn fd(&self) -> RawFd {
        if self.lifecycle.get().phase() == Phase::Lost { -1 } else { self.fd }
    }

    pub(super) fn open_fd(&self) -> io::Result<RawFd> {
        match self.fd() {
            -1 => Err(ErrorKind::NotConnected.into()),
            fd => Ok(fd),
        }
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        if let Some(local) = self.local.get() {
            return Ok(*local);
        }
        let local = self.home.sockets.local_addr(self.open_fd()?)?;
        Ok(*self.local.get_or_init(|| local))
    }

    /// The loop, while it is open.
    fn event_loop(&self) -> Option<EventLoop> {
        self.home.event_loop().filter(|event_loop| !event_loop.is_closed())
    }
}

impl Run for Udp {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.read_ready(event_loop);
    }

    fn what(&self) -> What {
        What::Reader { fd: self.fd }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        self.protocol_failed(event_loop, "datagram_received", payload);
    }
}

impl Resident for Udp {
    fn what(&self) -> What {
        What::Internal { name: "a datagram endpoint" }
    }

    fn is_ending(&self) -> bool {
        self.is_closing()
    }

    /// Without `connection_lost`, as in asyncio: no callback runs in a closed loop.
    fn evict(self: Rc<Self>, inner: &Inner) {
        self.tell_cut_off(inner);
        drop(self.queue.take());
        drop(inner.unwatch(self.fd, Side::Reader));
        drop(inner.unwatch(self.fd, Side::Writer));
        self.release(inner);
        self.lifecycle.set(Lifecycle::evicted());
    }
}

/// The writer of an endpoint whose datagrams the kernel did not take.
struct WriteReady(Rc<Udp>);

impl Run for WriteReady {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.0.write_ready(&event_loop.0);
    }

    fn what(&self) -> What {
        What::Writer { fd: self.0.fd }
    }
}

/// The call of `error_received` for what sends have met.
struct TellRefused(Rc<Udp>);

impl Run for TellRefused {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let refused = self.0.refused.take();
        for error in refused {
            self.0.tell_error(event_loop, error);
        }
    }

    fn what(&self) -> What {
        What::Internal { name: "error_received" }
    }
}

/// The last call of an endpoint.
struct Lost(Rc<Udp>);

impl Run for Lost {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let udp = &self.0;
        let error = udp.error.take();
        let protocol = udp.protocol.take();
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
        udp.happens_last(&event_loop.0);
    }

    fn what(&self) -> What {
        What::Internal { name: "connection_lost" }
    }
}

impl Udp {
    /// The address is asked for while the descriptor still has its number.
    fn happens_last(self: &Rc<Self>, inner: &Inner) {
        drop(self.local_addr());
        self.happens(inner, Cause::Delivered);
    }
}

/// Errors that no later receive will be without: the descriptor is not what it was.
fn is_of_the_socket(error: &io::Error) -> bool {
    let ours = [libc::EBADF, libc::ENOTSOCK, libc::EINVAL, libc::EFAULT, libc::ENOTCONN];
    error.raw_os_error().is_none_or(|number| ours.contains(&number))
}

fn to_nobody() -> io::Error {
    let text = "the endpoint is not connected: a datagram wants the address to send it to";
    io::Error::new(ErrorKind::InvalidInput, text)
}
