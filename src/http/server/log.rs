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

    /// The answer is complete, or never will be.
    #[inline]
    pub(super) fn log_end(&self) {
        if let (Some(log), Some(event_loop)) = (&self.service.log, self.event_loop()) {
            log.end(self.place.get(), &event_loop);
        }
    }

    /// The service's time is of the present second only.
    fn exact_time(&self) -> Time {
        self.event_loop().map_or(Time::ZERO, |event_loop| event_loop.time())
    }
}
