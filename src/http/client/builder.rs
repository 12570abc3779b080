//! A session in the making.

use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::ClientSession;
use super::connector::Connector;
use super::error::ClientError;
use super::middleware::{Chain, ClientMiddleware};
use super::netrc::Netrc;
use super::proxy::{Environment, Proxy};
use super::request::{IntoUrl, field};
use super::session::{Defaults, Session};
use super::timing::ClientTimeout;
use super::trace::{Hook, TraceEvent, TraceRequest};
use crate::http::cookie_jar::CookieJar;
use crate::http::h1::Shared;
use crate::http::limits::Limits;
use crate::http::url::Url;

/// Redirects that are followed if nothing else is said, as in aiohttp.
const MAX_REDIRECTS: usize = 10;

/// Bytes of a body that is collected if nothing else is said: a client asked for it, unlike a
/// server.
const BODY_SIZE: u64 = 64 << 20;

/// A session in the making: [`ClientSession::builder`] gives it.
#[must_use = "a session is made by build()"]
pub struct ClientSessionBuilder {
    defaults: Defaults,
    connector: Connector,
    limits: Limits,
    jar: Option<CookieJar>,
    fault: Option<ClientError>,
}

impl ClientSessionBuilder {
    pub(super) fn new() -> ClientSessionBuilder {
        ClientSessionBuilder {
            defaults: Defaults {
                base_url: None,
                headers: HeaderMap::new(),
                skipped: Vec::new(),
                timeout: ClientTimeout::default(),
                max_redirects: MAX_REDIRECTS,
                raise_for_status: false,
                decompresses: true,
                proxy: None,
                environment: Environment::default(),
                middlewares: Chain::default(),
                traces: Vec::new(),
            },
            connector: Connector::default(),
            limits: Limits { body_size: BODY_SIZE, ..Limits::default() },
            jar: Some(CookieJar::new()),
            fault: None,
        }
    }

    /// The cookies it begins with; `None`: it keeps none. (`cookie_jar`, `DummyCookieJar`)
    ///
    /// Default an empty jar.
    pub fn cookie_jar(mut self, jar: impl Into<Option<CookieJar>>) -> Self {
        self.jar = jar.into();
        self
    }

    /// Notes what cannot be; the first fault is the one that is told.
    fn fail(&mut self, error: ClientError) {
        self.fault.get_or_insert(error);
    }

    /// What URLs without a scheme are relative to.
    pub fn base_url(mut self, url: impl IntoUrl) -> Self {
        let url: Result<Url, _> = url.into_url().resolve(None);
        match url {
            Ok(url) => self.defaults.base_url = Some(url),
            Err(error) => self.fail(error),
        }
        self
    }

    /// A header field of every request, in the place of one of that name, unless a request has its
    /// own.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match field(name, value) {
            Ok((name, value)) => drop(self.defaults.headers.insert(name, value)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// No request has this header field by itself: `Accept`, `Accept-Encoding`, `User-Agent`,
    /// `Content-Type`. (`skip_auto_headers`)
    pub fn skip_header(mut self, name: impl TryInto<HeaderName>) -> Self {
        match field(name, HeaderValue::from_static("")) {
            Ok((name, _)) => self.defaults.skipped.push(name),
            Err(error) => self.fail(error),
        }
        self
    }

    /// How long each request may take.
    pub fn timeout(mut self, timeout: ClientTimeout) -> Self {
        self.defaults.timeout = timeout;
        self
    }

    /// How connections are made and kept.
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// What a server may make us hold. If nothing is said, a body that is collected may have
    /// 64 MiB, and every other limit is [`Limits`]' own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many redirects are followed; 0: none is.
    ///
    /// Default 10, as in aiohttp.
    pub fn max_redirects(mut self, most: usize) -> Self {
        self.defaults.max_redirects = most;
        self
    }

    /// Whether a status of 400 or above is an error.
    pub fn raise_for_status(mut self, raise: bool) -> Self {
        self.defaults.raise_for_status = raise;
        self
    }

    /// Whether compressed bodies are asked for and decompressed, where the feature `compression`
    /// is built in. (`auto_decompress`)
    ///
    /// Default true.
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.defaults.decompresses = decompress;
        self
    }

    /// The proxy of every request: `http://[user:password@]host[:port]`. An http URL is asked of
    /// it whole; for an https URL it makes a tunnel.
    pub fn proxy(mut self, url: &str) -> Self {
        match Proxy::at(url) {
            Ok(proxy) => self.defaults.proxy = Some(Rc::new(proxy)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Whether the environment may name proxies and passwords, as they are now.
    ///
    /// The proxies are `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`; a
    /// [`proxy`](ClientSessionBuilder::proxy) goes before. The passwords stand in the file that
    /// `NETRC` names, else in `.netrc` at home, and go out as basic authentication where a request
    /// has no `Authorization` and its URL no password; not to where a redirect leads away from the
    /// request's origin, be that in the file too.
    ///
    /// Default false, as in aiohttp. A file that `NETRC` names must be there, and each must be
    /// well-formed, or the session is not built; aiohttp logs it and goes on.
    pub fn trust_env(mut self, trust: bool) -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|_| trust);
        self.defaults.environment = Environment::of(get);
        match Netrc::of(get) {
            Ok(netrc) => self.defaults.environment.netrc = netrc,
            Err(what) => self.fail(ClientError::InvalidRequest(what)),
        }
        self
    }

    /// Has this stand around each request to a server, further in than those that were added before.
    /// (`middlewares=`)
    pub fn middleware(mut self, middleware: impl ClientMiddleware + 'static) -> Self {
        self.defaults.middlewares = self.defaults.middlewares.with(middleware);
        self
    }

    /// Has `begin` told of each request as it begins, and what that gives of each stage it comes to.
    /// What a hook is to remember it keeps by itself. Hooks are called in between and must not wait;
    /// a session without costs a look a stage. (`trace_configs=`, `TraceConfig`)
    ///
    /// ```
    /// use evloop::http::{ClientSession, TraceEvent, TraceRequest};
    ///
    /// let session = ClientSession::builder()
    ///     .trace(|request: &TraceRequest<'_>| {
    ///         let (begun, url) = (std::time::Instant::now(), request.url().clone());
    ///         move |event: &TraceEvent<'_>| println!("{url} {:?} {event:?}", begun.elapsed())
    ///     })
    ///     .build()?;
    /// # Ok::<(), evloop::http::ClientError>(())
    /// ```
    pub fn trace<H>(mut self, begin: impl Fn(&TraceRequest<'_>) -> H + 'static) -> Self
    where
        H: FnMut(&TraceEvent<'_>) + 'static,
    {
        self.defaults.traces.push(Rc::new(move |request| Box::new(begin(request)) as Hook));
        self
    }

    /// The session.
    ///
    /// # Errors
    ///
    /// What was said first that cannot be: a header, a base URL, a proxy, a timeout of zero.
    pub fn build(mut self) -> Result<ClientSession, ClientError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.defaults.timeout.check()?;
        Ok(ClientSession(Rc::new(self.session())))
    }

    pub(super) fn session(self) -> Session {
        Session::new(self.defaults, self.connector, Shared::new(self.limits), self.jar)
    }
}
