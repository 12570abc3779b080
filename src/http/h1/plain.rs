//! Plain request heads, read in one pass.
//!
//! Nearly every request is plain: a usual method, a target that begins with `/`, HTTP/1.1 or 1.0,
//! lines that end in CR LF and hold what they should. This reader says yes to such a head, or it
//! says nothing. Where it says nothing [`parse_request`](super::head::parse_request) asks
//! `httparse`, and what is wrong, or only rare, or not all there yet, is judged and put into words
//! there alone. So this can only be too narrow, which costs time, or too wide, which a property
//! tests: whatever it takes, the other takes, and makes the same of it.
//!
//! ```text
//!   GET /users?id=7 HTTP/1.1␍␊      method()   path and query by TARGET, the version as it is
//!   Host: example.org␍␊             name by NAME up to the colon, value by eights up to CR
//!   ␍␊                              the end
//! ```

use http::Method;

use super::fields::Span;
use super::head::{Kind, MAX_FIELDS, alphanumeric_or};
use super::meaning::{Meaning, is};
use super::shared::Parts;
use crate::http::Limits;

/// Bytes of a field's name (RFC 9110 §5.6.2).
const NAME: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");

/// Bytes of a target but `?`: everything visible in ASCII but `#`.
const TARGET: [bool; 256] = alphanumeric_or(b"!\"$%&'()*+,-./:;<=>@[\\]^_`{|}~");

/// A longer host is not remembered. A name has 253 bytes at most (RFC 1035 §2.3.4).
const KNOWN_HOST: usize = 260;

/// Reads a plain head at the front of `bytes` into `room`, which is empty: its length, or nothing,
/// and then `room` holds no more than rubbish.
pub(crate) fn read(bytes: &[u8], limits: &Limits, room: &mut Parts) -> Option<usize> {
    let (method, target_at) = method(bytes)?;
    room.method = method;
    let target_end = target(bytes, target_at, room)?;
    let version = bytes.get(target_end..)?.first_chunk()?;
    let minor = match version {
        _ if version == b" HTTP/1.1\r\n" => 1,
        _ if version == b" HTTP/1.0\r\n" => 0,
        _ => return None,
    };
    let line_end = target_end + version.len();
    room.meaning = Meaning::new(minor);
    let end = fields(bytes, line_end, limits.header_count.min(MAX_FIELDS), room)?;
    let fits = line_end <= limits.request_line && end - line_end <= limits.header_bytes;
    (fits && room.meaning.check_request().is_ok()).then_some(end)
}

/// RFC 9110 §9.3: the usual methods, and where the target begins. (CONNECT has another target.)
#[inline(always)]
fn method(bytes: &[u8]) -> Option<(Method, usize)> {
    Some(match bytes {
        [b'G', b'E', b'T', b' ', ..] => (Method::GET, 4),
        [b'P', b'O', b'S', b'T', b' ', ..] => (Method::POST, 5),
        [b'P', b'U', b'T', b' ', ..] => (Method::PUT, 4),
        [b'H', b'E', b'A', b'D', b' ', ..] => (Method::HEAD, 5),
        [b'P', b'A', b'T', b'C', b'H', b' ', ..] => (Method::PATCH, 6),
        [b'D', b'E', b'L', b'E', b'T', b'E', b' ', ..] => (Method::DELETE, 7),
        [b'O', b'P', b'T', b'I', b'O', b'N', b'S', b' ', ..] => (Method::OPTIONS, 8),
        _ => return None,
    })
}

/// RFC 9112 §3.2.1: a target in origin-form. Gives its end.
#[inline(always)]
fn target(bytes: &[u8], start: usize, room: &mut Parts) -> Option<usize> {
    if bytes.get(start) != Some(&b'/') {
        return None;
    }
    let path_end = run(&TARGET, bytes, start + 1);
    let mut end = path_end;
    while bytes.get(end) == Some(&b'?') {
        end = run(&TARGET, bytes, end + 1);
    }
    room.text = span(start, end);
    room.path = span(start, path_end);
    room.query = span((path_end + 1).min(end), end);
    Some(end)
}

/// RFC 9112 §5: the fields and the empty line after them, whose end it gives.
#[inline(always)]
fn fields(bytes: &[u8], start: usize, most: usize, room: &mut Parts) -> Option<usize> {
    let mut at = start;
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
        let (value_end, line_end) = match known_host(name, &bytes[value_at..], room) {
            Some(len) => (value_at + len, value_at + len),
            None => value(bytes, name, value_at, room)?,
        };
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
    if is(name, b"host") && end - start <= KNOWN_HOST {
        room.good_host.clear();
        room.good_host.extend_from_slice(&bytes[start..end]);
    }
    Some((end, line_end))
}

/// The length of a value that is the whole of its line, and the only `Host`, and was found good as
/// that before: it need not be looked through again. Most requests of a server name the same host.
#[inline(always)]
fn known_host(name: &[u8], rest: &[u8], room: &mut Parts) -> Option<usize> {
    let known = is(name, b"host")
        && !room.good_host.is_empty()
        && rest.strip_prefix(&room.good_host[..])?.starts_with(b"\r\n")
        && room.meaning.first_host();
    known.then_some(room.good_host.len())
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
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
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
    fn a_host_that_is_known_to_be_good_hides_nothing() {
        let mut room = Parts::default();
        let mut read = |fields: &str| {
            room.fields.clear();
            let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            let len = super::read(head.as_bytes(), &Limits::default(), &mut room)?;
            assert_eq!(len, head.len());
            room.fields.bytes = head.into_bytes();
            Some(String::from_utf8(room.fields.get("host")?.to_vec()).unwrap())
        };
        for _ in 0..2 {
            assert_eq!(read("Host: good:1\r\n").as_deref(), Some("good:1"));
        }
        for bad in [
            "Host: good:1\r\nHost: good:1\r\n",
            "Host: good:1x\r\n",
            "Host: good:1\n",
            "Host: good:1\r",
            "Host : good:1\r\n",
            "Hose: good:1\r\n",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read("Host: good:1 \r\n").as_deref(), Some("good:1"));
        assert_eq!(read("Host: good:11\r\n").as_deref(), Some("good:11"));
        assert_eq!(read("Host:\r\n").as_deref(), Some(""));
        assert_eq!(read("HOST:\tgood:1\r\n").as_deref(), Some("good:1"));
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
