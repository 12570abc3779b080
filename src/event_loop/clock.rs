//! Clocks for tests and for looking closely: time that moves when it is told to.

use std::cell::Cell;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::selector::{Bell, Event, Interest, Selector, SelectorKey, Token};
use crate::sys::{Clock, Time};

/// A clock that stands still until it is advanced by hand.
///
/// Clones show the same time. It begins at [`Time::ZERO`].
#[derive(Clone, Default, Debug)]
pub struct ManualClock(Rc<Cell<Time>>);

impl ManualClock {
    /// A clock at [`Time::ZERO`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time on by `by`.
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get() + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        self.0.get()
    }
}

/// Time that jumps: a selector that, where the loop would sleep until a timer and nothing but that
/// timer could end the sleep, moves a [`ManualClock`] instead.
///
/// A program of sleeps then runs in no time, with the same order of events every time. As soon as
/// a descriptor is registered the outside world has a say, so the wait is a real one and the clock
/// moves by what it really took.
pub(crate) struct JumpingTime {
    inner: Box<dyn Selector>,
    clock: ManualClock,
    registered: usize,
}

impl JumpingTime {
    pub(crate) fn new(inner: Box<dyn Selector>, clock: ManualClock) -> Self {
        JumpingTime { inner, clock, registered: 0 }
    }

    fn wait_really(
        &mut self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let began = Instant::now();
        let result = self.inner.select(timeout, events);
        if timeout != Some(Duration::ZERO) {
            self.clock.advance(began.elapsed());
        }
        result
    }
}

impl Selector for JumpingTime {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.inner.register(fd, interest, token)?;
        self.registered += 1;
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.inner.modify(fd, interest, token)
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.inner.unregister(fd)?;
        self.registered -= 1;
        Ok(())
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let sleep = match timeout {
            Some(sleep) if self.registered == 0 => sleep,
            _ => return self.wait_really(timeout, events),
        };
        self.inner.select(Some(Duration::ZERO), events)?;
        if events.is_empty() {
            self.clock.advance(sleep);
        }
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.inner.get_map()
    }

    fn bell(&self) -> Bell {
        self.inner.bell()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.as_fd()
    }
}
