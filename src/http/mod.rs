//! HTTP/1.1: a machine, and shells that give it bytes.

pub mod date;
pub mod h1;
mod limits;
pub mod query;
pub mod url;

pub use limits::Limits;
pub use url::{InvalidUrl, Url};
