//! Bodies of requests that come compressed, undone on their way to whoever reads them.
//!
//! aiohttp does it to every request; here it has to be said, by [`Decompress`] for an application or
//! [`Request::decompress`] in a handler. A body that nobody asked to change is what the client sent:
//! a signature over it can be checked, an upload stored, a request handed on with its
//! `Content-Encoding` still true; and a server that expects nothing compressed cannot be made to
//! inflate anything.
//!
//! # Bombs
//!
//! [`Limits::body_size`](super::Limits::body_size) counts the bytes that come out, and nothing is
//! made larger than that before it is refused. Whoever reads piece by piece gets 32 KiB at most at a
//! time, and no more than 200 bytes come out for each that goes in, once 4 MiB have come.

use http::header::ACCEPT_ENCODING;

use super::coding::Coding;
use super::server::handler::ResponseFuture;
use super::{HttpError, IntoResponse, Middleware, Next, Request};

/// What can be undone, for a client that sent something else.
const KNOWN: &str = "gzip, deflate";

impl Request {
    /// Has the body decompressed while it is read, by whichever way, if it is said to be gzip or
    /// deflate. (What aiohttp does to every request)
    ///
    /// ```
    /// use evloop::web::{HttpError, Request};
    ///
    /// async fn ingest(request: Request) -> Result<String, HttpError> {
    ///     request.decompress()?;
    ///     Ok(format!("{} bytes", request.read().await?.len()))
    /// }
    /// ```
    ///
    /// It is to be said before anything is read. The header fields stay as they are, so that
    /// [`content_length`](Request::content_length) is that of what was sent.
    ///
    /// What is corrupt or breaks off is told by whoever reads: [`BodyError::Broken`], which is 400.
    ///
    /// # Errors
    ///
    /// The body is in another coding, or in several: 415, which names those that are known (RFC 9110
    /// §12.5.3, §15.5.16).
    ///
    /// [`BodyError::Broken`]: super::BodyError::Broken
    pub fn decompress(&self) -> Result<(), HttpError> {
        let Some(incoming) = self.incoming() else { return Ok(()) };
        let mut codings = self.headers().get_all("content-encoding").iter();
        let coding = match (codings.next().map(|it| it.as_bytes().trim_ascii()), codings.next()) {
            (None | Some(b""), None) => return Ok(()),
            (Some(name), None) if name.eq_ignore_ascii_case(b"identity") => return Ok(()),
            (Some(name), None) => Coding::named(name).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        incoming.decode(coding);
        Ok(())
    }
}

fn unknown() -> HttpError {
    let why =
        "the body is in a coding that is not undone here; send it plain, or as gzip or deflate";
    HttpError::unsupported_media_type(why).header(ACCEPT_ENCODING, KNOWN)
}

/// Decompresses the bodies of all requests of an application, as [`Request::decompress`] says.
///
/// ```
/// use evloop::web::{Application, Decompress};
///
/// let mut app = Application::new();
/// app.middleware(Decompress);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Decompress;

impl Middleware for Decompress {
    fn handle(&self, request: Request, next: Next) -> ResponseFuture {
        match request.decompress() {
            Ok(()) => Box::pin(next.run(request)),
            Err(refused) => Box::pin(std::future::ready(refused.into_response())),
        }
    }
}
