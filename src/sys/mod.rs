//! System calls: the lowest layer and, but for the task waker, the only `unsafe` one.
//!
//! Every function here is a thin, safe wrapper around one call of the kernel. Nothing here knows
//! of loops, tasks or callbacks; errors come back as [`std::io::Error`] with the kernel's number.

mod bell;
#[cfg(target_os = "linux")]
mod epoll;
mod error;
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    all(test, target_os = "linux")
))]
mod kqueue;
#[cfg(all(test, target_os = "linux"))]
mod kqueue_model;
mod poll;
mod socket;
#[cfg(test)]
pub(crate) mod testing;
mod time;

pub(crate) use bell::BellFd;
#[cfg(target_os = "linux")]
pub(crate) use epoll::{Epoll, EpollEvent};
pub(crate) use error::cvt;
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    all(test, target_os = "linux")
))]
pub(crate) use kqueue::{Change, Filter, Kqueue, MOST_CHANGES, News, RawKevent};
pub(crate) use poll::{FileKind, PollFd, poll};
pub use socket::{ConnectProgress, ListenOptions, OsSockets, Sockets};
pub use time::Time;
pub(crate) use time::monotonic;
