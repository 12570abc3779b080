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
    /// A number that changes with every byte that leaves; 0 if none are to leave.
    mark: Cell<u32>,
    /// Since when it has been that: the second of the loop's clock.
    since: Cell<u32>,
}

impl Connection {
    /// What it waits for the client to do, and since when.
    pub(super) fn waits(&self) -> (Waits, Time) {
        (self.waits.get(), self.since.get())
    }

    /// It waits for something else from now on, or for the same anew.
    pub(super) fn now_waits(&self, waits: Waits) {
        let before = self.waits.replace(waits);
        if before == waits && waits != Waits::Idle {
            return;
        }
        let mut now = self.service.now();
        if before == Waits::Body || waits == Waits::Body {
            // Many short waits add up: the present second would not do.
            now = self.event_loop().map_or(now, |event_loop| event_loop.time());
        }
        let since = self.since.replace(now);
        if before == Waits::Body {
            if let Some(body) = self.stage.borrow().body() {
                body.has_waited(now.since(since));
            }
        }
    }

    /// It waits for a request from now on.
    #[inline]
    pub(super) fn now_idle(&self) {
        match self.waits.get() {
            Waits::Body => self.now_waits(Waits::Idle),
            _ => {
                self.waits.set(Waits::Idle);
                self.since.set(self.service.now());
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
        let mark = match &*self.stage.borrow() {
            Stage::Sending(sending) if sending.1.parts() > 0 => sending.1.parts() | 1 << 31,
            _ => u32::try_from(self.transport.get_write_buffer_size()).unwrap_or(u32::MAX),
        };
        if self.writes.mark.replace(mark) != mark {
            self.writes.since.set(now);
        }
        let waited = u64::from(now.saturating_sub(self.writes.since.get()));
        (mark > 0).then(|| Duration::from_secs(waited))
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
            self.ends();
            return self.transport.abort();
        }
        self.begin();
        let what = "the request was not answered in time";
        self.refuse(&Response::error(StatusCode::SERVICE_UNAVAILABLE, what));
        self.flush();
        self.after_feeding();
        drop(task);
    }
}

/// The second of the loop's clock.
fn second(time: Time) -> u32 {
    u32::try_from(time.since(Time::ZERO).as_secs()).unwrap_or(u32::MAX)
}
