//! A program that is a web server: [`run_app`].

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::time::Duration;

use super::Application;
use super::runner::{AppRunner, SHUTDOWN_TIMEOUT};
use super::security::Security;
use super::site::{BACKLOG, SockSite, TcpSite, UnixSite};
use crate::event_loop::{EventLoop, LoopError, get_running_loop};
use crate::signal::SIGTERM;
use crate::task::cancel_scope;
#[cfg(feature = "tls")]
use crate::tls::TlsServerConfig;
use crate::transport::{Address, ToAddress, ToUnixAddress, UnixAddress};

/// The port if none is given; as aiohttp.
const PORT: u16 = 8080;

/// The same through TLS.
const SECURE_PORT: u16 = 8443;

/// Where and how [`run_app`] serves. An address alone is one, too.
///
/// ```no_run
/// use std::time::Duration;
/// use evloop::web::{Application, RunOptions, run_app};
///
/// let options = RunOptions::new().host("127.0.0.1").port(8000).path("/tmp/app.sock");
/// run_app(Application::new(), options.shutdown_timeout(Duration::from_secs(10)))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RunOptions {
    hosts: Vec<String>,
    port: Option<u16>,
    addresses: Vec<io::Result<Address>>,
    paths: Vec<io::Result<UnixAddress>>,
    sockets: Vec<OwnedFd>,
    backlog: i32,
    reuse_port: bool,
    shutdown_timeout: Duration,
    keep_alive: Option<Duration>,
    handle_signals: bool,
    print: Box<dyn Fn(&str)>,
    security: Security,
}

impl RunOptions {
    /// Every interface, port 8080, if no other place is named.
    #[expect(clippy::new_without_default, reason = "a beginning, not a default")]
    pub fn new() -> RunOptions {
        RunOptions {
            hosts: Vec::new(),
            port: None,
            addresses: Vec::new(),
            paths: Vec::new(),
            sockets: Vec::new(),
            backlog: BACKLOG,
            reuse_port: false,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            keep_alive: None,
            handle_signals: true,
            print: Box::new(|line| println!("{line}")),
            security: Security::default(),
        }
    }

    /// Serves on this host, by name or in digits; may be said again.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Serves on this port, 8080 if not set, 8443 through TLS; 0 is one that the kernel chooses.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Serves on this address; may be said again.
    pub fn address(mut self, address: impl ToAddress) -> Self {
        self.addresses.push(address.to_address());
        self
    }

    /// Serves on the Unix socket at `path`; may be said again.
    pub fn path(mut self, path: impl ToUnixAddress) -> Self {
        self.paths.push(path.to_unix_address());
        self
    }

    /// Serves on a socket from elsewhere that listens; may be said again.
    pub fn sock(mut self, socket: impl Into<OwnedFd>) -> Self {
        self.sockets.push(socket.into());
        self
    }

    /// How many connections the kernel queues before they are accepted; 128 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether several sockets may share the port; no if not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// How long requests under way have to end; [`SHUTDOWN_TIMEOUT`] if not set.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How long a connection may be idle; as the application's
    /// [`Timeouts`](crate::http::Timeouts) if not set.
    pub fn keepalive_timeout(mut self, timeout: Duration) -> Self {
        self.keep_alive = Some(timeout);
        self
    }

    /// Whether SIGTERM ends it in order; yes if not set. Ctrl-C does in any case, unless SIGINT is
    /// handled otherwise.
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = handle;
        self
    }

    /// What is told, line by line: where it listens. To standard output if not set.
    pub fn print(mut self, print: impl Fn(&str) + 'static) -> Self {
        self.print = Box::new(print);
        self
    }

    /// Through TLS, wherever it serves; a configuration without protocols speaks `http/1.1` (ALPN).
    /// (`ssl_context`)
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsServerConfig) -> Self {
        self.security = Security::tls(config);
        self
    }

    /// The addresses to listen on.
    fn take_addresses(&mut self) -> io::Result<Vec<Address>> {
        let mut addresses = Vec::new();
        for address in self.addresses.drain(..) {
            addresses.push(address?);
        }
        let elsewhere = addresses.len() + self.paths.len() + self.sockets.len();
        if elsewhere == 0 || self.port.is_some() || !self.hosts.is_empty() {
            if self.hosts.is_empty() {
                self.hosts.push(String::new());
            }
            let usual = if self.security.is_on() { SECURE_PORT } else { PORT };
            let port = self.port.unwrap_or(usual);
            addresses.extend(self.hosts.drain(..).map(|host| Address::Host(host, port)));
        }
        Ok(addresses)
    }
}

impl<T: ToAddress> From<T> for RunOptions {
    fn from(address: T) -> RunOptions {
        RunOptions::new().address(address)
    }
}

/// Serves `app` on a loop of its own until Ctrl-C or SIGTERM, and then ends it in order, as
/// [`AppRunner::cleanup`]: nothing more is accepted, idle connections are closed, and requests
/// under way have [`SHUTDOWN_TIMEOUT`] to end. Tasks that are left are asked to end, and the loop is
/// closed. A second Ctrl-C ends all that at once. (`aiohttp.web.run_app`)
///
/// It prints where it listens.
///
/// # Errors
///
/// As [`AppRunner::setup`] and the starts of its sites, after what was started has been cleaned
/// up; if a loop is running in this thread; the selector's.
#[track_caller]
pub fn run_app(app: Application, options: impl Into<RunOptions>) -> io::Result<()> {
    let options = options.into();
    let event_loop = EventLoop::new()?;
    match event_loop.run_to_its_end(serve_until_told(app, options), Location::caller()) {
        Ok(result) => result,
        Err(LoopError::Interrupted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn serve_until_told(mut app: Application, mut options: RunOptions) -> io::Result<()> {
    if let Some(keep_alive) = options.keep_alive {
        app.timeouts.keep_alive = keep_alive;
    }
    let runner = AppRunner::new(app);
    runner.shutdown_timeout(options.shutdown_timeout);
    // The scope hears of Ctrl-C, so that what was begun is ended.
    let served = cancel_scope(async {
        let stop = stop_signal(options.handle_signals)?;
        runner.setup().await?;
        start_sites(&runner, &mut options).await?;
        tell(&runner, &options);
        stop.await;
        Ok(())
    });
    let served = served.await;
    runner.cleanup().await;
    served.unwrap_or(Ok(()))
}

/// Ready when SIGTERM has come; Ctrl-C cancels instead.
fn stop_signal(handle_signals: bool) -> io::Result<impl Future<Output = ()>> {
    let event_loop = get_running_loop()?;
    let told = event_loop.create_future::<()>();
    if handle_signals {
        let tell = told.clone();
        event_loop.add_signal_handler(SIGTERM, move || {
            // The second time it has been told.
            let _ = tell.set_result(());
        })?;
    }
    Ok(async move {
        // Nobody cancels this future: it is ours.
        let _ = told.await;
    })
}

async fn start_sites(runner: &AppRunner, options: &mut RunOptions) -> io::Result<()> {
    for address in options.take_addresses()? {
        let site = TcpSite::new(runner, address).backlog(options.backlog);
        let site = site.reuse_port(options.reuse_port).secured(options.security.clone());
        site.start().await?;
    }
    for path in options.paths.drain(..) {
        let site = UnixSite::new(runner, path?).backlog(options.backlog);
        site.secured(options.security.clone()).start().await?;
    }
    for socket in options.sockets.drain(..) {
        let site = SockSite::new(runner, socket).backlog(options.backlog);
        site.secured(options.security.clone()).start().await?;
    }
    Ok(())
}

fn tell(runner: &AppRunner, options: &RunOptions) {
    for name in runner.sites().iter().flat_map(|site| site.names()) {
        (options.print)(&format!("======== Running on {name} ========"));
    }
    (options.print)("(Press CTRL+C to quit)");
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tls::rustls::ServerConfig;
    use crate::tls::rustls::crypto::ring::default_provider;
    use crate::tls::rustls::server::ResolvesServerCertUsingSni;

    fn nobody() -> TlsServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        builder.with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new())).into()
    }

    #[test]
    fn the_usual_port_is_8080_and_through_tls_8443() {
        let at = |mut options: RunOptions| format!("{:?}", options.take_addresses().unwrap());
        assert_eq!(at(RunOptions::new()), r#"[Host("", 8080)]"#);
        assert_eq!(at(RunOptions::new().tls(nobody())), r#"[Host("", 8443)]"#);
        assert_eq!(at(RunOptions::new().tls(nobody()).port(1)), r#"[Host("", 1)]"#);
    }
}
