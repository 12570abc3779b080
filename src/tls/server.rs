//! How to be a server.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::rustls::crypto::ring;
use ::rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use ::rustls::{ConfigBuilder, ServerConfig, WantsVerifier};

use super::identity::Identity;
use super::roots::Roots;
use super::side::Timeouts;

/// How to be a server of TLS: whom to be, what to speak, whom to let in. TLS 1.3 and 1.2.
/// (`ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)`)
///
/// Cloning it is cheap, and clones share the memory of sessions that can be resumed: make it once.
///
/// Whatever can be said to rustls can be said here, as several certificates by name: `From` takes
/// a [`rustls::ServerConfig`](super::rustls::ServerConfig).
#[derive(Clone)]
pub struct TlsServerConfig {
    rustls: Arc<ServerConfig>,
    timeouts: Timeouts,
}

impl TlsServerConfig {
    /// A server that shows this certificate to every client, and asks for none.
    pub fn new(identity: Identity) -> TlsServerConfig {
        let verified = builder().with_no_client_auth();
        verified.with_cert_resolver(identity.resolver()).into()
    }

    /// Lets in only clients that show a certificate by one of these roots (mutual TLS).
    /// (`SSLContext.verify_mode = CERT_REQUIRED`)
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are no roots.
    pub fn require_client_certificates(self, roots: &Roots) -> io::Result<TlsServerConfig> {
        self.client_certificates(roots, false)
    }

    /// Asks clients for a certificate by one of these roots, and lets in those without any too:
    /// [`TlsInfo::peer_certificates`](super::TlsInfo::peer_certificates) tells them apart.
    /// (`CERT_OPTIONAL`)
    ///
    /// # Errors
    ///
    /// As [`require_client_certificates`](TlsServerConfig::require_client_certificates).
    pub fn accept_client_certificates(self, roots: &Roots) -> io::Result<TlsServerConfig> {
        self.client_certificates(roots, true)
    }

    fn client_certificates(mut self, roots: &Roots, optional: bool) -> io::Result<TlsServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots.store()), provider);
        let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
        let verifier = verifier.build().map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("client certificates: {error}"))
        })?;
        let identity: Arc<dyn ResolvesServerCert> = Arc::clone(&self.rustls.cert_resolver);
        let verified = builder().with_client_cert_verifier(verifier);
        let mut config = verified.with_cert_resolver(identity);
        config.alpn_protocols.clone_from(&self.rustls.alpn_protocols);
        self.rustls = Arc::new(config);
        Ok(self)
    }

    /// Speaks these protocols inside, the dearest first (ALPN, RFC 7301). A client that offers
    /// others only is refused; one that offers none is not.
    pub fn alpn<P: AsRef<[u8]>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> TlsServerConfig {
        let protocols = protocols.into_iter().map(|it| it.as_ref().to_vec()).collect();
        Arc::make_mut(&mut self.rustls).alpn_protocols = protocols;
        self
    }

    /// Whether it says what it speaks inside.
    #[cfg(feature = "http")]
    pub(crate) fn has_alpn(&self) -> bool {
        !self.rustls.alpn_protocols.is_empty()
    }

    /// How long a handshake may take; [60 s](super::HANDSHAKE_TIMEOUT) if not set.
    pub fn handshake_timeout(mut self, limit: Duration) -> TlsServerConfig {
        self.timeouts.handshake = limit;
        self
    }

    /// How long a client has to answer our close_notify; [30 s](super::SHUTDOWN_TIMEOUT) if not
    /// set.
    pub fn shutdown_timeout(mut self, limit: Duration) -> TlsServerConfig {
        self.timeouts.shutdown = limit;
        self
    }

    pub(super) fn rustls(&self) -> &Arc<ServerConfig> {
        &self.rustls
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of TLS 1.2 and 1.3")
}

impl From<ServerConfig> for TlsServerConfig {
    fn from(config: ServerConfig) -> TlsServerConfig {
        Arc::new(config).into()
    }
}

impl From<Arc<ServerConfig>> for TlsServerConfig {
    fn from(rustls: Arc<ServerConfig>) -> TlsServerConfig {
        TlsServerConfig { rustls, timeouts: Timeouts::default() }
    }
}

impl fmt::Debug for TlsServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self.rustls.alpn_protocols.iter().map(|it| String::from_utf8_lossy(it));
        f.debug_struct("TlsServerConfig")
            .field("alpn", &alpn.collect::<Vec<_>>())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
