//! Inside another loop: one descriptor that says when a turn would do something.
//!
//! ```text
//! host's poll ◄── duplicate of the selector's descriptor ◄──┬── descriptors watched here
//!                                                           ├── bell   ready, stop, threads, signals
//!                                                           └── timer  the first deadline
//! ```
//!
//! epoll and kqueue instances can themselves be waited for. Everything else a turn could begin
//! with is made to look like a descriptor: the first deadline is a timer descriptor, and for what
//! is queued, from wherever, the loop's own bell is rung. All of it exists only once somebody has
//! asked for the descriptor, and only *between* runs is anything armed or rung.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::error::LoopError;
use super::{EventLoop, Inner, State};
use crate::selector::{Interest, Token};
use crate::sys::{Time, TimerFd, take_place};

/// What the loop asks of its life in another. A `dyn` that [`EventLoop::try_as_fd`] makes: a
/// program that never asks for the descriptor has nothing of all this.
pub(super) trait Host {
    fn fd(&self) -> BorrowedFd<'_>;
    /// A run begins: threads need not ring any more, and the timer must not end its sleeps.
    fn leave(&self, inner: &Inner);
    /// A run has ended: what has come meanwhile is told to the host now, and what comes from now
    /// on at once.
    fn come_back(&self, inner: &Inner);
    /// The first deadline may have changed.
    fn timers_changed(&self, inner: &Inner);
    /// In a child of fork(2), once the timer's number may be registered again: what the host has
    /// is of this process, under the number it knows.
    fn renew_timer(&self) -> io::Result<()>;
    /// The same for the duplicate of the selector's descriptor, once that is new.
    fn renew_fd(&self, inner: &Inner) -> io::Result<()>;
}

/// What a loop has that lives in another.
struct Embed {
    /// A duplicate, so that it stays open when the loop is closed.
    fd: OwnedFd,
    /// None where the loop's clock is not the kernel's.
    timer: Option<TimerFd>,
    armed: Cell<Option<Time>>,
}

impl EventLoop {
    /// A descriptor that is readable exactly when
    /// [`run_once(Some(Duration::ZERO))`](EventLoop::run_once) would do something: run a callback
    /// for a descriptor, a timer that is due, a `call_soon`, a call or wake from another thread, a
    /// signal; or end the run that a [`stop`](EventLoop::stop) is for. Wait for it with whatever
    /// the host program waits with, level-triggered and for reading only, and call `run_once` when
    /// it is ready. Do not read from it.
    ///
    /// Loops nobody asks pay nothing for it. It is the same descriptor each time, and open as long
    /// as the loop has a name, even closed. Two things may make it readable in vain, once: a call
    /// that another thread sends while the loop collects, and a watcher whose handle was cancelled.
    ///
    /// On a clock of your own ([`Builder::clock`](crate::Builder::clock)) it is silent for timers:
    /// it cannot know how that clock moves. Ask [`next_deadline`](EventLoop::next_deadline).
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::Forked`]; [`LoopError::Io`] with `Unsupported` on the poll(2) selector, which
    /// has no descriptor to wait for, and with the kernel's error if descriptors have run out: it
    /// takes two.
    ///
    /// Source: epoll(7), timerfd_create(2), kqueue(2).
    pub fn try_as_fd(&self) -> Result<BorrowedFd<'_>, LoopError> {
        if self.0.embed.get().is_none() {
            self.check_open()?;
            self.0.check_process()?;
            let embed = self.0.make_embed()?;
            // It was empty a moment ago, and nobody was called since.
            let _ = self.0.embed.set(Box::new(embed));
            if !self.is_running() {
                self.0.return_to_host();
            }
        }
        match self.0.embed.get() {
            Some(host) => Ok(host.fd()),
            None => Err(LoopError::Closed),
        }
    }
}

impl AsFd for EventLoop {
    /// [`try_as_fd`](EventLoop::try_as_fd), for whoever takes `impl AsFd`.
    ///
    /// # Panics
    ///
    /// Where that gives an error. Once it has succeeded, this does.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.try_as_fd() {
            Ok(fd) => fd,
            Err(error) => panic!("this event loop has no descriptor: {error}"),
        }
    }
}

impl Inner {
    fn make_embed(&self) -> io::Result<Embed> {
        let mut fds = self.fds.borrow_mut();
        let fd = fds.selector.as_fd().map(|fd| fd.try_clone_to_owned());
        let fd = fd.unwrap_or_else(|| Err(no_descriptor(fds.selector.name())))?;
        let timer = if self.real_time { Some(TimerFd::new()?) } else { None };
        if let Some(timer) = &timer {
            let slot = timer.as_raw_fd() as u32;
            // No watch has this generation, so that its event finds nobody.
            fds.selector.register(
                timer.as_raw_fd(),
                Interest::READ,
                Token::new(slot, u32::MAX - 1),
            )?;
        }
        Ok(Embed { fd, timer, armed: Cell::new(None) })
    }

    pub(super) fn host(&self) -> Option<&dyn Host> {
        self.embed.get().map(|host| &**host)
    }

    /// A run has ended.
    pub(super) fn return_to_host(&self) {
        if let Some(host) = self.host().filter(|_| !self.is_closed()) {
            host.come_back(self);
        }
    }

    /// Tells the host that a turn would do something.
    pub(super) fn tell_host(&self) {
        if self.host().is_some() && self.state.get() == State::Idle {
            self.home.mailbox.bell().ring();
        }
    }

    /// The first deadline may have changed.
    #[inline(always)]
    pub(super) fn tell_host_of_timers(&self) {
        if let Some(host) = self.host() {
            host.timers_changed(self);
        }
    }
}

impl Host for Embed {
    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn leave(&self, inner: &Inner) {
        inner.home.mailbox.wake_up();
        inner.home.ready.when_pushed(None);
        self.set_timer(None);
    }

    fn come_back(&self, inner: &Inner) {
        let nothing_sent = inner.home.mailbox.fall_asleep();
        if nothing_sent && inner.home.ready.is_empty() && !inner.stopping.get() {
            inner.home.ready.when_pushed(Some(inner.home.mailbox.bell()));
        } else {
            inner.home.mailbox.bell().ring();
        }
        self.timers_changed(inner);
    }

    /// (A child of fork(2) has its parent's timer in hand until the loop is made anew.)
    #[cold]
    fn timers_changed(&self, inner: &Inner) {
        if inner.state.get() == State::Idle && inner.process.get().seems_this() {
            let first = inner.timers.borrow_mut().first();
            self.set_timer(first.map(|(deadline, _)| deadline));
        }
    }

    fn renew_timer(&self) -> io::Result<()> {
        let Some(timer) = &self.timer else { return Ok(()) };
        self.armed.set(None);
        timer.renew()
    }

    fn renew_fd(&self, inner: &Inner) -> io::Result<()> {
        let fds = inner.fds.borrow();
        let fd = fds.selector.as_fd().map(|fd| fd.try_clone_to_owned());
        let fd = fd.unwrap_or_else(|| Err(no_descriptor(fds.selector.name())))?;
        take_place(self.fd.as_raw_fd(), fd)
    }
}

impl Embed {
    fn set_timer(&self, when: Option<Time>) {
        if let Some(timer) = &self.timer {
            if self.armed.replace(when) != when {
                // The kernel refuses only times it cannot represent, and `Time` has none such.
                let _ = timer.set(when);
            }
        }
    }
}

fn no_descriptor(selector: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("the {selector} selector has no descriptor to wait for; epoll and kqueue have one"),
    )
}
