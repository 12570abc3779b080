//! The shell of a TLS connection: it does what the [`Machine`] says, between two transports.
//!
//! To the one below it is the protocol, to the one above the [`Layer`]. Nothing of it is borrowed
//! while anybody is called, for a protocol may write, pause or close from wherever it is called.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::{Rc, Weak};
use std::time::Duration;

use ::rustls::Error;

use super::error;
use super::handshake::Outcome;
use super::machine::{Event, Machine};
use super::scratch::{self, CIPHERTEXT, PLAINTEXT};
use super::side::{Peer, Timeouts};
use super::state::{Cause, State};
#[cfg(feature = "debug")]
use crate::event_loop::ErrorContext;
use crate::event_loop::{EventLoop, TimerHandle};
use crate::transport::{Layer, Protocol, Transport};

/// How much plaintext is delivered at once: what a record holds (RFC 8446 §5.1).
const CHUNK: usize = 16 << 10;

/// A TLS connection.
pub(super) struct Tls {
    machine: RefCell<Machine>,
    /// The connection that carries the ciphertext, from `connection_made` on.
    below: RefCell<Option<Transport>>,
    /// The connection that carries the plaintext, from the handshake's end on, or from the
    /// beginning if that was there before.
    above: RefCell<Option<Transport>>,
    /// Who is to be the protocol above, until then.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    /// Ciphertext that was received and must wait, because the one above is paused.
    held: RefCell<Vec<u8>>,
    /// Whether a turn is to come that delivers what is held.
    pumping: Cell<bool>,
    /// Whether the one below was told to pause writing.
    paused: Cell<bool>,
    /// Whether something was unsent when our user closed.
    unsent: Cell<bool>,
    timer: RefCell<Option<TimerHandle>>,
    error: Cell<Option<io::Error>>,
    peer: Peer,
    timeouts: Timeouts,
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

    fn state(&self) -> State {
        self.machine.borrow().state()
    }

    fn on(&self, cause: Cause) -> State {
        self.machine.borrow_mut().on(cause)
    }

    fn above(&self) -> Option<Transport> {
        self.above.borrow().clone()
    }

    // ---- the handshake ------------------------------------------------------------------------

    /// Begins it, over this connection.
    pub(super) fn begin(self: &Rc<Self>, below: &Transport) {
        self.below.replace(Some(below.clone()));
        self.arm(self.timeouts.handshake, Tls::handshake_timed_out);
        self.send_rest();
    }

    fn handshaken(self: &Rc<Self>) {
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

    // ---- receiving ----------------------------------------------------------------------------

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

    /// Whether our user has paused reading: nothing is taken then, not even the peer's end.
    fn is_held_back(&self) -> bool {
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
    fn pump(self: &Rc<Self>) {
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
    fn is_stuck(&self) -> bool {
        !self.held.borrow().is_empty() || self.machine.borrow_mut().is_pending()
    }

    // ---- the end ------------------------------------------------------------------------------

    /// The peer says that it will send no more.
    fn notified(self: &Rc<Self>) {
        if self.state() == State::Handshaking {
            return self.fail(error::closed_in_handshake(&self.peer));
        }
        if let Some(above) = self.above().filter(|_| self.state() == State::Open) {
            above.deliver_eof();
        }
        if self.on(Cause::Notified) != State::Closed {
            self.disarm();
            self.say_notify();
            self.with_below(Transport::close);
        }
    }

    /// What came was not acceptable; `bytes` is where it was.
    fn refused(self: &Rc<Self>, error: Error, bytes: &[u8]) {
        let handshaking = self.state() == State::Handshaking;
        let error = error::refused(&self.peer, handshaking, error, bytes);
        self.fail(error);
    }

    /// It is over, for this reason. An alert may still be on its way.
    fn fail(self: &Rc<Self>, error: io::Error) {
        self.disarm();
        let before = self.on(Cause::Failed);
        #[cfg(feature = "debug")]
        if before == State::Handshaking {
            self.report(&error);
        }
        match self.above().filter(|_| before != State::Handshaking) {
            // This aborts the one below, but for an alert that the kernel has taken.
            Some(above) => above.fail(error),
            None => {
                self.error.set(Some(error));
                // Who does not read the alert need not be waited for.
                self.with_below(|below| match below.get_write_buffer_size() {
                    0 => below.close(),
                    _ => below.abort(),
                });
            }
        }
    }

    /// Nobody awaits a server's handshake, and the internet is full of those that fail: only debug
    /// mode tells.
    #[cfg(feature = "debug")]
    fn report(&self, error: &io::Error) {
        let debugs = |event_loop: &EventLoop| event_loop.get_debug();
        if let (Peer::Client, Some(event_loop)) = (&self.peer, self.event_loop().filter(debugs)) {
            let failed = ErrorContext::new("A TLS handshake failed");
            event_loop.call_exception_handler(failed.error(error::copy(error)));
        }
    }

    /// What the one above is told in `connection_lost`.
    fn why_lost(&self, error: Option<io::Error>) -> Option<io::Error> {
        let own = self.error.take();
        match self.on(Cause::Gone) {
            _ if own.is_some() => own,
            State::Handshaking => error.or_else(|| Some(error::closed_in_handshake(&self.peer))),
            State::Open => error.or_else(|| Some(error::truncated())),
            // The kernel had everything; what became of it nobody can know, as of any close.
            State::Closing | State::Closed => error.filter(|_| self.unsent.get()),
        }
    }

    fn shutdown_timed_out(self: &Rc<Self>) {
        let unsent = self.below.borrow().as_ref().map_or(0, Transport::get_write_buffer_size);
        if unsent > 0 {
            return self.arm(self.timeouts.shutdown, Tls::shutdown_timed_out);
        }
        self.on(Cause::Failed);
        self.error.set(Some(error::shutdown_timed_out(self.timeouts.shutdown)));
        self.abort_below();
    }

    // ---- below --------------------------------------------------------------------------------

    fn event_loop(&self) -> Option<EventLoop> {
        self.below.borrow().as_ref().and_then(Transport::event_loop)
    }

    fn with_below(&self, call: impl FnOnce(&Transport)) {
        let below = self.below.borrow().clone();
        if let Some(below) = below {
            call(&below);
        }
    }

    fn abort_below(&self) {
        self.disarm();
        self.with_below(Transport::abort);
    }

    fn say_notify(&self) {
        self.machine.borrow_mut().notify();
        self.send_rest();
        self.with_below(|below| self.unsent.set(below.get_write_buffer_size() > 0));
    }

    fn send_rest(&self) {
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

    fn flow(&self, paused: bool) {
        self.paused.set(paused);
        if let Some(above) = self.above() {
            above.flow_has_changed();
        }
    }

    // ---- time ---------------------------------------------------------------------------------

    fn arm(self: &Rc<Self>, limit: Duration, then: fn(&Rc<Tls>)) {
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

    fn disarm(&self) {
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

/// The protocol of the connection below.
pub(super) struct Below {
    pub(super) tls: Rc<Tls>,
}

impl Protocol for Below {
    fn connection_made(&mut self, transport: &Transport) {
        self.tls.begin(transport);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        self.tls.received(data);
    }

    fn pause_writing(&mut self, _: &Transport) {
        self.tls.flow(true);
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.tls.flow(false);
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        let tls = &self.tls;
        tls.disarm();
        let error = tls.why_lost(error);
        let Some(event_loop) = tls.event_loop() else { return };
        let told = error.as_ref().map(error::copy);
        tls.outcome.set(Err(told.unwrap_or_else(|| error::closed_in_handshake(&tls.peer))));
        if let Some(above) = tls.above.take() {
            above.below_is_lost(&event_loop, error);
        }
    }
}

/// A loop that closes drops its connections' protocols without another call.
impl Drop for Below {
    fn drop(&mut self) {
        self.tls.disarm();
        let (above, below) = (self.tls.above.take(), self.tls.below.take());
        drop((below, self.tls.protocol.take()));
        if let Some(above) = above {
            above.below_is_evicted();
        }
    }
}
