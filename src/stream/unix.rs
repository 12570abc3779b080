//! Opening streams over Unix sockets.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;

use super::ends::{Ends, Limit};
use super::handler::HandlerOutput;
use super::reader::StreamReader;
use super::writer::StreamWriter;
#[cfg(feature = "tls")]
use crate::tls::{TlsClientConfig, TlsServerConfig};
use crate::transport::{CreateUnixConnection, CreateUnixServer, Server, ToUnixAddress};

/// A stream server on a Unix socket in the making: set options, then await it.
/// [`start_unix_server`] gives it.
#[must_use = "a server is created when this is awaited"]
pub struct StartUnixServer {
    server: CreateUnixServer,
    limit: Limit,
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
    let limit = Limit::new();
    let factory = limit.serving(handler, Location::caller());
    StartUnixServer { server: CreateUnixServer::new(path, factory), limit }
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
            self.limit.check()?;
            self.server.await
        })
    }
}

/// A stream connection over a Unix socket in the making: set options, then await it.
/// [`open_unix_connection`] gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct OpenUnixConnection {
    connection: CreateUnixConnection,
    ends: Ends,
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
    let ends = Ends::new();
    OpenUnixConnection { connection: CreateUnixConnection::new(path, ends.protocol()), ends }
}

impl OpenUnixConnection {
    /// The limit of the reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.ends.limit.set(limit);
        self
    }

    /// [`CreateUnixConnection::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsClientConfig, server_name: &str) -> Self {
        self.connection = self.connection.tls(config, server_name);
        self
    }
}

impl IntoFuture for OpenUnixConnection {
    type Output = io::Result<(StreamReader, StreamWriter)>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<(StreamReader, StreamWriter)>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ends.of(self.connection))
    }
}
