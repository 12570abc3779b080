//! How long a connection is waited for, and what happens then.
//!
//! The service looks once a second, and only while something is waited for. Three clocks run beside
//! each other: what the client owes (a head, a body, the next request), its reading of what was
//! sent to it, and the handler's time.

use std::cell::Cell;
use std::time::Duration;

use http::StatusCode;

use super::Connection;
use super::service::{Timeouts, Waits};
use super::stage::Stage;
use crate::http::request::BodyError;
use crate::http::response::Response;
use crate::sys::Time;

/// So many bytes of a body allow one second more for it.
const BODY_RATE: u64 = 500;

/// How far the client has read when that was looked at last.
#[derive(Default)]
pub(super) struct Writes {
    /// How many bytes the transport was given, and how often it was drained, in one number.
    given: Cell<u32>,
    /// A number that changes with every byte that leaves; nothing if none are to leave.
    mark: Cell<Option<u32>>,
    /// Since when it has been that: the second of the loop's clock.
    since: Cell<u32>,
}

/// What is still to be sent.
#[derive(Default)]
struct Left {
    /// Bytes that the transport has.
    unsent: usize,
    /// How many parts of a file were begun.
    parts: u32,
    /// How much of the last one the kernel has taken.
    of_part: u64,
    /// Bytes that the kernel has and the client has not acknowledged, as far as the kernel says. Its
    /// buffers may hold megabytes, and it asks for more when a third of that is gone: a client of
    /// 4 kB/s is heard of by this for minutes before anything else moves.
    in_kernel: usize,
}

impl Writes {
    /// So many bytes were given to the transport.
    pub(super) fn gives(&self, bytes: usize) {
        self.given.set(self.given.get().wrapping_add(bytes as u32));
    }

    /// The transport has been drained of what it was given, by whomever.
    pub(super) fn drained(&self) {
        self.gives(1);
    }

    /// How long the client has taken none of what is `left`. That as much is unsent as before says
    /// nothing: as much may have been written as has left.
    fn stuck(&self, left: &Left, now: u32) -> Option<Duration> {
        let Left { unsent, parts, of_part, in_kernel } = *left;
        // The spread keeps a part of a file from looking like a few bytes.
        let taken = self.given.get().wrapping_sub(unsent as u32).wrapping_sub(in_kernel as u32);
        let taken = taken.wrapping_add(of_part as u32);
        let taken = taken.wrapping_add(parts.wrapping_mul(0x9e37_79b1));
        let mark = (unsent > 0 || parts > 0).then_some(taken);
        if self.mark.replace(mark) != mark {
            self.since.set(now);
        }
        mark.map(|_| Duration::from_secs(u64::from(now.saturating_sub(self.since.get()))))
    }
}

impl Connection {
    /// What it waits for the client to do, and since when.
    pub(super) fn waits(&self) -> (Waits, Time) {
        (self.waits.get(), self.since.get())
    }

    /// It waits for something else from now on, or for the same anew.
    #[inline]
    pub(super) fn now_waits(&self, waits: Waits) {
        let before = self.waits.replace(waits);
        if before == Waits::Body || waits == Waits::Body {
            return self.waits_for_body(before, waits);
        }
        if before != waits || waits == Waits::Idle {
            self.since.set(self.service.now());
        }
    }

    /// Many short waits for a body add up: the present second would not do.
    #[inline(never)]
    fn waits_for_body(&self, before: Waits, waits: Waits) {
        if before == waits {
            return;
        }
        let now = self.event_loop().map_or(self.service.now(), |event_loop| event_loop.time());
        let since = self.since.replace(now);
        if before == Waits::Body {
            if let Some(body) = self.stage.borrow().body() {
                body.has_waited(now.since(since));
            }
        }
    }

    /// An exchange begins.
    #[inline]
    pub(super) fn begins(&self) {
        if self.service.timeouts.request.is_some() {
            self.began.set(second(self.service.now()));
        }
    }

    /// What it may wait for least long, and how long.
    pub(super) fn time_left(&self, timeouts: &Timeouts, now: Time) -> Option<(Waits, Duration)> {
        let left = |waits, waited: Option<Duration>| {
            Some((waits, timeouts.of(waits)?.saturating_sub(waited?)))
        };
        let all = [
            self.left_for_client(timeouts, now).map(|left| (self.waits.get(), left)),
            left(Waits::Write, self.has_not_read_for(second(now))),
            left(Waits::Request, self.has_been_handled_for(second(now))),
        ];
        all.into_iter().flatten().min_by_key(|(_, left)| *left)
    }

    fn left_for_client(&self, timeouts: &Timeouts, now: Time) -> Option<Duration> {
        let limit = timeouts.of(self.waits.get())?;
        let waited = now.since(self.since.get());
        let stage = self.stage.borrow();
        let Some(body) = stage.body().filter(|_| self.waits.get() == Waits::Body) else {
            return Some(limit.saturating_sub(waited));
        };
        let (received, before) = body.pace();
        let limit = limit.saturating_add(Duration::from_secs(received / BODY_RATE));
        Some(limit.saturating_sub(waited.saturating_add(before)))
    }

    /// How long the client has taken none of what is to be sent to it.
    fn has_not_read_for(&self, now: u32) -> Option<Duration> {
        let parts = match &*self.stage.borrow() {
            Stage::Sending(sending) => sending.1.parts(),
            _ => 0,
        };
        let unsent = self.transport.get_write_buffer_size();
        let mut left = Left { unsent, parts, ..Left::default() };
        if unsent > 0 || parts > 0 {
            left.of_part = self.transport.sent_of_file();
            left.in_kernel = self.transport.unacknowledged();
        }
        self.writes.stuck(&left, now)
    }

    /// Whether its client may leave and nobody would hear it: reading is paused, because something
    /// has come that waits, and a handler is under way that is to be cancelled then. To watch for
    /// the end alone epoll has `EPOLLRDHUP`, but kqueue and poll(2) have nothing like it everywhere,
    /// so no selector has; and this is rare: so it is asked for once a second.
    pub(super) fn looks_for_its_client(&self) -> bool {
        self.service.cancels_handlers
            && self.stage.borrow().exchange().is_some()
            && !self.transport.is_reading()
            && !self.transport.is_closing()
    }

    /// Ends it if its client has left.
    pub(super) fn look_for_client(&self) {
        if self.transport.has_peer_finished() {
            self.finished.set(true);
            self.transport.close();
        }
    }

    pub(super) fn has_nothing_to_send(&self) -> bool {
        self.transport.get_write_buffer_size() == 0
    }

    fn has_been_handled_for(&self, now: u32) -> Option<Duration> {
        self.stage.borrow().exchange()?;
        Some(Duration::from_secs(u64::from(now.saturating_sub(self.began.get()))))
    }

    /// It has waited for that too long.
    pub(super) fn waited_too_long(&self, waits: Waits) {
        match waits {
            Waits::Head => self.head_is_late(),
            Waits::Body => self.body_is_late(),
            Waits::Request => self.answer_is_late(),
            Waits::Linger | Waits::Write => self.transport.abort(),
            Waits::Idle | Waits::Nothing => self.close(),
        }
    }

    fn head_is_late(&self) {
        self.begin();
        // To the machine it is as if the client had gone: what it has begun is broken off.
        let _ = self.machine.borrow_mut().receive_eof();
        let what = "the head of the request did not arrive in time";
        self.refuse(&Response::error(StatusCode::REQUEST_TIMEOUT, what));
        self.flush();
        self.close();
    }

    /// Whoever reads the body learns it, and answers.
    fn body_is_late(&self) {
        let _ = self.machine.borrow_mut().receive_eof();
        self.waits.set(Waits::Nothing);
        if let Some(body) = self.stage.borrow().body() {
            body.fail(BodyError::TimedOut);
        }
    }

    fn answer_is_late(&self) {
        let task = self.cancel_handler();
        if !matches!(*self.stage.borrow(), Stage::Handling(_)) {
            self.ends(false);
            self.service.adopt(task);
            return self.transport.abort();
        }
        self.begin();
        let what = "the request was not answered in time";
        self.refuse(&Response::error(StatusCode::SERVICE_UNAVAILABLE, what));
        self.flush();
        self.after_feeding();
        self.service.adopt(task);
    }
}

/// The second of the loop's clock.
fn second(time: Time) -> u32 {
    u32::try_from(time.since(Time::ZERO).as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_unsent_as_before_is_progress_if_more_was_written() {
        let writes = Writes::default();
        let stuck = |unsent, parts, now| {
            let left = Left { unsent, parts, ..Left::default() };
            writes.stuck(&left, now).map(|it| it.as_secs())
        };
        writes.gives(100);
        assert_eq!((stuck(40, 0, 10), stuck(40, 0, 70)), (Some(0), Some(60)));
        writes.gives(60);
        assert_eq!((stuck(100, 0, 71), stuck(40, 0, 72)), (Some(61), Some(0)));
        // What another protocol writes is not counted, but that it was drained meanwhile is.
        writes.drained();
        assert_eq!(stuck(40, 0, 130), Some(0));
        assert_eq!(
            (stuck(0, 1, 140), stuck(0, 1, 200), stuck(0, 2, 201)),
            (Some(0), Some(60), Some(0))
        );
    }

    #[test]
    fn the_time_in_which_nothing_is_to_be_sent_does_not_count() {
        let writes = Writes::default();
        assert_eq!(writes.stuck(&Left::default(), 10), None);
        writes.gives(5);
        let left = Left { unsent: 5, ..Left::default() };
        assert_eq!(writes.stuck(&left, 500), Some(Duration::ZERO));
    }

    #[test]
    fn what_leaves_the_kernel_and_what_it_takes_of_a_file_is_progress() {
        let writes = Writes::default();
        let stuck = |in_kernel, of_part, now| {
            let left = Left { unsent: 0, parts: 1, of_part, in_kernel };
            writes.stuck(&left, now).map(|it| it.as_secs())
        };
        assert_eq!((stuck(900, 900, 10), stuck(900, 900, 60)), (Some(0), Some(50)));
        assert_eq!((stuck(899, 900, 61), stuck(899, 900, 62)), (Some(0), Some(1)));
        assert_eq!(stuck(900, 950, 63), Some(0), "more was read than was taken");
    }
}
