//! A connection whose bytes go through a layer over another one: TLS.
//!
//! ```text
//!            protocol                            protocol
//!               ▲│ Transport                        ▲│ Transport
//!            ┌──┴▼──┐                            ┌──┴▼──┐
//!            │ Tcp  │ above: Channel::Layer      │ Tcp  │ Channel::Socket
//!            └──▲┬──┘                            └──▲┬──┘
//!      deliver  ││  write, close, pause_reading   recv││send
//!            ┌──┴▼──┐                               fd
//!            │Layer │
//!            └──▲┬──┘ data_received, write
//!            ┌──┴▼──┐
//!            │ Tcp  │ below: Channel::Socket
//!            └──▲┬──┘
//!               fd
//! ```
//!
//! The one above obeys the machines that every connection obeys, so that its protocol has its calls
//! in the order of `lifecycle.rs`; only what it does to a descriptor otherwise, it does to its
//! layer. It differs from a socket in three things:
//!
//! - There is no half close: neither `WriteEof` nor `EofKept` happens to it.
//! - Its unsent bytes wait below, and so do the water marks. Its own `Outgoing` counts as not empty
//!   for as long as there is a layer: `Flushing` waits for that.
//! - Its `connection_lost` is called by that of the one below, before the descriptor is closed.
//!
//! A plain connection pays for this where it opens, pauses and ends; a write or a receive of one
//! asks nothing that it did not ask before.

#[cfg(feature = "tls")]
use std::any::Any;
use std::io::{self, IoSlice};
use std::rc::Rc;

use super::lifecycle::{Action, Phase};
#[cfg(feature = "tls")]
use super::pipe::Channel;
use super::tcp::Tcp;
use super::transport::Transport;

/// What a connection's bytes go through on their way to another.
pub(crate) trait Layer {
    /// Takes all of them; they are sent by the connection below as soon as it can.
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<()>;

    /// Nothing more will be written: ends in order, and closes the connection below.
    fn close(self: Rc<Self>);

    /// Ends now: aborts the connection below, unless that is over.
    fn end(&self);

    /// Delivers nothing more.
    fn pause_reading(&self);

    /// Delivers again: in a later turn what is kept, if anything is.
    fn resume_reading(self: Rc<Self>);

    /// Whether the one below was told to pause writing.
    fn is_paused(&self) -> bool;

    /// The connection below, while there is one.
    fn below(&self) -> Option<Transport>;

    /// The connection above, from now on.
    #[cfg(feature = "tls")]
    fn set_above(&self, above: Transport);

    /// Itself, whatever it is.
    #[cfg(feature = "tls")]
    fn as_any(self: Rc<Self>) -> Rc<dyn Any>;
}

impl Tcp {
    /// What is below it in the place of a descriptor.
    #[inline]
    pub(super) fn layer(&self) -> Option<Rc<dyn Layer>> {
        #[cfg(feature = "tls")]
        if self.channel.get() == Channel::Layer {
            return self.outgoing.borrow().layer().cloned();
        }
        None
    }

    /// The connection that has the descriptor.
    pub(super) fn bottom(self: &Rc<Self>) -> Rc<Tcp> {
        let mut tcp = self.clone();
        while let Some(below) = tcp.layer().and_then(|layer| layer.below()) {
            tcp = below.0;
        }
        tcp
    }

    /// [`act`](Tcp::act), of a connection over a layer.
    pub(super) fn act_over(self: &Rc<Self>, layer: &dyn Layer, action: Action) {
        match action {
            // Below it goes on: the peer's end is awaited there.
            Action::StopReading | Action::SendFin | Action::StopWriting | Action::Drain => {}
            Action::ScheduleLost => layer.end(),
            Action::Release => self.release_over(),
        }
    }

    pub(super) fn release_over(self: &Rc<Self>) {
        self.drop_protocol();
        self.keep_local_addr();
        let layer = self.outgoing.take();
        drop(layer);
        if let Some(server) = self.server.take() {
            server.leave();
        }
    }

    /// Has the layer end in order, if that is due: a file that is being sent goes first.
    pub(super) fn close_layer(&self, layer: Rc<dyn Layer>) {
        let flushing = self.lifecycle.get().phase() == Phase::Flushing;
        if flushing && !self.outgoing.borrow().has_file() {
            layer.close();
        }
    }
}
