//! A request in the making.

use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::auth::basic;
use super::body::{Body, BodySender};
use super::error::ClientError;
use super::exchange::Exchange;
use super::proxy::Proxy;
use super::response::ClientResponse;
use super::session::Session;
use super::slots::Boxed;
use super::timing::{ClientTimeout, Limit, Phase, Progress, TimeoutKind, within};
use crate::http::cookie::Cookie;
use crate::http::h1::Length;
use crate::http::query::encode_pairs;
use crate::http::url::{Url, is_absolute};

/// The codings a server may use for a body.
#[cfg(feature = "compression")]
const CODINGS: Option<&str> = Some("gzip, deflate");
#[cfg(not(feature = "compression"))]
const CODINGS: Option<&str> = None;

/// What can be taken for a URL: a text (a `String` by reference) or a [`Url`].
pub trait IntoUrl {
    /// It, not looked at yet.
    fn into_url(self) -> GivenUrl;
}

/// A URL as it was given: [`IntoUrl`].
pub struct GivenUrl(Given);

enum Given {
    Text(String),
    Url(Url),
}

impl GivenUrl {
    /// The URL, relative to `base` if it is not absolute.
    pub(super) fn resolve(self, base: Option<&Url>) -> Result<Url, ClientError> {
        Ok(match (self.0, base) {
            (Given::Url(url), _) => url,
            (Given::Text(text), Some(base)) if !is_absolute(&text) => base.join(&text)?,
            (Given::Text(text), _) => text.parse()?,
        })
    }
}

macro_rules! into_url {
    ($($type:ty, $given:ident, $own:ident;)*) => {
        $(impl IntoUrl for $type {
            fn into_url(self) -> GivenUrl {
                GivenUrl(Given::$given(self.$own()))
            }
        })*
    };
}

into_url! {
    &str, Text, to_owned;
    &String, Text, to_owned;
    &Url, Url, to_owned;
    Url, Url, into;
}

/// A header field, or why it cannot be one.
pub(super) fn field(
    name: impl TryInto<HeaderName>,
    value: impl TryInto<HeaderValue>,
) -> Result<(HeaderName, HeaderValue), ClientError> {
    let name = name.try_into().map_err(|_| {
        ClientError::invalid("a header field's name is not a token: letters, digits and -")
    })?;
    let value = value.try_into().map_err(|_| {
        let what = format!("the value of the header field {name} contains a control character");
        ClientError::InvalidRequest(what)
    })?;
    Ok((name, value))
}

/// A request in the making: add to it, then await it. [`ClientSession::get`] and its kin give it.
///
/// [`ClientSession::get`]: super::ClientSession::get
#[must_use = "the request is sent when this is awaited"]
pub struct ClientRequest {
    pub(super) session: Rc<Session>,
    pub(super) method: Method,
    url: Option<Url>,
    headers: HeaderMap,
    skipped: Vec<HeaderName>,
    /// What the body is, unless a header says otherwise.
    content_type: Option<&'static str>,
    pub(super) body: Body,
    /// Another way to send it than its length says.
    pub(super) length: Option<Length>,
    pub(super) expects: bool,
    pub(super) timeout: ClientTimeout,
    pub(super) max_redirects: usize,
    raise_for_status: bool,
    pub(super) proxy: Option<Rc<Proxy>>,
    fault: Option<ClientError>,
}

impl ClientRequest {
    pub(super) fn new(
        session: Rc<Session>,
        method: Result<Method, ClientError>,
        url: GivenUrl,
    ) -> ClientRequest {
        let defaults = &session.defaults;
        let url = url.resolve(defaults.base_url.as_ref());
        let mut request = ClientRequest {
            method: Method::GET,
            url: None,
            headers: HeaderMap::new(),
            skipped: Vec::new(),
            content_type: None,
            body: Body::empty(),
            length: None,
            expects: false,
            timeout: defaults.timeout,
            max_redirects: defaults.max_redirects,
            raise_for_status: defaults.raise_for_status,
            proxy: defaults.proxy.clone(),
            fault: None,
            session,
        };
        match method {
            Ok(method) => request.method = method,
            Err(error) => request.fail(error),
        }
        match url {
            Ok(url) => request.url = Some(url),
            Err(error) => request.fail(error),
        }
        request
    }

    /// Notes what cannot be; the first fault is the one that is told.
    fn fail(&mut self, error: ClientError) {
        self.fault.get_or_insert(error);
    }

    fn set(&mut self, name: HeaderName, value: Result<HeaderValue, ClientError>) {
        match value {
            Ok(value) => drop(self.headers.insert(name, value)),
            Err(error) => self.fail(error),
        }
    }

    /// With this header field, in the place of one of that name.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match field(name, value) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// With this header field, besides those of that name.
    pub fn append_header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match field(name, value) {
            Ok((name, value)) => drop(self.headers.append(name, value)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// With all of these header fields, each name in the place of what it had.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        for name in headers.keys() {
            self.headers.remove(name);
        }
        for (name, value) in &headers {
            self.headers.append(name, value.clone());
        }
        self
    }

    /// Without this header field, where it would be sent by itself: `Accept`, `Accept-Encoding`,
    /// `User-Agent`, `Content-Type`, or one of the session's. (`skip_auto_headers`)
    pub fn skip_header(mut self, name: impl TryInto<HeaderName>) -> Self {
        match field(name, HeaderValue::from_static("")) {
            Ok((name, _)) => self.skipped.push(name),
            Err(error) => self.fail(error),
        }
        self
    }

    /// With this cookie, besides those of the session's jar.
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        let cookie = Cookie::new(name.to_owned(), value.to_owned());
        if let Err(what) = cookie.check() {
            self.fail(ClientError::invalid(what));
            return self;
        }
        let before = self.headers.get(COOKIE).map_or(&[][..], HeaderValue::as_bytes);
        let separator = if before.is_empty() { "" } else { "; " };
        let pair = format!("{separator}{name}={value}");
        match HeaderValue::from_bytes(&[before, pair.as_bytes()].concat()) {
            Ok(cookies) => drop(self.headers.insert(COOKIE, cookies)),
            Err(_) => self.fail(ClientError::invalid("the cookie has a control character")),
        }
        self
    }

    /// With these pairs behind the URL's query, encoded. (`params=`)
    ///
    /// ```
    /// # let session = evloop::ClientSession::new();
    /// let request = session.get("http://h/search").query(&[("q", "a b")]).query(&[("page", 2)]);
    /// ```
    pub fn query<K: AsRef<str>, V: ToString>(mut self, pairs: &[(K, V)]) -> Self {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_ref(), v.to_string())).collect();
        let pairs = pairs.iter().map(|(name, value)| (*name, &value[..]));
        self.url = self.url.map(|url| url.with_query(pairs));
        self
    }

    /// As this user: `Authorization: Basic …` (RFC 7617). It is sent in the clear, as base64.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.set(AUTHORIZATION, basic(user, password));
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(Rc::new(body.into()));
        self
    }

    /// With this text as its body, as `text/plain; charset=utf-8`.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content_type = Some("text/plain; charset=utf-8");
        self.body(text.into())
    }

    /// With these pairs as its body, as `application/x-www-form-urlencoded`. (`data=` of a dict)
    pub fn form<K: AsRef<str>, V: ToString>(mut self, pairs: &[(K, V)]) -> Self {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_ref(), v.to_string())).collect();
        self.content_type = Some("application/x-www-form-urlencoded");
        self.body(encode_pairs(pairs.iter().map(|(name, value)| (*name, &value[..]))))
    }

    /// With this value as its body, as `application/json`. (`json=`)
    #[cfg(feature = "json")]
    pub fn json(mut self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        self.content_type = Some("application/json");
        match serde_json::to_vec(value) {
            Ok(json) => self.body(json),
            Err(error) => {
                self.fail(ClientError::InvalidRequest(format!("its body is no JSON: {error}")));
                self
            }
        }
    }

    /// With every byte of this file as its body. It is read on a thread, as it is sent.
    pub fn file(mut self, file: std::fs::File) -> Self {
        match Body::file(file) {
            Ok(body) => self.body = body,
            Err(error) => self.fail(ClientError::Source(error)),
        }
        self
    }

    /// With a body that `source` sends piece by piece, in chunks unless
    /// [`content_length`](ClientRequest::content_length) says how long it will be. (an async
    /// generator as `data=`)
    ///
    /// ```no_run
    /// # async fn example(session: evloop::ClientSession) -> Result<(), evloop::http::ClientError> {
    /// let sent = session.post("http://h/upload").stream(|mut body| async move {
    ///     for line in ["one\n", "two\n"] {
    ///         body.write(line.as_bytes()).await?;
    ///     }
    ///     Ok(())
    /// });
    /// println!("{}", sent.await?.status());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It is polled by whoever awaits the request, and then the response's body: what is answered
    /// is received while it is sent, and it is dropped when the answer is complete. A redirect
    /// that asks for it again is an error, for it is gone.
    pub fn stream<F>(mut self, source: impl FnOnce(BodySender) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        self.body = Body::stream(source);
        self
    }

    /// How long the streamed body will be, in bytes.
    pub fn content_length(mut self, length: u64) -> Self {
        self.length = Some(Length::Known(length));
        self
    }

    /// In chunks, however the body is given.
    pub fn chunked(mut self) -> Self {
        self.length = Some(Length::Unknown);
        self
    }

    /// Sends the body only when the server says `100 Continue` (RFC 9110 §10.1.1), or says nothing
    /// for a second.
    pub fn expect100(mut self) -> Self {
        self.expects = true;
        self
    }

    /// How long it may take.
    pub fn timeout(mut self, timeout: ClientTimeout) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many redirects are followed; 0: none is.
    pub fn max_redirects(mut self, most: usize) -> Self {
        self.max_redirects = most;
        self
    }

    /// Whether redirects are followed.
    pub fn allow_redirects(self, allow: bool) -> Self {
        let most = if allow { self.session.defaults.max_redirects } else { 0 };
        self.max_redirects(most)
    }

    /// Whether a status of 400 or above is an error.
    pub fn raise_for_status(mut self, raise: bool) -> Self {
        self.raise_for_status = raise;
        self
    }

    /// Through this proxy: [`ClientSessionBuilder::proxy`](super::ClientSessionBuilder::proxy).
    pub fn proxy(mut self, url: &str) -> Self {
        match Proxy::at(url) {
            Ok(proxy) => self.proxy = Some(Rc::new(proxy)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sends it, follows redirects, and waits for the head of the response. Awaiting the request
    /// is the same.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the connection is closed, or the place in the line given up. Whether
    /// the server has acted nobody knows.
    pub async fn send(mut self) -> Result<ClientResponse, ClientError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.timeout.check()?;
        let progress = Progress::new(Phase::Slot);
        let total = Limit::begin(TimeoutKind::Total, self.timeout.total);
        let raises = self.raise_for_status;
        let (url, headers) = (self.url.take(), self.fields());
        let url = url.ok_or_else(|| ClientError::invalid("it has no URL"))?;
        let exchange = Exchange::new(self, url, headers);
        let response = within(total, &progress, exchange.follow(&progress, total)).await?;
        if raises { response.error_for_status() } else { Ok(response) }
    }

    /// What goes out: those that a request has by itself first, then the session's, then its own.
    fn fields(&mut self) -> HeaderMap {
        let session = &self.session.defaults;
        let mut fields = HeaderMap::new();
        let codings = CODINGS.filter(|_| session.decompresses);
        let automatic = [
            (ACCEPT, Some("*/*")),
            (ACCEPT_ENCODING, codings),
            (USER_AGENT, Some(concat!("evloop/", env!("CARGO_PKG_VERSION")))),
            (CONTENT_TYPE, self.content_type),
        ];
        for (name, value) in automatic {
            if let Some(value) = value {
                fields.insert(name, HeaderValue::from_static(value));
            }
        }
        for (name, value) in &session.headers {
            fields.insert(name, value.clone());
        }
        for name in &self.skipped {
            fields.remove(name);
        }
        for name in self.headers.keys() {
            fields.remove(name);
        }
        for (name, value) in &self.headers {
            fields.append(name, value.clone());
        }
        fields
    }
}

impl IntoFuture for ClientRequest {
    type Output = Result<ClientResponse, ClientError>;
    type IntoFuture = Boxed<Result<ClientResponse, ClientError>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// As in `<ClientRequest GET http://h/>`.
impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientRequest {}", self.method)?;
        match &self.url {
            Some(url) => write!(f, " {url}>"),
            None => f.write_str(">"),
        }
    }
}
