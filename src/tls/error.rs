//! What goes wrong, in words.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use ::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::side::Peer;

/// The content type of a handshake's record (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// What rustls says, and what we know besides; [`source`](std::error::Error::source) gives the
/// former.
#[derive(Clone, Debug)]
struct Refusal {
    text: String,
    error: Error,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The same error once more.
pub(super) fn copy(error: &io::Error) -> io::Error {
    if let Some(number) = error.raw_os_error() {
        return io::Error::from_raw_os_error(number);
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) {
        Some(refusal) => io::Error::new(error.kind(), refusal.clone()),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// What came was not acceptable; `bytes` is where it was.
pub(super) fn refused(peer: &Peer, handshaking: bool, error: Error, bytes: &[u8]) -> io::Error {
    let why = match handshaking {
        true => handshake_failure(peer, &error, bytes),
        false => error.to_string(),
    };
    let text = match handshaking {
        true => format!("the TLS handshake with {} failed: {why}", whom(peer)),
        false => format!("the TLS connection with {} broke: {why}", whom(peer)),
    };
    io::Error::new(ErrorKind::InvalidData, Refusal { text, error })
}

fn whom(peer: &Peer) -> String {
    match peer {
        Peer::Server(name) => format!("{name:?}"),
        Peer::Client => "a client".into(),
    }
}

fn handshake_failure(peer: &Peer, error: &Error, bytes: &[u8]) -> String {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => not_tls(peer, bytes),
        Error::InvalidCertificate(error) => bad_certificate(error),
        Error::AlertReceived(alert) => alert_received(peer, *alert),
        Error::NoCertificatesPresented => "it showed no certificate, and one is required".into(),
        other => other.to_string(),
    }
}

fn not_tls(peer: &Peer, bytes: &[u8]) -> String {
    let begins = bytes[..bytes.len().min(8)].escape_ascii();
    match (peer, bytes.first()) {
        (_, Some(&HANDSHAKE_RECORD)) | (_, None) => "what came is no TLS".into(),
        (Peer::Client, _) => {
            format!("it began with \"{begins}\", which is no TLS, and this port speaks TLS only")
        }
        (Peer::Server(_), _) => {
            format!("it answered \"{begins}\", which is no TLS: is it the right port?")
        }
    }
}

fn bad_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "nobody who is trusted has issued its certificate; if somebody should be, \
             Roots::from_pem_file() takes the issuer's"
                .into()
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            format!("its certificate expired {}", ago(since))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let until = not_before.as_secs().saturating_sub(time.as_secs());
            format!("its certificate begins {} too late; is the clock right?", span(until))
        }
        other => other.to_string(),
    }
}

fn ago(seconds: u64) -> String {
    format!("{} ago", span(seconds))
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=7_199 => format!("{seconds} s"),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn alert_received(peer: &Peer, alert: AlertDescription) -> String {
    let hint = match (alert, peer) {
        (AlertDescription::CertificateRequired, _) => {
            ": it wants a certificate of ours, which TlsClientConfig::identity() gives"
        }
        (AlertDescription::NoApplicationProtocol, _) => {
            ": none of the protocols that alpn() offers is one it speaks"
        }
        (AlertDescription::UnknownCA, Peer::Client) => {
            ": it does not trust the issuer of our certificate"
        }
        (AlertDescription::UnrecognisedName, Peer::Server(_)) => ": it does not know that name",
        (AlertDescription::ProtocolVersion, _) => ": it speaks neither TLS 1.3 nor 1.2",
        _ => "",
    };
    format!("it refused with the alert {}{hint}", alert.as_str().unwrap_or("of an unknown number"))
}

pub(super) fn handshake_timed_out(peer: &Peer, limit: Duration) -> io::Error {
    let text = format!("the TLS handshake with {} is not done after {limit:?}", whom(peer));
    io::Error::new(ErrorKind::TimedOut, text)
}

pub(super) fn shutdown_timed_out(limit: Duration) -> io::Error {
    let text = format!("the peer has not answered our close_notify within {limit:?}");
    io::Error::new(ErrorKind::TimedOut, text)
}

pub(super) fn closed_in_handshake(peer: &Peer) -> io::Error {
    let text = format!("the connection with {} was closed in the TLS handshake", whom(peer));
    io::Error::new(ErrorKind::ConnectionReset, text)
}

pub(super) fn truncated() -> io::Error {
    let text = "the connection ended without TLS's close_notify: what came may not be all";
    io::Error::new(ErrorKind::UnexpectedEof, text)
}

pub(super) fn write_in_handshake() -> io::Error {
    let text = "Cannot call write() while start_tls() is in progress: await that first";
    io::Error::new(ErrorKind::InvalidInput, text)
}

pub(super) fn no_buffer() -> io::Error {
    let text = "get_buffer() gave no memory to receive into: it must be at least one byte long";
    io::Error::new(ErrorKind::InvalidInput, text)
}
