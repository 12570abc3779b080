//! kqueue(2): macOS, FreeBSD, NetBSD, OpenBSD, DragonFly.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::registry::Registry;
use super::{
    Bell, Event, Interest, MAX_WAIT, Readiness, Selector, SelectorKey, Token, not_waitable,
};
use crate::sys::{
    BellFd, Change, FileKind, Filter, Kqueue, MOST_CHANGES, News, RawKevent, kind_of,
};

/// A selector on kqueue(2).
///
/// A descriptor has one knote for reading and one for writing, which this selector adds, removes
/// and reports as one registration. A `select` is one system call, and one more if the bell rang:
/// the bell is a pair of sockets everywhere, because EVFILT_USER is missing from NetBSD before 10
/// and OpenBSD before 7.8, and it is read empty because not every kernel is known to tell of a
/// second byte that joins a first.
///
/// # Unlike epoll
///
/// - A knote knows its own direction only. [`Readiness::HANGUP`] of a connection is told where
///   both are at their end and both are watched, or where an error came with it; a watch for
///   reading alone says [`Readiness::READ_HANGUP`], one for writing alone [`Readiness::WRITABLE`],
///   and the next read or write says the rest.
/// - A pipe whose reader is gone is told of as writable as well as in error, even when it is full.
/// - The terminal of macOS (`/dev/tty`), and some other devices there, are refused with EINVAL;
///   [`PollSelector`](super::PollSelector) takes them.
/// - A child of fork(2) does not inherit a kqueue: make a new selector there. Dropping this one in
///   the child closes nothing.
///
/// On Linux this backend is run by the tests over a model of kqueue(2) that the project wrote from
/// the manual pages: it checks our reading of the BSDs, not the BSDs.
///
/// Source: kqueue(2) of FreeBSD, NetBSD, OpenBSD, DragonFly and macOS.
pub struct KqueueSelector {
    kqueue: Kqueue,
    bell: Arc<BellFd>,
    registry: Registry,
    /// Registered pipes: their EV_EOF means something else than a socket's.
    pipes: BTreeSet<RawFd>,
    buffer: Vec<RawKevent>,
}

/// How many events one call may bring, at first and at most: see the same in `epoll.rs`. Here too
/// the kernel puts what it has told of behind what it has not.
const FIRST_BUFFER: usize = 128;
const LARGEST_BUFFER: usize = 4096;

impl KqueueSelector {
    /// A selector that watches nothing but its bell.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when descriptors have run out: it takes three.
    pub fn new() -> io::Result<KqueueSelector> {
        let kqueue = Kqueue::new()?;
        let bell = Arc::new(BellFd::new()?);
        hear(&kqueue, &bell)?;
        Ok(KqueueSelector {
            kqueue,
            bell,
            registry: Registry::default(),
            pipes: BTreeSet::new(),
            buffer: Vec::with_capacity(FIRST_BUFFER),
        })
    }

    /// Brings the knotes of `fd` from what they were (`old`) to `new`, or leaves them as they were.
    fn rearrange(&self, fd: RawFd, old: Option<Watch>, new: Option<Watch>) -> io::Result<()> {
        let changes = plan(old, new);
        let failure = match self.kqueue.change(fd, &changes) {
            Ok(answers) => first_failure(&changes, answers),
            Err(error) => Some(error),
        };
        let Some(error) = failure else { return Ok(()) };
        if let Some((_, token)) = new {
            // One of two may have been made. What cannot be undone now was not there.
            let _ = self.kqueue.change(fd, &plan(Some((Interest::BOTH, token)), old));
        }
        Err(error)
    }

    /// One descriptor's news, of one knote or two, as one event.
    fn event(&self, news: &[RawKevent]) -> Option<Event> {
        let first = News::of(news.first()?);
        let key = self.registry.get(first.fd).ok()?;
        let is_pipe = self.pipes.contains(&first.fd);
        // A knote's word is its registration's token; another is of one that is gone.
        let current = |news: &News| news.word == key.token.to_bits() as usize;
        let news = news.iter().map(News::of).filter(current);
        Some(Event { token: key.token, readiness: readiness(news, is_pipe) })
            .filter(|event| !event.readiness.is_empty())
    }

    fn collect(&mut self, events: &mut Vec<Event>) {
        // A descriptor's two events are not always neighbours; one registration gives one event.
        self.buffer.sort_unstable_by_key(|raw| News::of(raw).fd);
        let bell = self.bell.as_raw_fd();
        for news in self.buffer.chunk_by(|a, b| News::of(a).fd == News::of(b).fd) {
            if News::of(&news[0]).fd == bell {
                self.bell.silence();
            } else {
                events.extend(self.event(news));
            }
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
fn hear(kqueue: &Kqueue, bell: &BellFd) -> io::Result<()> {
    let hear = [Change::Add(Filter::Read, Token::BELL.to_bits())];
    let answers = kqueue.change(bell.as_raw_fd(), &hear)?;
    first_failure(&hear, answers).map_or(Ok(()), Err)
}

/// What a descriptor is watched for, and under which token.
type Watch = (Interest, Token);

/// The changes that lead from `old` to `new`: each filter that is wanted is added, which renews the
/// token of one that is there; each that is no longer wanted is deleted.
fn plan(old: Option<Watch>, new: Option<Watch>) -> Vec<Change> {
    let wants = |watch: Option<Watch>, filter| match (watch, filter) {
        (None, _) => false,
        (Some((interest, _)), Filter::Read) => interest.is_read(),
        (Some((interest, _)), Filter::Write) => interest.is_write(),
    };
    let mut changes = Vec::with_capacity(MOST_CHANGES);
    for filter in [Filter::Read, Filter::Write] {
        match new {
            Some((_, token)) if wants(new, filter) => {
                changes.push(Change::Add(filter, token.to_bits()));
            }
            _ if wants(old, filter) => changes.push(Change::Delete(filter)),
            _ => {}
        }
    }
    changes
}

/// The first answer that says a change was not made.
fn first_failure(changes: &[Change], answers: [i64; MOST_CHANGES]) -> Option<io::Error> {
    let failed = |(change, errno): (&Change, i64)| match (change, errno as i32) {
        (_, 0) => None,
        // Closed first, and perhaps its number is in use again: it is gone, as was wanted.
        (Change::Delete(_), libc::ENOENT | libc::EBADF) => None,
        // macOS 10.10 and 10.11 say so where the other end is gone; the knote is there.
        (Change::Add(..), libc::EPIPE) => None,
        (_, errno) => Some(io::Error::from_raw_os_error(errno)),
    };
    changes.iter().zip(answers).find_map(failed)
}

/// What the news of one descriptor's knotes comes to.
///
/// | knote | EV_EOF | socket | pipe |
/// |---|---|---|---|
/// | READ  | no  | READABLE | READABLE |
/// | READ  | yes | READABLE, READ_HANGUP | HANGUP, and READABLE while bytes are left |
/// | WRITE | no  | WRITABLE | WRITABLE |
/// | WRITE | yes | WRITABLE: perhaps it was we who shut down | WRITABLE, ERROR |
/// | both  | yes | HANGUP too | |
/// | either | yes, with an errno | ERROR and HANGUP too | (no errno) |
fn readiness(news: impl Iterator<Item = News>, is_pipe: bool) -> Readiness {
    let mut so = Readiness::default();
    let mut ended = 0;
    for news in news {
        so |= match (news.filter, is_pipe && news.eof) {
            (Filter::Read, true) if news.amount > 0 => Readiness::READABLE | Readiness::HANGUP,
            (Filter::Read, true) => Readiness::HANGUP,
            (Filter::Read, false) => Readiness::READABLE,
            (Filter::Write, true) => Readiness::WRITABLE | Readiness::ERROR,
            (Filter::Write, false) => Readiness::WRITABLE,
        };
        if news.eof && !is_pipe {
            ended += 1;
            if news.filter == Filter::Read {
                so |= Readiness::READ_HANGUP;
            }
        }
        if news.error != 0 && !is_pipe {
            so |= Readiness::ERROR;
            if news.eof {
                so |= Readiness::HANGUP;
            }
        }
    }
    if ended == 2 { so | Readiness::HANGUP } else { so }
}

impl fmt::Debug for KqueueSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KqueueSelector")
            .field("registered", &self.registry.keys())
            .finish_non_exhaustive()
    }
}

impl Selector for KqueueSelector {
    fn name(&self) -> &'static str {
        "kqueue"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.registry.check_new(fd, token)?;
        let kind = FileKind::of(fd)?;
        if kind == FileKind::Storage {
            return Err(not_waitable(fd));
        }
        self.rearrange(fd, None, Some((interest, token)))?;
        if kind == FileKind::Pipe {
            self.pipes.insert(fd);
        }
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        let old = self.registry.check_old(fd, token)?;
        self.rearrange(fd, Some((old.interest, old.token)), Some((interest, token)))?;
        self.registry.set(fd, interest, token);
        Ok(())
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        let old = self.registry.remove(fd)?;
        self.pipes.remove(&fd);
        self.rearrange(fd, Some((old.interest, old.token)), None)
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let timeout = timeout.map(|timeout| timeout.min(MAX_WAIT));
        match self.kqueue.wait(&mut self.buffer, timeout) {
            Err(error) if kind_of(&error) == io::ErrorKind::Interrupted => return Ok(()),
            // macOS has been seen to say so instead of giving no events.
            Err(error) if error.raw_os_error() == Some(libc::ETIMEDOUT) => return Ok(()),
            result => result?,
        }
        self.collect(events);
        self.grow_if_full();
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        self.registry.keys()
    }

    fn len(&self) -> usize {
        self.registry.len()
    }

    fn renew(&mut self) -> io::Result<()> {
        self.bell.renew()?;
        // The child has not inherited the old one, and it knows that its number is not its own.
        self.kqueue = Kqueue::new()?;
        hear(&self.kqueue, &self.bell)?;
        for SelectorKey { fd, interest, token } in self.registry.keys() {
            match self.rearrange(fd, None, Some((interest, token))) {
                // The child has closed it: whoever watches it finds it silent, as always here.
                Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
                added => added?,
            }
        }
        Ok(())
    }

    fn bell(&self) -> Bell {
        Bell(self.bell.clone())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.kqueue.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Token = Token::new(1, 1);
    const NEW: Token = Token::new(1, 2);

    #[test]
    fn a_plan_adds_what_is_wanted_and_deletes_what_no_longer_is() {
        use Filter::{Read, Write};
        let (old, new) = (|interest| Some((interest, OLD)), |interest| Some((interest, NEW)));
        let add = |filter| Change::Add(filter, NEW.to_bits());
        let (read, write, both) = (Interest::READ, Interest::WRITE, Interest::BOTH);
        assert_eq!(plan(None, new(read)), [add(Read)]);
        assert_eq!(plan(None, new(both)), [add(Read), add(Write)]);
        assert_eq!(plan(old(read), new(write)), [Change::Delete(Read), add(Write)]);
        assert_eq!(plan(old(both), new(read)), [add(Read), Change::Delete(Write)]);
        assert_eq!(plan(old(both), None), [Change::Delete(Read), Change::Delete(Write)]);
        assert_eq!(plan(old(write), None), [Change::Delete(Write)]);
    }

    fn news(filter: Filter, eof: bool, error: i64, amount: i64) -> News {
        News { fd: 3, filter, amount, eof, error, word: 0 }
    }

    #[test]
    fn the_table_of_readiness_is_true() {
        use Filter::{Read, Write};
        use Readiness as R;
        let of = |all: &[News], is_pipe| readiness(all.iter().copied(), is_pipe);
        let cases = [
            (vec![news(Read, false, 0, 1)], R::READABLE, R::READABLE),
            (vec![news(Read, true, 0, 1)], R::READABLE | R::READ_HANGUP, R::READABLE | R::HANGUP),
            (vec![news(Read, true, 0, 0)], R::READABLE | R::READ_HANGUP, R::HANGUP),
            (vec![news(Write, false, 0, 1)], R::WRITABLE, R::WRITABLE),
            (vec![news(Write, true, 0, 1)], R::WRITABLE, R::WRITABLE | R::ERROR),
        ];
        for (all, socket, pipe) in cases {
            assert_eq!((of(&all, false), of(&all, true)), (socket, pipe), "{all:?}");
        }
        let gone = R::READABLE | R::READ_HANGUP | R::WRITABLE | R::HANGUP;
        assert_eq!(of(&[news(Read, true, 0, 0), news(Write, true, 0, 0)], false), gone);
        let reset = [news(Read, true, i64::from(libc::ECONNRESET), 0)];
        assert_eq!(of(&reset, false), R::READABLE | R::READ_HANGUP | R::ERROR | R::HANGUP);
    }

    #[test]
    fn a_registration_of_which_half_fails_is_taken_back() {
        let (mut selector, other) =
            (KqueueSelector::new().unwrap(), KqueueSelector::new().unwrap());
        let fd = other.as_fd().unwrap().as_raw_fd();
        // A kqueue can be waited for to be readable, never to be writable.
        let error = selector.register(fd, Interest::BOTH, OLD).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        assert!(selector.is_empty());
        let left = [Change::Delete(Filter::Read)];
        let answers = selector.kqueue.change(fd, &left).unwrap();
        assert_eq!(answers[0], i64::from(libc::ENOENT), "no knote may be left");
    }

    #[test]
    fn a_change_of_which_half_fails_leaves_the_old_registration() {
        let (mut selector, other) =
            (KqueueSelector::new().unwrap(), KqueueSelector::new().unwrap());
        let fd = other.as_fd().unwrap().as_raw_fd();
        selector.register(fd, Interest::READ, OLD).unwrap();
        selector.modify(fd, Interest::BOTH, NEW).unwrap_err();
        assert_eq!(selector.get_map(), [SelectorKey { fd, interest: Interest::READ, token: OLD }]);
        let answers = selector.kqueue.change(fd, &[Change::Delete(Filter::Read)]).unwrap();
        assert_eq!(answers[0], 0, "the old knote must still be there");
    }

    #[test]
    fn a_pipe_that_says_epipe_when_it_is_added_is_registered() {
        let mut selector = KqueueSelector::new().unwrap();
        let (reader, writer) = crate::sys::testing::pipe();
        drop(reader);
        selector.register(writer.as_raw_fd(), Interest::WRITE, OLD).unwrap();
        let mut events = Vec::new();
        selector.select(Some(Duration::ZERO), &mut events).unwrap();
        let readiness = Readiness::WRITABLE | Readiness::ERROR;
        assert_eq!(events, [Event { token: OLD, readiness }]);
    }

    #[test]
    fn an_event_with_another_registrations_word_is_dropped() {
        let mut selector = KqueueSelector::new().unwrap();
        let (_reader, writer) = crate::sys::testing::pipe();
        let fd = writer.as_raw_fd();
        selector.register(fd, Interest::WRITE, NEW).unwrap();
        selector.kqueue.change(fd, &[Change::Add(Filter::Write, OLD.to_bits())]).unwrap();
        let mut events = Vec::new();
        selector.select(Some(Duration::ZERO), &mut events).unwrap();
        assert_eq!(events, []);
    }
}
