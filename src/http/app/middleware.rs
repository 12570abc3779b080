//! Middlewares: what stands around the handlers.
//!
//! ```text
//! request ──► outermost ──► … ──► innermost ──► handler, 404 or 405
//!                 │                                  │
//! response ◄──────┴───────────── … ◄─────────────────┘
//! ```

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::rc::{Rc, Weak};

use http::Method;

use super::scope::Scope;
use super::served::App;
use crate::http::server::Connection;
use crate::http::server::handler::{Answer, Handle, ResponseFuture, settled};
use crate::http::{Request, Response};

/// What stands around an application's handlers: it sees every request first and every response
/// last, also those of 404 and 405. (`aiohttp.web.middleware`)
///
/// A function of a request and what comes [`Next`] is one; implement the trait for one that has
/// something of its own.
pub trait Middleware {
    /// Answers, by asking `next` or without.
    fn handle(&self, request: Request, next: Next) -> ResponseFuture;
}

impl<M, F> Middleware for M
where
    M: Fn(Request, Next) -> F + 'static,
    F: Future<Output: Answer> + 'static,
{
    fn handle(&self, request: Request, next: Next) -> ResponseFuture {
        let connection = next.connection.clone();
        settled(type_name::<M>(), request.remote(), &connection, || self(request, next))
    }
}

/// A middleware, and the application it belongs to.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) scope: Option<Rc<Scope>>,
    pub(super) middleware: Rc<dyn Middleware>,
}

/// What comes after a middleware: the next, or the handler.
pub struct Next {
    pub(super) root: Rc<App>,
    pub(super) chain: Rc<[Link]>,
    pub(super) at: usize,
    pub(super) scope: Option<Rc<Scope>>,
    pub(super) end: End,
    /// Which ends after the answer if something panics.
    pub(super) connection: Weak<Connection>,
}

/// What comes after the last middleware.
pub(super) enum End {
    Handler(Rc<dyn Handle>),
    /// 404 or 405.
    Response(Response),
}

impl Next {
    /// The response of what comes next.
    ///
    /// It is a response in any case: an error or a panic further in has been reported, and is a
    /// response of status 500 here. After a panic the connection ends with the answer, whatever
    /// answer a middleware gives in its place.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it drops the handler where that waits.
    pub async fn run(mut self, mut request: Request) -> Response {
        let chain = self.chain.clone();
        if let Some(link) = chain.get(self.at) {
            self.at += 1;
            request.set_scope(link.scope.clone());
            return link.middleware.handle(request, self).await;
        }
        request.set_scope(self.scope);
        match self.end {
            End::Handler(handler) => handler.call(request, &self.connection).await,
            End::Response(response) => response,
        }
    }

    /// Whether there is a handler for the request; 404 or 405 comes next if not.
    pub fn is_found(&self) -> bool {
        matches!(self.end, End::Handler(_))
    }

    /// Whether the application has a handler for this path, which is percent-encoded.
    pub fn resolves(&self, method: &Method, path: &str) -> bool {
        self.root.resolves(method, path)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Next, {} middlewares before the handler>", self.chain.len() - self.at)
    }
}
