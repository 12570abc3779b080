//! Requests read the slow way: whole lines, one clause after the other, nothing shared with the
//! machine but the sets of bytes. What the machine, with its states and its reader of plain heads,
//! makes of any bytes is held to this, and to `httparse`.

use http::Method;

use super::super::body::Framing;
use super::super::{Event, ServerConnection, Shared};
use crate::http::Limits;

/// A request's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    method: String,
    target: String,
    minor: u8,
    fields: Vec<(String, Vec<u8>)>,
    framing: Framing,
    length: usize,
}

/// What the slow reader says of bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They begin with this head.
    Head(Head),
    /// They begin with a head that is malformed.
    Refused,
    /// No empty line ends a head.
    Incomplete,
}

fn is_token(bytes: &[u8]) -> bool {
    let one = |it: &u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(it);
    !bytes.is_empty() && bytes.iter().all(one)
}

fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|it| *it == b'\t' || *it >= b' ' && *it != 0x7f)
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Lines up to and without the empty one, which ends at the second value.
fn lines(input: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let (mut lines, mut at) = (Vec::new(), 0);
    loop {
        let end = at + input[at..].windows(2).position(|it| it == b"\r\n")?;
        if end == at {
            return Some((lines, end + 2));
        }
        lines.push(&input[at..end]);
        at = end + 2;
    }
}

/// Reads the head at the front of `input`, which no empty line may precede.
pub fn request_head(input: &[u8]) -> Verdict {
    match lines(input) {
        None => Verdict::Incomplete,
        Some((lines, length)) => read(&lines, length).map_or(Verdict::Refused, Verdict::Head),
    }
}

fn read(lines: &[&[u8]], length: usize) -> Option<Head> {
    let (first, rest) = lines.split_first()?;
    let words: Vec<&[u8]> = first.split(|it| *it == b' ').collect();
    let [method, target, version] = words[..] else { return None };
    let minor = match version {
        b"HTTP/1.0" => 0,
        // RFC 9110 §6.2.
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => 1,
        _ => return None,
    };
    let mut fields = Vec::new();
    for line in rest {
        let colon = line.iter().position(|it| *it == b':')?;
        let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
        if !is_token(name) || !is_value(value) {
            return None;
        }
        fields.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    let method = String::from_utf8(method.to_vec()).ok().filter(|it| is_token(it.as_bytes()))?;
    let target = String::from_utf8(target.to_vec()).ok().filter(|it| is_target(&method, it))?;
    let framing = framing(minor, &fields)?;
    (hosts(minor, &fields) && expectation(minor, &fields)).then_some(Head {
        method,
        target,
        minor,
        fields,
        framing,
        length,
    })
}

fn of<'a>(fields: &'a [(String, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    let these = fields.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
    these.map(|(_, value)| &value[..]).collect()
}

/// RFC 9112 §3.2. In the forms that are not origin-form more may be refused than here.
fn is_target(method: &str, target: &str) -> bool {
    let visible = target.bytes().all(|it| matches!(it, 0x21..=0x7e) && it != b'#');
    let form = match method {
        "CONNECT" => target.rsplit_once(':').is_some_and(|(host, _)| !host.is_empty()),
        "OPTIONS" if target == "*" => true,
        _ => {
            let lower = target.to_ascii_lowercase();
            let rest = lower.strip_prefix("http://").or(lower.strip_prefix("https://"));
            target.starts_with('/') || rest.is_some_and(|it| !it.starts_with(['/', '?', ':']))
        }
    };
    visible && form
}

/// RFC 9112 §3.2, RFC 9110 §7.2.
fn hosts(minor: u8, fields: &[(String, Vec<u8>)]) -> bool {
    match of(fields, "host")[..] {
        [] => minor == 0,
        [host] => {
            let text = String::from_utf8_lossy(host);
            let (name, port) = match text.rfind(']') {
                Some(end) => text.split_at(end + 1),
                None => text.split_at(text.find(':').unwrap_or(text.len())),
            };
            let inner = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&it);
            let name = match inner {
                Some(inner) => {
                    !inner.is_empty() && inner.bytes().all(|it| it == b':' || allowed(it))
                }
                None => name.bytes().all(allowed),
            };
            let digits = port.strip_prefix(':').unwrap_or(port);
            name && (port.is_empty() || port.starts_with(':'))
                && digits.bytes().all(|it| it.is_ascii_digit())
        }
        _ => false,
    }
}

/// RFC 9110 §10.1.1.
fn expectation(minor: u8, fields: &[(String, Vec<u8>)]) -> bool {
    let known = |it: &[u8]| {
        let it = trimmed(it);
        it.is_empty() || it.eq_ignore_ascii_case(b"100-continue")
    };
    minor == 0 || of(fields, "expect").iter().all(|it| it.split(|it| *it == b',').all(known))
}

/// RFC 9112 §6.
fn framing(minor: u8, fields: &[(String, Vec<u8>)]) -> Option<Framing> {
    let lengths = of(fields, "content-length");
    let codings = of(fields, "transfer-encoding");
    match (&lengths[..], &codings[..]) {
        ([], []) => Some(Framing::Length(0)),
        ([one], []) if one.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(one).ok()?.parse().ok().map(Framing::Length)
        }
        ([], codings) if minor == 1 => {
            // A field of this name that names none is refused, though a list may have empty items.
            let [coding] = codings[..] else { return None };
            let items = coding.split(|byte| *byte == b',').map(trimmed);
            let items: Vec<_> = items.filter(|it| !it.is_empty()).collect();
            let [only] = items[..] else { return None };
            only.eq_ignore_ascii_case(b"chunked").then_some(Framing::Chunked)
        }
        _ => None,
    }
}

/// The machine's verdict on a head is the slow reader's; what it takes `httparse` takes, too, and
/// makes the same of it.
pub fn heads_are_read_as_the_reference_reads_them(input: &[u8]) {
    let input = input.strip_prefix(b"\r\n").unwrap_or(input);
    if matches!(input.first(), None | Some(b'\r')) {
        return; // More empty lines: the machine's own business.
    }
    let slow = request_head(input);
    let mut connection = ServerConnection::new(&Shared::new(Limits {
        request_line: 1 << 20,
        header_bytes: 1 << 20,
        ..Limits::default()
    }));
    let fast = match connection.receive(input) {
        Ok((length, Event::Head(head))) => Verdict::Head(Head {
            method: head.method().to_string(),
            target: head.target().to_owned(),
            minor: u8::from(head.version() == http::Version::HTTP_11),
            fields: head
                .fields()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            framing: head.framing(),
            length,
        }),
        Ok(_) => Verdict::Incomplete,
        Err(_) => Verdict::Refused,
    };
    match (&fast, &slow) {
        (Verdict::Head(head), slow) => {
            assert_eq!(fast, *slow);
            agrees_with_httparse(head, input);
        }
        // An error may be plain before the head's end is there.
        (Verdict::Refused, Verdict::Incomplete | Verdict::Refused) => {}
        (Verdict::Refused, Verdict::Head(slow)) => {
            let other_form = !slow.target.starts_with('/') && slow.target != "*";
            assert!(other_form || slow.fields.len() > 128, "refused: {slow:?}");
        }
        (Verdict::Incomplete, slow) => assert_eq!(*slow, Verdict::Incomplete),
    }
}

fn agrees_with_httparse(head: &Head, input: &[u8]) {
    let mut array = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Request::new(&mut array);
    assert_eq!(other.parse(input), Ok(httparse::Status::Complete(head.length)));
    assert_eq!(other.method, Some(&head.method[..]));
    assert_eq!(other.path, Some(&head.target[..]));
    assert_eq!(other.version, Some(head.minor));
    let fields = other.headers.iter().map(|it| (it.name.to_owned(), it.value.to_vec()));
    assert_eq!(fields.collect::<Vec<_>>(), head.fields);
    let known = Method::from_bytes(head.method.as_bytes());
    assert!(known.is_ok());
}

/// The body of chunks at the front of `input` and its length on the wire, or nothing: it is
/// malformed or not all there.
pub fn chunked(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let end = at + input[at..].windows(2).position(|it| it == b"\r\n")?;
        let line = &input[at..end];
        let digits = line.iter().take_while(|it| it.is_ascii_hexdigit()).count();
        if digits > 16 || !extensions(&line[digits..]) {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
        at = end + 2;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        let chunk = input.get(at..at.checked_add(size)?.checked_add(2)?)?;
        body.extend_from_slice(chunk.strip_suffix(b"\r\n")?);
        at += chunk.len();
    }
    let (trailers, length) = lines(&input[at..])?;
    for line in trailers {
        let colon = line.iter().position(|it| *it == b':')?;
        let name = &line[..colon];
        let framing = [&b"content-length"[..], b"transfer-encoding"];
        let frames = framing.iter().any(|it| it.eq_ignore_ascii_case(name));
        if !is_token(name) || frames || !is_value(&line[colon + 1..]) {
            return None;
        }
    }
    Some((body, at + length))
}

/// RFC 9112 §7.1.1, as its grammar is written.
fn extensions(mut rest: &[u8]) -> bool {
    let blanks = |bytes: &[u8]| bytes.iter().take_while(|it| matches!(it, b' ' | b'\t')).count();
    let token =
        |bytes: &[u8]| bytes.iter().take_while(|it| is_token(std::slice::from_ref(*it))).count();
    while !rest.is_empty() {
        let Some(after) = rest[blanks(rest)..].strip_prefix(b";") else { return false };
        rest = &after[blanks(after)..];
        let name = token(rest);
        if name == 0 {
            return false;
        }
        rest = &rest[name..];
        if let Some(value) = rest[blanks(rest)..].strip_prefix(b"=") {
            let value = &value[blanks(value)..];
            let Some(after) = (match value.strip_prefix(b"\"") {
                Some(quoted) => after_quote(quoted),
                None => Some(&value[token(value)..]).filter(|it| it.len() < value.len()),
            }) else {
                return false;
            };
            rest = after;
        }
    }
    true
}

fn after_quote(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', any, rest @ ..] if is_value(&[*any]) => bytes = rest,
            [any, rest @ ..] if *any != b'\\' && is_value(&[*any]) => bytes = rest,
            _ => return None,
        }
    }
}

/// The machine's verdict on a chunked body is the slow reader's.
pub fn chunks_are_read_as_the_reference_reads_them(input: &[u8]) {
    let limits =
        Limits { chunk_extension_bytes: 1 << 20, trailer_bytes: 1 << 20, ..Limits::default() };
    let fast = match super::chunked_body(input, &limits) {
        Ok((body, length, true)) => Some((body, length)),
        _ => None,
    };
    assert_eq!(fast, chunked(input));
}
