//! The requests under way on a server that tells of its answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use http::{Method, StatusCode};

use super::{Access, Hook};
use crate::event_loop::{ErrorContext, EventLoop, Exception};
use crate::http::h1::RequestHead;
use crate::sys::Time;

/// The requests under way, each by the place of its connection, which has one at a time.
///
/// Kept here and not in the connections, so that they are no larger where nothing is told.
pub(in crate::http) struct Ledger {
    hook: Hook,
    under_way: RefCell<HashMap<usize, Entry>>,
}

/// A request under way.
struct Entry {
    head: Option<RequestHead>,
    remote: Option<SocketAddr>,
    came: Time,
    /// When its answer was complete, if the client has not read that yet.
    complete: Option<Time>,
    status: Option<StatusCode>,
    body_size: u64,
}

impl Ledger {
    pub(in crate::http) fn new(hook: Hook) -> Ledger {
        Ledger { hook, under_way: RefCell::default() }
    }

    /// A request has come, and its handler is to begin.
    pub(in crate::http) fn begin(
        &self,
        place: usize,
        head: &RequestHead,
        remote: Option<SocketAddr>,
        now: Time,
    ) {
        let head = Some(head.clone());
        let entry = Entry { head, remote, came: now, complete: None, status: None, body_size: 0 };
        self.under_way.borrow_mut().insert(place, entry);
    }

    /// The head of the answer is made, and so much of its body. Who has not begun was refused.
    pub(in crate::http) fn answer(
        &self,
        place: usize,
        status: StatusCode,
        body_size: usize,
        refused: impl FnOnce() -> (Option<SocketAddr>, Time),
    ) {
        let mut under_way = self.under_way.borrow_mut();
        let entry = under_way.entry(place).or_insert_with(|| {
            let (remote, came) = refused();
            Entry { head: None, remote, came, complete: None, status: None, body_size: 0 }
        });
        entry.status = Some(status);
        entry.body_size = body_size as u64;
    }

    /// More of its body is on its way.
    pub(in crate::http) fn sent(&self, place: usize, more: u64) {
        if let Some(entry) = self.under_way.borrow_mut().get_mut(&place) {
            entry.body_size += more;
        }
    }

    /// The answer is complete, and the client has not read it.
    pub(in crate::http) fn complete(&self, place: usize, now: Time) {
        if let Some(entry) = self.under_way.borrow_mut().get_mut(&place) {
            entry.complete = Some(now);
        }
    }

    /// What was complete is sent, but for so many bytes that never will be.
    pub(in crate::http) fn end_complete(
        &self,
        place: usize,
        event_loop: &EventLoop,
        unsent: usize,
    ) {
        self.end_that(place, event_loop, unsent, |entry| entry.complete.is_some());
    }

    /// What is not complete never will be, and so many bytes of it are not sent.
    pub(in crate::http) fn break_off(&self, place: usize, event_loop: &EventLoop, unsent: usize) {
        self.end_that(place, event_loop, unsent, |entry| entry.complete.is_none());
    }

    /// The answer is complete, but for so many bytes that never will be sent. Does nothing where no
    /// request is under way.
    pub(in crate::http) fn end(&self, place: usize, event_loop: &EventLoop, unsent: usize) {
        self.end_that(place, event_loop, unsent, |_| true);
    }

    fn end_that(
        &self,
        place: usize,
        event_loop: &EventLoop,
        unsent: usize,
        which: impl FnOnce(&Entry) -> bool,
    ) {
        let mut under_way = self.under_way.borrow_mut();
        if !under_way.get(&place).is_some_and(which) {
            return;
        }
        let ended = under_way.remove(&place);
        drop(under_way);
        let Some(mut entry) = ended else { return };
        entry.body_size = entry.body_size.saturating_sub(unsent as u64);
        let told = catch_unwind(AssertUnwindSafe(|| self.tell(&entry, event_loop)));
        if let Err(panic) = told {
            let context = ErrorContext::new("Error in the access log");
            event_loop.call_exception_handler(context.exception(Exception::Panic(panic)));
        }
    }

    fn tell(&self, entry: &Entry, event_loop: &EventLoop) {
        let ended = entry.complete.unwrap_or_else(|| event_loop.time());
        let elapsed = ended.since(entry.came);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let head = entry.head.as_ref();
        let bodiless = head.is_some_and(|head| *head.method() == Method::HEAD);
        (self.hook)(&Access {
            head,
            remote: entry.remote,
            status: entry.status,
            body_size: if bodiless { 0 } else { entry.body_size },
            elapsed,
            begun: now.unwrap_or_default().saturating_sub(elapsed).as_secs(),
        });
    }
}
