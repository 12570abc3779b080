//! A request on its way.

use std::future::IntoFuture;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::ClientRequest;
use crate::http::client::error::ClientError;
use crate::http::client::exchange::Exchange;
use crate::http::client::response::ClientResponse;
use crate::http::client::slots::Boxed;
use crate::http::client::timing::{Limit, Phase, Progress, TimeoutKind, within};

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
