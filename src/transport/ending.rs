//! How a connection ends: closed, aborted or broken, its last call, and what it lets go of.

use std::any::Any;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::lifecycle::{Cause, Lifecycle, Phase};
use super::receive::is_not_now;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{ErrorContext, EventLoop, Exception, Inner, Resident, Run, Side};
use crate::observe::{Record, What};
use crate::sys::Sockets;
use crate::sys::zoo::{self, Bug};

/// So many receives at most follow a send that failed: 64 MiB, which no socket's buffer holds unless
/// it was told to. It is for peers that refuse our bytes (`SHUT_RD`) and send their own without end.
const DRAINS: u32 = 1024;

/// How many receives one counts for that finds nothing: a kernel may say so once where there is
/// something.
const EMPTY: u32 = DRAINS / 8;

impl Tcp {
    pub(super) fn close(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.happens(&event_loop.0, Cause::Close);
            if let Some(layer) = self.layer() {
                self.close_layer(layer);
            }
        }
    }

    pub(super) fn abort(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.tell_cut_off(&event_loop.0);
            self.happens(&event_loop.0, Cause::Abort);
        }
    }

    #[cold]
    fn tell_cut_off(&self, inner: &Inner) {
        if self.layer().is_none() {
            let unsent = self.outgoing.borrow().len();
            inner.observe.tell(|| Record::CutOff { fd: self.fd, unsent });
        }
    }

    /// The last call.
    pub(super) fn deliver_lost(self: &Rc<Self>, event_loop: &EventLoop) {
        let error = self.error.take();
        let protocol = self.protocol.take();
        let told = catch_unwind(AssertUnwindSafe(move || {
            if let Some(mut protocol) = protocol {
                protocol.connection_lost(error);
            }
        }));
        if let Err(payload) = told {
            event_loop.call_exception_handler(
                ErrorContext::new("protocol.connection_lost() failed")
                    .exception(Exception::Panic(payload)),
            );
        }
        self.happens(&event_loop.0, Cause::Delivered);
    }

    /// The connection failed for good.
    pub(super) fn broken(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        self.fails(inner, error, Cause::Broken);
    }

    /// A send failed for good: the peer takes nothing more, but what it had sent is still there.
    pub(super) fn send_failed(self: &Rc<Self>, inner: &Inner, error: io::Error) {
        self.fails(inner, error, Cause::SendFailed);
    }

    /// The first failure is the one that is told.
    fn fails(self: &Rc<Self>, inner: &Inner, error: io::Error, cause: Cause) {
        if self.lifecycle.get().phase() != Phase::Draining {
            if !self.is_closing() || !self.outgoing.borrow().is_empty() {
                self.error.set(Some(error));
            }
            self.tell_cut_off(inner);
        }
        self.happens(inner, cause);
    }

    /// Whether an end of file now is the reset that a send was told of, and not the peer's end: the
    /// kernel tells of a reset once. (Where the peer's end came before, a send gets `EPIPE`.)
    pub(super) fn end_is_reset(&self) -> bool {
        if self.lifecycle.get().phase() != Phase::Draining {
            return false;
        }
        let error = self.error.take();
        let in_order = error.as_ref().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe);
        self.error.set(error);
        !in_order
    }

    /// Lets go of everybody and closes the descriptor.
    pub(super) fn release(self: &Rc<Self>, inner: &Inner) {
        inner.let_go(self.resident.get());
        self.drop_protocol();
        self.keep_local_addr();
        inner.set_owned(self.fd, false);
        inner.home.sockets.close(self.fd);
        inner.observe.tell(|| Record::Disconnected { fd: self.fd });
        if let Some(server) = self.server.take() {
            server.leave();
        }
    }

    /// Our own address can be asked for after the end as well, by whoever still has a name of us:
    /// one name is the caller's.
    pub(super) fn keep_local_addr(self: &Rc<Self>) {
        let asks = self.channel.get().is_both_ways() && Rc::strong_count(self) > 1;
        if asks && self.local.get().is_none() {
            let local = self.home.sockets.local_addr(self.fd);
            drop(local.map(|local| self.local.set(local.into())));
        }
    }

    /// A destructor that panics must not keep the descriptor open.
    pub(super) fn drop_protocol(&self) {
        let protocol = self.protocol.try_borrow_mut().ok().and_then(|mut place| place.take());
        if let Some(protocol) = protocol {
            let _ = catch_unwind(AssertUnwindSafe(move || drop(protocol)));
        }
    }
}

impl Resident for Tcp {
    fn what(&self) -> What {
        What::Internal { name: "a connection" }
    }

    fn fd(&self) -> Option<RawFd> {
        Some(self.fd)
    }

    fn is_ending(&self) -> bool {
        self.is_closing()
    }

    /// Without `connection_lost`, as in asyncio: no callback runs in a closed loop.
    fn evict(self: Rc<Self>, inner: &Inner) {
        self.tell_cut_off(inner);
        self.lifecycle.set(Lifecycle::evicted());
        drop(self.outgoing.take());
        inner.forget(self.fd, Side::Reader);
        inner.forget(self.fd, Side::Writer);
        self.release(inner);
    }
}

/// The last call of a connection.
pub(super) struct Lost(pub(super) Rc<Tcp>);

impl Run for Lost {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let tcp = &self.0;
        tcp.deliver_lost(event_loop);
        if zoo::is(Bug::ClosedTwice) {
            tcp.home.sockets.close(tcp.fd);
        }
    }

    fn what(&self) -> What {
        What::Internal { name: "connection_lost" }
    }
}

/// Receives what had come when a send failed: a piece a turn.
pub(super) struct Drain {
    tcp: Rc<Tcp>,
    left: Cell<u32>,
}

impl Drain {
    pub(super) fn begin(tcp: &Rc<Tcp>, inner: &Inner) {
        inner.queue(Rc::new(Drain { tcp: tcp.clone(), left: Cell::new(DRAINS) }));
    }

    /// Whether there may be more after this.
    fn step(&self, event_loop: &EventLoop) -> bool {
        let wanted = || self.tcp.call(|protocol, _| protocol.reads_after_failed_write());
        if self.left.get() == DRAINS && wanted() != Some(true) {
            return false;
        }
        let cost = Cell::new(DRAINS);
        Tcp::read_ready(&Transport(self.tcp.clone()), event_loop, |tcp, buffer| {
            let result = tcp.home.sockets.recv(tcp.fd, buffer);
            cost.set(match &result {
                Ok(1..) => 1,
                Err(error) if is_not_now(error) => EMPTY,
                _ => DRAINS,
            });
            result
        });
        self.left.set(self.left.get().saturating_sub(cost.get()));
        self.left.get() > 0
    }
}

impl Run for Drain {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        if self.tcp.lifecycle.get().phase() != Phase::Draining {
            return;
        }
        match self.step(event_loop) {
            true => event_loop.0.queue(self),
            false => self.tcp.happens(&event_loop.0, Cause::Broken),
        }
    }

    fn what(&self) -> What {
        What::Reader { fd: self.tcp.fd }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        self.tcp.clone().panicked(event_loop, payload);
    }
}
