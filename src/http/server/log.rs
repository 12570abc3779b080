//! What a connection tells the access log, where there is one.

use http::StatusCode;

use super::Connection;
use crate::http::access_log::Ledger;
use crate::http::request::Request;
use crate::sys::Time;

impl Connection {
    /// A handler is to begin.
    #[inline(always)]
    pub(in crate::http) fn log_request(&self, request: &Request) {
        if let Some(log) = &self.service.log {
            self.log_request_in(log, request);
        }
    }

    #[inline(never)]
    fn log_request_in(&self, log: &Ledger, request: &Request) {
        let now = self.exact_time();
        log.begin(self.place.get(), request.head(), request.remote(), now);
    }

    /// The head of an answer is made, and so much of its body.
    #[inline]
    pub(super) fn log_answer(&self, status: StatusCode, body_size: usize) {
        if let Some(log) = &self.service.log {
            let refused = || (self.transport.peer_addr().ok(), self.exact_time());
            log.answer(self.place.get(), status, body_size, refused);
        }
    }

    /// More of its body is on its way.
    #[inline]
    pub(super) fn log_sent(&self, more: u64) {
        if let Some(log) = &self.service.log {
            log.sent(self.place.get(), more);
        }
    }

    /// The answer is complete. It is told of when the kernel has it, but for what fits between the
    /// transport's water marks: of an answer that the client does not read it is told later, with
    /// what was sent of it.
    #[inline]
    pub(super) fn log_end(&self) {
        if self.service.log.is_some() {
            self.log_complete();
        }
    }

    #[inline(never)]
    fn log_complete(&self) {
        let (Some(log), Some(event_loop)) = (&self.service.log, self.event_loop()) else { return };
        let unsent = self.transport.get_write_buffer_size() + self.service.out.borrow().len();
        if unsent > self.transport.get_write_buffer_limits().1 {
            self.flush();
        }
        match self.choked.get() && !self.transport.is_closing() {
            true => log.complete(self.place.get(), self.exact_time()),
            false => log.end(self.place.get(), &event_loop, self.transport.unsent_at_end()),
        }
    }

    /// The client has read most of what it was sent.
    pub(super) fn log_is_sent(&self) {
        if let (Some(log), Some(event_loop)) = (&self.service.log, self.event_loop()) {
            log.end_complete(self.place.get(), &event_loop, 0);
        }
    }

    /// The answer will never be complete, unless it is already.
    pub(super) fn log_breaks_off(&self) {
        if let (Some(log), Some(event_loop)) = (&self.service.log, self.event_loop()) {
            let unsent = self.transport.get_write_buffer_size() + self.transport.unsent_at_end();
            log.break_off(self.place.get(), &event_loop, unsent);
        }
    }

    /// The connection is gone.
    pub(super) fn log_lost(&self) {
        if let (Some(log), Some(event_loop)) = (&self.service.log, self.event_loop()) {
            log.end_complete(self.place.get(), &event_loop, self.transport.unsent_at_end());
        }
    }

    /// The service's time is of the present second only.
    fn exact_time(&self) -> Time {
        self.event_loop().map_or(Time::ZERO, |event_loop| event_loop.time())
    }
}
