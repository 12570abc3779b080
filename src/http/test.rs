//! An application in a test: a server on the loop that runs, and a client of it.
//!
//! Both live in the test's own loop, so nothing runs beside it, time may be virtual, and the kernel
//! simulated (`evloop::testing`, with the feature of that name).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::Method;

use super::app::{AppRunner, Application, Site, TcpSite};
use super::client::{ClientRequest, ClientSession};

/// How long requests under way have to end at [`TestServer::close`].
const PATIENCE: Duration = Duration::from_secs(1);

/// An application that is served on a port of 127.0.0.1 that the kernel has chosen.
/// (`aiohttp.test_utils.TestServer`)
pub struct TestServer {
    runner: AppRunner,
    site: Site,
    address: SocketAddr,
}

impl TestServer {
    /// Starts `app` up and serves it.
    ///
    /// # Errors
    ///
    /// As [`AppRunner::setup`] and [`TcpSite::start`].
    pub async fn start(app: Application) -> io::Result<TestServer> {
        let runner = AppRunner::new(app);
        runner.shutdown_timeout(PATIENCE);
        runner.setup().await?;
        let site = TcpSite::new(&runner, ("127.0.0.1", 0)).start().await?;
        let nowhere = || io::Error::other("it listens nowhere");
        let address = site.address().ok_or_else(nowhere)?;
        Ok(TestServer { runner, site, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its runner.
    pub fn runner(&self) -> &AppRunner {
        &self.runner
    }

    /// Ends it in order, as [`AppRunner::cleanup`]; requests under way have one second.
    ///
    /// # Cancel safety
    ///
    /// As [`AppRunner::cleanup`].
    pub async fn close(&self) {
        self.runner.cleanup().await;
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<TestServer {:?}>", self.site)
    }
}

/// A [`TestServer`], and a session that asks it. (`aiohttp.test_utils.TestClient`)
///
/// ```
/// use evloop::http::test::TestClient;
/// use evloop::web::{Application, Request};
///
/// evloop::run(async {
///     let mut app = Application::new();
///     app.router().add_get("/{name}", |request: Request| async move {
///         format!("Hello, {}!", request.match_info().get("name").unwrap_or_default())
///     });
///     let client = TestClient::new(app).await?;
///     assert_eq!(client.get("/you").await?.text().await?, "Hello, you!");
///     assert_eq!(client.get("/").await?.status(), 404);
///     client.close().await;
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TestClient {
    server: TestServer,
    session: ClientSession,
}

impl TestClient {
    /// Serves `app`, for a session of the usual options.
    ///
    /// # Errors
    ///
    /// As [`TestServer::start`].
    pub async fn new(app: Application) -> io::Result<TestClient> {
        Ok(TestClient { server: TestServer::start(app).await?, session: ClientSession::new() })
    }

    /// A GET request for a path and query; await it.
    pub fn get(&self, path: &str) -> ClientRequest {
        self.request(Method::GET, path)
    }

    /// A HEAD request; await it.
    pub fn head(&self, path: &str) -> ClientRequest {
        self.request(Method::HEAD, path)
    }

    /// A POST request, with a [`body`](ClientRequest::body); await it.
    pub fn post(&self, path: &str) -> ClientRequest {
        self.request(Method::POST, path)
    }

    /// A request; await it.
    pub fn request(&self, method: Method, path: &str) -> ClientRequest {
        self.session.request(method, &self.server.url(path))
    }

    /// The server.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// The session.
    pub fn session(&self) -> &ClientSession {
        &self.session
    }

    /// Closes both, the session first.
    ///
    /// # Cancel safety
    ///
    /// As [`TestServer::close`].
    pub async fn close(&self) {
        self.session.close();
        self.server.close().await;
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<TestClient of {:?}>", self.server)
    }
}
