//! A pipe, as Linux has it: pure.
//!
//! | closed     | the other end                                                    |
//! |------------|------------------------------------------------------------------|
//! | the writer | hang-up; what was written, then the end of file                  |
//! | the reader | error; EPIPE                                                     |
//!
//! Writes of at most [`ATOMIC`] bytes go in whole or not at all.
//!
//! Source: pipe(7); Linux, fs/pipe.c (pipe_poll).

use std::collections::VecDeque;

use super::lane::take;
use super::tcp::Side;
use crate::selector::Readiness;
use crate::testing::journal::Errno;

/// What it holds. (pipe(7), "Pipe capacity")
const CAPACITY: usize = 64 * 1024;
/// `PIPE_BUF`.
const ATOMIC: usize = 4096;

/// The end that is read.
pub(super) const READER: Side = 0;
/// The end that is written.
pub(super) const WRITER: Side = 1;

/// The pipe.
#[derive(Default)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    /// By side.
    closed: [bool; 2],
}

impl Pipe {
    pub(super) fn read(&mut self, side: Side, buffer: &mut [u8]) -> Result<usize, Errno> {
        if side != READER {
            return Err(libc::EBADF);
        }
        let len = buffer.len().min(self.bytes.len());
        if len == 0 && !buffer.is_empty() && !self.closed[WRITER] {
            return Err(libc::EAGAIN);
        }
        take(&mut self.bytes, &mut buffer[..len]);
        Ok(len)
    }

    pub(super) fn write(&mut self, side: Side, bytes: &[u8]) -> Result<usize, Errno> {
        if side != WRITER {
            return Err(libc::EBADF);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.closed[READER] {
            return Err(libc::EPIPE);
        }
        let room = CAPACITY - self.bytes.len();
        if room == 0 || (bytes.len() <= ATOMIC && room < bytes.len()) {
            return Err(libc::EAGAIN);
        }
        let taken = bytes.len().min(room);
        self.bytes.extend(&bytes[..taken]);
        Ok(taken)
    }

    pub(super) fn close(&mut self, side: Side) {
        self.closed[side] = true;
    }

    pub(super) fn readiness(&self, side: Side) -> Readiness {
        let mut readiness = Readiness::default();
        if side == READER && !self.bytes.is_empty() {
            readiness |= Readiness::READABLE;
        }
        if side == READER && self.closed[WRITER] {
            readiness |= Readiness::HANGUP;
        }
        // A slot is free, which is a page.
        if side == WRITER && self.bytes.len() + ATOMIC <= CAPACITY {
            readiness |= Readiness::WRITABLE;
        }
        if side == WRITER && self.closed[READER] {
            readiness |= Readiness::ERROR;
        }
        readiness
    }

    pub(super) fn unread(&self, side: Side) -> usize {
        if side == READER { self.bytes.len() } else { 0 }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.closed[WRITER]
    }

    pub(super) fn is_over(&self) -> bool {
        self.closed == [true; 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_then_the_end_of_file() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.read(READER, &mut [0; 8]), Err(libc::EAGAIN));
        assert_eq!(pipe.write(WRITER, b"abc"), Ok(3));
        pipe.close(WRITER);
        assert_eq!(pipe.readiness(READER), Readiness::READABLE | Readiness::HANGUP);
        assert_eq!(pipe.read(READER, &mut [0; 8]), Ok(3));
        assert_eq!(pipe.read(READER, &mut [0; 8]), Ok(0));
        assert_eq!(pipe.readiness(READER), Readiness::HANGUP);
    }

    #[test]
    fn without_a_reader_a_write_is_epipe_and_the_writer_is_in_error() {
        let mut pipe = Pipe::default();
        pipe.close(READER);
        assert_eq!(pipe.write(WRITER, b"x"), Err(libc::EPIPE));
        assert_eq!(pipe.readiness(WRITER), Readiness::WRITABLE | Readiness::ERROR);
    }

    #[test]
    fn a_short_write_goes_in_whole_or_not_at_all() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.write(WRITER, &[0; CAPACITY - 10]), Ok(CAPACITY - 10));
        assert_eq!(pipe.readiness(WRITER), Readiness::default());
        assert_eq!(pipe.write(WRITER, &[0; 11]), Err(libc::EAGAIN));
        assert_eq!(pipe.write(WRITER, &[0; 10]), Ok(10));
        assert_eq!(pipe.write(WRITER, &[0; ATOMIC + 1]), Err(libc::EAGAIN));
    }

    #[test]
    fn each_end_is_for_one_thing() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.read(WRITER, &mut [0]), Err(libc::EBADF));
        assert_eq!(pipe.write(READER, b"x"), Err(libc::EBADF));
    }
}
