//! System calls: the lowest layer and, but for the task waker, the only `unsafe` one.
//!
//! Every function here is a thin, safe wrapper around one call of the kernel. Nothing here knows
//! of loops, tasks or callbacks; errors come back as [`std::io::Error`] with the kernel's number.

mod addr;
mod bell;
#[cfg(feature = "http")]
mod beneath;
#[cfg(feature = "workers")]
pub(crate) mod child;
mod clock;
mod datagram;
#[cfg(target_os = "linux")]
mod epoll;
mod error;
mod fork;
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
#[cfg(feature = "http")]
mod limit;
#[cfg(feature = "http")]
mod listing;
mod open;
mod option;
mod our_sockets;
mod pages;
mod peer;
pub(crate) mod pipe;
mod poll;
#[cfg(feature = "process")]
pub(crate) mod process;
pub(crate) mod resolve;
mod sendfile;
pub(crate) mod signal;
mod socket;
#[cfg(test)]
pub(crate) mod testing;
mod thread;
mod time;
mod timerfd;
pub(crate) mod unix;
#[cfg(feature = "datagram")]
pub(crate) mod unix_datagram;
#[cfg(not(evloop_zoo))]
pub(crate) mod zoo;
#[cfg(evloop_zoo)]
#[doc(hidden)]
pub mod zoo;

pub(crate) use bell::BellFd;
#[cfg(feature = "http")]
pub(crate) use beneath::{Patience, open_beneath, open_to_read};
pub use clock::{Clock, MonotonicClock};
#[cfg(target_os = "linux")]
pub(crate) use epoll::{Epoll, EpollEvent};
pub(crate) use error::{cvt, kind_of, retry};
pub(crate) use fork::{Process, take_place};
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    all(test, target_os = "linux")
))]
pub(crate) use kqueue::{Change, Filter, Kqueue, MOST_CHANGES, News, RawKevent};
#[cfg(feature = "http")]
pub(crate) use limit::open_files_limit;
#[cfg(feature = "http")]
pub(crate) use listing::{Entry, list};
pub(crate) use open::accept_socket;
pub(crate) use option::{get_option, set_option};
pub(crate) use our_sockets::OurSockets;
pub(crate) use pages::Pages;
pub use pipe::PipeKind;
pub(crate) use poll::{FileKind, PollFd, poll};
pub use resolve::NameFlags;
#[cfg(any(feature = "workers", all(test, feature = "testing", feature = "datagram")))]
pub(crate) use socket::reserve;
pub use socket::{ConnectProgress, DatagramOptions, ListenOptions, OsSockets, Sockets};
pub(crate) use socket::{connect_socket, family_of, socket_family};
pub(crate) use thread::{detach_thread, is_main_thread};
pub use time::Time;
pub(crate) use timerfd::TimerFd;
pub use unix::{FileId, PeerCred};
