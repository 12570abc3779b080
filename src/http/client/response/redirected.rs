//! What led elsewhere.

use std::fmt;

use http::{HeaderMap, Method, StatusCode};

use crate::http::h1::ResponseHead;
use crate::http::url::Url;

/// A response that led elsewhere: [`ClientResponse::history`](super::ClientResponse::history).
pub struct Redirected {
    head: ResponseHead,
    url: Url,
    method: Method,
}

impl Redirected {
    pub(in crate::http::client) fn new(head: ResponseHead, url: Url, method: Method) -> Redirected {
        Redirected { head, url, method }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The URL that was asked for.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.method
    }
}

/// As in `<Redirected(http://h/) [302 Found]>`.
impl fmt::Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Redirected({}) [{}]>", self.url, self.status())
    }
}
