//! A pair of connected sockets without a network between them, as Linux has AF_UNIX streams: pure.
//!
//! | what happens               | here                       | at the other end                   |
//! |----------------------------|----------------------------|------------------------------------|
//! | shutdown of writing        | sends EPIPE                | end of file                        |
//! | shutdown of reading        | end of file                | sends EPIPE                        |
//! | close, all was read        | –                          | end of file, sends EPIPE, hang-up  |
//! | close with bytes unread    | –                          | the same after one ECONNRESET      |
//!
//! Bytes that were sent can be received, whatever happened after them.
//!
//! Source: Linux, net/unix/af_unix.c (unix_poll, unix_release_sock, unix_shutdown).

use std::collections::VecDeque;
use std::net::Shutdown;

use super::lane::take;
use super::tcp::Side;
use crate::selector::Readiness;
use crate::testing::journal::Errno;

/// How many bytes one direction holds.
const CAPACITY: usize = 64 * 1024;

#[derive(Default)]
struct End {
    /// What the other has sent.
    incoming: VecDeque<u8>,
    error: Option<Errno>,
    sends_ended: bool,
    receives_ended: bool,
    closed: bool,
}

/// The pair.
#[derive(Default)]
pub(super) struct Pair([End; 2]);

impl Pair {
    pub(super) fn recv(&mut self, side: Side, buffer: &mut [u8]) -> Result<usize, Errno> {
        let end = &mut self.0[side];
        let len = buffer.len().min(end.incoming.len());
        if !end.incoming.is_empty() {
            take(&mut end.incoming, &mut buffer[..len]);
            return Ok(len);
        }
        match end.error.take() {
            Some(error) => Err(error),
            None if end.receives_ended => Ok(0),
            None => Err(libc::EAGAIN),
        }
    }

    pub(super) fn send(&mut self, side: Side, bytes: &[u8]) -> Result<usize, Errno> {
        if self.0[side].sends_ended {
            return Err(libc::EPIPE);
        }
        let theirs = &mut self.0[1 - side].incoming;
        let taken = bytes.len().min(CAPACITY - theirs.len());
        if taken == 0 && !bytes.is_empty() {
            return Err(libc::EAGAIN);
        }
        theirs.extend(&bytes[..taken]);
        Ok(taken)
    }

    pub(super) fn shutdown(&mut self, side: Side, how: Shutdown) {
        let (reads, writes) = (how != Shutdown::Write, how != Shutdown::Read);
        self.0[side].receives_ended |= reads;
        self.0[side].sends_ended |= writes;
        self.0[1 - side].receives_ended |= writes;
        self.0[1 - side].sends_ended |= reads;
    }

    pub(super) fn close(&mut self, side: Side) {
        self.shutdown(side, Shutdown::Both);
        self.0[side].closed = true;
        let unread = !self.0[side].incoming.is_empty();
        self.0[side].incoming.clear();
        if unread {
            self.0[1 - side].error = Some(libc::ECONNRESET);
        }
    }

    pub(super) fn take_error(&mut self, side: Side) -> Option<Errno> {
        self.0[side].error.take()
    }

    /// (Linux: unix_poll. It is writable while a quarter of the buffer is used or less.)
    pub(super) fn readiness(&self, side: Side) -> Readiness {
        let end = &self.0[side];
        let mut readiness = Readiness::default();
        if end.error.is_some() {
            readiness |= Readiness::ERROR;
        }
        if end.sends_ended && end.receives_ended {
            readiness |= Readiness::HANGUP;
        }
        if end.receives_ended {
            readiness |= Readiness::READABLE | Readiness::READ_HANGUP;
        }
        if !end.incoming.is_empty() {
            readiness |= Readiness::READABLE;
        }
        if self.0[1 - side].incoming.len() * 4 <= CAPACITY {
            readiness |= Readiness::WRITABLE;
        }
        readiness
    }

    pub(super) fn unread(&self, side: Side) -> usize {
        self.0[side].incoming.len()
    }

    pub(super) fn has_ended(&self, side: Side) -> bool {
        self.0[side].receives_ended
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.iter().all(|end| end.closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Result<usize, Errno> = Ok(0);

    fn recv(pair: &mut Pair, side: Side) -> Result<usize, Errno> {
        pair.recv(side, &mut [0; 8])
    }

    #[test]
    fn a_shutdown_of_writing_ends_our_sends_and_is_their_end_of_file_after_the_bytes() {
        let mut pair = Pair::default();
        pair.send(0, b"abc").unwrap();
        pair.shutdown(0, Shutdown::Write);
        assert_eq!(pair.send(0, b"x"), Err(libc::EPIPE));
        assert_eq!((recv(&mut pair, 1), recv(&mut pair, 1)), (Ok(3), DONE));
        assert_eq!(pair.send(1, b"x"), Ok(1));
    }

    #[test]
    fn a_shutdown_of_reading_is_our_end_of_file_and_ends_their_sends() {
        let mut pair = Pair::default();
        pair.shutdown(0, Shutdown::Read);
        assert_eq!((recv(&mut pair, 0), pair.send(1, b"x")), (DONE, Err(libc::EPIPE)));
        assert_eq!(pair.send(0, b"x"), Ok(1));
    }

    #[test]
    fn a_close_after_all_was_read_is_a_hangup_without_an_error() {
        let mut pair = Pair::default();
        pair.close(0);
        let hangup = Readiness::READABLE | Readiness::READ_HANGUP | Readiness::HANGUP;
        assert_eq!(pair.readiness(1), hangup | Readiness::WRITABLE);
        assert_eq!((recv(&mut pair, 1), pair.send(1, b"x")), (DONE, Err(libc::EPIPE)));
    }

    #[test]
    fn a_close_with_bytes_unread_is_one_reset_and_then_the_end_of_file() {
        let mut pair = Pair::default();
        pair.send(1, b"x").unwrap();
        pair.close(0);
        assert!(pair.readiness(1).contains(Readiness::ERROR));
        assert_eq!((recv(&mut pair, 1), recv(&mut pair, 1)), (Err(libc::ECONNRESET), DONE));
        assert!(!pair.readiness(1).contains(Readiness::ERROR));
    }

    #[test]
    fn a_full_pair_takes_no_more_and_is_writable_when_a_quarter_is_used() {
        let mut pair = Pair::default();
        assert_eq!(pair.send(0, &[0; CAPACITY + 1]), Ok(CAPACITY));
        assert_eq!(pair.send(0, b"x"), Err(libc::EAGAIN));
        assert!(pair.recv(1, &mut [0; CAPACITY / 2]).is_ok());
        assert!(!pair.readiness(0).contains(Readiness::WRITABLE));
        assert!(pair.recv(1, &mut [0; CAPACITY / 4]).is_ok());
        assert!(pair.readiness(0).contains(Readiness::WRITABLE));
    }
}
