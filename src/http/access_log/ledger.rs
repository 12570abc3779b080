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
        let entry = Entry { head, remote, came: now, status: None, body_size: 0 };
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
            Entry { head: None, remote, came, status: None, body_size: 0 }
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

    /// The answer is complete, or never will be. Does nothing where no request is under way.
    pub(in crate::http) fn end(&self, place: usize, event_loop: &EventLoop) {
        let ended = self.under_way.borrow_mut().remove(&place);
        let Some(entry) = ended else { return };
        let told = catch_unwind(AssertUnwindSafe(|| self.tell(&entry, event_loop)));
        if let Err(panic) = told {
            let context = ErrorContext::new("Error in the access log");
            event_loop.call_exception_handler(context.exception(Exception::Panic(panic)));
        }
    }

    fn tell(&self, entry: &Entry, event_loop: &EventLoop) {
        let elapsed = event_loop.time().since(entry.came);
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
