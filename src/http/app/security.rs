//! Whether a site speaks TLS.

use crate::transport::{CreateServer, CreateUnixServer};

#[cfg(feature = "tls")]
use crate::tls::TlsServerConfig;

/// Whether a site speaks TLS, and how.
#[derive(Clone, Default)]
pub(super) struct Security {
    #[cfg(feature = "tls")]
    config: Option<TlsServerConfig>,
}

#[cfg(feature = "tls")]
impl Security {
    pub(super) fn tls(config: TlsServerConfig) -> Security {
        let config = if config.has_alpn() { config } else { config.alpn(["http/1.1"]) };
        Security { config: Some(config) }
    }

    pub(super) fn is_on(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn inet(&self, server: CreateServer) -> CreateServer {
        match &self.config {
            Some(config) => server.tls(config.clone()),
            None => server,
        }
    }

    pub(super) fn unix(&self, server: CreateUnixServer) -> CreateUnixServer {
        match &self.config {
            Some(config) => server.tls(config.clone()),
            None => server,
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Security {
    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) fn inet(&self, server: CreateServer) -> CreateServer {
        server
    }

    pub(super) fn unix(&self, server: CreateUnixServer) -> CreateUnixServer {
        server
    }
}
