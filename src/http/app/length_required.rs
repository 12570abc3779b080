//! A middleware that wants to know how long a body is before it comes.

use std::future::ready;

use super::middleware::{Middleware, Next};
use crate::http::server::handler::ResponseFuture;
use crate::http::{IntoResponse, Request};

/// Answers 411 to a body that comes in chunks, without a `Content-Length` (RFC 9110 §15.5.12).
///
/// ```
/// use evloop::web::{Application, RequireContentLength};
///
/// let mut uploads = Application::new();
/// uploads.middleware(RequireContentLength);
/// let mut app = Application::new();
/// app.nest("/uploads", uploads); // the other routes take chunks
/// ```
///
/// It is for where the length decides what happens: handlers that reserve room, count against a
/// quota, or hand the body on to something that knows no chunks. Nobody needs it against large
/// bodies, for [`Limits::body_size`](crate::http::Limits::body_size) counts what comes; so no server
/// has it on unless it is said, and a client that sends chunks, as a browser does for a stream, is
/// told only where it matters. What follows a 411 of the body is dropped, up to
/// [`Limits::drained_body`](crate::http::Limits::drained_body).
/// [`Request::require_content_length`] says it in one handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequireContentLength;

impl Middleware for RequireContentLength {
    fn handle(&self, request: Request, next: Next) -> ResponseFuture {
        match request.require_content_length() {
            Ok(()) => Box::pin(next.run(request)),
            Err(refused) => Box::pin(ready(refused.into_response())),
        }
    }
}
