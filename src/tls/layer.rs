//! The shell of a TLS connection: it does what the [`Machine`] says, between two transports. What it
//! does with what comes is in `receiving.rs`, how it ends in `ending.rs`.
//!
//! To the one below it is the protocol, to the one above the [`Layer`]. Nothing of it is borrowed
//! while anybody is called, for a protocol may write, pause or close from wherever it is called.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::error;
use super::handshake::Outcome;
use super::machine::Machine;
use super::scratch::{self, CIPHERTEXT};
use super::side::{Peer, Timeouts};
use super::state::{Cause, State};
use crate::event_loop::{EventLoop, TimerHandle};
use crate::transport::{Layer, Protocol, Transport};

/// A TLS connection.
pub(super) struct Tls {
    pub(super) machine: RefCell<Machine>,
    /// The connection that carries the ciphertext, from `connection_made` on.
    pub(super) below: RefCell<Option<Transport>>,
    /// The connection that carries the plaintext, from the handshake's end on, or from the
    /// beginning if that was there before.
    pub(super) above: RefCell<Option<Transport>>,
    /// Who is to be the protocol above, until then.
    pub(super) protocol: Cell<Option<Box<dyn Protocol>>>,
    /// Ciphertext that was received and must wait, because the one above is paused.
    pub(super) held: RefCell<Vec<u8>>,
    /// Whether a turn is to come that delivers what is held.
    pub(super) pumping: Cell<bool>,
    /// Whether the one below was told to pause writing.
    paused: Cell<bool>,
    /// Whether something was unsent when our user closed.
    pub(super) unsent: Cell<bool>,
    timer: RefCell<Option<TimerHandle>>,
    pub(super) error: Cell<Option<io::Error>>,
    pub(super) peer: Peer,
    pub(super) timeouts: Timeouts,
    pub(super) outcome: Outcome,
}

impl Tls {
    pub(super) fn new(
        machine: Machine,
        peer: Peer,
        timeouts: Timeouts,
        protocol: Option<Box<dyn Protocol>>,
    ) -> Rc<Tls> {
        Rc::new(Tls {
            machine: RefCell::new(machine),
            below: RefCell::default(),
            above: RefCell::default(),
            protocol: Cell::new(protocol),
            held: RefCell::default(),
            pumping: Cell::new(false),
            paused: Cell::new(false),
            unsent: Cell::new(false),
            timer: RefCell::default(),
            error: Cell::new(None),
            peer,
            timeouts,
            outcome: Outcome::default(),
        })
    }

    /// What `look` sees of it.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.machine.borrow())
    }

    pub(super) fn state(&self) -> State {
        self.machine.borrow().state()
    }

    pub(super) fn on(&self, cause: Cause) -> State {
        self.machine.borrow_mut().on(cause)
    }

    pub(super) fn above(&self) -> Option<Transport> {
        self.above.borrow().clone()
    }

    // ---- the handshake ------------------------------------------------------------------------

    /// Begins it, over this connection.
    pub(super) fn begin(self: &Rc<Self>, below: &Transport) {
        self.below.replace(Some(below.clone()));
        if let Some(mut protocol) = self.protocol.take() {
            protocol.handshake_begins(below);
            self.protocol.set(Some(protocol));
        }
        self.arm(self.timeouts.handshake, Tls::handshake_timed_out);
        self.send_rest();
    }

    pub(super) fn handshaken(self: &Rc<Self>) {
        self.disarm();
        let Some(below) = self.below.borrow().clone() else { return };
        if let (Some(protocol), Some(event_loop)) = (self.protocol.take(), below.event_loop()) {
            let layer: Rc<dyn Layer> = self.clone();
            Transport::open_over(&event_loop, &layer, &below, protocol);
        }
        let Some(above) = self.above() else { return };
        if self.is_held_back() {
            below.pause_reading();
        }
        self.outcome.set(Ok(above));
    }

    fn handshake_timed_out(self: &Rc<Self>) {
        self.fail(error::handshake_timed_out(&self.peer, self.timeouts.handshake));
    }

    /// Whoever waited for the handshake does so no longer.
    pub(super) fn give_up(&self) {
        self.on(Cause::Failed);
        self.abort_below();
    }

    // ---- below --------------------------------------------------------------------------------

    pub(super) fn event_loop(&self) -> Option<EventLoop> {
        self.below.borrow().as_ref().and_then(Transport::event_loop)
    }

    pub(super) fn with_below(&self, call: impl FnOnce(&Transport)) {
        let below = self.below.borrow().clone();
        if let Some(below) = below {
            call(&below);
        }
    }

    pub(super) fn abort_below(&self) {
        self.disarm();
        self.with_below(Transport::abort);
    }

    pub(super) fn say_notify(&self) {
        self.machine.borrow_mut().notify();
        self.send_rest();
        self.with_below(|below| self.unsent.set(below.get_write_buffer_size() > 0));
    }

    pub(super) fn send_rest(&self) {
        // Into memory nothing fails, and a connection that is over takes everything.
        let _ = self.send(|machine, out| machine.send_rest(out));
    }

    fn send(
        &self,
        encrypt: impl FnOnce(&mut Machine, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        scratch::with(&CIPHERTEXT, |out| {
            let result = encrypt(&mut self.machine.borrow_mut(), out);
            let mut sent = Ok(());
            if !out.is_empty() {
                self.with_below(|below| sent = below.write(out));
            }
            result.and(sent)
        })
    }

    pub(super) fn flow(&self, paused: bool) {
        self.paused.set(paused);
        if let Some(above) = self.above() {
            above.flow_has_changed();
        }
    }

    // ---- time ---------------------------------------------------------------------------------

    pub(super) fn arm(self: &Rc<Self>, limit: Duration, then: fn(&Rc<Tls>)) {
        let Some(event_loop) = self.event_loop() else { return };
        let tls: Weak<Tls> = Rc::downgrade(self);
        let timer = event_loop.call_later(limit, move || {
            if let Some(tls) = tls.upgrade() {
                then(&tls);
            }
        });
        // It fails only on a closed loop, where nothing is timed.
        self.timer.replace(timer.ok());
    }

    pub(super) fn disarm(&self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}

impl Layer for Tls {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<()> {
        match self.state() {
            State::Handshaking => Err(error::write_in_handshake()),
            State::Open => self.send(|machine, out| machine.write(buffers, out)),
            State::Closing | State::Closed => Ok(()),
        }
    }

    fn close(self: Rc<Self>) {
        match self.on(Cause::Close) {
            State::Open => {}
            State::Handshaking => return self.abort_below(),
            State::Closing | State::Closed => return,
        }
        self.say_notify();
        self.arm(self.timeouts.shutdown, Tls::shutdown_timed_out);
        // The peer's answer may be behind what was not delivered.
        self.resume_reading();
    }

    fn end(&self) {
        self.on(Cause::Failed);
        self.abort_below();
    }

    fn pause_reading(&self) {
        if self.state() == State::Open {
            self.with_below(Transport::pause_reading);
        }
    }

    fn resume_reading(self: Rc<Self>) {
        if !self.is_stuck() {
            return self.with_below(Transport::resume_reading);
        }
        let Some(event_loop) = self.event_loop() else { return };
        if !self.pumping.replace(true) {
            // It fails only on a closed loop, where nothing is delivered.
            drop(event_loop.call_soon(move || self.pump()));
        }
    }

    fn is_paused(&self) -> bool {
        self.paused.get()
    }

    fn below(&self) -> Option<Transport> {
        self.below.borrow().clone()
    }

    fn set_above(&self, above: Transport) {
        self.above.replace(Some(above));
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
