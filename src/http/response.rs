//! What a handler gives back.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::panic::Location;
use std::sync::LazyLock;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::body::{Body, BodyWriter, StreamResult, UpgradeBody, Upgraded};
use super::h1::{Error, Length, OutgoingResponse, ServerConnection};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The fields of a response that has none of its own.
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

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
        let body = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Response { content_type: Some(TEXT), body: Body::Bytes(body), ..Response::new() }
    }

    /// A page: `text/html; charset=utf-8`. What comes from others has to be escaped in it.
    pub fn html(page: impl Into<Cow<'static, str>>) -> Response {
        Response { content_type: Some(HTML), ..Response::text(page) }
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
        Response::of(Body::Bytes(bytes.into()))
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
        Response::of(Body::stream(write))
    }

    /// `len` bytes of `file` from `offset` on: `application/octet-stream`. The kernel sends them
    /// by itself where it can. (`aiohttp.web.FileResponse` without what it makes of the request)
    ///
    /// If the file is shorter when it is sent, the connection is broken and the loop's exception
    /// handler hears of it. Reading a file may block the loop, as all of a disk's work.
    pub fn file(file: File, offset: u64, len: u64) -> Response {
        Response::of(Body::file(file, offset, len))
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

    fn of(body: Body) -> Response {
        Response { content_type: Some(BYTES), body, ..Response::new() }
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

    /// Appends the whole response to `out` as `connection`'s answer, if its body is bytes. `date`
    /// is the value of its `Date` field.
    ///
    /// # Errors
    /// [`Error::You`]: it cannot be sent as it is, or only while its body is driven, as a server
    /// does. Nothing was appended, and another can be sent in its place.
    pub fn send(
        &self,
        connection: &mut ServerConnection,
        out: &mut Vec<u8>,
        date: Option<&HeaderValue>,
    ) -> Result<(), Error> {
        let Body::Bytes(bytes) = &self.body else {
            let what = "the body is not bytes: only a server can send it";
            return Err(Error::you(connection.answering().name(), what));
        };
        connection.respond(out, &self.head(connection, date)?, bytes)
    }

    /// The same for an answer of the most usual kind: a 200 without fields of its own, on a
    /// connection that goes on. Of any other kind it is false, and nothing is done.
    #[inline]
    pub(in crate::http) fn send_plainly(
        &self,
        connection: &mut ServerConnection,
        out: &mut Vec<u8>,
        date: &HeaderValue,
    ) -> bool {
        let Body::Bytes(bytes) = &self.body else { return false };
        self.status == StatusCode::OK
            && self.headers.is_none()
            && self.fault.is_none()
            && connection.respond_plainly(out, self.content_type.as_ref(), Some(date), bytes)
    }

    /// Appends the head alone; what follows is the caller's to send.
    #[inline(never)]
    pub(in crate::http) fn send_head(
        &self,
        connection: &mut ServerConnection,
        out: &mut Vec<u8>,
        date: Option<&HeaderValue>,
    ) -> Result<(), Error> {
        let head = self.head(connection, date)?;
        if let Body::Upgrade(_) = self.body {
            return connection.send_switch(out, head.status, head.headers);
        }
        connection.send_response(
            out,
            &head,
            self.body.size().map_or(Length::Unknown, Length::Known),
        )
    }

    #[inline]
    fn head<'a>(
        &'a self,
        connection: &ServerConnection,
        date: Option<&'a HeaderValue>,
    ) -> Result<OutgoingResponse<'a>, Error> {
        if let Some(fault) = &self.fault {
            return Err(Error::you(connection.answering().name(), fault.to_string()));
        }
        Ok(OutgoingResponse {
            status: self.status,
            content_type: self.content_type.as_ref(),
            headers: self.headers.as_deref().unwrap_or_else(|| &NO_HEADERS),
            date,
        })
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

/// What stands for a response: a [`Response`], text, bytes, a status, a pair of a status and one of
/// these, an error that has one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stand for a response",
    note = "text, bytes, a status, a `Response` and a pair of a status and one of these do; \
            `Response::json` makes one of other values"
)]
pub trait IntoResponse {
    /// The response it stands for.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Response::bytes(self)
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Response {
        Response::bytes(self)
    }
}

/// The same response with this status.
impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        self.1.into_response().status(self.0)
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        Response::of_status(self)
    }
}

impl IntoResponse for super::BodyError {
    fn into_response(self) -> Response {
        Response::error(self.status(), self)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Error::They { status, what } => Response::error(*status, what),
            // What went wrong on this side is for the log, not for the peer.
            Error::You { .. } => Response::of_status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::h1::Shared;
    use super::*;

    fn sent(response: &Response) -> Result<String, Error> {
        let mut connection = ServerConnection::new(&Shared::default());
        let (_, _) = connection.receive(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let mut out = Vec::new();
        let result = response.send(&mut connection, &mut out, None);
        assert_eq!(result.is_err(), out.is_empty());
        result.map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn text_has_its_type_and_length() {
        assert_eq!(
            sent(&Response::text("/").status(201)).unwrap(),
            "HTTP/1.1 201 Created\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: 1\r\n\r\n/"
        );
        assert_eq!(sent(&Response::new()).unwrap(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert!(sent(&Response::bytes(vec![1])).unwrap().contains("application/octet-stream"));
    }

    #[test]
    fn there_is_one_content_type_however_it_was_set() {
        let mut response = Response::text("x").header("Content-Type", "text/html");
        assert_eq!(response.get("content-TYPE").unwrap(), "text/html");
        assert_eq!(response.headers_mut().len(), 1);
        let response = response.header("content-type", "a/b").header("set-cookie", "1");
        let text = sent(&response.header("set-cookie", "2")).unwrap();
        assert_eq!(text.matches("content-type").count(), 1);
        assert!(text.contains("content-type: a/b\r\n"));
        assert_eq!(text.matches("set-cookie").count(), 2);
    }

    #[test]
    fn what_would_break_out_of_its_place_is_not_sent() {
        for response in [
            Response::new().header("x", "a\r\nSet-Cookie: b"),
            Response::new().header("x\r\ny", "a"),
            Response::new().header("", "a"),
            Response::new().header("x", "a\0"),
            Response::new().status(100),
            Response::new().status(1000),
            Response::new().header("content-length", "5"),
            Response::new().header("transfer-encoding", "gzip"),
        ] {
            assert!(!sent(&response).unwrap_err().is_theirs());
        }
        let twice = Response::new().status(1).header("\n", "");
        assert!(twice.check().unwrap_err().contains("status"), "the first fault is told");
    }

    #[test]
    fn bytes_and_pairs_with_a_status_stand_for_responses() {
        let pair = (StatusCode::CREATED, "made").into_response();
        assert_eq!(
            (pair.status_code(), pair.body().as_bytes()),
            (StatusCode::CREATED, Some(&b"made"[..]))
        );
        let bytes = vec![1, 2].into_response();
        assert_eq!(bytes.get("content-type").unwrap(), "application/octet-stream");
        let page = Response::html("<p>hello</p>");
        assert_eq!(page.get("content-type").unwrap(), "text/html; charset=utf-8");
        let moved = Response::redirect("/x").status(307);
        assert_eq!(
            (moved.status_code().as_u16(), moved.get("location").unwrap().as_bytes()),
            (307, &b"/x"[..])
        );
    }

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

    #[test]
    fn an_error_is_a_response_that_says_what_was_wrong() {
        let error = Error::bad("there is no Host field");
        let text = sent(&error.into_response()).unwrap();
        assert!(text.ends_with("\r\n\r\n400: Bad Request\nthere is no Host field\n"), "{text}");
        let response = Error::you("Idle", "secret").into_response();
        assert_eq!(response.body().as_bytes(), Some(&b"500: Internal Server Error"[..]));
    }
}
