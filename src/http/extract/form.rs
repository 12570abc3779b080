//! Forms: `application/x-www-form-urlencoded`.

use super::{ExtractError, media_type};
use crate::http::{BodyError, Request, query};

const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of a form, in order, those of the same name all. (what `request.post()` gives)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The values of every field of this name. (`getall`)
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(have, _)| *have == name).map(|(_, value)| value)
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&name[..], &value[..]))
    }
}

impl Request {
    /// The fields of the form that is the body. (`await request.post()`)
    ///
    /// ```
    /// # use evloop::web::{ExtractError, Request};
    /// async fn greet(request: Request) -> Result<String, ExtractError> {
    ///     let form = request.post().await?;
    ///     Ok(format!("Hello, {}!", form.get("name").unwrap_or("whoever you are")))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The body is of another type: where aiohttp gives an empty form, this says so. It has more
    /// fields than [`Limits::form_fields`](crate::http::Limits::form_fields). And as
    /// [`text`](Request::text).
    ///
    /// # Cancel safety
    ///
    /// As [`text`](Request::text).
    pub async fn post(&self) -> Result<Form, ExtractError> {
        let text = self.form_text().await?;
        let pairs = query::pairs(&text);
        Ok(Form(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    pub(super) async fn form_text(&self) -> Result<std::borrow::Cow<'_, str>, ExtractError> {
        let got = self.header("content-type").unwrap_or_default();
        if !media_type(got).eq_ignore_ascii_case(FORM) {
            return Err(ExtractError::ContentType { wanted: FORM, got: media_type(got).into() });
        }
        let text = self.text().await?;
        let limit = self.form_fields();
        if query::exceeds(&text, limit) {
            return Err(BodyError::TooManyFields { limit }.into());
        }
        Ok(text)
    }

    /// The most fields that are made of what this client sends.
    pub(in crate::http) fn form_fields(&self) -> usize {
        self.head().limits().form_fields
    }
}
