//! Which of several addresses to connect to, and when to try the next: happy eyeballs.
//!
//! The order mixes the address families, so that one broken family costs one attempt and not all
//! of them. The race starts an attempt, and the next when that one fails or has not answered
//! within the delay; the first to connect wins and the others are given up.
//!
//! Source: RFC 8305 §4 (order) and §5 (race).

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an attempt has before the next one is started beside it: 250 ms, the "Connection
/// Attempt Delay" that RFC 8305 §5 recommends.
pub const DEFAULT_DELAY: Duration = Duration::from_millis(250);

/// The addresses with their families alternating, beginning with `first_count` of the family that
/// comes first; within a family the resolver's order is kept. A count of 0 means 1.
///
/// Source: RFC 8305 §4, where `first_count` is the "First Address Family Count".
pub fn interleave(addresses: &[SocketAddr], first_count: usize) -> Vec<SocketAddr> {
    let leads = |address: &&SocketAddr| address.is_ipv4() == addresses[0].is_ipv4();
    let mut first = addresses.iter().filter(leads).copied();
    let mut second = addresses.iter().filter(|address| !leads(address)).copied();
    let mut order: Vec<_> = first.by_ref().take(first_count.max(1)).collect();
    while order.len() < addresses.len() {
        order.extend(second.next());
        order.extend(first.next());
    }
    order
}

/// What whoever runs a [`Race`] must do next.
#[derive(Debug)]
pub enum Move {
    /// Start the attempt at address number `index`. If `arm`, (re)start the delay, and report when
    /// it has elapsed; else there is no delay to run any more.
    Start {
        /// The address, counted from 0 in the order given.
        index: usize,
        /// Whether another address stands behind it that the delay may start.
        arm: bool,
    },
    /// Nothing: attempts are under way.
    Wait,
    /// It is decided: keep this attempt, and cancel the others that are under way.
    Done(usize),
    /// Every address has failed, for these reasons, in the order of failing.
    AllFailed(Vec<io::Error>),
}

/// The race between connection attempts.
///
/// ```text
///                     an address is left              none is left
/// begin               Start                           AllFailed
/// the latest failed   Start                           Wait, or AllFailed if none is under way
/// an earlier failed   Wait                            Wait, or AllFailed if none is under way
/// delay elapsed       Start                           Wait
/// one succeeded       Done                            Done
/// ```
///
/// Only the failure of the latest attempt starts the next at once: an earlier one has had its
/// delay already, and the latest is to have the whole of its own.
#[derive(Debug)]
pub struct Race {
    waiting: VecDeque<usize>,
    under_way: Vec<usize>,
    errors: Vec<io::Error>,
    staggered: bool,
}

impl Race {
    /// A race between `count` addresses; unless `staggered`, one is tried only when the one before
    /// it has failed.
    pub fn new(count: usize, staggered: bool) -> Race {
        let waiting = (0..count).collect();
        Race { waiting, under_way: Vec::new(), errors: Vec::new(), staggered }
    }

    /// The first move.
    pub fn begin(&mut self) -> Move {
        self.start_next()
    }

    /// Attempt number `index` has failed. Of an attempt that is not under way it says nothing.
    pub fn failed(&mut self, index: usize, error: io::Error) -> Move {
        let Some(place) = self.under_way.iter().position(|&running| running == index) else {
            return Move::Wait;
        };
        let was_latest = place + 1 == self.under_way.len();
        self.under_way.remove(place);
        self.errors.push(error);
        if was_latest { self.start_next() } else { Move::Wait }
    }

    /// The delay has elapsed since the latest start.
    pub fn delay_elapsed(&mut self) -> Move {
        if self.staggered { self.start_next() } else { Move::Wait }
    }

    /// Attempt number `index` is connected: the race is over.
    pub fn succeeded(&mut self, index: usize) -> Move {
        self.waiting.clear();
        self.under_way.clear();
        Move::Done(index)
    }

    fn start_next(&mut self) -> Move {
        match self.waiting.pop_front() {
            Some(index) => {
                self.under_way.push(index);
                Move::Start { index, arm: self.staggered && !self.waiting.is_empty() }
            }
            None if self.under_way.is_empty() => Move::AllFailed(std::mem::take(&mut self.errors)),
            None => Move::Wait,
        }
    }
}

/// The reasons of several failed attempts; inside the [`io::Error`] of a connection that could not
/// be made, where [`io::Error::get_ref`] finds it. (`all_errors=True` in asyncio)
#[derive(Debug)]
pub struct ConnectErrors(pub Vec<io::Error>);

impl fmt::Display for ConnectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(io::Error::to_string).collect();
        write!(f, "Multiple exceptions: {}", texts.join(", "))
    }
}

impl Error for ConnectErrors {}

/// One error for all of `errors`: the first itself if their texts are the same, else one that lists
/// them, of their common kind if they have one.
pub fn combine(mut errors: Vec<io::Error>) -> io::Error {
    let Some(first) = errors.first() else {
        return io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
    };
    let (kind, text) = (first.kind(), first.to_string());
    if errors.iter().all(|error| error.to_string() == text) {
        return errors.swap_remove(0);
    }
    let common = errors.iter().all(|error| error.kind() == kind);
    let kind = if common { kind } else { io::ErrorKind::Other };
    io::Error::new(kind, ConnectErrors(errors))
}

#[cfg(test)]
#[path = "eyeballs_tests.rs"]
mod tests;
