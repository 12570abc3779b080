//! One side of a TLS connection that is to be.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::rustls::pki_types::ServerName;
use ::rustls::{ClientConnection, ServerConnection};

use super::client::TlsClientConfig;
use super::machine::Machine;
use super::server::TlsServerConfig;

/// How long a handshake may take if nobody says otherwise: 60 s, as asyncio's
/// `ssl_handshake_timeout`.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the peer has to answer our close_notify if nobody says otherwise: 30 s, as asyncio's
/// `ssl_shutdown_timeout`.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the peer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) handshake: Duration,
    pub(super) shutdown: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { handshake: HANDSHAKE_TIMEOUT, shutdown: SHUTDOWN_TIMEOUT }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// The server of this name.
    Server(String),
    /// A client of ours.
    Client,
}

/// Which side of a TLS connection to be, and how: what
/// [`start_tls`](crate::EventLoop::start_tls) takes. [`TlsClientConfig::to`] gives the client's, and
/// a [`TlsServerConfig`] is the server's.
#[derive(Clone, Debug)]
pub struct TlsSide(Side);

#[derive(Clone, Debug)]
enum Side {
    Client(TlsClientConfig, String),
    Server(TlsServerConfig),
}

impl TlsSide {
    pub(super) fn client(config: TlsClientConfig, name: String) -> TlsSide {
        TlsSide(Side::Client(config, name))
    }

    /// Whether it can begin, as far as that can be known before.
    pub(crate) fn check(&self) -> io::Result<()> {
        match &self.0 {
            Side::Client(_, name) => server_name(name).map(drop),
            Side::Server(_) => Ok(()),
        }
    }

    /// A connection's machine, who its peer is, and how long that may take.
    pub(super) fn begin(self) -> io::Result<(Machine, Peer, Timeouts)> {
        match self.0 {
            Side::Client(config, name) => {
                let server = server_name(&name)?;
                let connection = ClientConnection::new(Arc::clone(config.rustls()), server);
                let machine = Machine::new(connection.map_err(io::Error::other)?);
                Ok((machine, Peer::Server(name), config.timeouts()))
            }
            Side::Server(config) => {
                let connection = ServerConnection::new(Arc::clone(config.rustls()));
                let machine = Machine::new(connection.map_err(io::Error::other)?);
                Ok((machine, Peer::Client, config.timeouts()))
            }
        }
    }
}

impl From<TlsServerConfig> for TlsSide {
    fn from(config: TlsServerConfig) -> TlsSide {
        TlsSide(Side::Server(config))
    }
}

impl From<&TlsServerConfig> for TlsSide {
    fn from(config: &TlsServerConfig) -> TlsSide {
        TlsSide(Side::Server(config.clone()))
    }
}

/// A name without the dot at its end, which certificates do not have.
fn server_name(name: &str) -> io::Result<ServerName<'static>> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let text = format!(
            "{name:?} is no server's name: it wants a DNS name as \"example.org\" or an address \
             as \"192.0.2.1\", without port and brackets"
        );
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}
