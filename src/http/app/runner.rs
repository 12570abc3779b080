//! An application with a life: it starts up, is served in some places, and ends in order.
//!
//! ```text
//! from        setup     cleanup
//! Made        Starting  Over
//! Starting    –         –
//! Ready       –         Over
//! Over        –         –
//! ```
//!
//! `Starting` becomes `Ready` when every hook is done, or `Over` when one fails.
//!
//! How it ends (aiohttp's order):
//!
//! 1. Every site stops listening. What was accepted before begins.
//! 2. Idle connections are closed; of the others the present answer is the last.
//! 3. `on_shutdown`.
//! 4. Connections that speak another protocol are told
//!    ([`Upgraded::closing`](crate::http::Upgraded::closing)): WebSockets say 1001.
//! 5. Requests under way have `shutdown_timeout` to end, and so have handlers whose client has left.
//! 6. Handlers that are still at work are asked to end ([`Task::cancel`](crate::Task::cancel)), and
//!    have that time again; then connections are aborted.
//! 7. The clean-ups of `cleanup_ctx`, in reverse; `on_cleanup`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::Application;
use super::hooks::Lifecycle;
use super::site::Site;
use crate::event_loop::get_running_loop;
use crate::http::access_log::Ledger;
use crate::http::server::Connection;
use crate::http::server::service::Service;
use crate::task::{Task, timeout, yield_now};
use crate::transport::Server;

/// How long requests that are being handled have to end when the server is to end, and the same
/// again when they have been asked to.
///
/// 60 s, as aiohttp's `shutdown_timeout`.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// What serves an application in the loop that runs, in as many places as one likes.
/// (`aiohttp.web.AppRunner`)
///
/// ```
/// use evloop::web::{AppRunner, Application, TcpSite};
///
/// # let event_loop = evloop::EventLoop::new()?;
/// # event_loop.run_until_complete(async {
/// let mut app = Application::new();
/// app.router().add_get("/", |_| async { "hello" });
///
/// let runner = AppRunner::new(app);
/// runner.setup().await?;
/// let site = TcpSite::new(&runner, ("127.0.0.1", 0)).start().await?;
/// let url = format!("http://{}/", site.address().expect("it is on a network"));
/// # let session = evloop::ClientSession::new();
/// # assert_eq!(session.get(&url).await?.text().await?, "hello");
/// # session.close();
/// runner.cleanup().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping it changes nothing: the loop keeps what is served. Clones are names of the same.
#[derive(Clone)]
pub struct AppRunner(Rc<Inner>);

struct Inner {
    stage: RefCell<Stage>,
    shutdown_timeout: Cell<Duration>,
}

enum Stage {
    Made(Box<Application>),
    Starting,
    Ready(Rc<Ready>),
    Over,
}

struct Ready {
    service: Rc<Service>,
    sites: RefCell<Vec<Site>>,
    lifecycle: Lifecycle,
}

impl AppRunner {
    /// A runner of `app`, to be [set up](AppRunner::setup).
    pub fn new(app: Application) -> AppRunner {
        AppRunner(Rc::new(Inner {
            stage: RefCell::new(Stage::Made(Box::new(app))),
            shutdown_timeout: Cell::new(SHUTDOWN_TIMEOUT),
        }))
    }

    /// How long requests under way have to end at [`cleanup`](AppRunner::cleanup);
    /// [`SHUTDOWN_TIMEOUT`] if not set.
    pub fn shutdown_timeout(&self, timeout: Duration) -> &Self {
        self.0.shutdown_timeout.set(timeout);
        self
    }

    /// Starts the application up: what it does [on start-up](Application::on_startup) is done.
    /// After that it can have sites.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a route is malformed, or the runner is set up already;
    /// [`Other`](io::ErrorKind::Other) with what a hook failed with, after what was started has
    /// been cleaned up.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves what was started as it is: to be able to clean up then,
    /// await it in a [`cancel_scope`](crate::cancel_scope).
    pub async fn setup(&self) -> io::Result<()> {
        let event_loop = get_running_loop()?;
        let mut app = self.begin()?;
        let mut hooks = Vec::new();
        app.take_hooks(&mut hooks);
        let lifecycle = Lifecycle::new(hooks);
        if let Err(error) = lifecycle.start().await {
            lifecycle.clean_up().await;
            self.0.stage.replace(Stage::Over);
            return Err(error);
        }
        let (limits, timeouts) = (app.limits.clone(), app.timeouts);
        let log = app.access_log.take().map(Ledger::new);
        let cancels = app.handler_cancellation;
        let service = Service::new(&event_loop, app.freeze(), limits, timeouts, cancels, log);
        let ready = Ready { service, sites: RefCell::default(), lifecycle };
        self.0.stage.replace(Stage::Ready(Rc::new(ready)));
        Ok(())
    }

    fn begin(&self) -> io::Result<Application> {
        let mut stage = self.0.stage.borrow_mut();
        let Stage::Made(app) = &mut *stage else {
            return Err(invalid("the runner is set up already; make a new one"));
        };
        app.check()?;
        let app = std::mem::take(&mut **app);
        *stage = Stage::Starting;
        Ok(app)
    }

    fn ready(&self) -> Option<Rc<Ready>> {
        match &*self.0.stage.borrow() {
            Stage::Ready(ready) => Some(ready.clone()),
            _ => None,
        }
    }

    /// The sites that were started, stopped ones too.
    pub fn sites(&self) -> Vec<Site> {
        self.ready().map_or_else(Vec::new, |ready| ready.sites.borrow().clone())
    }

    /// The internet addresses it listens on. (`runner.addresses`)
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let sockets = self.sites().into_iter().flat_map(|site| site.sockets());
        sockets.map(|socket| socket.local_addr()).collect()
    }

    /// How many connections it has.
    pub fn connections(&self) -> usize {
        self.sites().iter().map(|site| site.server.connections()).sum()
    }

    /// Stops listening and lets idle connections go, at once. Requests that are under way are
    /// still answered, and those answers are their connections' last; connections that speak
    /// another protocol are told.
    pub fn close(&self) {
        if let Some(ready) = self.ready() {
            ready.sites.borrow().iter().for_each(Site::stop);
            ready.service.close();
            ready.service.say_farewell();
        }
    }

    /// Ends what was set up, in the order that the module's documentation gives, and within twice
    /// the [`shutdown_timeout`](AppRunner::shutdown_timeout) and what hooks need. Does nothing the
    /// second time. (`runner.cleanup()`)
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the sites closed and what is under way alone. Called
    /// again, it goes on; a hook that was dropped is not called again.
    pub async fn cleanup(&self) {
        let Some(ready) = self.ready() else { return };
        let sites = ready.sites.borrow().clone();
        sites.iter().for_each(Site::stop);
        let close = CloseWhenDropped(&ready.service);
        // Requests that have come already begin.
        yield_now().await;
        drop(close);
        ready.lifecycle.shut_down().await;
        ready.service.say_farewell();
        end_requests(&ready.service, &sites, self.0.shutdown_timeout.get()).await;
        for _ in 0..LAST_TURNS {
            yield_now().await;
        }
        ready.lifecycle.clean_up().await;
        self.0.stage.replace(Stage::Over);
    }

    pub(super) fn service(&self) -> io::Result<Rc<Service>> {
        match &*self.0.stage.borrow() {
            Stage::Ready(ready) => Ok(ready.service.clone()),
            Stage::Over => Err(invalid("the runner is over; make a new one")),
            _ => Err(invalid("the runner is not set up: await its `setup()` first")),
        }
    }

    pub(super) fn add_site(&self, server: Server, secure: bool) -> io::Result<Site> {
        let site = Site { server, secure };
        let ready = self.ready().filter(|ready| !ready.service.is_closing());
        let Some(ready) = ready else {
            site.stop();
            return Err(invalid("the runner is over; make a new one"));
        };
        ready.sites.borrow_mut().push(site.clone());
        Ok(site)
    }
}

/// Closes the service in any case, also where its end is broken off.
struct CloseWhenDropped<'a>(&'a Service);

impl Drop for CloseWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for AppRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<AppRunner sites={:?}>", self.sites())
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// So many turns there are for whoever was woken by the last connection's end: a handler whose
/// connection was aborted at the very end, or what a WebSocket leaves behind to hear the last of it.
const LAST_TURNS: usize = 3;

/// Waits until the last connection is gone.
pub(super) async fn all_gone(sites: &[Site]) {
    for site in sites {
        site.server.wait_closed().await;
    }
}

/// Waits until the last connection is gone, and the last handler has ended.
pub(super) async fn all_over(service: &Service, sites: &[Site]) {
    all_gone(sites).await;
    service.orphans.all_ended().await;
}

async fn end_requests(service: &Service, sites: &[Site], limit: Duration) {
    if timeout(limit, all_over(service, sites)).await.is_ok() {
        return;
    }
    let asked = ask_to_end(service);
    service.orphans.cancel();
    // Who does not end is aborted next.
    let _ = timeout(limit, async {
        for (connection, task) in asked {
            let _ = task.await;
            connection.leave_unanswered();
        }
        all_over(service, sites).await;
    })
    .await;
    service.connections().iter().for_each(|connection| connection.give_up());
    sites.iter().for_each(|site| site.server.abort_clients());
    all_gone(sites).await;
}

/// Asks every handler to end, and aborts the connections that have none: they only wait for their
/// client.
fn ask_to_end(service: &Service) -> Vec<(Rc<Connection>, Task<()>)> {
    let mut asked = Vec::new();
    for connection in service.connections() {
        match connection.cancel_handler() {
            Some(task) => asked.push((connection, task)),
            None => connection.give_up(),
        }
    }
    asked
}
