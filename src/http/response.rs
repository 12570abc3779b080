//! What a handler gives back.

mod into_response;
mod send;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::panic::Location;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::body::{Body, BodyWriter, StreamResult, UpgradeBody, Upgraded};

pub use into_response::IntoResponse;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A response. (`aiohttp.web.Response`)
///
/// ```
/// use evloop::http::Response;
/// let response = Response::text("made").status(201).header("location", "/things/7");
/// assert_eq!(response.get("location").unwrap(), "/things/7");
/// assert!(response.check().is_ok());
/// ```
///
/// A status or header that cannot be is remembered, so that the calls chain;
/// [`check`](Response::check) tells, and sending it fails.
pub struct Response {
    status: StatusCode,
    /// Apart from `headers`, so that the common response needs no map.
    content_type: Option<HeaderValue>,
    headers: Option<Box<HeaderMap>>,
    body: Body,
    fault: Option<Box<str>>,
}

impl Response {
    /// 200 and nothing else.
    pub fn new() -> Response {
        Response {
            status: StatusCode::OK,
            content_type: None,
            headers: None,
            body: Body::empty(),
            fault: None,
        }
    }

    /// Text: `text/plain; charset=utf-8`.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Response {
        Response::of(TEXT, Body::text(text.into()))
    }

    /// A page: `text/html; charset=utf-8`. What comes from others has to be escaped in it.
    pub fn html(page: impl Into<Cow<'static, str>>) -> Response {
        Response::of(HTML, Body::text(page.into()))
    }

    /// Sends the client to `location`, which it asks for with GET: 303, or as
    /// [`status`](Response::status) says. To end a handler so from within, return
    /// [`HttpError::see_other`](super::HttpError::see_other) or one of its kin.
    ///
    /// ```
    /// use evloop::web::{Cookie, Response};
    /// let response = Response::redirect("/inbox").set_cookie(Cookie::new("session", "38afes7a8"));
    /// assert_eq!(response.status_code(), 303);
    /// ```
    #[track_caller]
    pub fn redirect(location: &str) -> Response {
        Response::of_status(StatusCode::SEE_OTHER).header(LOCATION, location)
    }

    /// Bytes: `application/octet-stream`.
    pub fn bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Response {
        Response::of(BYTES, Body::Bytes(bytes.into()))
    }

    /// A body that is written while it is sent: `application/octet-stream`, in chunks, or until
    /// the connection's end for a client of HTTP/1.0; or as long as
    /// [`content_length`](Response::content_length) says. (`aiohttp.web.StreamResponse`)
    ///
    /// ```
    /// use evloop::web::Response;
    /// let response = Response::stream(|mut body| async move {
    ///     for number in 0..3 {
    ///         body.write(format!("{number}\n")).await?;
    ///     }
    ///     Ok(())
    /// });
    /// # drop(response);
    /// ```
    ///
    /// `write` is called once the head is on its way, in the handler's task, and ends the body
    /// when it ends; not at all for HEAD. If it fails or panics, or what it wrote is not of the
    /// length that was said, the connection is broken, for that is the only way left to tell the
    /// client; the loop's exception handler hears of it unless the client had gone before.
    pub fn stream<F>(write: impl FnOnce(BodyWriter) -> F + 'static) -> Response
    where
        F: Future<Output = StreamResult> + 'static,
    {
        Response::of(BYTES, Body::stream(write))
    }

    /// `len` bytes of `file` from `offset` on: `application/octet-stream`. The kernel sends them
    /// by itself where it can. (`aiohttp.web.FileResponse` without what it makes of the request)
    ///
    /// If the file is shorter when it is sent, the connection is broken and the loop's exception
    /// handler hears of it. Reading a file may block the loop, as all of a disk's work.
    pub fn file(file: File, offset: u64, len: u64) -> Response {
        Response::of(BYTES, Body::file(file, offset, len))
    }

    /// `101 Switching Protocols` to `protocol`, which `speak` then does, in the handler's task
    /// (RFC 9110 §7.8). Further fields are added with [`header`](Response::header).
    ///
    /// The request must ask for it, by `Connection: upgrade` and an `Upgrade` that names the
    /// protocol (RFC 9110 §7.8 forbids to answer 101 otherwise), and must have been read to its
    /// end, which one without a body is; else this is answered 500 and reported. A request to
    /// upgrade that is answered with anything else is an ordinary one.
    ///
    /// ```
    /// use evloop::web::Response;
    /// let response = Response::upgrade("echo", |mut upgraded| async move {
    ///     while let Ok(line) = upgraded.reader.readline().await {
    ///         if line.is_empty() || upgraded.writer.write(&line).is_err() {
    ///             break;
    ///         }
    ///     }
    /// });
    /// # drop(response);
    /// ```
    pub fn upgrade<F>(protocol: &str, speak: impl FnOnce(Upgraded) -> F + 'static) -> Response
    where
        F: Future<Output = ()> + 'static,
    {
        let speak = UpgradeBody(Box::new(move |upgraded| Box::pin(speak(upgraded))));
        let mut response = Response::new();
        response.status = StatusCode::SWITCHING_PROTOCOLS;
        response.body = Body::Upgrade(speak);
        response.header(UPGRADE, protocol).header(CONNECTION, "upgrade")
    }

    /// Every field is named: what would be taken from another response would have to be dropped.
    #[inline]
    fn of(content_type: HeaderValue, body: Body) -> Response {
        Response {
            status: StatusCode::OK,
            content_type: Some(content_type),
            headers: None,
            body,
            fault: None,
        }
    }

    /// Says how long a [stream](Response::stream) will be, in bytes.
    #[must_use]
    pub fn content_length(mut self, length: u64) -> Response {
        self.headers_mut().insert(CONTENT_LENGTH, length.into());
        self
    }

    /// What is answered where no handler does: `404: Not Found` and the like.
    pub fn of_status(status: StatusCode) -> Response {
        let reason = status.canonical_reason().unwrap_or_default();
        Response::text(format!("{}: {reason}", status.as_str())).status(status)
    }

    /// The same with a sentence that says why.
    pub fn error(status: StatusCode, what: impl fmt::Display) -> Response {
        let reason = status.canonical_reason().unwrap_or_default();
        Response::text(format!("{}: {reason}\n{what}\n", status.as_str())).status(status)
    }

    /// A response that cannot be sent, for this reason.
    #[cfg(feature = "json")]
    #[track_caller]
    pub(super) fn faulty(fault: impl fmt::Display) -> Response {
        let mut response = Response::new();
        response.note(fault);
        response
    }

    /// The same response with this status, from 200 to 999.
    #[must_use]
    #[track_caller]
    pub fn status(mut self, status: impl TryInto<StatusCode>) -> Response {
        match status.try_into() {
            Ok(status) if !status.is_informational() => self.status = status,
            _ => self.note("the status is not a number from 200 to 999"),
        }
        self
    }

    /// The same response with one more header field; `content-type` replaces the one there is.
    #[must_use]
    #[track_caller]
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Response {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) if name == CONTENT_TYPE => {
                if let Some(headers) = &mut self.headers {
                    headers.remove(CONTENT_TYPE);
                }
                self.content_type = Some(value);
            }
            (Ok(name), Ok(value)) => {
                self.headers.get_or_insert_default().append(name, value);
            }
            (Err(_), _) => self.note("a header field's name is not a token"),
            (Ok(name), Err(_)) => self.note(format_args!(
                "the value of the header field {name} contains a control character"
            )),
        }
        self
    }

    /// The value of the first header field of this name.
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        let content_type = self.content_type.as_ref();
        let content_type = content_type.filter(|_| name.eq_ignore_ascii_case("content-type"));
        content_type.or_else(|| self.headers.as_ref()?.get(name))
    }

    /// Every header field, to be changed at will.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        if let Some(value) = self.content_type.take() {
            self.headers.get_or_insert_default().insert(CONTENT_TYPE, value);
        }
        self.headers.get_or_insert_default()
    }

    /// The status.
    pub fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Gives it another body, with the header fields as they are, and gives the one it had: what a
    /// middleware that encodes bodies does.
    pub fn replace_body(&mut self, body: impl Into<Body>) -> Body {
        std::mem::replace(&mut self.body, body.into())
    }

    /// Whether everything said about it can be.
    ///
    /// # Errors
    /// What was wrong first, and where in the program it was said.
    pub fn check(&self) -> Result<(), &str> {
        self.fault.as_deref().map_or(Ok(()), Err)
    }

    #[cold]
    #[track_caller]
    pub(super) fn note(&mut self, fault: impl fmt::Display) {
        let place = Location::caller();
        self.fault.get_or_insert_with(|| format!("{fault} (said at {place})").into());
    }
}

impl Default for Response {
    fn default() -> Self {
        Response::new()
    }
}

/// As in `404 Not Found`: for a response that is returned as an error.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)
    }
}

/// So that a handler can return one with `?`, as aiohttp's raise `web.HTTPFound`.
impl std::error::Error for Response {}

/// As in `<Response 200 OK, 5 bytes>`.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Response {}, {:?}>", self.status, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_field_and_the_line_of_the_program_that_set_it() {
        let response = Response::new().header("X-Note", "a\nb");
        let (line, fault) = (line!() - 1, response.check().unwrap_err());
        assert!(
            fault.contains("x-note") && fault.contains(&format!("{}:{line}:", file!())),
            "{fault}"
        );
        let error = crate::http::HttpError::found("/\n");
        let (line, fault) = (line!() - 1, error.response().check().unwrap_err());
        assert!(fault.contains("location") && fault.contains(&format!(":{line}:")), "{fault}");
    }
}
