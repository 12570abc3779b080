//! Connecting: several addresses, the first that answers wins (happy eyeballs, RFC 8305).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::address::{Address, ToAddress};
use super::eyeballs::{DEFAULT_DELAY, Move, Race, combine, interleave};
use super::listener::Unclaimed;
use super::protocol::Protocol;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{
    EventLoop, Home, Inner, LoopError, Run, Side, TimerKey, WeakLoop, Work, get_running_loop,
};
use crate::observe::{Resource, What, note_wait};
use crate::sys::{ConnectProgress, Sockets};

/// A connection in the making: set options, then await it.
/// [`create_connection`](EventLoop::create_connection) gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct CreateConnection {
    address: io::Result<Address>,
    local: Option<SocketAddr>,
    delay: Option<Duration>,
    protocol: Box<dyn FnOnce() -> Box<dyn Protocol>>,
    wrap: Option<Wrap>,
}

/// A connection that is made before it may be used: what [`Wrap`] awaits.
pub(crate) type Settled = Pin<Box<dyn Future<Output = io::Result<Transport>>>>;

/// Puts something between a protocol and its connection: gives the protocol that the connection
/// has in its place, and the transport that its own one is to have.
pub(crate) type Wrap =
    Box<dyn FnOnce(Box<dyn Protocol>) -> io::Result<(Box<dyn Protocol>, Settled)>>;

/// Opens `fd` for the protocol, through `wrap` if there is one.
pub(super) async fn open_through(
    wrap: Option<Wrap>,
    fd: RawFd,
    peer: Option<SocketAddr>,
    protocol: Box<dyn FnOnce() -> Box<dyn Protocol>>,
) -> io::Result<Transport> {
    let event_loop = get_running_loop()?;
    // The factory may panic.
    let socket = Unclaimed { fd, inner: &event_loop.0 };
    let protocol = protocol();
    let Some(wrap) = wrap else {
        return Ok(Transport(Tcp::open(&event_loop, socket.claim(), peer, None, protocol, None)));
    };
    let (protocol, settled) = wrap(protocol)?;
    Tcp::open(&event_loop, socket.claim(), peer, None, protocol, None);
    drop(event_loop);
    settled.await
}

impl CreateConnection {
    pub(crate) fn new(
        address: impl ToAddress,
        protocol: Box<dyn FnOnce() -> Box<dyn Protocol>>,
    ) -> Self {
        let address = address.to_address();
        CreateConnection { address, local: None, delay: Some(DEFAULT_DELAY), protocol, wrap: None }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn wrap(mut self, wrap: Wrap) -> Self {
        self.wrap = Some(wrap);
        self
    }

    /// Connects from this address. Addresses of the other family are left out.
    pub fn local_addr(mut self, local: SocketAddr) -> Self {
        self.local = Some(local);
        self
    }

    /// How long one address may take before the next is tried beside it: 250 ms if not set.
    /// `None`: one after the other, each to its end.
    pub fn happy_eyeballs_delay(mut self, delay: Option<Duration>) -> Self {
        self.delay = delay;
        self
    }

    async fn create(self) -> io::Result<Transport> {
        // No name of the loop is held while this waits: it would keep the loop alive.
        let (fd, peer) = match self.address? {
            Address::Socket(socket) => adopt_connected(&get_running_loop()?.0, socket)?,
            address => {
                let mut addresses = interleave(&address.resolve().await?, 1);
                if let Some(local) = self.local {
                    addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
                }
                let dial = Dial::new(&get_running_loop()?, addresses, self.local, self.delay);
                let (fd, peer) = dial.await?;
                (fd, Some(peer))
            }
        };
        open_through(self.wrap, fd, peer, self.protocol).await
    }
}

/// Takes charge of a socket that is connected already. Only internet sockets have a peer's address.
fn adopt_connected(inner: &Inner, socket: OwnedFd) -> io::Result<(RawFd, Option<SocketAddr>)> {
    let fd = socket.as_raw_fd();
    inner.home.sockets.adopt(fd)?;
    let peer = match inner.home.sockets.peer_addr(fd) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Err(error),
        peer => peer.ok(),
    };
    Ok((socket.into_raw_fd(), peer))
}

impl IntoFuture for CreateConnection {
    type Output = io::Result<Transport>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Transport>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl EventLoop {
    /// Connects to `address` by TCP, and gives the connection a protocol from `factory`.
    /// (`loop.create_connection`)
    ///
    /// Await what it gives, on this loop; options can be set before. When it is there,
    /// `connection_made` has been called. A name with several addresses is tried address by
    /// address, IPv6 and IPv4 in turn, the next as soon as one fails or after
    /// [`happy_eyeballs_delay`](CreateConnection::happy_eyeballs_delay); the first to answer wins.
    /// A [`TcpStream`](std::net::TcpStream) from elsewhere, connected or accepted, is taken as it
    /// is (asyncio's `sock`, and `connect_accepted_socket`).
    ///
    /// # Errors
    ///
    /// When awaited: the name cannot be looked up, or no address can be connected to: the error of
    /// all, or one that lists them ([`ConnectErrors`](crate::ConnectErrors)).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it closes the sockets of every attempt.
    ///
    /// # Unlike asyncio
    ///
    /// It gives the transport alone: the protocol belongs to it.
    pub fn create_connection<P: Protocol + 'static>(
        &self,
        factory: impl FnOnce() -> P + 'static,
        address: impl ToAddress,
    ) -> CreateConnection {
        CreateConnection::new(address, Box::new(move || Box::new(factory())))
    }

    /// Gives a protocol from `factory` to a connection that was accepted elsewhere: a
    /// [`TcpStream`](std::net::TcpStream), or what
    /// [`sock_accept`](EventLoop::sock_accept) gave. (`loop.connect_accepted_socket`)
    ///
    /// # Errors
    ///
    /// When awaited: `InvalidInput` if it is no stream socket, `NotConnected` if it is not
    /// connected.
    pub fn connect_accepted_socket<P: Protocol + 'static>(
        &self,
        factory: impl FnOnce() -> P + 'static,
        socket: impl Into<OwnedFd>,
    ) -> CreateConnection {
        self.create_connection(factory, Address::Socket(socket.into()))
    }
}

/// An attempt's socket says that something has become of it.
struct Attempt {
    fd: RawFd,
    ready: Cell<bool>,
    waker: Rc<RefCell<Waker>>,
}

impl Run for Attempt {
    /// It is no longer watched then: whoever polls the race may not come soon, and the socket
    /// stays writable.
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        drop(event_loop.0.unwatch(self.fd, Side::Writer));
        self.ready.set(true);
        let waker = self.waker.borrow().clone();
        waker.wake();
    }

    fn what(&self) -> What {
        What::Writer { fd: self.fd }
    }
}

/// The race under way.
struct Dial {
    event_loop: WeakLoop,
    /// For closing when the loop is gone already.
    home: Rc<Home>,
    addresses: Vec<SocketAddr>,
    local: Option<SocketAddr>,
    delay: Option<Duration>,
    race: Race,
    attempts: Vec<Option<Rc<Attempt>>>,
    timer: Option<TimerKey>,
    waker: Rc<RefCell<Waker>>,
    begun: bool,
}

impl Dial {
    fn new(
        event_loop: &EventLoop,
        addresses: Vec<SocketAddr>,
        local: Option<SocketAddr>,
        delay: Option<Duration>,
    ) -> Self {
        Dial {
            event_loop: Rc::downgrade(&event_loop.0),
            home: event_loop.0.home.clone(),
            race: Race::new(addresses.len(), delay.is_some()),
            attempts: vec![None; addresses.len()],
            addresses,
            local,
            delay,
            timer: None,
            waker: Rc::new(RefCell::new(Waker::noop().clone())),
            begun: false,
        }
    }

    /// What the race says next: begin, an attempt that has become something, the delay.
    fn next_move(&mut self, event_loop: &EventLoop) -> Move {
        if !std::mem::replace(&mut self.begun, true) {
            return self.race.begin();
        }
        let ready = |attempt: &Option<Rc<Attempt>>| attempt.as_ref().is_some_and(|a| a.ready.get());
        if let Some(index) = self.attempts.iter().position(ready) {
            return self.settle(index);
        }
        if let Some(timer) = self.timer {
            if !event_loop.0.rearm(timer, &self.waker.borrow()) {
                self.timer = None;
                return self.race.delay_elapsed();
            }
        }
        Move::Wait
    }

    /// An attempt's socket is writable or in error: SO_ERROR tells which.
    fn settle(&mut self, index: usize) -> Move {
        let Some(attempt) = self.attempts[index].clone() else { return Move::Wait };
        match self.home.sockets.take_error(attempt.fd) {
            Ok(None) => self.race.succeeded(index),
            Ok(Some(error)) | Err(error) => {
                self.abandon(index);
                self.race.failed(index, self.cannot_connect(index, error))
            }
        }
    }

    fn start(&mut self, event_loop: &EventLoop, index: usize, arm: bool) -> Move {
        self.disarm();
        if arm {
            if let Some(delay) = self.delay {
                let waker = self.waker.borrow().clone();
                self.timer = Some(event_loop.0.arm(event_loop.time() + delay, Work::Wake(waker)));
            }
        }
        match self.try_start(event_loop, index) {
            Ok(ConnectProgress::Connected) => self.race.succeeded(index),
            Ok(ConnectProgress::InProgress) => Move::Wait,
            Err(error) => {
                self.abandon(index);
                self.race.failed(index, self.cannot_connect(index, error))
            }
        }
    }

    fn try_start(&mut self, event_loop: &EventLoop, index: usize) -> io::Result<ConnectProgress> {
        let (fd, progress) =
            self.home.sockets.connect(&self.addresses[index], self.local.as_ref())?;
        let attempt = Rc::new(Attempt { fd, ready: Cell::new(false), waker: self.waker.clone() });
        self.attempts[index] = Some(attempt.clone());
        if progress == ConnectProgress::InProgress {
            event_loop.0.watch(fd, Side::Writer, attempt)?;
        }
        Ok(progress)
    }

    /// Closes an attempt's socket.
    fn abandon(&mut self, index: usize) {
        if let Some(attempt) = self.attempts[index].take() {
            if let Some(inner) = self.event_loop.upgrade() {
                drop(inner.unwatch(attempt.fd, Side::Writer));
            }
            self.home.sockets.close(attempt.fd);
        }
    }

    fn cannot_connect(&self, index: usize, error: io::Error) -> io::Error {
        let to = &self.addresses[index];
        let text = match self.local {
            Some(local) => format!("Connect call failed {to} from local address {local}: {error}"),
            None => format!("Connect call failed {to}: {error}"),
        };
        io::Error::new(error.kind(), text)
    }

    fn disarm(&mut self) {
        if let Some(timer) = self.timer.take() {
            if let Some(inner) = self.event_loop.upgrade() {
                inner.disarm(timer);
            }
        }
    }
}

impl Future for Dial {
    type Output = io::Result<(RawFd, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let dial = &mut *self;
        let Some(event_loop) = dial.event_loop.upgrade().map(EventLoop) else {
            return Poll::Ready(Err(LoopError::Closed.into()));
        };
        dial.waker.borrow_mut().clone_from(context.waker());
        let mut next = dial.next_move(&event_loop);
        loop {
            next = match next {
                Move::Start { index, arm } => dial.start(&event_loop, index, arm),
                Move::Done(winner) => {
                    let Some(attempt) = dial.attempts[winner].take() else {
                        return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                    };
                    return Poll::Ready(Ok((attempt.fd, dial.addresses[winner])));
                }
                Move::AllFailed(errors) => return Poll::Ready(Err(combine(errors))),
                Move::Wait => match dial.next_move(&event_loop) {
                    Move::Wait => break,
                    other => other,
                },
            };
        }
        note_wait(None, Resource::Other("a connection to be made"));
        Poll::Pending
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        self.disarm();
        for index in 0..self.attempts.len() {
            self.abandon(index);
        }
    }
}
