//! How to be a client.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::rustls::crypto::ring;
use ::rustls::{ClientConfig, ConfigBuilder, WantsVerifier};

use super::identity::Identity;
use super::insecure::AnyServer;
use super::roots::Roots;
use super::side::{Timeouts, TlsSide};

/// How to be a client of TLS: whom to trust, what to offer. TLS 1.3 and 1.2.
/// (`ssl.create_default_context()`)
///
/// Cloning it is cheap, and clones share the memory of sessions that can be resumed: make it once.
///
/// Whatever can be said to rustls can be said here: `From` takes a
/// [`rustls::ClientConfig`](super::rustls::ClientConfig).
#[derive(Clone)]
pub struct TlsClientConfig {
    rustls: Arc<ClientConfig>,
    timeouts: Timeouts,
}

impl TlsClientConfig {
    /// Trusts whom the platform trusts: [`Roots::platform`].
    ///
    /// # Errors
    ///
    /// `NotFound` if the system has no root certificates.
    pub fn new() -> io::Result<TlsClientConfig> {
        Ok(TlsClientConfig::with_roots(&Roots::platform()?))
    }

    /// Trusts these roots, and no others.
    pub fn with_roots(roots: &Roots) -> TlsClientConfig {
        let verified = builder().with_root_certificates(Arc::clone(roots.store()));
        verified.with_no_client_auth().into()
    }

    /// Trusts **every** server, whoever it is: what is sent is encrypted, for anybody who cares to
    /// sit in between. For tests, and for nothing else. (aiohttp's `ssl=False`)
    pub fn dangerously_trusting_any_server() -> TlsClientConfig {
        let verified = builder().dangerous().with_custom_certificate_verifier(AnyServer::new());
        verified.with_no_client_auth().into()
    }

    /// Shows this certificate to a server that asks for one (mutual TLS).
    pub fn identity(self, identity: Identity) -> TlsClientConfig {
        self.change(|config| config.client_auth_cert_resolver = identity.resolver())
    }

    /// Offers these protocols to be spoken inside, the dearest first (ALPN, RFC 7301): `"h2"`,
    /// `"http/1.1"`. What the server chose [`TlsInfo::alpn`](super::TlsInfo::alpn) tells.
    /// (`SSLContext.set_alpn_protocols`)
    pub fn alpn<P: AsRef<[u8]>>(self, protocols: impl IntoIterator<Item = P>) -> TlsClientConfig {
        let protocols = protocols.into_iter().map(|it| it.as_ref().to_vec()).collect();
        self.change(|config| config.alpn_protocols = protocols)
    }

    /// How long a handshake may take; [60 s](super::HANDSHAKE_TIMEOUT) if not set.
    pub fn handshake_timeout(mut self, limit: Duration) -> TlsClientConfig {
        self.timeouts.handshake = limit;
        self
    }

    /// How long a server has to answer our close_notify; [30 s](super::SHUTDOWN_TIMEOUT) if not
    /// set.
    pub fn shutdown_timeout(mut self, limit: Duration) -> TlsClientConfig {
        self.timeouts.shutdown = limit;
        self
    }

    /// The client's side of a connection to the server of this name, which its certificate must
    /// have: a DNS name or an address.
    pub fn to(&self, server_name: &str) -> TlsSide {
        TlsSide::client(self.clone(), server_name.to_owned())
    }

    pub(super) fn rustls(&self) -> &Arc<ClientConfig> {
        &self.rustls
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    fn change(mut self, change: impl FnOnce(&mut ClientConfig)) -> TlsClientConfig {
        change(Arc::make_mut(&mut self.rustls));
        self
    }
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of TLS 1.2 and 1.3")
}

impl From<ClientConfig> for TlsClientConfig {
    fn from(config: ClientConfig) -> TlsClientConfig {
        Arc::new(config).into()
    }
}

impl From<Arc<ClientConfig>> for TlsClientConfig {
    fn from(rustls: Arc<ClientConfig>) -> TlsClientConfig {
        TlsClientConfig { rustls, timeouts: Timeouts::default() }
    }
}

impl fmt::Debug for TlsClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self.rustls.alpn_protocols.iter().map(|it| String::from_utf8_lossy(it));
        f.debug_struct("TlsClientConfig")
            .field("alpn", &alpn.collect::<Vec<_>>())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
