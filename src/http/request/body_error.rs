//! Why a body cannot be had, and what a server answers then.

use std::fmt;

use http::StatusCode;

/// Why a body cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// It is larger than allowed.
    TooLarge {
        /// The most that is allowed, in bytes.
        limit: u64,
    },
    /// It is a form of more fields, or parts, than allowed.
    TooManyFields {
        /// The most that are allowed. [`Limits::form_fields`](crate::http::Limits::form_fields)
        limit: usize,
    },
    /// Its character set is not known here.
    UnknownCharset(String),
    /// It is not text in its character set.
    NotText,
    /// The client broke off in the middle of it, or it is malformed; what was wrong.
    Broken(String),
    /// It did not come in time. [`Timeouts::body`](crate::http::Timeouts::body)
    TimedOut,
    /// The request was answered before this was read, so it was not received.
    Answered,
}

impl BodyError {
    /// What a server answers.
    pub fn status(&self) -> StatusCode {
        match self {
            BodyError::TooLarge { .. } | BodyError::TooManyFields { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            BodyError::UnknownCharset(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::NotText | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::Answered => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::TooLarge { limit } => write!(f, "the body exceeds {limit} bytes"),
            BodyError::TooManyFields { limit } => {
                write!(f, "the form has more than {limit} fields")
            }
            BodyError::UnknownCharset(name) => {
                write!(f, "the character set {name:?} is not known here; utf-8 is")
            }
            BodyError::NotText => f.write_str("the body is not text in its character set"),
            BodyError::Broken(what) => f.write_str(what),
            BodyError::TimedOut => f.write_str("the body of the request did not arrive in time"),
            BodyError::Answered => {
                f.write_str("the body was read after the request had its answer: read it before")
            }
        }
    }
}

impl std::error::Error for BodyError {}
