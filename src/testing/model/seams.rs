//! What stands at the loop's seams, and notes what the loop does there: an observer, a policy and a
//! selector.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use super::{MOST_POLLS, Refusal, Seen};
use crate::event_loop::{ManualClock, Policy};
use crate::observe::{Observer, Record};
use crate::selector::{Bell, Event, Interest, Selector, SelectorKey, Token};
use crate::sys::Time;

/// What selector, policy and observer note.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) seen: RefCell<Vec<Seen>>,
    pub(super) picks: RefCell<Vec<usize>>,
    pub(super) polls: Cell<usize>,
    /// The loop has told its observer of the poll that comes.
    pub(super) told: Cell<bool>,
    /// Why the selector refused.
    pub(super) end: RefCell<Option<Refusal>>,
}

impl Notes {
    pub(super) fn see(&self, seen: Seen) {
        self.seen.borrow_mut().push(seen);
    }

    /// The selector is handed a timeout. The loop may have told its observer of another.
    fn handed(&self, timeout: Option<Duration>) {
        let seen = Seen::Timeout(timeout);
        if !self.told.take() || self.seen.borrow().last() != Some(&seen) {
            self.see(seen);
        }
    }

    pub(super) fn refuse(&self, why: Refusal) -> io::Error {
        self.end.replace(Some(why));
        io::Error::other("the comparison ends this run")
    }
}

/// An observer that notes what is told of polls.
pub(super) struct Noted(pub(super) Rc<Notes>);

impl Observer for Noted {
    fn record(&mut self, _: Time, record: &Record) {
        match record {
            Record::Poll { timeout, .. } => {
                self.0.see(Seen::Timeout(*timeout));
                self.0.told.set(true);
            }
            Record::PollSkipped => self.0.see(Seen::PollSkipped),
            _ => {}
        }
    }
}

/// A policy that picks what it was given, and notes it.
pub(super) struct Picking {
    pub(super) left: VecDeque<u8>,
    pub(super) notes: Rc<Notes>,
}

impl Policy for Picking {
    fn pick(&mut self, ready: usize) -> usize {
        if ready < 2 {
            return 0;
        }
        let picked = usize::from(self.left.pop_front().unwrap_or(0)) % ready;
        self.notes.picks.borrow_mut().push(picked);
        picked
    }
}

/// A selector that notes the timeouts it is handed and never sleeps: where nothing has come, the
/// clock moves by what the sleep would have taken. It tells events in the order of descriptors.
pub(super) struct Listened {
    pub(super) inner: Box<dyn Selector>,
    pub(super) clock: ManualClock,
    pub(super) notes: Rc<Notes>,
    pub(super) descending: bool,
}

impl Selector for Listened {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.inner.register(fd, interest, token)
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.inner.modify(fd, interest, token)
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.inner.unregister(fd)
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.notes.handed(timeout);
        self.notes.polls.set(self.notes.polls.get() + 1);
        if self.notes.polls.get() > MOST_POLLS {
            return Err(self.notes.refuse(Refusal::Endless));
        }
        self.inner.select(Some(Duration::ZERO), events)?;
        events.sort_by_key(|event| event.token.slot());
        if self.descending {
            events.reverse();
        }
        if events.is_empty() {
            let sleep = timeout.ok_or_else(|| self.notes.refuse(Refusal::Quiescent))?;
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
