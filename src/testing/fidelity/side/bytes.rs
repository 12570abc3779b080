//! Sending and receiving, filling a buffer and draining it.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::end::{End, Sender};
use super::seen::{Seen, Value, Why};
use super::{CHUNK, PERIOD, Side};

impl Side {
    fn send_some(&mut self, end: End, len: usize) -> io::Result<usize> {
        let from = self.streams[end.outgoing].sent % PERIOD;
        let bytes = &self.pattern[from..from + len];
        let sent = match end.is_pipe() {
            true => self.kernel.write(end.fd, bytes),
            false => self.kernel.sockets().send(end.fd, bytes),
        }?;
        self.streams[end.outgoing].sent += sent;
        Ok(sent)
    }

    pub(super) fn send(&mut self, end: End, len: usize) -> Seen {
        let flooded = self.streams[end.outgoing].flooded;
        match self.send_some(end, len) {
            Ok(_) if flooded => Ok(Value::SomeBytes),
            Ok(sent) => Ok(Value::Bytes(sent)),
            Err(error) if flooded && error.kind() == ErrorKind::WouldBlock => Ok(Value::SomeBytes),
            Err(error) => Err(error.into()),
        }
    }

    /// Down to single bytes, and again once all is quiet: a kernel moves what waits and makes room.
    pub(super) fn fill(&mut self, end: End) -> Seen {
        let mut first = true;
        loop {
            let before = self.streams[end.outgoing].sent;
            for len in [CHUNK, 4096, 1] {
                let full = loop {
                    match self.send_some(end, len) {
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                if full.kind() != ErrorKind::WouldBlock {
                    return Err(full.into());
                }
                if len == 1 && !first && self.streams[end.outgoing].sent == before {
                    return Ok(Value::Full(full.into()));
                }
            }
            self.streams[end.outgoing].flooded = true;
            self.kernel.settle();
            first = false;
        }
    }

    fn recv_some(&mut self, end: End, len: usize) -> io::Result<usize> {
        let mut buffer = vec![0; len];
        let count = match end.is_pipe() {
            true => self.kernel.read(end.fd, &mut buffer),
            false => self.kernel.sockets().recv(end.fd, &mut buffer),
        }?;
        let stream = &mut self.streams[end.incoming];
        let from = stream.received % PERIOD;
        assert!(buffer[..count] == self.pattern[from..from + count], "other bytes than were sent");
        stream.received += count;
        assert!(stream.received <= stream.sent, "more bytes than were sent");
        Ok(count)
    }

    pub(super) fn recv(&mut self, end: End, len: usize) -> Seen {
        match self.recv_some(end, len)? {
            1.. if self.streams[end.incoming].flooded => Ok(Value::SomeBytes),
            count => Ok(Value::Bytes(count)),
        }
    }

    pub(super) fn drain(&mut self, end: End) -> Seen {
        let before = self.streams[end.incoming].received;
        let deadline = Instant::now() + self.kernel.patience();
        let mut quiet = false;
        let ended = loop {
            match self.recv_some(end, CHUNK) {
                Ok(1..) => quiet = false,
                Ok(0) => break None,
                Err(error) if error.kind() == ErrorKind::WouldBlock && !quiet => {
                    self.kernel.settle();
                    quiet = !self.more_will_come(end) || Instant::now() > deadline;
                }
                Err(error) => break Some(Why::from(error)),
            }
        };
        let stream = &mut self.streams[end.incoming];
        let count = stream.received - before;
        Ok(Value::Empty((!std::mem::take(&mut stream.flooded)).then_some(count), ended))
    }

    /// Bytes, or the end.
    fn more_will_come(&self, end: End) -> bool {
        match self.streams[end.incoming].sender {
            Sender::Nobody => false,
            Sender::Open(fd) => self.kernel.under_way(fd),
            Sender::Closed => true,
        }
    }
}
