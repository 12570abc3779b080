//! What is wrong with a head, and whether all of it is there.

use http::StatusCode;

use super::bytes::is_token_byte;
use super::error::Error;
use super::head::Kind;
use super::later::{is_later_minor, names_other_version};
use super::parse::MAX_FIELDS;
use crate::http::Limits;

/// Lengths are judged before anything behind them is.
pub(crate) fn check_lengths(
    kind: Kind,
    line: usize,
    len: usize,
    limits: &Limits,
) -> Result<(), Error> {
    if line > limits.request_line {
        let (status, name) = match kind {
            Kind::Request => (StatusCode::URI_TOO_LONG, "request line"),
            Kind::Response => (StatusCode::BAD_GATEWAY, "status line"),
        };
        return Err(Error::they(
            status,
            format!("the {name} exceeds {} bytes", limits.request_line),
        ));
    }
    if len - line > limits.header_bytes {
        return Err(Error::they(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("the header fields exceed {} bytes", limits.header_bytes),
        ));
    }
    Ok(())
}

/// RFC 9112 §3: a target that is too long is answered 414, a method that is too long 501.
#[cold]
pub(super) fn blame_the_method(error: Error, bytes: &[u8], limits: &Limits) -> Error {
    let longest = &bytes[..bytes.len().min(limits.request_line)];
    if error.status() == StatusCode::URI_TOO_LONG && !longest.contains(&b' ') {
        let what = format!("the method exceeds {} bytes; none here is as long", longest.len());
        return Error::they(StatusCode::NOT_IMPLEMENTED, what);
    }
    error
}

/// What to say of bytes that `httparse` did not find a head in: that more must come, or what is
/// wrong with them.
#[cold]
pub(super) fn incomplete<T>(
    kind: Kind,
    bytes: &[u8],
    error: Option<httparse::Error>,
    limits: &Limits,
) -> Result<Option<T>, Error> {
    check_first_byte(kind, bytes)?;
    let line = first_line(bytes).unwrap_or(0);
    check_first_line(kind, bytes, line, limits)?;
    if line == 0 {
        return Ok(None);
    }
    let end = head_end(bytes, line);
    check_lengths(kind, line, end.unwrap_or(bytes.len()), limits)?;
    match (end, error) {
        (Some(_), Some(error)) => Err(describe(kind, error, &bytes[..line], limits)),
        _ => Ok(None),
    }
}

/// The length of the first line with its LF, if that is there.
pub(crate) fn first_line(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

/// Where the empty line that ends the head ends, if it is there.
pub(crate) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    let mut lf_at = None;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match (byte, lf_at) {
            (b'\n', Some(previous)) if at - previous == 1 => return Some(at + 1),
            (b'\n', Some(previous)) if at - previous == 2 && bytes[at - 1] == b'\r' => {
                return Some(at + 1);
            }
            (b'\n', _) => lf_at = Some(at),
            _ => {}
        }
    }
    None
}

/// Judges the first line as soon as it is there; until then `line` is 0, and only the length can
/// be judged.
pub(crate) fn check_first_line(
    kind: Kind,
    bytes: &[u8],
    line: usize,
    limits: &Limits,
) -> Result<(), Error> {
    let length = if line == 0 { bytes.len() } else { line };
    check_lengths(kind, length, length, limits)
        .map_err(|error| blame_the_method(error, bytes, limits))?;
    if line == 0 {
        return Ok(());
    }
    let line = &bytes[..line];
    let verdict = match kind {
        Kind::Request => httparse::Request::new(&mut []).parse(line).map(|_| ()),
        Kind::Response => httparse::Response::new(&mut []).parse(line).map(|_| ()),
    };
    match verdict {
        Err(httparse::Error::Version) if is_later_minor(kind, line) => Ok(()),
        verdict => verdict.map_err(|error| describe(kind, error, line, limits)),
    }
}

/// Speaks up at the first byte that cannot begin a head, for those who do not speak HTTP at all
/// and may never send a line end. Empty lines before a head are gone by now.
pub(crate) fn check_first_byte(kind: Kind, bytes: &[u8]) -> Result<(), Error> {
    match bytes.first() {
        Some(first) if !is_token_byte(*first) => Err(not_http(kind, *first)),
        _ => Ok(()),
    }
}

fn not_http(kind: Kind, first: u8) -> Error {
    match (kind, first) {
        // A TLS record of the handshake type.
        (Kind::Request, 0x16) => Error::bad(
            "the first byte is 0x16: the client seems to speak TLS, and this port speaks HTTP",
        ),
        (Kind::Request, _) => Error::bad(format!(
            "a request begins with byte 0x{first:02x}; it begins with a method, such as GET"
        )),
        (Kind::Response, _) => Error::bad(format!(
            "a response begins with byte 0x{first:02x}; it begins with HTTP/1.1 or HTTP/1.0"
        )),
    }
}

/// `httparse`'s verdict as a status and a sentence.
fn describe(kind: Kind, error: httparse::Error, line: &[u8], limits: &Limits) -> Error {
    use httparse::Error as E;
    match (error, kind) {
        // RFC 9112 §5.1: no whitespace before the colon; §5.2: no folded lines.
        (E::HeaderName, _) => Error::bad(
            "a header field's name is malformed; it is letters, digits and -, directly followed \
             by a colon, and no line begins with a blank",
        ),
        // RFC 9110 §5.5
        (E::HeaderValue, _) => Error::bad(
            "a header field's value contains a control character; CR, LF and NUL among others \
             are not allowed",
        ),
        (E::NewLine, _) => Error::bad("a CR is not followed by LF"),
        (E::Status, _) => {
            Error::bad("the status line is malformed; it is HTTP/1.1, three digits and a phrase")
        }
        // RFC 9112 §3: a single SP on each side of the target, no whitespace in it.
        (E::Token, _) => Error::bad(
            "the request line is malformed; it is a method, a target and HTTP/1.1, each \
             separated by one blank",
        ),
        (E::TooManyHeaders, _) => Error::they(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("there are more than {} header fields", limits.header_count.min(MAX_FIELDS)),
        ),
        (E::Version, Kind::Request) if names_other_version(line) => Error::they(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "the version is not supported; this server speaks HTTP/1.1 and HTTP/1.0",
        ),
        (E::Version, Kind::Request) => {
            Error::bad("the request line does not end in a version; it ends in HTTP/1.1")
        }
        (E::Version, Kind::Response) => {
            Error::bad("the response does not begin with HTTP/1.1 or HTTP/1.0")
        }
    }
}
