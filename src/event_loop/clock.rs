//! Clocks for tests and for looking closely: time that moves when it is told to, and time that
//! jumps.
//!
//! A clock that jumps whenever nobody is ready to run is wrong as soon as a program has more than
//! timers: while a thread computes, or a peer has yet to answer, the loop is idle too, and a jump
//! fires the timeout of what was about to come, sometimes (tokio#4522, tokio#4614). So time jumps
//! here only where nothing but a timer can end the sleep:
//!
//! | outstanding                                        | the sleep          |
//! |----------------------------------------------------|--------------------|
//! | nothing but timers                                 | a jump             |
//! | a letter or signal that has come meanwhile         | ends without a jump|
//! | a registered descriptor                            | real               |
//! | a job of `run_in_executor`, `to_thread`; a look-up | real               |
//! | a [`RealWork`] of the program's own                | real               |
//!
//! A real sleep moves the clock by what it took. It does not stand still, for a thread may well be
//! waiting for what a timer does.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::LoopHandle;
use super::remote::{Mailbox, Outstanding};
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
/// A program of sleeps then runs in no time, with the same order of events every time.
pub(crate) struct JumpingTime {
    inner: Box<dyn Selector>,
    clock: ManualClock,
    mailbox: Arc<Mailbox>,
    registered: usize,
}

impl JumpingTime {
    pub(crate) fn new(inner: Box<dyn Selector>, clock: ManualClock, mailbox: Arc<Mailbox>) -> Self {
        JumpingTime { inner, clock, mailbox, registered: 0 }
    }

    /// Whether anything but a timer can end the sleep.
    fn is_real(&self) -> bool {
        self.registered > 0 || self.mailbox.is_outstanding()
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
            Some(sleep) if !self.is_real() => sleep,
            _ => return self.wait_really(timeout, events),
        };
        self.inner.select(Some(Duration::ZERO), events)?;
        // A letter may have come since the loop last looked; what it brings is earlier than `sleep`.
        if events.is_empty() && !self.mailbox.is_pending() {
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

    fn renew(&mut self) -> io::Result<()> {
        self.inner.renew()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.as_fd()
    }
}

/// Says that something real is on its way to a loop, so that its
/// [virtual time](crate::Builder::virtual_time) does not jump meanwhile. For a loop on real time it
/// means nothing.
///
/// The loop knows by itself of its descriptors, of jobs in threads and of look-ups of names. It
/// cannot know that a thread of yours is about to call it: take one of these
/// ([`LoopHandle::real_work`]) with you, and drop it when there is nothing more to come. What the
/// thread sent before that reaches the loop before time can jump.
///
/// ```
/// # use std::time::Duration;
/// # use evloop::{EventLoop, ManualClock};
/// let event_loop = EventLoop::builder().virtual_time(ManualClock::new()).build()?;
/// let (handle, work) = (event_loop.handle(), event_loop.handle().real_work());
/// let alarm = event_loop.call_later(Duration::from_secs(3600), || ())?;
/// std::thread::spawn(move || {
///     handle.stop().unwrap();
///     drop(work);
/// });
/// event_loop.run_forever()?;
/// assert!(event_loop.time() < alarm.when(), "an hour has not passed");
/// # Ok::<(), evloop::LoopError>(())
/// ```
#[must_use = "time may jump again as soon as it is dropped"]
pub struct RealWork(Option<Outstanding>);

impl LoopHandle {
    /// Keeps virtual time from jumping until what it gives is dropped, on any thread. ([`RealWork`])
    pub fn real_work(&self) -> RealWork {
        RealWork(self.mailbox.expect_something())
    }
}

impl Drop for RealWork {
    /// By letter, so that it comes after everything that was sent before.
    fn drop(&mut self) {
        if let Some(outstanding) = self.0.take() {
            let mailbox = outstanding.mailbox().clone();
            // A closed loop gives the letter back, and does not sleep any more.
            drop(mailbox.send(Box::new(move |_| drop(outstanding))));
        }
    }
}

impl fmt::Debug for RealWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RealWork")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::PollSelector;

    #[test]
    fn time_does_not_jump_over_a_letter_that_comes_after_the_last_look_for_one() {
        let inner = Box::new(PollSelector::new().unwrap());
        let (clock, mailbox) = (ManualClock::new(), Mailbox::new(inner.bell(), true));
        let mut jumping = JumpingTime::new(inner, clock.clone(), mailbox.clone());
        let hour = Some(Duration::from_secs(3600));
        assert!(mailbox.fall_asleep());
        assert!(mailbox.send(Box::new(|_| ())).is_ok());
        jumping.select(hour, &mut Vec::new()).unwrap();
        assert_eq!(clock.now(), Time::ZERO);
        mailbox.wake_up();
        drop(mailbox.collect());
        assert!(mailbox.fall_asleep());
        jumping.select(hour, &mut Vec::new()).unwrap();
        assert_eq!(clock.now(), Time::ZERO + Duration::from_secs(3600));
    }
}
