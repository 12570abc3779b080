//! What stands for a response.

use http::StatusCode;

use super::Response;
use crate::http::BodyError;
use crate::http::h1::Error;

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

impl IntoResponse for BodyError {
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
    use super::*;

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
}
