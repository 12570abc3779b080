//! Opening streams: servers and connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::ends::{Ends, Limit};
use super::handler::HandlerOutput;
use super::reader::StreamReader;
use super::writer::StreamWriter;
#[cfg(feature = "tls")]
use crate::tls::{TlsClientConfig, TlsServerConfig};
use crate::transport::{CreateConnection, CreateServer, Server, ToAddress};

/// A stream server in the making: set options, then await it. [`start_server`] gives it.
#[must_use = "a server is created when this is awaited"]
pub struct StartServer {
    server: CreateServer,
    limit: Limit,
}

/// A TCP server on `address` that runs `handler` as a task for each connection.
/// (`asyncio.start_server`)
///
/// Await what it gives; options can be set before. A handler that returns an error, or panics, is
/// reported to the loop's exception handler, and its connection is closed: as is every connection
/// whose reader and writer are dropped.
///
/// # Errors
///
/// When awaited: as [`EventLoop::create_server`](crate::EventLoop::create_server).
#[track_caller]
pub fn start_server<H, F>(handler: H, address: impl ToAddress) -> StartServer
where
    H: Fn(StreamReader, StreamWriter) -> F + 'static,
    F: Future<Output: HandlerOutput> + 'static,
{
    let limit = Limit::new();
    let factory = limit.serving(handler, Location::caller());
    StartServer { server: CreateServer::new(address, factory), limit }
}

macro_rules! server_options {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        $($(#[$doc])* pub fn $name(mut self, $name: $type) -> Self {
            self.server = self.server.$name($name);
            self
        })*
    };
}

impl StartServer {
    server_options! {
        /// [`CreateServer::backlog`].
        backlog: i32,
        /// [`CreateServer::reuse_address`].
        reuse_address: bool,
        /// [`CreateServer::reuse_port`].
        reuse_port: bool,
        /// [`CreateServer::keep_alive`].
        keep_alive: bool,
        /// [`CreateServer::v6_only`].
        v6_only: bool,
        /// [`CreateServer::start_serving`].
        start_serving: bool,
    }

    /// [`CreateServer::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.server = self.server.tls(config);
        self
    }

    /// The limit of each connection's reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.limit.set(limit);
        self
    }
}

impl IntoFuture for StartServer {
    type Output = io::Result<Server>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Server>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.limit.check()?;
            self.server.await
        })
    }
}

/// A stream connection in the making: set options, then await it. [`open_connection`] gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct OpenConnection {
    connection: CreateConnection,
    ends: Ends,
}

/// Connects to `address` by TCP, and gives the two ends of the connection.
/// (`asyncio.open_connection`)
///
/// Await what it gives; options can be set before.
///
/// # Errors
///
/// When awaited: as [`EventLoop::create_connection`](crate::EventLoop::create_connection).
///
/// # Cancel safety
///
/// Dropped while it waits, it closes the sockets of every attempt.
pub fn open_connection(address: impl ToAddress) -> OpenConnection {
    let ends = Ends::new();
    OpenConnection { connection: CreateConnection::new(address, ends.protocol()), ends }
}

impl OpenConnection {
    /// The limit of the reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.ends.limit.set(limit);
        self
    }

    /// [`CreateConnection::local_addr`].
    pub fn local_addr(mut self, local: SocketAddr) -> Self {
        self.connection = self.connection.local_addr(local);
        self
    }

    /// [`CreateConnection::happy_eyeballs_delay`].
    pub fn happy_eyeballs_delay(mut self, delay: Option<Duration>) -> Self {
        self.connection = self.connection.happy_eyeballs_delay(delay);
        self
    }

    /// [`CreateConnection::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsClientConfig, server_name: &str) -> Self {
        self.connection = self.connection.tls(config, server_name);
        self
    }
}

impl IntoFuture for OpenConnection {
    type Output = io::Result<(StreamReader, StreamWriter)>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<(StreamReader, StreamWriter)>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ends.of(self.connection))
    }
}
