//! HTTP/1.1: a machine, and shells that give it bytes.
//!
//! [`h1`] is the protocol, without I/O. [`Router`], [`Request`] and [`Response`] are what an
//! application sees, and are without I/O too.

mod access_log;
mod app;
mod body;
mod client;
#[cfg(feature = "compression")]
mod coding;
pub mod conditional;
mod content;
pub mod cookie;
mod cookie_date;
pub mod cookie_jar;
pub mod date;
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
    AppContext, AppRunner, Application, HttpServer, Middleware, Next, NormalizePath, RouteDef,
    Routes, RunOptions, SHUTDOWN_TIMEOUT, Serve, Site, SockSite, TcpSite, UnixSite, delete, get,
    head, options, patch, post, put, route, run_app,
};
pub use body::{Body, BodyWriter, FileBody, StreamBody, StreamResult, UpgradeBody, Upgraded};
pub use client::{
    BodySender, ClientError, ClientRequest, ClientResponse, ClientSession, ClientSessionBuilder,
    ClientTimeout, Connector, IntoUrl, Redirected, TimeoutKind,
};
pub use content::Content;
pub use cookie::{Cookie, SameSite};
pub use cookie_jar::CookieJar;
pub use etag::{EntityTag, InvalidEntityTag};
pub use events::{EventWriter, ServerSentEvent};
pub use extensions::Extensions;
pub use extract::{ExtractError, Form};
pub use files::{FileResponse, StaticFiles};
pub use h1::RequestHead;
pub use http_error::HttpError;
pub use limits::Limits;
pub use request::{BodyError, Request};
pub use response::{IntoResponse, Response};
pub use router::{MatchInfo, Resolved, RouteError, Router, UrlForError};
pub use server::handler::{Answer, ResponseFuture};
pub use server::service::Timeouts;
pub use url::{InvalidUrl, Url};
// The vocabulary, so that an application needs no dependency of its own for it.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
