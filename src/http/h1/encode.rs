//! Heads and bodies as bytes, appended to a buffer of the caller's.
//!
//! The caller keeps one buffer and clears it between turns, so that sending a small response costs
//! a handful of copies and no allocation. Nothing that goes through here can break out of its
//! place: `http`'s types hold no CR, LF or NUL, and what comes as text is checked.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// A response's head, to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingResponse<'a> {
    /// The status; 200 and above, or 101 for [`switch`](super::ServerConnection::send_switch).
    pub status: StatusCode,
    /// `Content-Type`, unless it is among `headers`: nearly every response has this field, and
    /// apart from the map it costs no map.
    pub content_type: Option<&'a HeaderValue>,
    /// Every other field. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are
    /// written by themselves where they are not here, and checked where they are.
    pub headers: &'a HeaderMap,
    /// The value of `Date` (RFC 9110 §6.6.1), which is the caller's because the time is.
    pub date: Option<&'a HeaderValue>,
}

/// A request's head, to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, as it goes into the request line: usually path and query.
    pub target: &'a str,
    /// The value of `Host`, unless it is among `headers`.
    pub host: &'a str,
    /// Every other field, as with [`OutgoingResponse::headers`].
    pub headers: &'a HeaderMap,
}

/// How long a body will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// Nobody knows yet: chunked under HTTP/1.1, until close under HTTP/1.0.
    Unknown,
}

/// Puts one body onto the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(u8)] // a tag of its own: read with one load, on every event
pub enum Encoder {
    /// So many bytes are still due.
    Length(u64),
    /// In chunks.
    Chunked,
    /// As it is; the end of the connection ends it.
    UntilClose,
    /// The message has no body, whatever its head says (HEAD, 204, 304): bytes are dropped.
    Nothing,
}

impl Encoder {
    /// Appends `data`. Empty data is nothing: an empty chunk would end the body.
    ///
    /// # Errors
    /// It is more than `Content-Length` promised. Nothing was appended.
    pub fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Encoder::Length(left) => {
                let after = left.checked_sub(data.len() as u64);
                *left = after.ok_or("more body was sent than Content-Length promised")?;
                out.extend_from_slice(data);
            }
            Encoder::Chunked if !data.is_empty() => {
                push_hex(out, data.len());
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Encoder::UntilClose => out.extend_from_slice(data),
            Encoder::Chunked | Encoder::Nothing => {}
        }
        Ok(())
    }

    /// Notes that so many bytes of the body went another way.
    ///
    /// # Errors
    /// It is more than `Content-Length` promised, or the body is chunked: whoever sends it
    /// elsewhere writes no chunks.
    pub fn sent_elsewhere(&mut self, count: u64) -> Result<(), &'static str> {
        match self {
            Encoder::Length(left) => {
                let after = left.checked_sub(count);
                *left = after.ok_or("more body was sent than Content-Length promised")?;
            }
            Encoder::Chunked => return Err("a body in chunks was sent without them"),
            Encoder::UntilClose | Encoder::Nothing => {}
        }
        Ok(())
    }

    /// Appends what ends the body.
    ///
    /// # Errors
    /// It is less than `Content-Length` promised.
    pub fn end(&self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Encoder::Length(0) | Encoder::UntilClose | Encoder::Nothing => Ok(()),
            Encoder::Length(_) => Err("less body was sent than Content-Length promised"),
            Encoder::Chunked => {
                out.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
        }
    }
}

const BAD_HOST: &str = "the host is malformed; it is a host name, then maybe a colon and a port";

/// What a server knows of the request when it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The request was HTTP/1.0, which knows neither chunks nor keep-alive by itself.
    pub http_10: bool,
    /// The method was HEAD: the answer is a head without the body it describes.
    pub head: bool,
}

/// What [`response`] and [`request`] decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub encoder: Encoder,
    pub keep_alive: bool,
}

/// What the caller's own fields say about framing and persistence.
#[derive(Default)]
struct Own {
    length: Option<u64>,
    chunked: bool,
    connection: bool,
    close: bool,
    date: bool,
    content_type: bool,
    host: bool,
    upgrade: bool,
    upgrade_option: bool,
    te: bool,
    te_option: bool,
    expect: bool,
}

/// `Date` and the empty line: how the head of a plain answer ends, made once a second.
pub(crate) struct HeadEnd([u8; 39]);

impl HeadEnd {
    /// With this date, as [`imf_fixdate`](crate::http::date::imf_fixdate) writes it.
    pub fn new(date: &[u8; 29]) -> HeadEnd {
        let mut end = *b"date: www, dd mmm yyyy hh:mm:ss GMT\r\n\r\n";
        end[6..35].copy_from_slice(date);
        HeadEnd(end)
    }
}

/// Appends a whole plain answer: a 200 with no fields but these, to a request of HTTP/1.1 that was
/// not HEAD, on a connection that goes on. The bytes are those that [`response`] and its body would
/// be.
///
/// A function of its own, which touches little but `out`, so that where `out` ends is kept in a
/// register: that is half of what writing a small answer costs.
#[inline(never)]
pub(crate) fn plain_answer(
    out: &mut Vec<u8>,
    content_type: &HeaderValue,
    date: &HeadEnd,
    body: &[u8],
) {
    let content_type = content_type.as_bytes();
    out.reserve(120 + content_type.len() + body.len());
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: ");
    out.extend_from_slice(content_type);
    out.extend_from_slice(b"\r\n");
    content_length(out, body.len() as u64);
    out.extend_from_slice(&date.0);
    out.extend_from_slice(body);
}

/// Appends the head of a final response. On an error `out` may hold part of it; the caller cuts
/// it back.
pub(crate) fn response(
    out: &mut Vec<u8>,
    head: &OutgoingResponse<'_>,
    length: Length,
    asked: Asked,
    keep_alive: bool,
) -> Result<Decided, &'static str> {
    out.reserve(160);
    status_line(out, head.status);
    let own = if head.headers.is_empty() { Own::default() } else { fields(out, head.headers)? };
    if let (Some(value), false) = (head.content_type, own.content_type) {
        field(out, b"content-type: ", value.as_bytes());
    }
    let encoder = response_framing(out, head.status, length, &own, asked)?;
    if let (Some(date), false) = (head.date, own.date) {
        field(out, b"date: ", date.as_bytes());
    }
    let keep_alive = keep_alive && !own.close && encoder != Encoder::UntilClose;
    // RFC 9112 §9.3, §9.6: HTTP/1.1 persists unless told, HTTP/1.0 ends unless told.
    match (keep_alive, asked.http_10) {
        (false, _) if !own.close => out.extend_from_slice(b"connection: close\r\n"),
        (true, true) if !own.connection => out.extend_from_slice(b"connection: keep-alive\r\n"),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    Ok(Decided { encoder, keep_alive })
}

/// RFC 9112 §6.1–6.3, RFC 9110 §8.6: writes what delimits the body, if anything may.
fn response_framing(
    out: &mut Vec<u8>,
    status: StatusCode,
    length: Length,
    own: &Own,
    asked: Asked,
) -> Result<Encoder, &'static str> {
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if status == StatusCode::NO_CONTENT && (own.length.is_some() || own.chunked) {
        return Err("a 204 response has a Content-Length or Transfer-Encoding field");
    }
    // RFC 9110 §15.3.6
    let empty = !own.chunked && length == Length::Known(0) && own.length.unwrap_or(0) == 0;
    if status == StatusCode::RESET_CONTENT && !empty {
        return Err("a 205 response has content");
    }
    if asked.http_10 && own.chunked {
        return Err("Transfer-Encoding is set on the answer to an HTTP/1.0 request");
    }
    if bodiless || asked.head {
        if let (Length::Known(length), false, None, false) =
            (length, bodiless, own.length, own.chunked)
        {
            content_length(out, length);
        }
        return Ok(Encoder::Nothing);
    }
    framing(out, length, own, asked.http_10)
}

/// Chooses how a body is delimited, and says so in the head unless the caller's fields do.
fn framing(
    out: &mut Vec<u8>,
    length: Length,
    own: &Own,
    http_10: bool,
) -> Result<Encoder, &'static str> {
    match (own.chunked, own.length, length) {
        (true, Some(_), _) => Err("both Content-Length and Transfer-Encoding are set"),
        (true, None, _) => Ok(Encoder::Chunked),
        (false, Some(own), Length::Known(length)) if own != length => {
            Err("Content-Length is set to another number than the body's length")
        }
        (false, Some(own), _) => Ok(Encoder::Length(own)),
        (false, None, Length::Known(length)) => {
            content_length(out, length);
            Ok(Encoder::Length(length))
        }
        (false, None, Length::Unknown) if http_10 => Ok(Encoder::UntilClose),
        (false, None, Length::Unknown) => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            Ok(Encoder::Chunked)
        }
    }
}

/// Appends an informational head (RFC 9110 §15.2): no framing, no date.
pub(crate) fn informational(
    out: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), &'static str> {
    status_line(out, status);
    let own = fields(out, headers)?;
    if own.length.is_some() || own.chunked {
        return Err("a 1xx response has a Content-Length or Transfer-Encoding field");
    }
    // RFC 9110 §7.8
    if status == StatusCode::SWITCHING_PROTOCOLS {
        if !own.upgrade {
            return Err("a 101 response has no Upgrade field, which names the protocol");
        }
        if !own.upgrade_option {
            out.extend_from_slice(b"connection: upgrade\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends the head of a request.
pub(crate) fn request(
    out: &mut Vec<u8>,
    head: &OutgoingRequest<'_>,
    length: Length,
) -> Result<Decided, &'static str> {
    if head.target.is_empty() || !head.target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the request target has a blank, a control character or one beyond ASCII; \
                    those are to be percent-encoded");
    }
    // RFC 9112 §3.2
    if super::meaning::check_target(head.method, head.target).is_err() {
        return Err(
            "the request target is none for this method: a path that begins with / and has \
                    no fragment, http:// with host and path to a proxy, host:port for CONNECT, \
                    maybe * for OPTIONS",
        );
    }
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    // RFC 9110 §7.2: Host comes first.
    if !head.headers.contains_key(HOST) {
        if !super::meaning::is_host(head.host.as_bytes()) {
            return Err(BAD_HOST);
        }
        field(out, b"host: ", head.host.as_bytes());
    }
    let own = fields(out, head.headers)?;
    if length == Length::Known(0) && own.expect {
        return Err("Expect is set on a request without content, which waits for nothing");
    }
    // RFC 9110 §9.3.8
    if length != Length::Known(0) && *head.method == Method::TRACE {
        return Err("a TRACE request has content");
    }
    // RFC 9110 §7.8, §10.1.4: what concerns this connection alone is named in Connection.
    if own.upgrade && !own.upgrade_option {
        out.extend_from_slice(b"connection: upgrade\r\n");
    }
    if own.te && !own.te_option {
        out.extend_from_slice(b"connection: te\r\n");
    }
    let encoder = match (length, own.length, own.chunked) {
        (Length::Known(0), None, false) if !announces_empty_body(head.method) => Encoder::Length(0),
        _ => framing(out, length, &own, false)?,
    };
    out.extend_from_slice(b"\r\n");
    Ok(Decided { encoder, keep_alive: !own.close })
}

/// RFC 9110 §8.6: an empty body is announced where the method has a meaning for one.
fn announces_empty_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    // RFC 9112 §4: the blank stays even where there is no phrase.
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the caller's fields, and notes those that concern the message as such.
fn fields(out: &mut Vec<u8>, headers: &HeaderMap) -> Result<Own, &'static str> {
    let mut own = Own::default();
    for (name, value) in headers {
        note(&mut own, name, value)?;
        out.extend_from_slice(name.as_str().as_bytes());
        field(out, b": ", value.as_bytes());
    }
    Ok(own)
}

fn note(own: &mut Own, name: &HeaderName, value: &HeaderValue) -> Result<(), &'static str> {
    if *name == CONTENT_LENGTH {
        return note_length(own, value);
    } else if *name == TRANSFER_ENCODING {
        if own.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("Transfer-Encoding is set to something other than chunked");
        }
        own.chunked = true;
    } else if *name == CONNECTION {
        own.connection = true;
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            own.close |= option.eq_ignore_ascii_case(b"close");
            own.upgrade_option |= option.eq_ignore_ascii_case(b"upgrade");
            own.te_option |= option.eq_ignore_ascii_case(b"te");
        }
    } else if *name == HOST {
        if own.host {
            return Err("Host is set twice");
        }
        if !super::meaning::is_host(value.as_bytes()) {
            return Err(BAD_HOST);
        }
        own.host = true;
    }
    own.upgrade |= *name == UPGRADE;
    own.te |= *name == TE;
    own.expect |= *name == EXPECT;
    own.date |= *name == DATE;
    own.content_type |= *name == CONTENT_TYPE;
    Ok(())
}

fn note_length(own: &mut Own, value: &HeaderValue) -> Result<(), &'static str> {
    if own.length.is_some() {
        return Err("Content-Length is set twice");
    }
    let digits = value.as_bytes().iter().all(u8::is_ascii_digit);
    let length = value.to_str().ok().filter(|_| digits).and_then(|text| text.parse().ok());
    own.length = Some(length.ok_or("Content-Length is not set to a number")?);
    Ok(())
}

/// Inlined, since a name of known length is then a few stores.
#[inline(always)]
fn field<const N: usize>(out: &mut Vec<u8>, name: &[u8; N], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends the field; `format!` would cost more than the rest of the head, and a line of a known
/// length is a few stores.
#[inline(always)]
fn content_length(out: &mut Vec<u8>, length: u64) {
    let digit = |number: u64| b'0' + (number % 10) as u8;
    match length {
        0..=9 => {
            let mut line = *b"content-length: 0\r\n";
            line[16] = digit(length);
            out.extend_from_slice(&line);
        }
        10..=99 => {
            let mut line = *b"content-length: 00\r\n";
            (line[16], line[17]) = (digit(length / 10), digit(length));
            out.extend_from_slice(&line);
        }
        _ => long_content_length(out, length),
    }
}

fn long_content_length(out: &mut Vec<u8>, mut length: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while length > 0 {
        at -= 1;
        digits[at] = b'0' + (length % 10) as u8;
        length /= 10;
    }
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

fn push_hex(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[number % 16];
        number /= 16;
        if number == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_answer_is_written_as_any_is() {
        let (content_type, headers) = (HeaderValue::from_static("some/type"), HeaderMap::new());
        let text = crate::http::date::imf_fixdate(1_000_000_000);
        let date = HeaderValue::from_bytes(&text).unwrap();
        let asked = Asked { http_10: false, head: false };
        let head = OutgoingResponse {
            status: StatusCode::OK,
            content_type: Some(&content_type),
            headers: &headers,
            date: Some(&date),
        };
        for body in ["", "body", "twenty bytes of body", &"x".repeat(12_345)] {
            let (mut plain, mut any) = (b"before".to_vec(), b"before".to_vec());
            plain_answer(&mut plain, &content_type, &HeadEnd::new(&text), body.as_bytes());
            let length = Length::Known(body.len() as u64);
            let mut decided = response(&mut any, &head, length, asked, true).unwrap();
            decided.encoder.data(body.as_bytes(), &mut any).unwrap();
            decided.encoder.end(&mut any).unwrap();
            assert!(decided.keep_alive);
            assert_eq!(String::from_utf8(plain), String::from_utf8(any));
        }
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 101, 999, 1000, 65_536, u64::MAX] {
            let mut out = Vec::new();
            content_length(&mut out, number);
            let line = format!("content-length: {number}\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
        for number in [0, 9, 15, 16, 255, 4096, usize::MAX] {
            let mut out = Vec::new();
            push_hex(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}"));
        }
    }
}
