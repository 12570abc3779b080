//! Creating servers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;

use super::address::{Address, ToAddress};
use super::listener::Local;
use super::protocol::Protocol;
use super::server::{Factory, Server, ServerInner};
use crate::event_loop::{EventLoop, Inner, get_running_loop};
use crate::sys::{ListenOptions, Sockets, kind_of};

/// A server in the making: set options, then await it. [`create_server`](EventLoop::create_server)
/// gives it.
#[must_use = "a server is created when this is awaited"]
pub struct CreateServer {
    address: io::Result<Address>,
    options: ListenOptions,
    start_serving: bool,
    /// The most connections that are accepted in one turn.
    at_once: usize,
    factory: Rc<Factory>,
}

impl CreateServer {
    pub(crate) fn new(address: impl ToAddress, factory: Rc<Factory>) -> Self {
        let options = ListenOptions {
            backlog: 100,
            reuse_address: true,
            reuse_port: false,
            v6_only: true,
            keep_alive: false,
        };
        CreateServer {
            address: address.to_address(),
            options,
            start_serving: true,
            at_once: usize::MAX,
            factory,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn wrap(mut self, wrap: impl FnOnce(Rc<Factory>) -> Rc<Factory>) -> Self {
        self.factory = wrap(self.factory);
        self
    }

    #[cfg(feature = "http")]
    pub(crate) fn at_once(mut self, most: usize) -> Self {
        self.at_once = most;
        self
    }

    /// How many connections the kernel queues before they are accepted; 100 if not set. At most as
    /// many are accepted in one turn.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.options.backlog = backlog;
        self
    }

    /// Whether the address may be bound while old connections of it are in TIME_WAIT; yes if not
    /// set.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.options.reuse_address = reuse;
        self
    }

    /// Whether several sockets may share the port, the kernel spreading connections over them; no
    /// if not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.options.reuse_port = reuse;
        self
    }

    /// Whether the kernel asks a peer that has been silent for long whether it is still there
    /// (`SO_KEEPALIVE`), so that a connection to a machine that vanished ends at last; no if not
    /// set. How long is a setting of the system, two hours on most. A socket from elsewhere keeps
    /// its own option. In a simulation it changes nothing: no simulated peer vanishes.
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.options.keep_alive = keep_alive;
        self
    }

    /// Whether a socket on an IPv6 address takes no IPv4 connections (`IPV6_V6ONLY`); yes if not
    /// set, whatever the system's own default. With `false`, `[::]` alone serves both, and IPv4
    /// peers have addresses such as `::ffff:192.0.2.1`; OpenBSD and DragonFly do not have that and
    /// refuse it. The name `""` stands for a socket of each family, so with it leave this be.
    pub fn v6_only(mut self, v6_only: bool) -> Self {
        self.options.v6_only = v6_only;
        self
    }

    /// Whether to accept connections at once; yes if not set. If not, [`Server::start_serving`]
    /// begins it.
    pub fn start_serving(mut self, start: bool) -> Self {
        self.start_serving = start;
        self
    }

    async fn create(self) -> io::Result<Server> {
        let most = at_once(self.options.backlog, self.at_once);
        let CreateServer { address, options, start_serving, factory, .. } = self;
        let places = match address? {
            Address::Socket(socket) => Places::Socket(socket),
            address => {
                let is_name = matches!(address, Address::Host(..));
                // No name of the loop is held while this waits: it would keep the loop alive.
                Places::Addresses { addresses: address.resolve().await?, is_name }
            }
        };
        serve(places, factory, &options, most, start_serving)
    }
}

impl IntoFuture for CreateServer {
    type Output = io::Result<Server>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Server>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl EventLoop {
    /// A TCP server on `address`, whose every connection gets a protocol from `factory`.
    /// (`loop.create_server`)
    ///
    /// Await what it gives, on this loop; options can be set before. A name may stand for several
    /// addresses, and `""` for every interface in IPv4 and IPv6: the server then has a socket for
    /// each. Port 0 has the kernel choose one for each socket. A
    /// [`TcpListener`](std::net::TcpListener) from elsewhere is served as it is (asyncio's `sock`).
    ///
    /// # Errors
    ///
    /// When awaited: the name cannot be looked up, or an address cannot be bound; the error names
    /// it, and no socket is left open.
    pub fn create_server<P: Protocol + 'static>(
        &self,
        factory: impl Fn() -> P + 'static,
        address: impl ToAddress,
    ) -> CreateServer {
        CreateServer::new(address, Rc::new(move || Box::new(factory())))
    }
}

/// Where a server is to listen.
enum Places {
    Addresses { addresses: Vec<SocketAddr>, is_name: bool },
    Socket(OwnedFd),
}

/// What of [`CreateServer::create`] follows its only wait: apart from it, for what is in an async
/// function is in its state, and has an end for every way out.
#[inline(never)]
fn serve(
    places: Places,
    factory: Rc<Factory>,
    options: &ListenOptions,
    at_once: usize,
    start: bool,
) -> io::Result<Server> {
    let event_loop = get_running_loop()?;
    let sockets = match places {
        Places::Addresses { addresses, is_name } => {
            listen_on_all(&event_loop.0, &addresses, options, is_name)?
        }
        Places::Socket(socket) => vec![adopt_listener(&event_loop.0, socket)?],
    };
    begin_serving(Server(ServerInner::new(&event_loop, factory, at_once, sockets)), start)
}

/// How many connections are accepted in one turn.
pub(super) fn at_once(backlog: i32, most: usize) -> usize {
    usize::try_from(backlog).unwrap_or(1).clamp(1, most.max(1))
}

/// Accepts on a server that was just made, if that is wanted.
pub(super) fn begin_serving(server: Server, start: bool) -> io::Result<Server> {
    if start {
        if let Err(error) = server.start_serving() {
            server.close();
            return Err(error);
        }
    }
    Ok(server)
}

/// Listens on every address, or on none. Of the addresses that a name stands for, those that the
/// machine does not have are left out: it may lack a family.
fn listen_on_all(
    inner: &Inner,
    addresses: &[SocketAddr],
    options: &ListenOptions,
    is_name: bool,
) -> io::Result<Vec<(RawFd, Local)>> {
    let mut sockets: Vec<(RawFd, Local)> = Vec::new();
    let mut refused = None;
    for address in addresses {
        match listen_on(inner, address, options) {
            Ok(socket) => sockets.push(socket),
            Err(error) if is_name && is_not_ours(&error) => {
                refused = Some(cannot_bind(address, error));
            }
            Err(error) => {
                sockets.iter().for_each(|(fd, _)| inner.home.sockets.close(*fd));
                return Err(cannot_bind(address, error));
            }
        }
    }
    if sockets.is_empty() {
        return Err(refused.unwrap_or_else(nowhere));
    }
    Ok(sockets)
}

/// Takes charge of a socket that listens already.
fn adopt_listener(inner: &Inner, socket: OwnedFd) -> io::Result<(RawFd, Local)> {
    inner.home.sockets.adopt(socket.as_raw_fd())?;
    let local = inner.home.sockets.local_addr(socket.as_raw_fd())?;
    Ok((socket.into_raw_fd(), Local::Inet(local)))
}

fn listen_on(
    inner: &Inner,
    address: &SocketAddr,
    options: &ListenOptions,
) -> io::Result<(RawFd, Local)> {
    let fd = inner.home.sockets.listen(address, options)?;
    match inner.home.sockets.local_addr(fd) {
        Ok(local) => Ok((fd, Local::Inet(local))),
        Err(error) => {
            inner.home.sockets.close(fd);
            Err(error)
        }
    }
}

fn is_not_ours(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn cannot_bind(address: &SocketAddr, error: io::Error) -> io::Error {
    io::Error::new(
        kind_of(&error),
        format!("error while attempting to bind on address {address}: {error}"),
    )
}

fn nowhere() -> io::Error {
    let text = "no address to listen on: the list is empty";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
