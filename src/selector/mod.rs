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

mod choose;
#[cfg(test)]
mod conformance;
#[cfg(target_os = "linux")]
mod epoll;
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

use std::fmt;
use std::io;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

pub use choose::{DefaultSelector, default_selector};
#[cfg(test)]
pub(crate) use conformance::BACKENDS;
#[cfg(target_os = "linux")]
pub use epoll::EpollSelector;
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub use kqueue::KqueueSelector;
pub use poll::PollSelector;

use crate::sys::BellFd;

/// What a registration asks to be told of: readability, writability or both.
///
/// Errors and hang-ups wake whoever waits, without being asked for, on every backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Tell when reading would not block: bytes, a connection to accept, end of file, an error.
    /// (`selectors.EVENT_READ`)
    pub const READ: Interest = Interest(1);
    /// Tell when writing would not block. (`selectors.EVENT_WRITE`)
    pub const WRITE: Interest = Interest(2);
    /// Both.
    pub const BOTH: Interest = Interest(3);

    /// Whether readability is asked for.
    pub const fn is_read(self) -> bool {
        self.0 & 1 != 0
    }
    /// Whether writability is asked for.
    pub const fn is_write(self) -> bool {
        self.0 & 2 != 0
    }
    /// This interest less `other`; `None` if nothing is left.
    pub const fn without(self, other: Interest) -> Option<Interest> {
        match self.0 & !other.0 {
            0 => None,
            left => Some(Interest(left)),
        }
    }
}

impl BitOr for Interest {
    type Output = Interest;
    fn bitor(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_read(), self.is_write()) {
            (true, false) => "READ",
            (false, true) => "WRITE",
            _ => "READ | WRITE",
        })
    }
}

/// A name for a registration, given at [`register`](Selector::register) and handed back in every
/// [`Event`] of it.
///
/// A token is a slot and the slot's generation. Whoever gives tokens out never gives the same one
/// twice, so an event for a registration that is gone finds nothing, even when the kernel has
/// reused the descriptor's number meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    /// What kernels keep for the bell; a registration may not have it.
    const BELL: Token = Token(u64::MAX);

    /// The token of the `generation`-th use of `slot`.
    pub const fn new(slot: u32, generation: u32) -> Token {
        Token((generation as u64) << 32 | slot as u64)
    }
    /// Where its owner keeps what it names.
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }
    /// Which use of the slot it names.
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
    /// The token as the one word a kernel keeps for us.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
    /// The token whose word the kernel gave back.
    pub const fn from_bits(bits: u64) -> Token {
        Token(bits)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}#{})", self.slot(), self.generation())
    }
}

/// What is so of a descriptor: a set of conditions, told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Readiness(u8);

impl Readiness {
    /// Reading would not block.
    pub const READABLE: Readiness = Readiness(1);
    /// Writing would not block.
    pub const WRITABLE: Readiness = Readiness(2);
    /// The peer will send no more (it shut down its writing side); bytes may still wait.
    pub const READ_HANGUP: Readiness = Readiness(4);
    /// The connection is gone both ways; bytes may still wait.
    pub const HANGUP: Readiness = Readiness(8);
    /// An error waits to be read, by the next call or through `SO_ERROR`.
    pub const ERROR: Readiness = Readiness(16);

    /// What is in both sets.
    #[cfg(feature = "testing")]
    pub(crate) const fn and(self, other: Readiness) -> Readiness {
        Readiness(self.0 & other.0)
    }
    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }
    /// Whether some of `other` is in this set.
    pub const fn intersects(self, other: Readiness) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether nothing is so.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Readiness {
    type Output = Readiness;
    fn bitor(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Readiness) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["READABLE", "WRITABLE", "READ_HANGUP", "HANGUP", "ERROR"];
        let set = names.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0);
        f.write_str(&set.map(|(_, name)| *name).collect::<Vec<_>>().join(" | "))
    }
}

/// One descriptor's news from one [`select`](Selector::select).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The registration it is about.
    pub token: Token,
    /// What is so.
    pub readiness: Readiness,
}

impl Event {
    /// Whether a reader should be called: readable, or hung up or in error, where a read says how.
    pub const fn wakes_reader(&self) -> bool {
        const WHY: Readiness = Readiness(1 | 4 | 8 | 16);
        self.readiness.intersects(WHY)
    }
    /// Whether a writer should be called: writable, or hung up or in error, where a write says how.
    pub const fn wakes_writer(&self) -> bool {
        const WHY: Readiness = Readiness(2 | 8 | 16);
        self.readiness.intersects(WHY)
    }
}

/// One registration, as [`Selector::get_map`] lists them. (`selectors.SelectorKey`)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelectorKey {
    /// The descriptor.
    pub fd: RawFd,
    /// What it is watched for.
    pub interest: Interest,
    /// Its name in events.
    pub token: Token,
}

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

/// Ends a [`Selector::select`] that is under way, or else the next one, from any thread or signal
/// handler. Cloning it is cheap; it outlives its selector harmlessly.
#[derive(Clone)]
pub struct Bell(Arc<dyn Ring>);

impl Bell {
    /// A bell with this clapper.
    pub fn new(ring: impl Ring + 'static) -> Bell {
        Bell(Arc::new(ring))
    }
    /// Rings. Many rings before a `select` are one.
    pub fn ring(&self) {
        self.0.ring();
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

/// What makes a [`Bell`] ring.
pub trait Ring: Send + Sync {
    /// Makes the selector's `select` return. It may be called in a signal handler, so it may only
    /// do what signal-safety(7) allows: no allocation, no lock.
    fn ring(&self);
}

impl Ring for BellFd {
    fn ring(&self) {
        BellFd::ring(self);
    }
}
