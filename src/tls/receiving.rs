//! What a TLS connection does with what comes.

use std::rc::Rc;

use super::error;
use super::layer::Tls;
use super::machine::Event;
use super::scratch::{self, PLAINTEXT};
use super::state::State;
use crate::transport::Transport;

/// How much plaintext is delivered at once: what a record holds (RFC 8446 §5.1).
const CHUNK: usize = 16 << 10;

impl Tls {
    pub(super) fn received(self: &Rc<Self>, bytes: &[u8]) {
        if !self.held.borrow().is_empty() {
            return self.held.borrow_mut().extend_from_slice(bytes);
        }
        let used = self.digest(bytes);
        if used < bytes.len() {
            self.held.borrow_mut().extend_from_slice(&bytes[used..]);
        }
    }

    /// Takes bytes for as long as what comes of them may be delivered; says how many it took.
    fn digest(self: &Rc<Self>, bytes: &[u8]) -> usize {
        let mut used = 0;
        while self.state() != State::Closed {
            if self.is_held_back() {
                return used;
            }
            let (taken, event) = self.machine.borrow_mut().receive(&bytes[used..]);
            used += taken;
            self.send_rest();
            match event {
                Event::NeedData => break,
                Event::Handshaken => self.handshaken(),
                Event::Plaintext => self.deliver(),
                Event::Notified => self.notified(),
                Event::Failed(error) => self.refused(error, bytes),
            }
        }
        bytes.len()
    }

    /// Whether what has come is wanted after a write has failed.
    pub(super) fn wants_the_rest(&self) -> bool {
        self.above().is_none_or(|above| above.reads_after_failed_write())
    }

    /// Whether our user has paused reading: nothing is taken then, not even the peer's end.
    pub(super) fn is_held_back(&self) -> bool {
        let holds = |above: &Transport| !above.is_closing() && !above.may_deliver();
        self.state() == State::Open && self.above.borrow().as_ref().is_some_and(holds)
    }

    /// Delivers some of the plaintext that is there. After our user's close it is dropped.
    fn deliver(&self) {
        let Some(above) = self.above() else { return };
        if above.is_buffered() && !above.is_closing() {
            let read = |memory: &mut [u8]| self.machine.borrow_mut().read(memory);
            if !above.deliver_into(CHUNK, read) && self.state() == State::Open {
                above.fail(error::no_buffer());
            }
            return;
        }
        scratch::with(&PLAINTEXT, |memory| {
            memory.resize(CHUNK, 0);
            let read = self.machine.borrow_mut().read(memory);
            if !above.is_closing() {
                above.deliver(&memory[..read]);
            }
        });
    }

    /// Delivers what is held, and has the one below go on when all is.
    pub(super) fn pump(self: &Rc<Self>) {
        self.pumping.set(false);
        let mut held = self.held.take();
        let used = self.digest(&held);
        held.drain(..used);
        self.held.replace(held);
        if !self.is_stuck() {
            self.with_below(Transport::resume_reading);
        }
    }

    /// Whether something came that could not be delivered.
    pub(super) fn is_stuck(&self) -> bool {
        !self.held.borrow().is_empty() || self.machine.borrow_mut().is_pending()
    }
}
