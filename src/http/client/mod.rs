//! The client: a session with its connections, requests, responses.
//!
//! ```text
//! session.get(url) ──► pool or connect ──► h1.request ──► write
//!                                                           │
//! ClientResponse  ◄── Head ◄── h1.receive ◄── StreamReader ◄┘
//!    text, bytes  ◄── Data…    EndOfMessage ──► back into the pool
//! ```

mod connection;
mod error;
mod pool;
mod response;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use self::connection::Connection;
use self::pool::Pool;
use super::h1::{OutgoingRequest, Shared};
use super::limits::Limits;
use super::url::Url;
use crate::event_loop::{TimerHandle, get_running_loop};
use crate::sys::Time;
use crate::task::{running_loop, timeout};

pub use error::ClientError;
pub use response::ClientResponse;

/// What a session allows its servers, and how long it waits for them.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// For a whole exchange, from the lookup of the name to the last byte of the body.
    ///
    /// Default 300 s, as aiohttp's `ClientTimeout(total=300)`.
    pub timeout: Duration,
    /// For the lookup of the name and the connection.
    ///
    /// Default 30 s, as aiohttp's `sock_connect`.
    pub connect_timeout: Duration,
    /// How long a connection is kept for another request.
    ///
    /// Default 15 s, as aiohttp's `keepalive_timeout`.
    pub keep_alive: Duration,
    /// How many connections are kept for another request.
    ///
    /// Default 100, as aiohttp's `limit` of connections.
    pub idle_connections: usize,
    /// What a server may make us hold. Here a body may have 64 MiB if nothing else is said.
    pub limits: Limits,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
            idle_connections: 100,
            limits: Limits { body_size: 64 << 20, ..Limits::default() },
        }
    }
}

/// A client with the connections it keeps. (`aiohttp.ClientSession`)
///
/// Clones are names of the same session. Dropping the last closes its idle connections.
///
/// ```no_run
/// # async fn example() -> Result<(), evloop::http::ClientError> {
/// let session = evloop::ClientSession::new();
/// let response = session.get("http://127.0.0.1:9977/").await?;
/// println!("{}", response.status());
/// println!("{}", response.text().await?);
/// # Ok(())
/// # }
/// ```
///
/// # Unlike aiohttp
///
/// Redirects are not followed: a response of 3xx is given as it is.
#[derive(Clone)]
pub struct ClientSession(Rc<Session>);

struct Session {
    options: ClientOptions,
    shared: Shared,
    pool: RefCell<Pool>,
    timer: RefCell<Option<TimerHandle>>,
}

impl ClientSession {
    /// A session with the usual options.
    #[expect(clippy::new_without_default, reason = "a session is begun, not defaulted")]
    pub fn new() -> ClientSession {
        ClientSession::with(ClientOptions::default())
    }

    /// A session with these options.
    pub fn with(options: ClientOptions) -> ClientSession {
        ClientSession(Rc::new(Session {
            shared: Shared::new(options.limits.clone()),
            options,
            pool: RefCell::default(),
            timer: RefCell::default(),
        }))
    }

    /// A GET request for `url`; await it.
    ///
    /// # Errors
    ///
    /// When awaited: [`ClientError`].
    pub fn get(&self, url: &str) -> ClientRequest {
        self.request(Method::GET, url)
    }

    /// A HEAD request for `url`; await it.
    pub fn head(&self, url: &str) -> ClientRequest {
        self.request(Method::HEAD, url)
    }

    /// A POST request for `url`, with a [`body`](ClientRequest::body); await it.
    pub fn post(&self, url: &str) -> ClientRequest {
        self.request(Method::POST, url)
    }

    /// A request for `url`; await it.
    pub fn request(&self, method: Method, url: &str) -> ClientRequest {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("*/*")),
            (USER_AGENT, HeaderValue::from_static(concat!("evloop/", env!("CARGO_PKG_VERSION")))),
        ]);
        ClientRequest {
            session: self.0.clone(),
            method,
            url: url.to_owned(),
            headers,
            body: Vec::new(),
            fault: None,
        }
    }

    /// Closes the connections that are idle. Requests under way are not concerned.
    pub fn close(&self) {
        let idle = self.0.pool.take();
        drop(idle);
        self.0.disarm();
    }
}

impl Session {
    /// A connection of the pool that still is one.
    fn reuse(&self, authority: &str) -> Option<Connection> {
        loop {
            let mut connection = self.pool.borrow_mut().take(authority)?;
            if connection.is_reusable() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for another request, if it can carry one.
    fn keep(self: &Rc<Self>, authority: &str, mut connection: Connection) {
        let Ok(event_loop) = get_running_loop() else { return };
        if connection.is_reusable() {
            let now = event_loop.time();
            let most = self.options.idle_connections;
            let refused = self.pool.borrow_mut().keep(authority, connection, now, most);
            drop(refused);
            self.arm();
        }
    }

    /// Has the timer end what is idle too long, if it is not armed already.
    fn arm(self: &Rc<Self>) {
        let Some(oldest) = self.pool.borrow().oldest() else { return };
        let Ok(event_loop) = get_running_loop() else { return };
        if self.timer.borrow().is_some() {
            return;
        }
        let session: Weak<Session> = Rc::downgrade(self);
        let prune = move || {
            if let Some(session) = session.upgrade() {
                session.timer.take();
                session.prune(oldest);
            }
        };
        let when = oldest + self.options.keep_alive;
        *self.timer.borrow_mut() = event_loop.call_at(when, prune).ok();
    }

    fn prune(self: &Rc<Self>, oldest: Time) {
        let Ok(event_loop) = get_running_loop() else { return };
        let waited = event_loop.time().since(oldest).saturating_sub(self.options.keep_alive);
        let old = self.pool.borrow_mut().older_than(oldest + waited);
        drop(old);
        self.arm();
    }

    fn disarm(&self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// A request in the making: add to it, then await it. [`ClientSession::get`] gives it.
#[must_use = "the request is sent when this is awaited"]
pub struct ClientRequest {
    session: Rc<Session>,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    fault: Option<&'static str>,
}

impl ClientRequest {
    /// With this header field, in the place of one of that name.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => drop(self.headers.insert(name, value)),
            (Err(_), _) => self.fault = Some("a header field's name is not a token"),
            _ => self.fault = Some("a header field's value contains a control character"),
        }
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and waits for the response's head.
    async fn send(self) -> Result<ClientResponse, ClientError> {
        if let Some(fault) = self.fault {
            return Err(ClientError::InvalidRequest(fault.to_owned()));
        }
        let url: Url = self.url.parse()?;
        let limit = self.session.options.timeout;
        let deadline = running_loop("a request").time() + limit;
        let exchanged = timeout(limit, self.exchange(&url)).await;
        let too_late = ClientError::Timeout { waiting_for: "the response", limit };
        let (head, connection) = exchanged.map_err(|_| too_late)??;
        Ok(ClientResponse::new(self.session, url, deadline, head, connection))
    }

    async fn exchange(
        &self,
        url: &Url,
    ) -> Result<(super::h1::ResponseHead, Connection), ClientError> {
        let authority = url.authority();
        while let Some(mut connection) = self.session.reuse(&authority) {
            match self.ask(&mut connection, url, &authority).await {
                Ok(head) => return Ok((head, connection)),
                // RFC 9110 §9.2.2: what may be done twice is tried again.
                Err(error) if error.is_before_any_answer() && self.method.is_idempotent() => {}
                Err(error) => return Err(error),
            }
        }
        let limit = self.session.options.connect_timeout;
        let opened = timeout(limit, Connection::open(url, &self.session.shared)).await;
        let too_late = ClientError::Timeout { waiting_for: "the connection", limit };
        let mut connection = opened.map_err(|_| too_late)??;
        let head = self.ask(&mut connection, url, &authority).await?;
        Ok((head, connection))
    }

    async fn ask(
        &self,
        connection: &mut Connection,
        url: &Url,
        authority: &str,
    ) -> Result<super::h1::ResponseHead, ClientError> {
        let head = OutgoingRequest {
            method: &self.method,
            target: url.target(),
            host: authority,
            headers: &self.headers,
        };
        connection.send(&head, &self.body)?;
        connection.head().await
    }
}

impl IntoFuture for ClientRequest {
    type Output = Result<ClientResponse, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<ClientResponse, ClientError>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
