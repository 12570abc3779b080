//! The client: a session with its connections, requests, responses.
//!
//! ```text
//! session.get(url) ──► request/ ──► exchange.rs ──► middleware.rs ──► way.rs ──► slots.rs · pool.rs
//!     headers, body     what is asked   │ each hop     around it          │      open.rs · names.rs
//!                                       │                                 ▼      sockets, TLS
//!                       redirect.rs ◄───┴──────────────── connection.rs ◄──► h1::ClientConnection
//!                                       │                 body out, response in, at once
//! ClientResponse ◄──────────────────────┘
//!     chunk, text, bytes ◄── coding.rs (gzip)   the end ──► back into the pool
//! ```

mod auth;
mod body;
mod builder;
#[cfg(feature = "compression")]
mod compress;
mod connection;
mod connector;
mod cookies;
#[cfg(feature = "digest")]
mod digest;
mod error;
mod exchange;
mod form_data;
mod hop;
mod mailbox;
mod middleware;
mod names;
mod netrc;
mod open;
mod pool;
mod proxy;
mod redirect;
mod request;
mod response;
mod secure;
mod session;
mod slots;
mod stall;
mod timing;
mod trace;
mod upload;
mod way;

use std::rc::Rc;

use http::Method;

use self::session::Session;
use super::cookie_jar::CookieJar;
use super::url::Url;

pub use builder::ClientSessionBuilder;
pub use connector::Connector;
#[cfg(feature = "digest")]
pub use digest::DigestAuth;
pub use error::ClientError;
pub use form_data::FormData;
pub use hop::ClientHop;
pub use mailbox::BodySender;
pub use middleware::{ClientMiddleware, ClientNext};
pub use request::{ClientRequest, IntoUrl};
pub use response::{ClientResponse, Redirected};
pub use timing::{ClientTimeout, TimeoutKind};
pub use trace::{TraceEvent, TraceRequest};

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
/// It need not be closed, and may be used after [`close`](ClientSession::close), which closes what
/// is idle.
#[derive(Clone)]
pub struct ClientSession(Rc<Session>);

impl ClientSession {
    /// A session with the usual options.
    #[expect(clippy::new_without_default, reason = "a session is begun, not defaulted")]
    pub fn new() -> ClientSession {
        ClientSession(Rc::new(ClientSession::builder().session()))
    }

    /// A session with other options.
    pub fn builder() -> ClientSessionBuilder {
        ClientSessionBuilder::new()
    }

    /// A GET request for `url`; await it.
    ///
    /// # Errors
    ///
    /// When awaited: [`ClientError`].
    pub fn get(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::GET, url)
    }

    /// A HEAD request for `url`; await it.
    pub fn head(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::HEAD, url)
    }

    /// A POST request for `url`, with a [`body`](ClientRequest::body); await it.
    pub fn post(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::POST, url)
    }

    /// A PUT request for `url`, with a [`body`](ClientRequest::body); await it.
    pub fn put(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::PUT, url)
    }

    /// A PATCH request for `url`, with a [`body`](ClientRequest::body); await it.
    pub fn patch(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request for `url`; await it.
    pub fn delete(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::DELETE, url)
    }

    /// An OPTIONS request for `url`; await it.
    pub fn options(&self, url: impl IntoUrl) -> ClientRequest {
        self.request(Method::OPTIONS, url)
    }

    /// A request for `url`; await it. The method may be a text: a token, which is case-sensitive
    /// (RFC 9110 §9.1).
    pub fn request(&self, method: impl TryInto<Method>, url: impl IntoUrl) -> ClientRequest {
        let method = method.try_into().map_err(|_| {
            ClientError::invalid("the method is no token; a token is letters, digits and -")
        });
        ClientRequest::new(self.0.clone(), method, url.into_url())
    }

    /// Closes the connections that are idle. Requests under way are not concerned.
    pub fn close(&self) {
        self.0.close_idle();
    }

    /// Gives `look` the session's cookies, to be looked at or changed; `None` if it keeps none.
    pub fn with_cookies<T>(&self, look: impl FnOnce(&mut CookieJar) -> T) -> Option<T> {
        self.0.jar.as_ref().map(|jar| look(&mut jar.borrow_mut()))
    }

    /// How many connections are in use, and how many are idle.
    pub fn connections(&self) -> (usize, usize) {
        self.0.books.borrow().counts()
    }
}
