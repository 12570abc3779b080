//! System calls: the lowest layer and, but for the task waker, the only `unsafe` one.
//!
//! Every function here is a thin, safe wrapper around one call of the kernel. Nothing here knows
//! of loops, tasks or callbacks; errors come back as [`std::io::Error`] with the kernel's number.

mod clock;
mod error;
mod socket;
mod thread;
mod time;

pub use clock::{Clock, MonotonicClock};
pub(crate) use error::cvt;
pub use socket::{ConnectProgress, ListenOptions, OsSockets, Sockets};
pub(crate) use thread::is_main_thread;
pub use time::Time;
