//! One suite of claims that runs over every backend: the contract of [`Selector`], line by line.
//!
//! On Linux that is epoll twice (as it is, and as on a kernel without epoll_pwait2), poll, and the
//! kqueue backend over our model; on macOS and the BSDs kqueue itself, and poll.
//!
//! # Where backends differ on purpose
//!
//! What a test has to allow for stands in [`agreed`] and nowhere else.

mod differential;
mod readiness;
mod registering;
mod waiting;

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::*;

/// Makes a selector of the backend under test.
pub(crate) type Open = fn() -> Box<dyn Selector>;

/// Backends by name.
pub(crate) const BACKENDS: &[(&str, Open)] = &[
    #[cfg(target_os = "linux")]
    ("epoll", || Box::new(EpollSelector::new().unwrap())),
    #[cfg(target_os = "linux")]
    ("epoll_by_milliseconds", || Box::new(EpollSelector::without_pwait2().unwrap())),
    ("poll", || Box::new(PollSelector::new().unwrap())),
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "linux"
    ))]
    ("kqueue", || Box::new(kqueue::KqueueSelector::new().unwrap())),
];

/// Makes a test of every claim, a function that is given a way to open a selector. It runs over
/// every backend, and says of which one it failed.
macro_rules! over_every_backend {
    ($($claim:ident,)*) => {
        mod over_every_backend {
            $(
                #[test]
                fn $claim() {
                    for (name, open) in super::super::BACKENDS {
                        println!("over {name}");
                        super::$claim(*open);
                    }
                }
            )*
        }
    };
}
use over_every_backend;

/// What stands behind a descriptor, as far as backends differ about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Behind {
    Socket,
    /// A connection of which one side has called shutdown(2).
    SocketShutDown,
    Pipe,
}

/// An event's readiness, brought to what all backends can tell:
///
/// - kqueue knows a connection's hang-up only where both directions are watched, or by an error.
/// - kqueue says writable at the end of writing, where a write fails with EPIPE at once; the others
///   say so of a hang-up or an error only while there is room. A writer is woken either way...
/// - ... except after a shutdown(2) of its own or the reader's, with no room left: then the others
///   are silent.
/// - poll(2) has no word for a read hang-up but on Linux and FreeBSD.
fn agreed(readiness: Readiness, interest: Interest, behind: Behind) -> Readiness {
    let mut agreed = readiness;
    if readiness.intersects(Readiness::HANGUP | Readiness::ERROR) && interest.is_write() {
        agreed |= Readiness::WRITABLE;
    }
    if behind != Behind::Pipe && interest != Interest::BOTH {
        agreed.0 &= !Readiness::HANGUP.0;
    }
    if behind == Behind::SocketShutDown {
        agreed.0 &= !Readiness::WRITABLE.0;
    }
    if !POLL_KNOWS_READ_HANGUP {
        agreed.0 &= !Readiness::READ_HANGUP.0;
    }
    agreed
}

const POLL_KNOWS_READ_HANGUP: bool = cfg!(any(target_os = "linux", target_os = "freebsd"));

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A token that no other test data has.
fn token(slot: u32) -> Token {
    Token::new(slot, 1000 + slot)
}

/// Everything that one `select` tells.
fn select(selector: &mut dyn Selector, timeout: Option<Duration>) -> Vec<Event> {
    let mut events = Vec::new();
    selector.select(timeout, &mut events).unwrap();
    events
}

/// What is so of the only registration; nothing if there is no event.
fn ready(selector: &mut dyn Selector) -> Readiness {
    match *select(selector, NOW) {
        [] => Readiness::default(),
        [event] => event.readiness,
        ref more => panic!("one registration gave {more:?}"),
    }
}

/// A selector that watches one end of a pair of connected sockets, and that end and the other.
fn watched_pair(open: Open, interest: Interest) -> (Box<dyn Selector>, UnixStream, UnixStream) {
    let mut selector = open();
    let (here, there) = pair();
    selector.register(here.as_raw_fd(), interest, token(1)).unwrap();
    (selector, here, there)
}

fn pair() -> (UnixStream, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    there.set_nonblocking(true).unwrap();
    (here, there)
}

fn fd(of: &impl AsRawFd) -> RawFd {
    of.as_raw_fd()
}

/// Writes until there is no more room.
fn fill(mut writer: impl Write) {
    while writer.write(&[0; 4096]).is_ok() {}
}

/// Reads what there is.
fn drain(mut reader: impl Read) {
    while matches!(reader.read(&mut [0; 4096]), Ok(1..)) {}
}
