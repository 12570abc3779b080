//! TLS for https URLs.

use std::io;

use super::connection::Streams;

#[cfg(feature = "tls")]
use {crate::tls::TlsClientConfig, std::cell::OnceCell, std::rc::Rc};

/// Whom a session trusts: what it was told, or the platform's roots, which are read when the first
/// https URL is asked for.
#[derive(Clone, Default)]
pub(super) struct Secure {
    #[cfg(feature = "tls")]
    config: Rc<OnceCell<TlsClientConfig>>,
    /// The SHA-256 of the only certificate that may be shown.
    #[cfg(all(feature = "digest", feature = "tls"))]
    fingerprint: Option<[u8; 32]>,
}

#[cfg(feature = "tls")]
impl Secure {
    /// The same with another trust.
    pub(super) fn with(mut self, config: TlsClientConfig) -> Secure {
        self.config = Rc::new(OnceCell::from(config));
        self
    }

    /// The same trust, in this certificate alone.
    #[cfg(feature = "digest")]
    pub(super) fn pinned(self, fingerprint: [u8; 32]) -> Secure {
        Secure { fingerprint: Some(fingerprint), ..self }
    }

    /// Whether the server has shown the certificate that it has to.
    #[cfg(feature = "digest")]
    fn check(&self, writer: &crate::stream::StreamWriter) -> io::Result<()> {
        use sha2::{Digest, Sha256};
        let Some(expected) = self.fingerprint else { return Ok(()) };
        let info = writer.tls_info();
        let shown = info.as_ref().and_then(|info| info.peer_certificates().first());
        let shown = shown.map(|certificate| Sha256::digest(certificate));
        match shown {
            Some(shown) if shown[..] == expected => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the server's certificate is not the one whose fingerprint was given",
            )),
        }
    }

    /// Reads the roots, if that was not done; files are read in a thread.
    pub(super) async fn prepare(&self) -> io::Result<()> {
        if self.config.get().is_none() {
            let platform = crate::task::to_thread(TlsClientConfig::new).await;
            let platform = platform.map_err(|error| io::Error::other(error.to_string()))??;
            // Another request may have been faster.
            let _ = self.config.set(platform.alpn(["http/1.1"]));
        }
        Ok(())
    }

    /// Begins TLS on a connection to `host`.
    pub(super) async fn wrap(&self, streams: Streams, host: &str) -> io::Result<Streams> {
        let (reader, mut writer) = streams;
        let config = self.config.get().ok_or(io::ErrorKind::NotConnected)?;
        writer.start_tls(config.to(host)).await?;
        #[cfg(feature = "digest")]
        self.check(&writer)?;
        Ok((reader, writer))
    }
}

#[cfg(not(feature = "tls"))]
impl Secure {
    #[expect(clippy::unused_async, reason = "with TLS it waits")]
    pub(super) async fn prepare(&self) -> io::Result<()> {
        Err(no_tls())
    }

    #[expect(clippy::unused_async, reason = "with TLS it waits")]
    pub(super) async fn wrap(&self, _: Streams, _: &str) -> io::Result<Streams> {
        Err(no_tls())
    }
}

#[cfg(not(feature = "tls"))]
fn no_tls() -> io::Error {
    let text = "TLS is not built in: build evloop with its feature `tls`, or use an http:// URL";
    io::Error::new(io::ErrorKind::Unsupported, text)
}
