//! A connection: the shell that does what [`Lifecycle`] and [`Flow`] say. An end of a pipe is half
//! of one; `pipe.rs` has what is different there.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::address::SmallAddr;
use super::lifecycle::{Action, Cause, Lifecycle, Phase};
use super::pipe::Channel;
use super::protocol::Protocol;
use super::send::Outgoing;
use super::server::Membership;
use super::transport::Transport;
use crate::event_loop::{
    ErrorContext, EventLoop, Exception, Home, Inner, Resident, ResidentKey, Run, Side,
    panic_message,
};
use crate::observe::{Record, What, count};
use crate::sys::Sockets;
use crate::sys::zoo::{self, Bug};

/// A connection. Its sending side is in `send.rs`, its receiving side in `receive.rs`.
///
/// A server may have very many that are idle, so what an idle one does not need is not in it: no
/// read buffer, no write buffer, no water marks but the usual ones.
pub(crate) struct Tcp {
    pub(super) fd: RawFd,
    /// It changes where TLS begins on a connection.
    pub(super) channel: Cell<Channel>,
    pub(super) lifecycle: Cell<Lifecycle>,
    /// How many writes were discarded after the connection was lost.
    pub(super) discarded: Cell<u8>,
    /// Whether the protocol has been told to pause.
    pub(super) told_paused: Cell<bool>,
    /// Whether the protocol receives into its own memory.
    pub(super) buffered: bool,
    /// Whether that has changed since.
    pub(super) flow_is_news: Cell<bool>,
    pub(super) outgoing: RefCell<Outgoing>,
    /// Borrowed while one of its methods runs: a guard against calling it again meanwhile, and the
    /// one borrow here that outlives its statement.
    protocol: RefCell<Option<Box<dyn Protocol>>>,
    /// Why the connection will be lost.
    pub(super) error: Cell<Option<io::Error>>,
    pub(super) resident: Cell<ResidentKey>,
    pub(super) home: Rc<Home>,
    pub(super) peer: Option<SmallAddr>,
    pub(super) local: OnceCell<SmallAddr>,
    pub(super) server: Cell<Option<Membership>>,
}

/// Eight thousand idle connections are to fit a megabyte.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Tcp>() <= 128);

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
        Tcp::open_on(Channel::Socket, event_loop, fd, peer, local, protocol, server)
    }

    /// The same for whatever `fd` is open on.
    pub(super) fn open_on(
        channel: Channel,
        event_loop: &EventLoop,
        fd: RawFd,
        peer: Option<SocketAddr>,
        local: Option<SocketAddr>,
        protocol: Box<dyn Protocol>,
        server: Option<Membership>,
    ) -> Rc<Tcp> {
        let (peer, local) = (peer.map(SmallAddr::from), local.map(SmallAddr::from));
        let tcp = Tcp::new(channel, event_loop, fd, peer, local, protocol);
        tcp.server.set(server);
        if let Some(server) = tcp.server.take() {
            server.admit(&tcp);
            tcp.server.set(Some(server));
        }
        tcp.resident.set(event_loop.0.house(tcp.clone()));
        event_loop.0.set_owned(fd, true);
        event_loop.0.observe.tell(|| Record::Connected { fd });
        tcp.begin(event_loop);
        tcp
    }

    /// One that nobody knows of yet.
    pub(super) fn new(
        channel: Channel,
        event_loop: &EventLoop,
        fd: RawFd,
        peer: Option<SmallAddr>,
        local: Option<SmallAddr>,
        protocol: Box<dyn Protocol>,
    ) -> Rc<Tcp> {
        Rc::new(Tcp {
            fd,
            channel: Cell::new(channel),
            lifecycle: Cell::new(Lifecycle::new()),
            discarded: Cell::new(0),
            told_paused: Cell::new(false),
            buffered: protocol.is_buffered(),
            flow_is_news: Cell::new(false),
            outgoing: RefCell::default(),
            protocol: RefCell::new(Some(protocol)),
            error: Cell::new(None),
            resident: Cell::new(0),
            home: event_loop.0.home.clone(),
            peer,
            local: local.map_or_else(OnceCell::new, OnceCell::from),
            server: Cell::new(None),
        })
    }

    pub(super) fn begin(self: &Rc<Self>, event_loop: &EventLoop) {
        match self.channel.get() {
            Channel::ReadPipe => self.lifecycle.set(Lifecycle::only_reads()),
            Channel::WritePipe | Channel::WriteDevice => {
                self.lifecycle.set(Lifecycle::only_writes());
            }
            _ => self.happens(&event_loop.0, Cause::Made),
        }
        let made = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| protocol.connection_made(transport));
        }));
        if let Err(payload) = made {
            self.protocol_failed(event_loop, "connection_made", payload);
        }
        if self.lifecycle.get().is_reading() {
            self.watch_readable(&event_loop.0);
        }
        self.watch_its_reader(&event_loop.0);
    }

    // ---- the machines -------------------------------------------------------------------------

    /// Moves the life cycle on, and does what it says.
    pub(super) fn happens(self: &Rc<Self>, inner: &Inner, cause: Cause) {
        let mut lifecycle = self.lifecycle.get();
        let actions = lifecycle.on(cause, self.outgoing.borrow().is_empty());
        self.lifecycle.set(lifecycle);
        for action in actions {
            self.act(inner, action);
        }
    }

    fn act(self: &Rc<Self>, inner: &Inner, action: Action) {
        if let Some(layer) = self.layer() {
            return self.act_over(&*layer, action);
        }
        // A kernel that refuses to forget a descriptor has forgotten it already.
        match action {
            Action::StopReading if zoo::is(Bug::RegistrationLeft) && self.is_closing() => {}
            Action::StopReading => inner.forget(self.fd, Side::Reader),
            Action::SendFin => self.send_fin(inner),
            Action::StopWriting => {
                drop(self.outgoing.take());
                inner.forget(self.fd, Side::Writer);
                self.unwatch_its_reader(inner);
            }
            Action::ScheduleLost => inner.queue(Rc::new(Lost(self.clone()))),
            Action::Release => self.release(inner),
        }
    }

    fn send_fin(self: &Rc<Self>, inner: &Inner) {
        if let Err(error) = inner.home.sockets.shutdown(self.fd, Shutdown::Write) {
            // It is not connected any more; SO_ERROR may still know why.
            let why = inner.home.sockets.take_error(self.fd).ok().flatten();
            self.broken(inner, why.unwrap_or(error));
        }
    }

    /// The connection failed for good.
    pub(super) fn broken(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        if !self.is_closing() || !self.outgoing.borrow().is_empty() {
            self.error.set(Some(error));
        }
        self.tell_cut_off(inner);
        self.happens(inner, Cause::Broken);
    }

    /// Lets go of everybody and closes the descriptor.
    fn release(self: &Rc<Self>, inner: &Inner) {
        inner.let_go(self.resident.get());
        self.drop_protocol();
        self.keep_local_addr();
        inner.set_owned(self.fd, false);
        inner.home.sockets.close(self.fd);
        inner.observe.tell(|| Record::Disconnected { fd: self.fd });
        if let Some(server) = self.server.take() {
            server.leave();
        }
    }

    /// Our own address can be asked for after the end as well, by whoever still has a name of us:
    /// one name is the caller's.
    pub(super) fn keep_local_addr(self: &Rc<Self>) {
        let asks = self.channel.get().is_both_ways() && Rc::strong_count(self) > 1;
        if asks && self.local.get().is_none() {
            let local = self.home.sockets.local_addr(self.fd);
            drop(local.map(|local| self.local.set(local.into())));
        }
    }

    /// A destructor that panics must not keep the descriptor open.
    pub(super) fn drop_protocol(&self) {
        let protocol = self.protocol.try_borrow_mut().ok().and_then(|mut place| place.take());
        if let Some(protocol) = protocol {
            let _ = catch_unwind(AssertUnwindSafe(move || drop(protocol)));
        }
    }

    // ---- the protocol -------------------------------------------------------------------------

    /// Calls the protocol, and then tells it of the flow's changes meanwhile. `None` while another
    /// of its methods runs, or after the end.
    #[inline]
    pub(super) fn call<R>(
        self: &Rc<Self>,
        method: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        Tcp::call_with(&Transport(self.clone()), method)
    }

    /// The same for whoever has a transport at hand.
    #[inline]
    pub(super) fn call_with<R>(
        transport: &Transport,
        method: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        let tcp = &transport.0;
        let mut protocol = tcp.protocol.try_borrow_mut().ok()?;
        let result = method(protocol.as_deref_mut()?, transport);
        drop(protocol);
        if tcp.flow_is_news.get() {
            tcp.tell_flow();
        }
        Some(result)
    }

    /// Tells the protocol to pause or to go on, if that has changed since it was last told.
    #[cold]
    pub(super) fn tell_flow(self: &Rc<Self>) {
        let paused = self.is_paused();
        let news = paused != self.told_paused.get();
        self.flow_is_news.set(news);
        if !news || self.lifecycle.get().phase().is_over() {
            return;
        }
        let Some(event_loop) = self.event_loop() else { return };
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| {
                self.told_paused.set(paused);
                self.flow_is_news.set(false);
                self.note_flow(&event_loop.0, paused);
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
        // Outside of a run a method may even close the loop.
        if self.lifecycle.get().phase() == Phase::Lost {
            self.drop_protocol();
        }
    }

    fn is_paused(&self) -> bool {
        match self.layer() {
            Some(layer) => layer.is_paused(),
            None => self.outgoing.borrow().is_paused(),
        }
    }

    /// Of a connection through a layer the one below tells.
    fn note_flow(&self, inner: &Inner, paused: bool) {
        if self.layer().is_none() {
            let buffered = self.outgoing.borrow().len();
            inner.observe.tell(|| Record::FlowPaused { fd: self.fd, paused, buffered });
        }
    }

    /// A method of the protocol panicked: the handler hears of it, and the connection is over.
    pub(super) fn protocol_failed(
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

    // ---- the end ------------------------------------------------------------------------------

    pub(super) fn close(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::Close);
            if let Some(layer) = self.layer() {
                self.close_layer(layer);
            }
        }
    }

    pub(super) fn abort(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.tell_cut_off(&event_loop.0);
            self.happens(&event_loop.0, Cause::Abort);
        }
    }

    #[cold]
    fn tell_cut_off(&self, inner: &Inner) {
        if self.layer().is_none() {
            let unsent = self.outgoing.borrow().len();
            inner.observe.tell(|| Record::CutOff { fd: self.fd, unsent });
        }
    }

    /// The last call.
    pub(super) fn deliver_lost(self: &Rc<Self>, event_loop: &EventLoop) {
        let error = self.error.take();
        let protocol = self.protocol.take();
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
        self.happens(&event_loop.0, Cause::Delivered);
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

    pub(super) fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.as_ref().map(SmallAddr::get)
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        if let Some(local) = self.local.get() {
            return Ok(local.get());
        }
        let event_loop = self.event_loop().filter(|_| self.fd() >= 0);
        let event_loop = event_loop.ok_or(ErrorKind::NotConnected)?;
        let local = event_loop.0.home.sockets.local_addr(self.fd)?;
        self.local.get_or_init(|| local.into());
        Ok(local)
    }

    /// The loop, while it is open: a closed one has let go of us, or is about to.
    pub(super) fn event_loop(&self) -> Option<EventLoop> {
        self.home.event_loop().filter(|event_loop| !event_loop.is_closed())
    }
}

impl Run for Tcp {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        Tcp::read_ready(&Transport(self), event_loop, |tcp, buffer| {
            tcp.home.sockets.recv(tcp.fd, buffer)
        });
    }

    fn what(&self) -> What {
        What::Reader { fd: self.fd }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        self.protocol_failed(
            event_loop,
            if self.buffered { "buffer_updated" } else { "data_received" },
            payload,
        );
    }
}

impl Resident for Tcp {
    fn what(&self) -> What {
        What::Internal { name: "a connection" }
    }

    fn fd(&self) -> Option<RawFd> {
        Some(self.fd)
    }

    fn is_ending(&self) -> bool {
        self.is_closing()
    }

    /// Without `connection_lost`, as in asyncio: no callback runs in a closed loop.
    fn evict(self: Rc<Self>, inner: &Inner) {
        self.tell_cut_off(inner);
        self.lifecycle.set(Lifecycle::evicted());
        drop(self.outgoing.take());
        inner.forget(self.fd, Side::Reader);
        inner.forget(self.fd, Side::Writer);
        self.release(inner);
    }
}

/// The last call of a connection.
struct Lost(Rc<Tcp>);

impl Run for Lost {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let tcp = &self.0;
        tcp.deliver_lost(event_loop);
        if zoo::is(Bug::ClosedTwice) {
            tcp.home.sockets.close(tcp.fd);
        }
    }

    fn what(&self) -> What {
        What::Internal { name: "connection_lost" }
    }
}

/// Books an accepted connection.
pub(super) fn note_accepted(inner: &Inner, listener: RawFd, fd: RawFd) {
    count(&inner.observe.tally.accepted);
    inner.observe.tell(|| Record::Accepted { listener, fd });
}
