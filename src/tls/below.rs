//! The protocol of the connection below a TLS one.

use std::io;
use std::rc::Rc;

use super::error;
use super::layer::Tls;
use crate::transport::{Protocol, Transport};

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

    /// In the handshake it is: an alert says why. After it the protocol above says.
    fn reads_after_failed_write(&self) -> bool {
        self.tls.wants_the_rest()
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
