//! From a response to bytes.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Body, Response};
use crate::http::h1::{Error, HeadEnd, Length, OutgoingResponse, ServerConnection};

/// The fields of a response that has none of its own.
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

impl Response {
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
    #[inline(always)]
    pub(in crate::http) fn send_plainly(
        &self,
        connection: &mut ServerConnection,
        out: &mut Vec<u8>,
        date: &HeadEnd,
    ) -> bool {
        let (Body::Bytes(bytes), Some(content_type)) = (&self.body, &self.content_type) else {
            return false;
        };
        self.status == StatusCode::OK
            && self.headers.is_none()
            && self.fault.is_none()
            && connection.respond_plainly(out, content_type, date, bytes)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::IntoResponse;
    use crate::http::h1::Shared;

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
        assert_eq!(response.body().as_bytes(), Some(&b"500: Internal Server Error"[..]));
    }
}
