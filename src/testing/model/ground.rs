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
    /// The peer closes its end.
    fn hang_up(&self, fd: Fd);
    /// Writes until there is no room.
    fn fill(&self, fd: Fd);
    /// The peer reads all of that.
    fn room(&self, fd: Fd);
    /// Does what another thread does.
    fn elsewhere(&self, what: &mut (dyn FnMut() + Send)) {
        what();
    }
}

/// One end of a connected pair that never blocks.
pub(crate) trait Socket {
    /// Whether there is a kernel below it, and so threads beside it.
    const IS_REAL: bool;
    /// Its number.
    fn number(&self) -> RawFd;
    /// It sends no more.
    fn end_sending(&self) -> io::Result<()>;
}

impl Socket for UnixStream {
    const IS_REAL: bool = true;

    fn number(&self) -> RawFd {
        self.as_raw_fd()
    }

    fn end_sending(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

#[cfg(feature = "testing")]
impl Socket for crate::testing::SimFd {
    const IS_REAL: bool = false;

    fn number(&self) -> RawFd {
        self.fd()
    }

    fn end_sending(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Connected pairs: our end, and the peer's until it hangs up.
pub(crate) struct Pairs<S>(Vec<(S, RefCell<Option<S>>)>);

impl Pairs<UnixStream> {
    pub(crate) fn of_sockets() -> io::Result<Self> {
        Pairs::new(|| {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            theirs.set_nonblocking(true)?;
            Ok((ours, theirs))
        })
    }
}

impl<S: Socket> Pairs<S> {
    pub(crate) fn new(mut pair: impl FnMut() -> io::Result<(S, S)>) -> io::Result<Pairs<S>> {
        let pairs = (0..DESCRIPTORS).map(|_| {
            let (ours, theirs) = pair()?;
            Ok((ours, RefCell::new(Some(theirs))))
        });
        let mut pairs = pairs.collect::<io::Result<Vec<_>>>()?;
        pairs.sort_by_key(|(ours, _)| ours.number());
        Ok(Pairs(pairs))
    }

    fn ours(&self, fd: Fd) -> &S {
        &self.0[usize::from(fd) % DESCRIPTORS].0
    }

    fn peer(&self, fd: Fd) -> &RefCell<Option<S>> {
        &self.0[usize::from(fd) % DESCRIPTORS].1
    }
}

fn read_all(mut from: impl Read) {
    let mut buffer = [0; 1 << 14];
    while matches!(from.read(&mut buffer), Ok(1..)) {}
}

/// (What a peer does fails where it has ended its sending, or there is no room as bytes wait.)
impl<S: Socket> Ground for Pairs<S>
where
    for<'a> &'a S: Read + Write,
{
    fn number(&self, fd: Fd) -> RawFd {
        self.ours(fd).number()
    }

    fn feed(&self, fd: Fd) {
        self.peer(fd).borrow().iter().for_each(|mut peer| drop(peer.write(&[0])));
    }

    fn drain(&self, fd: Fd) {
        read_all(self.ours(fd));
    }

    fn eof(&self, fd: Fd) {
        self.peer(fd).borrow().iter().for_each(|peer| drop(peer.end_sending()));
    }

    fn hang_up(&self, fd: Fd) {
        let peer = self.peer(fd).take();
        drop(peer);
    }

    fn fill(&self, fd: Fd) {
        let mut ours = self.ours(fd);
        while matches!(ours.write(&[0; 1 << 14]), Ok(1..)) {}
    }

    fn room(&self, fd: Fd) {
        self.peer(fd).borrow().iter().for_each(read_all);
    }

    fn elsewhere(&self, what: &mut (dyn FnMut() + Send)) {
        if S::IS_REAL {
            std::thread::scope(|scope| drop(scope.spawn(what)));
        } else {
            what();
        }
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
    hung_up: bool,
}

/// The number of the first descriptor of [`Conditions`].
const FIRST_NUMBER: RawFd = 3;

impl Conditions {
    fn change(&self, fd: Fd, change: impl FnOnce(&mut Condition)) {
        change(&mut self.0.borrow_mut()[usize::from(fd) % DESCRIPTORS]);
    }

    fn readiness(&self, fd: RawFd, interest: Interest) -> Readiness {
        let Condition { bytes, eof, full, hung_up } = self.0.borrow()[(fd - FIRST_NUMBER) as usize];
        let mut readiness = Readiness::default();
        if interest.is_read() && (bytes || eof) {
            readiness |= Readiness::READABLE;
        }
        if interest.is_write() && !full {
            readiness |= Readiness::WRITABLE;
        }
        if hung_up {
            readiness |= Readiness::HANGUP;
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

    fn hang_up(&self, fd: Fd) {
        self.change(fd, |condition| (condition.eof, condition.hung_up) = (true, true));
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
