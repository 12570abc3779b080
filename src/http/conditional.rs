//! Conditional requests: whether a method is performed at all (RFC 9110 §13).
//!
//! A client that has a copy asks for the thing only if it has changed; one that is about to
//! overwrite it, only if it has not. Each condition alone is true, false, or absent (not sent, or
//! to be ignored as its own clause says), and §13.2.2 says in which order they count. As a table,
//! of which the first row that fits counts, `any` fitting everything:
//!
//! ```text
//! method    If-Match  If-Unmodified-Since  If-None-Match  If-Modified-Since  verdict
//! any       false     any                  any            any                PreconditionFailed
//! any       absent    false                any            any                PreconditionFailed
//! GET       any       any                  false          any                NotModified
//! other     any       any                  false          any                PreconditionFailed
//! GET       any       any                  absent         false              NotModified
//! any       any       any                  any            any                Perform
//! ```
//!
//! GET stands for HEAD too. `If-Range` is the next step, for ranges alone: [`range_applies`].
//!
//! | field | true if | comparison | ignored |
//! |---|---|---|---|
//! | If-Match (§13.1.1) | one of the tags is the current one, or `*` and there is one | strong | |
//! | If-None-Match (§13.1.2) | not so | weak | |
//! | If-Modified-Since (§13.1.3) | changed later | | not GET, If-None-Match there, no date |
//! | If-Unmodified-Since (§13.1.4) | not changed later | | If-Match there, no date |
//! | If-Range (§13.1.5) | the tag or date is exactly the current one | strong | no Range |
//!
//! A malformed list of tags matches no tag: that gives a GET its full answer and keeps a PUT from
//! overwriting. As §13.2.1 has it, conditions are for what would succeed without them: a 404 stays
//! one. CONNECT, OPTIONS and TRACE select nothing and change nothing, and are always performed.

use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, Method};

use super::date;
use super::etag::EntityTag;

/// What a request's conditions ask of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do what the method says.
    Perform,
    /// 304: the client's copy is current.
    NotModified,
    /// 412: somebody changed it meanwhile.
    PreconditionFailed,
}

/// What is known of the version that a request would get or change. The default is that there is
/// none.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Whether there is one. A PUT may be about to make the first.
    pub exists: bool,
    /// Its entity tag, if it has one.
    pub etag: Option<EntityTag>,
    /// When it last changed, in seconds since 1970 began, if that is known.
    pub last_modified: Option<i64>,
}

/// Weighs the conditions in `headers` (§13.2.2). `now`, in seconds since 1970 began, is for dates
/// whose year has two digits.
///
/// ```
/// use evloop::http::conditional::{Current, Verdict, evaluate};
/// use evloop::http::{EntityTag, HeaderMap, Method};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("if-none-match", "\"7\", \"8\"".parse()?);
/// let current = Current { exists: true, etag: EntityTag::strong("8").ok(), last_modified: None };
/// assert_eq!(evaluate(&Method::GET, &headers, &current, 0), Verdict::NotModified);
/// assert_eq!(evaluate(&Method::PUT, &headers, &current, 0), Verdict::PreconditionFailed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate(method: &Method, headers: &HeaderMap, current: &Current, now: i64) -> Verdict {
    let conditions = Conditions {
        if_match: tags(headers, &IF_MATCH, current, true),
        if_unmodified_since: since(headers, &IF_UNMODIFIED_SINCE, current, now).map(|later| !later),
        if_none_match: tags(headers, &IF_NONE_MATCH, current, false).map(|found| !found),
        if_modified_since: since(headers, &IF_MODIFIED_SINCE, current, now),
    };
    match *method {
        Method::CONNECT | Method::OPTIONS | Method::TRACE => Verdict::Perform, // §13.2.1
        Method::GET | Method::HEAD => conditions.weigh(true),
        _ => conditions.weigh(false),
    }
}

/// Whether the parts that `Range` asks for are to be sent: true without `If-Range` (§13.1.5).
///
/// `date_is_strong` says whether the server knows that nothing changed twice in the second of
/// `last_modified` (§8.8.2.2); if it may have, a date cannot show that the client's part and ours
/// belong together. Whether there is a `Range`, and the method is GET, is the caller's to know.
pub fn range_applies(headers: &HeaderMap, current: &Current, date_is_strong: bool) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    let Some(value) = values.next() else { return true };
    if values.next().is_some() || !headers.contains_key(RANGE) {
        return false;
    }
    if let Some(tag) = EntityTag::from_bytes(value.as_bytes()) {
        return current.etag.as_ref().is_some_and(|etag| etag.is_strongly(&tag));
    }
    // The century of a two-digit year is the one in which the dates are alike, if there is one.
    let now = current.last_modified.unwrap_or_default();
    let date = value.to_str().ok().and_then(|text| date::parse(text, now));
    date_is_strong && date.is_some() && date == current.last_modified
}

/// Each condition: true, false, or absent.
#[derive(Clone, Copy, Debug)]
struct Conditions {
    if_match: Option<bool>,
    if_unmodified_since: Option<bool>,
    if_none_match: Option<bool>,
    if_modified_since: Option<bool>,
}

impl Conditions {
    /// The table.
    fn weigh(self, is_get: bool) -> Verdict {
        // Steps 1 and 2: the client's copy must still be the current one.
        match (self.if_match, self.if_unmodified_since) {
            (Some(false), _) | (None, Some(false)) => return Verdict::PreconditionFailed,
            _ => {}
        }
        // Steps 3 and 4: it must be so no more.
        match (self.if_none_match, self.if_modified_since) {
            (Some(false), _) if is_get => Verdict::NotModified,
            (Some(false), _) => Verdict::PreconditionFailed,
            (None, Some(false)) if is_get => Verdict::NotModified,
            _ => Verdict::Perform,
        }
    }
}

/// Whether the current tag is among those of a field; `None` without the field.
fn tags(headers: &HeaderMap, name: &HeaderName, current: &Current, strongly: bool) -> Option<bool> {
    let mut values = headers.get_all(name).iter().map(|value| value.as_bytes()).peekable();
    if *values.peek()? == b"*" {
        return Some(current.exists);
    }
    let etag = current.etag.as_ref().filter(|_| current.exists);
    Some(etag.is_some_and(|etag| etag.is_among(values, strongly)))
}

/// Whether the thing has changed after the date of a field; `None` if there is no such field, it is
/// no date or more than one, or nobody knows when the thing has changed.
fn since(headers: &HeaderMap, name: &HeaderName, current: &Current, now: i64) -> Option<bool> {
    let mut values = headers.get_all(name).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() || !current.exists {
        return None;
    }
    Some(current.last_modified? > date::parse(text, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [(&str, Option<bool>); 3] =
        [("true", Some(true)), ("false", Some(false)), ("absent", None)];

    /// The rows of the table in the docs, as words.
    fn rows() -> Vec<Vec<&'static str>> {
        let table =
            include_str!("conditional.rs").lines().skip_while(|it| !it.contains("! method"));
        let rows = table.skip(1).take_while(|line| !line.contains("```"));
        rows.map(|row| row.trim_start_matches("//! ").split_whitespace().collect()).collect()
    }

    #[test]
    fn the_table_in_the_docs_is_the_table_of_the_code() {
        let rows = rows();
        let mut used = vec![false; rows.len()];
        for method in ["GET", "other"] {
            for number in 0..81 {
                let states = [27, 9, 3, 1].map(|place| STATES[number / place % 3]);
                let [a, b, c, d] = states.map(|(_, value)| value);
                let conditions = Conditions {
                    if_match: a,
                    if_unmodified_since: b,
                    if_none_match: c,
                    if_modified_since: d,
                };
                let words = [method, states[0].0, states[1].0, states[2].0, states[3].0];
                let fits = |row: &Vec<&str>| {
                    row.iter().zip(words).all(|(cell, word)| *cell == "any" || *cell == word)
                };
                let at = rows.iter().position(fits).expect("the last row fits all");
                used[at] = true;
                let verdict = format!("{:?}", conditions.weigh(method == "GET"));
                assert_eq!(rows[at][5], verdict, "{words:?}");
            }
        }
        assert_eq!(
            (used.len(), used.contains(&false)),
            (6, false),
            "every row counts for something"
        );
    }

    fn current() -> Current {
        let etag = EntityTag::strong("v").ok();
        Current { exists: true, etag, last_modified: Some(784_111_777) }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn verdict(method: Method, fields: &[(&'static str, &str)]) -> Verdict {
        evaluate(&method, &headers(fields), &current(), 1_700_000_000)
    }

    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    #[test]
    fn a_method_that_selects_nothing_is_under_no_condition() {
        for method in [Method::CONNECT, Method::OPTIONS, Method::TRACE] {
            let verdict = verdict(method, &[("if-match", "\"other\""), ("if-none-match", "*")]);
            assert_eq!(verdict, Verdict::Perform);
        }
        let delete = verdict(Method::DELETE, &[("if-none-match", "*")]);
        assert_eq!(delete, Verdict::PreconditionFailed);
    }

    #[test]
    fn tags_are_compared_strongly_by_if_match_and_weakly_by_if_none_match() {
        use Verdict::{NotModified, Perform, PreconditionFailed};
        let get = |name, value| verdict(Method::GET, &[(name, value)]);
        assert_eq!(get("if-match", "\"v\""), Perform);
        assert_eq!(get("if-match", "*"), Perform);
        assert_eq!(get("if-match", "W/\"v\""), PreconditionFailed);
        assert_eq!(get("if-match", "garbage"), PreconditionFailed);
        assert_eq!(get("if-none-match", "W/\"v\""), NotModified);
        assert_eq!(get("if-none-match", "*"), NotModified);
        assert_eq!(get("if-none-match", "\"x\""), Perform);
        assert_eq!(get("if-none-match", "garbage"), Perform);
        assert_eq!(verdict(Method::POST, &[("if-none-match", "\"v\"")]), PreconditionFailed);
        let two = [("if-none-match", "\"x\""), ("if-none-match", "\"v\"")];
        assert_eq!(verdict(Method::HEAD, &two), NotModified);
    }

    #[test]
    fn dates_count_to_the_second_and_only_if_they_are_dates() {
        use Verdict::{NotModified, Perform, PreconditionFailed};
        let get = |name, value| verdict(Method::GET, &[(name, value)]);
        assert_eq!(get("if-modified-since", SAME), NotModified);
        assert_eq!(get("if-modified-since", LATER), NotModified);
        assert_eq!(get("if-modified-since", EARLIER), Perform);
        assert_eq!(get("if-modified-since", "yesterday"), Perform);
        assert_eq!(verdict(Method::PUT, &[("if-modified-since", SAME)]), Perform);
        assert_eq!(get("if-unmodified-since", SAME), Perform);
        assert_eq!(get("if-unmodified-since", EARLIER), PreconditionFailed);
        assert_eq!(get("if-unmodified-since", "yesterday"), Perform);
        let twice = [("if-modified-since", SAME), ("if-modified-since", SAME)];
        assert_eq!(verdict(Method::GET, &twice), Perform);
    }

    #[test]
    fn a_tag_silences_the_date_of_its_kind() {
        let fields = [("if-none-match", "\"x\""), ("if-modified-since", SAME)];
        assert_eq!(verdict(Method::GET, &fields), Verdict::Perform);
        let fields = [("if-match", "\"v\""), ("if-unmodified-since", EARLIER)];
        assert_eq!(verdict(Method::GET, &fields), Verdict::Perform);
    }

    #[test]
    fn what_does_not_exist_matches_nothing_not_even_a_star() {
        let verdict = |name, value| {
            evaluate(&Method::PUT, &headers(&[(name, value)]), &Current::default(), 0)
        };
        assert_eq!(verdict("if-none-match", "*"), Verdict::Perform);
        assert_eq!(verdict("if-match", "*"), Verdict::PreconditionFailed);
        assert_eq!(verdict("if-match", "\"v\""), Verdict::PreconditionFailed);
        assert_eq!(verdict("if-unmodified-since", EARLIER), Verdict::Perform);
    }

    #[test]
    fn a_range_applies_only_to_exactly_the_same_version() {
        let applies = |value: &str, strong: bool| {
            let headers = headers(&[("range", "bytes=0-"), ("if-range", value)]);
            range_applies(&headers, &current(), strong)
        };
        assert!(applies("\"v\"", false) && applies(SAME, true));
        assert!(applies("Sunday, 06-Nov-94 08:49:37 GMT", true));
        for value in ["W/\"v\"", "\"x\"", EARLIER, LATER, "*", "", "\"v\", \"v\""] {
            assert!(!applies(value, true), "{value}");
        }
        assert!(!applies(SAME, false), "it may have changed twice in that second");
        assert!(range_applies(&headers(&[]), &current(), false));
        let no_tag = Current { etag: None, last_modified: None, ..current() };
        let asked = headers(&[("range", "bytes=0-"), ("if-range", "garbage")]);
        assert!(!range_applies(&asked, &no_tag, true), "no date is not the date that is unknown");
    }
}
