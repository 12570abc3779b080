//! Which handle waits for which descriptor: the one owner of every registration.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use super::error::LoopError;
use super::handle::Run;
use crate::selector::{Bell, Event, Interest, Ring, Selector, SelectorKey, Token};
use crate::sys::kind_of;
use crate::sys::zoo::{self, Bug};

/// The two ways to wait for a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Reader,
    Writer,
}

impl Side {
    fn interest(self) -> Interest {
        match self {
            Side::Reader => Interest::READ,
            Side::Writer => Interest::WRITE,
        }
    }
}

/// A descriptor's place in the table. A descriptor's number is its index; the generation counts
/// the registrations it has had, so that an event of an earlier one finds nothing.
#[derive(Default)]
pub(crate) struct Watch {
    generation: u32,
    owned: bool,
    /// Whether a watcher is a user's. (A transport's is not asked at each event.)
    pub(crate) cancellable: bool,
    pub(crate) reader: Option<Rc<dyn Run>>,
    pub(crate) writer: Option<Rc<dyn Run>>,
}

impl Watch {
    fn side(&mut self, side: Side) -> &mut Option<Rc<dyn Run>> {
        match side {
            Side::Reader => &mut self.reader,
            Side::Writer => &mut self.writer,
        }
    }

    fn interest(&self) -> Option<Interest> {
        match (&self.reader, &self.writer) {
            (Some(_), Some(_)) => Some(Interest::BOTH),
            (Some(_), None) => Some(Interest::READ),
            (None, Some(_)) => Some(Interest::WRITE),
            (None, None) => None,
        }
    }
}

/// The table, and the selector it keeps in step with.
pub(crate) struct Fds {
    watches: Vec<Watch>,
    pub(crate) selector: Box<dyn Selector>,
}

/// What a change of the table left: the handle that was replaced or removed, to be dropped outside
/// the table's borrow, and what the descriptor is watched for now.
pub(crate) struct Changed {
    pub(crate) old: Option<Rc<dyn Run>>,
    pub(crate) token: Token,
    pub(crate) interest: Option<Interest>,
}

impl Fds {
    pub(crate) fn new(selector: Box<dyn Selector>) -> Self {
        Fds { watches: Vec::new(), selector }
    }

    /// Watches one side of `fd`; a handle that was there is given back.
    pub(crate) fn set(&mut self, fd: RawFd, side: Side, run: Rc<dyn Run>) -> io::Result<Changed> {
        let index = usize::try_from(fd).map_err(|_| bad_descriptor(fd))?;
        if self.watches.len() <= index {
            // The kernel is asked first: a number that it never gave out must not size the table.
            let token = Token::new(index as u32, 0);
            self.selector.register(fd, side.interest(), token)?;
            self.watches.resize_with(index + 1, Watch::default);
            *self.watches[index].side(side) = Some(run);
            return Ok(Changed { old: None, token, interest: Some(side.interest()) });
        }
        let watch = &mut self.watches[index];
        let token = Token::new(index as u32, watch.generation);
        let before = watch.interest();
        let after = before.map_or(side.interest(), |before| before | side.interest());
        match before {
            None => self.selector.register(fd, after, token)?,
            // Asked even if nothing changes: if `fd` was closed while it was watched and its number
            // is in use again, the kernel has forgotten it and says so.
            Some(_) => match self.selector.modify(fd, after, token) {
                Err(error) if is_gone(&error) => self.register_again(fd, after)?,
                result => result?,
            },
        }
        let watch = &mut self.watches[index];
        let token = Token::new(index as u32, watch.generation);
        Ok(Changed { old: watch.side(side).replace(run), token, interest: Some(after) })
    }

    fn register_again(&mut self, fd: RawFd, interest: Interest) -> io::Result<()> {
        let watch = &mut self.watches[fd as usize];
        // It fails if the descriptor is gone from the selector's own table as well.
        let _ = self.selector.unregister(fd);
        watch.generation = watch.generation.wrapping_add(1);
        self.selector.register(fd, interest, Token::new(fd as u32, watch.generation))
    }

    /// Ends watching one side of `fd`; `None` if it was not watched. In a table that a child of
    /// fork(2) has `inherited`, the selector is not told: its registrations are the parent's.
    pub(crate) fn unset(
        &mut self,
        fd: RawFd,
        side: Side,
        inherited: bool,
    ) -> io::Result<Option<Changed>> {
        let Some(watch) = usize::try_from(fd).ok().and_then(|index| self.watches.get_mut(index))
        else {
            return Ok(None);
        };
        let Some(old) = watch.side(side).take() else { return Ok(None) };
        let interest = watch.interest();
        let token = Token::new(fd as u32, watch.generation);
        let result = match interest {
            _ if inherited => Ok(()),
            Some(left) => self.selector.modify(fd, left, token),
            None => self.selector.unregister(fd),
        };
        match result {
            // The descriptor was closed first: the kernel has forgotten it by itself.
            Err(error) if !is_gone(&error) => {
                *watch.side(side) = Some(old);
                return Err(error);
            }
            _ => {}
        }
        if interest.is_none() {
            watch.generation = watch.generation.wrapping_add(1);
            watch.cancellable = false;
        }
        Ok(Some(Changed { old: Some(old), token, interest }))
    }

    /// The watchers of a registration, if it still is.
    #[inline]
    pub(crate) fn find(&self, token: Token) -> Option<&Watch> {
        let watch = self.watches.get(token.slot() as usize)?;
        let same = watch.generation == token.generation();
        (same || zoo::is(Bug::EventWithoutGeneration)).then_some(watch)
    }

    /// Who watches one side of `fd`.
    pub(crate) fn watcher(&self, fd: RawFd, side: Side) -> Option<Rc<dyn Run>> {
        let watch = self.watches.get(usize::try_from(fd).ok()?)?;
        match side {
            Side::Reader => watch.reader.clone(),
            Side::Writer => watch.writer.clone(),
        }
    }

    /// Notes that somebody has a handle of a watcher of `fd`, and may cancel it.
    pub(crate) fn set_cancellable(&mut self, fd: RawFd) {
        let index = usize::try_from(fd).unwrap_or(usize::MAX);
        if let Some(watch) = self.watches.get_mut(index) {
            watch.cancellable = true;
        }
    }

    /// Whether a transport owns `fd`.
    pub(crate) fn is_owned(&self, fd: RawFd) -> bool {
        usize::try_from(fd).ok().and_then(|index| self.watches.get(index)).is_some_and(|w| w.owned)
    }

    /// Notes that a transport owns `fd`, or does not any more.
    pub(crate) fn set_owned(&mut self, fd: RawFd, owned: bool) {
        let Ok(index) = usize::try_from(fd) else { return };
        if self.watches.len() <= index {
            self.watches.resize_with(index + 1, Watch::default);
        }
        self.watches[index].owned = owned;
    }

    /// The descriptors that are watched.
    pub(crate) fn watched(&self) -> Vec<RawFd> {
        let watched = self.watches.iter().enumerate().filter(|(_, w)| w.interest().is_some());
        watched.map(|(fd, _)| fd as RawFd).collect()
    }

    /// Closes the selector and forgets every handle; gives them back to be dropped. (`inherited`: as
    /// above.)
    pub(crate) fn close(&mut self, inherited: bool) -> (Box<dyn Selector>, Vec<Rc<dyn Run>>) {
        for fd in if inherited { Vec::new() } else { self.watched() } {
            // What fails here is closed already; the selector goes next in any case.
            let _ = self.selector.unregister(fd);
        }
        let mut handles = Vec::new();
        for watch in &mut self.watches {
            for side in [Side::Reader, Side::Writer] {
                if let Some(run) = watch.side(side).take() {
                    handles.push(run);
                }
            }
        }
        self.watches = Vec::new();
        let closed = Box::new(ClosedSelector(self.selector.name()));
        (std::mem::replace(&mut self.selector, closed), handles)
    }
}

fn bad_descriptor(fd: RawFd) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{fd} is no descriptor: it is negative"))
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
        || error.raw_os_error() == Some(libc::ENOENT)
        || kind_of(error) == io::ErrorKind::NotFound
}

/// What a closed loop has in its selector's place, so that the selector's descriptor is free.
struct ClosedSelector(&'static str);

struct NoBell;

impl Ring for NoBell {
    fn ring(&self) {}
}

fn closed() -> io::Error {
    io::Error::other(LoopError::Closed)
}

impl Selector for ClosedSelector {
    fn name(&self) -> &'static str {
        self.0
    }
    fn register(&mut self, _: RawFd, _: Interest, _: Token) -> io::Result<()> {
        Err(closed())
    }
    fn modify(&mut self, _: RawFd, _: Interest, _: Token) -> io::Result<()> {
        Err(closed())
    }
    fn unregister(&mut self, _: RawFd) -> io::Result<()> {
        Err(closed())
    }
    fn select(&mut self, _: Option<Duration>, _: &mut Vec<Event>) -> io::Result<()> {
        Err(closed())
    }
    fn get_map(&self) -> Vec<SelectorKey> {
        Vec::new()
    }
    fn bell(&self) -> Bell {
        Bell::new(NoBell)
    }
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
