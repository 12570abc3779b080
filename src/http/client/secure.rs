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
}

#[cfg(feature = "tls")]
impl Secure {
    pub(super) fn with(config: TlsClientConfig) -> Secure {
        Secure { config: Rc::new(OnceCell::from(config)) }
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
