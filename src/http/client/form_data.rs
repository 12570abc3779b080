//! Forms with files in them, as a request's body.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::body::{Body, PIECE, SourceOnce, send_file};
use super::error::ClientError;
use super::mailbox::BodySender;
use crate::http::h1::Length;
use crate::http::mime;
use crate::http::multipart::writer::{form_end, new_boundary, part_head};

/// A form with files in it, `multipart/form-data` (RFC 7578): fields, bytes, files that are read as
/// they are sent, streams. (aiohttp's `FormData`)
///
/// ```no_run
/// # async fn example(session: evloop::ClientSession) -> Result<(), Box<dyn std::error::Error>> {
/// use evloop::http::FormData;
///
/// let form = FormData::new()
///     .field("title", "The sea")
///     .file("photo", "sea.png", std::fs::File::open("sea.png")?)
///     .bytes("notes", "notes.bin", [1, 2, 3])
///     .content_type("application/x-notes");
/// println!("{}", session.post("http://h/upload").multipart(form).await?.status());
/// # Ok(())
/// # }
/// ```
///
/// It is sent with a `Content-Length` if every part's length is known, in chunks else; and again, if
/// that is asked for, unless there is a stream in it.
///
/// Names go out in UTF-8, with quotes and line ends as browsers write them: `%22`, `%0D`, `%0A`.
pub struct FormData {
    boundary: String,
    parts: Vec<Part>,
}

struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    File(File),
    Stream(SourceOnce, Length),
}

/// What is sent in one go.
enum Segment {
    Bytes(Vec<u8>),
    File(Arc<File>, u64),
    Stream(Cell<Option<SourceOnce>>, Length),
}

impl FormData {
    /// A form without parts.
    #[expect(clippy::new_without_default, reason = "two of them are not the same")]
    pub fn new() -> FormData {
        FormData { boundary: new_boundary(), parts: Vec::new() }
    }

    /// With this field.
    pub fn field(self, name: impl Into<String>, value: impl ToString) -> FormData {
        self.part(name, None, Content::Bytes(value.to_string().into_bytes()))
    }

    /// With these bytes as a file of this name, of the type that goes with the name.
    pub fn bytes(
        self,
        name: impl Into<String>,
        filename: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> FormData {
        self.part(name, Some(filename.into()), Content::Bytes(bytes.into()))
    }

    /// With every byte of this file under this name, of the type that goes with the name. It is read
    /// on a thread, as it is sent.
    pub fn file(
        self,
        name: impl Into<String>,
        filename: impl Into<String>,
        file: File,
    ) -> FormData {
        self.part(name, Some(filename.into()), Content::File(file))
    }

    /// With a file of this name that `source` sends piece by piece, `length` bytes if that is known.
    pub fn stream<F>(
        self,
        name: impl Into<String>,
        filename: impl Into<String>,
        length: Option<u64>,
        source: impl FnOnce(BodySender) -> F + 'static,
    ) -> FormData
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let source: SourceOnce = Box::new(|body| Box::pin(source(body)));
        let length = length.map_or(Length::Unknown, Length::Known);
        self.part(name, Some(filename.into()), Content::Stream(source, length))
    }

    /// The type of the part that was added last.
    pub fn content_type(mut self, content_type: impl Into<String>) -> FormData {
        if let Some(part) = self.parts.last_mut() {
            part.content_type = Some(content_type.into());
        }
        self
    }

    /// What divides its parts: random, so that it stands in none of them by chance or by intent.
    pub fn boundary(&self) -> &str {
        &self.boundary
    }

    fn part(
        mut self,
        name: impl Into<String>,
        filename: Option<String>,
        content: Content,
    ) -> FormData {
        let content_type = filename.as_ref().map(|name| mime::of_name(name).to_owned());
        self.parts.push(Part { name: name.into(), filename, content_type, content });
        self
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// A name has a control character, a type is none, a file is no regular one.
    pub(super) fn into_body(self) -> Result<Body, ClientError> {
        let segments = self.into_segments()?;
        if let [Segment::Bytes(_)] = &segments[..] {
            let only = segments.into_iter().next();
            let Some(Segment::Bytes(bytes)) = only else { return Ok(Body::empty()) };
            return Ok(Body::Bytes(Rc::new(bytes)));
        }
        let length =
            segments.iter().try_fold(0_u64, |sum, segment| sum.checked_add(segment.len()?));
        let length = length.map_or(Length::Unknown, Length::Known);
        let again = !segments.iter().any(|segment| matches!(segment, Segment::Stream(..)));
        let segments: Rc<[Segment]> = segments.into();
        Ok(match again {
            true => Body::each(move |body| send(segments.clone(), body), length),
            false => Body::once(move |body| send(segments, body), length),
        })
    }

    fn into_segments(self) -> Result<Vec<Segment>, ClientError> {
        let mut segments = Vec::new();
        let is_empty = self.parts.is_empty();
        for (number, part) in self.parts.into_iter().enumerate() {
            let (filename, kind) = (part.filename.as_deref(), part.content_type.as_deref());
            let head = part_head(&self.boundary, number == 0, &part.name, filename, kind);
            append(&mut segments, head.map_err(ClientError::InvalidRequest)?.into_bytes());
            match part.content {
                Content::Bytes(bytes) => append(&mut segments, bytes),
                Content::Stream(source, length) => {
                    segments.push(Segment::Stream(Cell::new(Some(source)), length));
                }
                Content::File(file) => match Body::file(file).map_err(ClientError::Source)? {
                    Body::File(file, length) => segments.push(Segment::File(file, length)),
                    _ => return Err(ClientError::invalid("a part of its form is no file")),
                },
            }
        }
        append(&mut segments, form_end(&self.boundary, is_empty).into_bytes());
        Ok(segments)
    }
}

/// Appends bytes to those that stand last, so that they go out together.
fn append(segments: &mut Vec<Segment>, bytes: Vec<u8>) {
    match segments.last_mut() {
        Some(Segment::Bytes(last)) => last.extend(bytes),
        _ => segments.push(Segment::Bytes(bytes)),
    }
}

impl Segment {
    fn len(&self) -> Option<u64> {
        match self {
            Segment::Bytes(bytes) => Some(bytes.len() as u64),
            Segment::File(_, length) | Segment::Stream(_, Length::Known(length)) => Some(*length),
            Segment::Stream(_, Length::Unknown) => None,
        }
    }
}

async fn send(segments: Rc<[Segment]>, mut body: BodySender) -> io::Result<()> {
    for segment in &*segments {
        let theirs = BodySender(body.0.clone());
        match segment {
            Segment::Bytes(bytes) => {
                for piece in bytes.chunks(PIECE) {
                    body.write(piece).await?;
                }
            }
            Segment::File(file, length) => send_file(file.clone(), *length, theirs).await?,
            Segment::Stream(source, _) => match source.take() {
                Some(source) => source(theirs).await?,
                None => return Err(io::Error::other("a stream in a form can be sent once only")),
            },
        }
    }
    Ok(())
}

/// As in `<FormData of 2 parts>`.
impl fmt::Debug for FormData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<FormData of {} parts>", self.parts.len())
    }
}
