//! Forms with files in them, part by part, with the back-pressure of the request's body.

use super::{ExtractError, media_type};
use crate::http::multipart::{FormParser, PartHead, Step};
use crate::http::request::BodyError;
use crate::http::{Content, Request};

const MULTIPART: &str = "multipart/form-data";

/// A form of several parts that is on its way. (`await request.multipart()`)
///
/// Nothing is kept that is not read: what a part is to become in memory, its reader limits.
#[derive(Debug)]
pub struct Multipart {
    content: Content,
    parser: FormParser,
    /// A part has begun and is not over.
    in_part: bool,
}

/// A part of a form: a field, or a file.
#[derive(Debug)]
pub struct Part<'a> {
    form: &'a mut Multipart,
    head: PartHead,
}

impl Request {
    /// The parts of the form that is the body: `multipart/form-data` (RFC 7578), as browsers send
    /// forms with files.
    ///
    /// ```
    /// # use evloop::web::{ExtractError, Request};
    /// async fn upload(request: Request) -> Result<String, ExtractError> {
    ///     let mut form = request.multipart()?;
    ///     let mut size = 0;
    ///     while let Some(mut part) = form.next().await? {
    ///         while let Some(bytes) = part.read_chunk().await? {
    ///             size += bytes.len();
    ///         }
    ///     }
    ///     Ok(format!("{size} bytes"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The body is of another type (415), or the type names no boundary (400).
    pub fn multipart(&self) -> Result<Multipart, ExtractError> {
        let got = self.header("content-type").unwrap_or_default();
        if !media_type(got).eq_ignore_ascii_case(MULTIPART) {
            return Err(ExtractError::ContentType {
                wanted: MULTIPART,
                got: media_type(got).to_owned(),
            });
        }
        let parser = boundary(got).and_then(|boundary| FormParser::new(boundary.as_bytes()));
        let parser = parser.ok_or_else(|| {
            let what = "its content type names no boundary, as in multipart/form-data; boundary=x";
            ExtractError::Syntax(what.to_owned())
        })?;
        Ok(Multipart { content: self.content(), parser, in_part: false })
    }
}

impl Multipart {
    /// The next part; what was not read of the one before is passed over. `None` after the last.
    ///
    /// # Errors
    ///
    /// The form is malformed or has too many parts (400), or as [`Content::read_chunk`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next call goes on.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, ExtractError> {
        loop {
            match self.step().await? {
                Step::Part(head) => {
                    self.in_part = true;
                    return Ok(Some(Part { form: self, head }));
                }
                Step::End => return Ok(None),
                Step::EndOfPart => self.in_part = false,
                Step::Data(_) | Step::NeedData => {}
            }
        }
    }

    /// The next step that is none of waiting.
    async fn step(&mut self) -> Result<Step, ExtractError> {
        loop {
            match self.parser.step() {
                Ok(Step::NeedData) => {}
                Ok(step) => return Ok(step),
                Err(error) => return Err(ExtractError::Syntax(error.to_string())),
            }
            match self.content.read_chunk().await? {
                Some(bytes) => self.parser.push(&bytes),
                None => {
                    let what = "it ends before the form does: its last boundary is missing";
                    return Err(ExtractError::Syntax(what.to_owned()));
                }
            }
        }
    }
}

impl Part<'_> {
    /// What the part says of itself: its name, its file's name, its type.
    pub fn head(&self) -> &PartHead {
        &self.head
    }

    /// The name of the form's field.
    pub fn name(&self) -> &str {
        self.head.name()
    }

    /// The next of its body, never nothing; `None` at its end.
    ///
    /// # Errors
    ///
    /// As [`Multipart::next`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn read_chunk(&mut self) -> Result<Option<Vec<u8>>, ExtractError> {
        if !self.form.in_part {
            return Ok(None);
        }
        match self.form.step().await? {
            Step::Data(bytes) => Ok(Some(bytes)),
            _ => {
                self.form.in_part = false;
                Ok(None)
            }
        }
    }

    /// All that is left of its body, up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// It is longer (413); or as [`Multipart::next`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses what it has read: read piece by piece to keep it.
    pub async fn read(&mut self, limit: u64) -> Result<Vec<u8>, ExtractError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read_chunk().await? {
            if (all.len() + bytes.len()) as u64 > limit {
                return Err(BodyError::TooLarge { limit }.into());
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

/// The parameter `boundary` of a content type, with or without quotation marks.
fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|it| it.split_once('='));
    let found = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    found.map(|(_, value)| value.trim().trim_matches('"'))
}
