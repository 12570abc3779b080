//! Opening streams over Unix sockets.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use super::buffer::{DEFAULT_LIMIT, StreamBuffer};
use super::open::{HandlerOutput, handle};
use super::reader::StreamReader;
use super::shared::StreamProtocol;
use super::writer::StreamWriter;
#[cfg(feature = "tls")]
use crate::tls::{TlsClientConfig, TlsServerConfig};
use crate::transport::{CreateUnixConnection, CreateUnixServer, Protocol, Server, ToUnixAddress};

/// A stream server on a Unix socket in the making: set options, then await it.
/// [`start_unix_server`] gives it.
#[must_use = "a server is created when this is awaited"]
pub struct StartUnixServer {
    server: CreateUnixServer,
    limit: Rc<Cell<usize>>,
}

/// A server on the Unix socket at `path` that runs `handler` as a task for each connection.
/// (`asyncio.start_unix_server`)
///
/// Everything said of [`start_server`](crate::start_server) holds here;
/// [`StreamWriter::transport`] knows the peer's credentials.
///
/// # Errors
///
/// When awaited: as [`EventLoop::create_unix_server`](crate::EventLoop::create_unix_server).
#[track_caller]
pub fn start_unix_server<H, F>(handler: H, path: impl ToUnixAddress) -> StartUnixServer
where
    H: Fn(StreamReader, StreamWriter) -> F + 'static,
    F: Future<Output: HandlerOutput> + 'static,
{
    let (handler, at) = (Rc::new(handler), Location::caller());
    let limit = Rc::new(Cell::new(DEFAULT_LIMIT));
    let limit_of_each = limit.clone();
    let factory = move || {
        let handler = handler.clone();
        let connected = move |reader, writer| handle(handler.as_ref(), reader, writer, at);
        let protocol = StreamProtocol::new(limit_of_each.get(), Box::new(connected));
        Box::new(protocol) as Box<dyn Protocol>
    };
    StartUnixServer { server: CreateUnixServer::new(path, Rc::new(factory)), limit }
}

impl StartUnixServer {
    /// The limit of each connection's reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.limit.set(limit);
        self
    }

    /// [`CreateUnixServer::backlog`].
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.server = self.server.backlog(backlog);
        self
    }

    /// [`CreateUnixServer::start_serving`].
    pub fn start_serving(mut self, start: bool) -> Self {
        self.server = self.server.start_serving(start);
        self
    }

    /// [`CreateUnixServer::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.server = self.server.tls(config);
        self
    }

    /// [`CreateUnixServer::cleanup_socket`].
    pub fn cleanup_socket(mut self, cleanup: bool) -> Self {
        self.server = self.server.cleanup_socket(cleanup);
        self
    }
}

impl IntoFuture for StartUnixServer {
    type Output = io::Result<Server>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Server>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            StreamBuffer::new(self.limit.get())?;
            self.server.await
        })
    }
}

/// A stream connection over a Unix socket in the making: set options, then await it.
/// [`open_unix_connection`] gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct OpenUnixConnection {
    connection: CreateUnixConnection,
    limit: Rc<Cell<usize>>,
    ends: Rc<RefCell<Option<(StreamReader, StreamWriter)>>>,
}

/// Connects to the Unix socket at `path`, and gives the two ends of the connection.
/// (`asyncio.open_unix_connection`)
///
/// # Errors
///
/// When awaited: as
/// [`EventLoop::create_unix_connection`](crate::EventLoop::create_unix_connection).
///
/// # Cancel safety
///
/// Dropped while it waits, it has connected nothing.
pub fn open_unix_connection(path: impl ToUnixAddress) -> OpenUnixConnection {
    let limit = Rc::new(Cell::new(DEFAULT_LIMIT));
    let ends = Rc::new(RefCell::new(None));
    let (limit_of_it, ends_of_it) = (limit.clone(), ends.clone());
    let factory = move || {
        let connected = move |reader, writer| {
            ends_of_it.replace(Some((reader, writer)));
        };
        let protocol = StreamProtocol::new(limit_of_it.get(), Box::new(connected));
        Box::new(protocol) as Box<dyn Protocol>
    };
    let connection = CreateUnixConnection::new(path, Box::new(factory));
    OpenUnixConnection { connection, limit, ends }
}

impl OpenUnixConnection {
    /// The limit of the reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.limit.set(limit);
        self
    }

    /// [`CreateUnixConnection::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsClientConfig, server_name: &str) -> Self {
        self.connection = self.connection.tls(config, server_name);
        self
    }

    async fn open(self) -> io::Result<(StreamReader, StreamWriter)> {
        StreamBuffer::new(self.limit.get())?;
        self.connection.await?;
        self.ends.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl IntoFuture for OpenUnixConnection {
    type Output = io::Result<(StreamReader, StreamWriter)>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<(StreamReader, StreamWriter)>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}
