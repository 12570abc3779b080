//! How long a request's body is, and the demand that it says so.

use http::StatusCode;

use super::Request;
use crate::http::HttpError;
use crate::http::h1::Framing;

impl Request {
    /// How many bytes its body has, if it says so before it sends them.
    pub fn content_length(&self) -> Option<u64> {
        match self.head.framing() {
            Framing::Length(0) => self.header("content-length").map(|_| 0),
            Framing::Length(length) => Some(length),
            _ => None,
        }
    }

    /// That the body's length is known before it comes: for a handler that reserves room for it, or
    /// hands it on to somebody who wants to know. [`RequireContentLength`] says it for all handlers
    /// of an application.
    ///
    /// A request with neither `Content-Length` nor `Transfer-Encoding` has no body (RFC 9112 §6.3),
    /// and passes.
    ///
    /// # Errors
    ///
    /// The body comes in chunks: 411 (RFC 9110 §15.5.12), to be returned with `?`.
    ///
    /// [`RequireContentLength`]: crate::http::RequireContentLength
    pub fn require_content_length(&self) -> Result<(), HttpError> {
        match self.head.framing() {
            Framing::Length(_) => Ok(()),
            _ => Err(HttpError::new(
                StatusCode::LENGTH_REQUIRED,
                "the body comes in chunks; here it has to have a Content-Length",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;

    #[test]
    fn the_length_of_a_body_is_what_the_client_said_or_nobodys_guess() {
        let length = |fields| request("POST /", fields).content_length();
        assert_eq!(length("Content-Length: 12\r\n"), Some(12));
        assert_eq!(length("Content-Length: 0\r\n"), Some(0));
        assert_eq!((length(""), length("Transfer-Encoding: chunked\r\n")), (None, None));
    }

    #[test]
    fn a_length_can_be_demanded_of_a_body_in_chunks_alone() {
        let demanded = |fields: &str| request("POST /", fields).require_content_length();
        assert!(demanded("").is_ok() && demanded("Content-Length: 12\r\n").is_ok());
        let refused = demanded("Transfer-Encoding: chunked\r\n").unwrap_err();
        assert_eq!(refused.status(), 411);
    }
}
