//! Certificates, made once a run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use evloop::tls::{Identity, Roots, TlsClientConfig, TlsServerConfig};

use crate::installed::is_installed;

/// A folder of certificates and keys.
pub struct Certificates(PathBuf);

/// Whose they are: the file, and what openssl is to say of it.
const LEAVES: [(&str, &str); 2] = [
    ("server", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"),
    ("client", "subjectAltName=DNS:alice\nextendedKeyUsage=clientAuth\n"),
];

impl Certificates {
    /// None if there is no openssl to make them.
    pub fn get() -> Option<&'static Certificates> {
        static MADE: OnceLock<Option<Certificates>> = OnceLock::new();
        let made = MADE.get_or_init(|| is_installed("openssl").then(Certificates::make));
        if made.is_none() {
            eprintln!("SKIPPED: there are no certificates to test with");
        }
        made.as_ref()
    }

    fn make() -> Certificates {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("certificates");
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        let made = Certificates(folder);
        for root in ["root", "stranger"] {
            made.key(root);
            let (key, pem) = (made.path(root, "key"), made.path(root, "pem"));
            let subject = format!("/CN=evloop test {root}");
            openssl(&["req", "-x509", "-new", "-key", &key, "-subj", &subject, "-out", &pem]);
        }
        for (leaf, extensions) in LEAVES {
            made.leaf(leaf, extensions);
        }
        made
    }

    fn key(&self, name: &str) {
        let key = self.path(name, "key");
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", CURVE, "-out", &key]);
    }

    fn leaf(&self, name: &str, extensions: &str) {
        self.key(name);
        let path = |end| self.path(name, end);
        std::fs::write(path("ext"), extensions).expect("it is our folder");
        let (key, request, subject) = (path("key"), path("csr"), format!("/CN={name}"));
        openssl(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
        let (root, root_key) = (self.path("root", "pem"), self.path("root", "key"));
        let issue = ["x509", "-req", "-in", &request, "-CA", &root, "-CAkey", &root_key];
        let how = ["-CAcreateserial", "-days", "3", "-extfile", &path("ext"), "-out"];
        openssl(&[&issue[..], &how[..], &[&path("pem")[..]]].concat());
    }

    /// A file of theirs: `server.pem`, `server.key`.
    pub fn path(&self, name: &str, end: &str) -> String {
        self.0.join(format!("{name}.{end}")).to_str().expect("it is text").to_owned()
    }

    pub fn identity(&self, name: &str) -> Identity {
        Identity::from_pem_files(self.path(name, "pem"), self.path(name, "key")).expect("a pair")
    }

    pub fn roots(&self) -> Roots {
        Roots::from_pem_file(self.path("root", "pem")).expect("a root")
    }

    /// A server that is `localhost`.
    pub fn server(&self) -> TlsServerConfig {
        TlsServerConfig::new(self.identity("server"))
    }

    /// A client that trusts who has issued these.
    pub fn client(&self) -> TlsClientConfig {
        TlsClientConfig::with_roots(&self.roots())
    }
}

const CURVE: &str = "ec_paramgen_curve:P-256";

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {output:?}");
}
