//! Middlewares: what stands around each request to a server.
//!
//! ```text
//! each hop ──► outermost ──► … ──► innermost ──► way.rs: connection, cookies, one retry
//!                  │                                 │
//! redirects ◄──────┴──────────── … ◄─────────────────┘
//! ```

use std::fmt;
use std::future::Future;
use std::rc::Rc;

use super::error::ClientError;
use super::hop::ClientHop;
use super::response::ClientResponse;
use super::slots::Boxed;
use super::way::Way;

/// What stands around each request to a server: retries, authentication, a log. (aiohttp's client
/// middlewares)
///
/// A function of a hop and what comes [`ClientNext`] is one; implement the trait for one that has
/// something of its own. It is asked for every hop, the redirected ones too, the session's first
/// middleware outermost. It may change the hop, ask for it more than once, or answer without.
///
/// ```
/// use evloop::http::{ClientHop, ClientNext, ClientSession};
///
/// let session = ClientSession::builder()
///     .middleware(|hop: ClientHop, next: ClientNext| async move {
///         for _ in 0..2 {
///             match next.run(hop.clone()).await {
///                 Ok(response) if response.status() == 503 && hop.is_repeatable() => {}
///                 other => return other,
///             }
///         }
///         next.run(hop).await
///     })
///     .build()?;
/// # Ok::<(), evloop::http::ClientError>(())
/// ```
///
/// # Unlike aiohttp
///
/// The retry on a stale connection happens further in, and the jar's cookies are added further in
/// and taken of every response, of those too that a middleware keeps to itself.
pub trait ClientMiddleware {
    /// Gives a response, by asking `next` or without.
    fn handle(
        &self,
        hop: ClientHop,
        next: ClientNext,
    ) -> Boxed<Result<ClientResponse, ClientError>>;
}

impl<M, F> ClientMiddleware for M
where
    M: Fn(ClientHop, ClientNext) -> F + 'static,
    F: Future<Output = Result<ClientResponse, ClientError>> + 'static,
{
    fn handle(
        &self,
        hop: ClientHop,
        next: ClientNext,
    ) -> Boxed<Result<ClientResponse, ClientError>> {
        Box::pin(self(hop, next))
    }
}

/// Middlewares, the outermost first.
#[derive(Clone, Default)]
pub(super) struct Chain(Rc<[Rc<dyn ClientMiddleware>]>);

impl Chain {
    /// The same with one more, further in.
    pub(super) fn with(&self, middleware: impl ClientMiddleware + 'static) -> Chain {
        let one: Rc<dyn ClientMiddleware> = Rc::new(middleware);
        Chain(self.0.iter().cloned().chain([one]).collect())
    }
}

/// What comes after a middleware: the next, or the server.
#[derive(Clone)]
pub struct ClientNext {
    chain: Chain,
    at: usize,
    way: Rc<Way>,
}

impl ClientNext {
    pub(super) fn new(chain: Chain, way: Rc<Way>) -> ClientNext {
        ClientNext { chain, at: 0, way }
    }

    /// The response of what comes next. It may be asked for again.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    ///
    /// # Cancel safety
    ///
    /// As [`ClientRequest::send`](super::ClientRequest::send).
    pub async fn run(&self, hop: ClientHop) -> Result<ClientResponse, ClientError> {
        let ClientNext { chain, at, way } = self.clone();
        match chain.0.get(at) {
            Some(middleware) => {
                let next = ClientNext { chain: chain.clone(), at: at + 1, way };
                middleware.handle(hop, next).await
            }
            None => way.send(hop).await,
        }
    }
}

impl fmt::Debug for ClientNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ClientNext, {} middlewares before the server>", self.chain.0.len() - self.at)
    }
}
