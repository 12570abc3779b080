//! Servers: listening sockets, and the connections they accepted.
//!
//! | from     | start_serving | close  |
//! |----------|---------------|--------|
//! | Bound    | Serving       | Closed |
//! | Serving  | Serving       | Closed |
//! | Closed   | refused       | Closed |

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::protocol::Protocol;
use super::tcp::{Tcp, note_accepted};
use crate::event_loop::{
    ErrorContext, EventLoop, Exception, Inner, Resident, ResidentKey, Run, Side, WeakLoop,
};
use crate::observe::{Resource, What, note_wait};
use crate::sys::{OurSockets, Sockets, kind_of};

/// How long a listener rests when the process or the system has no descriptor left (asyncio's
/// `ACCEPT_RETRY_DELAY`).
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Whether connections are accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Bound,
    Serving,
    Closed,
}

/// Makes a protocol for each connection.
pub(crate) type Factory = dyn Fn() -> Box<dyn Protocol>;

pub(crate) struct ServerInner {
    event_loop: WeakLoop,
    /// Goes when the server is closed: it may hold a name of this server.
    factory: RefCell<Option<Rc<Factory>>>,
    backlog: usize,
    state: Cell<State>,
    listeners: RefCell<Vec<Rc<Listener>>>,
    clients: RefCell<Clients>,
    waiters: RefCell<Vec<Waker>>,
    resident: Cell<ResidentKey>,
}

/// The connections of a server that are not lost yet, in places that are reused.
#[derive(Default)]
struct Clients {
    places: Vec<Option<Weak<Tcp>>>,
    free: Vec<usize>,
}

impl Clients {
    fn alive(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// A connection's place among its server's.
pub(crate) struct Membership {
    server: Rc<ServerInner>,
    place: Cell<usize>,
}

impl Membership {
    pub(super) fn admit(&self, tcp: &Rc<Tcp>) {
        let mut clients = self.server.clients.borrow_mut();
        let client = Some(Rc::downgrade(tcp));
        match clients.free.pop() {
            Some(place) => {
                clients.places[place] = client;
                self.place.set(place);
            }
            None => {
                clients.places.push(client);
                self.place.set(clients.places.len() - 1);
            }
        }
    }

    /// This connection in the place of the one below it.
    #[cfg(feature = "tls")]
    pub(super) fn replace(&self, tcp: &Rc<Tcp>) {
        let place = &mut self.server.clients.borrow_mut().places[self.place.get()];
        *place = Some(Rc::downgrade(tcp));
    }

    pub(super) fn leave(self) {
        let mut clients = self.server.clients.borrow_mut();
        clients.places[self.place.get()] = None;
        clients.free.push(self.place.get());
        drop(clients);
        self.server.wake_if_over();
    }
}

/// Where a socket listens.
#[derive(Clone)]
pub(super) enum Local {
    Inet(SocketAddr),
    Unix(Rc<dyn UnixPlace>),
}

/// What is different with a Unix socket. (A `dyn`, so that it is in programs that have one.)
pub(super) trait UnixPlace {
    /// The next connection that waits.
    fn accept(&self, sockets: &OurSockets, listener: RawFd) -> io::Result<RawFd>;
    /// The name, for the user.
    fn address(&self) -> &UnixAddr;
    /// The name, for messages.
    fn words(&self) -> String;
    /// It listens no more.
    fn leave(&self);
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Inet(address) => address.fmt(f),
            Local::Unix(place) => f.write_str(&place.words()),
        }
    }
}

/// One listening socket.
struct Listener {
    fd: Cell<RawFd>,
    local: Local,
    server: Rc<ServerInner>,
}

impl Listener {
    /// Accepts what waits, at most a backlog's worth: others want their turn.
    fn accept_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        let inner = &*event_loop.0;
        for _ in 0..self.server.backlog {
            if self.server.state.get() != State::Serving {
                return;
            }
            match self.accept(inner) {
                Ok((fd, peer)) => self.admit(event_loop, fd, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if kind_of(&error) == ErrorKind::WouldBlock => return,
                Err(error) => return self.accept_failed(event_loop, error),
            }
        }
    }

    fn accept(&self, inner: &Inner) -> io::Result<(RawFd, Option<SocketAddr>)> {
        let fd = self.fd.get();
        match &self.local {
            Local::Inet(_) => inner.home.sockets.accept(fd).map(|(fd, peer)| (fd, Some(peer))),
            Local::Unix(place) => place.accept(&inner.home.sockets, fd).map(|fd| (fd, None)),
        }
    }

    fn admit(&self, event_loop: &EventLoop, fd: RawFd, peer: Option<SocketAddr>) {
        let socket = Unclaimed { fd, inner: &event_loop.0 };
        let Some(factory) = self.server.factory.borrow().clone() else { return };
        note_accepted(&event_loop.0, self.fd.get(), fd);
        let protocol = match catch_unwind(AssertUnwindSafe(|| factory())) {
            Ok(protocol) => protocol,
            Err(payload) => {
                let message =
                    format!("The protocol factory of the server on {} failed", self.local);
                return event_loop.call_exception_handler(
                    ErrorContext::new(message).exception(Exception::Panic(payload)),
                );
            }
        };
        let member = Membership { server: self.server.clone(), place: Cell::new(0) };
        // A socket bound to one address accepts on that one.
        let local = match &self.local {
            Local::Inet(local) if !local.ip().is_unspecified() => Some(*local),
            _ => None,
        };
        Tcp::open(event_loop, socket.claim(), peer, local, protocol, Some(member));
    }

    /// No descriptor, no memory, or a socket that is no longer what it was: a connection that
    /// waits stays in the kernel's queue and would make the loop spin, so the listener rests for a
    /// while.
    fn accept_failed(self: &Rc<Self>, event_loop: &EventLoop, error: io::Error) {
        let rest = ACCEPT_RETRY_DELAY.as_secs();
        let message = match is_exhaustion(&error) {
            true => {
                format!("socket.accept() out of system resource; {} rests for {rest}s", self.local)
            }
            false => format!(
                "Accept failed on a socket that listens on {}; it rests for {rest}s",
                self.local
            ),
        };
        event_loop.0.forget(self.fd.get(), Side::Reader);
        let listener = self.clone();
        // The loop is running, so it is open.
        drop(event_loop.call_later(ACCEPT_RETRY_DELAY, move || listener.rest_is_over()));
        event_loop.call_exception_handler(ErrorContext::new(message).error(error));
    }

    fn rest_is_over(self: &Rc<Self>) {
        if self.server.state.get() == State::Serving {
            if let Some(inner) = self.server.event_loop.upgrade() {
                if let Err(error) = inner.watch(self.fd.get(), Side::Reader, self.clone()) {
                    self.accept_failed(&EventLoop(inner), error);
                }
            }
        }
    }

    fn stop(&self, inner: &Inner) {
        let fd = self.fd.replace(-1);
        inner.forget(fd, Side::Reader);
        inner.set_owned(fd, false);
        inner.home.sockets.close(fd);
        if let Local::Unix(place) = &self.local {
            place.leave();
        }
    }
}

/// Whether accepting failed because of the connection that was to be accepted: accept(2) on Linux
/// passes on what the network already knows of it, and asks to treat that as if none had waited.
fn is_of_one_connection(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    if matches!(error.raw_os_error(), Some(libc::EHOSTDOWN | libc::ENONET | libc::ENOPROTOOPT)) {
        return true;
    }
    let of_network =
        [libc::ENETDOWN, libc::EPROTO, libc::EHOSTUNREACH, libc::EOPNOTSUPP, libc::ENETUNREACH];
    kind_of(error) == ErrorKind::ConnectionAborted
        || error.raw_os_error().is_some_and(|number| of_network.contains(&number))
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// A connected socket that nobody has taken charge of yet: closed if nobody does.
pub(super) struct Unclaimed<'a> {
    pub(super) fd: RawFd,
    pub(super) inner: &'a Inner,
}

impl Unclaimed<'_> {
    pub(super) fn claim(self) -> RawFd {
        let fd = self.fd;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        self.inner.home.sockets.close(self.fd);
    }
}

impl Run for Listener {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.accept_ready(event_loop);
    }

    fn what(&self) -> What {
        What::Reader { fd: self.fd.get() }
    }
}

impl ServerInner {
    pub(super) fn new(
        event_loop: &EventLoop,
        factory: Rc<Factory>,
        backlog: i32,
        sockets: Vec<(RawFd, Local)>,
    ) -> Rc<ServerInner> {
        let server = Rc::new(ServerInner {
            event_loop: Rc::downgrade(&event_loop.0),
            factory: RefCell::new(Some(factory)),
            backlog: usize::try_from(backlog).unwrap_or(1).max(1),
            state: Cell::new(State::Bound),
            listeners: RefCell::default(),
            clients: RefCell::default(),
            waiters: RefCell::default(),
            resident: Cell::new(0),
        });
        let listeners = sockets.into_iter().map(|(fd, local)| {
            event_loop.0.set_owned(fd, true);
            Rc::new(Listener { fd: Cell::new(fd), local, server: server.clone() })
        });
        *server.listeners.borrow_mut() = listeners.collect();
        server.resident.set(event_loop.0.house(server.clone()));
        server
    }

    fn stop_listening(&self, inner: &Inner) {
        self.state.set(State::Closed);
        for listener in self.listeners.take() {
            listener.stop(inner);
        }
        let factory = self.factory.take();
        drop(factory);
    }

    fn is_over(&self) -> bool {
        self.state.get() == State::Closed && self.clients.borrow().alive() == 0
    }

    fn wake_if_over(&self) {
        if self.is_over() {
            for waiter in self.waiters.take() {
                waiter.wake();
            }
        }
    }
}

impl Resident for ServerInner {
    fn what(&self) -> What {
        What::Internal { name: "a server" }
    }

    fn evict(self: Rc<Self>, inner: &Inner) {
        self.stop_listening(inner);
        self.wake_if_over();
    }
}

/// A server: it listens, accepts, and gives each connection a protocol of its own.
/// (`asyncio.Server`)
///
/// Dropping it changes nothing: the loop keeps it, and it goes on serving. Clones are names of the
/// same server.
#[derive(Clone)]
pub struct Server(pub(super) Rc<ServerInner>);

impl Server {
    /// Begins to accept; does nothing if it has begun. (`Server.start_serving`)
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the server is closed; the kernel's.
    pub fn start_serving(&self) -> io::Result<()> {
        match self.0.state.get() {
            State::Serving => return Ok(()),
            State::Closed => return Err(closed()),
            State::Bound => {}
        }
        let inner = self.0.event_loop.upgrade().ok_or_else(closed)?;
        let listeners = self.0.listeners.borrow().clone();
        for listener in &listeners {
            if let Err(error) = inner.watch(listener.fd.get(), Side::Reader, listener.clone()) {
                // All of them or none.
                for listener in &listeners {
                    inner.forget(listener.fd.get(), Side::Reader);
                }
                return Err(error);
            }
        }
        self.0.state.set(State::Serving);
        Ok(())
    }

    /// Serves until the server is closed and its last connection gone. (`Server.serve_forever`)
    ///
    /// # Errors
    ///
    /// As [`start_serving`](Server::start_serving).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, also by a cancelled task, it closes the server, as in asyncio: it
    /// listens no more, and its connections stay.
    pub async fn serve_forever(&self) -> io::Result<()> {
        self.start_serving()?;
        let _close = CloseWhenDropped(self);
        self.wait_closed().await;
        Ok(())
    }

    /// Whether it accepts connections.
    pub fn is_serving(&self) -> bool {
        self.0.state.get() == State::Serving
    }

    /// The internet sockets it listens on; nothing once it is closed.
    pub fn sockets(&self) -> Vec<ServerSocket> {
        let listeners = self.0.listeners.borrow();
        let socket = |listener: &Rc<Listener>| match &listener.local {
            Local::Inet(local) => {
                Some(ServerSocket { listener: Rc::downgrade(listener), local: *local })
            }
            Local::Unix(..) => None,
        };
        listeners.iter().filter_map(socket).collect()
    }

    /// The Unix sockets it listens on; nothing once it is closed.
    pub fn unix_sockets(&self) -> Vec<UnixServerSocket> {
        let listeners = self.0.listeners.borrow();
        let socket = |listener: &Rc<Listener>| match &listener.local {
            Local::Unix(place) => {
                let local = place.address().clone();
                Some(UnixServerSocket { listener: Rc::downgrade(listener), local })
            }
            Local::Inet(_) => None,
        };
        listeners.iter().filter_map(socket).collect()
    }

    /// Stops listening, at once; connections stay as they are. Does nothing the second time.
    pub fn close(&self) {
        if self.0.state.get() == State::Closed {
            return;
        }
        if let Some(inner) = self.0.event_loop.upgrade() {
            self.0.stop_listening(&inner);
            inner.let_go(self.0.resident.get());
        }
        self.0.wake_if_over();
    }

    /// Waits until the server is closed and its last connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses nothing.
    pub async fn wait_closed(&self) {
        poll_fn(|context| {
            if self.0.is_over() {
                return Poll::Ready(());
            }
            let mut waiters = self.0.waiters.borrow_mut();
            if !waiters.iter().any(|waiter| waiter.will_wake(context.waker())) {
                waiters.push(context.waker().clone());
            }
            note_wait(None, Resource::Other("the server's last connection"));
            Poll::Pending
        })
        .await;
    }

    /// Closes every connection once what was written to it is sent.
    pub fn close_clients(&self) {
        self.each_client(Tcp::close);
    }

    /// Closes every connection now.
    pub fn abort_clients(&self) {
        self.each_client(Tcp::abort);
    }

    /// How many connections it has.
    pub fn connections(&self) -> usize {
        self.0.clients.borrow().alive()
    }

    fn each_client(&self, end: impl Fn(&Rc<Tcp>)) {
        let clients = self.0.clients.borrow().places.clone();
        for client in clients.into_iter().flatten().filter_map(|client| client.upgrade()) {
            end(&client);
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unix_sockets() {
            unix if unix.is_empty() => write!(f, "<Server sockets={:?}>", self.sockets()),
            unix => write!(f, "<Server sockets={unix:?}>"),
        }
    }
}

/// Ends what a [`serve_forever`](Server::serve_forever) began.
struct CloseWhenDropped<'a>(&'a Server);

impl Drop for CloseWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A socket that a server listens on.
#[derive(Clone)]
pub struct ServerSocket {
    listener: Weak<Listener>,
    local: SocketAddr,
}

impl ServerSocket {
    /// The address it is bound to, with the port the kernel chose if none was asked for.
    /// (`getsockname()`)
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl AsRawFd for ServerSocket {
    /// -1 once the server is closed.
    fn as_raw_fd(&self) -> RawFd {
        self.listener.upgrade().map_or(-1, |listener| listener.fd.get())
    }
}

impl fmt::Debug for ServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.local.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        write!(
            f,
            "<socket fd={}, family={family}, type=SOCK_STREAM, laddr={}>",
            self.as_raw_fd(),
            self.local
        )
    }
}

/// A Unix socket that a server listens on.
#[derive(Clone)]
pub struct UnixServerSocket {
    listener: Weak<Listener>,
    local: UnixAddr,
}

impl UnixServerSocket {
    /// The address it is bound to. (`getsockname()`)
    pub fn local_addr(&self) -> &UnixAddr {
        &self.local
    }
}

impl AsRawFd for UnixServerSocket {
    /// -1 once the server is closed.
    fn as_raw_fd(&self) -> RawFd {
        self.listener.upgrade().map_or(-1, |listener| listener.fd.get())
    }
}

impl fmt::Debug for UnixServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.as_raw_fd();
        write!(f, "<socket fd={fd}, family=AF_UNIX, type=SOCK_STREAM, laddr={:?}>", self.local)
    }
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "the server is closed: create a new one")
}
