//! The routes of an application.

use std::future::Future;
use std::rc::Rc;

use super::Application;
use crate::http::Request;
use crate::http::router::{RouteError, Router, UrlForError};
use crate::http::server::handler::{Answer, Handle, Handler};

/// What a route of an application that is not served yet leads to.
pub(in crate::http) enum Planned {
    Handler(Rc<dyn Handle>),
    App(Box<Application>),
}

/// The routes of an application: a [`Router`] of handlers, with the same patterns.
///
/// A handler is a function of a [`Request`] that gives a future of anything that is an
/// [`Answer`]. What is wrong with a route is told when the application is served, or by
/// [`check`](Routes::check).
#[derive(Default)]
pub struct Routes(pub(in crate::http) Router<Planned>);

fn planned<H, F>(handler: H) -> Planned
where
    H: Fn(Request) -> F + 'static,
    F: Future<Output: Answer> + 'static,
{
    Planned::Handler(Rc::new(Handler::new(handler)))
}

macro_rules! adders {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $($(#[$doc])*
        pub fn $name<H, F>(&mut self, path: &str, handler: H) -> &mut Self
        where
            H: Fn(Request) -> F + 'static,
            F: Future<Output: Answer> + 'static,
        {
            self.0.$name(path, planned(handler));
            self
        })*
    };
}

impl Routes {
    adders! {
        /// Answers GET of `path`, and HEAD, whose response is the same without its body.
        add_get,
        /// Answers POST of `path`.
        add_post,
        /// Answers PUT of `path`.
        add_put,
        /// Answers PATCH of `path`.
        add_patch,
        /// Answers DELETE of `path`.
        add_delete,
        /// Answers HEAD of `path`, in the place of a GET route that does so by itself.
        add_head,
        /// Answers OPTIONS of `path`.
        add_options,
    }

    /// Answers `method` of `path`; `"*"` is every method that has no route of its own.
    pub fn add_route<H, F>(&mut self, method: &str, path: &str, handler: H) -> &mut Self
    where
        H: Fn(Request) -> F + 'static,
        F: Future<Output: Answer> + 'static,
    {
        self.0.add_route(method, path, planned(handler));
        self
    }

    /// Names the route that was added last, so that [`Request::url_for`] finds it.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.0.name(name);
        self
    }

    /// The path of the route with this name. See [`Router::url_for`].
    ///
    /// # Errors
    ///
    /// No route has that name, or `parts` are not exactly its variables.
    pub fn url_for(&self, name: &str, parts: &[(&str, &str)]) -> Result<String, UrlForError> {
        self.0.url_for(name, parts)
    }

    /// Whether every route so far was in order.
    ///
    /// # Errors
    ///
    /// The first that was not.
    pub fn check(&self) -> Result<(), RouteError> {
        self.0.check()
    }

    /// Adds what a table has. See [`Application::add_routes`].
    pub fn add_routes(&mut self, table: impl IntoIterator<Item = RouteDef>) -> &mut Self {
        for RouteDef { method, path, handler, name } in table {
            self.0.add_route(method, path, Planned::Handler(handler));
            if let Some(name) = name {
                self.0.name(name);
            }
        }
        self
    }
}

/// A line of a table of routes; [`get`] and its kin make one. (`aiohttp.web.RouteDef`)
pub struct RouteDef {
    method: &'static str,
    path: &'static str,
    handler: Rc<dyn Handle>,
    name: Option<&'static str>,
}

impl RouteDef {
    /// The same route with a name. See [`Routes::name`].
    pub fn name(mut self, name: &'static str) -> RouteDef {
        self.name = Some(name);
        self
    }
}

/// A route of `method`, or of every one that has no route of its own (`"*"`), for
/// [`Application::add_routes`]. (`aiohttp.web.route`)
pub fn route<H, F>(method: &'static str, path: &'static str, handler: H) -> RouteDef
where
    H: Fn(Request) -> F + 'static,
    F: Future<Output: Answer> + 'static,
{
    RouteDef { method, path, handler: Rc::new(Handler::new(handler)), name: None }
}

macro_rules! definers {
    ($($(#[$doc:meta])* $name:ident $method:literal,)*) => {
        $($(#[$doc])*
        pub fn $name<H, F>(path: &'static str, handler: H) -> RouteDef
        where
            H: Fn(Request) -> F + 'static,
            F: Future<Output: Answer> + 'static,
        {
            route($method, path, handler)
        })*
    };
}

definers! {
    /// A route of GET, and HEAD, for [`Application::add_routes`]. (`aiohttp.web.get`)
    get "GET",
    /// A route of POST. (`aiohttp.web.post`)
    post "POST",
    /// A route of PUT. (`aiohttp.web.put`)
    put "PUT",
    /// A route of PATCH. (`aiohttp.web.patch`)
    patch "PATCH",
    /// A route of DELETE. (`aiohttp.web.delete`)
    delete "DELETE",
    /// A route of HEAD. (`aiohttp.web.head`)
    head "HEAD",
    /// A route of OPTIONS. (`aiohttp.web.options`)
    options "OPTIONS",
}
