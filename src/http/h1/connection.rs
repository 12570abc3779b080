//! What both sides of a connection share: the events they give, and gathering a head from pieces.

use super::error::Error;
use super::head::Head;
use super::parse::Parse;
use super::shared::Shared;
use super::verdict;

/// What came out of the bytes that went in. `H` is the kind of head that comes in on this side.
#[derive(Debug)]
pub enum Event<'a, H> {
    /// A message begins: a request on the server's side, a final response on the client's.
    Head(H),
    /// A 1xx response; a final one is still to come. Only on the client's side.
    Informational(H),
    /// Bytes of the body, as they lie in the input; never none.
    Data(&'a [u8]),
    /// The message is over.
    EndOfMessage,
    /// Nothing more can be said before more bytes come. All of the input was used.
    NeedData,
    /// The next request has begun to come in while this one is unanswered. Its bytes are not
    /// used: keep them, read no more, and offer them again after the answer.
    Paused,
    /// Nothing more will be read from this connection. What was offered is dropped unread.
    Closed,
    /// The connection speaks another protocol, to which the bytes that were not used belong.
    Switched,
}

/// The beginning of a head that is not all there yet. While nothing has begun it owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// What has come of the head; or the CR of an empty line before it.
    bytes: Vec<u8>,
    /// The length of the first line, 0 while it is not complete.
    line: u32,
    /// Empty lines before the head.
    empty_lines: u32,
}

impl Gather {
    /// Whether the connection may end here without anything being cut off.
    pub fn is_clean(&self) -> bool {
        matches!(self.bytes[..], [] | [b'\r'])
    }

    /// Whether the next byte may be the first of a head.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A whole head was read without it.
    #[inline]
    pub fn passed_by(&mut self) {
        self.empty_lines = 0;
    }

    /// Bytes of memory owned for an incomplete head.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes what belongs to a head from the front of `input`: how much that was, and the head if
    /// it is complete. A head that lies whole in `input` is parsed there.
    pub fn receive<H: Head>(
        &mut self,
        input: &[u8],
        shared: &Shared,
        parse: Parse<H>,
    ) -> Result<(usize, Option<H>), Error> {
        // The common case first: nothing has come yet, and this is the beginning of a head.
        let begins = self.bytes.is_empty() && !matches!(input.first(), None | Some(b'\r'));
        let skipped =
            if !begins && self.is_clean() { self.skip_empty_lines(input, shared)? } else { 0 };
        let input = &input[skipped..];
        if input.is_empty() {
            return Ok((skipped, None));
        }
        if !self.bytes.is_empty() {
            return self.receive_more(input, shared, parse);
        }
        if let Some((head, len)) = parse(input, shared)? {
            self.empty_lines = 0;
            return Ok((skipped + len, Some(head)));
        }
        self.bytes.extend_from_slice(input);
        self.line = verdict::first_line(input).unwrap_or(0) as u32;
        Ok((skipped + input.len(), None))
    }

    /// The same with a beginning that came before. What has been looked at is not looked at again,
    /// so that a head which comes byte by byte costs no more than one that comes at once.
    fn receive_more<H: Head>(
        &mut self,
        input: &[u8],
        shared: &Shared,
        parse: Parse<H>,
    ) -> Result<(usize, Option<H>), Error> {
        let limits = shared.limits();
        let before = self.bytes.len();
        let most = limits.request_line.saturating_add(limits.header_bytes).saturating_add(1);
        let input = &input[..input.len().min(most.saturating_sub(before).max(1))];
        self.bytes.extend_from_slice(input);
        verdict::check_first_byte(H::KIND, &self.bytes)?;
        if let Some(end) = verdict::head_end(&self.bytes, before) {
            self.bytes.truncate(end);
            let head = parse(&self.bytes, shared)?;
            *self = Gather::default();
            let (head, _) = head.ok_or_else(|| Error::bad("the head is malformed"))?;
            return Ok((end - before, Some(head)));
        }
        if self.line == 0 {
            let line = verdict::first_line(&self.bytes[before..]).map_or(0, |line| before + line);
            self.line = line as u32;
            verdict::check_first_line(H::KIND, &self.bytes, self.line as usize, limits)?;
        }
        if self.line != 0 {
            verdict::check_lengths(H::KIND, self.line as usize, self.bytes.len(), limits)?;
        }
        Ok((input.len(), None))
    }

    /// RFC 9112 §2.2: empty lines before a head are ignored, up to a limit.
    fn skip_empty_lines(&mut self, input: &[u8], shared: &Shared) -> Result<usize, Error> {
        let mut at = 0;
        if self.bytes == b"\r" {
            if input.first() != Some(&b'\n') {
                return Ok(0);
            }
            self.bytes = Vec::new();
            self.empty_lines += 1;
            at = 1;
        }
        while input[at..].starts_with(b"\r\n")
            && self.empty_lines as usize <= shared.limits().empty_lines
        {
            self.empty_lines += 1;
            at += 2;
        }
        if self.empty_lines as usize > shared.limits().empty_lines {
            return Err(Error::bad(format!(
                "more than {} empty lines come before the head",
                shared.limits().empty_lines
            )));
        }
        if input[at..] == *b"\r" {
            self.bytes.push(b'\r');
            at += 1;
        }
        Ok(at)
    }
}
