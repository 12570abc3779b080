//! HTTP/1.1: a machine, and shells that give it bytes. `evloop::web` is the same module.
//!
//! ```text
//!            bytes in ─► h1/ ─Request─► router/ ─► middlewares ─► handler
//!  server/      ▲                                                   │ Response: bytes, a stream,
//!            transport ◄─ bytes out ─ h1/ ◄─────────────────────────┘ a file, an upgrade
//!
//!  client/   ClientRequest ─► pool ─► h1/ ─► transport ─► h1/ ─► ClientResponse
//! ```
//!
//! [`h1`] is the protocol, without I/O. [`Router`], [`Request`] and [`Response`] are what an
//! application sees, and are without I/O too. `app/` is what stands around the handlers, and serves
//! them; `files/`, `ws/`, `extract/`, `multipart/`, `access_log/` are each about what they are named
//! after.
//!
//! # What is where
//!
//! | a server | |
//! |---|---|
//! | begin | [`Application`], [`run_app`]; in a loop of yours [`Application::serve`], [`AppRunner`] |
//! | routes | [`Routes`], patterns in [`Router`]; [`get`], [`post`] … for tables; [`Application::nest`], [`Application::add_domain`]; [`View`] |
//! | around handlers | [`Application::middleware`], [`Request::extensions`], [`NormalizePath`], [`RequireContentLength`] |
//! | state | [`Application::with_state`], [`Request::state`], [`Application::cleanup_ctx`] |
//! | what came | [`Request::query`], [`Request::text`], [`Request::post`], [`Request::content`], [`Request::multipart`], [`Request::cookie`], [`Request::url`], [`Request::conditions`]; with `json` `query_as`, `form`, `json` |
//! | answers | [`Response::text`], [`html`](Response::html), [`redirect`](Response::redirect), [`stream`](Response::stream), [`events`](Response::events), [`set_cookie`](Response::set_cookie); with `json` `json`; [`Answer`] has what else a handler may return |
//! | errors | [`HttpError`], with `?` |
//! | files | [`Routes::add_static`], [`StaticFiles`], [`FileResponse`]; compressed siblings are sent |
//! | compression | with `compression` `Compress`, [`Response`]`::compress`; of what comes `Decompress` |
//! | WebSockets | with `ws` `ws::upgrade` |
//! | TLS | with `tls` [`RunOptions`]`::tls`, [`Serve`]`::tls` |
//! | in production | [`Limits`], [`Timeouts`], [`Application::access_log`], [`RunOptions`] |
//! | tests | [`test::TestClient`] |
//!
//! | a client | |
//! |---|---|
//! | begin | [`ClientSession`], one for a program: it keeps connections and cookies |
//! | a request | [`ClientRequest`]: headers, query, form, file, stream, redirects, a proxy; forms with files: [`FormData`] |
//! | its answer | [`ClientResponse`]: whole with `text`, `bytes`, `json`; by pieces with `chunk`, `readline` |
//! | time | [`ClientTimeout`] |
//! | errors | [`ClientError`]; a status is one only after `error_for_status` or with `raise_for_status` |
//! | connections | [`Connector`] |
//! | around requests | [`ClientMiddleware`]; hooks for each stage: [`ClientSessionBuilder::trace`]; with `digest` `DigestAuth` |
//! | WebSockets | with `ws` `session.ws_connect` |
//!
//! There is no HTTP/2.

mod access_log;
mod app;
mod body;
mod client;
mod coding;
#[cfg(feature = "compression")]
mod compress;
pub mod conditional;
mod content;
pub mod cookie;
mod cookie_date;
pub mod cookie_jar;
pub mod date;
#[cfg(feature = "compression")]
mod decompress;
mod etag;
mod events;
mod extensions;
mod extract;
mod files;
pub mod h1;
mod http_error;
mod limits;
pub mod mime;
pub mod multipart;
#[cfg(any(test, fuzzing))]
pub mod properties;
pub mod query;
pub mod range;
mod request;
mod response;
mod router;
mod server;
pub mod test;
mod unrouted;
pub mod url;
#[cfg(feature = "ws")]
pub mod ws;

pub use access_log::{Access, AccessFormat, AccessFormatError};
pub use app::{
    AppContext, AppRunner, Application, HttpServer, Middleware, Next, NormalizePath,
    RequireContentLength, RouteDef, Routes, RunOptions, SHUTDOWN_TIMEOUT, Serve, Site, SockSite,
    TcpSite, UnixSite, View, delete, get, head, options, patch, post, put, route, run_app,
};
pub use body::{Body, BodyWriter, FileBody, StreamBody, StreamResult, UpgradeBody, Upgraded};
#[cfg(feature = "digest")]
pub use client::DigestAuth;
pub use client::{
    BodySender, ClientError, ClientHop, ClientMiddleware, ClientNext, ClientRequest,
    ClientResponse, ClientSession, ClientSessionBuilder, ClientTimeout, Connector, FormData,
    IntoUrl, Redirected, TimeoutKind, TraceEvent, TraceRequest,
};
#[cfg(feature = "compression")]
pub use compress::Compress;
pub use content::Content;
pub use cookie::{Cookie, SameSite};
pub use cookie_jar::CookieJar;
#[cfg(feature = "compression")]
pub use decompress::Decompress;
pub use etag::{EntityTag, EntityTags, InvalidEntityTag};
pub use events::{EventWriter, ServerSentEvent};
pub use extensions::Extensions;
pub use extract::{ExtractError, Form};
pub use files::{FileResponse, StaticFiles};
pub use h1::RequestHead;
pub use http_error::HttpError;
pub use limits::Limits;
pub use request::{BodyError, IfRange, Request};
pub use response::{IntoResponse, Response};
pub use router::{MatchInfo, Resolved, RouteError, Router, UrlForError};
pub use server::closing::ServerClosing;
pub use server::handler::{Answer, ResponseFuture};
pub use server::service::Timeouts;
pub use url::{InvalidUrl, Url};
// The vocabulary, so that an application needs no dependency of its own for it.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
