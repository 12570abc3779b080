//! Unix stream sockets: connections and servers within one machine, named by a path.
//!
//! A connection is a [`Transport`] as any other; only its names are other ones, and its peer has
//! credentials.

use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use super::connect::{Wrap, open_through};
use super::listen::{at_once, begin_serving};
use super::listener::{Local, UnixPlace};
use super::pause::{Pause, RETRY_DELAY};
use super::protocol::Protocol;
use super::server::{Factory, Server, ServerInner};
use super::transport::Transport;
use crate::event_loop::{EventLoop, Inner, get_running_loop};
use crate::sys::{FileId, OurSockets, PeerCred, Sockets, unix};

/// The name of a Unix socket, or a socket that has one already.
#[derive(Debug)]
pub enum UnixAddress {
    /// A path, or on Linux an abstract name.
    Name(UnixAddr),
    /// A socket from elsewhere; it is made non-blocking, and belongs to the loop from then on.
    Socket(OwnedFd),
}

/// What can be taken for a [`UnixAddress`]: a path, a
/// [`SocketAddr`](std::os::unix::net::SocketAddr), a socket of the standard library. A path that
/// begins with a NUL is an abstract name, which Linux alone has.
pub trait ToUnixAddress {
    /// The address.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a path is empty, too long, or has a NUL in it.
    fn to_unix_address(self) -> io::Result<UnixAddress>;
}

impl ToUnixAddress for UnixAddress {
    fn to_unix_address(self) -> io::Result<UnixAddress> {
        Ok(self)
    }
}

impl ToUnixAddress for UnixAddr {
    fn to_unix_address(self) -> io::Result<UnixAddress> {
        Ok(UnixAddress::Name(self))
    }
}

macro_rules! paths {
    ($($path:ty),*) => {
        $(impl ToUnixAddress for $path {
            fn to_unix_address(self) -> io::Result<UnixAddress> {
                let path: &Path = self.as_ref();
                unix::unix_addr(path).map(UnixAddress::Name)
            }
        })*
    };
}
paths!(&Path, PathBuf, &PathBuf, &str, String);

macro_rules! sockets {
    ($($socket:ty),*) => {
        $(impl ToUnixAddress for $socket {
            fn to_unix_address(self) -> io::Result<UnixAddress> {
                Ok(UnixAddress::Socket(self.into()))
            }
        })*
    };
}
sockets!(UnixStream, UnixListener, UnixDatagram, OwnedFd);

/// A Unix connection in the making: await it.
/// [`create_unix_connection`](EventLoop::create_unix_connection) gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct CreateUnixConnection {
    address: io::Result<UnixAddress>,
    protocol: Box<dyn FnOnce() -> Box<dyn Protocol>>,
    wrap: Option<Wrap>,
}

impl CreateUnixConnection {
    pub(crate) fn new(
        address: impl ToUnixAddress,
        protocol: Box<dyn FnOnce() -> Box<dyn Protocol>>,
    ) -> Self {
        CreateUnixConnection { address: address.to_unix_address(), protocol, wrap: None }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn wrap(mut self, wrap: Wrap) -> Self {
        self.wrap = Some(wrap);
        self
    }

    async fn create(self) -> io::Result<Transport> {
        let fd = match self.address? {
            UnixAddress::Socket(socket) => adopt(&get_running_loop()?.0, socket)?,
            UnixAddress::Name(name) => connect(&name).await?,
        };
        open_through(self.wrap, fd, None, self.protocol).await
    }
}

/// A connection is there at once or not at all; while the server's queue is full Linux has no
/// event for its room, so it is looked at again and again.
async fn connect(name: &UnixAddr) -> io::Result<RawFd> {
    let home = get_running_loop()?.0.home.clone();
    loop {
        match home.sockets.connect_unix(name) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Pause::new(&home, RETRY_DELAY, "room in a Unix server's queue").await?;
            }
            Err(error) => {
                let text = format!("Connect call failed {name:?}: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
            Ok(fd) => return Ok(fd),
        }
    }
}

/// Takes charge of a stream socket from elsewhere.
fn adopt(inner: &Inner, socket: OwnedFd) -> io::Result<RawFd> {
    let fd = socket.as_raw_fd();
    inner.home.sockets.adopt(fd)?;
    if !unix::is_unix(fd)? {
        let text = "a socket that is no Unix one: create_connection() and create_server() take it";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(socket.into_raw_fd())
}

impl IntoFuture for CreateUnixConnection {
    type Output = io::Result<Transport>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Transport>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

/// A Unix server in the making: set options, then await it.
/// [`create_unix_server`](EventLoop::create_unix_server) gives it.
#[must_use = "a server is created when this is awaited"]
pub struct CreateUnixServer {
    address: io::Result<UnixAddress>,
    backlog: i32,
    start_serving: bool,
    cleanup_socket: bool,
    /// The most connections that are accepted in one turn.
    at_once: usize,
    factory: Rc<Factory>,
}

impl CreateUnixServer {
    pub(crate) fn new(address: impl ToUnixAddress, factory: Rc<Factory>) -> Self {
        CreateUnixServer {
            address: address.to_unix_address(),
            backlog: 100,
            start_serving: true,
            cleanup_socket: true,
            at_once: usize::MAX,
            factory,
        }
    }

    /// How many connections the kernel queues before they are accepted; 100 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    #[cfg(feature = "http")]
    pub(crate) fn at_once(mut self, most: usize) -> Self {
        self.at_once = most;
        self
    }

    #[cfg(feature = "tls")]
    pub(crate) fn wrap(mut self, wrap: impl FnOnce(Rc<Factory>) -> Rc<Factory>) -> Self {
        self.factory = wrap(self.factory);
        self
    }

    /// Whether to accept connections at once; yes if not set.
    pub fn start_serving(mut self, start: bool) -> Self {
        self.start_serving = start;
        self
    }

    /// Whether the socket's file is removed when the server is closed, if it is still the one that
    /// the server made; yes if not set. (A socket from elsewhere keeps its file.)
    pub fn cleanup_socket(mut self, cleanup: bool) -> Self {
        self.cleanup_socket = cleanup;
        self
    }

    async fn create(self) -> io::Result<Server> {
        let event_loop = get_running_loop()?;
        let socket = match self.address? {
            UnixAddress::Socket(socket) => {
                let fd = adopt(&event_loop.0, socket)?;
                let name = unix::local_addr(fd);
                let name = name.inspect_err(|_| event_loop.0.home.sockets.close(fd))?;
                (fd, Place { name, file: None })
            }
            UnixAddress::Name(name) => {
                let (fd, file) = event_loop.0.home.sockets.listen_unix(&name, self.backlog)?;
                (fd, Place { name, file: file.filter(|_| self.cleanup_socket) })
            }
        };
        let sockets = vec![(socket.0, Local::Unix(Rc::new(socket.1)))];
        let most = at_once(self.backlog, self.at_once);
        let server = ServerInner::new(&event_loop, self.factory, most, sockets);
        begin_serving(Server(server), self.start_serving)
    }
}

/// Where a Unix server listens.
struct Place {
    name: UnixAddr,
    /// The file that is to go when it listens no more.
    file: Option<FileId>,
}

impl UnixPlace for Place {
    fn accept(&self, sockets: &OurSockets, listener: RawFd) -> io::Result<RawFd> {
        sockets.accept_unix(listener)
    }

    fn address(&self) -> &UnixAddr {
        &self.name
    }

    fn words(&self) -> String {
        format!("{:?}", self.name)
    }

    fn leave(&self) {
        unix::unlink_if_same(&self.name, self.file);
    }
}

impl IntoFuture for CreateUnixServer {
    type Output = io::Result<Server>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Server>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl EventLoop {
    /// Connects to the Unix socket at `path`, and gives the connection a protocol from `factory`.
    /// (`loop.create_unix_connection`)
    ///
    /// Await what it gives, on this loop. It waits only where the server's queue is full, and then
    /// asks every 2 ms, as there is no event for it. A [`UnixStream`] from elsewhere is taken as
    /// it is.
    ///
    /// # Errors
    ///
    /// When awaited: `InvalidInput` for a path that cannot be one or a socket that is no Unix
    /// stream; the kernel's, as `NotFound` and `ConnectionRefused`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has connected nothing.
    pub fn create_unix_connection<P: Protocol + 'static>(
        &self,
        factory: impl FnOnce() -> P + 'static,
        path: impl ToUnixAddress,
    ) -> CreateUnixConnection {
        CreateUnixConnection::new(path, Box::new(move || Box::new(factory())))
    }

    /// A server on the Unix socket at `path`, whose every connection gets a protocol from
    /// `factory`. (`loop.create_unix_server`)
    ///
    /// The file of a socket that nobody is bound to any more is removed first, and the server's own
    /// when it is closed. A [`UnixListener`] from elsewhere is served as it is.
    ///
    /// # Errors
    ///
    /// When awaited: `AddrInUse` if another server is there, or a file that is no socket;
    /// `InvalidInput` for a path that cannot be one or a socket that is no Unix stream.
    ///
    /// # Unlike asyncio
    ///
    /// asyncio removes the file of a server that is still serving, too, which then is never heard
    /// of again.
    pub fn create_unix_server<P: Protocol + 'static>(
        &self,
        factory: impl Fn() -> P + 'static,
        path: impl ToUnixAddress,
    ) -> CreateUnixServer {
        CreateUnixServer::new(path, Rc::new(move || Box::new(factory())))
    }
}

impl Transport {
    /// Our name, of a Unix connection. (`get_extra_info('sockname')`)
    ///
    /// # Errors
    ///
    /// `NotConnected` once it is closed; `InvalidInput` if it is no Unix connection.
    pub fn unix_local_addr(&self) -> io::Result<UnixAddr> {
        unix::local_addr(self.0.open_fd()?)
    }

    /// The peer's name, of a Unix connection; who connects rarely has one.
    /// (`get_extra_info('peername')`)
    ///
    /// # Errors
    ///
    /// As [`unix_local_addr`](Transport::unix_local_addr).
    pub fn unix_peer_addr(&self) -> io::Result<UnixAddr> {
        unix::peer_addr(self.0.open_fd()?)
    }

    /// Who the peer of a Unix connection is, as the kernel knows it. (`SO_PEERCRED`)
    ///
    /// # Errors
    ///
    /// `NotConnected` once it is closed; an error if it is no Unix connection.
    pub fn peer_cred(&self) -> io::Result<PeerCred> {
        unix::peer_cred(self.0.open_fd()?)
    }
}
