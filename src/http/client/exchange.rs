//! A request under way: a connection for it, one retry, redirects.

use std::rc::Rc;

use http::header::{AUTHORIZATION, CONNECTION, EXPECT, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::auth::basic;
use super::body::Body;
use super::connection::Connection;
use super::connector::To;
use super::error::ClientError;
use super::open::Route;
use super::proxy::Proxy;
use super::redirect;
use super::request::ClientRequest;
use super::response::{ClientResponse, Received, Redirected};
use super::session::Session;
use super::slots::Held;
use super::timing::{ClientTimeout, Limit, Phase, Progress, TimeoutKind, within};
use crate::http::h1::{Length, OutgoingRequest, ResponseHead};
use crate::http::url::Url;

/// A request, as it is now: a redirect changes it.
pub(super) struct Exchange {
    session: Rc<Session>,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    length: Option<Length>,
    expects: bool,
    proxy: Option<Rc<Proxy>>,
    timeout: ClientTimeout,
    max_redirects: usize,
    history: Vec<Redirected>,
}

/// What a connection came to.
struct Opened {
    held: Held,
    /// It has served another request before, and may have been closed since.
    used: bool,
}

impl Exchange {
    pub(super) fn new(request: ClientRequest, url: Url, headers: HeaderMap) -> Exchange {
        Exchange {
            method: request.method,
            url,
            headers,
            expects: request.expects && !request.body.is_empty(),
            body: request.body,
            length: request.length,
            proxy: request.proxy,
            timeout: request.timeout,
            max_redirects: request.max_redirects,
            history: Vec::new(),
            session: request.session,
        }
    }

    /// The final response's head, whatever redirects come before it.
    pub(super) async fn follow(
        mut self,
        progress: &Progress,
        total: Option<Limit>,
    ) -> Result<ClientResponse, ClientError> {
        loop {
            self.authorize_by_url()?;
            let (head, held) = self.ask(progress).await?;
            self.session.take_cookies(&head, &self.url);
            let next = match self.max_redirects {
                0 => None,
                _ => redirect::next(&head, &self.method, &self.url)?,
            };
            match next {
                Some(next) => self.go(head, held, next)?,
                None => return Ok(self.response(head, held, total)),
            }
        }
    }

    /// A user and a password in the URL go into a field, unless there is one.
    fn authorize_by_url(&mut self) -> Result<(), ClientError> {
        if let Some((user, password)) = self.url.credentials() {
            if !self.headers.contains_key(AUTHORIZATION) {
                self.headers.insert(AUTHORIZATION, basic(user, password)?);
            }
        }
        Ok(())
    }

    /// Becomes the request that a redirect asks for.
    fn go(
        &mut self,
        head: ResponseHead,
        held: Held,
        next: redirect::Next,
    ) -> Result<(), ClientError> {
        if self.history.len() >= self.max_redirects {
            let limit = self.max_redirects;
            return Err(ClientError::TooManyRedirects { limit, url: next.url });
        }
        if next.keeps_body && !self.body.is_there() {
            return Err(ClientError::InvalidRequest(format!(
                "{} redirects with {}, which asks for the body again, and a streamed body can be \
                 sent once only; give it as bytes or a file, or allow no redirects",
                self.url,
                head.status().as_u16(),
            )));
        }
        held.release_if_over();
        if !next.keeps_body {
            self.body = Body::empty();
            self.length = None;
            self.expects = false;
        }
        next.strip(&mut self.headers);
        let url = std::mem::replace(&mut self.url, next.url);
        let method = std::mem::replace(&mut self.method, next.method);
        self.history.push(Redirected::new(head, url.without_credentials(), method));
        Ok(())
    }

    fn response(self, head: ResponseHead, held: Held, total: Option<Limit>) -> ClientResponse {
        ClientResponse::new(Received {
            head,
            url: self.url.without_credentials(),
            method: self.method,
            history: self.history,
            session: self.session,
            held,
            total,
            sock_read: self.timeout.sock_read,
        })
    }

    /// Sends the request and receives the head of its answer. On a connection that was used
    /// before, the server may just have closed it as idle: then what may be done twice (RFC 9110
    /// §9.2.2) is tried once more, on a new one.
    async fn ask(&mut self, progress: &Progress) -> Result<(ResponseHead, Held), ClientError> {
        let route = Route::new(&self.url, self.proxy()?);
        let mut anew = false;
        loop {
            let limit = Limit::begin(TimeoutKind::Connect, self.timeout.connect);
            let opening = self.connection(&route, anew, progress);
            let Opened { mut held, used } = within(limit, progress, opening).await?;
            progress.is_at(Phase::Response);
            match self.converse(&route, &mut held.connection, progress).await {
                // RFC 9110 §15.5.18: without the expectation it may do.
                Ok(head) if self.expects && is_expectation_failed(&head) => self.expects = false,
                Ok(head) => return Ok((head, held)),
                Err(error) => {
                    let again = used && !anew && self.method.is_idempotent();
                    if !again || !error.is_before_any_answer() || !self.body.is_there() {
                        return Err(error);
                    }
                    anew = true;
                }
            }
        }
    }

    fn proxy(&self) -> Result<Option<Rc<Proxy>>, ClientError> {
        match (&self.session.connector.to, &self.proxy) {
            (To::Unix(_), _) => Ok(None),
            (To::Host, Some(proxy)) => Ok(Some(proxy.clone())),
            (To::Host, None) => {
                let proxy = self.session.defaults.environment.proxy_for(&self.url)?;
                Ok(proxy.map(Rc::new))
            }
        }
    }

    /// A connection with its slot: one that is idle, unless it is to be a new one.
    async fn connection(
        &self,
        route: &Route,
        anew: bool,
        progress: &Progress,
    ) -> Result<Opened, ClientError> {
        progress.is_at(Phase::Slot);
        let (slot, kept) = self.session.slot(route).await;
        if !anew {
            let alive = kept.and_then(|mut it| it.is_reusable().then_some(it));
            if let Some(connection) = alive.or_else(|| slot.another()) {
                return Ok(Opened { held: Held::new(slot, connection), used: true });
            }
        }
        let connection = Connection::open(&self.session, route, &self.timeout, progress).await?;
        Ok(Opened { held: Held::new(slot, connection), used: false })
    }

    /// One request and the head of its answer, on this connection.
    async fn converse(
        &mut self,
        route: &Route,
        connection: &mut Connection,
        progress: &Progress,
    ) -> Result<ResponseHead, ClientError> {
        let headers = self.fields(route);
        let whole = format!("http://{}{}", self.url.authority(), self.url.target());
        let head = OutgoingRequest {
            method: &self.method,
            target: if route.plain_proxy().is_some() { &whole } else { self.url.target() },
            host: &self.url.authority(),
            headers: &headers,
        };
        let length = self.length.unwrap_or(self.body.length());
        connection.send(&head, length, self.body.start()?, self.expects)?;
        connection.head(self.timeout.sock_read, progress).await
    }

    /// The header fields of this request on this route.
    fn fields(&self, route: &Route) -> HeaderMap {
        let mut headers = self.headers.clone();
        if self.method != Method::TRACE {
            self.session.add_cookies(&mut headers, &self.url);
        }
        if let Some(Proxy { authorization: Some(value), .. }) = route.plain_proxy() {
            headers.insert(PROXY_AUTHORIZATION, value.clone());
        }
        if self.session.connector.force_close && !headers.contains_key(CONNECTION) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.expects {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        headers
    }
}

fn is_expectation_failed(head: &ResponseHead) -> bool {
    head.status() == StatusCode::EXPECTATION_FAILED
}
