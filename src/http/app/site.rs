//! Where an application is served: the places that [`AppRunner`] listens at.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use super::runner::AppRunner;
use super::security::Security;
use crate::http::server::Http;
use crate::http::server::service::Service;
#[cfg(feature = "tls")]
use crate::tls::TlsServerConfig;
use crate::transport::{
    Address, CreateServer, CreateUnixServer, Protocol, Server, ServerSocket, ToAddress,
    ToUnixAddress, UnixAddress, UnixServerSocket,
};

/// How many connections the kernel queues before they are accepted, if nothing else is said; as
/// aiohttp.
pub(super) const BACKLOG: i32 = 128;

/// What every connection of a server is given: the one place where connections become HTTP.
pub(super) fn protocols(service: &Rc<Service>) -> Rc<dyn Fn() -> Box<dyn Protocol>> {
    let service = service.clone();
    Rc::new(move || Box::new(Http::new(&service)))
}

/// A place on a network in the making: set options, then [`start`](TcpSite::start).
/// (`aiohttp.web.TCPSite`)
#[must_use = "it listens once it is started"]
pub struct TcpSite<'a> {
    runner: &'a AppRunner,
    address: io::Result<Address>,
    backlog: i32,
    reuse_port: bool,
    security: Security,
}

impl<'a> TcpSite<'a> {
    /// A site of `runner` on `address`: the name `""` is every interface in IPv4 and IPv6, and
    /// port 0 one that the kernel chooses.
    pub fn new(runner: &'a AppRunner, address: impl ToAddress) -> TcpSite<'a> {
        TcpSite {
            runner,
            address: address.to_address(),
            backlog: BACKLOG,
            reuse_port: false,
            security: Security::default(),
        }
    }

    /// How many connections the kernel queues before they are accepted; 128 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether several sockets may share the port, the kernel spreading connections over them; no
    /// if not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    pub(super) fn secured(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Through TLS; a configuration without protocols speaks `http/1.1` (ALPN). (`ssl_context`)
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.security = Security::tls(config);
        self
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// As [`create_server`](crate::EventLoop::create_server); `InvalidInput` if the runner is not
    /// set up, or is over.
    pub async fn start(self) -> io::Result<Site> {
        let service = self.runner.service()?;
        let server = CreateServer::new(self.address?, protocols(&service))
            .backlog(self.backlog)
            .at_once(service.accepts_at_once())
            .reuse_port(self.reuse_port);
        let server = self.security.inet(server);
        self.runner.add_site(server.await?, self.security.is_on())
    }
}

/// A place in the file system in the making: set options, then [`start`](UnixSite::start).
/// (`aiohttp.web.UnixSite`)
#[must_use = "it listens once it is started"]
pub struct UnixSite<'a> {
    runner: &'a AppRunner,
    address: io::Result<UnixAddress>,
    backlog: i32,
    security: Security,
}

impl<'a> UnixSite<'a> {
    /// A site of `runner` on the Unix socket at `path`.
    pub fn new(runner: &'a AppRunner, path: impl ToUnixAddress) -> UnixSite<'a> {
        UnixSite {
            runner,
            address: path.to_unix_address(),
            backlog: BACKLOG,
            security: Security::default(),
        }
    }

    /// How many connections the kernel queues before they are accepted; 128 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    pub(super) fn secured(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Through TLS; a configuration without protocols speaks `http/1.1` (ALPN). (`ssl_context`)
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.security = Security::tls(config);
        self
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// As [`create_unix_server`](crate::EventLoop::create_unix_server); `InvalidInput` if the
    /// runner is not set up, or is over.
    pub async fn start(self) -> io::Result<Site> {
        let service = self.runner.service()?;
        let server = CreateUnixServer::new(self.address?, protocols(&service));
        let server = server.backlog(self.backlog).at_once(service.accepts_at_once());
        let server = self.security.unix(server);
        self.runner.add_site(server.await?, self.security.is_on())
    }
}

/// A socket from elsewhere that listens already, on a network or in the file system: a
/// [`TcpListener`](std::net::TcpListener), a [`UnixListener`](std::os::unix::net::UnixListener).
/// (`aiohttp.web.SockSite`)
#[must_use = "it is served once it is started"]
pub struct SockSite<'a> {
    runner: &'a AppRunner,
    socket: OwnedFd,
    backlog: i32,
    security: Security,
}

impl<'a> SockSite<'a> {
    /// A site of `runner` on `socket`.
    pub fn new(runner: &'a AppRunner, socket: impl Into<OwnedFd>) -> SockSite<'a> {
        SockSite { runner, socket: socket.into(), backlog: BACKLOG, security: Security::default() }
    }

    /// How many connections are accepted in one turn at most; 128 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    pub(super) fn secured(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Through TLS; a configuration without protocols speaks `http/1.1` (ALPN). (`ssl_context`)
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.security = Security::tls(config);
        self
    }

    /// Serves what it accepts.
    ///
    /// # Errors
    ///
    /// The kernel's, if it is no listening socket; `InvalidInput` if the runner is not set up, or
    /// is over.
    pub async fn start(self) -> io::Result<Site> {
        let service = self.runner.service()?;
        let (factory, at_once) = (protocols(&service), service.accepts_at_once());
        let server = match crate::sys::unix::is_unix(self.socket.as_raw_fd())? {
            true => {
                let server = CreateUnixServer::new(UnixAddress::Socket(self.socket), factory);
                self.security.unix(server.backlog(self.backlog).at_once(at_once)).await?
            }
            false => {
                let server = CreateServer::new(Address::Socket(self.socket), factory);
                self.security.inet(server.backlog(self.backlog).at_once(at_once)).await?
            }
        };
        self.runner.add_site(server, self.security.is_on())
    }
}

/// A place where an application is served. Dropping it changes nothing: its runner has it.
#[derive(Clone)]
pub struct Site {
    pub(super) server: Server,
    pub(super) secure: bool,
}

impl Site {
    /// The internet sockets it listens on; nothing once it is stopped.
    pub fn sockets(&self) -> Vec<ServerSocket> {
        self.server.sockets()
    }

    /// The Unix sockets it listens on; nothing once it is stopped.
    pub fn unix_sockets(&self) -> Vec<UnixServerSocket> {
        self.server.unix_sockets()
    }

    /// The first address it listens on, with the port that the kernel chose, if it is one of a
    /// network.
    pub fn address(&self) -> Option<SocketAddr> {
        self.sockets().first().map(ServerSocket::local_addr)
    }

    /// Stops listening, at once; connections stay as they are. (`site.stop()`)
    pub fn stop(&self) {
        self.server.close();
    }

    /// What to tell people: `http://127.0.0.1:8080`, one for each socket; `https` through TLS.
    /// (`site.name`)
    pub fn names(&self) -> Vec<String> {
        let scheme = if self.secure { "https" } else { "http" };
        let inet = self.sockets().into_iter().map(|it| format!("{scheme}://{}", it.local_addr()));
        let unix = self.unix_sockets().into_iter().map(|it| match it.local_addr().as_pathname() {
            Some(path) => format!("{scheme}://unix:{}:", path.display()),
            None => format!("{scheme}://unix:{:?}:", it.local_addr()),
        });
        inet.chain(unix).collect()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Site {}>", self.names().join(" "))
    }
}
