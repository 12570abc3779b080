//! Applications: routes, what stands around them, and serving them.
//!
//! ```text
//! Application ── set-up ──► App ◄── Service ◄── connections ◄── Site
//!   routes.rs    hooks.rs   · served.rs                         site.rs
//!   scope.rs     runner.rs  middleware.rs                       serve.rs, run.rs
//! ```
//!
//! [`Application`] is what one adds to; [`AppRunner`] starts it up, and makes an `App` of it, in
//! which nothing changes any more. [`Application::serve`] and [`run_app`] are a runner with one
//! site, and a runner with a loop.

mod domain;
mod freeze;
mod hooks;
mod length_required;
mod middleware;
mod normalize_path;
mod routes;
mod run;
mod runner;
mod scope;
mod security;
mod serve;
mod served;
mod site;
mod view;

use std::fmt;
use std::fmt::Display;
use std::future::Future;
use std::rc::Rc;

use self::domain::Domain;
use self::hooks::{Hooks, Prepare};
use self::routes::Planned;
use super::access_log::{self, Access};
use super::h1::RequestHead;
use super::limits::Limits;
use super::request::Request;
use super::response::Response;
use super::server::handler::{Answer, Handle, Handler};
use super::server::service::Timeouts;
use crate::stream::HandlerOutput;
use crate::transport::ToAddress;

pub use length_required::RequireContentLength;
pub use middleware::{Middleware, Next};
pub use normalize_path::NormalizePath;
pub use routes::{RouteDef, Routes, delete, get, head, options, patch, post, put, route};
pub use run::{RunOptions, run_app};
pub use runner::{AppRunner, SHUTDOWN_TIMEOUT};
pub use scope::AppContext;
pub(super) use scope::Scope;
pub use serve::{HttpServer, Serve};
pub(super) use served::App;
pub use site::{Site, SockSite, TcpSite, UnixSite};
pub use view::View;

/// A web application: routes, and the limits within which they are served.
/// (`aiohttp.web.Application`)
///
/// ```
/// use evloop::web::{Application, Request, Response};
///
/// async fn index(request: Request) -> Response {
///     Response::text(request.path().to_owned()).status(201)
/// }
///
/// async fn handle(request: Request) -> Response {
///     let id = request.match_info().get("id").unwrap_or("0000");
///     Response::text(id.to_owned())
/// }
///
/// # let event_loop = evloop::EventLoop::new()?;
/// let mut app = Application::new();
/// app.router().add_get("/", index).add_get("/{id}", handle);
///
/// let text = event_loop.run_until_complete(async {
///     let server = app.serve(("127.0.0.1", 0)).await?;
///     let url = format!("http://{}/12301", server.sockets()[0].local_addr());
///     let response = evloop::ClientSession::new().get(&url).await?;
///     server.shutdown(std::time::Duration::from_secs(1)).await;
///     Ok::<_, Box<dyn std::error::Error>>(response.text().await?)
/// })??;
/// assert_eq!(text, "12301");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Application {
    routes: Routes,
    /// Applications for some hosts, those that say more first.
    domains: Vec<(Domain, Application)>,
    fallback: Option<Rc<dyn Handle>>,
    limits: Limits,
    timeouts: Timeouts,
    handler_cancellation: bool,
    context: AppContext,
    middlewares: Vec<Rc<dyn Middleware>>,
    prepare: Vec<Prepare>,
    hooks: Hooks,
    access_log: Option<access_log::Hook>,
}

impl Application {
    /// An application without routes: every path is answered 404.
    pub fn new() -> Application {
        Application::default()
    }

    /// An application that gives every request, whatever its method and target, to `handler`.
    /// (`aiohttp.web.Server`, the low-level server)
    pub fn without_routes<H, F>(handler: H) -> Application
    where
        H: Fn(Request) -> F + 'static,
        F: Future<Output: Answer> + 'static,
    {
        let mut app = Application::new();
        app.fallback(handler);
        app
    }

    /// The routes, to add to. (`app.router`)
    pub fn router(&mut self) -> &mut Routes {
        &mut self.routes
    }

    /// Adds a table of routes. (`app.add_routes`)
    ///
    /// ```
    /// use evloop::web::{self, Application, Request};
    ///
    /// async fn index(_: Request) -> &'static str { "hello" }
    /// async fn create(_: Request) -> web::Response { web::Response::new().status(201) }
    ///
    /// let mut app = Application::new();
    /// app.add_routes([web::get("/", index).name("index"), web::post("/", create)]);
    /// assert_eq!(app.router().url_for("index", &[])?, "/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_routes(&mut self, table: impl IntoIterator<Item = RouteDef>) -> &mut Self {
        self.routes.add_routes(table);
        self
    }

    /// Serves `app` at every path below `prefix` that has no route here. (`add_subapp`)
    ///
    /// Its patterns begin after the prefix, and the empty pattern stands for the prefix itself. It
    /// keeps its own middlewares, which come after those of this application, and its own state,
    /// which hides this application's where both have a value of one type. Its limits and timeouts
    /// are not asked: a server has one of each.
    ///
    /// ```
    /// use evloop::web::{Application, Request};
    ///
    /// let mut admin = Application::new();
    /// admin.router().add_get("/users/{id}", |request: Request| async move {
    ///     request.match_info().pattern().to_owned() // "/admin/users/{id}"
    /// });
    /// let mut app = Application::new();
    /// app.nest("/admin", admin);
    /// ```
    pub fn nest(&mut self, prefix: &str, app: Application) -> &mut Self {
        self.routes.0.mount(prefix, Planned::App(Box::new(app)));
        self
    }

    /// Serves `app` to whoever asks for this host, in the place of this application's routes:
    /// `example.org`, or every name below one, `*.example.org`; with a port, for that port alone.
    /// (`add_domain`)
    ///
    /// The host is what [`Request::host`] gives, in any letter case. Of several domains the one that
    /// says more is taken: a name before a star, a longer one before a shorter. As with
    /// [`nest`](Application::nest), this application's middlewares come first, and its state is seen.
    /// What is no domain, or there already, is told when the application is served.
    ///
    /// ```
    /// use evloop::web::Application;
    ///
    /// let mut api = Application::new();
    /// api.router().add_get("/", |_| async { "the interface" });
    /// let mut app = Application::new();
    /// app.add_domain("api.example.org", api).router().add_get("/", |_| async { "the site" });
    /// ```
    ///
    /// # Unlike aiohttp
    ///
    /// There an application's own routes come before its domains, so that `/` of the one hides `/`
    /// of the other; and a domain without a port is port 80.
    pub fn add_domain(&mut self, domain: &str, app: Application) -> &mut Self {
        match Domain::parse(domain) {
            Ok(known) if self.domains.iter().any(|(have, _)| *have == known) => {
                self.routes.0.refuse(format!("there is an application for {domain:?} already"));
            }
            Ok(domain) => {
                self.domains.push((domain, app));
                self.domains.sort_by_key(|(domain, _)| domain.rank());
            }
            Err(why) => self.routes.0.refuse(why),
        }
        self
    }

    /// What answers where there is no route, in the place of 404.
    pub fn fallback<H, F>(&mut self, handler: H) -> &mut Self
    where
        H: Fn(Request) -> F + 'static,
        F: Future<Output: Answer> + 'static,
    {
        self.fallback = Some(Rc::new(Handler::new(handler)));
        self
    }

    /// Puts a middleware around every handler; who is added first is outermost. (`middlewares=`)
    ///
    /// It has every request of this application, also those that are to be answered 404 or 405.
    /// It may answer by itself, or change the request before, and the response after,
    /// [`next.run`](Next::run).
    ///
    /// ```
    /// use evloop::web::{Application, HttpError, Next, Request};
    ///
    /// let mut app = Application::new();
    /// app.middleware(|request: Request, next: Next| async move {
    ///     if request.header("authorization").is_none() {
    ///         return Err(HttpError::unauthorized("Basic realm=\"here\""));
    ///     }
    ///     Ok(next.run(request).await.header("cache-control", "private"))
    /// });
    /// ```
    pub fn middleware(&mut self, middleware: impl Middleware + 'static) -> &mut Self {
        self.middlewares.push(Rc::new(middleware));
        self
    }

    /// Gives handlers a value, one of each type: [`Request::state`]. (`app[key] = value`)
    pub fn with_state<T: 'static>(&mut self, value: T) -> &mut Self {
        self.context.insert(value);
        self
    }

    /// What is to be done before the first request. An error ends the start. (`app.on_startup`)
    ///
    /// ```
    /// use evloop::web::{AppContext, Application};
    ///
    /// struct Greeting(String);
    ///
    /// let mut app = Application::new();
    /// app.on_startup(|app: AppContext| async move {
    ///     let greeting = evloop::to_thread(|| std::fs::read_to_string("greeting.txt")).await;
    ///     app.insert(Greeting(greeting.expect("it does not panic")?));
    ///     Ok::<_, std::io::Error>(())
    /// });
    /// ```
    pub fn on_startup<H, F>(&mut self, hook: H) -> &mut Self
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.hooks.on_startup(hook);
        self
    }

    /// What is to be done when nothing more is accepted and requests under way are still to be
    /// answered: to end what would not end by itself. (`app.on_shutdown`)
    pub fn on_shutdown<H, F>(&mut self, hook: H) -> &mut Self
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.hooks.on_shutdown(hook);
        self
    }

    /// What is to be done after the last request, or after a start that failed.
    /// (`app.on_cleanup`)
    pub fn on_cleanup<H, F>(&mut self, hook: H) -> &mut Self
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.hooks.on_cleanup(hook);
        self
    }

    /// What is to be done before the first request, and gives what is to be done after the last.
    /// (`app.cleanup_ctx`)
    ///
    /// They begin before what is done [`on_startup`](Application::on_startup), and end in reverse
    /// order, before what is done [`on_cleanup`](Application::on_cleanup). Of a start that fails,
    /// those that had begun are ended.
    ///
    /// ```
    /// use evloop::web::{AppContext, Application};
    ///
    /// let mut app = Application::new();
    /// app.cleanup_ctx(|app: AppContext| async move {
    ///     let ticking = evloop::spawn(std::future::pending::<()>());
    ///     Ok::<_, std::io::Error>(move || async move {
    ///         ticking.cancel();
    ///     })
    /// });
    /// ```
    pub fn cleanup_ctx<H, F, C, D, E>(&mut self, begin: H) -> &mut Self
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output = Result<C, E>> + 'static,
        C: FnOnce() -> D + 'static,
        D: Future<Output: HandlerOutput> + 'static,
        E: Display,
    {
        self.hooks.cleanup_ctx(begin);
        self
    }

    /// What is to be done with every response of this application before it goes out, after all
    /// middlewares: to add a header field, say. (`app.on_response_prepare`)
    ///
    /// Requests that are refused before they are whole are not concerned: no handler has them.
    pub fn on_response_prepare(
        &mut self,
        hook: impl Fn(&RequestHead, &mut Response) + 'static,
    ) -> &mut Self {
        self.prepare.push(Rc::new(hook));
        self
    }

    /// Who is told of every answer when it is complete, or never will be. (`access_log`)
    ///
    /// ```
    /// use evloop::web::{AccessFormat, Application};
    ///
    /// let line = AccessFormat::combined();
    /// let mut app = Application::new();
    /// app.access_log(move |access| println!("{}", line.line(access)));
    /// ```
    ///
    /// Without it nothing is kept for it. It is one for the whole server: that of a nested
    /// application is not asked. It is called in the middle of the connection's work, so what it
    /// does should not take long; a panic of it is reported to the loop's exception handler.
    pub fn access_log(&mut self, hook: impl Fn(&Access<'_>) + 'static) -> &mut Self {
        self.access_log = Some(Rc::new(hook));
        self
    }

    /// What a client may make the server hold. (`client_max_size` and others)
    pub fn limits(&mut self, limits: Limits) -> &mut Self {
        self.limits = limits;
        self
    }

    /// How long the server waits for a client.
    pub fn timeouts(&mut self, timeouts: Timeouts) -> &mut Self {
        self.timeouts = timeouts;
        self
    }

    /// Whether a handler whose client has gone is cancelled; it runs to its end if not set. A client
    /// has gone also when it has closed its own direction only. (`handler_cancellation`)
    pub fn handler_cancellation(&mut self, cancel: bool) -> &mut Self {
        self.handler_cancellation = cancel;
        self
    }

    /// Serves the application on `address`, in the loop that runs. Await what it gives; options
    /// can be set before. [`AppRunner`] serves it in several places, [`run_app`] on a loop of its
    /// own.
    ///
    /// # Errors
    ///
    /// When awaited: as [`AppRunner::setup`] and [`TcpSite::start`].
    pub fn serve(self, address: impl ToAddress) -> Serve {
        Serve::new(self, address)
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("limits", &self.limits)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
