//! An application as it is served: nothing in it changes any more.
//!
//! ```text
//! request ──► find: down through what is mounted ──► handler ──► start, on the spot
//!                                   │
//!                                   └─ middlewares, or hooks ──► Next ──► handler.call
//! ```

use std::rc::Rc;

use http::Method;

use super::domain::Domain;
use super::hooks::Prepare;
use super::middleware::{End, Link, Next};
use super::scope::Scope;
use crate::http::h1::RequestHead;
use crate::http::router::{MatchInfo, Resolved, Router};
use crate::http::server::Connection;
use crate::http::server::handler::{Handle, start_wrapped};
use crate::http::unrouted::unrouted;
use crate::http::{Request, Response};
use crate::task::Task;

/// What a route leads to.
pub(super) enum Target {
    Handler(Rc<dyn Handle>),
    App(Rc<App>),
}

/// An application that is served, or one that is nested in it.
pub(in crate::http) struct App {
    pub(super) router: Router<Target>,
    /// What has these hosts in its place; the first that takes one.
    pub(super) domains: Vec<(Domain, Rc<App>)>,
    /// There is nothing around its handlers, and no host is another's.
    pub(super) is_bare: bool,
    /// What answers where there is no route, in the place of 404.
    pub(super) fallback: Option<Rc<dyn Handle>>,
    /// `None` where there is nothing to share.
    pub(super) scope: Option<Rc<Scope>>,
    /// The middlewares around its handlers, outermost first, with those of the applications
    /// around it.
    pub(super) chain: Rc<[Link]>,
    pub(super) prepare: Rc<[Prepare]>,
}

/// Where a request is to go.
struct Found<'a> {
    app: &'a App,
    match_info: MatchInfo,
    end: End,
}

impl App {
    /// Starts the handler of `request`, which answers to `connection`; gives the task if it waits.
    #[inline(always)] // it has one caller
    pub(in crate::http) fn start(
        self: &Rc<Self>,
        mut request: Request,
        connection: &Rc<Connection>,
    ) -> Option<Task<()>> {
        // The usual case first: nothing around the handlers, and a path that is its pattern.
        if self.is_bare {
            let exact = self.router.find_exact(request.method(), request.head().path_bytes());
            if let Some(exact) = exact {
                let target = self.router.take_exact(exact, request.match_info_mut());
                if let Target::Handler(handler) = target {
                    request.set_scope(self.scope.clone());
                    return handler.start(request, connection);
                }
            }
        }
        self.start_any(request, connection)
    }

    #[inline(never)]
    fn start_any(
        self: &Rc<Self>,
        mut request: Request,
        connection: &Rc<Connection>,
    ) -> Option<Task<()>> {
        let Found { app, match_info, end } = self.find(&request);
        request.set_match_info(match_info);
        if !app.chain.is_empty() || !app.prepare.is_empty() {
            return self.start_wrapped(app, end, request, connection);
        }
        match end {
            End::Handler(handler) => {
                request.set_scope(app.scope.clone());
                handler.start(request, connection)
            }
            End::Response(mut response) => {
                connection.answered(&mut response);
                None
            }
        }
    }

    fn start_wrapped(
        self: &Rc<Self>,
        app: &App,
        end: End,
        request: Request,
        connection: &Rc<Connection>,
    ) -> Option<Task<()>> {
        let next = Next {
            root: self.of_host(&request).clone(),
            chain: app.chain.clone(),
            at: 0,
            scope: app.scope.clone(),
            end,
            connection: Rc::downgrade(connection),
        };
        if app.prepare.is_empty() {
            return start_wrapped(connection, next.run(request));
        }
        let (prepare, head) = (app.prepare.clone(), request.head().clone());
        start_wrapped(connection, async move {
            let mut response = next.run(request).await;
            prepare_response(&prepare, &head, &mut response);
            response
        })
    }

    fn find(self: &Rc<Self>, request: &Request) -> Found<'_> {
        let (mut app, mut path) = (self, request.head().path());
        loop {
            app = app.of_host(request);
            return match app.router.resolve(request.method(), path) {
                Resolved::Found { handler: Target::Handler(handler), match_info } => {
                    Found { app, match_info, end: End::Handler(handler.clone()) }
                }
                Resolved::Mounted { handler: Target::App(inner), at } => {
                    (app, path) = (inner, &path[at..]);
                    continue;
                }
                Resolved::MethodNotAllowed { allow } => {
                    let response = unrouted(request.method(), path, Some(allow));
                    app.without_route(End::Response(response))
                }
                // A handler is never mounted, nor an application a route.
                _ => app.without_route(match &app.fallback {
                    Some(handler) => End::Handler(handler.clone()),
                    None => End::Response(unrouted(request.method(), path, None)),
                }),
            };
        }
    }

    /// The application that has the host that is asked for.
    fn of_host(self: &Rc<Self>, request: &Request) -> &Rc<App> {
        let mut app = self;
        while let Some((_, inner)) = app.domains.iter().find(|it| it.0.takes(request.host())) {
            app = inner;
        }
        app
    }

    fn without_route(&self, end: End) -> Found<'_> {
        Found { app: self, match_info: MatchInfo::default(), end }
    }

    pub(super) fn resolves(&self, method: &Method, path: &str) -> bool {
        match self.router.resolve(method, path) {
            Resolved::Found { .. } => true,
            Resolved::Mounted { handler: Target::App(inner), at } => {
                inner.resolves(method, &path[at..])
            }
            _ => false,
        }
    }
}

fn prepare_response(prepare: &[Prepare], head: &RequestHead, response: &mut Response) {
    for hook in prepare {
        hook(head, response);
    }
}
