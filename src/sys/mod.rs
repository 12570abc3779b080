//! System calls: the lowest layer and, but for the task waker, the only `unsafe` one.
//!
//! Every function here is a thin, safe wrapper around one call of the kernel. Nothing here knows
//! of loops, tasks or callbacks; errors come back as [`std::io::Error`] with the kernel's number.

mod addr;
mod bell;
mod clock;
#[cfg(target_os = "linux")]
mod epoll;
mod error;
mod open;
mod option;
mod poll;
pub(crate) mod resolve;
mod socket;
mod thread;
mod time;

pub(crate) use bell::BellFd;
pub use clock::{Clock, MonotonicClock};
#[cfg(target_os = "linux")]
pub(crate) use epoll::{Epoll, EpollEvent, Sleep};
pub(crate) use error::{cvt, retry};
pub(crate) use option::{get_option, set_option};
pub(crate) use poll::{FileKind, PollFd, poll};
pub use socket::{ConnectProgress, ListenOptions, OsSockets, Sockets};
pub(crate) use thread::is_main_thread;
pub use time::Time;
