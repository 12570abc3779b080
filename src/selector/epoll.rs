//! epoll(7): Linux.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::registry::Registry;
use super::{
    Bell, Event, Interest, MAX_WAIT, Readiness, Selector, SelectorKey, Token, millis_rounded_up,
    not_waitable,
};
use crate::sys::{BellFd, Epoll, EpollEvent, kind_of};

/// A selector on epoll(7).
///
/// A `select` is exactly one system call: epoll_pwait2(2), which sleeps for nanoseconds, or
/// epoll_wait(2) where there is nothing to sleep for, or no end to it, or the kernel is older than
/// 5.11. The bell is an eventfd(2) that is watched edge-triggered and never read, so hearing it
/// costs no call either.
///
/// # Unlike kqueue
///
/// A descriptor that is closed without [`unregister`](Selector::unregister) stays watched while a
/// duplicate of it is open. The instance is shared with a child after fork(2), where a change in
/// one process changes the other: [`renew`](Selector::renew) it in the child.
///
/// Source: epoll(7), epoll_ctl(2), epoll_wait(2), eventfd(2).
pub struct EpollSelector {
    epoll: Epoll,
    bell: Arc<BellFd>,
    registry: Registry,
    buffer: Vec<EpollEvent>,
    /// Whether epoll_pwait2(2) is there, as far as we know.
    exact: bool,
}

/// How many events one call may bring, at first and at most. A call that fills the buffer doubles
/// it; what does not fit comes with the next call, after those that have been told (the kernel
/// rotates its list), so the bound starves nobody.
const FIRST_BUFFER: usize = 128;
const LARGEST_BUFFER: usize = 4096;

impl EpollSelector {
    /// A selector that watches nothing but its bell.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when descriptors have run out: it takes two.
    pub fn new() -> io::Result<EpollSelector> {
        let epoll = Epoll::new()?;
        let bell = Arc::new(BellFd::new()?);
        hear(&epoll, &bell)?;
        let buffer = Vec::with_capacity(FIRST_BUFFER);
        Ok(EpollSelector { epoll, bell, registry: Registry::default(), buffer, exact: true })
    }

    /// A selector that behaves as on a kernel without epoll_pwait2(2).
    #[cfg(test)]
    pub(super) fn without_pwait2() -> io::Result<EpollSelector> {
        Ok(EpollSelector { exact: false, ..EpollSelector::new()? })
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let waited = match timeout {
            Some(timeout) if self.exact && !timeout.is_zero() => {
                match self.epoll.wait_exactly(&mut self.buffer, timeout.min(MAX_WAIT)) {
                    Err(error) if is_missing(&error) => {
                        self.exact = false;
                        return self.wait(Some(timeout));
                    }
                    waited => waited,
                }
            }
            timeout => self.epoll.wait(&mut self.buffer, millis_rounded_up(timeout)),
        };
        match waited {
            Err(error) if kind_of(&error) == io::ErrorKind::Interrupted => Ok(()),
            waited => waited,
        }
    }

    fn grow_if_full(&mut self) {
        let capacity = self.buffer.capacity();
        if self.buffer.len() == capacity && capacity < LARGEST_BUFFER {
            self.buffer.clear();
            self.buffer.reserve_exact(capacity * 2);
        }
    }
}

/// Has the bell end every wait.
fn hear(epoll: &Epoll, bell: &BellFd) -> io::Result<()> {
    let edge = (libc::EPOLLIN | libc::EPOLLET) as u32;
    epoll.add(bell.as_raw_fd(), edge, Token::BELL.to_bits())
}

/// Whether this says that the kernel lacks a system call; some sandboxes say so with EPERM.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// EPOLLERR and EPOLLHUP need no asking. EPOLLRDHUP goes with reading only: to one who writes it
/// would come at every call and ask for nothing.
fn flags(interest: Interest) -> u32 {
    let mut flags = 0;
    if interest.is_read() {
        flags |= libc::EPOLLIN | libc::EPOLLRDHUP;
    }
    if interest.is_write() {
        flags |= libc::EPOLLOUT;
    }
    flags as u32
}

/// Bytes to read and nothing else.
const READABLE: u32 = libc::EPOLLIN as u32;

fn readiness(flags: u32) -> Readiness {
    let so =
        |flag: i32, meaning: Readiness| Readiness(meaning.0 * u8::from(flags & flag as u32 != 0));
    so(libc::EPOLLIN, Readiness::READABLE)
        | so(libc::EPOLLOUT, Readiness::WRITABLE)
        | so(libc::EPOLLRDHUP, Readiness::READ_HANGUP)
        | so(libc::EPOLLHUP, Readiness::HANGUP)
        | so(libc::EPOLLERR, Readiness::ERROR)
}

impl fmt::Debug for EpollSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpollSelector")
            .field("registered", &self.registry.keys())
            .finish_non_exhaustive()
    }
}

impl Selector for EpollSelector {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.registry.check_new(fd, token)?;
        self.epoll.add(fd, flags(interest), token.to_bits()).map_err(|error| {
            // The kernel's word for a file that has no poll operation.
            if error.raw_os_error() == Some(libc::EPERM) { not_waitable(fd) } else { error }
        })?;
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.registry.check_old(fd, token)?;
        self.epoll.modify(fd, flags(interest), token.to_bits())?;
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.registry.remove(fd)?;
        match self.epoll.delete(fd) {
            // It was closed first, and perhaps its number is in use again: the kernel has
            // forgotten it, which is what was wanted.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EBADF)) => {
                Ok(())
            }
            result => result,
        }
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.wait(timeout)?;
        events.reserve(self.buffer.len());
        for event in &self.buffer {
            if event.u64 != Token::BELL.to_bits() {
                let token = Token::from_bits(event.u64);
                // Nearly every event is this one.
                let readiness = match event.events {
                    READABLE => Readiness::READABLE,
                    flags => readiness(flags),
                };
                events.push(Event { token, readiness });
            }
        }
        self.grow_if_full();
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.registry.keys()
    }

    fn len(&self) -> usize {
        self.registry.len()
    }

    fn bell(&self) -> Bell {
        Bell(self.bell.clone())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.epoll.as_fd())
    }

    fn renew(&mut self) -> io::Result<()> {
        self.bell.renew()?;
        self.epoll.renew()?;
        hear(&self.epoll, &self.bell)?;
        for SelectorKey { fd, interest, token } in self.registry.keys() {
            match self.epoll.add(fd, flags(interest), token.to_bits()) {
                // The child has closed it: whoever watches it finds it silent, as always here.
                Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
                added => added?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys::{PollFd, poll};

    fn is_readable(selector: &EpollSelector) -> bool {
        let fd = selector.as_fd().unwrap().as_raw_fd();
        poll(&mut [PollFd { fd, events: libc::POLLIN, revents: 0 }], 0).unwrap() == 1
    }

    #[test]
    fn its_descriptor_is_readable_while_there_is_something_to_tell() {
        let mut selector = EpollSelector::new().unwrap();
        let (here, mut there) = UnixStream::pair().unwrap();
        selector.register(here.as_raw_fd(), Interest::READ, Token::new(0, 0)).unwrap();
        assert!(!is_readable(&selector));
        there.write_all(b"x").unwrap();
        assert!(is_readable(&selector));
        selector.unregister(here.as_raw_fd()).unwrap();
        assert!(!is_readable(&selector));
        selector.bell().ring();
        assert!(is_readable(&selector));
        selector.select(None, &mut Vec::new()).unwrap();
        assert!(!is_readable(&selector));
    }

    #[test]
    fn milliseconds_are_rounded_up_and_clamped() {
        let millis = |nanos| millis_rounded_up(Some(Duration::from_nanos(nanos)));
        assert_eq!([0, 1, 999_999, 1_000_000, 1_000_001].map(millis), [0, 1, 1, 1, 2]);
        assert_eq!(millis_rounded_up(Some(Duration::MAX)), 24 * 60 * 60 * 1000);
        assert_eq!(millis_rounded_up(None), -1);
    }

    #[test]
    fn a_missing_call_is_told_from_a_failing_one() {
        let told = |errno| is_missing(&io::Error::from_raw_os_error(errno));
        assert!(told(libc::ENOSYS) && told(libc::EPERM));
        assert!(!told(libc::EINTR) && !told(libc::EINVAL) && !told(libc::EBADF));
    }

    #[test]
    fn the_buffer_grows_to_its_bound_and_no_further() {
        let mut selector = EpollSelector::new().unwrap();
        let nothing = EpollEvent { events: 0, u64: 0 };
        for _ in 0..10 {
            selector.buffer.resize(selector.buffer.capacity(), nothing);
            selector.grow_if_full();
        }
        assert_eq!(selector.buffer.capacity(), LARGEST_BUFFER);
    }
}
