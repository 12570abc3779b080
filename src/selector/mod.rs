//! Waiting for descriptors: one contract, one file for each kernel facility.
//!
//! [`Selector`] mirrors Python's `selectors` module: register a descriptor with what you want to
//! know of it, then [`select`](Selector::select) until something is so. Every backend is
//! level-triggered: an event comes again at every `select` until its cause is gone, so a handler
//! may read once and return.
//!
//! What the platform has is all there, chosen by value at run time: [`default_selector`] takes the
//! best, or what the environment variable `EVLOOP_SELECTOR` names. One suite of tests holds every
//! backend to the contract; where they cannot help but differ, each backend's own page says so.

mod bell;
mod choose;
#[cfg(test)]
mod conformance;
#[cfg(target_os = "linux")]
mod epoll;
mod event;
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    all(test, target_os = "linux")
))]
mod kqueue;
mod poll;
mod registry;

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

pub use bell::{Bell, Ring};
pub use choose::{DefaultSelector, default_selector};
#[cfg(test)]
pub(crate) use conformance::BACKENDS;
#[cfg(target_os = "linux")]
pub use epoll::EpollSelector;
pub use event::{Event, Interest, Readiness, SelectorKey, Token};
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub use kqueue::KqueueSelector;
pub use poll::PollSelector;

/// The longest one `select` waits: kernels document 24 hours (kevent(2) on FreeBSD) or refuse much
/// more (macOS), and whoever waits longer comes back for the rest.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// `timeout` in the milliseconds of epoll_wait(2) and poll(2). Rounded down, a wait would end just
/// before its time and the caller would spin through the last millisecond.
fn millis_rounded_up(timeout: Option<Duration>) -> i32 {
    match timeout.map(|timeout| timeout.min(MAX_WAIT)) {
        // A day has 86 400 000 of them.
        Some(wait) => {
            (wait.as_secs() * 1000) as i32 + wait.subsec_nanos().div_ceil(1_000_000) as i32
        }
        None => -1,
    }
}

/// The one error for files that are always ready, so that waiting for them means nothing.
fn not_waitable(fd: RawFd) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "descriptor {fd} cannot be waited for: a regular file, a directory and their like are \
             always ready; read and write them directly, or in a thread"
        ),
    )
}

/// Waits for many descriptors at once. (`selectors.BaseSelector`)
///
/// # Contract, the same on every backend
///
/// - Level-triggered. One `select` gives at most one [`Event`] a registration.
/// - `register` of a registered descriptor is `AlreadyExists`; `modify` and `unregister` of one
///   that is not are `NotFound`; a number that is no open descriptor is the kernel's `EBADF`; a kind
///   of file that cannot be waited for (a regular file, a directory) is `InvalidInput`, and so is a
///   token whose slot and generation are both `u32::MAX`. A call that fails changes nothing.
/// - Unregister before you close: the kernel may otherwise go on watching a duplicate.
/// - `select` appends to `events`. It waits at most `timeout`, rounded up to what the kernel can
///   sleep and clamped to 24 hours; `None` waits without end. A signal ends the wait with an empty
///   list and `Ok`, and so does the [`Bell`]; whoever waits for a point in time looks at the clock.
/// - Dropping a selector closes it.
pub trait Selector {
    /// The kernel facility's name: `"epoll"`, `"kqueue"`, `"poll"`.
    fn name(&self) -> &'static str;
    /// Begins to watch `fd`.
    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()>;
    /// Changes what a watched `fd` is watched for, and its token.
    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()>;
    /// Ends watching `fd`; effective at once.
    fn unregister(&mut self, fd: RawFd) -> io::Result<()>;
    /// Waits, and appends what is ready to `events`.
    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()>;
    /// Every registration, in the order of descriptors. The bell's own is not among them.
    fn get_map(&self) -> Vec<SelectorKey>;
    /// How many descriptors are registered.
    fn len(&self) -> usize {
        self.get_map().len()
    }
    /// Whether none is.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The bell that ends a `select` from another thread.
    fn bell(&self) -> Bell;
    /// A descriptor that is readable when `select` would find something, if the facility has one
    /// (epoll and kqueue are such; poll(2) is not). The bell makes it readable too.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;
    /// In a child of fork(2): makes what the kernel keeps for it anew, for this process alone, with
    /// the same registrations and the same [`Bell`]s. What the parent has is left as it is.
    /// ([`EventLoop::after_fork_child`](crate::EventLoop::after_fork_child))
    ///
    /// # Errors
    ///
    /// The kernel's, when descriptors have run out; `Unsupported` unless a backend says otherwise.
    fn renew(&mut self) -> io::Result<()> {
        let what = format!("the {} selector cannot be made anew after fork(2)", self.name());
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }
    /// Whether it waits in a time of its own that no thread shares: then what takes real time is
    /// refused ([`to_thread`](crate::to_thread)).
    fn is_simulated(&self) -> bool {
        false
    }
}
