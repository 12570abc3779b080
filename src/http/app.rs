//! Applications: routes, and serving them.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use super::limits::Limits;
use super::request::Request;
use super::router::{RouteError, Router};
use super::server::Http;
use super::server::handler::{Answer, Handle, Handler};
use super::server::service::{Service, Timeouts};
use crate::event_loop::{EventLoop, get_running_loop};
use crate::transport::{Address, CreateServer, Server, ServerSocket, ToAddress};

/// How long [`run_app`] waits for requests that are being handled when it is to end.
///
/// 60 s, as aiohttp's `shutdown_timeout`.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

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
    limits: Limits,
    timeouts: Timeouts,
}

impl Application {
    /// An application without routes: every path is answered 404.
    pub fn new() -> Application {
        Application::default()
    }

    /// The routes, to add to. (`app.router`)
    pub fn router(&mut self) -> &mut Routes {
        &mut self.routes
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

    /// Serves the application on `address`, in the loop that runs. Await what it gives; options
    /// can be set before.
    ///
    /// # Errors
    ///
    /// When awaited: as [`EventLoop::create_server`], and `InvalidInput` if a route was
    /// malformed.
    pub fn serve(self, address: impl ToAddress) -> Serve {
        Serve { app: self, address: address.to_address(), backlog: 128, reuse_port: false }
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

/// The routes of an application: a [`Router`] of handlers, with the same patterns.
///
/// A handler is a function of a [`Request`] that gives a future of anything that is an
/// [`Answer`]. What is wrong with a route is told when the application is served, or by
/// [`check`](Routes::check).
#[derive(Default)]
pub struct Routes(Router<Box<dyn Handle>>);

macro_rules! adders {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $($(#[$doc])*
        pub fn $name<H, F>(&mut self, path: &str, handler: H) -> &mut Self
        where
            H: Fn(Request) -> F + 'static,
            F: Future<Output: Answer> + 'static,
        {
            self.0.$name(path, Box::new(Handler::new(handler)));
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
        self.0.add_route(method, path, Box::new(Handler::new(handler)));
        self
    }

    /// Whether every route so far was in order.
    ///
    /// # Errors
    ///
    /// The first that was not.
    pub fn check(&self) -> Result<(), RouteError> {
        self.0.check()
    }
}

/// A server in the making: set options, then await it. [`Application::serve`] gives it.
#[must_use = "the application is served when this is awaited"]
pub struct Serve {
    app: Application,
    address: io::Result<Address>,
    backlog: i32,
    reuse_port: bool,
}

impl Serve {
    /// How many connections the kernel queues before they are accepted; 128 if not set.
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether several sockets may share the port, the kernel spreading connections over them; no
    /// if not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    async fn start(self) -> io::Result<HttpServer> {
        let event_loop = get_running_loop()?;
        let Application { routes, limits, timeouts } = self.app;
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        routes.check().map_err(wrong)?;
        let service = Service::new(&event_loop, routes.0, limits, timeouts);
        let for_each = service.clone();
        let factory = move || Box::new(Http::new(&for_each)) as Box<dyn crate::Protocol>;
        let server = CreateServer::new(self.address?, Rc::new(factory))
            .backlog(self.backlog)
            .reuse_port(self.reuse_port);
        Ok(HttpServer { server: server.await?, service })
    }
}

impl IntoFuture for Serve {
    type Output = io::Result<HttpServer>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<HttpServer>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

/// An application that is being served. (`aiohttp.web.AppRunner` and its sites)
///
/// Dropping it changes nothing: the loop keeps it, and it goes on serving.
pub struct HttpServer {
    server: Server,
    service: Rc<Service>,
}

impl HttpServer {
    /// What it listens on; nothing once it is closed.
    pub fn sockets(&self) -> Vec<ServerSocket> {
        self.server.sockets()
    }

    /// How many connections it has.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops listening and lets idle connections go, at once. Requests that are under way are
    /// still answered, and those answers are their connections' last.
    pub fn close(&self) {
        self.server.close();
        self.service.close();
    }

    /// Waits until the server is closed and its last connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses nothing.
    pub async fn wait_closed(&self) {
        self.server.wait_closed().await;
    }

    /// Closes, and waits until every request under way is answered, at most for `timeout`. Then
    /// handlers that are still at work are cancelled, and their connections aborted.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the server closed and what is under way alone.
    pub async fn shutdown(&self, timeout: Duration) {
        self.close();
        if crate::timeout(timeout, self.server.wait_closed()).await.is_ok() {
            return;
        }
        for connection in self.service.connections() {
            connection.give_up();
        }
        // And those that only wait for their peer to read.
        self.server.abort_clients();
        self.server.wait_closed().await;
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<HttpServer sockets={:?}>", self.sockets())
    }
}

/// Serves `app` on `address` on a loop of its own until Ctrl-C or SIGTERM, then shuts down:
/// nothing more is accepted, idle connections are closed, and requests under way have
/// [`SHUTDOWN_TIMEOUT`] to end. A second Ctrl-C ends that at once. (`aiohttp.web.run_app`)
///
/// It prints where it listens.
///
/// # Errors
///
/// As [`Application::serve`]; if a loop is running in this thread; the selector's.
pub fn run_app(app: Application, address: impl ToAddress) -> io::Result<()> {
    let address = address.to_address()?;
    let event_loop = EventLoop::new()?;
    let server = event_loop.run_until_complete(app.serve(address))??;
    for socket in server.sockets() {
        println!("======== Running on http://{} ========", socket.local_addr());
    }
    println!("(Press CTRL+C to quit)");
    let stopper = event_loop.clone();
    event_loop.add_signal_handler(crate::signal::SIGTERM, move || stopper.stop())?;
    event_loop.run_forever()?;
    match event_loop.run_until_complete(async move { server.shutdown(SHUTDOWN_TIMEOUT).await }) {
        Ok(()) | Err(crate::LoopError::Interrupted) => {}
        Err(error) => return Err(error.into()),
    }
    event_loop.close()?;
    Ok(())
}
