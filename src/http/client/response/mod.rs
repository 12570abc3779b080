//! What a server answered.

mod receive;
mod redirected;

use std::fmt;
use std::rc::Rc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Version};

use super::cookies::set_cookies;
use super::error::ClientError;
use super::session::Session;
use super::slots::{Held, Kept};
use super::timing::{Limit, Patience, Progress};
#[cfg(feature = "compression")]
use crate::http::coding::Decoder;
use crate::http::h1::ResponseHead;
use crate::http::url::Url;
use crate::stream::buffer::StreamBuffer;
use crate::stream::{StreamReader, StreamWriter};

pub use redirected::Redirected;

/// A response whose head has arrived. (`aiohttp.ClientResponse`)
///
/// Its body is received when it is asked for: all of it ([`text`](ClientResponse::text),
/// [`bytes`](ClientResponse::bytes)) or piece by piece ([`chunk`](ClientResponse::chunk),
/// [`readline`](ClientResponse::readline)); what is not asked for is not received, and holds the
/// server back. Dropped before, it closes its connection, unless all of the body has come already.
pub struct ClientResponse {
    head: ResponseHead,
    url: Url,
    method: Method,
    history: Vec<Redirected>,
    session: Rc<Session>,
    /// `None` once the body is over.
    held: Kept,
    total: Option<Limit>,
    patience: Patience,
    progress: Progress,
    /// What was received and not taken, for those who read by the line.
    unread: Option<StreamBuffer>,
    #[cfg(feature = "compression")]
    decoder: Option<Decoder>,
}

/// What a response is made of.
pub(in crate::http::client) struct Received {
    pub(in crate::http::client) head: ResponseHead,
    pub(in crate::http::client) url: Url,
    pub(in crate::http::client) method: Method,
    pub(in crate::http::client) session: Rc<Session>,
    pub(in crate::http::client) held: Held,
    pub(in crate::http::client) total: Option<Limit>,
    pub(in crate::http::client) patience: Patience,
    pub(in crate::http::client) progress: Progress,
}

impl ClientResponse {
    pub(in crate::http::client) fn new(received: Received) -> ClientResponse {
        ClientResponse {
            #[cfg(feature = "compression")]
            decoder: receive::decoder(&received),
            head: received.head,
            url: received.url,
            method: received.method,
            history: Vec::new(),
            session: received.session,
            held: Kept(Some(received.held)),
            total: received.total,
            patience: received.patience,
            progress: received.progress,
            unread: None,
        }
    }

    pub(in crate::http::client) fn head(&self) -> &ResponseHead {
        &self.head
    }

    pub(in crate::http::client) fn with_history(mut self, history: Vec<Redirected>) -> Self {
        self.history = history;
        self
    }

    /// What is remembered of it where it leads elsewhere.
    pub(in crate::http::client) fn into_redirected(self) -> Redirected {
        Redirected::new(self.head, self.url, self.method)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status()
    }

    /// The reason phrase as sent; empty if there was none.
    pub fn reason(&self) -> &str {
        self.head.reason()
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The header fields, as sent: they describe the body as it was on the wire, compressed if it
    /// was.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The URL that was asked for last, without credentials.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The method of the last request.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The redirects that led here, the first one first.
    pub fn history(&self) -> &[Redirected] {
        &self.history
    }

    /// The names and values of the cookies that it sets, whether the session keeps them or not.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        let pairs = set_cookies(&self.head).filter_map(|value| {
            let pair = value.split(|byte| *byte == b';').next()?;
            let at = pair.iter().position(|byte| *byte == b'=')?;
            Some((text(&pair[..at]), text(&pair[at + 1..])))
        });
        pairs.collect()
    }

    /// The media type, in lower case and without parameters; `application/octet-stream` if the
    /// server does not say (RFC 9110 §8.3).
    pub fn content_type(&self) -> String {
        let value = self.content_type_field();
        let value = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if value.is_empty() { "application/octet-stream".to_owned() } else { value }
    }

    /// The character set that `Content-Type` names, in lower case.
    pub fn charset(&self) -> Option<String> {
        let value = self.content_type_field();
        let parameters = value.split(';').skip(1).filter_map(|it| it.split_once('='));
        let mut charset =
            parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.next().map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
    }

    fn content_type_field(&self) -> String {
        let value = self.head.fields().get(CONTENT_TYPE.as_str()).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    }

    /// How long the body is on the wire, if the server says.
    pub fn content_length(&self) -> Option<u64> {
        let value = self.head.fields().get("content-length")?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    }

    /// Whether the status is below 400. (`ok`)
    pub fn ok(&self) -> bool {
        self.status().as_u16() < 400
    }

    /// Itself, unless the status is 400 or above. (`raise_for_status`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Status`]; the body is dropped.
    pub fn error_for_status(self) -> Result<ClientResponse, ClientError> {
        if self.ok() {
            return Ok(self);
        }
        Err(ClientError::Status {
            status: self.status(),
            reason: self.reason().to_owned(),
            url: self.url.clone(),
        })
    }

    /// The connection's two ends, and what came behind the head, after a switch of protocols: 101,
    /// or 2xx to CONNECT (RFC 9110 §7.8, §9.3.6). It counts for the pool's limits no more.
    ///
    /// # Errors
    ///
    /// [`ClientError::InvalidRequest`] for every other status.
    pub fn upgrade(mut self) -> Result<(StreamReader, StreamWriter, Vec<u8>), ClientError> {
        let tunnel = self.method == Method::CONNECT && self.status().is_success();
        let switched = tunnel || self.status() == StatusCode::SWITCHING_PROTOCOLS;
        match self.held.0.take() {
            Some(held) if switched => {
                let ((reader, writer), early) = held.into_connection().into_streams();
                Ok((reader, writer, early))
            }
            _ => Err(ClientError::InvalidRequest(format!(
                "the server answers {} and does not switch protocols",
                self.status().as_u16()
            ))),
        }
    }

    /// Closes the connection, whatever has come of the body. (`ClientResponse.close`) Dropping the
    /// response keeps it if all of the body has come. (`release`)
    pub fn close(mut self) {
        self.held.0 = None;
    }

    /// The body is over: the connection may serve another request.
    fn release(&mut self) {
        if let Some(held) = self.held.0.take() {
            held.release();
        }
    }
}

/// As in `<ClientResponse(http://h/) [200 OK]>`.
impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientResponse({}) [{}]>", self.url, self.status())
    }
}
