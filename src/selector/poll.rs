//! poll(2): everywhere.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::registry::Registry;
use super::{
    Bell, Event, Interest, Readiness, Selector, SelectorKey, Token, millis_rounded_up, not_waitable,
};
use crate::sys::{BellFd, FileKind, PollFd, kind_of, poll};

/// A selector on poll(2).
///
/// The kernel keeps nothing between two calls: every `select` hands it the whole table, which costs
/// time for every registration whether it has news or not. In return it exists on every Unix and
/// takes what kqueue refuses, such as the terminal of macOS. It sleeps for whole milliseconds.
///
/// # Unlike epoll and kqueue
///
/// - A descriptor that is closed without [`unregister`](Selector::unregister) is told of as
///   [`Readiness::ERROR`] at every `select` (the kernel's POLLNVAL), where the others fall silent.
/// - [`Readiness::READ_HANGUP`] is known to Linux and FreeBSD only; elsewhere the peer's end of file is
///   [`Readiness::READABLE`] alone.
/// - `select` hears the bell at the price of one more system call, which empties it.
/// - There is no descriptor to watch the selector by: [`Selector::as_fd`] is `None`.
///
/// Source: poll(2).
pub struct PollSelector {
    /// What the kernel is asked, by descriptor number, so that no other index is needed: numbers
    /// that are not registered hold −1, which poll(2) passes over. Thereby the table is never
    /// longer than RLIMIT_NOFILE, the most that poll(2) takes.
    table: Vec<PollFd>,
    bell: Arc<BellFd>,
    registry: Registry,
}

const NOBODY: PollFd = PollFd { fd: -1, events: 0, revents: 0 };

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
const POLLRDHUP: i16 = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
const POLLRDHUP: i16 = 0;

impl PollSelector {
    /// A selector that watches nothing but its bell.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when descriptors have run out: it takes one on Linux, two elsewhere.
    pub fn new() -> io::Result<PollSelector> {
        let bell = Arc::new(BellFd::new()?);
        let mut selector = PollSelector { table: Vec::new(), bell, registry: Registry::default() };
        selector.ask(selector.bell.as_raw_fd(), libc::POLLIN);
        Ok(selector)
    }

    fn ask(&mut self, fd: RawFd, events: i16) {
        let at = fd as usize;
        if at >= self.table.len() {
            self.table.resize(at + 1, NOBODY);
        }
        self.table[at] = PollFd { fd, events, revents: 0 };
    }

    /// Passes over `fd`, and shortens the table where it ends in nobody.
    fn ask_no_more(&mut self, fd: RawFd) {
        self.table[fd as usize] = NOBODY;
        let used = self.table.iter().rposition(|entry| entry.fd >= 0).map_or(0, |last| last + 1);
        self.table.truncate(used);
    }

    /// Appends what the table says, of `told` entries that have something to say.
    fn collect(&self, told: usize, events: &mut Vec<Event>) {
        for entry in self.table.iter().filter(|entry| entry.revents != 0).take(told) {
            match self.registry.get(entry.fd) {
                Ok(key) => {
                    events.push(Event { token: key.token, readiness: readiness(entry.revents) });
                }
                Err(_) => self.bell.silence(),
            }
        }
    }
}

fn flags(interest: Interest) -> i16 {
    let read = if interest.is_read() { libc::POLLIN | POLLRDHUP } else { 0 };
    let write = if interest.is_write() { libc::POLLOUT } else { 0 };
    read | write
}

fn readiness(flags: i16) -> Readiness {
    let so = |flag: i16, meaning: Readiness| Readiness(meaning.0 * u8::from(flags & flag != 0));
    so(libc::POLLIN, Readiness::READABLE)
        | so(libc::POLLOUT, Readiness::WRITABLE)
        | so(POLLRDHUP, Readiness::READ_HANGUP)
        | so(libc::POLLHUP, Readiness::HANGUP)
        | so(libc::POLLERR | libc::POLLNVAL, Readiness::ERROR)
}

impl fmt::Debug for PollSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSelector")
            .field("registered", &self.registry.keys())
            .finish_non_exhaustive()
    }
}

impl Selector for PollSelector {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.registry.check_new(fd, token)?;
        if FileKind::of(fd)? == FileKind::Storage {
            return Err(not_waitable(fd));
        }
        self.ask(fd, flags(interest));
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.registry.check_old(fd, token)?;
        FileKind::of(fd)?;
        self.ask(fd, flags(interest));
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.registry.remove(fd)?;
        self.ask_no_more(fd);
        Ok(())
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        match poll(&mut self.table, millis_rounded_up(timeout)) {
            Ok(told) => self.collect(told, events),
            Err(error) if kind_of(&error) == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.registry.keys()
    }

    fn len(&self) -> usize {
        self.registry.len()
    }

    fn renew(&mut self) -> io::Result<()> {
        self.bell.renew()
    }

    fn bell(&self) -> Bell {
        Bell(self.bell.clone())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys::testing::pipe;

    #[test]
    fn the_table_ends_with_the_highest_registered_descriptor() {
        let mut selector = PollSelector::new().unwrap();
        let empty = selector.table.len();
        let ends: Vec<_> = (0..4).map(|_| UnixStream::pair().unwrap().0).collect();
        let mut numbers: Vec<RawFd> = ends.iter().map(AsRawFd::as_raw_fd).collect();
        numbers.sort();
        for (slot, fd) in (0..).zip(&numbers) {
            selector.register(*fd, Interest::READ, Token::new(slot, 0)).unwrap();
        }
        while let Some(highest) = numbers.pop() {
            assert_eq!(selector.table.len(), empty.max(highest as usize + 1));
            selector.unregister(highest).unwrap();
        }
        assert_eq!(selector.table.len(), empty);
    }

    #[test]
    fn a_number_closed_behind_its_back_is_an_error() {
        let mut selector = PollSelector::new().unwrap();
        let (reader, _writer) = pipe();
        let token = Token::new(1, 1);
        selector.register(reader.as_raw_fd(), Interest::READ, token).unwrap();
        // No open descriptor is that high, so no other thread can be given the number meanwhile.
        selector.table[reader.as_raw_fd() as usize].fd = RawFd::MAX;
        let told = poll(&mut selector.table, 0).unwrap();
        selector.table[reader.as_raw_fd() as usize].fd = reader.as_raw_fd();
        let mut events = Vec::new();
        selector.collect(told, &mut events);
        assert_eq!(events, [Event { token, readiness: Readiness::ERROR }]);
    }
}
