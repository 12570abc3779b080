//! Streams: a connection to read from and write to with `await`.
//!
//! ```text
//! transport ── data_received ──► shared.rs ── wakes ──► reader.rs   asks · buffer.rs, · scan.rs
//!           ◄── write ────────── writer.rs ── drain waits for resume_writing ──┘
//! open.rs   start_server, open_connection     unix.rs   the same at a path
//! pipe.rs   open_read_pipe, open_write_pipe   ends.rs   what they share      handler.rs   a server's tasks
//! ```

pub(crate) mod buffer;
mod ends;
pub(crate) mod error;
mod handler;
mod open;
mod pipe;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod property;
mod reader;
pub(crate) mod scan;
mod shared;
mod unix;
mod writer;

#[cfg(feature = "process")]
pub(crate) use buffer::DEFAULT_LIMIT;
#[cfg(feature = "http")]
pub(crate) use ends::stream_protocol;
pub use error::ReadError;
pub use handler::HandlerOutput;
pub use open::{OpenConnection, StartServer, open_connection, start_server};
pub use pipe::{open_read_pipe, open_write_pipe};
#[cfg(feature = "process")]
pub(crate) use pipe::{read_pipe, write_pipe};
pub use reader::StreamReader;
#[cfg(feature = "ws")]
pub(crate) use shared::copy as copy_error;
pub use unix::{OpenUnixConnection, StartUnixServer, open_unix_connection, start_unix_server};
pub use writer::StreamWriter;
