//! What was agreed on.

use std::fmt;

use ::rustls::pki_types::CertificateDer;
use ::rustls::{Connection, HandshakeKind};

use super::layer::Tls;
use crate::transport::Transport;

/// What a handshake has led to. (asyncio's extra infos `ssl_object`, `peercert` and `cipher`)
#[derive(Clone, PartialEq, Eq)]
pub struct TlsInfo {
    version: &'static str,
    cipher_suite: String,
    alpn: Option<Vec<u8>>,
    server_name: Option<String>,
    peer_certificates: Vec<CertificateDer<'static>>,
    resumed: bool,
}

impl TlsInfo {
    fn of(connection: &Connection) -> TlsInfo {
        let version = connection.protocol_version().and_then(|version| version.as_str());
        let suite = connection.negotiated_cipher_suite().map(|it| it.suite());
        let suite = suite.and_then(|suite| suite.as_str()).unwrap_or_default();
        let server_name = match connection {
            Connection::Server(server) => server.server_name().map(str::to_owned),
            Connection::Client(_) => None,
        };
        TlsInfo {
            version: version.unwrap_or_default(),
            cipher_suite: suite.replacen("TLS13_", "TLS_", 1),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name,
            peer_certificates: connection.peer_certificates().unwrap_or_default().to_vec(),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// The version, `"TLSv1_3"` or `"TLSv1_2"`. (`SSLObject.version()`)
    pub fn version(&self) -> &str {
        self.version
    }

    /// The cipher suite by its registered name, as `"TLS_AES_256_GCM_SHA384"`. (`cipher`)
    pub fn cipher_suite(&self) -> &str {
        &self.cipher_suite
    }

    /// The protocol that both want to speak inside, if they agreed on one.
    /// (`SSLObject.selected_alpn_protocol()`)
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// Of a server: whom the client asked for (SNI), if it did.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The certificates that the peer showed, in DER, its own first; none if it was not asked or
    /// had none. They were verified, unless that was switched off. (`getpeercert(True)`)
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.peer_certificates
    }

    /// Whether an earlier session was resumed.
    pub fn resumed(&self) -> bool {
        self.resumed
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<TlsInfo {} {}", self.version, self.cipher_suite)?;
        if let Some(alpn) = &self.alpn {
            write!(f, " alpn={:?}", String::from_utf8_lossy(alpn))?;
        }
        write!(f, " peer_certificates={}>", self.peer_certificates.len())
    }
}

impl Transport {
    /// Whether this connection goes through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.layer_as::<Tls>().is_some()
    }

    /// What was agreed on, if this connection goes through TLS; nothing once it is lost, nor
    /// before [`start_tls`](crate::EventLoop::start_tls) is done.
    /// (`get_extra_info('ssl_object')`, `'peercert'`, `'cipher'`)
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.layer_as::<Tls>()?.look(|machine| {
            let connection = machine.connection();
            (!connection.is_handshaking()).then(|| TlsInfo::of(connection))
        })
    }
}
