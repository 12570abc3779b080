//! How long a request may take, and in what.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::error::ClientError;
use super::trace::{TraceEvent, Tracer};
use crate::sys::Time;
use crate::task::{running_loop, timeout_at};

/// How long a request may take: as a whole, and its parts. `None` is without end.
/// (`aiohttp.ClientTimeout`)
///
/// ```
/// use evloop::http::ClientTimeout;
/// use std::time::Duration;
///
/// let quick = ClientTimeout { total: Some(Duration::from_secs(5)), ..ClientTimeout::default() };
/// assert_eq!(quick.sock_connect, Some(Duration::from_secs(30)));
/// ```
///
/// # Unlike aiohttp
///
/// Every limit is exact: none is rounded up to whole seconds, and `total` is not raised to the
/// largest of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeout {
    /// For a whole request: waiting for a free connection, connecting, sending, redirects, and
    /// receiving the body to its last byte.
    ///
    /// Default 300 s, as in aiohttp.
    pub total: Option<Duration>,
    /// For having a connection: waiting for a free one, or for a slot for a new one, the lookup of
    /// the name, connecting, and what a proxy and TLS need.
    ///
    /// Default none, as in aiohttp.
    pub connect: Option<Duration>,
    /// For connecting to the server or the proxy once its addresses are known.
    ///
    /// Default 30 s, as in aiohttp.
    pub sock_connect: Option<Duration>,
    /// Between two reads, from when the request is sent: how long a server may say nothing.
    ///
    /// Default none, as in aiohttp.
    pub sock_read: Option<Duration>,
    /// While a request's body is sent: how long a server may take nothing of it. Looked at four
    /// times as often, so that it ends after its time or up to a quarter more. Making the body does
    /// not count. What a server takes is seen when the kernel takes more from us, which Linux does
    /// by the third of a socket's buffer: one that reads a few bytes now and then is given up too.
    ///
    /// Default none. aiohttp has no such limit; nginx has it as `proxy_send_timeout`, of 60 s.
    pub sock_write: Option<Duration>,
}

impl Default for ClientTimeout {
    fn default() -> ClientTimeout {
        ClientTimeout {
            total: Some(Duration::from_secs(300)),
            connect: None,
            sock_connect: Some(Duration::from_secs(30)),
            sock_read: None,
            sock_write: None,
        }
    }
}

impl ClientTimeout {
    /// No limits at all.
    pub const NONE: ClientTimeout = ClientTimeout {
        total: None,
        connect: None,
        sock_connect: None,
        sock_read: None,
        sock_write: None,
    };

    /// How long a server may say nothing, and take nothing.
    pub(super) fn patience(&self) -> Patience {
        Patience { read: self.sock_read, write: self.sock_write }
    }

    /// The usual limits, but this one for the whole of a request.
    pub fn total(total: Duration) -> ClientTimeout {
        ClientTimeout { total: Some(total), ..ClientTimeout::default() }
    }

    /// A limit of nothing would fail every request; aiohttp 3 took it for no limit.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        let limits = [
            ("total", self.total),
            ("connect", self.connect),
            ("sock_connect", self.sock_connect),
            ("sock_read", self.sock_read),
            ("sock_write", self.sock_write),
        ];
        match limits.iter().find(|(_, limit)| *limit == Some(Duration::ZERO)) {
            None => Ok(()),
            Some((name, _)) => Err(ClientError::InvalidRequest(format!(
                "the timeout {name} is zero, which no request meets; None is no limit"
            ))),
        }
    }
}

/// How long a server may say nothing, and take nothing.
#[derive(Clone, Copy, Default)]
pub(super) struct Patience {
    pub(super) read: Option<Duration>,
    pub(super) write: Option<Duration>,
}

/// Which limit of [`ClientTimeout`] ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// [`total`](ClientTimeout::total).
    Total,
    /// [`connect`](ClientTimeout::connect).
    Connect,
    /// [`sock_connect`](ClientTimeout::sock_connect).
    SockConnect,
    /// [`sock_read`](ClientTimeout::sock_read).
    SockRead,
    /// [`sock_write`](ClientTimeout::sock_write).
    SockWrite,
}

/// Its name in [`ClientTimeout`].
impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeoutKind::Total => "total",
            TimeoutKind::Connect => "connect",
            TimeoutKind::SockConnect => "sock_connect",
            TimeoutKind::SockRead => "sock_read",
            TimeoutKind::SockWrite => "sock_write",
        })
    }
}

/// What a request is at: what its time ran out in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Slot,
    Lookup,
    Connection,
    Proxy,
    Tls,
    Response,
    Body,
}

impl Phase {
    fn waits_for(self) -> &'static str {
        match self {
            Phase::Slot => "a free connection",
            Phase::Lookup => "the lookup of the host's name",
            Phase::Connection => "the connection",
            Phase::Proxy => "the proxy's answer to CONNECT",
            Phase::Tls => "the TLS handshake",
            Phase::Response => "the response",
            Phase::Body => "the rest of the body",
        }
    }
}

/// Where a request is, for whoever has to say so.
#[derive(Clone)]
pub(super) struct Progress {
    phase: Rc<Cell<Phase>>,
    tracer: Option<Tracer>,
}

impl Progress {
    pub(super) fn new(phase: Phase) -> Progress {
        Progress::traced(phase, None)
    }

    pub(super) fn traced(phase: Phase, tracer: Option<Tracer>) -> Progress {
        Progress { phase: Rc::new(Cell::new(phase)), tracer }
    }

    /// Another that begins there, and is told to the same.
    pub(super) fn fork(&self, phase: Phase) -> Progress {
        Progress::traced(phase, self.tracer.clone())
    }

    pub(super) fn is_at(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub(super) fn is_traced(&self) -> bool {
        self.tracer.is_some()
    }

    /// Tells those who want to know; costs a look where nobody does.
    pub(super) fn tell<'a>(&self, event: impl FnOnce() -> TraceEvent<'a>) {
        if let Some(tracer) = &self.tracer {
            tracer.tell(&event());
        }
    }
}

/// A limit under way.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    kind: TimeoutKind,
    limit: Duration,
    until: Time,
}

impl Limit {
    /// Begins now; `None` where there is no limit.
    pub(super) fn begin(kind: TimeoutKind, limit: Option<Duration>) -> Option<Limit> {
        let limit = limit?;
        Some(Limit { kind, limit, until: running_loop("a request").time() + limit })
    }
}

/// Awaits `future` within `limit`.
pub(super) async fn within<T>(
    limit: Option<Limit>,
    progress: &Progress,
    future: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let Some(Limit { kind, limit, until }) = limit else { return future.await };
    // What is ready at once never waits, so that no timer would end it: a body that comes faster
    // than it is read would have no limit.
    if running_loop("a request").time() < until {
        if let Ok(done) = timeout_at(until, future).await {
            return done;
        }
    }
    let waiting_for = progress.phase.get().waits_for();
    Err(ClientError::Timeout { kind, waiting_for, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::sleep;
    use crate::{EventLoop, ManualClock};

    #[test]
    fn a_limit_that_is_over_ends_what_would_not_even_wait() {
        let clock = ManualClock::new();
        let event_loop = EventLoop::builder().virtual_time(clock).build().unwrap();
        let run = event_loop.run_until_complete(async {
            let limit = Limit::begin(TimeoutKind::Total, Some(Duration::from_secs(1)));
            let progress = Progress::new(Phase::Body);
            let in_time = within(limit, &progress, async { Ok(()) }).await;
            sleep(Duration::from_secs(1)).await;
            (in_time, within(limit, &progress, async { Ok(()) }).await)
        });
        let (in_time, late) = run.unwrap();
        assert!(in_time.is_ok() && late.unwrap_err().is_timeout());
    }
}
