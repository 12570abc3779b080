//! Heads: the first line and the fields of a request or a response.
//!
//! `httparse` splits a head into its parts, except for plain requests, which [`plain`] reads in one
//! pass; what the parts may be is decided here. Two things are true of every function in this file.
//! It is a function of bytes alone; and the verdict on a head is the same whether the head came in
//! one piece or byte by byte. The second needs an order of verdicts, since a head may be wrong in
//! several ways: first the length of the first line, then its syntax, then the length of the rest,
//! then its syntax, and only then what the fields mean. The first two are spoken as soon as the
//! first line is there, the others when all of it is.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use http::{HeaderMap, Method, StatusCode, Version};

use super::body::Framing;
use super::error::Error;
use super::fields::{Fields, Span, text};
use super::meaning::{Meaning, Target, check_target};
use super::plain;
use super::shared::{Kept, Shared};
use crate::http::Limits;

/// The fields that fit in the parser's array, which lies on the stack.
pub(crate) const MAX_FIELDS: usize = 128;

/// Whether a head is a request's or a response's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// The head of a request, as a server receives it.
#[derive(Clone)]
pub struct RequestHead(Kept);

impl RequestHead {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The request target exactly as sent: `/path?query`, `http://host/path`, `host:port` or `*`.
    pub fn target(&self) -> &str {
        text(&self.0.text)
    }

    /// The target's path, still percent-encoded: `/` where an absolute-form target has none
    /// (RFC 9112 §3.2.2), and `*` or `host:port` where the target is that.
    pub fn path(&self) -> &str {
        match text(self.0.path.slice(&self.0.text)) {
            "" => "/",
            path => path,
        }
    }

    /// The same before anybody has made text of it.
    #[inline]
    pub(in crate::http) fn path_bytes(&self) -> &[u8] {
        match self.0.path.slice(&self.0.text) {
            b"" => b"/",
            path => path,
        }
    }

    /// The target's query, still percent-encoded, without its question mark; empty if there is
    /// none.
    pub fn query(&self) -> &str {
        text(self.0.query.slice(&self.0.text))
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.0.meaning.version()
    }

    /// The header fields.
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// The header fields as a map, made at the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.0.fields.map()
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.0.meaning.framing(Kind::Request)
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.0.meaning.expects_continue && self.framing() != Framing::Length(0)
    }

    /// Whether the client allows the connection to serve another request.
    pub fn keeps_alive(&self) -> bool {
        self.0.meaning.keeps_alive()
    }

    /// The limits within which it was received.
    pub(in crate::http) fn limits(&self) -> &Limits {
        self.0.limits()
    }

    /// What the last one who had such a head left for this one.
    #[inline]
    pub(in crate::http) fn take_luggage(&mut self) -> Option<Box<dyn Any>> {
        self.0.luggage.0.take()
    }

    /// Ends here, and leaves that for the next one. Nothing can be asked of it any more.
    #[inline(always)]
    pub(in crate::http) fn leave(&mut self, luggage: Box<dyn Any>) {
        self.0.leave(luggage);
    }

    /// Whether the client asks to change the protocol (`Connection: upgrade`).
    pub fn wants_upgrade(&self) -> bool {
        self.0.meaning.wants_upgrade()
    }
}

#[cfg(any(test, fuzzing))]
impl RequestHead {
    /// What the fields say, for comparison.
    pub(crate) fn meaning(&self) -> &Meaning {
        &self.0.meaning
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method(), self.target(), self.version(), self.fields())
    }
}

/// The head of a response, as a client receives it.
pub struct ResponseHead(Kept);

impl ResponseHead {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The reason phrase as sent; empty if there was none or it was not ASCII.
    pub fn reason(&self) -> &str {
        text(&self.0.text)
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.0.meaning.version()
    }

    /// The header fields.
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// The header fields as a map, made at the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.0.fields.map()
    }

    /// How the body is delimited, if the request was `method` (RFC 9112 §6.3, rules 1 and 2).
    pub fn framing(&self, method: &Method) -> Framing {
        let status = self.status();
        let none = *method == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::CONNECT && status.is_success();
        if none { Framing::Length(0) } else { self.0.meaning.framing(Kind::Response) }
    }

    /// Whether the server allows the connection to serve another request.
    pub fn keeps_alive(&self) -> bool {
        self.0.meaning.keeps_alive()
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?}", self.version(), self.status(), self.fields())
    }
}

/// How [`parse_request`] and [`parse_response`] look.
pub(crate) type Parse<H> = fn(&[u8], &Shared) -> Result<Option<(H, usize)>, Error>;

/// How requests' heads are parsed.
#[cfg(any(test, fuzzing))]
pub(crate) type ParseRequest = Parse<RequestHead>;

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
fn blame_the_method(error: Error, bytes: &[u8], limits: &Limits) -> Error {
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
fn incomplete<T>(
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

/// Whether the line is in order but for the version, and that is another one (RFC 9112 §2.3).
fn names_other_version(line: &[u8]) -> bool {
    version_at(Kind::Request, line).is_some()
}

/// RFC 9110 §2.5: a higher minor version of a major one that is known is taken for the highest minor
/// version that is. There is none above 1.1; whoever says one has to be understood all the same.
fn is_later_minor(kind: Kind, bytes: &[u8]) -> bool {
    let line = first_line(bytes).map(|len| &bytes[..len]);
    let version = line.and_then(|line| Some(&line[version_at(kind, line)?]));
    matches!(version, Some([.., b'1', b'.', b'2'..=b'9']))
}

/// Parses a head of such a version, once all of it is there, as one of HTTP/1.1.
#[cold]
fn parse_later<H>(
    kind: Kind,
    bytes: &[u8],
    shared: &Shared,
    parse: Parse<H>,
) -> Result<Option<(H, usize)>, Error> {
    let line = first_line(bytes).unwrap_or(0);
    let (version, end) = (version_at(kind, &bytes[..line]), head_end(bytes, line));
    let (Some(version), Some(end)) = (version, end) else {
        return incomplete(kind, bytes, None, shared.limits());
    };
    let mut head = bytes[..end].to_vec();
    head[version.end - 1] = b'1';
    parse(&head, shared)
}

/// Where the first line says its version, if that is `HTTP/` and two digits and stands where it
/// should.
fn version_at(kind: Kind, line: &[u8]) -> Option<Range<usize>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut blanks = line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let at = match kind {
        Kind::Request => blanks.nth(1)? + 1..line.len(),
        Kind::Response => 0..blanks.next()?,
    };
    matches!(line[at.clone()], [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
    .then_some(at)
}

/// Whether `byte` may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    const SET: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");
    SET[byte as usize]
}

/// The set of ASCII letters, digits and `others`, as a table.
pub(crate) const fn alphanumeric_or(others: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        set[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        set[others[at] as usize] = true;
        at += 1;
    }
    set
}

/// Whether `byte` may stand in a field's value (RFC 9110 §5.5), blanks included.
pub(crate) fn is_field_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}
