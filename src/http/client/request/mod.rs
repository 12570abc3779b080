//! A request in the making.

mod around;
mod body;
mod given;
mod send;

use std::fmt;
use std::rc::Rc;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::auth::basic;
use super::body::Body;
use super::error::ClientError;
use super::middleware::Chain;
use super::proxy::Proxy;
use super::session::Session;
use super::timing::ClientTimeout;
use crate::http::Extensions;
use crate::http::cookie::Cookie;
use crate::http::h1::Length;
use crate::http::url::Url;

pub use given::{GivenUrl, IntoUrl};

/// A header field, or why it cannot be one.
pub(in crate::http::client) fn field(
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
    pub(in crate::http::client) session: Rc<Session>,
    pub(in crate::http::client) method: Method,
    url: Option<Url>,
    headers: HeaderMap,
    skipped: Vec<HeaderName>,
    /// What the body is, unless a header says otherwise.
    content_type: Option<HeaderValue>,
    pub(in crate::http::client) body: Body,
    /// Another way to send it than its length says.
    pub(in crate::http::client) length: Option<Length>,
    pub(in crate::http::client) expects: bool,
    pub(in crate::http::client) timeout: ClientTimeout,
    pub(in crate::http::client) max_redirects: usize,
    raise_for_status: bool,
    pub(in crate::http::client) proxy: Option<Rc<Proxy>>,
    pub(in crate::http::client) proxy_headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::http::client) server_name: Option<Rc<str>>,
    pub(in crate::http::client) middlewares: Chain,
    extensions: Extensions,
    fault: Option<ClientError>,
}

impl ClientRequest {
    pub(in crate::http::client) fn new(
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
            proxy_headers: Vec::new(),
            server_name: None,
            middlewares: defaults.middlewares.clone(),
            extensions: Extensions::new(),
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

    /// With this header field for the proxy, if there is one: with the request that it is asked for
    /// whole, or with the request for a tunnel, of which the server sees nothing.
    /// (`proxy_headers=`)
    pub fn proxy_header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match field(name, value) {
            Ok(field) => self.proxy_headers.push(field),
            Err(error) => self.fail(error),
        }
        self
    }

    /// The name that the https server's certificate must have, and that the server is asked for by
    /// TLS, where it is not the URL's. It counts for the request's own origin.
    /// (`server_hostname=`)
    #[cfg(feature = "tls")]
    pub fn server_hostname(mut self, name: &str) -> Self {
        self.server_name = Some(name.into());
        self
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
