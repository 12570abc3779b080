//! One file as a response.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, StatusCode};

use super::look::{Found, Job, refused};
use super::parts;
use super::plan::{Asked, Content, Facts, plan};
use crate::http::coding::accept::Accepted;
use crate::http::{Body, Request, Response, mime};

/// A file that answers a request: whole, in parts, or not at all because the client has it.
/// (`aiohttp.web.FileResponse`)
///
/// It has an `ETag` and a `Last-Modified`, heeds the request's conditions (304, 412) and ranges
/// (206, 416), and is sent by the kernel. If `FILE.br` or `FILE.gz` lies beside it and the client
/// takes that coding, it is sent instead, with `Content-Encoding`; whoever compresses files anew
/// must replace those too.
///
/// ```
/// use evloop::http::{FileResponse, Request, Response};
///
/// async fn report(request: Request) -> std::io::Result<Response> {
///     let response = FileResponse::new("report.pdf").respond(&request).await?;
///     Ok(response.header("content-disposition", "attachment"))
/// }
/// ```
///
/// The path is the application's: whoever makes one of what a client said wants
/// [`StaticFiles`](super::StaticFiles).
#[derive(Clone, Debug)]
pub struct FileResponse {
    path: PathBuf,
    content_type: Option<HeaderValue>,
    precompressed: bool,
}

impl FileResponse {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> FileResponse {
        FileResponse { path: path.into(), content_type: None, precompressed: true }
    }

    /// Its type; else the name's extension tells ([`mime`]).
    #[must_use]
    pub fn content_type(mut self, content_type: HeaderValue) -> FileResponse {
        self.content_type = Some(content_type);
        self
    }

    /// Whether compressed siblings are looked for; yes if not set.
    #[must_use]
    pub fn precompressed(mut self, precompressed: bool) -> FileResponse {
        self.precompressed = precompressed;
        self
    }

    /// The response to this request: 404 if there is no file (a directory, a FIFO and a device are
    /// none), 403 if it may not be read.
    ///
    /// # Errors
    ///
    /// What is not the client's business, as no descriptors left, or a broken disk.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves nothing behind.
    pub async fn respond(self, request: &Request) -> io::Result<Response> {
        let accepted = self.precompressed.then(|| Accepted::of(request.headers()));
        let content_type = self.content_type.unwrap_or_else(|| type_of(&self.path));
        match (Job { root: None, path: self.path, accepted }).find().await {
            Ok(Found::File(file, facts)) => Ok(answer(request, file, &facts, &content_type)),
            Ok(Found::Directory(_)) => Ok(Response::of_status(StatusCode::NOT_FOUND)),
            Err(error) => refused(error),
        }
    }
}

/// What the extension tells.
pub(super) fn type_of(path: &Path) -> HeaderValue {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    HeaderValue::from_static(mime::of_name(&name))
}

/// The response with this open file.
pub(super) fn answer(
    request: &Request,
    file: File,
    facts: &Facts,
    content_type: &HeaderValue,
) -> Response {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        now: now.as_secs() as i64,
        boundary: RandomState::new().build_hasher().finish(),
    };
    let (mut head, content) = plan(&asked, facts, content_type);
    match content {
        Content::Nothing => {}
        Content::Part { offset, len } => drop(head.replace_body(Body::file(file, offset, len))),
        Content::Several(parts) => {
            head = head.header(CONTENT_LENGTH, parts.len());
            let write = |body| async move { Ok(parts::write(file, parts, body).await?) };
            drop(head.replace_body(Body::stream(write)));
        }
    }
    head
}
