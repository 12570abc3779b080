//! The bytes between a transport and whoever reads them with `await`: every rule of
//! `StreamReader`, without the waiting.
//!
//! Each reading method answers at once: [`Progress::Done`], an error, or [`Progress::NeedMore`],
//! whereupon the shell waits until something was fed and asks again. Nothing is taken from the
//! buffer before the answer is complete, so a reader that is dropped while it waits loses nothing.
//!
//! # The limit
//!
//! It does not bound a single read of known length, it bounds what a peer can make us keep:
//!
//! - more than `2 * limit` bytes buffered: the transport is to be paused ([`should_pause`]);
//! - at most `limit` bytes buffered: it is to be resumed ([`should_resume`]);
//! - a separator that does not begin within the first `limit` bytes is an error.
//!
//! A reader that must wait wants the transport resumed in any case, however full the buffer is;
//! else reading exactly more than `2 * limit` bytes would wait for ever.
//!
//! [`should_pause`]: StreamBuffer::should_pause
//! [`should_resume`]: StreamBuffer::should_resume

use super::error::ReadError;
use super::scan::{Match, Scan};
use crate::sys::kind_of;
use crate::sys::zoo::{self, Bug};
use std::io;

/// The limit if nobody sets one, in bytes: 64 KiB, as in asyncio.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// How much memory an empty buffer may keep, in bytes: a conversation of small messages then
/// allocates nothing.
const KEPT: usize = 1024;

/// How far a read has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress<T> {
    /// It is complete.
    Done(T),
    /// More bytes, the end of the stream or an error must be fed first.
    NeedMore,
}

use Progress::{Done, NeedMore};

/// What every read gives.
pub type ReadResult<T = Vec<u8>> = Result<Progress<T>, ReadError>;

/// A stream's received and unread bytes, and whether it has ended or failed.
#[derive(Debug)]
pub struct StreamBuffer {
    /// The unread bytes are those from `start` on. While there are none it has at most [`KEPT`].
    bytes: Vec<u8>,
    start: usize,
    limit: usize,
    eof: bool,
    exception: Option<io::Error>,
}

impl StreamBuffer {
    /// An empty buffer with this limit, in bytes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the limit is 0.
    pub fn new(limit: usize) -> io::Result<StreamBuffer> {
        if limit == 0 {
            let text = "a stream's limit is 0: it must be at least 1 byte (asyncio's is 65536)";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(StreamBuffer { bytes: Vec::new(), start: 0, limit, eof: false, exception: None })
    }

    /// Appends received bytes. After [`feed_eof`](Self::feed_eof) they are ignored: no transport
    /// delivers any.
    pub fn feed_data(&mut self, data: &[u8]) {
        if self.eof || data.is_empty() {
            return;
        }
        // Moving the rest only when it is the smaller half keeps the cost constant a byte.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(data);
    }

    /// Notes that the stream has ended.
    pub fn feed_eof(&mut self) {
        self.eof = true;
    }

    /// Whether the stream has ended, however much of it is unread.
    pub fn has_eof(&self) -> bool {
        self.eof
    }

    /// Notes that the stream has failed. What came before is still given to reads that it is enough
    /// for; every other gives this error from now on. The first one stays.
    ///
    /// asyncio gives the error at once, and what came before is lost. But a peer that says what is
    /// wrong and resets has said it: an HTTP server that refuses a body does just that.
    pub fn set_exception(&mut self, error: io::Error) {
        self.exception.get_or_insert(error);
    }

    /// The error that was set.
    pub fn exception(&self) -> Option<&io::Error> {
        self.exception.as_ref()
    }

    /// The unread bytes.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The limit, in bytes.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the stream has ended and everything is read.
    pub fn at_eof(&self) -> bool {
        self.eof && self.unread().is_empty()
    }

    /// Whether so much is buffered that a reading transport is to be paused.
    pub fn should_pause(&self) -> bool {
        self.unread().len() > self.limit.saturating_mul(2)
    }

    /// Whether so little is buffered that a paused transport is to be resumed.
    pub fn should_resume(&self) -> bool {
        self.unread().len() <= self.limit
    }

    /// What is there, at most `max` bytes; empty at the end of the stream or if `max` is 0.
    pub fn read(&mut self, max: usize) -> ReadResult {
        Ok(match self.readable(max)? {
            NeedMore => NeedMore,
            Done(len) => Done(self.take(len)),
        })
    }

    /// The same into memory of the caller's; says how many bytes it was.
    pub fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<usize> {
        let progress = self.readable(buffer.len())?;
        if let Done(len) = progress {
            buffer[..len].copy_from_slice(&self.unread()[..len]);
            self.skip(len);
        }
        Ok(progress)
    }

    /// Everything up to the end of the stream.
    pub fn read_to_end(&mut self) -> ReadResult {
        self.check()?;
        Ok(if self.eof { Done(self.take_all()) } else { NeedMore })
    }

    /// Exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError::IncompleteRead`] if the stream ends before; the buffer is emptied.
    pub fn read_exactly(&mut self, count: usize) -> ReadResult {
        if self.unread().is_empty() {
            self.check()?;
        }
        if self.unread().len() >= count {
            return Ok(Done(self.take(count)));
        }
        self.check()?;
        if !self.eof {
            return Ok(NeedMore);
        }
        Err(ReadError::IncompleteRead { partial: self.take_all(), expected: Some(count) })
    }

    /// Everything up to and including the first separator that `scan` finds. The same `scan` goes
    /// into every call of one read; it may be used for the next one after the read is over.
    ///
    /// # Errors
    ///
    /// - [`ReadError::LimitOverrun`] if more than `limit` bytes stand before it, or came without
    ///   it; all of them stay in the buffer.
    /// - [`ReadError::IncompleteRead`] if the stream ends before; the buffer is emptied.
    pub fn read_until(&mut self, scan: &mut Scan<'_>) -> ReadResult {
        let result = self.try_until(scan);
        if !matches!(result, Ok(NeedMore)) {
            scan.restart();
        }
        result
    }

    fn try_until(&mut self, scan: &mut Scan<'_>) -> ReadResult {
        let (consumed, found) = match scan.advance(self.unread()) {
            Some(Match { start, end }) if start <= self.limit => return Ok(Done(self.take(end))),
            Some(Match { start, .. }) => (start, true),
            None => (scan.ruled_out(self.unread().len()), false),
        };
        if consumed > self.limit {
            return Err(ReadError::LimitOverrun { consumed, found });
        }
        self.check()?;
        if !self.eof {
            return Ok(NeedMore);
        }
        Err(ReadError::IncompleteRead { partial: self.take_all(), expected: None })
    }

    /// One line with its newline; at the end of the stream, what is left without one. `scan` is
    /// [`Scan::line`], the same for every call of one read.
    ///
    /// # Errors
    ///
    /// [`ReadError::LimitOverrun`] if the line is longer than `limit`. If its newline has come, the
    /// line is removed and the next is intact; else the whole buffer is emptied, and what follows
    /// reads as if a line began there.
    pub fn read_line(&mut self, scan: &mut Scan<'static>) -> ReadResult {
        match self.read_until(scan) {
            Err(ReadError::IncompleteRead { partial, expected: None }) => Ok(Done(partial)),
            Err(ReadError::LimitOverrun { consumed, found }) => {
                let line = if found { consumed + 1 } else { self.unread().len() };
                self.skip(line);
                Err(ReadError::LimitOverrun { consumed, found })
            }
            other => other,
        }
    }

    /// The error that was set, as often as it is asked for: [`io::Error`] cannot be cloned, so
    /// what is handed out is the same number, or the same kind and text.
    fn check(&self) -> Result<(), ReadError> {
        let Some(error) = &self.exception else { return Ok(()) };
        Err(ReadError::Io(match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(kind_of(error), format!("{error}")),
        }))
    }

    /// How many bytes a read of at most `max` gets now.
    fn readable(&self, max: usize) -> ReadResult<usize> {
        if zoo::is(Bug::EofHidesUnread) && self.eof {
            return Ok(Done(0));
        }
        if self.unread().is_empty() {
            self.check()?;
        }
        let len = self.unread().len().min(max);
        Ok(if len > 0 || max == 0 || self.eof { Done(len) } else { NeedMore })
    }

    /// Everything that is there.
    pub fn take_all(&mut self) -> Vec<u8> {
        self.take(self.unread().len())
    }

    /// Removes the first `len` unread bytes. A read that empties a large buffer gets its memory too;
    /// a small one keeps it, for copying so little costs less than growing it anew each time.
    fn take(&mut self, len: usize) -> Vec<u8> {
        if self.start == 0 && len == self.bytes.len() && self.bytes.capacity() > KEPT {
            return std::mem::take(&mut self.bytes);
        }
        let taken = self.unread()[..len].to_vec();
        self.skip(len);
        taken
    }

    fn skip(&mut self, len: usize) {
        self.start += len;
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }

    /// How much memory the buffer owns, in bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
