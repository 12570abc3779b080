//! Servers: listening sockets, and the connections they accepted.
//!
//! | from     | start_serving | close  |
//! |----------|---------------|--------|
//! | Bound    | Serving       | Closed |
//! | Serving  | Serving       | Closed |
//! | Closed   | refused       | Closed |

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::pin::pin;
use std::rc::Rc;

use super::clients::Clients;
use super::listener::{Listener, Local};
use super::protocol::Protocol;
use super::server_socket::{ServerSocket, UnixServerSocket};
use super::tcp::Tcp;
use crate::event_loop::{EventLoop, Inner, Resident, ResidentKey, Side, WeakLoop};
use crate::observe::{Resource, What, note_wait};
use crate::sync::Bell;

/// Whether connections are accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Bound,
    Serving,
    Closed,
}

/// Makes a protocol for each connection.
pub(crate) type Factory = dyn Fn() -> Box<dyn Protocol>;

pub(crate) struct ServerInner {
    pub(super) event_loop: WeakLoop,
    /// Goes when the server is closed: it may hold a name of this server.
    pub(super) factory: RefCell<Option<Rc<Factory>>>,
    /// How many connections are accepted in one turn.
    pub(super) at_once: usize,
    pub(super) state: Cell<State>,
    listeners: RefCell<Vec<Rc<Listener>>>,
    pub(super) clients: RefCell<Clients>,
    /// Rings when it is closed and its last connection is gone.
    over: Bell,
    resident: Cell<ResidentKey>,
}

impl ServerInner {
    pub(super) fn new(
        event_loop: &EventLoop,
        factory: Rc<Factory>,
        at_once: usize,
        sockets: Vec<(RawFd, Local)>,
    ) -> Rc<ServerInner> {
        let server = Rc::new(ServerInner {
            event_loop: Rc::downgrade(&event_loop.0),
            factory: RefCell::new(Some(factory)),
            at_once,
            state: Cell::new(State::Bound),
            listeners: RefCell::default(),
            clients: RefCell::default(),
            over: Bell::default(),
            resident: Cell::new(0),
        });
        let listeners = sockets.into_iter().map(|(fd, local)| {
            event_loop.0.set_owned(fd, true);
            Listener::new(fd, local, &server)
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

    pub(super) fn wake_if_over(&self) {
        if self.is_over() {
            self.over.ring_all();
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
            Local::Inet(local) => Some(ServerSocket::new(listener, *local)),
            Local::Unix(..) => None,
        };
        listeners.iter().filter_map(socket).collect()
    }

    /// The Unix sockets it listens on; nothing once it is closed.
    pub fn unix_sockets(&self) -> Vec<UnixServerSocket> {
        let listeners = self.0.listeners.borrow();
        let socket = |listener: &Rc<Listener>| match &listener.local {
            Local::Unix(place) => Some(UnixServerSocket::new(listener, place.address().clone())),
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
        let mut closed = pin!(self.0.over.until(|| self.0.is_over()));
        poll_fn(|context| {
            let polled = closed.as_mut().poll(context);
            if polled.is_pending() {
                note_wait(None, Resource::Other("the server's last connection"));
            }
            polled
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

fn closed() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "the server is closed: create a new one")
}
