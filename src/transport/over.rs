//! What a [`Layer`] does with the connection above it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::layer::Layer;
use super::lifecycle::{Cause, Lifecycle, Phase};
use super::pipe::Channel;
use super::protocol::Protocol;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{EventLoop, Inner, Side};

/// What a layer calls on the connection above.
impl Transport {
    /// Whether plaintext may be delivered now; to be asked before each time.
    pub(crate) fn may_deliver(&self) -> bool {
        self.0.lifecycle.get().may_deliver()
    }

    /// Whether its protocol receives into its own memory.
    pub(crate) fn is_buffered(&self) -> bool {
        self.0.buffered
    }

    /// `data_received`.
    pub(crate) fn deliver(&self, data: &[u8]) {
        self.0.deliver("data_received", || {
            Tcp::call_with(self, |protocol, transport| protocol.data_received(transport, data));
        });
    }

    /// `get_buffer`, then `buffer_updated` with as much as `receive` has put there; whether that
    /// was anything.
    pub(crate) fn deliver_into(
        &self,
        hint: usize,
        receive: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        let mut count = 0;
        self.0.deliver("get_buffer", || {
            Tcp::call_with(self, |protocol, _| count = receive(protocol.get_buffer(hint)));
        });
        self.0.deliver("buffer_updated", || {
            Tcp::call_with(self, |protocol, transport| {
                if count > 0 {
                    protocol.buffer_updated(transport, count);
                }
            });
        });
        count > 0
    }

    /// `eof_received`, whose answer changes nothing: there is no half close.
    pub(crate) fn deliver_eof(&self) {
        self.0.deliver("eof_received", || {
            Tcp::call_with(self, |protocol, transport| protocol.eof_received(transport));
        });
        if let Some(event_loop) = self.event_loop() {
            self.0.happens(&event_loop.0, Cause::EofClosed);
        }
    }

    /// What its protocol says; not if it is over.
    pub(crate) fn reads_after_failed_write(&self) -> bool {
        self.0.call(|protocol, _| protocol.reads_after_failed_write()) == Some(true)
    }

    /// The connection below was told to pause, or to go on.
    pub(crate) fn flow_has_changed(&self) {
        self.0.tell_flow();
    }

    /// The layer failed: it is the end, and this is why.
    pub(crate) fn fail(&self, error: io::Error) {
        if let Some(event_loop) = self.event_loop() {
            self.0.broken(&event_loop.0, error);
        }
    }

    /// `connection_lost`: the connection below is over.
    pub(crate) fn below_is_lost(&self, event_loop: &EventLoop, error: Option<io::Error>) {
        self.0.lost_below(&event_loop.0, error);
        self.0.deliver_lost(event_loop);
    }

    /// The loop was closed under it.
    pub(crate) fn below_is_evicted(&self) {
        self.0.lifecycle.set(Lifecycle::evicted());
        self.0.release_over();
    }
}

impl Transport {
    /// A connection over `layer`, in the place of the one below it among its server's, and its
    /// protocol's `connection_made` is called.
    pub(crate) fn open_over(
        event_loop: &EventLoop,
        layer: &Rc<dyn Layer>,
        below: &Transport,
        protocol: Box<dyn Protocol>,
    ) -> Transport {
        let below = &below.0;
        let local = below.local.get().cloned();
        let (fd, peer) = (below.fd, below.peer.clone());
        let above = Tcp::new(Channel::Layer, event_loop, fd, peer, local, protocol);
        above.outgoing.borrow_mut().set_layer(layer.clone());
        if let Some(server) = below.server.take() {
            server.replace(&above);
            above.server.set(Some(server));
        }
        layer.set_above(Transport(above.clone()));
        above.begin(event_loop);
        Transport(above)
    }

    /// Puts a connection of `protocol` below this one, with `layer` between: it takes over the
    /// descriptor and what is unsent. Everybody's names of this one go through the layer from now
    /// on, so that nobody can write beside it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` unless both directions are open and no file is being sent.
    pub(crate) fn insert_below(
        &self,
        event_loop: &EventLoop,
        layer: &Rc<dyn Layer>,
        protocol: Box<dyn Protocol>,
    ) -> io::Result<Transport> {
        let (tcp, inner) = (&self.0, &*event_loop.0);
        self.check_insert()?;
        let local = tcp.local.get().cloned();
        let channel = tcp.channel.get();
        let below = Tcp::new(channel, event_loop, tcp.fd, tcp.peer.clone(), local, protocol);
        let mut lifecycle = Lifecycle::new();
        lifecycle.on(Cause::Made, true).for_each(drop);
        below.lifecycle.set(lifecycle);
        below.told_paused.set(tcp.told_paused.get());
        below.outgoing.replace(tcp.outgoing.take());
        tcp.channel.set(Channel::Layer);
        tcp.outgoing.borrow_mut().set_layer(layer.clone());
        layer.set_above(self.clone());
        match below.layer() {
            Some(older) => {
                older.set_above(Transport(below.clone()));
                older.resume_reading();
            }
            None => take_descriptor(inner, tcp, &below),
        }
        if below.told_paused.get() {
            below.call(|protocol, transport| protocol.pause_writing(transport));
        }
        Ok(Transport(below))
    }

    /// Whether [`insert_below`](Transport::insert_below) is possible now.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, as there.
    pub(crate) fn check_insert(&self) -> io::Result<()> {
        let tcp = &self.0;
        let fit = tcp.channel.get().is_both_ways() && tcp.lifecycle.get().phase() == Phase::Open;
        if !fit || tcp.outgoing.borrow().has_file() {
            let text = "TLS begins on a connection that is open in both directions, and while no \
                        file is being sent";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(())
    }

    /// The layer below, if it is one of this kind.
    pub(crate) fn layer_as<L: Layer + 'static>(&self) -> Option<Rc<L>> {
        self.0.layer()?.as_any().downcast().ok()
    }
}

/// The one below is watched and housed in the place of the one above.
fn take_descriptor(inner: &Inner, above: &Tcp, below: &Rc<Tcp>) {
    inner.let_go(above.resident.replace(0));
    below.resident.set(inner.house(below.clone()));
    drop(inner.unwatch(below.fd, Side::Reader));
    drop(inner.unwatch(below.fd, Side::Writer));
    if !below.outgoing.borrow().is_empty() {
        below.watch_writable(inner);
    }
    below.watch_readable(inner);
}

impl Tcp {
    fn deliver(self: &Rc<Self>, method: &'static str, call: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            if let Some(event_loop) = self.event_loop() {
                self.protocol_failed(&event_loop, method, payload);
            }
        }
    }

    fn lost_below(self: &Rc<Self>, inner: &Inner, error: Option<io::Error>) {
        if error.is_some() {
            self.error.set(error);
        }
        self.happens(inner, Cause::Broken);
    }
}
