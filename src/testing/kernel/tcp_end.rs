//! One end of a TCP connection, as its kernel keeps it.

use std::net::SocketAddr;

use super::phase::{Cause, Phase};
use crate::testing::journal::Errno;

pub(super) struct End {
    pub(super) local: SocketAddr,
    pub(super) phase: Phase,
    pub(super) error: Option<Errno>,
    /// We may send no more. (SEND_SHUTDOWN)
    pub(super) sends_ended: bool,
    /// Nothing more will come. (RCV_SHUTDOWN)
    pub(super) receives_ended: bool,
    /// The peer's end of file has come. (SOCK_DONE)
    pub(super) peers_end: bool,
    /// Our end of file has come to the peer.
    pub(super) end_came: bool,
    /// Nobody holds it any more.
    pub(super) released: bool,
}

impl End {
    pub(super) fn new(local: SocketAddr, phase: Phase) -> End {
        End {
            local,
            phase,
            error: None,
            sends_ended: false,
            receives_ended: false,
            peers_end: false,
            end_came: false,
            released: false,
        }
    }

    pub(super) fn close_if_over(&mut self) {
        if self.phase == Phase::BothEnded && self.end_came {
            self.phase = Phase::Closed;
        }
    }

    /// Nobody would receive them: it is closed, or has shut down both ways. Reading alone is shut
    /// down to no effect on the network. (Linux: tcp_rcv_state_process, FIN_WAIT2)
    pub(super) fn refuses_bytes(&self) -> bool {
        self.released || (self.phase == Phase::WeEnded && self.receives_ended)
    }

    pub(super) fn happens(&mut self, cause: Cause) {
        let (phase, error) = self.phase.after(cause);
        if phase == Phase::Closed && matches!(cause, Cause::Refusal | Cause::Reset) {
            self.sends_ended = true;
            self.receives_ended = true;
        }
        self.phase = phase;
        self.error = error.or(self.error);
        self.close_if_over();
    }
}
