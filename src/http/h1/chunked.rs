//! The chunked transfer coding (RFC 9112 §7.1), decoded as it comes in.
//!
//! ```text
//!              digit            CR        LF       left = 0
//!  ┌► Size ──────────► Size ───────► SizeLf ──► Data ─────► DataCr ─► DataLf ─┐
//!  │              blank │ ;            ▲ │                                    │
//!  │         SizeBlank ◄┴─► Extension ─┘ │ size = 0                           │
//!  │             └────────────►┘ ;       │                                    │
//!  │                                CR   ▼             CR           LF        │
//!  │                            ┌► TrailerStart ────────────► EndLf ──► Done  │
//!  │                            │      │ name        :                        │
//!  │                            │      └► TrailerName ─► TrailerValue          │
//!  │                            │ LF                        │ CR              │
//!  │                            └─────────── TrailerLf ◄────┘                 │
//!  └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Every line ends in CR LF and nothing else: a decoder that takes a bare LF here and a proxy that
//! does not will disagree on where a message ends, and that is how requests are smuggled. For the
//! same reason a size has no sign, no prefix and no blank around it, unless an extension follows,
//! and an extension keeps to its grammar (`extension.rs`).
//!
//! The decoder of a *response* takes blanks after a size and any visible text for an extension:
//! servers in the wild pad sizes (Apache did for years), and behind a client there is nobody whom a
//! message could be smuggled past. Line ends and sizes are strict there too.

use http::StatusCode;

use super::body::Piece;
use super::bytes::{is_field_byte, is_token_byte};
use super::error::Error;
use super::extension::Extension;
use crate::http::Limits;

/// The most hex digits a chunk's size may have; 16 fill a `u64`.
const SIZE_DIGITS: u8 = 16;

/// Where in the coding the decoder stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Among the hex digits of a size.
    Size { size: u64, digits: u8 },
    /// After the digits and a blank.
    SizeBlank { size: u64 },
    /// After a semicolon, up to the CR.
    Extension { size: u64, at: Extension },
    /// The LF that ends the size line is due.
    SizeLf { size: u64 },
    /// In a chunk.
    Data { left: u64 },
    /// The CR after a chunk is due.
    DataCr,
    /// The LF after a chunk is due.
    DataLf,
    /// At the beginning of a trailer line, or of the empty line that ends all.
    TrailerStart,
    /// In a trailer field's name.
    TrailerName(FramingName),
    /// In a trailer field's value.
    TrailerValue,
    /// The LF that ends a trailer line is due.
    TrailerLf,
    /// The very last LF is due.
    EndLf,
    /// The body is over.
    Done,
}

/// A decoder of one chunked body. Trailer fields are checked and dropped (RFC 9112 §7.1.2 lets a
/// recipient do so).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoder {
    state: State,
    /// Whether it reads a response.
    lax: bool,
    /// Bytes of extensions so far, in all chunks.
    extension: u32,
    /// Bytes of the trailer section so far.
    trailer: u32,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder of a request's body, before the first chunk.
    pub fn new() -> Decoder {
        let state = State::Size { size: 0, digits: 0 };
        Decoder { state, lax: false, extension: 0, trailer: 0 }
    }

    /// A decoder of a response's body, which is as lax as the module's documentation says.
    pub fn of_response() -> Decoder {
        Decoder { lax: true, ..Decoder::new() }
    }

    /// Whether the last chunk and the trailer section have been read.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece from the front of `input`, and says how many bytes it used up: those
    /// of the coding before the data, and the data.
    ///
    /// # Errors
    /// The coding is malformed, or exceeds `limits`.
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<(usize, Piece<'a>), Error> {
        let mut at = 0;
        loop {
            if self.state == State::Done {
                return Ok((at, Piece::End));
            }
            let Some(&byte) = input.get(at) else { return Ok((at, Piece::NeedData)) };
            if let State::Data { left } = &mut self.state {
                let now = (input.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= now as u64;
                if *left == 0 {
                    self.state = State::DataCr;
                }
                return Ok((at + now, Piece::Data(&input[at..at + now])));
            }
            self.step(byte, limits)?;
            at += 1;
        }
    }

    /// One byte of the coding itself.
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<(), Error> {
        self.state = match (&self.state, byte) {
            (State::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                longer_size(*size, *digits, byte)?
            }
            (State::Size { digits: 0, .. }, _) => return Err(bad_size(byte)),
            (State::Size { size, .. }, b'\r') => State::SizeLf { size: *size },
            // §7.1.1
            (State::Size { size, .. } | State::SizeBlank { size }, b';') => {
                State::Extension { size: *size, at: Extension::BeforeName }
            }
            // RFC 9110 §5.6.3: a recipient takes the blanks that the grammar calls bad.
            (State::Size { size, .. } | State::SizeBlank { size }, b' ' | b'\t') => {
                let size = *size;
                self.count_extension(limits)?;
                State::SizeBlank { size }
            }
            (State::SizeBlank { size }, b'\r') if self.lax => State::SizeLf { size: *size },
            (State::Size { .. } | State::SizeBlank { .. }, _) => return Err(bad_size(byte)),
            (State::Extension { size, at }, b'\r') if self.lax || at.may_end() => {
                State::SizeLf { size: *size }
            }
            (State::Extension { size, at }, _) => {
                let taken = if self.lax {
                    Some(*at).filter(|_| is_field_byte(byte))
                } else {
                    at.next(byte)
                };
                let (size, at) = (*size, taken.ok_or_else(|| bad_extension(byte))?);
                self.count_extension(limits)?;
                State::Extension { size, at }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLf { size }, b'\n') => State::Data { left: *size },
            (State::SizeLf { .. }, _) => return Err(lonely_cr("a chunk's size")),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::DataCr | State::DataLf, _) => {
                return Err(Error::bad(format!(
                    "a chunk is longer than its size says: byte 0x{byte:02x} stands where its \
                     CR LF should"
                )));
            }
            _ => return self.step_in_trailer(byte, limits),
        };
        Ok(())
    }

    /// One byte of the trailer section (§7.1.2).
    fn step_in_trailer(&mut self, byte: u8, limits: &Limits) -> Result<(), Error> {
        self.count_trailer(limits)?;
        self.state = match (&self.state, byte) {
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart, _) if is_token_byte(byte) => {
                State::TrailerName(FramingName::default().next(byte))
            }
            (State::TrailerName(name), _) if is_token_byte(byte) => {
                State::TrailerName(name.next(byte))
            }
            // RFC 9110 §6.5.1: nobody may send these, and whoever merges trailer fields into the
            // head has then been given another framing.
            (State::TrailerName(name), b':') if !self.lax && name.is_whole() => {
                return Err(Error::bad(
                    "a trailer field says how the message is framed; Content-Length and \
                     Transfer-Encoding stand in the head or nowhere",
                ));
            }
            (State::TrailerName(_), b':') => State::TrailerValue,
            (State::TrailerStart | State::TrailerName(_), _) => {
                return Err(Error::bad(format!(
                    "a trailer field's name contains the byte 0x{byte:02x}; after the last chunk \
                     comes CR LF, or fields as in a head"
                )));
            }
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, _) if is_field_byte(byte) => State::TrailerValue,
            (State::TrailerValue, _) => {
                return Err(Error::bad(format!(
                    "a trailer field's value contains the byte 0x{byte:02x}"
                )));
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(lonely_cr("a trailer line")),
        };
        Ok(())
    }

    fn count_extension(&mut self, limits: &Limits) -> Result<(), Error> {
        self.extension += 1;
        if self.extension as usize > limits.chunk_extension_bytes {
            return Err(Error::bad(format!(
                "the body's chunk extensions exceed {} bytes",
                limits.chunk_extension_bytes
            )));
        }
        Ok(())
    }

    fn count_trailer(&mut self, limits: &Limits) -> Result<(), Error> {
        self.trailer += 1;
        if self.trailer as usize > limits.trailer_bytes {
            return Err(Error::they(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("the body's trailer section exceeds {} bytes", limits.trailer_bytes),
            ));
        }
        Ok(())
    }
}

/// How far a name is one of the two that frame a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FramingName {
    /// Its length, while it may still be one of them.
    length: u8,
    /// Bit n is gone once it cannot be number n.
    not: u8,
}

impl FramingName {
    const NAMES: [&'static [u8]; 2] = [b"content-length", b"transfer-encoding"];

    fn next(self, byte: u8) -> FramingName {
        let mut not = self.not;
        for (n, name) in Self::NAMES.iter().enumerate() {
            let expected = name.get(usize::from(self.length));
            if expected != Some(&byte.to_ascii_lowercase()) {
                not |= 1 << n;
            }
        }
        FramingName { length: self.length.saturating_add(1), not }
    }

    fn is_whole(self) -> bool {
        let whole = |(n, name): (usize, &&[u8])| {
            self.not >> n & 1 == 0 && name.len() == usize::from(self.length)
        };
        Self::NAMES.iter().enumerate().any(whole)
    }
}

fn longer_size(size: u64, digits: u8, digit: u8) -> Result<State, Error> {
    if digits == SIZE_DIGITS {
        return Err(Error::bad(format!("a chunk's size has more than {SIZE_DIGITS} hex digits")));
    }
    let value = (digit as char).to_digit(16).unwrap_or_default();
    Ok(State::Size { size: size << 4 | u64::from(value), digits: digits + 1 })
}

#[cold]
fn bad_size(byte: u8) -> Error {
    Error::bad(format!(
        "a chunk's size contains the byte 0x{byte:02x}; it is hex digits, then CR LF or an \
         extension after a semicolon"
    ))
}

#[cold]
fn bad_extension(byte: u8) -> Error {
    Error::bad(format!(
        "a chunk extension is malformed at the byte 0x{byte:02x}; it is a semicolon, a name, and \
         maybe = and a value, which is a token or a quoted string, and ends with CR LF"
    ))
}

#[cold]
fn lonely_cr(after: &str) -> Error {
    Error::bad(format!("the CR after {after} is not followed by LF"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::properties::{chunked_body, chunked_is_the_same_however_it_is_cut};

    fn refused(input: &[u8]) -> String {
        chunked_is_the_same_however_it_is_cut(input);
        chunked_body(input, &Limits::default()).unwrap_err().what().to_owned()
    }

    fn accepted(input: &[u8]) -> (Vec<u8>, usize) {
        chunked_is_the_same_however_it_is_cut(input);
        let (body, used, done) = chunked_body(input, &Limits::default()).unwrap();
        assert!(done, "{input:?} is not complete");
        (body, used)
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left() {
        let input = b"5\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n0\r\n\r\nGET";
        assert_eq!(accepted(input), (b"hello world".to_vec(), input.len() - 3));
    }

    #[test]
    fn trailer_fields_are_checked_and_dropped() {
        assert_eq!(accepted(b"1\r\nx\r\n00\r\nDigest: abc\r\nEmpty:\r\n\r\n").0, b"x");
        assert!(refused(b"0\r\nDigest : abc\r\n\r\n").contains("trailer field's name"));
        assert!(refused(b"0\r\n folded: x\r\n\r\n").contains("trailer field's name"));
        assert!(refused(b"0\r\na: \0\r\n\r\n").contains("trailer field's value"));
        assert!(refused(b"0\r\na: b\r\r\n\r\n").contains("not followed by LF"));
    }

    #[test]
    fn a_size_is_hex_digits_and_nothing_else() {
        for size in ["", "-1", "+1", "0x1", " 1", "1 ", "1\t", "1_0", "g", "1 2", "1,", "1.0"] {
            let input = format!("{size}\r\nx\r\n0\r\n\r\n");
            assert!(refused(input.as_bytes()).contains("chunk's size"), "{size:?}");
        }
        assert!(refused(b"fffffffffffffffff\r\n").contains("more than 16 hex digits"));
    }

    #[test]
    fn the_largest_size_is_read_right() {
        let mut decoder = Decoder::new();
        let input = b"FFFFFFFFFFFFFFFF\r\nabc";
        let (used, piece) = decoder.decode(input, &Limits::default()).unwrap();
        assert_eq!((used, piece), (input.len(), Piece::Data(b"abc")));
        assert_eq!(decoder.state, State::Data { left: u64::MAX - 3 });
    }

    #[test]
    fn a_line_ends_in_cr_lf_and_a_bare_one_of_them_is_refused() {
        assert!(refused(b"1\nx\r\n0\r\n\r\n").contains("chunk's size contains the byte 0x0a"));
        assert!(refused(b"1\rx\r\n0\r\n\r\n").contains("not followed by LF"));
        assert!(refused(b"1;a\nx\r\n0\r\n\r\n").contains("malformed at the byte 0x0a"));
        assert!(refused(b"1\r\nx\n0\r\n\r\n").contains("longer than its size says"));
        assert!(refused(b"1\r\nxy\r\n0\r\n\r\n").contains("longer than its size says"));
        assert!(refused(b"0\r\n\n").contains("0x0a"));
    }

    #[test]
    fn extensions_are_ignored_if_they_are_some() {
        for good in
            [";a", ";a=b", ";a=\"b;\\\"c\"", ";a;b=c;d", " ;a", "\t; a = b ; c", ";a=\"\u{e9}\""]
        {
            let input = format!("1{good}\r\nx\r\n0{good}\r\n\r\n");
            assert_eq!(accepted(input.as_bytes()).0, b"x", "{good:?}");
        }
        for bad in [
            ";",
            ";;a",
            ";a;",
            ";=b",
            ";a=",
            ";a=b=c",
            ";a b",
            ";a ",
            ";a=\"b",
            ";a=\"b\"c",
            ";\"a\"",
            ";a=\"\\\"",
            ";a/b",
            ";a\0",
            ";a\x7f",
            ";a\r",
            ";\u{e9}",
            " ; ",
            ";a=\"b\nc\"",
        ] {
            let input = format!("1{bad}\r\nx\r\n0\r\n\r\n");
            assert!(
                refused(input.as_bytes()).contains("extension is malformed")
                    || refused(input.as_bytes()).contains("not followed by LF"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_response_may_pad_its_sizes_and_have_any_visible_extension() {
        let input = b"1 \r\nx\r\n2; / \"\r\nyz\r\n0;\r\n\r\n";
        let mut decoder = Decoder::of_response();
        let (mut at, mut body) = (0, Vec::new());
        while let (used, Piece::Data(data)) =
            decoder.decode(&input[at..], &Limits::default()).unwrap()
        {
            at += used;
            body.extend_from_slice(data);
        }
        assert_eq!(body, b"xyz");
        for bad in [&b"1;a\nx"[..], b"1;a\rx", b" 1\r\n", b"1 2\r\n", b"1;\0\r\n", b"0x1\r\n"] {
            Decoder::of_response().decode(bad, &Limits::default()).unwrap_err();
        }
    }

    #[test]
    fn extensions_are_limited_over_the_whole_body() {
        let limits = Limits { chunk_extension_bytes: 10, ..Limits::default() };
        let input = b"1;1234\r\nx\r\n1   ;1\r\nx\r\n1;1234\r\nx\r\n0\r\n\r\n";
        let error = chunked_body(input, &limits).unwrap_err();
        assert!(error.what().contains("extensions exceed 10 bytes"), "{error}");
    }

    #[test]
    fn a_trailer_field_that_frames_the_message_is_refused() {
        for name in ["Content-Length", "transfer-encoding", "CONTENT-LENGTH"] {
            let input = format!("0\r\nA: b\r\n{name}: 1\r\n\r\n");
            assert!(refused(input.as_bytes()).contains("how the message is framed"), "{name}");
        }
        let long = "content-length".repeat(30);
        for name in ["Content-Lengt", "Content-Lengths", "xContent-Length", "Host", &long] {
            accepted(format!("0\r\n{name}: 1\r\n\r\n").as_bytes());
        }
        let mut of_response = Decoder::of_response();
        let input = b"0\r\nContent-Length: 1\r\n\r\n";
        assert_eq!(of_response.decode(input, &Limits::default()), Ok((input.len(), Piece::End)));
    }

    #[test]
    fn trailers_are_limited() {
        let limits = Limits { trailer_bytes: 8, ..Limits::default() };
        assert!(chunked_body(b"0\r\na: b\r\n\r\n", &limits).is_ok_and(|(_, _, done)| done));
        let error = chunked_body(b"0\r\nab: b\r\n\r\n", &limits).unwrap_err();
        assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}
