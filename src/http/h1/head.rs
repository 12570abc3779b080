//! Heads: what is known of the first line and the fields of a request or a response.

use std::any::Any;
use std::fmt;

use http::{HeaderMap, Method, StatusCode, Version};

use super::body::Framing;
use super::fields::{Fields, text};
#[cfg(any(test, fuzzing))]
use super::meaning::Meaning;
use super::shared::Kept;
use crate::http::Limits;

/// Whether a head is a request's or a response's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// A head of one kind.
pub(crate) trait Head {
    const KIND: Kind;
}

impl Head for RequestHead {
    const KIND: Kind = Kind::Request;
}

impl Head for ResponseHead {
    const KIND: Kind = Kind::Response;
}

/// The head of a request, as a server receives it.
#[derive(Clone)]
pub struct RequestHead(pub(super) Kept);

impl RequestHead {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The request target exactly as sent: `/path?query`, `http://host/path`, `host:port` or `*`.
    pub fn target(&self) -> &str {
        text(&self.0.text)
    }

    /// The target's path, still percent-encoded: `/` where an absolute-form target has none
    /// (RFC 9112 §3.2.2), and `*` or `host:port` where the target is that.
    pub fn path(&self) -> &str {
        match text(self.0.path.slice(&self.0.text)) {
            "" => "/",
            path => path,
        }
    }

    /// The same before anybody has made text of it.
    #[inline]
    pub(in crate::http) fn path_bytes(&self) -> &[u8] {
        match self.0.path.slice(&self.0.text) {
            b"" => b"/",
            path => path,
        }
    }

    /// The target's query, still percent-encoded, without its question mark; empty if there is
    /// none.
    pub fn query(&self) -> &str {
        text(self.0.query.slice(&self.0.text))
    }

    /// HTTP/1.0 or HTTP/1.1, which a higher minor version counts as (RFC 9110 §6.2).
    pub fn version(&self) -> Version {
        self.0.meaning.version()
    }

    /// The header fields.
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// The header fields as a map, made at the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.0.fields.map()
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.0.meaning.framing(Kind::Request)
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.0.meaning.expects_continue && self.framing() != Framing::Length(0)
    }

    /// Whether the client allows the connection to serve another request.
    pub fn keeps_alive(&self) -> bool {
        self.0.meaning.keeps_alive()
    }

    /// The limits within which it was received.
    pub(in crate::http) fn limits(&self) -> &Limits {
        self.0.limits()
    }

    /// What the last one who had such a head left for this one.
    #[inline]
    pub(in crate::http) fn take_luggage(&mut self) -> Option<Box<dyn Any>> {
        self.0.luggage.0.take()
    }

    /// Ends here, and leaves that for the next one. Nothing can be asked of it any more.
    #[inline(always)]
    pub(in crate::http) fn leave(&mut self, luggage: Box<dyn Any>) {
        self.0.leave(luggage);
    }

    /// Whether the client asks to change the protocol (`Connection: upgrade`).
    pub fn wants_upgrade(&self) -> bool {
        self.0.meaning.wants_upgrade()
    }
}

#[cfg(any(test, fuzzing))]
impl RequestHead {
    /// What the fields say, for comparison.
    pub(crate) fn meaning(&self) -> &Meaning {
        &self.0.meaning
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method(), self.target(), self.version(), self.fields())
    }
}

/// The head of a response, as a client receives it.
pub struct ResponseHead(pub(super) Kept);

impl ResponseHead {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The reason phrase as sent; empty if there was none or it was not ASCII.
    pub fn reason(&self) -> &str {
        text(&self.0.text)
    }

    /// HTTP/1.0 or HTTP/1.1, which a higher minor version counts as (RFC 9110 §6.2).
    pub fn version(&self) -> Version {
        self.0.meaning.version()
    }

    /// The header fields.
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// The header fields as a map, made at the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.0.fields.map()
    }

    /// How the body is delimited, if the request was `method` (RFC 9112 §6.3, rules 1 and 2).
    pub fn framing(&self, method: &Method) -> Framing {
        let status = self.status();
        let none = *method == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::CONNECT && status.is_success();
        if none { Framing::Length(0) } else { self.0.meaning.framing(Kind::Response) }
    }

    /// Whether the server allows the connection to serve another request.
    pub fn keeps_alive(&self) -> bool {
        self.0.meaning.keeps_alive()
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?}", self.version(), self.status(), self.fields())
    }
}
