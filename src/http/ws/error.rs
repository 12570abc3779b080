//! What a peer did wrong, and what a caller did.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::close::CloseCode;

/// What the peer did wrong: the code to close with, and a sentence that says what was wrong and
/// what would have been right. Nothing more is read from it (RFC 6455 §7.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    code: CloseCode,
    what: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(code: CloseCode, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault { code, what: what.into() }
    }

    /// The code to close with.
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// What was wrong.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.code)
    }
}

impl std::error::Error for Fault {}

/// Why something was not sent. Nothing has changed, and nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Either side has begun to close, or the connection is gone (§5.5.1: no data after a Close).
    Closing,
    /// Another message is under way in fragments (§5.4: they MUST NOT be mixed).
    FragmentsUnderWay,
    /// A control frame would carry more than 125 bytes (§5.5).
    ControlTooLong {
        /// How many it would carry.
        bytes: usize,
    },
    /// A Close may not carry this code (§7.4).
    CloseCode(CloseCode),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Closing => f.write_str("the WebSocket is closed, or closing"),
            Refused::FragmentsUnderWay => f.write_str(
                "a message is being sent in fragments: its last one comes before anything else",
            ),
            Refused::ControlTooLong { bytes } => write!(
                f,
                "a ping, pong or close of {bytes} bytes is too long: 125 is the most, of which a \
                 close code takes 2"
            ),
            Refused::CloseCode(code) => write!(
                f,
                "a WebSocket cannot be closed with {code}: 1000 to 1003, 1007 to 1014 and 3000 to \
                 4999 can be sent"
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// What goes wrong with a WebSocket that was opened.
///
/// That it ended is not among these: [`receive`](super::WebSocket::receive) gives `None` then,
/// however it ended, and [`close_code`](super::WebSocket::close_code) says how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The peer broke the protocol, and was told so.
    Protocol(Fault),
    /// The peer did not answer the heartbeat's ping; the connection was given up.
    NoPong {
        /// How long it had.
        limit: Duration,
    },
    /// This cannot be sent.
    Refused(Refused),
    /// A message of the other kind came: text where bytes were wanted, or bytes for text.
    /// (`WSMessageTypeError`)
    WrongKind {
        /// What was wanted.
        wanted: &'static str,
    },
}

impl From<Refused> for WebSocketError {
    fn from(refused: Refused) -> Self {
        WebSocketError::Refused(refused)
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebSocketError::Protocol(fault) => write!(f, "the peer broke the protocol: {fault}"),
            WebSocketError::NoPong { limit } => {
                write!(f, "the peer did not answer a ping within {limit:?}")
            }
            WebSocketError::Refused(refused) => refused.fmt(f),
            WebSocketError::WrongKind { wanted } => {
                write!(f, "a {wanted} message was wanted, and one of the other kind came")
            }
        }
    }
}

impl std::error::Error for WebSocketError {}
