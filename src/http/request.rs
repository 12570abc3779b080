//! What a handler is given.

mod body_error;
mod charset;
mod conditions;
mod length;
mod place;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;

use http::{HeaderMap, Method, Version};

use super::app::Scope;
use super::content::{Content, Incoming};
use super::extensions::Extensions;
use super::h1::RequestHead;
use super::router::MatchInfo;
use super::{query, url};

pub use body_error::BodyError;
pub(crate) use charset::decode_text;
pub use conditions::IfRange;

/// A request, with what the router made of its path. (`aiohttp.web.Request`)
///
/// The handler gets it as soon as its head is there; the body comes while the handler runs, and is
/// received only as fast as it is read. Nothing is decoded or built before it is asked for.
pub struct Request {
    head: RequestHead,
    /// `None` only while it is being dropped.
    rest: Option<Box<Rest>>,
}

/// In a box, because a request goes through many hands on its way into a handler's future, and
/// every one of them would copy it. The box stays with the head's storage, for the next request.
#[derive(Default)]
struct Rest {
    match_info: MatchInfo,
    /// Where the body comes from; `None` if there is none.
    incoming: Option<Rc<Incoming>>,
    /// The whole body, once it was asked for.
    body: OnceCell<Vec<u8>>,
    extensions: Extensions,
    path: OnceCell<String>,
    remote: Option<SocketAddr>,
    /// It came through TLS.
    secure: bool,
    scope: Option<Rc<Scope>>,
}

impl Rest {
    /// Leaves nothing of this request to the next. Every field is named, so that none is forgotten;
    /// most were not used, and are only looked at.
    #[inline(never)]
    fn cleared(mut self: Box<Self>) -> Box<Self> {
        let Rest { match_info, incoming, body, extensions, path, remote, secure, scope } =
            &mut *self;
        match_info.clear();
        if incoming.is_some() {
            *incoming = None;
        }
        if body.get().is_some() {
            body.take();
        }
        if !extensions.is_empty() {
            *extensions = Extensions::new();
        }
        if path.get().is_some() {
            path.take();
        }
        *remote = None;
        *secure = false;
        if scope.is_some() {
            *scope = None;
        }
        self
    }
}

impl Drop for Request {
    #[inline]
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.head.leave(rest.cleared());
        }
    }
}

impl Request {
    /// A request without a body, unrouted. Servers make it; it is public for tests of handlers and
    /// for servers of one's own.
    pub fn new(mut head: RequestHead) -> Request {
        let rest = head.take_luggage().and_then(|left| left.downcast().ok());
        Request { head, rest: Some(rest.unwrap_or_default()) }
    }

    #[inline]
    fn rest(&self) -> &Rest {
        self.rest.as_ref().expect("it is there until drop")
    }

    #[inline]
    fn rest_mut(&mut self) -> &mut Rest {
        self.rest.as_mut().expect("it is there until drop")
    }

    /// Says where the request comes from.
    pub fn set_remote(&mut self, remote: SocketAddr) {
        self.rest_mut().remote = Some(remote);
    }

    /// Says what the router found.
    pub fn set_match_info(&mut self, match_info: MatchInfo) {
        self.rest_mut().match_info = match_info;
    }

    pub(super) fn match_info_mut(&mut self) -> &mut MatchInfo {
        &mut self.rest_mut().match_info
    }

    /// Says whose handlers or middlewares have it now.
    pub(super) fn set_scope(&mut self, scope: Option<Rc<Scope>>) {
        self.rest_mut().scope = scope;
    }

    /// What its application shares with its handlers.
    pub(super) fn scope(&self) -> Option<&Scope> {
        self.rest().scope.as_deref()
    }

    /// Gives it this body.
    pub fn set_body(&mut self, body: impl Into<Vec<u8>>) {
        self.set_incoming(Incoming::whole(body.into()));
    }

    pub(in crate::http) fn set_incoming(&mut self, incoming: Rc<Incoming>) {
        self.rest_mut().incoming = Some(incoming);
        self.rest_mut().body.take();
    }

    pub(in crate::http) fn incoming(&self) -> Option<&Rc<Incoming>> {
        self.rest().incoming.as_ref()
    }

    /// The method.
    pub fn method(&self) -> &Method {
        self.head.method()
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The path, percent-decoded, without the query.
    pub fn path(&self) -> &str {
        match url::decode(self.head.path()) {
            Cow::Borrowed(path) => path,
            Cow::Owned(path) => self.rest().path.get_or_init(|| path),
        }
    }

    /// Path and query as they were sent, or whatever else the target was.
    pub fn raw_path(&self) -> &str {
        self.head.target()
    }

    /// The query as it was sent, without its question mark; empty if there is none.
    pub fn raw_query_string(&self) -> &str {
        self.head.query()
    }

    /// The query made readable; empty if there is none. See [`query::readable`].
    pub fn query_string(&self) -> Cow<'_, str> {
        query::readable(self.raw_query_string())
    }

    /// The query's pairs, decoded, in order.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query::pairs(self.raw_query_string())
    }

    /// What the variables of the route's pattern stand for.
    pub fn match_info(&self) -> &MatchInfo {
        &self.rest().match_info
    }

    /// The header fields, as a map that is made at the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The value of the first header field of this name, in any letter case, if it is UTF-8. For a
    /// field or two this is cheaper than [`headers`](Request::headers).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.fields().get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The host the client wants: the target's if it names one (RFC 9112 §3.2.2), else `Host`'s.
    pub fn host(&self) -> &str {
        let target = self.head.target();
        match target.split_once("://").filter(|_| !target.starts_with('/')) {
            Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or_default(),
            None => self.header("host").unwrap_or_default(),
        }
    }

    /// Where the request comes from, if it came over a network.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.rest().remote
    }

    /// The head as it was received.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Whether it has a body, even an empty one in chunks. (`can_read_body`)
    pub fn has_body(&self) -> bool {
        self.rest().incoming.is_some()
    }

    /// Whether the client allows the connection to serve another request.
    pub fn keep_alive(&self) -> bool {
        self.head.keeps_alive()
    }

    /// The body, to be read piece by piece as it comes. [`read`](Request::read) gives whatever
    /// was not read so. (`request.content`)
    pub fn content(&self) -> Content {
        Content::new(self.rest().incoming.clone())
    }

    /// What middlewares have noted about this request. (`request[...]`)
    pub fn extensions(&self) -> &Extensions {
        &self.rest().extensions
    }

    /// The same, to be changed.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.rest_mut().extensions
    }

    /// The whole body; waits for it, and keeps it for the next call. A client that asked whether
    /// to send it (`Expect: 100-continue`) is told to.
    ///
    /// # Errors
    /// The body is larger than [`Limits::body_size`](super::Limits::body_size), or
    /// [never comes](Content::read_chunk).
    ///
    /// # Cancel safety
    /// Nothing is lost: what was received is kept for the next call.
    pub async fn read(&self) -> Result<&[u8], BodyError> {
        if let Some(body) = self.rest().body.get() {
            return Ok(body);
        }
        let Some(incoming) = &self.rest().incoming else { return Ok(&[]) };
        poll_fn(|context| incoming.poll_whole(context)).await?;
        Ok(self.rest().body.get_or_init(|| incoming.take()))
    }

    /// The whole body as text, in the character set that `Content-Type` names, UTF-8 if none.
    ///
    /// # Errors
    /// As [`read`](Request::read); or the character set is not known (UTF-8, US-ASCII and
    /// ISO-8859-1 are), or the body is not text in it.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was read is kept for the next call.
    pub async fn text(&self) -> Result<Cow<'_, str>, BodyError> {
        let body = self.read().await?;
        decode_text(body, self.header("content-type").unwrap_or_default())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Request {} {} >", self.method(), self.raw_path())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::super::h1::{Event, ServerConnection, Shared};
    use super::*;

    pub(super) fn request(line: &str, fields: &str) -> Request {
        let input = format!("{line} HTTP/1.1\r\nHost: example.org\r\n{fields}\r\n");
        match ServerConnection::new(&Shared::default()).receive(input.as_bytes()).unwrap() {
            (_, Event::Head(head)) => Request::new(head),
            (_, event) => panic!("{event:?}"),
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("a collected body is there at once"),
        }
    }

    #[test]
    fn the_path_is_decoded_and_the_raw_path_is_not() {
        let it = request("GET /a%20b/c?name=12301&x=%C3%A9", "");
        assert_eq!(it.path(), "/a b/c");
        assert_eq!(it.raw_path(), "/a%20b/c?name=12301&x=%C3%A9");
        assert_eq!(it.query_string(), "name=12301&x=\u{e9}");
        assert_eq!(it.query().next(), Some(("name".into(), "12301".into())));
        let bare = request("GET http://other", "");
        assert_eq!((bare.path(), &*bare.query_string()), ("/", ""));
    }

    #[test]
    fn the_host_is_the_targets_before_the_fields() {
        assert_eq!(request("GET /http://x/", "").host(), "example.org");
        assert_eq!(request("GET http://other:8/x", "").host(), "other:8");
    }

    #[test]
    fn a_body_is_read_as_often_as_one_likes_or_once_by_pieces() {
        let mut it = request("POST /", "");
        assert_eq!((it.has_body(), ready(it.read())), (false, Ok(&b""[..])));
        it.set_body("abc");
        assert_eq!(ready(it.read()).unwrap(), b"abc");
        assert_eq!(ready(it.text()).unwrap(), "abc");
        assert_eq!(ready(it.content().read_chunk()), Ok(None));
        it.set_body("de");
        assert_eq!(ready(it.content().read_chunk()), Ok(Some(b"de".to_vec())));
        assert_eq!(ready(it.read()).unwrap(), b"");
    }
}
