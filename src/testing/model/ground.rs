//! What a real loop stands on in a comparison: descriptors whose other ends do what the program
//! says, and the selector that watches them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use super::op::{DESCRIPTORS, Fd};
use crate::selector::{Bell, Event, Interest, Readiness, Ring, Selector, SelectorKey, Token};

/// The descriptors of a subject.
pub(crate) trait Ground {
    /// The number of a descriptor; a higher place has a higher number.
    fn number(&self, fd: Fd) -> RawFd;
    /// The peer sends a byte, if none waits and it has not ended its sending.
    fn feed(&self, fd: Fd);
    /// Reads what has come.
    fn drain(&self, fd: Fd);
    /// The peer ends its sending.
    fn eof(&self, fd: Fd);
    /// Writes until there is no room.
    fn fill(&self, fd: Fd);
    /// The peer reads all of that.
    fn room(&self, fd: Fd);
    /// Does what another thread does.
    fn elsewhere(&self, what: &mut (dyn FnMut() + Send)) {
        what();
    }
}

/// Connected pairs of real sockets, and threads.
pub(crate) struct Sockets(Vec<(UnixStream, UnixStream)>);

impl Sockets {
    pub(crate) fn new() -> io::Result<Sockets> {
        let mut pairs = (0..DESCRIPTORS).map(|_| {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            theirs.set_nonblocking(true)?;
            Ok((ours, theirs))
        });
        let mut pairs = pairs.by_ref().collect::<io::Result<Vec<_>>>()?;
        pairs.sort_by_key(|(ours, _)| ours.as_raw_fd());
        Ok(Sockets(pairs))
    }

    fn pair(&self, fd: Fd) -> (&UnixStream, &UnixStream) {
        let (ours, theirs) = &self.0[usize::from(fd) % DESCRIPTORS];
        (ours, theirs)
    }
}

fn read_all(mut from: &UnixStream) {
    while matches!(from.read(&mut [0; 1 << 16]), Ok(1..)) {}
}

impl Ground for Sockets {
    fn number(&self, fd: Fd) -> RawFd {
        self.pair(fd).0.as_raw_fd()
    }

    /// (It fails where the peer has ended its sending, or there is no room because bytes wait.)
    fn feed(&self, fd: Fd) {
        let _ = self.pair(fd).1.write(&[0]);
    }

    fn drain(&self, fd: Fd) {
        read_all(self.pair(fd).0);
    }

    fn eof(&self, fd: Fd) {
        let _ = self.pair(fd).1.shutdown(Shutdown::Write);
    }

    fn fill(&self, fd: Fd) {
        let mut ours = self.pair(fd).0;
        while ours.write(&[0; 1 << 16]).is_ok() {}
    }

    fn room(&self, fd: Fd) {
        read_all(self.pair(fd).1);
    }

    fn elsewhere(&self, what: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(what);
        });
    }
}

/// Descriptors that are nothing but their conditions.
#[derive(Clone, Default)]
pub(crate) struct Conditions(Rc<RefCell<[Condition; DESCRIPTORS]>>);

#[derive(Clone, Copy, Default)]
struct Condition {
    bytes: bool,
    eof: bool,
    full: bool,
}

/// The number of the first descriptor of [`Conditions`].
const FIRST_NUMBER: RawFd = 3;

impl Conditions {
    fn change(&self, fd: Fd, change: impl FnOnce(&mut Condition)) {
        change(&mut self.0.borrow_mut()[usize::from(fd) % DESCRIPTORS]);
    }

    fn readiness(&self, fd: RawFd, interest: Interest) -> Readiness {
        let Condition { bytes, eof, full } = self.0.borrow()[(fd - FIRST_NUMBER) as usize];
        let mut readiness = Readiness::default();
        if interest.is_read() && (bytes || eof) {
            readiness |= Readiness::READABLE;
        }
        if interest.is_write() && !full {
            readiness |= Readiness::WRITABLE;
        }
        readiness
    }
}

impl Ground for Conditions {
    fn number(&self, fd: Fd) -> RawFd {
        FIRST_NUMBER + RawFd::from(fd % DESCRIPTORS as u8)
    }

    fn feed(&self, fd: Fd) {
        self.change(fd, |condition| condition.bytes |= !condition.eof);
    }

    fn drain(&self, fd: Fd) {
        self.change(fd, |condition| condition.bytes = false);
    }

    fn eof(&self, fd: Fd) {
        self.change(fd, |condition| condition.eof = true);
    }

    fn fill(&self, fd: Fd) {
        self.change(fd, |condition| condition.full = true);
    }

    fn room(&self, fd: Fd) {
        self.change(fd, |condition| condition.full = false);
    }
}

/// A selector over [`Conditions`]. It holds its loop to the selectors' contract.
pub(crate) struct ConditionSelector {
    conditions: Conditions,
    registered: BTreeMap<RawFd, (Interest, Token)>,
}

impl ConditionSelector {
    pub(crate) fn new(conditions: Conditions) -> ConditionSelector {
        ConditionSelector { conditions, registered: BTreeMap::new() }
    }
}

struct Silent;

impl Ring for Silent {
    fn ring(&self) {}
}

impl Selector for ConditionSelector {
    fn name(&self) -> &'static str {
        "conditions"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        match self.registered.insert(fd, (interest, token)) {
            None => Ok(()),
            Some(_) => Err(ErrorKind::AlreadyExists.into()),
        }
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        let registered = self.registered.get_mut(&fd).ok_or(ErrorKind::NotFound)?;
        *registered = (interest, token);
        Ok(())
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.registered.remove(&fd).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn select(&mut self, _: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        events.extend(self.registered.iter().filter_map(|(&fd, &(interest, token))| {
            let readiness = self.conditions.readiness(fd, interest);
            (!readiness.is_empty()).then_some(Event { token, readiness })
        }));
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        let key = |(&fd, &(interest, token))| SelectorKey { fd, interest, token };
        self.registered.iter().map(key).collect()
    }

    fn bell(&self) -> Bell {
        Bell::new(Silent)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
