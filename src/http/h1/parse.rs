//! From bytes to heads.
//!
//! `httparse` splits a head into its parts, except for plain requests, which [`plain`] reads in one
//! pass; what the parts may be is decided here, and in [`verdict`]. Two things are true of every
//! function in these files. It is a function of bytes alone; and the verdict on a head is the same
//! whether the head came in one piece or byte by byte. The second needs an order of verdicts, since
//! a head may be wrong in several ways: first the length of the first line, then its syntax, then
//! the length of the rest, then its syntax, and only then what the fields mean. The first two are
//! spoken as soon as the first line is there, the others when all of it is.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use http::{Method, StatusCode};

use super::error::Error;
use super::fields::Span;
use super::head::{Kind, RequestHead, ResponseHead};
use super::later::{is_later_minor, parse_later};
use super::meaning::{Meaning, Target, check_target};
use super::plain;
use super::shared::{Kept, Shared};
use super::verdict::{blame_the_method, check_first_byte, check_lengths, first_line, incomplete};

/// The fields that fit in the parser's array, which lies on the stack.
pub(crate) const MAX_FIELDS: usize = 128;

/// How heads are parsed, requests' and responses' alike: at the front of the bytes, the head and its
/// length, or `None` if it is not all there yet.
pub(crate) type Parse<H> = fn(&[u8], &Shared) -> Result<Option<(H, usize)>, Error>;

/// Parses a request's head at the front of `bytes`: the head and its length, or `None` if it is
/// not all there yet. A plain one is read in one pass; every other is judged with care.
pub(crate) fn parse_request(
    bytes: &[u8],
    shared: &Shared,
) -> Result<Option<(RequestHead, usize)>, Error> {
    match read_plain_request(bytes, shared) {
        Some(read) => Ok(Some(read)),
        None => parse_any_request(bytes, shared),
    }
}

/// The same for a plain one that is all there; nothing is said of any other.
#[inline(always)]
pub(crate) fn read_plain_request(bytes: &[u8], shared: &Shared) -> Option<(RequestHead, usize)> {
    let mut room = shared.room();
    let len = plain::read(bytes, shared.limits(), &mut room)?;
    Some((RequestHead(room), len))
}

/// The same for whatever may come.
#[inline(never)]
pub(crate) fn parse_any_request(
    bytes: &[u8],
    shared: &Shared,
) -> Result<Option<(RequestHead, usize)>, Error> {
    let limits = shared.limits();
    let mut array = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let array = &mut array[..limits.header_count.min(MAX_FIELDS)];
    let len = match request.parse_with_uninit_headers(bytes, array) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return incomplete(Kind::Request, bytes, None, limits),
        Err(httparse::Error::Version) if is_later_minor(Kind::Request, bytes) => {
            return parse_later(Kind::Request, bytes, shared, parse_any_request);
        }
        Err(error) => return incomplete(Kind::Request, bytes, Some(error), limits),
    };
    let target = request.path.unwrap_or_default();
    let line_end = Span::of(target.as_bytes(), bytes).end as usize + " HTTP/1.1".len();
    let line = line_end + if bytes.get(line_end) == Some(&b'\r') { 2 } else { 1 };
    check_first_byte(Kind::Request, bytes)?;
    check_lengths(Kind::Request, line, len, limits)
        .map_err(|error| blame_the_method(error, bytes, limits))?;
    check_line_ends(bytes, len, request.headers)?;
    let mut room = shared.empty_room();
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes())
        .map_err(|_| Error::they(StatusCode::NOT_IMPLEMENTED, "the method is not known here"))?;
    let Target { path, query } = check_target(&method, target)?;
    (room.method, room.path, room.query) = (Cow::Owned(method), path, query);
    room.text.extend_from_slice(target.as_bytes());
    let minor = request.version.unwrap_or_default();
    note_fields(Kind::Request, minor, &bytes[line..len], request.headers, &mut room)?;
    room.meaning.check_request()?;
    Ok(Some((RequestHead(room), len)))
}

/// Parses a response's head at the front of `bytes`, as [`parse_request`] does a request's.
pub(crate) fn parse_response(
    bytes: &[u8],
    shared: &Shared,
) -> Result<Option<(ResponseHead, usize)>, Error> {
    let limits = shared.limits();
    let mut array = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let array = &mut array[..limits.header_count.min(MAX_FIELDS)];
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let parsed = config.parse_response_with_uninit_headers(&mut response, bytes, array);
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return incomplete(Kind::Response, bytes, None, limits),
        Err(httparse::Error::Version) if is_later_minor(Kind::Response, bytes) => {
            return parse_later(Kind::Response, bytes, shared, parse_response);
        }
        Err(error) => return incomplete(Kind::Response, bytes, Some(error), limits),
    };
    let line = first_line(bytes).unwrap_or(len);
    check_first_byte(Kind::Response, bytes)?;
    check_lengths(Kind::Response, line, len, limits)?;
    let mut room = shared.empty_room();
    room.status = StatusCode::from_u16(response.code.unwrap_or_default()).map_err(|_| {
        Error::bad("the status code is below 100; it is three digits, the first not 0")
    })?;
    room.text.extend_from_slice(response.reason.unwrap_or_default().as_bytes());
    let minor = response.version.unwrap_or_default();
    note_fields(Kind::Response, minor, &bytes[line..len], response.headers, &mut room)?;
    room.meaning.check_response()?;
    room.fields.unfold();
    Ok(Some((ResponseHead(room), len)))
}

/// Keeps the fields, which are all of `block` but the empty line at its end, where they are in it,
/// and what those that concern the connection say.
fn note_fields(
    kind: Kind,
    minor: u8,
    block: &[u8],
    headers: &[httparse::Header<'_>],
    room: &mut Kept,
) -> Result<(), Error> {
    let room = &mut **room;
    room.meaning = Meaning::new(minor);
    room.fields.spans.reserve(headers.len());
    for header in headers {
        room.meaning.note(kind, header.name.as_bytes(), header.value)?;
        let name = Span::of(header.name.as_bytes(), block);
        room.fields.spans.push((name, Span::of(header.value, block)));
    }
    room.fields.bytes.extend_from_slice(block);
    Ok(())
}

/// Every line of a request ends in CR LF.
///
/// RFC 9112 §2.2 lets a recipient take a bare LF for a line end. A server does not: an
/// intermediary that reads the same bytes otherwise sees other fields than we do.
fn check_line_ends(
    bytes: &[u8],
    len: usize,
    headers: &[httparse::Header<'_>],
) -> Result<(), Error> {
    let mut good = bytes[..len].ends_with(b"\r\n\r\n");
    for header in headers {
        let start = Span::of(header.name.as_bytes(), bytes).start as usize;
        good &= start >= 2 && bytes[start - 2] == b'\r';
    }
    if good {
        Ok(())
    } else {
        Err(Error::bad("a line of the head ends in LF without a CR before it"))
    }
}
