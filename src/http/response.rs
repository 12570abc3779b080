//! What a handler gives back.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::h1::{Error, OutgoingResponse, ServerConnection};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
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
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    /// Apart from `headers`, so that the common response needs no map.
    content_type: Option<HeaderValue>,
    headers: Option<Box<HeaderMap>>,
    body: Cow<'static, [u8]>,
    fault: Option<&'static str>,
}

impl Response {
    /// 200 and nothing else.
    pub fn new() -> Response {
        Response {
            status: StatusCode::OK,
            content_type: None,
            headers: None,
            body: Cow::Borrowed(b""),
            fault: None,
        }
    }

    /// Text: `text/plain; charset=utf-8`.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Response {
        let body = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Response { content_type: Some(TEXT), body, ..Response::new() }
    }

    /// Bytes: `application/octet-stream`.
    pub fn bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Response {
        Response { content_type: Some(BYTES), body: bytes.into(), ..Response::new() }
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

    /// The same response with this status, from 200 to 999.
    #[must_use]
    pub fn status(mut self, status: impl TryInto<StatusCode>) -> Response {
        match status.try_into() {
            Ok(status) if !status.is_informational() => self.status = status,
            _ => self.note("the status is not a number from 200 to 999"),
        }
        self
    }

    /// The same response with one more header field; `content-type` replaces the one there is.
    #[must_use]
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
            (_, Err(_)) => self.note("a header field's value contains a control character"),
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
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether everything said about it can be.
    ///
    /// # Errors
    /// What was wrong first.
    pub fn check(&self) -> Result<(), &'static str> {
        self.fault.map_or(Ok(()), Err)
    }

    /// Appends the whole response to `out` as `connection`'s answer. `date` is the value of its
    /// `Date` field.
    ///
    /// # Errors
    /// [`Error::You`]: it cannot be sent as it is. Nothing was appended, and another can be sent in
    /// its place.
    pub fn send(
        &self,
        connection: &mut ServerConnection,
        out: &mut Vec<u8>,
        date: Option<&HeaderValue>,
    ) -> Result<(), Error> {
        if let Some(fault) = self.fault {
            return Err(Error::you(connection.answering().name(), fault));
        }
        let head = OutgoingResponse {
            status: self.status,
            content_type: self.content_type.as_ref(),
            headers: self.headers.as_deref().unwrap_or_else(|| &NO_HEADERS),
            date,
        };
        connection.respond(out, &head, &self.body)
    }

    pub(super) fn note(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
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
        write!(f, "<Response {}, {} bytes>", self.status, self.body.len())
    }
}

/// What stands for a response: a [`Response`], text, a status, an error that has one.
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
    fn an_error_is_a_response_that_says_what_was_wrong() {
        let error = Error::bad("there is no Host field");
        let text = sent(&error.into_response()).unwrap();
        assert!(text.ends_with("\r\n\r\n400: Bad Request\nthere is no Host field\n"), "{text}");
        let response = Error::you("Idle", "secret").into_response();
        assert_eq!(response.body(), b"500: Internal Server Error");
    }
}
