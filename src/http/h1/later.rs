//! Versions other than 1.1 and 1.0.

use std::ops::Range;

use super::error::Error;
use super::head::Kind;
use super::parse::Parse;
use super::shared::Shared;
use super::verdict::{first_line, head_end, incomplete};

/// Whether the line is in order but for the version, and that is another one (RFC 9112 §2.3), which
/// by then is of another major number (RFC 9110 §15.6.6).
pub(super) fn names_other_version(line: &[u8]) -> bool {
    version_at(Kind::Request, line).is_some()
}

/// RFC 9110 §6.2: a higher minor version of a major one that is known is taken for the highest minor
/// version that is. There is none above 1.1; whoever says one has to be understood all the same.
pub(super) fn is_later_minor(kind: Kind, bytes: &[u8]) -> bool {
    let line = first_line(bytes).map(|len| &bytes[..len]);
    let version = line.and_then(|line| Some(&line[version_at(kind, line)?]));
    matches!(version, Some([.., b'1', b'.', b'2'..=b'9']))
}

/// Parses a head of such a version, once all of it is there, as one of HTTP/1.1.
#[cold]
pub(super) fn parse_later<H>(
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
