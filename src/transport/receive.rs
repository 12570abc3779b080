//! A connection's receiving side.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::lifecycle::Cause;
use super::pipe::{Channel, PipeReady};
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{EventLoop, Inner, Run, Side};
use crate::observe::{Record, add};
use crate::sys::zoo::{self, Bug};
use crate::sys::{Pages, kind_of};

/// How many bytes one receive takes at most: the size of the loop's buffer.
const RECEIVE_SIZE: usize = 64 * 1024;

impl Tcp {
    /// One receive. Level-triggered: what it leaves comes with the next turn's event.
    #[inline]
    pub(super) fn read_ready(
        transport: &Transport,
        event_loop: &EventLoop,
        receive: impl Fn(&Tcp, &mut [u8]) -> io::Result<usize>,
    ) {
        let tcp = &transport.0;
        if !tcp.lifecycle.get().may_deliver() {
            return;
        }
        if tcp.buffered {
            return Tcp::read_into_protocol(transport, event_loop, &receive);
        }
        // Nobody else can be using it; if somebody were, the event would come again.
        let Ok(mut buffer) = event_loop.0.receive_buffer.try_borrow_mut() else { return };
        let buffer = &mut **buffer.get_or_insert_with(new_receive_buffer);
        match receive(tcp, buffer) {
            Ok(received @ 1..) => {
                let observe = &*tcp.home.ready.observe;
                add(&observe.tally.bytes_received, received as u64);
                observe.tell(|| Record::Received { fd: tcp.fd, bytes: received });
                Tcp::call_with(transport, |protocol, transport| {
                    protocol.data_received(transport, &buffer[..received]);
                });
                if zoo::is(Bug::ShortReadIsEof) && received < buffer.len() {
                    tcp.peer_finished(event_loop);
                }
            }
            nothing => tcp.received_nothing(event_loop, nothing),
        }
    }

    /// The same into memory of the protocol's. (One function, not one for each way to receive.)
    #[cold]
    #[inline(never)]
    fn read_into_protocol(
        transport: &Transport,
        event_loop: &EventLoop,
        receive: &dyn Fn(&Tcp, &mut [u8]) -> io::Result<usize>,
    ) {
        let tcp = &transport.0;
        let received = Tcp::call_with(transport, |protocol, _| {
            let buffer = protocol.get_buffer(RECEIVE_SIZE);
            match buffer.len().min(RECEIVE_SIZE) {
                0 => Err(no_buffer()),
                len => receive(tcp, &mut buffer[..len]),
            }
        });
        match received {
            Some(Ok(count @ 1..)) => {
                add(&event_loop.0.observe.tally.bytes_received, count as u64);
                event_loop.0.observe.tell(|| Record::Received { fd: tcp.fd, bytes: count });
                Tcp::call_with(transport, |protocol, transport| {
                    protocol.buffer_updated(transport, count);
                });
            }
            Some(nothing) => tcp.received_nothing(event_loop, nothing),
            None => {}
        }
    }

    #[cold]
    fn received_nothing(self: &Rc<Self>, event_loop: &EventLoop, result: io::Result<usize>) {
        match result {
            Ok(_) => {
                event_loop.0.observe.tell(|| Record::Received { fd: self.fd, bytes: 0 });
                self.peer_finished(event_loop);
            }
            Err(error) if is_not_now(&error) => {
                if zoo::is(Bug::WatchEndsWithEagain) {
                    event_loop.0.forget(self.fd, Side::Reader);
                }
            }
            Err(error) => self.broken(&event_loop.0, error),
        }
    }

    fn peer_finished(self: &Rc<Self>, event_loop: &EventLoop) {
        if self.end_is_reset() {
            return self.happens(&event_loop.0, Cause::Broken);
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| protocol.eof_received(transport))
        }));
        let keep = match told {
            Ok(keep) => keep,
            Err(payload) => {
                return self.protocol_failed(event_loop, "eof_received", payload);
            }
        };
        // Of a pipe nothing is left after the end of file.
        let keep = keep == Some(true) && self.channel.get() == Channel::Socket;
        let cause = if keep { Cause::EofKept } else { Cause::EofClosed };
        self.happens(&event_loop.0, cause);
    }

    pub(super) fn pause_reading(self: &Rc<Self>) {
        let mut lifecycle = self.lifecycle.get();
        let stop = lifecycle.pause_reading();
        self.lifecycle.set(lifecycle);
        if !stop {
            return;
        }
        if let Some(layer) = self.layer() {
            layer.pause_reading();
        } else if let Some(event_loop) = self.event_loop() {
            event_loop.0.forget(self.fd, Side::Reader);
        }
    }

    pub(super) fn resume_reading(self: &Rc<Self>) {
        let mut lifecycle = self.lifecycle.get();
        let start = lifecycle.resume_reading();
        self.lifecycle.set(lifecycle);
        if let Some(event_loop) = self.event_loop().filter(|_| start) {
            self.watch_readable(&event_loop.0);
        }
    }

    pub(super) fn watch_readable(self: &Rc<Self>, inner: &Inner) {
        if let Some(layer) = self.layer() {
            return layer.resume_reading();
        }
        let reader: Rc<dyn Run> = match self.channel.get() {
            Channel::Socket => self.clone(),
            _ => Rc::new(PipeReady(self.clone())),
        };
        if let Err(error) = inner.watch(self.fd, Side::Reader, reader) {
            self.broken(inner, error);
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.lifecycle.get().is_reading()
    }
}

#[cold]
pub(super) fn new_receive_buffer() -> Pages {
    Pages::new(RECEIVE_SIZE)
}

/// Whether a call only has nothing to do yet.
pub(super) fn is_not_now(error: &io::Error) -> bool {
    matches!(kind_of(error), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn no_buffer() -> io::Error {
    let text = "get_buffer() gave no memory to receive into: it must be at least one byte long";
    io::Error::new(ErrorKind::InvalidInput, text)
}
