//! One TLS connection without a connection: ciphertext in, plaintext out, and the other way round.
//!
//! rustls does the work and does no I/O. What is here is the order of its calls, so that
//! whoever has the bytes need not know it, and the [`State`].

use std::io::{self, BufRead, IoSlice, Read, Write};

use ::rustls::{Connection, Error};

use super::state::{Cause, State};

/// What bytes have led to.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Event {
    /// All of them are taken, and more must come.
    NeedData,
    /// The handshake is over.
    Handshaken,
    /// There is plaintext; it is to be taken before anything else.
    Plaintext,
    /// The peer's close_notify has come.
    Notified,
    /// They are not TLS, or not what we agree to. Told once, as all but the plaintext.
    Failed(Error),
}

/// How the peer has ended.
#[derive(PartialEq)]
enum Peer {
    /// It has not.
    Speaks,
    /// In order, or with this error; that is to be told.
    Ended(Option<Error>),
    /// That was told. Nothing after it is looked at.
    Told,
}

/// A TLS connection.
pub(super) struct Machine {
    connection: Connection,
    state: State,
    peer: Peer,
}

impl Machine {
    pub(super) fn new(connection: impl Into<Connection>) -> Machine {
        Machine { connection: connection.into(), state: State::Handshaking, peer: Peer::Speaks }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Moves on, and gives where it was.
    pub(super) fn on(&mut self, cause: Cause) -> State {
        let before = self.state;
        self.state = before.after(cause);
        before
    }

    /// What rustls knows of the peer.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    // ---- receiving ----------------------------------------------------------------------------

    /// Takes bytes up to the next event; says how many it took. What it answers by itself is to be
    /// had from [`send_rest`](Machine::send_rest) afterwards, an alert too.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> (usize, Event) {
        let mut rest = bytes;
        loop {
            if let Some(event) = self.pending() {
                return (bytes.len() - rest.len(), event);
            }
            if rest.is_empty() || self.peer == Peer::Told {
                return (bytes.len(), Event::NeedData);
            }
            self.take(&mut rest);
        }
    }

    fn pending(&mut self) -> Option<Event> {
        if self.state == State::Handshaking && !self.connection.is_handshaking() {
            self.on(Cause::Handshaken);
            return Some(Event::Handshaken);
        }
        if self.has_plaintext() {
            return Some(Event::Plaintext);
        }
        if let Peer::Ended(error) = &mut self.peer {
            let event = error.take().map_or(Event::Notified, Event::Failed);
            self.peer = Peer::Told;
            return Some(event);
        }
        None
    }

    /// Takes some of `rest`: at least a byte, or it is the peer's end.
    fn take(&mut self, rest: &mut &[u8]) {
        // It fails only while plaintext or a message is left in it, and none is.
        let taken = self.connection.read_tls(rest).unwrap_or(0);
        match self.connection.process_new_packets() {
            Err(error) => self.peer = Peer::Ended(Some(error)),
            Ok(told) if told.peer_has_closed() => self.peer = Peer::Ended(None),
            Ok(_) if taken == 0 => {
                let error = Error::General("a message that is too long".into());
                self.peer = Peer::Ended(Some(error));
            }
            Ok(_) => {}
        }
    }

    /// Whether an event is there without more bytes.
    pub(super) fn is_pending(&mut self) -> bool {
        matches!(self.peer, Peer::Ended(_)) || self.has_plaintext()
    }

    /// Whether plaintext waits to be taken.
    fn has_plaintext(&mut self) -> bool {
        self.connection.reader().fill_buf().is_ok_and(|plaintext| !plaintext.is_empty())
    }

    /// Takes plaintext; 0 only if there is none.
    pub(super) fn read(&mut self, memory: &mut [u8]) -> usize {
        self.connection.reader().read(memory).unwrap_or(0)
    }

    // ---- sending ------------------------------------------------------------------------------

    /// Encrypts all of `buffers` into `out`.
    pub(super) fn write(&mut self, buffers: &[IoSlice<'_>], out: &mut Vec<u8>) -> io::Result<()> {
        let mut buffers = buffers.to_vec();
        let mut rest = &mut buffers[..];
        while !rest.is_empty() {
            let taken = self.connection.writer().write_vectored(rest)?;
            self.send_rest(out)?;
            if taken == 0 && rest.iter().any(|buffer| !buffer.is_empty()) {
                let text = "the keys of this TLS connection are used up";
                return Err(io::Error::other(text));
            }
            IoSlice::advance_slices(&mut rest, taken);
        }
        Ok(())
    }

    /// Says that nothing more will come; again, nothing.
    pub(super) fn notify(&mut self) {
        self.connection.send_close_notify();
    }

    /// Appends whatever is to be sent: of the handshake, an alert, an answer to new keys.
    pub(super) fn send_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut *out)?;
        }
        Ok(())
    }
}
