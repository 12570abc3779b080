//! Who is told when a task ends.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use super::observed::Observed;
use crate::observe::TaskEnd;

/// Whoever waits for a task.
pub(crate) enum Joiner {
    /// A task that awaits it.
    Awaiting(Waker),
    /// A `wait` or `gather` over many, and which of them this task is.
    Counting(Rc<Countdown>, usize),
    /// Somebody who takes many one by one as they end.
    Arriving(Rc<Arrivals>, usize),
    /// Callbacks, and perhaps one of the others: see `observed.rs`.
    Observed(Box<Observed>),
}

impl Joiner {
    /// Tells it; `failed` finds out whether the task failed, for those who want to know.
    #[inline]
    pub(crate) fn told(self, failed: impl Fn() -> bool, end: TaskEnd) {
        match self {
            Joiner::Awaiting(waker) => waker.wake(),
            joiner => joiner.told_apart(&failed, end),
        }
    }

    /// Apart from [`told`](Joiner::told), of which there is one for each kind of task.
    #[inline(never)]
    pub(super) fn told_apart(self, failed: &dyn Fn() -> bool, end: TaskEnd) {
        match self {
            Joiner::Awaiting(waker) => waker.wake(),
            Joiner::Counting(countdown, index) => countdown.told(index, failed, end),
            Joiner::Arriving(arrivals, index) => arrivals.told(index),
            Joiner::Observed(observed) => observed.told_apart(failed, end),
        }
    }

    /// Puts `joiner` in the place of whoever waits there; callbacks stay. Gives who did.
    pub(crate) fn set(place: &Cell<Option<Joiner>>, joiner: Option<Joiner>) -> Option<Joiner> {
        match place.take() {
            Some(Joiner::Observed(mut observed)) => {
                let old = std::mem::replace(&mut observed.waits, joiner);
                place.set(Some(Joiner::Observed(observed)));
                old
            }
            old => {
                place.set(joiner);
                old
            }
        }
    }

    /// The waker of whoever waits.
    pub(crate) fn waker<R>(&self, look: impl FnOnce(&Waker) -> R) -> Option<R> {
        let place = match self {
            Joiner::Awaiting(waker) => return Some(look(waker)),
            Joiner::Counting(countdown, _) => countdown.waker(),
            Joiner::Arriving(arrivals, _) => arrivals.waker(),
            Joiner::Observed(observed) => return observed.waits.as_ref()?.waker(look),
        };
        let waker = place.take()?;
        let seen = look(&waker);
        place.set(Some(waker));
        Some(seen)
    }
}

/// Which of many tasks have ended, in the order they did.
#[derive(Default)]
pub(crate) struct Arrivals {
    ended: RefCell<VecDeque<usize>>,
    waker: Cell<Option<Waker>>,
}

impl Arrivals {
    pub(crate) fn told(&self, index: usize) {
        self.ended.borrow_mut().push_back(index);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The next; if there is none, `waker` is woken when there is.
    pub(crate) fn next_or_wakes(&self, waker: &Waker) -> Option<usize> {
        let next = self.next();
        if next.is_none() {
            self.waker.set(Some(waker.clone()));
        }
        next
    }

    /// The next, if there is one.
    pub(crate) fn next(&self) -> Option<usize> {
        self.ended.borrow_mut().pop_front()
    }

    /// How to wake who waits for the next.
    pub(crate) fn waker(&self) -> &Cell<Option<Waker>> {
        &self.waker
    }
}

/// When a wait over many tasks is over. (`asyncio.wait`'s `return_when`)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReturnWhen {
    /// When one has ended, however.
    FirstCompleted,
    /// When one has failed: panicked, or returned an error that evloop can tell (see
    /// [`Task`](crate::Task)). A cancelled one does not count. Without a failure, as
    /// `AllCompleted`.
    FirstException,
    /// When all have ended.
    #[default]
    AllCompleted,
}

/// What ends a countdown before all have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Until {
    /// An end that suffices for this.
    Wait(ReturnWhen),
    /// A task that ended without a value: cancelled or panicked.
    NoValue,
}

/// Counts the ends of many tasks: one step for each, however many there are.
pub(crate) struct Countdown {
    left: Cell<usize>,
    over: Cell<bool>,
    until: Until,
    /// The one that ended it early.
    first: Cell<Option<usize>>,
    waker: Cell<Option<Waker>>,
}

impl Countdown {
    pub(crate) fn new(left: usize, until: Until) -> Rc<Self> {
        Rc::new(Countdown {
            left: Cell::new(left),
            over: Cell::new(left == 0),
            until,
            first: Cell::new(None),
            waker: Cell::new(None),
        })
    }

    /// A task has ended.
    fn told(&self, index: usize, failed: &dyn Fn() -> bool, end: TaskEnd) {
        self.left.set(self.left.get().saturating_sub(1));
        let enough = match self.until {
            Until::Wait(ReturnWhen::FirstCompleted) => true,
            Until::Wait(ReturnWhen::FirstException) => end != TaskEnd::Cancelled && failed(),
            Until::Wait(ReturnWhen::AllCompleted) => false,
            Until::NoValue => end != TaskEnd::Finished,
        };
        if enough {
            self.end_early(index);
        } else if self.left.get() == 0 {
            self.end();
        }
    }

    /// This one ends it, whatever the others do.
    pub(crate) fn end_early(&self, index: usize) {
        if !self.over.get() {
            self.first.set(Some(index));
            self.end();
        }
    }

    fn end(&self) {
        if !self.over.replace(true) {
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// How to wake who waits for it.
    pub(crate) fn waker(&self) -> &Cell<Option<Waker>> {
        &self.waker
    }

    /// The one that ended it early.
    pub(crate) fn first(&self) -> Option<usize> {
        self.first.get()
    }

    /// Whether it is over; if not, `waker` is woken when it is.
    pub(crate) fn is_over_or_wakes(&self, waker: &Waker) -> bool {
        if !self.over.get() {
            let kept = match self.waker.take() {
                Some(kept) if kept.will_wake(waker) => kept,
                _ => waker.clone(),
            };
            self.waker.set(Some(kept));
        }
        self.over.get()
    }
}
