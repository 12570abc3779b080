//! Who we are: a certificate and its key.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::rustls::pki_types::pem::PemObject;
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ::rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::roots::{cannot_read, certificates};

/// A certificate, those between it and a root, and the private key: what a server shows, and a
/// client that is asked to. (`SSLContext.load_cert_chain`)
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// From DER: our own certificate first, each that follows the issuer of the one before.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no certificate, the key is of no kind that is known, or it is
    /// not that of the first certificate.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> io::Result<Identity> {
        if chain.is_empty() {
            return Err(invalid("an identity has at least one certificate: its own".into()));
        }
        let provider = ::rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
            invalid(format!("the private key is not the certificate's, or of no use: {error}"))
        })?;
        Ok(Identity(Arc::new(certified)))
    }

    /// From PEM: the chain, and the key in PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or
    /// SEC1 (`EC PRIVATE KEY`). Both may be in one text, which is given twice then.
    ///
    /// # Errors
    ///
    /// As [`new`](Identity::new), and `InvalidInput` if the text is no PEM or lacks one of them.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> io::Result<Identity> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| no_key(key, &error))?;
        Identity::new(certificates(chain)?, key)
    }

    /// From PEM files.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Identity::from_pem), and why a file cannot be read; the error names them.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Identity> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let read = |path: &Path| fs::read(path).map_err(|error| cannot_read(path, &error));
        Identity::from_pem(&read(chain)?, &read(key)?).map_err(|error| {
            let (chain, key) = (chain.display(), key.display());
            io::Error::new(error.kind(), format!("{chain} and {key}: {error}"))
        })
    }

    pub(super) fn resolver(self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(self.0))
    }
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Identity certificates={}>", self.0.cert.len())
    }
}

fn no_key(pem: &[u8], error: &dyn fmt::Display) -> io::Error {
    let encrypted = pem.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY");
    invalid(match encrypted {
        true => "the private key is encrypted: `openssl pkey -in key.pem -out plain.pem` asks for \
                 its password and writes one that is not"
            .into(),
        false => format!("no private key (\"-----BEGIN PRIVATE KEY-----\") in PEM: {error}"),
    })
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
