//! Why a request came to nothing.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;

use super::timing::TimeoutKind;
use crate::http::h1;
use crate::http::request::BodyError;
use crate::http::url::{InvalidUrl, Url};

/// Why a request came to nothing, or only to a part of a response. (`aiohttp.ClientError` and its
/// kin, whose names stand in brackets)
#[non_exhaustive]
pub enum ClientError {
    /// The URL cannot be used: no host, for example, or another scheme. (`InvalidURL`)
    InvalidUrl(InvalidUrl),
    /// The request cannot be sent as it was made. (`ValueError`)
    InvalidRequest(String),
    /// The body's source failed; the connection was closed in the middle of the request.
    Source(io::Error),
    /// The host's name could not be looked up. (`ClientConnectorDNSError`)
    Dns {
        /// The name.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// No connection could be made. (`ClientConnectorError`, `ClientProxyConnectionError`)
    Connect {
        /// The host and port, or the path of a Unix socket.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// A proxy refused to connect to the server. (`ClientHttpProxyError`)
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// What it answered to CONNECT.
        status: StatusCode,
    },
    /// TLS cannot be had, or its handshake failed. (`ClientConnectorSSLError`,
    /// `ClientConnectorCertificateError`)
    Tls {
        /// The host and port.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// It took too long. (`ServerTimeoutError`, `ConnectionTimeoutError`, `SocketTimeoutError`)
    Timeout {
        /// Which limit.
        kind: TimeoutKind,
        /// What was waited for when it ran out.
        waiting_for: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The server closed the connection instead of answering. (`ServerDisconnectedError`)
    Disconnected,
    /// The connection broke. (`ClientOSError`)
    Lost(io::Error),
    /// The response's head is not HTTP/1.1's. (`ClientResponseError`)
    Malformed(h1::Error),
    /// The response's body breaks off, or is malformed: what came is not all of it.
    /// (`ClientPayloadError`)
    Payload(Cow<'static, str>),
    /// The body is larger than allowed, or not text in its character set.
    Body(BodyError),
    /// The body is not JSON, or not of the wanted shape. (`json.JSONDecodeError`,
    /// `ContentTypeError`)
    Json(Box<dyn Error>),
    /// The status is 400 or above, and that was to be an error. (`ClientResponseError`)
    Status {
        /// The status.
        status: StatusCode,
        /// Its phrase.
        reason: String,
        /// The URL.
        url: Url,
    },
    /// There were more redirects than allowed. (`TooManyRedirects`)
    TooManyRedirects {
        /// How many are allowed.
        limit: usize,
        /// Where the last one led.
        url: Url,
    },
}

impl ClientError {
    /// Whether the connection ended before anything of an answer came. On a connection that was
    /// used before, the server may just have closed it as idle, so that trying again makes sense.
    pub(super) fn is_before_any_answer(&self) -> bool {
        matches!(self, ClientError::Disconnected | ClientError::Lost(_))
    }

    /// Whether it is a limit of [`ClientTimeout`](super::ClientTimeout) that ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, ClientError::Timeout { .. })
    }

    pub(super) fn invalid(what: impl Into<String>) -> ClientError {
        ClientError::InvalidRequest(what.into())
    }

    /// What the machine says of a body.
    pub(super) fn of_body(error: h1::Error) -> ClientError {
        ClientError::Payload(error.what().to_owned().into())
    }
}

/// In words, as `Display`: this is what a `main` that returns it prints.
impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::InvalidUrl(error) => error.fmt(f),
            ClientError::InvalidRequest(what) => write!(f, "the request cannot be sent: {what}"),
            ClientError::Source(error) => write!(f, "the request's body failed: {error}"),
            ClientError::Dns { host, error } => write!(f, "cannot look up {host}: {error}"),
            ClientError::Connect { to, error } => {
                let error = error.to_string();
                // To whom is said already, unless it is another name for it.
                let why = error.strip_prefix(&format!("Connect call failed {to}: "));
                write!(f, "cannot connect to {to}: {}", why.unwrap_or(&error))
            }
            ClientError::Proxy { proxy, status } => {
                write!(f, "the proxy {proxy} answers {status} instead of connecting")
            }
            ClientError::Tls { to, error } => write!(f, "no TLS with {to}: {error}"),
            ClientError::Timeout { kind, waiting_for, limit } => {
                write!(f, "{waiting_for} did not come within {limit:?} (the {kind} timeout)")
            }
            ClientError::Disconnected => {
                f.write_str("the server closed the connection instead of answering")
            }
            ClientError::Lost(error) => write!(f, "the connection was lost: {error}"),
            ClientError::Malformed(error) => write!(f, "the response is malformed: {error}"),
            ClientError::Payload(what) => write!(f, "the response's body is not whole: {what}"),
            ClientError::Body(error) => error.fmt(f),
            ClientError::Json(error) => write!(f, "the response's body is not the JSON: {error}"),
            ClientError::Status { status, reason, url } => {
                write!(f, "{url} answers {} {reason}", status.as_u16())
            }
            ClientError::TooManyRedirects { limit, url } => {
                write!(f, "more than {limit} redirects, the last one to {url}")
            }
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ClientError::InvalidUrl(error) => Some(error),
            ClientError::Dns { error, .. }
            | ClientError::Connect { error, .. }
            | ClientError::Tls { error, .. }
            | ClientError::Source(error)
            | ClientError::Lost(error) => Some(error),
            ClientError::Malformed(error) => Some(error),
            ClientError::Body(error) => Some(error),
            ClientError::Json(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<InvalidUrl> for ClientError {
    fn from(error: InvalidUrl) -> Self {
        ClientError::InvalidUrl(error)
    }
}

impl From<BodyError> for ClientError {
    fn from(error: BodyError) -> Self {
        ClientError::Body(error)
    }
}

impl From<h1::Error> for ClientError {
    fn from(error: h1::Error) -> Self {
        match error.is_theirs() {
            true => ClientError::Malformed(error),
            false => ClientError::InvalidRequest(error.what().to_owned()),
        }
    }
}

impl From<ClientError> for io::Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost(error) | ClientError::Source(error) => error,
            ClientError::Timeout { .. } => {
                io::Error::new(io::ErrorKind::TimedOut, error.to_string())
            }
            // An error of JSON need not be sendable to another thread, as io's are.
            other => io::Error::other(other.to_string()),
        }
    }
}
