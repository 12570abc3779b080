//! A runner with one site: [`Application::serve`].

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use super::Application;
use super::runner::{AppRunner, all_gone, all_over};
use super::security::Security;
use super::site::{BACKLOG, Site, TcpSite};
#[cfg(feature = "tls")]
use crate::tls::TlsServerConfig;
use crate::transport::{Address, ServerSocket, ToAddress};

/// A server in the making: set options, then await it. [`Application::serve`] gives it.
#[must_use = "the application is served when this is awaited"]
pub struct Serve {
    app: Application,
    address: io::Result<Address>,
    backlog: i32,
    reuse_port: bool,
    security: Security,
}

impl Serve {
    pub(super) fn new(app: Application, address: impl ToAddress) -> Serve {
        Serve {
            app,
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

    /// Through TLS; a configuration without protocols speaks `http/1.1` (ALPN). (`ssl_context`)
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.security = Security::tls(config);
        self
    }

    async fn start(self) -> io::Result<HttpServer> {
        let address = self.address?;
        let runner = AppRunner::new(self.app);
        runner.setup().await?;
        let site = TcpSite::new(&runner, address).backlog(self.backlog).secured(self.security);
        match site.reuse_port(self.reuse_port).start().await {
            Ok(site) => Ok(HttpServer { runner, site }),
            Err(error) => {
                runner.cleanup().await;
                Err(error)
            }
        }
    }
}

impl IntoFuture for Serve {
    type Output = io::Result<HttpServer>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<HttpServer>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

/// An application that is being served: an [`AppRunner`] with one site.
///
/// Dropping it changes nothing: the loop keeps it, and it goes on serving.
pub struct HttpServer {
    runner: AppRunner,
    site: Site,
}

impl HttpServer {
    /// What it listens on; nothing once it is closed.
    pub fn sockets(&self) -> Vec<ServerSocket> {
        self.site.sockets()
    }

    /// How many connections it has.
    pub fn connections(&self) -> usize {
        self.site.server.connections()
    }

    /// Its runner, to have more sites, say.
    pub fn runner(&self) -> &AppRunner {
        &self.runner
    }

    /// Stops listening and lets idle connections go, at once. Requests that are under way are
    /// still answered, and those answers are their connections' last.
    pub fn close(&self) {
        self.runner.close();
    }

    /// Waits until the server is closed, its last connection is gone, and the last handler has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses nothing.
    pub async fn wait_closed(&self) {
        let sites = std::slice::from_ref(&self.site);
        match self.runner.service() {
            Ok(service) => all_over(&service, sites).await,
            // It is over; so are its handlers, or they were given up.
            Err(_) => all_gone(sites).await,
        }
    }

    /// Ends it in order, as [`AppRunner::cleanup`], with this much time for requests under way.
    ///
    /// # Cancel safety
    ///
    /// As [`AppRunner::cleanup`].
    pub async fn shutdown(&self, timeout: Duration) {
        self.runner.shutdown_timeout(timeout).cleanup().await;
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<HttpServer sockets={:?}>", self.sockets())
    }
}
