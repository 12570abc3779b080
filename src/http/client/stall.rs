//! A server that takes nothing of what is sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::error::ClientError;
use super::timing::TimeoutKind;
use crate::task::{Sleep, sleep};

/// So many looks a limit: each costs a timer, and the limit is overstepped by one at most.
const LOOKS: u32 = 4;

/// Looks now and then whether less is unsent than before. Nobody is told when the kernel has taken
/// something, only when there is room again.
pub(super) struct Stall {
    limit: Duration,
    unsent: usize,
    /// Looks since it changed last.
    quiet: u32,
    look: Pin<Box<Sleep>>,
}

impl Stall {
    pub(super) fn new(limit: Duration, unsent: usize) -> Stall {
        Stall { limit, unsent, quiet: 0, look: Box::pin(sleep(limit / LOOKS)) }
    }

    /// The error, once nothing was taken for too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, unsent: usize) -> Poll<ClientError> {
        loop {
            ready!(self.look.as_mut().poll(context));
            self.quiet = if unsent == self.unsent { self.quiet + 1 } else { 0 };
            self.unsent = unsent;
            if self.quiet == LOOKS {
                let (kind, limit) = (TimeoutKind::SockWrite, self.limit);
                let waiting_for = "room for more of the request's body";
                return Poll::Ready(ClientError::Timeout { kind, waiting_for, limit });
            }
            self.look = Box::pin(sleep(self.limit / LOOKS));
        }
    }
}
