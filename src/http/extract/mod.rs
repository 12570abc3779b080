//! What a request says, as values: its query, its form, its JSON.
//!
//! ```text
//! · pairs.rs   from pairs of names and values to a type     json.rs   JSON, both ways
//!   form.rs    forms
//! ```
//!
//! The typed ones need the feature `json`, for they are serde's.

mod form;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod pairs;

use std::fmt;

use http::StatusCode;

use super::request::BodyError;
use super::response::{IntoResponse, Response};

pub use form::Form;

/// Why a request does not say what it was asked for. Returned by a handler, it is answered with
/// its [`status`](ExtractError::status) and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractError {
    /// The body cannot be had.
    Body(BodyError),
    /// The body is of another type: 415.
    ContentType {
        /// What would have been right.
        wanted: &'static str,
        /// What it is; empty if it does not say.
        got: String,
    },
    /// It is not written as it should be: 400.
    Syntax(String),
    /// It can be read, and is not what was asked for: 422.
    Shape(String),
    /// The query is not what was asked for: 400.
    Query(String),
}

impl ExtractError {
    /// What a server answers.
    pub fn status(&self) -> StatusCode {
        match self {
            ExtractError::Body(error) => error.status(),
            ExtractError::ContentType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ExtractError::Syntax(_) | ExtractError::Query(_) => StatusCode::BAD_REQUEST,
            ExtractError::Shape(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtractError::Body(error) => error.fmt(f),
            ExtractError::ContentType { wanted, got } if got.is_empty() => {
                write!(f, "the body has no content type; send it as {wanted}")
            }
            ExtractError::ContentType { wanted, got } => {
                write!(f, "the body is of type {got:?}; send it as {wanted}")
            }
            ExtractError::Syntax(what) => write!(f, "the body cannot be read: {what}"),
            ExtractError::Shape(what) => write!(f, "the body is not what is wanted: {what}"),
            ExtractError::Query(what) => write!(f, "the query is not what is wanted: {what}"),
        }
    }
}

impl std::error::Error for ExtractError {}

impl From<BodyError> for ExtractError {
    fn from(error: BodyError) -> ExtractError {
        ExtractError::Body(error)
    }
}

impl From<ExtractError> for super::HttpError {
    fn from(error: ExtractError) -> super::HttpError {
        error.into_response().into()
    }
}

impl IntoResponse for ExtractError {
    fn into_response(self) -> Response {
        Response::error(self.status(), self)
    }
}

/// The type that `Content-Type` names, without parameters.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
