//! The body of a response: bytes, a stream, part of a file, or another protocol.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::http::server::closing::ServerClosing;
use crate::stream::{StreamReader, StreamWriter};

/// What a [stream](super::Response::stream) ends with. Any error can be given with `?`.
pub type StreamResult = Result<(), Box<dyn Error>>;

/// A stream's future, once it has begun.
pub(in crate::http) type Streaming = Pin<Box<dyn Future<Output = StreamResult>>>;
/// An upgrade's future, once it has begun.
pub(in crate::http) type Speaking = Pin<Box<dyn Future<Output = ()>>>;

/// The body of a response.
#[non_exhaustive]
pub enum Body {
    /// Bytes; static ones are not copied.
    Bytes(Cow<'static, [u8]>),
    /// Whatever a future writes. [`Response::stream`](super::Response::stream)
    Stream(StreamBody),
    /// Part of a file. [`Response::file`](super::Response::file)
    File(FileBody),
    /// No body: the connection speaks another protocol from then on.
    /// [`Response::upgrade`](super::Response::upgrade)
    Upgrade(UpgradeBody),
}

/// What writes a body.
pub struct StreamBody(pub(in crate::http) Box<dyn FnOnce(BodyWriter) -> Streaming>);

/// Part of a file.
pub struct FileBody(pub(in crate::http) Box<FilePart>);

/// What a connection is handed to after `101 Switching Protocols`.
pub struct UpgradeBody(pub(in crate::http) Box<dyn FnOnce(Upgraded) -> Speaking>);

pub(in crate::http) struct FilePart {
    pub file: File,
    pub offset: u64,
    pub len: u64,
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Body {
        Body::Bytes(Cow::Borrowed(b""))
    }

    #[inline]
    pub(super) fn text(text: Cow<'static, str>) -> Body {
        Body::Bytes(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    /// As [`Response::stream`](super::Response::stream).
    pub fn stream<F>(write: impl FnOnce(BodyWriter) -> F + 'static) -> Body
    where
        F: Future<Output = StreamResult> + 'static,
    {
        Body::Stream(StreamBody(Box::new(move |writer| Box::pin(write(writer)))))
    }

    /// As [`Response::file`](super::Response::file).
    pub fn file(file: File, offset: u64, len: u64) -> Body {
        Body::File(FileBody(Box::new(FilePart { file, offset, len })))
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Body::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// How many bytes it has, if that is known before it is sent.
    pub fn size(&self) -> Option<u64> {
        match self {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::File(file) => Some(file.0.len),
            Body::Stream(_) | Body::Upgrade(_) => None,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Body::empty()
    }
}

impl<T: Into<Cow<'static, [u8]>>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Body::Bytes(bytes.into())
    }
}

/// Whether it is these bytes; a body that is made while it is sent equals none.
impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Body {
    fn eq(&self, other: &T) -> bool {
        self.as_bytes() == Some(other.as_ref())
    }
}

/// As in `5 bytes`.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Body::Stream(_) => f.write_str("a stream"),
            Body::File(file) => write!(f, "{} bytes of a file", file.0.len),
            Body::Upgrade(_) => f.write_str("another protocol"),
        }
    }
}

macro_rules! opaque {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}
opaque! { StreamBody FileBody UpgradeBody BodyWriter }

/// Where a stream's bytes go.
pub(in crate::http) trait Sink {
    /// Whether more may be written now, or why never again.
    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>>;
    /// Writes all of `data`.
    fn put(&self, data: &[u8]) -> io::Result<()>;
    /// Whether nobody reads any more.
    fn poll_gone(&self, context: &Context<'_>) -> Poll<()>;
}

/// Writes the body of a response that is on its way. (`StreamResponse.write`)
///
/// It may be moved into another task; once the stream's own future has ended, so has the body.
pub struct BodyWriter(pub(in crate::http) Rc<dyn Sink>);

impl BodyWriter {
    /// Sends `data`, once the client has read enough of what was sent before: as long as more than
    /// 64 KiB are unsent, it waits. Nothing is sent for empty data. What is written without an
    /// `.await` on anything else in between goes out together.
    ///
    /// # Errors
    /// `ConnectionReset` if the client has gone. `InvalidInput` if the body has ended, or would be
    /// longer than its `Content-Length`; the connection is then broken.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has sent nothing.
    pub async fn write(&mut self, data: impl AsRef<[u8]>) -> io::Result<()> {
        poll_fn(|context| self.0.poll_room(context)).await?;
        self.0.put(data.as_ref())
    }

    /// Waits until the client has gone, or has closed its own direction, which few clients do for
    /// another reason: for a stream that has nothing to write for long, and would not notice
    /// otherwise.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it loses nothing.
    pub async fn gone(&self) {
        poll_fn(|context| self.0.poll_gone(context)).await;
    }
}

/// A connection that speaks HTTP no longer. (`request.transport` after an upgrade)
///
/// What the client has sent already for the new protocol is what [`reader`](Upgraded::reader)
/// gives first. The connection is closed when both ends are dropped.
#[derive(Debug)]
#[non_exhaustive]
pub struct Upgraded {
    /// What the client sends.
    pub reader: StreamReader,
    /// To the client. Its transport is [`StreamWriter::transport`].
    pub writer: StreamWriter,
    pub(in crate::http) closing: ServerClosing,
}

impl Upgraded {
    /// What tells that the server is to end, so that this protocol can say its farewell.
    pub fn closing(&self) -> ServerClosing {
        self.closing.clone()
    }

    /// Both ends.
    pub fn into_parts(self) -> (StreamReader, StreamWriter) {
        (self.reader, self.writer)
    }
}
