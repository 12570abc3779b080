//! One request to one server: what middlewares see and change.

use std::fmt;
use std::rc::Rc;

use http::header::{AUTHORIZATION, COOKIE, Entry, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method};

use super::body::Body;
use super::redirect::Next;
use crate::http::Extensions;
use crate::http::h1::Length;
use crate::http::url::Url;

/// One request to one server. A redirect makes another of it, so that a
/// [`ClientRequest`](super::ClientRequest) has one hop or several.
///
/// Clones are cheap, and share the body.
#[derive(Clone)]
pub struct ClientHop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Another way to send the body than its length says.
    pub(super) length: Option<Length>,
    pub(super) expects: bool,
    pub(super) number: usize,
    pub(super) is_away: bool,
    pub(super) extensions: Rc<Extensions>,
}

impl ClientHop {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Has it go elsewhere. To another origin its header fields go along: take out what is not
    /// meant for that.
    pub fn set_url(&mut self, url: Url) {
        self.url = url;
    }

    /// The header fields; those that the connection needs (`Host`, lengths) and the jar's cookies
    /// come later.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The same, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Its body, if that is bytes: what is to be signed, for example.
    pub fn body(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// With this body instead.
    pub fn set_body(&mut self, body: impl Into<Vec<u8>>) {
        self.body = Body::Bytes(Rc::new(body.into()));
        self.length = None;
    }

    /// Whether its body can be sent (again): a [stream](super::ClientRequest::stream) that was begun
    /// cannot.
    pub fn is_repeatable(&self) -> bool {
        self.body.is_there()
    }

    /// How many redirects led here.
    pub fn redirects(&self) -> usize {
        self.number
    }

    /// Whether a redirect has led to another origin than the request was made for. What is secret
    /// between the caller and that origin is none of this server's business.
    pub fn is_away(&self) -> bool {
        self.is_away
    }

    /// What the caller has given for whoever looks at the request:
    /// [`ClientRequest::extension`](super::ClientRequest::extension).
    pub fn extension<T: 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }

    /// Becomes the request that a redirect asks for.
    pub(super) fn go(&mut self, next: Next) {
        if !next.keeps_body {
            self.body = Body::empty();
            self.length = None;
            self.expects = false;
        }
        next.strip(&mut self.headers);
        self.is_away |= !next.same_origin;
        self.number += 1;
        self.url = next.url;
        self.method = next.method;
    }
}

/// As in `<ClientHop GET http://h/>`.
impl fmt::Debug for ClientHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientHop {} {}>", self.method, self.url)
    }
}

/// Has `Debug` keep the values of the fields that are secrets to itself.
pub(super) fn hide_secrets(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        if let Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}
