//! Why a request came to nothing.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::http::h1;
use crate::http::request::BodyError;
use crate::http::url::InvalidUrl;

/// Why a request came to nothing, or only to a part of a response. (`aiohttp.ClientError` and its
/// kin)
#[non_exhaustive]
pub enum ClientError {
    /// The URL cannot be used: https, for example, or no host. (`InvalidURL`)
    InvalidUrl(InvalidUrl),
    /// The request cannot be sent as it was made. (`ValueError`)
    InvalidRequest(String),
    /// No connection could be made. (`ClientConnectorError`)
    Connect {
        /// The host and port.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// It took too long. (`ServerTimeoutError`)
    Timeout {
        /// What was waited for.
        waiting_for: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The server closed the connection instead of answering. (`ServerDisconnectedError`)
    Disconnected,
    /// The connection broke. (`ClientOSError`)
    Lost(io::Error),
    /// The response is not HTTP/1.1, or its body breaks off. (`ClientResponseError`,
    /// `ClientPayloadError`)
    Malformed(h1::Error),
    /// The body is larger than allowed, or not text in its character set.
    Body(BodyError),
}

impl ClientError {
    /// Whether the connection ended before anything of an answer came. On a connection that was
    /// used before, the server may just have closed it as idle, so that trying again makes sense.
    pub(super) fn is_before_any_answer(&self) -> bool {
        matches!(self, ClientError::Disconnected | ClientError::Lost(_))
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
            ClientError::Connect { to, error } => write!(f, "cannot connect to {to}: {error}"),
            ClientError::Timeout { waiting_for, limit } => {
                write!(f, "{waiting_for} did not come within {limit:?}")
            }
            ClientError::Disconnected => {
                f.write_str("the server closed the connection instead of answering")
            }
            ClientError::Lost(error) => write!(f, "the connection was lost: {error}"),
            ClientError::Malformed(error) => write!(f, "the response is malformed: {error}"),
            ClientError::Body(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::InvalidUrl(error) => Some(error),
            ClientError::Connect { error, .. } | ClientError::Lost(error) => Some(error),
            ClientError::Malformed(error) => Some(error),
            ClientError::Body(error) => Some(error),
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
            ClientError::Lost(error) => error,
            other => io::Error::other(other),
        }
    }
}
