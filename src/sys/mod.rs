//! System calls: the lowest layer and, but for the task waker, the only `unsafe` one.
//!
//! Every function here is a thin, safe wrapper around one call of the kernel. Nothing here knows
//! of loops, tasks or callbacks; errors come back as [`std::io::Error`] with the kernel's number.

mod addr;
mod error;
mod open;
mod option;
pub(crate) mod resolve;
mod socket;
mod time;

pub(crate) use error::{cvt, retry};
pub use socket::{ConnectProgress, ListenOptions, OsSockets, Sockets};
pub use time::Time;
pub(crate) use time::monotonic;
