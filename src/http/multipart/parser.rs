//! Forms of several parts as bytes (RFC 7578, in the framing of RFC 2046 §5.1): no I/O.
//!
//! ```text
//! preamble CRLF                                                   passed over
//! --BOUNDARY CRLF
//! Content-Disposition: form-data; name="photo"; filename="a.png" CRLF
//! Content-Type: image/png CRLF CRLF                               Part
//! …                                                               Data, Data, …
//! CRLF --BOUNDARY CRLF                                            EndOfPart
//! …
//! CRLF --BOUNDARY-- CRLF                                          End
//! epilogue                                                        passed over
//! ```
//!
//! ```text
//! state     DelimiterNext  DelimiterLast  HeadThere
//! Preamble  Head           Over           –
//! Head      –              –              Body
//! Body      Head           Over           –
//! Over      –              –              –
//! ```
//!
//! What is held is at most one head, or of a body as much as may yet turn out to be a delimiter; how
//! many parts are taken is for whoever takes them to limit.

use super::head::PartHead;

/// The longest boundary (RFC 2046 §5.1.1).
pub const MOST_BOUNDARY_BYTES: usize = 70;

/// Bytes in the head of a part. More: 400. As aiohttp's for a field.
pub const MOST_HEAD_BYTES: usize = 8190;

/// Blanks after a boundary. More: 400.
const MOST_PADDING: usize = 32;

/// Cuts a form into its parts: push bytes, then take steps until one says
/// [`NeedData`](Step::NeedData).
///
/// ```
/// use evloop::http::multipart::{FormParser, Step};
/// let mut parser = FormParser::new(b"B").expect("a boundary");
/// parser.push(b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue\r\n--B--\r\n");
/// assert!(matches!(parser.step(), Ok(Step::Part(head)) if head.name() == "a"));
/// assert_eq!(parser.step(), Ok(Step::Data(b"value".to_vec())));
/// assert_eq!(parser.step(), Ok(Step::EndOfPart));
/// assert_eq!(parser.step(), Ok(Step::End));
/// ```
#[derive(Debug)]
pub struct FormParser {
    /// CRLF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    /// What was pushed, and how much of it is used.
    buffer: Vec<u8>,
    used: usize,
    state: State,
}

/// Where it stands. The module's documentation has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    Head,
    Body,
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    DelimiterNext,
    DelimiterLast,
    HeadThere,
}

/// What comes next in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A part begins.
    Part(PartHead),
    /// Some of its body; not empty.
    Data(Vec<u8>),
    /// It is over.
    EndOfPart,
    /// The form is over. What follows is passed over.
    End,
    /// That was all so far.
    NeedData,
}

/// What stands behind a boundary.
enum Tail {
    /// So many bytes, and another part follows.
    Next(usize),
    /// So many bytes, and none does.
    Last(usize),
    /// It has not come yet.
    Unknown,
}

impl FormParser {
    /// Parts with this boundary between them; `None` if it cannot be one (RFC 2046 §5.1.1).
    pub fn new(boundary: &[u8]) -> Option<FormParser> {
        let is_right = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        let fits = (1..=MOST_BOUNDARY_BYTES).contains(&boundary.len());
        if !fits || !boundary.iter().all(is_right) || boundary.ends_with(b" ") {
            return None;
        }
        Some(FormParser {
            delimiter: [b"\r\n--", boundary].concat(),
            // The first boundary stands at the beginning of a line, as if a line had ended before.
            buffer: b"\r\n".to_vec(),
            used: 0,
            state: State::Preamble,
        })
    }

    /// Adds bytes of the form.
    pub fn push(&mut self, data: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        if self.state != State::Over {
            self.buffer.extend_from_slice(data);
        }
    }

    /// Takes the next step.
    ///
    /// # Errors
    ///
    /// What is wrong with the form. It stays wrong.
    pub fn step(&mut self) -> Result<Step, &'static str> {
        match self.state {
            State::Preamble | State::Body => self.text(),
            State::Head => self.head(),
            State::Over => {
                self.used = self.buffer.len();
                Ok(Step::End)
            }
        }
    }

    /// Whether the form is over; what comes to its end before is broken off.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn moves(&mut self, cause: Cause) {
        match self.state.next(cause) {
            Some(next) => self.state = next,
            None => debug_assert!(false, "{cause:?} in {:?}", self.state),
        }
    }

    /// What lies before a delimiter, or the delimiter.
    fn text(&mut self) -> Result<Step, &'static str> {
        let rest = &self.buffer[self.used..];
        let at = find(rest, &self.delimiter);
        if at > 0 {
            let data = rest[..at].to_vec();
            self.used += at;
            return if self.state == State::Body { Ok(Step::Data(data)) } else { self.text() };
        }
        let Some(behind) = rest.strip_prefix(&self.delimiter[..]) else {
            return Ok(Step::NeedData);
        };
        let was_body = self.state == State::Body;
        let (cause, len) = match tail(behind)? {
            Tail::Unknown => return Ok(Step::NeedData),
            Tail::Next(len) => (Cause::DelimiterNext, len),
            Tail::Last(len) => (Cause::DelimiterLast, len),
        };
        self.used += self.delimiter.len() + len;
        self.moves(cause);
        if was_body { Ok(Step::EndOfPart) } else { self.step() }
    }

    fn head(&mut self) -> Result<Step, &'static str> {
        let rest = &self.buffer[self.used..];
        match PartHead::parse(&rest[..rest.len().min(MOST_HEAD_BYTES)])? {
            Some((head, len)) => {
                self.used += len;
                self.moves(Cause::HeadThere);
                Ok(Step::Part(head))
            }
            None if rest.len() >= MOST_HEAD_BYTES => {
                Err("the head of a part of the form exceeds 8190 bytes")
            }
            None => Ok(Step::NeedData),
        }
    }
}

impl State {
    fn next(self, cause: Cause) -> Option<State> {
        match (self, cause) {
            (State::Preamble | State::Body, Cause::DelimiterNext) => Some(State::Head),
            (State::Preamble | State::Body, Cause::DelimiterLast) => Some(State::Over),
            (State::Head, Cause::HeadThere) => Some(State::Body),
            _ => None,
        }
    }
}

/// How many bytes lie before the delimiter, or before what may be the beginning of one.
fn find(text: &[u8], delimiter: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == b'\r') {
        let at = from + at;
        let len = delimiter.len().min(text.len() - at);
        if text[at..at + len] == delimiter[..len] {
            return at;
        }
        from = at + 1;
    }
    text.len()
}

/// What follows a boundary: blanks and a line end, or two hyphens (RFC 2046 §5.1.1).
fn tail(text: &[u8]) -> Result<Tail, &'static str> {
    if text.starts_with(b"--") {
        return Ok(Tail::Last(2));
    }
    if b"--".starts_with(text) {
        return Ok(Tail::Unknown);
    }
    let blanks = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    match &text[blanks..] {
        _ if blanks > MOST_PADDING => Err("a boundary of the form is followed by too many blanks"),
        [b'\r', b'\n', ..] => Ok(Tail::Next(blanks + 2)),
        [] | [b'\r'] => Ok(Tail::Unknown),
        _ => Err("a boundary of the form is not followed by a line end or by --"),
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
