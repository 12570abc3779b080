//! Connections that are accepted and do not speak HTTP yet: TLS handshakes.
//!
//! They count as connections ([`Limits::connections`](crate::http::Limits::connections)). A
//! handshake has its own time, [`HANDSHAKE_TIMEOUT`](crate::tls::HANDSHAKE_TIMEOUT) if nobody says
//! otherwise; where there is no room the oldest goes sooner.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU64;

use crate::transport::Transport;

/// The connections in their handshakes, oldest first.
#[derive(Default)]
pub(super) struct Handshakes {
    under_way: RefCell<BTreeMap<NonZeroU64, Transport>>,
    last: Cell<u64>,
}

impl Handshakes {
    /// One begins over this connection; gives its number.
    pub(super) fn begin(&self, below: &Transport) -> NonZeroU64 {
        let number = NonZeroU64::MIN.saturating_add(self.last.get());
        self.last.set(number.get());
        self.under_way.borrow_mut().insert(number, below.clone());
        number
    }

    /// One is over, well or not.
    pub(super) fn end(&self, number: NonZeroU64) {
        let transport = self.under_way.borrow_mut().remove(&number);
        drop(transport);
    }

    pub(super) fn len(&self) -> usize {
        self.under_way.borrow().len()
    }

    /// Gives the oldest up; `false` if there is none.
    pub(super) fn give_up_oldest(&self) -> bool {
        let oldest = self.under_way.borrow_mut().pop_first();
        oldest.map(|(_, transport)| transport.abort()).is_some()
    }

    pub(super) fn give_up_all(&self) {
        while self.give_up_oldest() {}
    }
}
