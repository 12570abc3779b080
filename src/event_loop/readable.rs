//! Awaiting a descriptor: `readable`, `writable`, and what operations on sockets wait with.
//!
//! A wait is one registration, however many wait for the same side of a descriptor: the first
//! event wakes all of them, and whoever finds nothing left waits again. (In asyncio the second
//! waiter silently takes the first one's place, which then waits for ever.)
//!
//! The table of descriptors is the only place where a registration is kept: a second waiter finds
//! the first one's there, by [`Run::waiters`].

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::error::LoopError;
use super::fds::Side;
use super::handle::Run;
use super::watch::Watchable;
use super::{EventLoop, Home, Inner};
use crate::observe::{Resource, Site, What, note_wait};

/// Everybody who waits for one side of a descriptor.
pub(crate) struct Waiters {
    fd: RawFd,
    side: Side,
    /// Whether the registration outlasts a wait. Then it ends with the first event that nobody
    /// waits for, so that a socket which is read in a loop is registered once, and one that is
    /// left alone does not make the loop spin.
    keeps: bool,
    watched: Cell<bool>,
    /// Somebody else watches the descriptor in our place.
    displaced: Cell<bool>,
    waiting: RefCell<Vec<(u64, Waker)>>,
    tickets: Cell<u64>,
}

impl Waiters {
    fn new(fd: RawFd, side: Side, keeps: bool) -> Rc<Waiters> {
        Rc::new(Waiters {
            fd,
            side,
            keeps,
            watched: Cell::new(false),
            displaced: Cell::new(false),
            waiting: RefCell::default(),
            tickets: Cell::new(0),
        })
    }

    fn join(&self, waker: Waker) -> u64 {
        let ticket = self.tickets.get() + 1;
        self.tickets.set(ticket);
        self.waiting.borrow_mut().push((ticket, waker));
        ticket
    }

    /// Whether this one still waits; if so it is woken by `waker` from now on.
    fn still_waits(&self, ticket: u64, waker: &Waker) -> bool {
        let is_mine = |(other, _): &&mut (u64, Waker)| *other == ticket;
        match self.waiting.borrow_mut().iter_mut().find(is_mine) {
            None => return false,
            Some((_, mine)) if mine.will_wake(waker) => return true,
            Some(_) => {}
        }
        // To clone a waker is to call somebody, who may come back here.
        let new = waker.clone();
        let mut waiting = self.waiting.borrow_mut();
        let mine = waiting.iter_mut().find(is_mine);
        let old = mine.map(|(_, mine)| std::mem::replace(mine, new));
        drop(waiting);
        old.is_some()
    }

    /// One waits no more; the last one ends the registration.
    fn leave(&self, ticket: u64, inner: Option<Rc<Inner>>) {
        let mut waiting = self.waiting.borrow_mut();
        let mine = waiting.iter().position(|(other, _)| *other == ticket);
        let waker = mine.map(|index| waiting.swap_remove(index));
        let last = waiting.is_empty();
        drop(waiting);
        drop(waker);
        if let Some(inner) = inner.filter(|_| last && !self.keeps) {
            self.stop(&inner);
        }
    }

    fn watch(self: &Rc<Self>, inner: &Inner) -> io::Result<()> {
        if !self.watched.get() {
            self.displaced.set(false);
            inner.watch(self.fd, self.side, self.clone())?;
            self.watched.set(true);
        }
        Ok(())
    }

    fn stop(&self, inner: &Inner) {
        if self.watched.replace(false) {
            // A kernel that refuses to forget a descriptor has forgotten it already.
            drop(inner.unwatch(self.fd, self.side));
        }
    }

    fn wake_all(&self) {
        let woken = self.waiting.take();
        for (_, waker) in woken {
            waker.wake();
        }
    }
}

impl Run for Waiters {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let for_nobody = self.waiting.borrow().is_empty();
        if for_nobody || !self.keeps {
            self.stop(&event_loop.0);
        }
        self.wake_all();
    }

    fn what(&self) -> What {
        match self.side {
            Side::Reader => What::Reader { fd: self.fd },
            Side::Writer => What::Writer { fd: self.fd },
        }
    }

    fn is_cancelled(&self) -> bool {
        !self.watched.get()
    }

    /// The registration ends: by `stop`, or because somebody took its place.
    fn cancel(&self) {
        if self.watched.replace(false) {
            self.displaced.set(true);
            self.wake_all();
        }
    }

    fn waiters(self: Rc<Self>) -> Option<Rc<Waiters>> {
        Some(self)
    }
}

/// One wait for one side of a descriptor; over with the first event.
pub(crate) struct FdWait {
    home: Rc<Home>,
    fd: RawFd,
    side: Side,
    at: Site,
    waiters: Option<Rc<Waiters>>,
    ticket: Option<u64>,
}

impl FdWait {
    /// A wait of its own. The descriptor must stay open until it is dropped.
    pub(crate) fn new(home: &Rc<Home>, fd: RawFd, side: Side, at: Site) -> FdWait {
        FdWait { home: home.clone(), fd, side, at, waiters: None, ticket: None }
    }

    fn begin(&mut self, inner: &Inner, waker: &Waker) -> io::Result<()> {
        let waker = waker.clone();
        let waiters = match self.waiters.clone() {
            Some(ours) => ours,
            None => inner.waiters_of(self.fd, self.side)?,
        };
        waiters.watch(inner)?;
        self.ticket = Some(waiters.join(waker));
        self.waiters = Some(waiters);
        Ok(())
    }
}

impl Future for FdWait {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match (self.ticket, &self.waiters) {
            (Some(ticket), Some(waiters)) => {
                if !waiters.still_waits(ticket, context.waker()) {
                    let displaced = waiters.displaced.get();
                    return Poll::Ready(if displaced { Err(taken(self.fd)) } else { Ok(()) });
                }
            }
            _ => {
                let Some(event_loop) = self.home.event_loop() else {
                    return Poll::Ready(Err(LoopError::Closed.into()));
                };
                if let Err(error) = self.begin(&event_loop.0, context.waker()) {
                    return Poll::Ready(Err(error));
                }
            }
        }
        let resource = match self.side {
            Side::Reader => Resource::Readable(self.fd),
            Side::Writer => Resource::Writable(self.fd),
        };
        note_wait(Some(self.at), resource);
        Poll::Pending
    }
}

impl Drop for FdWait {
    fn drop(&mut self) {
        if let (Some(ticket), Some(waiters)) = (self.ticket, &self.waiters) {
            waiters.leave(ticket, self.home.event_loop.upgrade());
        }
    }
}

/// The waits of whoever owns a descriptor: registered once for many waits.
#[cfg(feature = "datagram")]
pub(crate) struct FdWaits {
    home: Rc<Home>,
    fd: RawFd,
    sides: [Rc<Waiters>; 2],
}

#[cfg(feature = "datagram")]
impl FdWaits {
    pub(crate) fn new(home: &Rc<Home>, fd: RawFd) -> FdWaits {
        let sides = [Side::Reader, Side::Writer].map(|side| Waiters::new(fd, side, true));
        FdWaits { home: home.clone(), fd, sides }
    }

    pub(crate) fn wait(&self, side: Side, at: Site) -> FdWait {
        let waiters = Some(self.sides[usize::from(side == Side::Writer)].clone());
        FdWait { home: self.home.clone(), fd: self.fd, side, at, waiters, ticket: None }
    }

    /// Ends the registrations: before the descriptor is closed.
    pub(crate) fn end(&self) {
        if let Some(inner) = self.home.event_loop.upgrade() {
            self.sides.iter().for_each(|side| side.stop(&inner));
        }
    }
}

impl Inner {
    /// Those who wait for one side of `fd` already, or nobody yet.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if a callback watches it.
    fn waiters_of(&self, fd: RawFd, side: Side) -> io::Result<Rc<Waiters>> {
        let present = self.fds.borrow().watcher(fd, side);
        let Some(present) = present else { return Ok(Waiters::new(fd, side, false)) };
        let waiters = present.waiters().ok_or_else(|| taken(fd))?;
        // If the descriptor was closed and its number is in use again, the kernel has forgotten
        // the registration; asking again renews it.
        drop(self.fds.borrow_mut().set(fd, side, waiters.clone())?);
        Ok(waiters)
    }
}

fn taken(fd: RawFd) -> io::Error {
    let text = format!(
        "a callback watches file descriptor {fd}: end that with remove_reader() or \
         remove_writer(), or do not wait for it beside"
    );
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

impl EventLoop {
    /// Waits until `fd` is readable: bytes, a connection to accept, end of file, hang-up, an
    /// error. (asyncio has only [`add_reader`](EventLoop::add_reader).)
    ///
    /// It is over with the first event after it was first polled; what is to be read then may be
    /// gone when you come to it, so read without blocking and wait again if there is nothing.
    /// Several may wait for one descriptor: all are woken.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if a callback watches the same side; the kernel's, if `fd` is not open or
    /// cannot be waited for (a regular file); [`LoopError`]s in an [`io::Error`]: a transport owns
    /// `fd`, or the loop is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, `fd` is no longer watched, and nothing is lost.
    #[track_caller]
    pub fn readable<S: Watchable>(&self, fd: S) -> impl Future<Output = io::Result<()>> + use<S> {
        self.ready(fd, Side::Reader, Location::caller())
    }

    /// Waits until `fd` is writable. Everything said of [`readable`](EventLoop::readable) holds.
    ///
    /// # Errors
    ///
    /// As [`readable`](EventLoop::readable).
    #[track_caller]
    pub fn writable<S: Watchable>(&self, fd: S) -> impl Future<Output = io::Result<()>> + use<S> {
        self.ready(fd, Side::Writer, Location::caller())
    }

    fn ready<S: Watchable>(
        &self,
        fd: S,
        side: Side,
        at: Site,
    ) -> impl Future<Output = io::Result<()>> + use<S> {
        let number = self.to_wait_for(&fd);
        let home = self.0.home.clone();
        async move {
            // Until the end of the wait, so that a borrowed descriptor stays open.
            let _borrowed = fd;
            FdWait::new(&home, number?, side, at).await
        }
    }

    /// The number of a descriptor that may be waited for.
    pub(crate) fn to_wait_for(&self, fd: &impl Watchable) -> Result<RawFd, LoopError> {
        self.check_open()?;
        let number = self.checked(fd)?;
        self.check_not_owned(number)?;
        Ok(number)
    }
}
