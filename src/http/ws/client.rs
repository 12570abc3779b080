//! Opening a WebSocket from a session.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::handshake;
use super::mask::Masks;
use super::options::WebSocketOptions;
use super::socket::WebSocket;
use crate::http::client::{ClientError, ClientRequest, ClientResponse, ClientSession};

impl ClientSession {
    /// Opens a WebSocket at `url`, `ws://` or `http://`, and with TLS `wss://` or `https://`; await
    /// it. (`session.ws_connect`)
    ///
    /// The handshake is a request of this session's, with its header fields, cookies and timeouts.
    /// The WebSocket then has a connection of its own, which those timeouts do not concern.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let session = evloop::ClientSession::new();
    /// let mut socket = session.ws_connect("ws://127.0.0.1:9977/chat").await?;
    /// socket.send_text("hello").await?;
    /// println!("{:?}", socket.receive_text().await?);
    /// socket.close(evloop::http::ws::CloseCode::NORMAL, "").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When awaited: [`HandshakeError`].
    pub fn ws_connect(&self, url: &str) -> WsConnect {
        WsConnect {
            request: self.get(&as_http(url)),
            options: WebSocketOptions::default(),
            headers: HeaderMap::new(),
        }
    }
}

/// §3: the schemes differ in name alone.
fn as_http(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http://{rest}"),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => format!("https://{rest}"),
        _ => url.to_owned(),
    }
}

/// A WebSocket in the making: set options, then await it. [`ClientSession::ws_connect`] gives it.
#[must_use = "the WebSocket is opened when this is awaited"]
pub struct WsConnect {
    request: ClientRequest,
    options: WebSocketOptions,
    headers: HeaderMap,
}

impl WsConnect {
    /// With these options.
    pub fn options(mut self, options: WebSocketOptions) -> Self {
        self.options = options;
        self
    }

    /// With this header field in the request, `Origin` for example.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    async fn open(mut self) -> Result<WebSocket, HandshakeError> {
        let key = handshake::new_key(&mut Masks::new());
        handshake::ask(&mut self.headers, &key, &self.options).map_err(invalid)?;
        let mut request = self.request;
        for (name, value) in &self.headers {
            request = request.header(name, value.clone());
        }
        let response = request.await?;
        // §4.1, 1: anything but a 101 is HTTP's business.
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Refused(Box::new(response)));
        }
        let (protocol, deflate) = handshake::accepted(response.headers(), &key, &self.options)
            .map_err(HandshakeError::Malformed)?;
        let (reader, writer, early) = response.upgrade()?;
        let socket = WebSocket::client(reader, writer, self.options, protocol);
        Ok(socket.deflating(deflate).with_early(early))
    }
}

fn invalid(what: String) -> HandshakeError {
    HandshakeError::Client(ClientError::InvalidRequest(what))
}

impl IntoFuture for WsConnect {
    type Output = Result<WebSocket, HandshakeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<WebSocket, HandshakeError>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// Why a WebSocket could not be opened. (`WSServerHandshakeError`)
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The request came to nothing.
    Client(ClientError),
    /// The server answered with something else than 101: this.
    Refused(Box<ClientResponse>),
    /// The server's 101 is not an acceptance of what was asked.
    Malformed(String),
}

impl From<ClientError> for HandshakeError {
    fn from(error: ClientError) -> Self {
        HandshakeError::Client(error)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Client(error) => error.fmt(f),
            HandshakeError::Refused(response) => write!(
                f,
                "the server answered {} to the request for a WebSocket, not 101",
                response.status()
            ),
            HandshakeError::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HandshakeError::Client(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemes_of_websockets_are_those_of_http() {
        assert_eq!(as_http("ws://h:1/x"), "http://h:1/x");
        assert_eq!(as_http("WSS://h/"), "https://h/");
        assert_eq!(as_http("http://h/"), "http://h/");
        assert_eq!(as_http("h"), "h");
    }
}
