//! Forms with files in them: `multipart/form-data`, part by part (RFC 7578).
//!
//! [`FormParser`] is the format, without I/O. Nothing is kept that was not asked for: a part is
//! read piece by piece, with the request's back-pressure, or collected up to a limit of the
//! caller's.

mod head;
mod parser;

pub use head::PartHead;
pub use parser::{FormParser, MOST_BOUNDARY_BYTES, MOST_HEAD_BYTES, MOST_PARTS, Step};
