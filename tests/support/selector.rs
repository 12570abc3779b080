//! A selector that is a test's own: poll(2), and a word before each wait.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use evloop::selector::{Bell, Event, Interest, PollSelector, Selector, SelectorKey, Token};

pub struct OwnSelector<F> {
    below: PollSelector,
    before_each_wait: F,
}

impl<F: FnMut(&PollSelector)> OwnSelector<F> {
    pub fn new(before_each_wait: F) -> Self {
        OwnSelector { below: PollSelector::new().expect("memory"), before_each_wait }
    }
}

impl<F: FnMut(&PollSelector)> Selector for OwnSelector<F> {
    fn name(&self) -> &'static str {
        "own"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.below.register(fd, interest, token)
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.below.modify(fd, interest, token)
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.below.unregister(fd)
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        (self.before_each_wait)(&self.below);
        self.below.select(timeout, events)
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.below.get_map()
    }

    fn bell(&self) -> Bell {
        self.below.bell()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.below.as_fd()
    }
}
