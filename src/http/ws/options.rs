//! What a WebSocket is to do by itself, and whom it is for.

use std::time::Duration;

use super::limits::Limits;

/// How a WebSocket behaves: on the server the arguments of `aiohttp.web.WebSocketResponse`, in the
/// client those of `ws_connect`.
///
/// ```
/// use evloop::http::ws::WebSocketOptions;
/// use std::time::Duration;
///
/// let options = WebSocketOptions {
///     heartbeat: Some(Duration::from_secs(30)),
///     protocols: vec!["chat.v2".into(), "chat".into()],
///     ..Default::default()
/// };
/// assert!(options.autoping && options.autoclose);
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketOptions {
    /// What the peer may make us hold.
    pub limits: Limits,
    /// Subprotocols. A client asks for these, the one it likes best first; a server speaks these,
    /// and takes the first of the client's that is among them, or none. Empty by default.
    pub protocols: Vec<String>,
    /// Servers: whose pages may connect. [`Origins::Any`] by default.
    pub origins: Origins,
    /// After so long without a byte of the peer's it is sent a ping, and if nothing comes for
    /// [`pong_timeout`](WebSocketOptions::pong_timeout) either, the connection is given up. No
    /// heartbeat by default, as in aiohttp.
    ///
    /// It beats by a timer, whether or not anybody receives; bytes that wait to be received count
    /// as heard.
    pub heartbeat: Option<Duration>,
    /// How long an answer to a heartbeat's ping may take. Half of `heartbeat` if `None`, as in
    /// aiohttp.
    pub pong_timeout: Option<Duration>,
    /// Pings are answered, and neither they nor pongs are received as messages. `true` by default.
    ///
    /// Answered is when they are received: somebody has to be [receiving](super::WebSocket::receive).
    pub autoping: bool,
    /// A Close is answered at once. `true` by default; otherwise
    /// [`close`](super::WebSocket::close) answers it.
    pub autoclose: bool,
    /// How long the peer may take to answer our Close, and to end the connection. Then it is
    /// aborted. 10 s by default, as in aiohttp.
    pub close_timeout: Duration,
    /// Whether to compress, if the peer can, and how. `None` by default, on either side: memory and
    /// time for every connection are to be decided on. (`compress`; aiohttp's server compresses
    /// unless it is told not to, its client does not.)
    #[cfg(feature = "compression")]
    pub deflate: Option<super::Deflate>,
}

impl Default for WebSocketOptions {
    fn default() -> WebSocketOptions {
        WebSocketOptions {
            limits: Limits::default(),
            protocols: Vec::new(),
            origins: Origins::Any,
            heartbeat: None,
            pong_timeout: None,
            autoping: true,
            autoclose: true,
            close_timeout: Duration::from_secs(10),
            #[cfg(feature = "compression")]
            deflate: None,
        }
    }
}

/// Whose pages may connect to a server (RFC 6455 §10.2).
///
/// A browser lets every page connect to every server and sends the server's cookies along, so a
/// server that knows its users by cookies wants [`Same`](Origins::Same). Programs that are no
/// browsers send no origin, and are let in by all of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Everybody's; as aiohttp.
    Any,
    /// Those of the host and port that the request is sent to.
    Same,
    /// Those of these origins, written as browsers do: `https://example.org`.
    These(Vec<String>),
}

impl Origins {
    /// Whether a page of this origin may connect to this host (`example.org:8080`).
    pub(super) fn allows(&self, origin: &str, host: &str) -> bool {
        match self {
            Origins::Any => true,
            Origins::Same => origin
                .split_once("://")
                .is_some_and(|(_, theirs)| theirs.eq_ignore_ascii_case(host)),
            Origins::These(origins) => origins.iter().any(|it| it.eq_ignore_ascii_case(origin)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_its_scheme_host_and_port() {
        let these = Origins::These(vec!["https://example.org".into()]);
        assert!(these.allows("https://EXAMPLE.org", "elsewhere"));
        for other in ["http://example.org", "https://example.org:8443", "https://example.org.evil"]
        {
            assert!(!these.allows(other, "example.org"), "{other}");
        }
        assert!(Origins::Same.allows("http://h:80", "h:80"));
        assert!(!Origins::Same.allows("http://h", "h:80"));
        assert!(!Origins::Same.allows("null", "null"));
        assert!(Origins::Any.allows("null", "h"));
    }
}
