//! Opening streams: servers and connections.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use super::buffer::{DEFAULT_LIMIT, StreamBuffer};
use super::reader::StreamReader;
use super::shared::StreamProtocol;
use super::writer::StreamWriter;
use crate::event_loop::{ErrorContext, get_running_loop};
use crate::observe::Site;
#[cfg(feature = "tls")]
use crate::tls::{TlsClientConfig, TlsServerConfig};
use crate::transport::{CreateConnection, CreateServer, Protocol, Server, ToAddress};

/// What a connection's handler may return: nothing, or a result whose error is reported to the
/// loop's exception handler.
pub trait HandlerOutput {
    /// The error, in words.
    fn failure(self) -> Option<String>;
}

impl HandlerOutput for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display> HandlerOutput for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// A stream server in the making: set options, then await it. [`start_server`] gives it.
#[must_use = "a server is created when this is awaited"]
pub struct StartServer {
    server: CreateServer,
    limit: Rc<Cell<usize>>,
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
    let (handler, at) = (Rc::new(handler), Location::caller());
    let limit = Rc::new(Cell::new(DEFAULT_LIMIT));
    let limit_of_each = limit.clone();
    let factory = move || {
        let handler = handler.clone();
        let connected = move |reader, writer| handle(handler.as_ref(), reader, writer, at);
        let protocol = StreamProtocol::new(limit_of_each.get(), Box::new(connected));
        Box::new(protocol) as Box<dyn Protocol>
    };
    StartServer { server: CreateServer::new(address, Rc::new(factory)), limit }
}

/// The protocol under a stream's two ends, which `connected` gets when the connection is there: for
/// one that spoke another protocol before.
#[cfg(feature = "http")]
pub(crate) fn stream_protocol(
    connected: impl FnOnce(StreamReader, StreamWriter) + 'static,
) -> Box<dyn Protocol> {
    Box::new(StreamProtocol::new(DEFAULT_LIMIT, Box::new(connected)))
}

/// Runs a handler as a task nobody awaits; it counts as spawned where the server was asked for.
pub(super) fn handle<H, F>(handler: &H, reader: StreamReader, writer: StreamWriter, at: Site)
where
    H: Fn(StreamReader, StreamWriter) -> F,
    F: Future<Output: HandlerOutput> + 'static,
{
    let Some(event_loop) = writer.transport().event_loop() else { return };
    let peer = writer.peer_addr();
    let handler = handler(reader, writer);
    let task = async move {
        if let Some(failure) = handler.await.failure() {
            report(peer, failure);
        }
    };
    drop(event_loop.create_task_at(task, at));
}

fn report(peer: io::Result<SocketAddr>, failure: String) {
    let whose = peer.map_or(String::from("a connection"), |peer| peer.to_string());
    let message = format!("Unhandled exception in the handler of {whose}");
    if let Ok(event_loop) = get_running_loop() {
        event_loop.call_exception_handler(ErrorContext::new(message).error(failure));
    }
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
            StreamBuffer::new(self.limit.get())?;
            self.server.await
        })
    }
}

/// A stream connection in the making: set options, then await it. [`open_connection`] gives it.
#[must_use = "the connection is made when this is awaited"]
pub struct OpenConnection {
    connection: CreateConnection,
    limit: Rc<Cell<usize>>,
    ends: Rc<RefCell<Option<(StreamReader, StreamWriter)>>>,
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
    OpenConnection { connection: CreateConnection::new(address, Box::new(factory)), limit, ends }
}

impl OpenConnection {
    /// The limit of the reader, in bytes; 64 KiB if not set.
    pub fn limit(self, limit: usize) -> Self {
        self.limit.set(limit);
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

    async fn open(self) -> io::Result<(StreamReader, StreamWriter)> {
        StreamBuffer::new(self.limit.get())?;
        self.connection.await?;
        self.ends.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl IntoFuture for OpenConnection {
    type Output = io::Result<(StreamReader, StreamWriter)>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<(StreamReader, StreamWriter)>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}
