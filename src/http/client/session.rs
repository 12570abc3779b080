//! What the requests of a session share.

use std::cell::RefCell;
use std::rc::Rc;

use http::{HeaderMap, HeaderName};

use super::connector::Connector;
use super::middleware::Chain;
use super::names::Names;
use super::proxy::{Environment, Proxy};
use super::slots::Books;
use super::timing::ClientTimeout;
use super::trace::TraceConfig;
use crate::event_loop::{TimerHandle, get_running_loop};
use crate::http::cookie_jar::CookieJar;
use crate::http::h1::Shared;
use crate::http::url::Url;
use crate::sys::Time;

/// What every request of a session begins with.
pub(super) struct Defaults {
    pub(super) base_url: Option<Url>,
    pub(super) headers: HeaderMap,
    pub(super) skipped: Vec<HeaderName>,
    pub(super) timeout: ClientTimeout,
    pub(super) max_redirects: usize,
    pub(super) raise_for_status: bool,
    pub(super) decompresses: bool,
    pub(super) proxy: Option<Rc<Proxy>>,
    pub(super) environment: Environment,
    pub(super) middlewares: Chain,
    pub(super) traces: Vec<TraceConfig>,
}

/// A session behind its names.
pub(super) struct Session {
    pub(super) defaults: Defaults,
    pub(super) connector: Connector,
    pub(super) shared: Shared,
    pub(super) names: Names,
    pub(super) books: RefCell<Books>,
    pub(super) jar: Option<RefCell<CookieJar>>,
    timer: RefCell<Option<TimerHandle>>,
}

impl Session {
    pub(super) fn new(
        defaults: Defaults,
        connector: Connector,
        shared: Shared,
        jar: Option<CookieJar>,
    ) -> Session {
        Session {
            defaults,
            shared,
            names: connector.names(),
            books: RefCell::new(Books::new(connector.limit, connector.limit_per_host)),
            connector,
            jar: jar.map(RefCell::new),
            timer: RefCell::default(),
        }
    }

    /// Closes what is idle.
    pub(super) fn close_idle(&self) {
        let idle = self.books.borrow_mut().older_than(Time::NEVER);
        drop(idle);
        self.settle();
        self.disarm();
    }

    /// Has the timer end what is idle too long, if it is not armed already.
    pub(super) fn arm(self: &Rc<Self>) {
        let Some(oldest) = self.books.borrow().oldest() else { return };
        let Ok(event_loop) = get_running_loop() else { return };
        // One that is overdue was another loop's, which is closed, and never fires.
        let now = event_loop.time();
        if self.timer.borrow().as_ref().is_some_and(|timer| timer.when() >= now) {
            return;
        }
        let session = Rc::downgrade(self);
        let prune = move || {
            if let Some(session) = session.upgrade() {
                session.timer.take();
                session.prune();
            }
        };
        let when = oldest + self.connector.keep_alive;
        *self.timer.borrow_mut() = event_loop.call_at(when, prune).ok();
    }

    fn prune(self: &Rc<Self>) {
        let Ok(event_loop) = get_running_loop() else { return };
        let now = event_loop.time();
        let kept = u64::try_from(self.connector.keep_alive.as_nanos()).unwrap_or(u64::MAX);
        let since = Time::from_nanos(now.as_nanos().saturating_sub(kept));
        let old = self.books.borrow_mut().older_than(since);
        drop(old);
        self.settle();
        self.arm();
    }

    fn disarm(&self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.disarm();
    }
}
