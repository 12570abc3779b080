//! Hooks for every stage of a request.

use std::cell::RefCell;
use std::rc::Rc;

use http::{HeaderMap, Method, StatusCode};

use super::error::ClientError;
use super::hop::ClientHop;
use crate::http::url::Url;

/// A request that begins: what
/// [`ClientSessionBuilder::trace`](super::ClientSessionBuilder::trace)'s function is asked with.
/// (`on_request_start`)
pub struct TraceRequest<'a>(pub(super) &'a ClientHop);

impl TraceRequest<'_> {
    /// Its method.
    pub fn method(&self) -> &Method {
        self.0.method()
    }

    /// Its URL.
    pub fn url(&self) -> &Url {
        self.0.url()
    }

    /// Its header fields. Those with secrets show no value in `Debug`.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// What the caller has given: [`ClientRequest::extension`](super::ClientRequest::extension).
    /// (`trace_request_ctx`)
    pub fn extension<T: 'static>(&self) -> Option<&T> {
        self.0.extension()
    }
}

/// A stage that a request has come to. The hooks of aiohttp's `TraceConfig` stand in brackets.
///
/// ```text
/// one hop:  [Queued, Dequeued]  Reused | [CreateStart, [DnsCacheHit | DnsCacheMiss, DnsStart,
///           DnsEnd], CreateEnd]  HeadersSent  ChunkSent*
/// then      Redirected, and another hop;  or Responded, ChunkReceived*, BodyEnd
/// or, at any time before Responded:  Failed
/// ```
///
/// A middleware may repeat a hop. A request that is dropped tells nothing more; what it was told
/// with is dropped with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// It waits for a connection, as many as may be are in use. (`on_connection_queued_start`)
    Queued,
    /// It waits no longer. (`on_connection_queued_end`)
    Dequeued,
    /// It has a connection that was used before. (`on_connection_reuseconn`)
    Reused,
    /// A new connection is made for it. (`on_connection_create_start`)
    CreateStart,
    /// The connection is there, with TLS if that was wanted. (`on_connection_create_end`)
    CreateEnd,
    /// The host's addresses are remembered. (`on_dns_cache_hit`)
    DnsCacheHit {
        /// The host.
        host: &'a str,
    },
    /// The host's addresses are not remembered. (`on_dns_cache_miss`)
    DnsCacheMiss {
        /// The host.
        host: &'a str,
    },
    /// The host's addresses are looked up. (`on_dns_resolvehost_start`)
    DnsStart {
        /// The host.
        host: &'a str,
    },
    /// The host's addresses are found. (`on_dns_resolvehost_end`)
    DnsEnd {
        /// The host.
        host: &'a str,
    },
    /// The head of the request is sent. (`on_request_headers_sent`)
    HeadersSent {
        /// The method.
        method: &'a Method,
        /// The URL.
        url: &'a Url,
        /// Its header fields, with the jar's cookies. Those with secrets show no value in `Debug`.
        headers: &'a HeaderMap,
    },
    /// A piece of the request's body is sent. (`on_request_chunk_sent`)
    ChunkSent {
        /// How many bytes.
        bytes: usize,
    },
    /// The answer leads elsewhere. (`on_request_redirect`)
    Redirected {
        /// Its status.
        status: StatusCode,
        /// Where to.
        to: &'a Url,
    },
    /// The head of the final answer is there. (`on_request_end`)
    Responded {
        /// Its status.
        status: StatusCode,
        /// Who has answered.
        url: &'a Url,
    },
    /// A piece of the answer's body has come. (`on_response_chunk_received`)
    ChunkReceived {
        /// How many bytes, as they were on the wire.
        bytes: usize,
    },
    /// The answer's body has come, all of it.
    BodyEnd,
    /// The request came to nothing. (`on_request_exception`)
    Failed {
        /// Why.
        error: &'a ClientError,
    },
}

/// What is told of one request.
pub(super) type Hook = Box<dyn FnMut(&TraceEvent<'_>)>;

/// What makes a hook for each request.
pub(super) type TraceConfig = Rc<dyn Fn(&TraceRequest<'_>) -> Hook>;

/// The hooks of one request.
#[derive(Clone)]
pub(super) struct Tracer(Rc<RefCell<Vec<Hook>>>);

impl Tracer {
    /// `None` where nobody wants to know.
    pub(super) fn begin(configs: &[TraceConfig], hop: &ClientHop) -> Option<Tracer> {
        if configs.is_empty() {
            return None;
        }
        let hooks = configs.iter().map(|begin| begin(&TraceRequest(hop))).collect();
        Some(Tracer(Rc::new(RefCell::new(hooks))))
    }

    pub(super) fn tell(&self, event: &TraceEvent<'_>) {
        // A hook that reads this very response is not told of that.
        if let Ok(mut hooks) = self.0.try_borrow_mut() {
            hooks.iter_mut().for_each(|hook| hook(event));
        }
    }
}
