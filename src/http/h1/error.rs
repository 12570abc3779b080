//! Who broke the protocol, and what to say about it.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;

/// A breach of the protocol: by *you*, who called this machine, or by *them*, the peer.
///
/// The difference decides what happens next. What they did is answered (a server sends
/// [`status`](Error::status) and the sentence) and ends the connection; what you did is a bug on
/// this side, left the machine as it was, and belongs in your log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A call that the machine's state, or the protocol, does not allow. Nothing was changed and
    /// nothing was written.
    You {
        /// The state the machine was in.
        state: &'static str,
        /// What was wrong, and what would have been right.
        what: Cow<'static, str>,
    },
    /// Bytes that are not HTTP/1.1 as RFC 9112 has it, or that go beyond a limit.
    They {
        /// What a server answers; on the client's side always 502.
        status: StatusCode,
        /// What was wrong, and what would have been right.
        what: Cow<'static, str>,
    },
}

impl Error {
    /// What a server answers: the offence's own status, or 500 for a mistake on this side.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::You { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Error::They { status, .. } => *status,
        }
    }

    /// The sentence alone.
    pub fn what(&self) -> &str {
        match self {
            Error::You { what, .. } | Error::They { what, .. } => what,
        }
    }

    /// Whether the peer is to blame.
    pub fn is_theirs(&self) -> bool {
        matches!(self, Error::They { .. })
    }

    pub(crate) fn you(state: &'static str, what: impl Into<Cow<'static, str>>) -> Error {
        Error::You { state, what: what.into() }
    }

    #[cold]
    pub(crate) fn they(status: StatusCode, what: impl Into<Cow<'static, str>>) -> Error {
        Error::They { status, what: what.into() }
    }

    /// 400, the status for everything that is merely malformed.
    #[cold]
    pub(crate) fn bad(what: impl Into<Cow<'static, str>>) -> Error {
        Error::they(StatusCode::BAD_REQUEST, what)
    }

    /// The same offence seen by a client, which answers nobody.
    pub(crate) fn seen_by_client(self) -> Error {
        match self {
            Error::They { what, .. } => Error::They { status: StatusCode::BAD_GATEWAY, what },
            you => you,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::You { state, what } => write!(f, "{what} (the connection is {state})"),
            Error::They { what, .. } => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
