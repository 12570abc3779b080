//! Parts of a representation, by bytes (RFC 9110 §14).
//!
//! ```text
//! Range: bytes=0-499            the first 500              206, Content-Range: bytes 0-499/1234
//! Range: bytes=500-             all from 500 on            206
//! Range: bytes=-500             the last 500               206
//! Range: bytes=0-0,-1           the first and the last     206, multipart/byteranges
//! Range: bytes=9999-            beyond the end             416, Content-Range: bytes */1234
//! Range: bytes=5-0, lines=1-2   not a range of bytes       200: as if the field were not there
//! ```
//!
//! **Floods.** A few hundred bytes of `Range` can ask for a thousand overlapping parts, which took
//! servers' memory and lines (CVE-2011-3192). So there are at most [`MOST_PARTS`] of them, and
//! together they are no longer than the whole: whoever asks for more is refused with 416, as §14.2,
//! §15.5.17 and §17.15 have it, and no range request costs more than the whole would, but for 200 small
//! heads. nginx compares the sum in the same way, and Apache has the same count.
//!
//! Parts are sent in the order they were asked for and are not joined: a client that asks for two
//! that touch gets two.

use std::fmt::Write as _;

/// The most parts that are sent in one response. More: 416.
///
/// 200, as Apache's `MaxRanges`.
pub const MOST_PARTS: usize = 200;

/// A stretch of bytes that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes it has; at least 1.
    pub len: u64,
}

impl Part {
    /// The value of its `Content-Range`, in a representation of `whole` bytes (§14.4).
    ///
    /// ```
    /// let part = evloop::http::range::Part { offset: 0, len: 500 };
    /// assert_eq!(part.content_range(1234), "bytes 0-499/1234");
    /// ```
    pub fn content_range(&self, whole: u64) -> String {
        format!("bytes {}-{}/{whole}", self.offset, self.last())
    }

    fn last(&self) -> u64 {
        self.offset + (self.len - 1)
    }
}

/// What a `Range` selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything: the field is in another unit, is malformed, or cannot be met in a better way.
    /// 200.
    Whole,
    /// One part. 206.
    One(Part),
    /// Several, in the order they were asked for. 206, as [`Multipart`].
    Several(Vec<Part>),
    /// None of them begins within the representation, or they are too many. 416, with
    /// `Content-Range: bytes */LENGTH`.
    NotSatisfiable,
}

/// What the value of a `Range` field selects in a representation of `whole` bytes.
///
/// Whether the field counts at all is decided before: it does for GET alone (§14.2), and if
/// [`range_applies`](super::conditional::range_applies).
///
/// ```
/// use evloop::http::range::{Part, Selection, select};
/// assert_eq!(select(b"bytes=-500", 1234), Selection::One(Part { offset: 734, len: 500 }));
/// assert_eq!(select(b"bytes=1234-", 1234), Selection::NotSatisfiable);
/// ```
pub fn select(range: &[u8], whole: u64) -> Selection {
    let Some(specs) = bytes_specs(range) else { return Selection::Whole };
    let mut parts = Vec::new();
    let (mut count, mut sum) = (0, 0_u128);
    for spec in specs.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if spec.is_empty() {
            continue;
        }
        let Some(spec) = Spec::parse(spec) else { return Selection::Whole };
        count += 1;
        if let Some(part) = spec.within(whole) {
            sum += u128::from(part.len);
            parts.push(part);
        }
        if count > MOST_PARTS || sum > u128::from(whole) {
            return Selection::NotSatisfiable;
        }
    }
    match parts[..] {
        // The end of nothing can be asked for, but no Content-Range can say so.
        _ if count == 0 || whole == 0 && wants_end(specs) => Selection::Whole,
        [] => Selection::NotSatisfiable,
        [part] => Selection::One(part),
        _ => Selection::Several(parts),
    }
}

/// What stands behind `bytes=`; the unit may be in any letter case (§14.1).
fn bytes_specs(range: &[u8]) -> Option<&[u8]> {
    let (unit, specs) = range.split_at_checked(6)?;
    unit.eq_ignore_ascii_case(b"bytes=").then_some(specs)
}

/// Whether there is a suffix of more than nothing among well-formed specs.
fn wants_end(specs: &[u8]) -> bool {
    let specs = specs.split(|byte| *byte == b',').filter_map(|it| Spec::parse(it.trim_ascii()));
    specs.into_iter().any(|spec| matches!(spec, Spec::Last(1..)))
}

/// One element of a range set.
enum Spec {
    /// `first-last`, or `first-`.
    From(u64, u64),
    /// `-length`
    Last(u64),
}

impl Spec {
    /// `None` if it is malformed, or ends before it begins (§14.1.1).
    fn parse(text: &[u8]) -> Option<Spec> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        match (&text[..dash], &text[dash + 1..]) {
            (b"", last) => Some(Spec::Last(number(last)?)),
            (first, b"") => Some(Spec::From(number(first)?, u64::MAX)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Spec::From(first, last))
            }
        }
    }

    /// What it selects of `whole` bytes; `None` if nothing (§14.1.2).
    fn within(&self, whole: u64) -> Option<Part> {
        let (offset, end) = match *self {
            Spec::From(first, last) => (first, last.saturating_add(1).min(whole)),
            Spec::Last(len) => (whole.saturating_sub(len), whole),
        };
        (offset < end).then(|| Part { offset, len: end - offset })
    }
}

/// Digits, of which there may be any number: what is too large for us is beyond every end (§14.1.2).
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// The body of a response with several parts: `multipart/byteranges` (§14.6).
///
/// ```text
/// --BOUNDARY CRLF
/// Content-Type: text/plain CRLF
/// Content-Range: bytes 0-499/1234 CRLF CRLF
/// … 500 bytes …
/// CRLF --BOUNDARY CRLF                  (the next)
/// …
/// CRLF --BOUNDARY-- CRLF
/// ```
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    heads: Vec<String>,
    parts: Vec<Part>,
}

impl Multipart {
    /// The parts of a representation of `whole` bytes and that type. `boundary` is a number that
    /// nobody can guess, so that the representation does not contain it.
    pub fn new(parts: Vec<Part>, whole: u64, content_type: Option<&str>, boundary: u64) -> Self {
        let boundary = format!("{boundary:016x}");
        let head = |(at, part): (usize, &Part)| {
            let mut head = String::from(if at == 0 { "" } else { "\r\n" });
            // Writing to a string does not fail.
            let _ = write!(head, "--{boundary}\r\n");
            if let Some(content_type) = content_type {
                let _ = write!(head, "Content-Type: {content_type}\r\n");
            }
            let _ = write!(head, "Content-Range: {}\r\n\r\n", part.content_range(whole));
            head
        };
        let heads = parts.iter().enumerate().map(head).collect();
        Multipart { boundary, heads, parts }
    }

    /// The response's `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The length of the whole body.
    pub fn len(&self) -> u64 {
        let heads = self.heads.iter().map(|head| head.len() as u64);
        let parts = self.parts.iter().map(|part| part.len);
        heads.chain(parts).sum::<u64>() + self.end().len() as u64
    }

    /// Whether there are no parts.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The length of the longest part.
    pub fn longest(&self) -> u64 {
        self.parts.iter().map(|part| part.len).max().unwrap_or(0)
    }

    /// What goes out: the text that comes before each part, and the part.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Part)> {
        self.heads.iter().map(|head| &head[..]).zip(self.parts.iter().copied())
    }

    /// What goes out at the end.
    pub fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(offset: u64, len: u64) -> Part {
        Part { offset, len }
    }

    fn one(range: &str, whole: u64) -> Option<Part> {
        match select(range.as_bytes(), whole) {
            Selection::One(part) => Some(part),
            _ => None,
        }
    }

    #[test]
    fn the_examples_of_the_standard_come_out_right() {
        let whole = 10_000;
        assert_eq!(one("bytes=0-499", whole), Some(part(0, 500)));
        assert_eq!(one("bytes=500-999", whole), Some(part(500, 500)));
        assert_eq!(one("bytes=-500", whole), Some(part(9500, 500)));
        assert_eq!(one("bytes=9500-", whole), Some(part(9500, 500)));
        let ends = Selection::Several(vec![part(0, 1), part(9999, 1)]);
        assert_eq!(select(b"bytes=0-0,-1", whole), ends);
        assert_eq!(select(b"Bytes= 0-0 ,, -1 ,", whole), ends);
        assert_eq!(part(42, 1192).content_range(1234), "bytes 42-1233/1234");
    }

    #[test]
    fn an_end_beyond_the_end_is_the_end() {
        assert_eq!(one("bytes=90-999", 100), Some(part(90, 10)));
        assert_eq!(one("bytes=-999", 100), Some(part(0, 100)));
        assert_eq!(one("bytes=0-99999999999999999999999999", 100), Some(part(0, 100)));
        assert_eq!(one("bytes=0-18446744073709551615", u64::MAX), Some(part(0, u64::MAX)));
    }

    #[test]
    fn what_is_malformed_or_in_another_unit_is_as_if_it_were_not_there() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-0",
            "bytes=a-b",
            "bytes=1",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=0-0;1-1",
            "lines=0-1",
            "bytes =0-1",
            "bytes=0-1,x",
            "bytes=0x1-2",
            "bytes=--1",
            "bytes=1--",
        ] {
            assert_eq!(select(range.as_bytes(), 100), Selection::Whole, "{range}");
        }
    }

    #[test]
    fn what_begins_beyond_the_end_cannot_be_satisfied_but_others_beside_it_can() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,-0"] {
            assert_eq!(select(range.as_bytes(), 100), Selection::NotSatisfiable, "{range}");
        }
        assert_eq!(one("bytes=100-,0-4,200-300", 100), Some(part(0, 5)));
        assert_eq!(select(b"bytes=0-", 0), Selection::NotSatisfiable);
        assert_eq!(select(b"bytes=-5", 0), Selection::Whole, "no Content-Range can say it");
    }

    #[test]
    fn a_flood_of_parts_is_refused() {
        // The attack of CVE-2011-3192, without its malformed elements.
        let flood = (1..1300).map(|end| format!(",5-{}", end + 5)).collect::<String>();
        assert_eq!(select(format!("bytes=0-{flood}").as_bytes(), 1000), Selection::NotSatisfiable);
        let many = |count: u64| {
            let specs: Vec<_> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
            select(format!("bytes={}", specs.join(",")).as_bytes(), 1 << 20)
        };
        let most = MOST_PARTS as u64;
        assert!(matches!(many(most), Selection::Several(parts) if parts.len() == MOST_PARTS));
        assert_eq!(many(most + 1), Selection::NotSatisfiable);
        assert_eq!(select(b"bytes=0-,0-", 100), Selection::NotSatisfiable);
        assert_eq!(select(b"bytes=0-,0-", u64::MAX), Selection::NotSatisfiable);
        let beyond = "200-,".repeat(MOST_PARTS + 1);
        assert_eq!(select(format!("bytes={beyond}").as_bytes(), 100), Selection::NotSatisfiable);
    }

    /// What a client makes of a multipart body: the parts, in order.
    fn read(body: &[u8], boundary: &str) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes()).expect("a delimiter");
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            let blank = after.windows(4).position(|it| it == b"\r\n\r\n").expect("a head");
            let head = std::str::from_utf8(&after[..blank]).expect("text");
            let (_, span) = head.split_once("Content-Range: bytes ").expect("a range");
            let (first, last) = span.split('/').next().unwrap().split_once('-').unwrap();
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            let body = &after[blank + 4..];
            let len = (last - first + 1) as usize;
            found.push((first, body[..len].to_vec()));
            let delimiter = format!("\r\n--{boundary}");
            rest = body[len..].strip_prefix(delimiter.as_bytes()).expect("a delimiter");
        }
        assert_eq!(rest, b"--\r\n");
        found
    }

    proptest! {
        #[test]
        fn whatever_is_asked_parts_lie_within_and_are_no_more_than_the_whole(
            whole in 0..200_u64,
            specs in prop::collection::vec(("[0-9]{0,3}", "[0-9]{0,3}"), 0..8),
        ) {
            let specs: Vec<_> = specs.iter().map(|(a, b)| format!("{a}-{b}")).collect();
            let parts = match select(format!("bytes={}", specs.join(",")).as_bytes(), whole) {
                Selection::One(part) => vec![part],
                Selection::Several(parts) => {
                    prop_assert!(parts.len() > 1);
                    parts
                }
                Selection::Whole | Selection::NotSatisfiable => vec![],
            };
            prop_assert!(parts.iter().all(|it| it.len > 0 && it.offset + it.len <= whole));
            prop_assert!(parts.iter().map(|it| it.len).sum::<u64>() <= whole);
        }

        #[test]
        fn no_bytes_at_all_make_it_panic(range: Vec<u8>, whole: u64) {
            let _ = select(&[b"bytes=", &range[..]].concat(), whole);
            let _ = select(&range, whole);
        }

        #[test]
        fn a_multipart_body_is_as_long_as_it_says_and_is_read_again(
            parts in prop::collection::vec((0..100_u64, 1..50_u64), 2..5),
        ) {
            let data: Vec<u8> = (0..150).collect();
            let parts: Vec<_> = parts.iter().map(|(offset, len)| part(*offset, *len)).collect();
            let multipart = Multipart::new(parts.clone(), 150, Some("a/b"), 7);
            let slice = |part: Part| &data[part.offset as usize..][..part.len as usize];
            let mut body = Vec::new();
            for (head, part) in multipart.parts() {
                body.extend_from_slice(head.as_bytes());
                body.extend_from_slice(slice(part));
            }
            body.extend_from_slice(multipart.end().as_bytes());
            prop_assert_eq!(body.len() as u64, multipart.len());
            let content_type = multipart.content_type();
            let boundary = content_type.split("boundary=").nth(1).unwrap();
            let expected: Vec<_> = parts.iter().map(|it| (it.offset, slice(*it).to_vec())).collect();
            prop_assert_eq!(read(&body, boundary), expected);
        }
    }
}
