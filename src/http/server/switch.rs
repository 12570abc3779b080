//! Handing a connection over to another protocol (RFC 9110 §7.8).
//!
//! The transport keeps its protocol, which from then on only passes on what it is told: to the one
//! under a [`StreamReader`](crate::StreamReader) and a [`StreamWriter`](crate::StreamWriter).

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::Connection;
use super::drive::Rest;
use super::stage::{Cause, Stage, Switched};
use crate::http::body::{UpgradeBody, Upgraded};
use crate::stream::stream_protocol;
use crate::transport::{Protocol, Transport};

impl Connection {
    /// The head of the switch is encoded: gives who speaks from now on.
    pub(super) fn switch(self: &Rc<Self>, upgrade: UpgradeBody) -> Rest {
        self.flush();
        let ends = Rc::new(Cell::new(None));
        let (place, closing) = (ends.clone(), self.service.server_closing());
        let mut protocol = stream_protocol(move |reader, writer| {
            place.set(Some(Upgraded { reader, writer, closing }));
        });
        protocol.connection_made(&self.transport);
        if self.choked.get() {
            protocol.pause_writing(&self.transport);
        }
        // Paused for a body or for what is held, that is over: both are handed over now.
        self.transport.resume_reading();
        if self.finished.get() {
            protocol.eof_received(&self.transport);
        }
        let task = self.take_exchange().task;
        let switched = Switched { protocol: Some(protocol), task };
        self.moves(Cause::Switches, Stage::Upgraded(Box::new(switched)));
        Box::pin(async move {
            if let Some(upgraded) = ends.take() {
                (upgrade.0)(upgraded).await;
            }
        })
    }

    pub(super) fn is_upgraded(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Upgraded(_))
    }

    /// Calls the protocol that is spoken in HTTP's stead.
    pub(super) fn forward<R>(
        &self,
        call: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        let mut protocol = match &mut *self.stage.borrow_mut() {
            Stage::Upgraded(switched) => switched.protocol.take()?,
            _ => return None,
        };
        let result = call(&mut *protocol, &self.transport);
        if let Stage::Upgraded(switched) = &mut *self.stage.borrow_mut() {
            switched.protocol = Some(protocol);
        }
        Some(result)
    }

    /// Tells the protocol that is spoken in HTTP's stead that the connection is lost.
    pub(super) fn last_of_the_upgraded(&self, error: Option<io::Error>) {
        let protocol = match &mut *self.stage.borrow_mut() {
            Stage::Upgraded(switched) => switched.protocol.take(),
            _ => None,
        };
        if let Some(mut protocol) = protocol {
            protocol.connection_lost(error);
        }
    }

    /// Gives the other protocol what came for it while this one was spoken.
    pub(super) fn hand_over(&self) {
        let Some(held) = self.held.take() else { return };
        self.forward(|protocol, transport| {
            protocol.data_received(transport, &held.bytes[held.used..]);
        });
    }
}
