//! What a head's fields say about the connection: where the body ends, whether another message may
//! follow, whether the client waits for leave to send.

use http::uri::Authority;
use http::{Method, StatusCode, Version};

use super::body::Framing;
use super::bytes::alphanumeric_or;
use super::error::Error;
use super::fields::Span;
use super::head::Kind;

/// What [`Meaning::note`] made of the `Transfer-Encoding` fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    /// There is none.
    #[default]
    Absent,
    /// `chunked`, and nothing else.
    Chunked,
    /// `chunked` comes last, after codings that are not known here.
    UnknownThenChunked,
    /// `chunked` does not come last, or not at all.
    NotChunkedLast,
    /// `chunked` comes twice.
    ChunkedTwice,
}

/// The fields of one head that concern the connection, understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    minor: u8,
    coding: Coding,
    length: Option<u64>,
    has_host: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    pub expects_continue: bool,
}

impl Meaning {
    pub fn new(minor: u8) -> Meaning {
        Meaning { minor, ..Meaning::default() }
    }

    /// Takes note of one field. The length of the name tells most fields apart from those that
    /// matter here, so that the others cost one comparison.
    #[inline]
    pub fn note(&mut self, kind: Kind, name: &[u8], value: &[u8]) -> Result<(), Error> {
        match name.len() {
            4 if kind == Kind::Request && is(name, b"host") => self.host(value),
            6 if kind == Kind::Request && is(name, b"expect") => self.expect(value),
            10 if is(name, b"connection") => {
                self.connection(value);
                Ok(())
            }
            14 if is(name, b"content-length") => self.content_length(kind, value),
            17 if is(name, b"transfer-encoding") => {
                self.transfer_encoding(value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// RFC 9112 §3.2: exactly one, and valid. RFC 9110 §7.2: `uri-host [ ":" port ]`.
    fn host(&mut self, value: &[u8]) -> Result<(), Error> {
        if self.has_host {
            return Err(Error::bad("there are two Host fields; there must be exactly one"));
        }
        self.has_host = true;
        if is_host(value) {
            Ok(())
        } else {
            Err(Error::bad(
                "the Host field is malformed; it is a host name, then maybe a colon \
                            and a port",
            ))
        }
    }

    /// RFC 9110 §10.1.1: whoever cannot meet an expectation answers 417; a client of HTTP/1.0
    /// does not know of any, so that its field is ignored.
    fn expect(&mut self, value: &[u8]) -> Result<(), Error> {
        if self.minor == 0 {
            return Ok(());
        }
        for expectation in list(value) {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(Error::they(
                    StatusCode::EXPECTATION_FAILED,
                    "the expectation is not known here; 100-continue is the only one",
                ));
            }
            self.expects_continue = true;
        }
        Ok(())
    }

    /// RFC 9110 §7.6.1.
    fn connection(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// RFC 9112 §6.3, rule 5. A server takes one number. A client also takes the same number
    /// several times, as that rule allows: refusing would make servers in the wild unreachable,
    /// and no one stands behind a client whom the message could be smuggled past.
    fn content_length(&mut self, kind: Kind, value: &[u8]) -> Result<(), Error> {
        if kind == Kind::Request {
            if self.length.is_some() {
                return Err(Error::bad("there are two Content-Length fields; there may be one"));
            }
            self.length = Some(number(value)?);
            return Ok(());
        }
        for item in value.split(|byte| *byte == b',') {
            let length = number(item.trim_ascii())?;
            if self.length.is_some_and(|before| before != length) {
                return Err(Error::bad("the values of Content-Length differ"));
            }
            self.length = Some(length);
        }
        Ok(())
    }

    /// RFC 9112 §6.1. Several fields are one list.
    fn transfer_encoding(&mut self, value: &[u8]) {
        if list(value).next().is_none() {
            self.coding = Coding::NotChunkedLast;
        }
        for coding in list(value) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.coding = match (self.coding, chunked) {
                (Coding::Absent, true) => Coding::Chunked,
                (Coding::Chunked | Coding::UnknownThenChunked | Coding::ChunkedTwice, true) => {
                    Coding::ChunkedTwice
                }
                (Coding::NotChunkedLast, true) => Coding::UnknownThenChunked,
                (Coding::ChunkedTwice, false) => Coding::ChunkedTwice,
                (_, false) => Coding::NotChunkedLast,
            };
        }
    }

    /// What only the whole of a request's head can tell.
    pub fn check_request(&self) -> Result<(), Error> {
        // RFC 9112 §3.2: even if the target names the host, the field must be there.
        if !self.has_host && self.minor == 1 {
            return Err(Error::bad("there is no Host field; HTTP/1.1 requires it"));
        }
        if self.coding == Coding::Absent {
            return Ok(());
        }
        // RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so that this framing is faulty.
        if self.minor == 0 {
            return Err(Error::bad("an HTTP/1.0 request has a Transfer-Encoding field"));
        }
        // RFC 9112 §6.1: a server may reject this, and whoever cares for those behind it does.
        if self.length.is_some() {
            return Err(Error::bad(
                "there are both Transfer-Encoding and Content-Length; there may be one of them",
            ));
        }
        self.check_coding()
    }

    fn check_coding(&self) -> Result<(), Error> {
        match self.coding {
            Coding::Absent | Coding::Chunked => Ok(()),
            // RFC 9112 §6.1: a coding that is not understood is answered 501.
            Coding::UnknownThenChunked => Err(Error::they(
                StatusCode::NOT_IMPLEMENTED,
                "the transfer coding is not known here; chunked is the only one",
            )),
            // RFC 9112 §6.3, rule 4.3: the length cannot be known, answer 400.
            Coding::NotChunkedLast => {
                Err(Error::bad("the last transfer coding is not chunked, so the body has no end"))
            }
            // RFC 9112 §6.1: not more than once.
            Coding::ChunkedTwice => Err(Error::bad("the transfer coding chunked comes twice")),
        }
    }

    /// What only the whole of a response's head can tell.
    pub fn check_response(&self) -> Result<(), Error> {
        self.check_coding()
    }

    /// RFC 9112 §6.3. In a response Transfer-Encoding overrides Content-Length (rule 3); such a
    /// response also ends the connection, see [`keeps_alive`](Meaning::keeps_alive).
    pub fn framing(&self, kind: Kind) -> Framing {
        match (self.coding, self.length, kind) {
            (Coding::Absent, Some(length), _) => Framing::Length(length),
            (Coding::Absent, None, Kind::Request) => Framing::Length(0),
            (Coding::Absent, None, Kind::Response) => Framing::UntilClose,
            _ => Framing::Chunked,
        }
    }

    /// RFC 9112 §9.3: `close` wins; then HTTP/1.1 persists, and HTTP/1.0 if it says so.
    /// RFC 9112 §6.1: not after a response with two framings, nor a coding under HTTP/1.0.
    pub fn keeps_alive(&self) -> bool {
        let faulty = self.coding != Coding::Absent && (self.length.is_some() || self.minor == 0);
        !self.close && !faulty && (self.minor == 1 || self.keep_alive)
    }

    /// RFC 9110 §7.8: HTTP/1.0 cannot ask for another protocol, a server ignores that it does.
    pub fn wants_upgrade(&self) -> bool {
        self.upgrade && self.minor == 1
    }

    pub fn version(&self) -> Version {
        if self.minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 }
    }
}

/// Whether a name, of bytes that a name may have, is `lower` in any letter case. Among those bytes
/// a letter's other case is the only other byte that has the letter's bits once 0x20 is set, and
/// `-` has none; with no way out before the end, the comparison is of words.
#[inline(always)]
pub(crate) fn is<const N: usize>(name: &[u8], lower: &[u8; N]) -> bool {
    <&[u8; N]>::try_from(name)
        .is_ok_and(|name| (0..N).fold(true, |same, at| same & (name[at] | 0x20 == lower[at])))
}

/// The items of a comma-separated list, empty ones left out (RFC 9110 §5.6.1.2).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// `1*DIGIT`, and no sign, blank, list or prefix (RFC 9110 §8.6).
fn number(value: &[u8]) -> Result<u64, Error> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Error::bad("Content-Length is not a number; it is decimal digits only"));
    }
    let digits = value.iter().map(|byte| u64::from(byte - b'0'));
    let number =
        digits.clone().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(digit));
    number.ok_or_else(|| {
        Error::they(StatusCode::PAYLOAD_TOO_LARGE, "Content-Length does not fit in 64 bits")
    })
}

/// Bytes of a registered name, an IPv4 address, and, `[`, `]` and `:` aside, of an IPv6 address
/// (RFC 3986 §3.2.2).
fn is_host_byte(byte: u8) -> bool {
    const SET: [bool; 256] = alphanumeric_or(b"-._~%!$&'()*+,;=");
    SET[byte as usize]
}

/// `uri-host [ ":" port ]`; empty is allowed, for targets without an authority (RFC 9112 §3.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    let port = match value.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            if !rest[..end].iter().all(|byte| is_host_byte(*byte) || *byte == b':') || end == 0 {
                return false;
            }
            &rest[end + 1..]
        }
        None => {
            let end = value.iter().position(|byte| !is_host_byte(*byte)).unwrap_or(value.len());
            &value[end..]
        }
    };
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Where path and query lie in a request target.
#[derive(Debug)]
pub(crate) struct Target {
    pub path: Span,
    pub query: Span,
}

/// RFC 9112 §3.2: which form of target goes with which method.
pub(crate) fn check_target(method: &Method, target: &str) -> Result<Target, Error> {
    let bytes = target.as_bytes();
    if bytes.first() == Some(&b'/') && *method != Method::CONNECT {
        return split_target(bytes, 0); // §3.2.1
    }
    let path_at = match (method, bytes) {
        (&Method::CONNECT, _) if is_authority(target, true) => 0, // §3.2.3
        (&Method::CONNECT, _) => {
            return Err(Error::bad("the target of CONNECT is not host:port"));
        }
        (&Method::OPTIONS, b"*") => 0, // §3.2.4
        _ => absolute_path(target)?,   // §3.2.2
    };
    split_target(bytes, path_at)
}

/// RFC 3986 allows less still; browsers send | and ^ and the like unescaped, and those harm
/// nobody. Bytes beyond ASCII and fragments have no business in a target.
fn split_target(bytes: &[u8], path_at: usize) -> Result<Target, Error> {
    let mut question = bytes.len();
    for (at, byte) in bytes.iter().enumerate().skip(path_at) {
        match byte {
            b'?' if question == bytes.len() => question = at,
            b'#' | 0x7f.. => {
                return Err(Error::bad(
                    "the request target contains # or a byte that is not ASCII; those are to be \
                     percent-encoded",
                ));
            }
            _ => {}
        }
    }
    let query = (question + 1).min(bytes.len());
    Ok(Target {
        path: Span { start: path_at as u32, end: question as u32 },
        query: Span { start: query as u32, end: bytes.len() as u32 },
    })
}

/// RFC 9112 §3.2.2. RFC 9110 §4.2.4: no user information.
fn absolute_path(target: &str) -> Result<usize, Error> {
    let (scheme, rest) = target.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if known && is_authority(authority, false) {
        return Ok(scheme.len() + "://".len() + authority.len());
    }
    Err(Error::bad(
        "the request target is malformed; it is a path that begins with /, or http:// with host \
         and path",
    ))
}

fn is_authority(text: &str, with_port: bool) -> bool {
    let parsed = text.parse::<Authority>();
    !text.contains('@')
        && is_host(text.as_bytes())
        && parsed.is_ok_and(|it| !it.host().is_empty() && (!with_port || it.port().is_some()))
}
