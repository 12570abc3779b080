//! Who is told when a task ends.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use crate::observe::TaskEnd;

/// Whoever waits for a task.
pub(crate) enum Joiner {
    /// A task that awaits it.
    Awaiting(Waker),
    /// A `wait` or `gather` over many.
    Counting(Rc<Countdown>),
}

impl Joiner {
    pub(crate) fn told(self, failed: bool, end: TaskEnd) {
        match self {
            Joiner::Awaiting(waker) => waker.wake(),
            Joiner::Counting(countdown) => countdown.told(failed, end),
        }
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

/// Counts the ends of many tasks: one step for each, however many there are.
pub(crate) struct Countdown {
    left: Cell<usize>,
    over: Cell<bool>,
    return_when: ReturnWhen,
    waker: Cell<Option<Waker>>,
}

impl Countdown {
    pub(crate) fn new(left: usize, return_when: ReturnWhen) -> Rc<Self> {
        Rc::new(Countdown {
            left: Cell::new(left),
            over: Cell::new(left == 0),
            return_when,
            waker: Cell::new(None),
        })
    }

    /// A task has ended.
    pub(crate) fn told(&self, failed: bool, end: TaskEnd) {
        self.left.set(self.left.get() - 1);
        let enough = match self.return_when {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => failed && end != TaskEnd::Cancelled,
            ReturnWhen::AllCompleted => false,
        };
        if (enough || self.left.get() == 0) && !self.over.replace(true) {
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// Whether it is over; if not, `waker` is woken when it is.
    pub(crate) fn is_over_or_wakes(&self, waker: &Waker) -> bool {
        if !self.over.get() {
            self.waker.set(Some(waker.clone()));
        }
        self.over.get()
    }
}
