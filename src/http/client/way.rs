//! The way of one hop: a connection for it, its head and its body, one retry.

use std::rc::Rc;

use http::header::{CONNECTION, EXPECT, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::connection::Connection;
use super::connector::To;
use super::error::ClientError;
use super::hop::{ClientHop, hide_secrets};
use super::open::Route;
use super::proxy::Proxy;
use super::response::{ClientResponse, Received};
use super::session::Session;
use super::slots::Held;
use super::timing::{ClientTimeout, Limit, Phase, Progress, TimeoutKind, within};
use super::trace::TraceEvent;
use crate::http::h1::{OutgoingRequest, ResponseHead};

/// What the hops of a request have in common.
pub(super) struct Way {
    pub(super) session: Rc<Session>,
    pub(super) proxy: Option<Rc<Proxy>>,
    pub(super) proxy_headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) server_name: Option<Rc<str>>,
    pub(super) timeout: ClientTimeout,
    pub(super) progress: Progress,
    pub(super) total: Option<Limit>,
}

/// What a connection came to.
struct Opened {
    held: Held,
    /// It has served another request before, and may have been closed since.
    used: bool,
}

impl Way {
    /// Sends a request and receives the head of its answer.
    pub(super) async fn send(&self, mut hop: ClientHop) -> Result<ClientResponse, ClientError> {
        let (head, held) = self.ask(&mut hop).await?;
        self.session.take_cookies(&head, &hop.url);
        Ok(ClientResponse::new(Received {
            head,
            url: hop.url.without_credentials(),
            method: hop.method,
            session: self.session.clone(),
            held,
            total: self.total,
            patience: self.timeout.patience(),
            progress: self.progress.fork(Phase::Body),
        }))
    }

    /// On a connection that was used before, the server may just have closed it as idle: then what
    /// may be done twice (RFC 9110 §9.2.2) is tried once more, on a new one.
    async fn ask(&self, hop: &mut ClientHop) -> Result<(ResponseHead, Held), ClientError> {
        let name = self.server_name.clone().filter(|_| !hop.is_away);
        let switches = hop.headers.contains_key(UPGRADE);
        let route = Route::new(&hop.url, self.proxy(hop)?, name, switches);
        let mut anew = false;
        loop {
            let limit = Limit::begin(TimeoutKind::Connect, self.timeout.connect);
            let opening = self.connection(&route, anew);
            let Opened { mut held, used } = within(limit, &self.progress, opening).await?;
            self.progress.is_at(Phase::Response);
            let met = self.converse(hop, &route, &mut held.connection).await;
            match met {
                Ok(head) if hop.expects && is_expectation_failed(&head) => {
                    // RFC 9110 §15.5.18: without the expectation it may do.
                    drop((head, held));
                    hop.expects = false;
                    if !hop.body.is_there() {
                        return Err(ClientError::invalid(BEGUN_BEFORE_417));
                    }
                }
                Ok(head) => return Ok((head, held)),
                Err(error) => {
                    // A body that was not begun comes back from it.
                    drop(held);
                    let again = used && !anew && is_idempotent(&hop.method);
                    if !again || !error.is_before_any_answer() || !hop.body.is_there() {
                        return Err(error);
                    }
                    anew = true;
                }
            }
        }
    }

    fn proxy(&self, hop: &ClientHop) -> Result<Option<Rc<Proxy>>, ClientError> {
        let proxy = match (&self.session.connector.to, &self.proxy) {
            (To::Unix(_), _) => return Ok(None),
            (To::Host, Some(proxy)) => Some(proxy.clone()),
            (To::Host, None) => {
                let proxy = self.session.defaults.environment.proxy_for(&hop.url)?;
                proxy.map(Rc::new)
            }
        };
        Ok(match proxy {
            Some(proxy) if !self.proxy_headers.is_empty() => {
                let headers = self.proxy_headers.clone();
                Some(Rc::new(Proxy { headers, ..(*proxy).clone() }))
            }
            other => other,
        })
    }

    /// A connection with its slot: one that is idle, unless it is to be a new one.
    async fn connection(&self, route: &Route, anew: bool) -> Result<Opened, ClientError> {
        let progress = &self.progress;
        progress.is_at(Phase::Slot);
        let (slot, kept) = self.session.slot(route, progress).await;
        if !anew {
            let alive = kept.and_then(|mut it| it.is_reusable().then_some(it));
            if let Some(connection) = alive.or_else(|| slot.another()) {
                progress.tell(|| TraceEvent::Reused);
                return Ok(Opened { held: Held::new(slot, connection), used: true });
            }
        }
        progress.tell(|| TraceEvent::CreateStart);
        let connection = Connection::open(&self.session, route, &self.timeout, progress).await?;
        progress.tell(|| TraceEvent::CreateEnd);
        Ok(Opened { held: Held::new(slot, connection), used: false })
    }

    /// One request and the head of its answer, on this connection.
    async fn converse(
        &self,
        hop: &ClientHop,
        route: &Route,
        connection: &mut Connection,
    ) -> Result<ResponseHead, ClientError> {
        let headers = self.fields(hop, route);
        let whole = format!("http://{}{}", hop.url.authority(), hop.url.target());
        let head = OutgoingRequest {
            method: &hop.method,
            target: if route.plain_proxy().is_some() { &whole } else { hop.url.target() },
            host: &hop.url.authority(),
            headers: &headers,
        };
        let length = hop.length.unwrap_or(hop.body.length());
        let expects = hop.expects && !hop.body.is_empty();
        let told = || {
            let (method, url) = (&hop.method, &hop.url);
            self.progress.tell(|| TraceEvent::HeadersSent { method, url, headers: &headers });
        };
        connection.send(&head, length, hop.body.start()?, expects, &self.progress, told)?;
        connection.head(self.timeout.patience(), &self.progress).await
    }

    /// The header fields of a hop on this route.
    fn fields(&self, hop: &ClientHop, route: &Route) -> HeaderMap {
        let mut headers = hop.headers.clone();
        // RFC 9110 §9.3.8: the answer to a TRACE would show them.
        if hop.method != Method::TRACE {
            self.session.add_cookies(&mut headers, &hop.url);
        }
        if let Some(proxy) = route.plain_proxy() {
            proxy.add_fields(&mut headers);
        }
        if self.session.connector.force_close && !headers.contains_key(CONNECTION) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if hop.expects && !hop.body.is_empty() {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        if self.progress.is_traced() {
            hide_secrets(&mut headers);
        }
        headers
    }
}

const BEGUN_BEFORE_417: &str = "the server refuses to be asked first (417), and its streamed body \
                                was begun by then; give it as bytes, a file or a \
                                repeatable_stream, or leave expect100() out";

/// RFC 9110 §9.2.2, and QUERY, which is as safe as GET.
fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent() || method.as_str() == "QUERY"
}

fn is_expectation_failed(head: &ResponseHead) -> bool {
    head.status() == StatusCode::EXPECTATION_FAILED
}
