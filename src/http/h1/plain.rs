//! Plain request heads, read in one pass.
//!
//! Nearly every request is plain: a usual method, a target that begins with `/`, HTTP/1.1 or 1.0,
//! lines that end in CR LF and hold what they should. This reader says yes to such a head, or it
//! says nothing. Where it says nothing [`parse_request`](super::parse::parse_request) asks
//! `httparse`, and what is wrong, or only rare, or not all there yet, is judged and put into words
//! there alone. So this can only be too narrow, which costs time, or too wide, which a property
//! tests: whatever it takes, the other takes, and makes the same of it.
//!
//! ```text
//!   GET /users?id=7 HTTP/1.1␍␊      method()   path and query by TARGET, the version as it is
//!   Host: example.org␍␊             name by NAME up to the colon, value by eights up to CR
//!   ␍␊                              the end
//! ```
//!
//! # Fields that were seen before
//!
//! A client that asks again changes the request line and little else, so the storage that a head
//! is read into keeps the last one's fields, and what was made of them. Where the same bytes come
//! again after a request line of the same version, all of that is right for them, too: what
//! [`fields`] and [`Meaning`] make of fields is a function of their bytes, the version and the
//! limits, which are those of all heads in one [`Shared`](super::Shared); and where the fields end
//! is told by the empty line, which is one of the bytes. So such a head costs one comparison
//! instead of the rest of the pass. A property tests this as well: a dialogue of heads is read in
//! storage that remembers as it is in storage that does not.
//!
//! Storage is shared by all clients of a server, and the fields of one may be secret to another.
//! The [comparison](same) takes as long wherever the first difference is, so that nobody can find
//! out a secret by its beginnings.

use std::borrow::Cow;

use http::Method;

use super::bytes::alphanumeric_or;
use super::fields::Span;
use super::head::Kind;
use super::meaning::Meaning;
use super::parse::MAX_FIELDS;
use super::shared::Parts;
use crate::http::Limits;

/// Bytes of a field's name (RFC 9110 §5.6.2).
const NAME: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");

/// Bytes of a target but `?`: everything visible in ASCII but `#`.
const TARGET: [bool; 256] = alphanumeric_or(b"!\"$%&'()*+,-./:;<=>@[\\]^_`{|}~");

/// Reads a plain head at the front of `bytes` into `room`, where another may have been before: its
/// length, or nothing, and then `room` holds no more than rubbish.
#[inline(never)] // once in the program; the rest is where it is called from
pub(crate) fn read(bytes: &[u8], limits: &Limits, room: &mut Parts) -> Option<usize> {
    let (method, target_at) = method(bytes)?;
    let (path_end, target_end) = target(bytes, target_at)?;
    let version = bytes.get(target_end..)?.first_chunk()?;
    let minor = match version {
        _ if version == b" HTTP/1.1\r\n" => 1,
        _ if version == b" HTTP/1.0\r\n" => 0,
        _ => return None,
    };
    let line_end = target_end + version.len();
    if line_end > limits.request_line {
        return None;
    }
    let fields_len = if room.known == Some(minor) && begins_with(&bytes[line_end..], room) {
        room.fields.bytes.len()
    } else {
        new_fields(&bytes[line_end..], minor, limits, room)?
    };
    let path_len = path_end - target_at;
    let len = target_end - target_at;
    room.method = Cow::Borrowed(method);
    room.text.clear();
    room.text.extend_from_slice(&bytes[target_at..target_end]);
    room.path = span(0, path_len);
    room.query = span((path_len + 1).min(len), len);
    Some(line_end + fields_len)
}

/// RFC 9110 §9.3: the usual methods, and where the target begins. (CONNECT has another target.)
#[inline(always)]
fn method(bytes: &[u8]) -> Option<(&'static Method, usize)> {
    static GET: Method = Method::GET;
    static POST: Method = Method::POST;
    static PUT: Method = Method::PUT;
    static HEAD: Method = Method::HEAD;
    static PATCH: Method = Method::PATCH;
    static DELETE: Method = Method::DELETE;
    static OPTIONS: Method = Method::OPTIONS;
    Some(match bytes {
        [b'G', b'E', b'T', b' ', ..] => (&GET, 4),
        [b'P', b'O', b'S', b'T', b' ', ..] => (&POST, 5),
        [b'P', b'U', b'T', b' ', ..] => (&PUT, 4),
        [b'H', b'E', b'A', b'D', b' ', ..] => (&HEAD, 5),
        [b'P', b'A', b'T', b'C', b'H', b' ', ..] => (&PATCH, 6),
        [b'D', b'E', b'L', b'E', b'T', b'E', b' ', ..] => (&DELETE, 7),
        [b'O', b'P', b'T', b'I', b'O', b'N', b'S', b' ', ..] => (&OPTIONS, 8),
        _ => return None,
    })
}

/// RFC 9112 §3.2.1: a target in origin-form. Gives the ends of its path and of all of it.
#[inline(always)]
fn target(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    if bytes.get(start) != Some(&b'/') {
        return None;
    }
    let path_end = run(&TARGET, bytes, start + 1);
    let mut end = path_end;
    while bytes.get(end) == Some(&b'?') {
        end = run(&TARGET, bytes, end + 1);
    }
    Some((path_end, end))
}

/// Whether `bytes` begin with the fields that are in `room`.
#[inline(always)]
fn begins_with(bytes: &[u8], room: &Parts) -> bool {
    let known = &room.fields.bytes[..];
    bytes.get(..known.len()).is_some_and(|bytes| same(bytes, known))
}

/// Whether two runs of one length are equal, with no way out before the end.
#[inline(always)]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() >= 32 {
        return same_by::<32>(one, other);
    }
    if one.len() >= 8 {
        return same_by::<8>(one, other);
    }
    one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

/// The same for runs of `N` bytes at least: so many at a time up to the end, and the last `N`, some
/// of which may be among those.
#[inline(always)]
fn same_by<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    let (mut differ, mut at) = (one.last_chunk::<N>() != other.last_chunk(), 0);
    while let (Some(one), Some(other)) = (chunk_at::<N>(one, at), chunk_at(other, at)) {
        differ |= one != other;
        at += N;
    }
    !differ
}

#[inline(always)]
fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

/// Reads fields at the front of `bytes` that are not known, and knows them from then on.
#[inline(never)]
fn new_fields(bytes: &[u8], minor: u8, limits: &Limits, room: &mut Parts) -> Option<usize> {
    room.clear();
    room.meaning = Meaning::new(minor);
    let end = fields(bytes, limits.header_count.min(MAX_FIELDS), room)?;
    if end > limits.header_bytes || room.meaning.check_request().is_err() {
        return None;
    }
    room.fields.bytes.extend_from_slice(&bytes[..end]);
    room.known = Some(minor);
    Some(end)
}

/// RFC 9112 §5: the fields and the empty line after them, whose end it gives.
#[inline(always)]
fn fields(bytes: &[u8], most: usize, room: &mut Parts) -> Option<usize> {
    let mut at = 0;
    while bytes.get(at) != Some(&b'\r') {
        let colon = run(&NAME, bytes, at);
        if colon == at || bytes.get(colon) != Some(&b':') || room.fields.spans.len() == most {
            return None;
        }
        // RFC 9110 §5.5: blanks around a value are not part of it.
        let mut value_at = colon + 1;
        while is_blank(*bytes.get(value_at)?) {
            value_at += 1;
        }
        let name = &bytes[at..colon];
        let (value_end, line_end) = value(bytes, name, value_at, room)?;
        room.fields.spans.push((span(at, colon), span(value_at, value_end)));
        if bytes.get(line_end..)?.first_chunk()? != b"\r\n" {
            return None;
        }
        at = line_end + 2;
    }
    (bytes.get(at + 1) == Some(&b'\n')).then_some(at + 2)
}

/// Looks through a field's value: where it ends, and where its line does.
#[inline(always)]
fn value(bytes: &[u8], name: &[u8], start: usize, room: &mut Parts) -> Option<(usize, usize)> {
    let line_end = value_end(bytes, start);
    let mut end = line_end;
    while end > start && is_blank(bytes[end - 1]) {
        end -= 1;
    }
    room.meaning.note(Kind::Request, name, &bytes[start..end]).ok()?;
    Some((end, line_end))
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where the bytes from `at` on leave `set`.
#[inline(always)]
fn run(set: &[bool; 256], bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !set[*byte as usize]).unwrap_or(rest.len())
}

/// Where the bytes from `at` on can no longer be a field's value (RFC 9110 §5.5): at a control
/// character that is no tab.
#[inline(always)]
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = printable_end(bytes, at);
        if !matches!(bytes.get(at), Some(b'\t' | 0x80..)) {
            return at;
        }
        at += 1;
    }
}

/// Where the first byte is, from `at` on, that is not between 0x20 and 0x7e: eight at a time.
///
/// Such a byte has its high bit set in `word + 0x01…` or in `word - 0x20…`. A carry or a borrow
/// comes out of such a byte alone, so that it misleads about later ones only, and it is the first
/// that is asked for.
#[inline(always)]
fn printable_end(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    while let Some(eight) = chunk_at(bytes, at) {
        let word = u64::from_le_bytes(*eight);
        let outside = (word.wrapping_add(EACH) | word.wrapping_sub(EACH * 0x20)) & (EACH * 0x80);
        if outside != 0 {
            return at + outside.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !matches!(byte, 0x20..=0x7e)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Option<usize> {
        read(bytes, &Limits::default(), &mut Parts::default())
    }

    #[test]
    fn every_byte_ends_a_value_or_does_not_wherever_it_stands() {
        for byte in 0..=255u8 {
            for at in 0..24 {
                let mut value = [b'v'; 24];
                value[at] = byte;
                let ends = byte.is_ascii_control() && byte != b'\t';
                assert_eq!(value_end(&value, 0), if ends { at } else { 24 }, "{byte:#x} at {at}");
                value[23] = 0;
                assert_eq!(value_end(&value, 0), if ends { at } else { 23 }, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn a_usual_request_is_plain() {
        for request in [
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "HEAD /a/b?c=d?e HTTP/1.0\r\n\r\n",
            "POST /a%20b HTTP/1.1\r\nhost:h:80\r\nX-Long: \t a value of\ttext \t\r\nY:\r\n\r\n",
        ] {
            assert_eq!(length(request.as_bytes()), Some(request.len()), "{request}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_other_reader() {
        for request in [
            "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
            "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
            "BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /# HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\n",
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nx: \x7f\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n",
        ] {
            assert_eq!(length(request.as_bytes()), None, "{request}");
        }
    }

    #[test]
    fn fields_that_are_known_hide_nothing() {
        let mut room = Parts::default();
        let mut read = |line: &str, fields: &str| {
            let head = format!("{line}\r\n{fields}");
            let len = super::read(head.as_bytes(), &Limits::default(), &mut room)?;
            assert_eq!(len, head.len());
            Some(String::from_utf8(room.fields.get("host")?.to_vec()).unwrap())
        };
        let (get, good) = ("GET /a?b HTTP/1.1", "Host: good:1\r\nX: y\r\n\r\n");
        for _ in 0..2 {
            assert_eq!(read(get, good).as_deref(), Some("good:1"));
            assert_eq!(read("POST /other/path HTTP/1.1", good).as_deref(), Some("good:1"));
        }
        for bad in [
            "Host: good:1\r\nX: y\r\nHost: good:1\r\n\r\n",
            "Host: good:1x\r\nX: y\r\n\r\n",
            "Host: good:1\nX: y\r\n\r\n",
            "Host: good:1\r\nX: y\r\n",
            "Host : good:1\r\nX: y\r\n\r\n",
            "Hose: good:1\r\nX: y\r\n\r\n",
            "\r\n",
        ] {
            assert_eq!(read(get, bad), None, "{bad:?}");
            assert_eq!(read(get, bad), None, "{bad:?} again");
            assert_eq!(read(get, good).as_deref(), Some("good:1"));
        }
        assert_eq!(read("GET /#a HTTP/1.1", good), None);
        assert_eq!(read("GET / HTTP/1.2", good), None);
        assert_eq!(read(get, "HOST:\tgood:2\r\n\r\n").as_deref(), Some("good:2"));
    }

    #[test]
    fn fields_known_of_one_version_are_read_anew_for_the_other() {
        let coded = "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut room = Parts::default();
        let mut read = |version: &str, fields: &str| {
            let head = format!("GET / {version}\r\n{fields}");
            super::read(head.as_bytes(), &Limits::default(), &mut room)
        };
        assert!(read("HTTP/1.1", coded).is_some());
        assert_eq!(read("HTTP/1.0", coded), None);
        assert!(read("HTTP/1.0", "\r\n").is_some());
        assert_eq!(read("HTTP/1.1", "\r\n"), None);
    }

    #[test]
    fn two_runs_are_the_same_if_no_byte_differs() {
        let run: Vec<u8> = (0..100).collect();
        for len in 0..run.len() {
            assert!(same(&run[..len], &run.clone()[..len]));
            for at in 0..len {
                let mut other = run.clone();
                other[at] ^= 0x20;
                assert!(!same(&run[..len], &other[..len]), "{at} of {len}");
            }
        }
    }

    #[test]
    fn every_beginning_of_a_head_is_left_to_the_other_reader() {
        let request = b"GET /a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(length(&request[..end]), None);
        }
        assert_eq!(length(request), Some(request.len()));
    }
}
