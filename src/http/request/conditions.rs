//! A request's conditions and ranges, as values: for handlers that make more of them than
//! [`conditional`](crate::http::conditional) and [`FileResponse`](crate::http::FileResponse) do by
//! themselves.
//!
//! Each is what one field says, by itself. Whether it counts beside the others is for
//! [`Request::conditions`], which knows their order.

use std::time::{Duration, SystemTime};

use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderName, HeaderValue, Method};

use super::Request;
use crate::http::conditional::{Current, Verdict, evaluate};
use crate::http::date;
use crate::http::etag::{EntityTag, EntityTags};
use crate::http::range::{Selection, select};

/// What `If-Range` names: the version of which the client has a part (RFC 9110 §13.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfRange {
    /// The one with this tag; a weak one names none.
    Tag(EntityTag),
    /// The one that was last modified then.
    Date(SystemTime),
}

impl Request {
    /// What its conditions ask for, all together and in the standard's order: to go on, 304 or 412
    /// (RFC 9110 §13.2.2).
    ///
    /// ```
    /// use evloop::http::conditional::{Current, Verdict};
    /// use evloop::web::{EntityTag, Request, Response, StatusCode};
    ///
    /// async fn page(request: Request) -> Response {
    ///     let etag = EntityTag::strong("7").expect("it is plain");
    ///     let current = Current { exists: true, etag: Some(etag.clone()), last_modified: None };
    ///     let response = match request.conditions(&current) {
    ///         Verdict::Perform => Response::text("the seventh"),
    ///         Verdict::NotModified => Response::new().status(StatusCode::NOT_MODIFIED),
    ///         Verdict::PreconditionFailed => {
    ///             return Response::of_status(StatusCode::PRECONDITION_FAILED);
    ///         }
    ///     };
    ///     response.header("etag", etag.to_header_value())
    /// }
    /// ```
    pub fn conditions(&self, current: &Current) -> Verdict {
        evaluate(self.method(), self.headers(), current, now())
    }

    /// The parts that `Range` asks for, of a representation of `whole` bytes: everything, unless the
    /// method is GET and the field is there once (RFC 9110 §14.2). (`request.http_range`)
    ///
    /// aiohttp gives a slice, and refuses several parts; here a malformed field is as if it were not
    /// there, as the standard has it. [`if_range`](Request::if_range) is not looked at.
    pub fn http_range(&self, whole: u64) -> Selection {
        match self.only(&RANGE) {
            Some(range) if *self.method() == Method::GET => select(range.as_bytes(), whole),
            _ => Selection::Whole,
        }
    }

    /// The tags of `If-Match`; `None` without the field. (`request.if_match`)
    pub fn if_match(&self) -> Option<EntityTags> {
        self.tags(&IF_MATCH)
    }

    /// The tags of `If-None-Match`; `None` without the field. (`request.if_none_match`)
    pub fn if_none_match(&self) -> Option<EntityTags> {
        self.tags(&IF_NONE_MATCH)
    }

    /// The date of `If-Modified-Since`; `None` without the field, or if it is no date or more than
    /// one. (`request.if_modified_since`)
    pub fn if_modified_since(&self) -> Option<SystemTime> {
        date_of(self.only(&IF_MODIFIED_SINCE)?)
    }

    /// The date of `If-Unmodified-Since`, as [`if_modified_since`](Request::if_modified_since).
    /// (`request.if_unmodified_since`)
    pub fn if_unmodified_since(&self) -> Option<SystemTime> {
        date_of(self.only(&IF_UNMODIFIED_SINCE)?)
    }

    /// The tag or date of `If-Range`; `None` without the field, or if it is neither, or more than
    /// one. (`request.if_range`, which knows dates alone)
    pub fn if_range(&self) -> Option<IfRange> {
        let value = self.only(&IF_RANGE)?;
        match EntityTag::from_bytes(value.as_bytes()) {
            Some(tag) => Some(IfRange::Tag(tag)),
            None => date_of(value).map(IfRange::Date),
        }
    }

    /// The field of this name, if it is there once.
    fn only(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut values = self.headers().get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    }

    fn tags(&self, name: &HeaderName) -> Option<EntityTags> {
        let mut values = self.headers().get_all(name).iter().map(HeaderValue::as_bytes).peekable();
        values.peek()?;
        Some(EntityTags::of(values))
    }
}

/// Seconds since 1970 began; for dates whose year has two digits.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn date_of(value: &HeaderValue) -> Option<SystemTime> {
    let seconds = date::parse(value.to_str().ok()?, now())?;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;
    use crate::http::range::Part;

    fn get(fields: &str) -> Request {
        request("GET /", fields)
    }

    #[test]
    fn dates_come_as_times_and_what_is_no_date_or_two_is_none() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let it = get(&format!("If-Modified-Since: {date}If-Unmodified-Since: {date}"));
        assert_eq!((it.if_modified_since(), it.if_unmodified_since()), (Some(time), Some(time)));
        assert_eq!(get("").if_modified_since(), None);
        assert_eq!(get("If-Modified-Since: yesterday\r\n").if_modified_since(), None);
        let twice = format!("If-Modified-Since: {date}If-Modified-Since: {date}");
        assert_eq!(get(&twice).if_modified_since(), None);
        let before = get("If-Modified-Since: Wed, 31 Dec 1969 23:59:59 GMT\r\n");
        let second = Duration::from_secs(1);
        assert_eq!(before.if_modified_since(), Some(SystemTime::UNIX_EPOCH - second));
    }

    #[test]
    fn tags_come_as_a_list_or_as_any() {
        let tags = |text: &str| text.split(' ').map(|it| it.parse().unwrap()).collect();
        let it = get("If-Match: \"a\", W/\"b\"\r\nIf-Match: \"c\"\r\n");
        assert_eq!(it.if_match(), Some(EntityTags::These(tags("\"a\" W/\"b\" \"c\""))));
        assert_eq!(it.if_none_match(), None);
        assert_eq!(get("If-None-Match: *\r\n").if_none_match(), Some(EntityTags::Any));
        let junk = get("If-None-Match: junk\r\n").if_none_match();
        assert_eq!(junk, Some(EntityTags::These(Vec::new())));
    }

    #[test]
    fn a_version_is_named_by_its_tag_or_its_date() {
        let named = |value: &str| get(&format!("If-Range: {value}\r\n")).if_range();
        assert_eq!(named("\"v\""), Some(IfRange::Tag("\"v\"".parse().unwrap())));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(named("Sun, 06 Nov 1994 08:49:37 GMT"), Some(IfRange::Date(time)));
        assert_eq!((named("*"), get("").if_range()), (None, None));
    }

    #[test]
    fn a_range_is_heeded_for_get_alone_and_once() {
        let first = Selection::One(Part { offset: 0, len: 10 });
        assert_eq!(get("Range: bytes=0-9\r\n").http_range(100), first);
        assert_eq!(get("Range: bytes=100-\r\n").http_range(100), Selection::NotSatisfiable);
        let twice = "Range: bytes=0-9\r\nRange: bytes=0-9\r\n";
        for it in [get(""), get(twice), request("PUT /", "Range: bytes=0-9\r\n")] {
            assert_eq!(it.http_range(100), Selection::Whole, "{it:?}");
        }
    }

    #[test]
    fn all_conditions_together_give_one_verdict() {
        let current =
            |tag: &str| Current { exists: true, etag: tag.parse().ok(), last_modified: None };
        let it = get("If-None-Match: W/\"v\"\r\n");
        assert_eq!(it.conditions(&current("\"v\"")), Verdict::NotModified);
        assert_eq!(it.conditions(&current("\"w\"")), Verdict::Perform);
    }
}
