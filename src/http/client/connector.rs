//! How a session connects, and what it keeps.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::names::{Names, Resolver};
use super::secure::Secure;
#[cfg(feature = "tls")]
use crate::tls::TlsClientConfig;

/// How a session connects, how many connections it may have, and how long it keeps those that are
/// idle. (`aiohttp.TCPConnector`, `aiohttp.UnixConnector`)
///
/// ```
/// use evloop::http::{ClientSession, Connector};
///
/// let connector = Connector::tcp().limit(20).limit_per_host(4);
/// let session = ClientSession::builder().connector(connector).build()?;
/// # Ok::<(), evloop::http::ClientError>(())
/// ```
///
/// It is a set of options: each session that is built with it has connections of its own.
#[derive(Clone)]
pub struct Connector {
    pub(super) to: To,
    pub(super) limit: usize,
    pub(super) limit_per_host: usize,
    pub(super) keep_alive: Duration,
    pub(super) force_close: bool,
    pub(super) local_addr: Option<SocketAddr>,
    pub(super) happy_eyeballs_delay: Option<Duration>,
    dns_ttl: Duration,
    dns_names: usize,
    resolver: Option<Resolver>,
    allows: Option<Allows>,
    pub(super) secure: Secure,
}

/// Says whether an address may be connected to.
type Allows = Rc<dyn Fn(&IpAddr) -> bool>;

/// Where connections go.
#[derive(Clone)]
pub(super) enum To {
    /// To the host and port of the URL.
    Host,
    /// To this path, whatever the URL says.
    Unix(PathBuf),
}

impl Default for Connector {
    fn default() -> Connector {
        Connector::tcp()
    }
}

impl Connector {
    /// Connects by TCP to the host that the URL names.
    pub fn tcp() -> Connector {
        Connector {
            to: To::Host,
            limit: 100,
            limit_per_host: 0,
            keep_alive: Duration::from_secs(15),
            force_close: false,
            local_addr: None,
            happy_eyeballs_delay: Some(Duration::from_millis(250)),
            dns_ttl: Duration::from_secs(10),
            dns_names: 1000,
            resolver: None,
            allows: None,
            secure: Secure::default(),
        }
    }

    /// Connects to the Unix socket at `path`, whatever the URL says; what it says stands in `Host`.
    /// No proxy is used.
    pub fn unix(path: impl Into<PathBuf>) -> Connector {
        Connector { to: To::Unix(path.into()), ..Connector::tcp() }
    }

    /// Open connections at most, idle ones among them; beyond that a request waits, first come,
    /// first served, and an idle connection to another server is closed for it. 0 is no limit.
    ///
    /// Default 100, as in aiohttp, which counts those in use alone.
    pub fn limit(mut self, limit: usize) -> Connector {
        self.limit = limit;
        self
    }

    /// Open connections at most to one scheme, host, port and proxy. 0 is no limit.
    ///
    /// Default 0, as in aiohttp.
    pub fn limit_per_host(mut self, limit: usize) -> Connector {
        self.limit_per_host = limit;
        self
    }

    /// How long an idle connection is kept for another request. Servers in the wild close theirs
    /// after 5 s (Node) to 75 s (nginx).
    ///
    /// Default 15 s, as in aiohttp. (`keepalive_timeout`)
    pub fn keep_alive(mut self, keep_alive: Duration) -> Connector {
        self.keep_alive = keep_alive;
        self
    }

    /// Whether each connection serves one request only, and servers are told so.
    pub fn force_close(mut self, force: bool) -> Connector {
        self.force_close = force;
        self
    }

    /// Connects from this address; those of the other family are not tried.
    pub fn local_addr(mut self, local: SocketAddr) -> Connector {
        self.local_addr = Some(local);
        self
    }

    /// How long one address of a host may take before the next is tried beside it; `None`: one
    /// after the other.
    ///
    /// Default 250 ms, as in aiohttp (RFC 8305 §5).
    pub fn happy_eyeballs_delay(mut self, delay: Option<Duration>) -> Connector {
        self.happy_eyeballs_delay = delay;
        self
    }

    /// How long the addresses of a name are remembered; zero: they are not, but those who ask at
    /// the same time still share an answer.
    ///
    /// Default 10 s, as in aiohttp. (`ttl_dns_cache`)
    pub fn dns_ttl(mut self, ttl: Duration) -> Connector {
        self.dns_ttl = ttl;
        self
    }

    /// How many names are remembered.
    ///
    /// Default 1000, as in aiohttp. (`dns_cache_max_size`)
    pub fn dns_names(mut self, most: usize) -> Connector {
        self.dns_names = most;
        self
    }

    /// Asks `resolver` for the addresses of a name, instead of the system.
    ///
    /// ```
    /// use evloop::http::Connector;
    /// let connector = Connector::tcp().resolver(|_host| async { Ok(vec![[127, 0, 0, 1].into()]) });
    /// ```
    pub fn resolver<F>(mut self, resolver: impl Fn(String) -> F + 'static) -> Connector
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + 'static,
    {
        self.resolver = Some(Rc::new(move |host| Box::pin(resolver(host))));
        self
    }

    /// Connects to those addresses only of which `allows` says so, whatever was looked up or stands
    /// in a URL: one family (`family=`), or none of one's own network for a program that fetches
    /// what strangers name. A proxy's address is asked for too; what the proxy connects to is not
    /// seen here.
    ///
    /// ```
    /// use evloop::http::Connector;
    /// use std::net::IpAddr;
    /// let connector = Connector::tcp().addresses(IpAddr::is_ipv4);
    /// ```
    pub fn addresses(mut self, allows: impl Fn(&IpAddr) -> bool + 'static) -> Connector {
        self.allows = Some(Rc::new(allows));
        self
    }

    /// The addresses that may be connected to.
    pub(super) fn allowed(&self, mut addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        let Some(allows) = &self.allows else { return Ok(addresses) };
        addresses.retain(|address| allows(&address.ip()));
        let text = "none of its addresses is one that the connector may connect to";
        match addresses.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::PermissionDenied, text)),
            false => Ok(addresses),
        }
    }

    /// How https servers are spoken to: whom to trust, which certificate to show. It may offer no
    /// protocol but `http/1.1` (ALPN). (`ssl`)
    ///
    /// Default [`TlsClientConfig::new`] with that, when the first https URL is asked for.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsClientConfig) -> Connector {
        self.secure = self.secure.with(config);
        self
    }

    /// Speaks to https servers only if the certificate that they show, in DER, has this SHA-256; they
    /// must be trusted besides. Nothing of a request is sent before. (`aiohttp.Fingerprint`)
    #[cfg(all(feature = "digest", feature = "tls"))]
    pub fn fingerprint(mut self, sha256: [u8; 32]) -> Connector {
        self.secure = self.secure.pinned(sha256);
        self
    }

    pub(super) fn names(&self) -> Names {
        Names::new(self.dns_ttl, self.dns_names, self.resolver.clone())
    }
}
