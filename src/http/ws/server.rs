//! Opening a WebSocket from a handler.

use super::handshake::{self, Agreed};
use super::options::WebSocketOptions;
use crate::http::request::Request;
use crate::http::response::Response;

/// Whether a request asks for a WebSocket, in order or not: for a path that has a page as well.
/// (`WebSocketResponse.can_prepare`)
pub fn is_asked_for(request: &Request) -> bool {
    handshake::asks(request.headers())
}

/// Whether this request may be answered with a WebSocket (RFC 6455 §4.2.1): for servers of one's
/// own, as [`upgrade`] asks this itself.
///
/// # Errors
/// What to answer instead: 400, 403, 405 or 426, with a sentence that says why.
pub fn check(request: &Request, options: &WebSocketOptions) -> Result<Agreed, Box<Response>> {
    handshake::agree((request.method(), request.version(), request.headers()), options)
}
