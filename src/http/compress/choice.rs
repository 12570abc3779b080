//! Whether a response is to be compressed: functions of heads alone.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE};
use http::{Method, StatusCode};

use crate::http::body::Body;
use crate::http::coding::Coding;
use crate::http::coding::accept::Accepted;
use crate::http::{Request, Response, mime};

/// What a request has to say to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The coding that the client would have; `None` for the plain one.
    pub coding: Option<Coding>,
    /// Nothing but the head is sent.
    pub is_head: bool,
}

impl Asked {
    pub fn by(request: &Request) -> Asked {
        let coding = Coding::wanted(Accepted::of(request.headers()));
        Asked { coding, is_head: *request.method() == Method::HEAD }
    }
}

/// What is worth it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worth {
    /// Bytes that a body has at least, if that is known.
    pub min_size: u64,
    /// Which media types shrink.
    pub shrinks: fn(&str) -> bool,
}

impl Worth {
    /// For a handler that knows what it does.
    pub const ANYTHING: Worth = Worth { min_size: 1, shrinks: |_| true };

    /// As [`Compress`](super::Compress) documents it.
    pub const USUAL: Worth = Worth { min_size: 1024, shrinks: is_usual };
}

/// Events shrink too; but each listener would hold a compressor for as long as it listens.
fn is_usual(content_type: &str) -> bool {
    mime::is_compressible(content_type) && !content_type.starts_with("text/event-stream")
}

/// Whether some client may get this response compressed.
pub(super) fn is_eligible(response: &Response, worth: &Worth) -> bool {
    has_content(response)
        && response.get(CONTENT_ENCODING.as_str()).is_none()
        && response.get(CONTENT_RANGE.as_str()).is_none()
        && !["content-digest", "repr-digest", "digest", "content-md5"]
            .iter()
            .any(|name| response.get(name).is_some())
        && !forbids_change(response)
        && size(response).is_none_or(|size| size >= worth.min_size)
        && (worth.shrinks)(text(response, CONTENT_TYPE.as_str()))
}

fn has_content(response: &Response) -> bool {
    use StatusCode as Is;
    let status = response.status_code();
    !matches!(response.body(), Body::Upgrade(_))
        && ![Is::NO_CONTENT, Is::RESET_CONTENT, Is::PARTIAL_CONTENT, Is::NOT_MODIFIED]
            .contains(&status)
}

/// RFC 9111 §5.2.2.6: to those between, but whoever says it means the bytes as they are.
fn forbids_change(response: &Response) -> bool {
    let directives = text(response, CACHE_CONTROL.as_str()).split(',');
    directives.map(str::trim).any(|it| it.eq_ignore_ascii_case("no-transform"))
}

fn size(response: &Response) -> Option<u64> {
    response.body().size().or_else(|| text(response, "content-length").parse().ok())
}

fn text<'a>(response: &'a Response, name: &str) -> &'a str {
    response.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(response: &Response) -> bool {
        is_eligible(response, &Worth::USUAL)
    }

    fn page() -> Response {
        Response::text("x".repeat(1024))
    }

    #[test]
    fn what_is_long_enough_and_of_a_type_that_shrinks_is_worth_it() {
        assert!(usual(&page()) && usual(&page().header("content-type", "application/json")));
        assert!(!usual(&Response::text("x".repeat(1023))), "too small");
        assert!(!usual(&page().header("content-type", "image/png")), "a type that does not shrink");
        assert!(!usual(&Response::bytes(vec![0; 5000])), "nobody knows what it is");
        let stream = || Response::stream(|_| async { Ok(()) }).header("content-type", "text/css");
        assert!(usual(&stream()) && usual(&stream().content_length(1024)));
        assert!(!usual(&stream().content_length(100)));
        assert!(!usual(&stream().header("content-type", "text/event-stream")));
        assert!(is_eligible(&Response::bytes(vec![0; 10]), &Worth::ANYTHING));
        assert!(!is_eligible(&Response::new(), &Worth::ANYTHING), "there is nothing to compress");
    }

    #[test]
    fn what_is_encoded_a_part_or_not_to_be_changed_is_left_as_it_is() {
        for (name, value) in [
            ("content-encoding", "br"),
            ("content-range", "bytes 0-1/2"),
            ("cache-control", "public, No-Transform"),
            ("repr-digest", "sha-256=:AA==:"),
            ("content-digest", "sha-256=:AA==:"),
        ] {
            assert!(!usual(&page().header(name, value)), "{name}");
        }
        for status in [204, 205, 206, 304] {
            assert!(!usual(&page().status(status)), "{status}");
        }
        assert!(usual(&page().status(404)));
        assert!(!usual(&Response::upgrade("x", |_| async {})));
    }
}
