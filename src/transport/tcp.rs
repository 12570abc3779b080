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
use super::clients::Membership;
use super::ending::{Drain, Lost};
use super::lifecycle::{Action, Cause, Lifecycle, Phase};
use super::outgoing::Outgoing;
use super::pipe::Channel;
use super::protocol::Protocol;
use super::transport::Transport;
use crate::event_loop::{EventLoop, Home, Inner, ResidentKey, Run, Side};
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
    pub(super) protocol: RefCell<Option<Box<dyn Protocol>>>,
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
                let unsent = self.outgoing.borrow_mut().cut_off();
                drop(unsent);
                inner.forget(self.fd, Side::Writer);
                self.unwatch_its_reader(inner);
            }
            Action::Drain => Drain::begin(self, inner),
            Action::ScheduleLost => inner.queue(Rc::new(Lost(self.clone()))),
            Action::Release => self.release(inner),
        }
    }

    fn send_fin(self: &Rc<Self>, inner: &Inner) {
        if let Err(error) = inner.home.sockets.shutdown(self.fd, Shutdown::Write) {
            // It is not connected any more; SO_ERROR may still know why.
            let why = inner.home.sockets.take_error(self.fd).ok().flatten();
            self.send_failed(inner, why.unwrap_or(error));
        }
    }

    // ---- what it is --------------------------------------------------------------------------

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

/// Books an accepted connection.
pub(super) fn note_accepted(inner: &Inner, listener: RawFd, fd: RawFd) {
    count(&inner.observe.tally.accepted);
    inner.observe.tell(|| Record::Accepted { listener, fd });
}
