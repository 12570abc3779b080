//! Heads as bytes, appended to a buffer of the caller's.
//!
//! The caller keeps one buffer and clears it between turns, so that sending a small response costs
//! a handful of copies and no allocation. Nothing that goes through here can break out of its
//! place: `http`'s types hold no CR, LF or NUL, and what comes as text is checked.

use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::encoder::{Encoder, Length};
use super::own::{Own, fields};

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

pub(super) const BAD_HOST: &str =
    "the host is malformed; it is a host name, then maybe a colon and a port";

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

/// Appends the head of a final response. On an error `out` may hold part of it; the caller cuts
/// it back.
pub(crate) fn response(
    out: &mut Vec<u8>,
    head: &OutgoingResponse<'_>,
    length: Length,
    asked: Asked,
    keep_alive: bool,
) -> Result<Decided, &'static str> {
    // RFC 9110 §15: what lies above 599 is no status of HTTP.
    if head.status.as_u16() > 599 {
        return Err("the status code is above 599; HTTP has those from 100 to 599");
    }
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
    // RFC 9110 §7.8: a 426, or who offers another protocol, names that here, too.
    if own.upgrade && !own.upgrade_option {
        out.extend_from_slice(b"connection: upgrade\r\n");
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
    // RFC 9110 §9.3.8: what is sent comes back, for whoever reads the answer.
    if *head.method == Method::TRACE {
        if length != Length::Known(0) {
            return Err("a TRACE request has content");
        }
        if head.headers.contains_key(AUTHORIZATION) || head.headers.contains_key(COOKIE) {
            return Err("a TRACE request has credentials or cookies, which the answer would show");
        }
    }
    // RFC 9110 §9.3.7
    if length != Length::Known(0) && *head.method == Method::OPTIONS && !own.content_type {
        return Err("an OPTIONS request has content without a Content-Type, which it needs");
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

/// Inlined, since a name of known length is then a few stores.
#[inline(always)]
pub(super) fn field<const N: usize>(out: &mut Vec<u8>, name: &[u8; N], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends the field; `format!` would cost more than the rest of the head, and a line of a known
/// length is a few stores.
#[inline(always)]
pub(super) fn content_length(out: &mut Vec<u8>, length: u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 101, 999, 1000, 65_536, u64::MAX] {
            let mut out = Vec::new();
            content_length(&mut out, number);
            let line = format!("content-length: {number}\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }
}
