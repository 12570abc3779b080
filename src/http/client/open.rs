//! Where connections are made: the one place that knows of sockets, proxies and TLS.
//!
//! ```text
//! Route ──► names ──► happy eyeballs ──► [CONNECT to the proxy] ──► [TLS] ──► Connection
//!           Unix path ──────────────────────────────────────────────┘
//! ```

use std::io;
use std::path::Path;
use std::rc::Rc;

use http::{HeaderMap, Method};

use super::body::Body;
use super::connection::{Connection, Streams};
use super::connector::To;
use super::error::ClientError;
use super::proxy::Proxy;
use super::session::Session;
use super::timing::{Limit, Patience, Phase, Progress, TimeoutKind, within};
use super::{ClientTimeout, Url};
use crate::http::h1::{OutgoingRequest, Shared};
use crate::stream::{open_connection, open_unix_connection};

/// Where a connection goes, and how: connections of the same route serve each other's requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    secure: bool,
    host: String,
    port: u16,
    proxy: Option<Rc<Proxy>>,
    /// The proxy makes a tunnel, and sees nothing of what goes through it.
    tunnel: bool,
    /// The name of its certificate, where that is another than the host.
    server_name: Option<Rc<str>>,
}

impl Route {
    /// A request that `switches` protocols goes through a tunnel as one of https does: a proxy that
    /// is told whole URLs keeps `Upgrade` to itself (RFC 9110 §7.8, RFC 6455 §4.1). aiohttp asks it
    /// all the same.
    pub(super) fn new(
        url: &Url,
        proxy: Option<Rc<Proxy>>,
        server_name: Option<Rc<str>>,
        switches: bool,
    ) -> Route {
        let (secure, host) = (url.is_secure(), url.host().to_owned());
        let server_name = server_name.filter(|_| secure);
        let tunnel = proxy.is_some() && (secure || switches);
        Route { secure, host, port: url.port(), proxy, tunnel, server_name }
    }

    /// The proxy that is to be told whole URLs (RFC 9112 §3.2.2); through a tunnel it sees none.
    pub(super) fn plain_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref().filter(|_| !self.tunnel)
    }

    /// The host and port, in brackets what needs them.
    fn to(&self) -> String {
        host_and_port(&self.host, self.port)
    }
}

fn host_and_port(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl Connection {
    /// Connects along `route`.
    pub(super) async fn open(
        session: &Session,
        route: &Route,
        limits: &ClientTimeout,
        progress: &Progress,
    ) -> Result<Connection, ClientError> {
        let failed = |error| ClientError::Tls { to: route.to(), error };
        if route.secure {
            // Before anybody is connected to.
            session.connector.secure.prepare().await.map_err(failed)?;
        }
        let mut streams = match (&session.connector.to, &route.proxy) {
            (To::Unix(path), _) => dial_unix(path, limits, progress).await?,
            (To::Host, Some(proxy)) => {
                let streams = dial(session, &proxy.host, proxy.port, limits, progress).await?;
                match route.tunnel {
                    true => tunnel(streams, &session.shared, route, proxy, progress).await?,
                    false => streams,
                }
            }
            (To::Host, None) => dial(session, &route.host, route.port, limits, progress).await?,
        };
        if route.secure {
            progress.is_at(Phase::Tls);
            let secure = &session.connector.secure;
            streams = secure
                .wrap(streams, route.server_name.as_deref().unwrap_or(&route.host))
                .await
                .map_err(failed)?;
        }
        Ok(Connection::new(streams, &session.shared))
    }
}

/// Connects to a host by TCP.
async fn dial(
    session: &Session,
    host: &str,
    port: u16,
    limits: &ClientTimeout,
    progress: &Progress,
) -> Result<Streams, ClientError> {
    progress.is_at(Phase::Lookup);
    let failed = |error| ClientError::Dns { host: host.to_owned(), error };
    let addresses = session.names.find(host, port, progress).await.map_err(failed)?;
    let addresses = session.connector.allowed(addresses).map_err(failed)?;
    progress.is_at(Phase::Connection);
    let connector = &session.connector;
    let opening = open_connection(addresses).happy_eyeballs_delay(connector.happy_eyeballs_delay);
    let opening = match connector.local_addr {
        Some(local) => opening.local_addr(local),
        None => opening,
    };
    let limit = Limit::begin(TimeoutKind::SockConnect, limits.sock_connect);
    let opened = async {
        let refused = |error| ClientError::Connect { to: host_and_port(host, port), error };
        opening.await.map_err(refused)
    };
    within(limit, progress, opened).await
}

async fn dial_unix(
    path: &Path,
    limits: &ClientTimeout,
    progress: &Progress,
) -> Result<Streams, ClientError> {
    progress.is_at(Phase::Connection);
    let limit = Limit::begin(TimeoutKind::SockConnect, limits.sock_connect);
    let opened = async {
        let refused = |error| ClientError::Connect { to: path.display().to_string(), error };
        open_unix_connection(path).await.map_err(refused)
    };
    within(limit, progress, opened).await
}

/// Has a proxy connect to the server (RFC 9110 §9.3.6).
async fn tunnel(
    streams: Streams,
    shared: &Shared,
    route: &Route,
    proxy: &Proxy,
    progress: &Progress,
) -> Result<Streams, ClientError> {
    progress.is_at(Phase::Proxy);
    let mut connection = Connection::new(streams, shared);
    let target = route.to();
    let mut headers = HeaderMap::new();
    proxy.add_fields(&mut headers);
    let request = OutgoingRequest {
        method: &Method::CONNECT,
        target: &target,
        host: &target,
        headers: &headers,
    };
    let nothing = Body::empty();
    let unseen = Progress::new(Phase::Proxy);
    connection.send(&request, nothing.length(), nothing.start()?, false, &unseen, || ())?;
    let head = connection.head(Patience::default(), progress).await?;
    if !head.status().is_success() {
        let proxy = host_and_port(&proxy.host, proxy.port);
        return Err(ClientError::Proxy { proxy, status: head.status() });
    }
    let (streams, early) = connection.into_streams();
    match early.is_empty() {
        true => Ok(streams),
        // A server is silent until the client has spoken: these bytes are the proxy's own.
        false => Err(ClientError::Tls {
            to: target,
            error: io::Error::new(io::ErrorKind::InvalidData, "the proxy spoke before the server"),
        }),
    }
}
