//! What a server answered.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

#[cfg(feature = "compression")]
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Version};

use super::cookies::set_cookies;
use super::error::ClientError;
use super::session::Session;
use super::slots::Held;
use super::timing::{Limit, Phase, Progress, within};
#[cfg(feature = "compression")]
use crate::http::coding::{Coding, Decoder, Piece};
use crate::http::h1::ResponseHead;
use crate::http::request::{BodyError, decode_text};
use crate::http::url::Url;
use crate::stream::buffer::{DEFAULT_LIMIT, Progress as Read, StreamBuffer};
use crate::stream::scan::Scan;
use crate::stream::{ReadError, StreamReader, StreamWriter};

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
    held: Option<Held>,
    total: Option<Limit>,
    sock_read: Option<Duration>,
    progress: Progress,
    /// What was received and not taken, for those who read by the line.
    unread: Option<StreamBuffer>,
    #[cfg(feature = "compression")]
    decoder: Option<Decoder>,
}

/// What a response is made of.
pub(super) struct Received {
    pub(super) head: ResponseHead,
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) history: Vec<Redirected>,
    pub(super) session: Rc<Session>,
    pub(super) held: Held,
    pub(super) total: Option<Limit>,
    pub(super) sock_read: Option<Duration>,
}

/// A response that led elsewhere: [`ClientResponse::history`].
pub struct Redirected {
    head: ResponseHead,
    url: Url,
    method: Method,
}

impl Redirected {
    pub(super) fn new(head: ResponseHead, url: Url, method: Method) -> Redirected {
        Redirected { head, url, method }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The URL that was asked for.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.method
    }
}

/// As in `<Redirected(http://h/) [302 Found]>`.
impl fmt::Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Redirected({}) [{}]>", self.url, self.status())
    }
}

impl ClientResponse {
    pub(super) fn new(received: Received) -> ClientResponse {
        ClientResponse {
            #[cfg(feature = "compression")]
            decoder: decoder(&received),
            head: received.head,
            url: received.url,
            method: received.method,
            history: received.history,
            session: received.session,
            held: Some(received.held),
            total: received.total,
            sock_read: received.sock_read,
            progress: Progress::new(Phase::Body),
            unread: None,
        }
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

    /// Itself, unless the status is 400 or above. (`raise_for_status`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Status`]; the body is dropped.
    pub fn error_for_status(self) -> Result<ClientResponse, ClientError> {
        if self.status().as_u16() < 400 {
            return Ok(self);
        }
        Err(ClientError::Status {
            status: self.status(),
            reason: self.reason().to_owned(),
            url: self.url.clone(),
        })
    }

    /// The next piece of the body, as it comes, never empty; `None` at its end.
    /// (`content.iter_any`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if it breaks off or is malformed; [`ClientError::Timeout`];
    /// [`ClientError::Lost`]; [`ClientError::Source`] if the request's body is still being sent
    /// and fails. The connection is closed then, and what follows is `None`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has taken nothing: the next call goes on.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        if let Some(unread) = &mut self.unread {
            if let Ok(Read::Done(piece)) = unread.read(usize::MAX) {
                return Ok(Some(piece).filter(|piece| !piece.is_empty()));
            }
        }
        self.receive().await
    }

    /// One piece of the body.
    #[cfg(not(feature = "compression"))]
    async fn receive(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        self.receive_raw().await
    }

    /// One piece of the body, decompressed if the server has compressed it.
    #[cfg(feature = "compression")]
    async fn receive(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        loop {
            let Some(decoder) = &mut self.decoder else { return self.receive_raw().await };
            match decoder.next() {
                Ok(Piece::Data(data)) => return Ok(Some(data)),
                Ok(Piece::NeedData) => {}
                Err(what) => return self.is_corrupt(what),
            }
            let raw = self.receive_raw().await?;
            match (raw, &mut self.decoder) {
                (Some(raw), Some(decoder)) => decoder.feed(&raw),
                (None, Some(decoder)) => match decoder.finish() {
                    Ok(()) => return Ok(None),
                    Err(what) => return self.is_corrupt(what),
                },
                (raw, None) => return Ok(raw),
            }
        }
    }

    /// Nothing more can be made of the body.
    #[cfg(feature = "compression")]
    fn is_corrupt(&mut self, what: &'static str) -> Result<Option<Vec<u8>>, ClientError> {
        (self.decoder, self.held) = (None, None);
        Err(ClientError::Payload(what.into()))
    }

    /// One piece from the connection.
    async fn receive_raw(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(held) = &mut self.held else { return Ok(None) };
        let chunk = held.connection.chunk(self.sock_read, &self.progress);
        let received = within(self.total, &self.progress, chunk).await;
        match &received {
            Ok(Some(_)) => {}
            Ok(None) => self.release(),
            Err(_) => self.held = None,
        }
        received
    }

    /// What has come, at most `max` bytes; waits only while nothing has. Empty at the body's end,
    /// or if `max` is 0. (`content.read(n)`)
    ///
    /// # Errors, Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn read(&mut self, max: usize) -> Result<Vec<u8>, ClientError> {
        self.reading(|unread| unread.read(max)).await
    }

    /// One line with its newline; at the body's end what is left without one, which may be nothing.
    /// (`content.readline`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if it is longer than 64 KiB. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn readline(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut scan = Scan::line();
        self.reading(|unread| unread.read_line(&mut scan)).await
    }

    /// Exactly `count` bytes. (`content.readexactly`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if the body ends before. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn readexactly(&mut self, count: usize) -> Result<Vec<u8>, ClientError> {
        self.reading(|unread| unread.read_exactly(count)).await
    }

    /// Asks for what is unread, and receives while that needs more.
    async fn reading(
        &mut self,
        mut read: impl FnMut(&mut StreamBuffer) -> Result<Read<Vec<u8>>, ReadError>,
    ) -> Result<Vec<u8>, ClientError> {
        if self.unread.is_none() {
            self.unread = Some(StreamBuffer::new(DEFAULT_LIMIT).map_err(ClientError::Lost)?);
        }
        loop {
            let Some(unread) = &mut self.unread else { return Ok(Vec::new()) };
            match read(unread) {
                Ok(Read::Done(bytes)) => return Ok(bytes),
                Ok(Read::NeedMore) => {}
                Err(error) => return Err(ClientError::Payload(error.to_string().into())),
            }
            let received = self.receive().await?;
            let Some(unread) = &mut self.unread else { return Ok(Vec::new()) };
            match received {
                Some(piece) => unread.feed_data(&piece),
                None => unread.feed_eof(),
            }
        }
    }

    /// Receives the whole body. (`ClientResponse.read`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Body`] if it is larger than
    /// [`Limits::body_size`](crate::http::Limits::body_size) of the session's options. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the rest of the body is lost and the connection closed.
    pub async fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let limit = self.session.shared.limits().body_size;
        let mut body = self.chunk().await?.unwrap_or_default();
        loop {
            if body.len() as u64 > limit {
                return Err(BodyError::TooLarge { limit }.into());
            }
            match self.chunk().await? {
                Some(piece) => body.extend_from_slice(&piece),
                None => return Ok(body),
            }
        }
    }

    /// Receives the whole body as text, in the character set that `Content-Type` names, UTF-8 if
    /// none.
    ///
    /// # Errors
    ///
    /// As [`bytes`](ClientResponse::bytes), and [`ClientError::Body`] if the character set is not
    /// known or the body is not text in it.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](ClientResponse::bytes).
    pub async fn text(self) -> Result<String, ClientError> {
        let content_type = self.content_type_field();
        let body = self.bytes().await?;
        Ok(decode_text(&body, &content_type)?.into_owned())
    }

    /// Receives the whole body as a value in JSON. (`ClientResponse.json`)
    ///
    /// # Errors
    ///
    /// As [`bytes`](ClientResponse::bytes), and [`ClientError::Json`] if the media type is neither
    /// `application/json` nor ends in `+json`, or the body is none or not of this shape.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](ClientResponse::bytes).
    #[cfg(feature = "json")]
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, ClientError> {
        let media_type = self.content_type();
        if media_type != "application/json" && !media_type.ends_with("+json") {
            let what = format!("it is {media_type}; take bytes() if it is JSON all the same");
            return Err(ClientError::Json(what.into()));
        }
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Json(error.into()))
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
        match self.held.take() {
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
        self.held = None;
    }

    /// The body is over: the connection may serve another request.
    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            held.release();
        }
    }
}

impl Drop for ClientResponse {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.release_if_over();
        }
    }
}

/// What undoes the coding that the server has used, if that is wanted and can be done.
#[cfg(feature = "compression")]
fn decoder(received: &Received) -> Option<Decoder> {
    let coding = Coding::named(received.head.fields().get(CONTENT_ENCODING.as_str())?)?;
    received.session.defaults.decompresses.then(|| Decoder::new(coding))
}

/// As in `<ClientResponse(http://h/) [200 OK]>`.
impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientResponse({}) [{}]>", self.url, self.status())
    }
}
