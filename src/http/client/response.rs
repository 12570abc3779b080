//! What a server answered.

use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, StatusCode, Version};

use super::Session;
#[cfg(feature = "ws")]
use super::connection::Switched;
use super::connection::{Connection, Next};
use super::error::ClientError;
use crate::http::h1::ResponseHead;
use crate::http::request::{BodyError, decode_text};
use crate::http::url::Url;
use crate::sys::Time;
use crate::task::{running_loop, timeout};

/// A response whose head has arrived. (`aiohttp.ClientResponse`)
///
/// Its body is received when it is asked for. Dropped before, it closes its connection, unless all
/// of the body has come already.
pub struct ClientResponse {
    head: ResponseHead,
    url: Url,
    session: Rc<Session>,
    /// `None` once the body is over.
    connection: Option<Connection>,
    deadline: Time,
}

impl ClientResponse {
    pub(super) fn new(
        session: Rc<Session>,
        url: Url,
        deadline: Time,
        head: ResponseHead,
        connection: Connection,
    ) -> ClientResponse {
        ClientResponse { head, url, session, connection: Some(connection), deadline }
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

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The URL that was asked for.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Receives the whole body. (`ClientResponse.read`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Body`] if it is larger than
    /// [`Limits::body_size`](crate::http::Limits::body_size) of the session's options;
    /// [`ClientError::Malformed`] if it breaks off; [`ClientError::Timeout`];
    /// [`ClientError::Lost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the rest of the body is lost and the connection closed.
    pub async fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let left = self.deadline.since(running_loop("a response's body").time());
        let limit = self.session.options.timeout;
        let too_late = ClientError::Timeout { waiting_for: "the end of the body", limit };
        timeout(left, self.receive()).await.map_err(|_| too_late)?
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
        let content_type = self.head.fields().get("content-type").unwrap_or_default();
        let content_type = String::from_utf8_lossy(content_type).into_owned();
        let body = self.bytes().await?;
        Ok(decode_text(&body, &content_type)?.into_owned())
    }

    async fn receive(&mut self) -> Result<Vec<u8>, ClientError> {
        let limit = self.session.options.limits.body_size;
        let mut body = Vec::new();
        while let Some(connection) = &mut self.connection {
            match connection.next()? {
                Next::Data(data) if body.len() as u64 + data.len() as u64 > limit => {
                    return Err(BodyError::TooLarge { limit }.into());
                }
                Next::Data(data) => body.extend_from_slice(&data),
                Next::End => self.release(),
                Next::NeedData if connection.fill().await? => self.release(),
                Next::NeedData => {}
            }
        }
        Ok(body)
    }

    /// The connection after a 101, and the bytes that came behind that.
    #[cfg(feature = "ws")]
    pub(in crate::http) fn into_switched(mut self) -> Option<Switched> {
        Some(self.connection.take()?.into_switched())
    }

    /// The body is over: the connection may serve another request.
    fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.session.keep(&self.url.authority(), connection);
        }
    }
}

impl Drop for ClientResponse {
    fn drop(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        loop {
            match connection.next() {
                Ok(Next::Data(_)) => {}
                Ok(Next::End) => return self.release(),
                Ok(Next::NeedData) | Err(_) => return,
            }
        }
    }
}

/// As in `<ClientResponse(http://h/) [200 OK]>`.
impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientResponse({}) [{}]>", self.url, self.status())
    }
}
