//! Whom we trust.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::rustls::RootCertStore;
use ::rustls::pki_types::pem::PemObject;
use ::rustls::pki_types::{CertificateDer, TrustAnchor};

/// The issuers whose certificates are believed. (`SSLContext.load_verify_locations`)
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The platform's: of Linux and the BSDs the files that OpenSSL goes by, with `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR`; of macOS the keychain. It reads files: do it once, and keep it.
    /// (`SSLContext.load_default_certs`)
    ///
    /// # Errors
    ///
    /// `NotFound` if there are none.
    pub fn platform() -> io::Result<Roots> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            return Err(no_roots(&found.errors));
        }
        Ok(Roots(Arc::new(store)))
    }

    /// Those in a PEM text, and no others.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no PEM, has no certificate, or one that cannot be a root.
    pub fn from_pem(pem: &[u8]) -> io::Result<Roots> {
        let mut store = RootCertStore::empty();
        for certificate in certificates(pem)? {
            store.add(certificate).map_err(|error| {
                let text = format!("a certificate that cannot be trusted as a root: {error}");
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?;
        }
        Ok(Roots(Arc::new(store)))
    }

    /// Those in a PEM file, and no others.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Roots::from_pem), and why the file cannot be read; the error names it.
    pub fn from_pem_file(path: impl AsRef<Path>) -> io::Result<Roots> {
        let path = path.as_ref();
        let pem = fs::read(path).map_err(|error| cannot_read(path, &error))?;
        Roots::from_pem(&pem).map_err(|error| cannot_read(path, &error))
    }

    /// These and those.
    pub fn and(mut self, others: &Roots) -> Roots {
        Arc::make_mut(&mut self.0).extend(others.0.roots.iter().cloned());
        self
    }

    /// Their names and keys, as rustls has them.
    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0.roots
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn store(&self) -> &Arc<RootCertStore> {
        &self.0
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Roots count={}>", self.count())
    }
}

/// The certificates of a PEM text, at least one.
pub(super) fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let wrong = match parsed {
        Ok(certificates) if !certificates.is_empty() => return Ok(certificates),
        Ok(_) => "none is there".to_owned(),
        Err(error) => error.to_string(),
    };
    let text = format!("no certificate (\"-----BEGIN CERTIFICATE-----\") in PEM: {wrong}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

pub(super) fn cannot_read(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn no_roots(errors: &[rustls_native_certs::Error]) -> io::Error {
    let mut text = String::from(
        "this system has no root certificates: install them (the package is mostly called \
         ca-certificates), name a file in SSL_CERT_FILE, or use Roots::from_pem_file()",
    );
    for error in errors {
        text.push_str(&format!("; {error}"));
    }
    io::Error::new(io::ErrorKind::NotFound, text)
}
