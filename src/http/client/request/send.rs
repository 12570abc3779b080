//! A request on its way.

use std::future::IntoFuture;
use std::rc::Rc;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::ClientRequest;
use crate::http::client::error::ClientError;
use crate::http::client::exchange::Exchange;
use crate::http::client::hop::{ClientHop, hide_secrets};
use crate::http::client::response::ClientResponse;
use crate::http::client::slots::Boxed;
use crate::http::client::timing::{Limit, Phase, Progress, TimeoutKind, within};
use crate::http::client::trace::{TraceEvent, Tracer};
use crate::http::client::way::Way;

/// The codings a server may use for a body.
#[cfg(feature = "compression")]
const CODINGS: Option<&str> = Some("gzip, deflate");
#[cfg(not(feature = "compression"))]
const CODINGS: Option<&str> = None;

impl ClientRequest {
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
        let (total, raises) = (self.timeout.total, self.raise_for_status);
        let total = Limit::begin(TimeoutKind::Total, total);
        let (exchange, progress) = self.exchange(total)?;
        let response = within(total, &progress, exchange.follow()).await;
        let response = match raises {
            true => response.and_then(ClientResponse::error_for_status),
            false => response,
        };
        match &response {
            Ok(response) => progress
                .tell(|| TraceEvent::Responded { status: response.status(), url: response.url() }),
            Err(error) => progress.tell(|| TraceEvent::Failed { error }),
        }
        response
    }

    /// What becomes of it once it is sent, and how that goes on.
    fn exchange(mut self, total: Option<Limit>) -> Result<(Exchange, Progress), ClientError> {
        let url = self.url.take().ok_or_else(|| ClientError::invalid("it has no URL"))?;
        let mut headers = self.fields();
        hide_secrets(&mut headers);
        let hop = ClientHop {
            method: self.method,
            url,
            headers,
            body: self.body,
            length: self.length,
            expects: self.expects,
            number: 0,
            is_away: false,
            extensions: Rc::new(self.extensions),
        };
        let tracer = Tracer::begin(&self.session.defaults.traces, &hop);
        let progress = Progress::traced(Phase::Slot, tracer);
        let way = Rc::new(Way {
            session: self.session,
            proxy: self.proxy,
            proxy_headers: self.proxy_headers,
            server_name: self.server_name,
            timeout: self.timeout,
            progress: progress.clone(),
            total,
        });
        Ok((Exchange::new(hop, self.middlewares, way, self.max_redirects), progress))
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
        ];
        for (name, value) in automatic {
            if let Some(value) = value {
                fields.insert(name, HeaderValue::from_static(value));
            }
        }
        if let Some(content_type) = self.content_type.take() {
            fields.insert(CONTENT_TYPE, content_type);
        }
        for name in &session.skipped {
            fields.remove(name);
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
