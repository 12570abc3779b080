//! Streams: reading and writing a connection with `await`.

pub(crate) mod buffer;
pub(crate) mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod property;
pub(crate) mod scan;
