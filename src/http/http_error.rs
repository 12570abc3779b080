//! Errors that are answers.

use std::fmt;

use http::header::{ALLOW, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::response::{IntoResponse, Response};

/// A response to be returned as an error, from wherever it is found that there is nothing else to
/// say: with `?` it ends the handler. (`aiohttp.web.HTTPException` and its family)
///
/// ```
/// use evloop::web::{HttpError, Request};
///
/// async fn show(request: Request) -> Result<String, HttpError> {
///     let id = request.match_info().get("id").unwrap_or_default();
///     let id: u32 = id.parse().map_err(|why| HttpError::bad_request(format!("the id: {why}")))?;
///     match id {
///         0 => Err(HttpError::found("/1")),
///         1 => Ok("the first".to_owned()),
///         _ => Err(HttpError::not_found()),
///     }
/// }
/// ```
///
/// The body says the status and, after it, what was wrong. To a client it says no more than it was
/// told to: what went wrong inside belongs into another error, which is reported and answered
/// with 500.
pub struct HttpError(Box<Response>);

impl HttpError {
    /// A status, and why.
    pub fn new(status: StatusCode, why: impl fmt::Display) -> HttpError {
        HttpError(Box::new(Response::error(status, why)))
    }

    /// A status that speaks for itself.
    pub fn of_status(status: StatusCode) -> HttpError {
        HttpError(Box::new(Response::of_status(status)))
    }

    /// 301: the resource is at `location` for good; a client may ask there with GET.
    #[track_caller]
    pub fn moved_permanently(location: &str) -> HttpError {
        HttpError::to(StatusCode::MOVED_PERMANENTLY, location)
    }

    /// 302: the resource is at `location` for now; a client may ask there with GET.
    #[track_caller]
    pub fn found(location: &str) -> HttpError {
        HttpError::to(StatusCode::FOUND, location)
    }

    /// 303: the answer is to be had from `location` with GET, as after a form.
    #[track_caller]
    pub fn see_other(location: &str) -> HttpError {
        HttpError::to(StatusCode::SEE_OTHER, location)
    }

    /// 307: the resource is at `location` for now; method and body stay as they are.
    #[track_caller]
    pub fn temporary_redirect(location: &str) -> HttpError {
        HttpError::to(StatusCode::TEMPORARY_REDIRECT, location)
    }

    /// 308: the resource is at `location` for good; method and body stay as they are.
    #[track_caller]
    pub fn permanent_redirect(location: &str) -> HttpError {
        HttpError::to(StatusCode::PERMANENT_REDIRECT, location)
    }

    /// A location that is no field value, for a line end in it, is refused when it is sent:
    /// [`Response::check`].
    #[track_caller]
    fn to(status: StatusCode, location: &str) -> HttpError {
        HttpError::of_status(status).header(LOCATION, location)
    }

    /// 400: the request is wrong.
    pub fn bad_request(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::BAD_REQUEST, why)
    }

    /// 401: who asks has to say who they are, in a way that `challenge` names, as
    /// `Basic realm="here"` (RFC 9110 §11.6.1).
    #[track_caller]
    pub fn unauthorized(challenge: &str) -> HttpError {
        HttpError::of_status(StatusCode::UNAUTHORIZED).header(WWW_AUTHENTICATE, challenge)
    }

    /// 403: not for them.
    pub fn forbidden(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::FORBIDDEN, why)
    }

    /// 404: there is nothing.
    pub fn not_found() -> HttpError {
        HttpError::of_status(StatusCode::NOT_FOUND)
    }

    /// 405: not with this method, but with those of `allow`, as `GET,HEAD`.
    #[track_caller]
    pub fn method_not_allowed(allow: &str) -> HttpError {
        HttpError::of_status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, allow)
    }

    /// 409: it does not fit what is there.
    pub fn conflict(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::CONFLICT, why)
    }

    /// 410: there was something, and never will be again.
    pub fn gone() -> HttpError {
        HttpError::of_status(StatusCode::GONE)
    }

    /// 415: the body is of a type that is not taken.
    pub fn unsupported_media_type(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why)
    }

    /// 422: the body can be read, and makes no sense.
    pub fn unprocessable(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::UNPROCESSABLE_ENTITY, why)
    }

    /// 429: they ask too often.
    pub fn too_many_requests(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::TOO_MANY_REQUESTS, why)
    }

    /// 503: not now.
    pub fn service_unavailable(why: impl fmt::Display) -> HttpError {
        HttpError::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// The same with one more header field.
    #[must_use]
    #[track_caller]
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> HttpError {
        *self.0 = self.take_response().header(name, value);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status_code()
    }

    /// The response that is sent.
    pub fn response(&self) -> &Response {
        &self.0
    }

    pub(super) fn take_response(&mut self) -> Response {
        std::mem::take(&mut *self.0)
    }
}

impl From<Response> for HttpError {
    fn from(response: Response) -> HttpError {
        HttpError(Box::new(response))
    }
}

impl From<super::BodyError> for HttpError {
    fn from(error: super::BodyError) -> HttpError {
        error.into_response().into()
    }
}

impl IntoResponse for HttpError {
    fn into_response(mut self) -> Response {
        self.take_response()
    }
}

/// As in `404 Not Found`.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<HttpError {}>", self.status())
    }
}

impl std::error::Error for HttpError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_has_its_location_and_status() {
        let redirects = [
            (301, HttpError::moved_permanently("/x")),
            (302, HttpError::found("/x")),
            (303, HttpError::see_other("/x")),
            (307, HttpError::temporary_redirect("/x")),
            (308, HttpError::permanent_redirect("/x")),
        ];
        for (status, error) in redirects {
            assert_eq!(error.status().as_u16(), status);
            assert_eq!(error.response().get("location").unwrap(), "/x");
        }
    }

    #[test]
    fn the_body_says_the_status_and_why() {
        let error = HttpError::bad_request("the id is not a number");
        assert_eq!(error.response().body(), b"400: Bad Request\nthe id is not a number\n");
        assert_eq!(HttpError::not_found().response().body(), b"404: Not Found");
        assert_eq!(HttpError::gone().to_string(), "410 Gone");
    }

    #[test]
    fn a_line_end_in_a_location_is_not_sent() {
        assert!(HttpError::found("/x\r\nset-cookie: a=b").response().check().is_err());
    }
}
