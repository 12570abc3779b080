//! Forms with files in them: `multipart/form-data`, part by part (RFC 7578).
//!
//! [`FormParser`] is the format, without I/O; [`Multipart`] gives it the body of a request. Nothing
//! is kept that was not asked for: a part is read piece by piece, with the request's back-pressure,
//! or collected up to a limit of the caller's.

mod head;
mod parser;
pub(in crate::http) mod writer;

use crate::http::{BodyError, Content, Request};

pub use head::PartHead;
pub use parser::{FormParser, MOST_BOUNDARY_BYTES, MOST_HEAD_BYTES, Step};

/// What follows a form's end is dropped, up to so many bytes; a client that sends more of it loses
/// its connection after the answer, as with any body that is not read.
const MOST_EPILOGUE: usize = 64 << 10;

impl Request {
    /// The parts of its body, a form with files in it. (`request.multipart()`)
    ///
    /// ```
    /// use evloop::http::{BodyError, Request};
    ///
    /// async fn upload(request: Request) -> Result<String, BodyError> {
    ///     let (mut form, mut bytes) = (request.multipart()?, 0);
    ///     while let Some(mut part) = form.next_part().await? {
    ///         while let Some(piece) = part.read_chunk().await? {
    ///             bytes += piece.len();
    ///         }
    ///     }
    ///     Ok(format!("{bytes} bytes"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BodyError::Broken`]: its `Content-Type` is not `multipart/form-data` with a boundary.
    pub fn multipart(&self) -> Result<Multipart, BodyError> {
        let content_type = self.header("content-type").unwrap_or_default();
        let parser = boundary(content_type).and_then(|it| FormParser::new(it.as_bytes()));
        let what = "the body is not multipart/form-data with a boundary";
        let parser = parser.ok_or_else(|| BodyError::Broken(what.into()))?;
        let most = self.form_fields();
        Ok(Multipart { content: self.content(), parser, most, parts: 0 })
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = parameters.split(';').filter_map(|it| it.split_once('='));
    let boundary = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    boundary.map(|(_, value)| value.trim().trim_matches('"'))
}

/// A form with files in it, as it comes in. [`Request::multipart`] gives it.
///
/// # Cancel safety
///
/// Each of its methods and its parts', dropped while it waits, has lost nothing of the form; but
/// [`FormPart::read`] what it had collected.
#[derive(Debug)]
pub struct Multipart {
    content: Content,
    parser: FormParser,
    /// The most parts, and how many there were.
    most: usize,
    parts: usize,
}

impl Multipart {
    /// The next part; `None` after the last. What was not read of the part before is passed over.
    ///
    /// # Errors
    ///
    /// The form is malformed or breaks off, the head of a part is too long, or there are more parts
    /// than [`Limits::form_fields`](crate::http::Limits::form_fields); and as
    /// [`Content::read_chunk`].
    pub async fn next_part(&mut self) -> Result<Option<FormPart<'_>>, BodyError> {
        loop {
            match self.step().await? {
                Step::Part(_) if self.parts >= self.most => {
                    return Err(BodyError::TooManyFields { limit: self.most });
                }
                Step::Part(head) => {
                    self.parts += 1;
                    return Ok(Some(FormPart { form: self, head, over: false }));
                }
                Step::End => {
                    self.pass_over_epilogue().await?;
                    return Ok(None);
                }
                Step::Data(_) | Step::EndOfPart | Step::NeedData => {}
            }
        }
    }

    /// A step that is not [`Step::NeedData`].
    async fn step(&mut self) -> Result<Step, BodyError> {
        loop {
            match self.parser.step() {
                Ok(Step::NeedData) => {}
                Ok(step) => return Ok(step),
                Err(what) => return Err(BodyError::Broken(what.into())),
            }
            match self.content.read_chunk().await? {
                Some(data) => self.parser.push(&data),
                None => return Err(BodyError::Broken("the form breaks off".into())),
            }
        }
    }

    async fn pass_over_epilogue(&mut self) -> Result<(), BodyError> {
        let mut passed = 0;
        while let (true, Some(data)) = (passed < MOST_EPILOGUE, self.content.read_chunk().await?) {
            passed += data.len();
        }
        Ok(())
    }
}

/// A part of a form: a field or a file.
#[derive(Debug)]
pub struct FormPart<'a> {
    form: &'a mut Multipart,
    head: PartHead,
    over: bool,
}

impl FormPart<'_> {
    /// Its name, its file name and its type.
    pub fn head(&self) -> &PartHead {
        &self.head
    }

    /// Some more of it; `None` at its end.
    ///
    /// # Errors
    ///
    /// As [`Multipart::next_part`].
    pub async fn read_chunk(&mut self) -> Result<Option<Vec<u8>>, BodyError> {
        if self.over {
            return Ok(None);
        }
        match self.form.step().await? {
            Step::Data(data) => Ok(Some(data)),
            _ => {
                self.over = true;
                Ok(None)
            }
        }
    }

    /// The rest of it.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] if that is more than `limit` bytes; else as
    /// [`Multipart::next_part`].
    pub async fn read(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(data) = self.read_chunk().await? {
            if bytes.len() + data.len() > limit {
                return Err(BodyError::TooLarge { limit: limit as u64 });
            }
            bytes.extend(data);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_found_in_its_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=a-b"), Some("a-b"));
        assert_eq!(boundary("Multipart/Form-Data;charset=x; Boundary=\"a b\""), Some("a b"));
        for wrong in
            ["", "multipart/form-data", "multipart/mixed; boundary=a", "text/plain;boundary=a"]
        {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }
}
