//! How a TLS connection ends.

use std::io;
use std::rc::Rc;

use ::rustls::Error;

use super::error;
use super::layer::Tls;
#[cfg(feature = "debug")]
use super::side::Peer;
use super::state::{Cause, State};
#[cfg(feature = "debug")]
use crate::event_loop::{ErrorContext, EventLoop};
use crate::transport::Transport;

impl Tls {
    /// The peer says that it will send no more.
    pub(super) fn notified(self: &Rc<Self>) {
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
    pub(super) fn refused(self: &Rc<Self>, error: Error, bytes: &[u8]) {
        let handshaking = self.state() == State::Handshaking;
        let error = error::refused(&self.peer, handshaking, error, bytes);
        self.fail(error);
    }

    /// It is over, for this reason. An alert may still be on its way.
    pub(super) fn fail(self: &Rc<Self>, error: io::Error) {
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
    pub(super) fn why_lost(&self, error: Option<io::Error>) -> Option<io::Error> {
        let own = self.error.take();
        match self.on(Cause::Gone) {
            _ if own.is_some() => own,
            State::Handshaking => error.or_else(|| Some(error::closed_in_handshake(&self.peer))),
            State::Open => error.or_else(|| Some(error::truncated())),
            // The kernel had everything; what became of it nobody can know, as of any close.
            State::Closing | State::Closed => error.filter(|_| self.unsent.get()),
        }
    }

    pub(super) fn shutdown_timed_out(self: &Rc<Self>) {
        let unsent = self.below.borrow().as_ref().map_or(0, Transport::get_write_buffer_size);
        if unsent > 0 {
            return self.arm(self.timeouts.shutdown, Tls::shutdown_timed_out);
        }
        self.on(Cause::Failed);
        self.error.set(Some(error::shutdown_timed_out(self.timeouts.shutdown)));
        self.abort_below();
    }
}
