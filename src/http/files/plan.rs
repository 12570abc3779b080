//! What a request for a file is answered, from what is known of the file: no I/O, no clock.
//!
//! | the request | the answer |
//! |---|---|
//! | a condition says so | 304 or 412, see [`conditional`](crate::http::conditional) |
//! | GET with a `Range` that applies | 206 with a part or several, or 416 |
//! | else | 200 with the whole |

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::coding::Coding;
use crate::http::Response;
use crate::http::conditional::{Current, Verdict, evaluate, range_applies};
use crate::http::date::imf_fixdate;
use crate::http::etag::EntityTag;
use crate::http::range::{Multipart, Part, Selection, select};

/// What is known of a file.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its size in bytes.
    pub len: u64,
    /// When it was modified: seconds since 1970 began, and nanoseconds.
    pub modified: (i64, u32),
    /// The coding it is in.
    pub coding: Option<Coding>,
    /// Another client might get it in another coding.
    pub varies: bool,
}

/// What of the file is the body.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing; the response has a body of its own, or none.
    Nothing,
    /// So many bytes from an offset.
    Part { offset: u64, len: u64 },
    /// Several parts, with heads between them.
    Several(Multipart),
}

/// The request, as far as it matters here.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// Seconds since 1970 began.
    pub now: i64,
    /// A number that nobody can guess.
    pub boundary: u64,
}

impl Facts {
    /// What changes when the file does, as far as its time and its size tell.
    pub(super) fn version(&self) -> String {
        let (seconds, nanoseconds) = self.modified;
        let modified = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        format!("{modified:x}-{:x}", self.len)
    }

    /// See the module's documentation for what they are made of.
    fn current(&self, now: i64) -> Current {
        let seconds = self.modified.0;
        let coding = self.coding.map_or("", Coding::extension).replace('.', "-");
        let etag = EntityTag::strong(&format!("{}{coding}", self.version())).ok();
        let is_over = now.saturating_sub(seconds) >= 2;
        Current { exists: true, etag, last_modified: is_over.then_some(seconds) }
    }
}

/// The head of the answer, and what its body is.
pub(super) fn plan(
    asked: &Asked<'_>,
    facts: &Facts,
    content_type: &HeaderValue,
) -> (Response, Content) {
    let current = facts.current(asked.now);
    match evaluate(asked.method, asked.headers, &current, asked.now) {
        Verdict::Perform => {}
        Verdict::NotModified => {
            let response = Response::new().status(StatusCode::NOT_MODIFIED);
            return (validated(response, facts, &current, asked.now), Content::Nothing);
        }
        Verdict::PreconditionFailed => {
            let what = "the file is not, or no longer, what the request asks it to be";
            return (Response::error(StatusCode::PRECONDITION_FAILED, what), Content::Nothing);
        }
    }
    let (response, content) = match selection(asked, facts, &current) {
        Selection::Whole => (Response::new(), Content::Part { offset: 0, len: facts.len }),
        Selection::One(part @ Part { offset, len }) => {
            let range = part.content_range(facts.len);
            (partial().header(CONTENT_RANGE, range), Content::Part { offset, len })
        }
        Selection::Several(parts) => {
            let inner = content_type.to_str().ok();
            let parts = Multipart::new(parts, facts.len, inner, asked.boundary);
            let response = partial().header(CONTENT_TYPE, parts.content_type());
            (response, Content::Several(parts))
        }
        Selection::NotSatisfiable => {
            let what =
                format!("the ranges are not within the file's {} bytes, or too many", facts.len);
            let response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, what);
            let whole = format!("bytes */{}", facts.len);
            return (response.header(CONTENT_RANGE, whole), Content::Nothing);
        }
    };
    let response = match response.get("content-type") {
        Some(_) => response,
        None => response.header(CONTENT_TYPE, content_type.clone()),
    };
    let response = response.header(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let response = match facts.coding {
        Some(coding) => response.header(CONTENT_ENCODING, HeaderValue::from_static(coding.name())),
        None => response,
    };
    (validated(response, facts, &current, asked.now), content)
}

fn partial() -> Response {
    Response::new().status(StatusCode::PARTIAL_CONTENT)
}

/// `Range` counts for GET alone, once (RFC 9110 §14.2), and after the other conditions.
fn selection(asked: &Asked<'_>, facts: &Facts, current: &Current) -> Selection {
    let mut ranges = asked.headers.get_all(RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None)
            if *asked.method == Method::GET && range_applies(asked.headers, current, true) =>
        {
            select(range.as_bytes(), facts.len)
        }
        _ => Selection::Whole,
    }
}

/// The fields that a 304 has in common with the answer it stands for (RFC 9110 §15.4.5).
fn validated(mut response: Response, facts: &Facts, current: &Current, now: i64) -> Response {
    if let Some(etag) = &current.etag {
        response = response.header(ETAG, etag.to_header_value());
    }
    // RFC 9110 §8.8.2.1: a date from the future is told as that of the answer. It is in no
    // condition's way, being none of `current`'s.
    let future = (facts.modified.0 > now).then_some(now);
    if let Some(Ok(seconds)) = current.last_modified.or(future).map(u64::try_from) {
        response = response.header(LAST_MODIFIED, &imf_fixdate(seconds)[..]);
    }
    if facts.varies {
        response = response.header(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
