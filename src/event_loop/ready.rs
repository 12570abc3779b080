//! The ready queue: what runs next, and what belongs to this turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use super::handle::Run;
use crate::observe::{HandleId, Observe, Record, What};
use crate::selector::Bell;

/// What a handle does when its turn comes.
pub(crate) enum Work {
    /// Runs a callback, a watcher, a transport, a task.
    Run(Rc<dyn Run>),
    /// Wakes whoever slept on a timer.
    Wake(Waker),
}

impl Work {
    pub(crate) fn what(&self) -> What {
        match self {
            Work::Run(run) => run.what(),
            Work::Wake(_) => What::Wake,
        }
    }
}

/// One handle in the queue.
pub(crate) struct Entry {
    pub(crate) work: Work,
    /// Its own number.
    pub(crate) id: HandleId,
    /// The handle that ran when it was queued.
    pub(crate) cause: HandleId,
}

/// Which of the ready handles runs next: the seam for those who test what schedules.
///
/// The loop that ships has none: it takes the first, by a plain `pop_front`.
pub trait Policy {
    /// Of `ready` handles that may run now, in the order they were queued: the index of the next.
    ///
    /// A policy that panics is reported to the exception handler and not asked again.
    fn pick(&mut self, ready: usize) -> usize;
}

/// What stands between a push and the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// The next push rings the bell.
    Rings,
    /// Pushes are dropped.
    Closed,
}

/// The queue. Anything on the loop's thread may push at any time; only the turn pops.
pub(crate) struct Ready {
    queue: RefCell<VecDeque<Entry>>,
    next_id: Cell<u64>,
    gate: Cell<Gate>,
    bell: RefCell<Option<Bell>>,
    policy: RefCell<Option<Box<dyn Policy>>>,
    has_policy: bool,
    pub(crate) observe: Rc<Observe>,
}

impl Ready {
    pub(crate) fn new(observe: Rc<Observe>, policy: Option<Box<dyn Policy>>) -> Self {
        Ready {
            queue: RefCell::default(),
            next_id: Cell::new(1),
            gate: Cell::new(Gate::Open),
            bell: RefCell::default(),
            has_policy: policy.is_some(),
            policy: RefCell::new(policy),
            observe,
        }
    }

    /// Queues `work` behind everything else. A closed queue drops it.
    #[inline]
    pub(crate) fn push(&self, work: Work) {
        if self.gate.get() != Gate::Open && !self.pass_gate() {
            return;
        }
        let id = HandleId(self.next_id.get());
        self.next_id.set(id.0 + 1);
        let cause = self.observe.current();
        self.observe.tell(|| Record::Queued { handle: id, what: work.what(), cause });
        self.queue.borrow_mut().push_back(Entry { work, id, cause });
    }

    #[cold]
    fn pass_gate(&self) -> bool {
        if self.gate.get() == Gate::Rings {
            self.gate.set(Gate::Open);
            let bell = self.bell.take();
            bell.iter().for_each(Bell::ring);
        }
        self.gate.get() == Gate::Open
    }

    /// Has the next push ring `bell`, or none.
    pub(crate) fn when_pushed(&self, bell: Option<&Bell>) {
        if self.gate.get() != Gate::Closed {
            self.gate.set(if bell.is_some() { Gate::Rings } else { Gate::Open });
            self.bell.replace(bell.cloned());
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Takes everything that is ready now, in exchange for an empty queue that grew before.
    #[inline]
    pub(crate) fn take_turn(&self, empty: VecDeque<Entry>) -> VecDeque<Entry> {
        self.queue.replace(empty)
    }

    /// Takes the next handle of a turn: the first, unless a policy picks another.
    #[inline]
    pub(crate) fn pick(&self, turn: &mut VecDeque<Entry>) -> Option<Entry> {
        if self.has_policy { self.pick_by_policy(turn) } else { turn.pop_front() }
    }

    /// A policy that panicked is not asked again.
    #[cold]
    pub(crate) fn dismiss_policy(&self) {
        let policy = self.policy.take();
        drop(policy);
    }

    #[cold]
    fn pick_by_policy(&self, turn: &mut VecDeque<Entry>) -> Option<Entry> {
        let picked = match &mut *self.policy.borrow_mut() {
            Some(policy) if !turn.is_empty() => policy.pick(turn.len()) % turn.len(),
            _ => 0,
        };
        turn.remove(picked)
    }

    /// Closes the queue and gives what was in it, to be dropped outside every borrow.
    pub(crate) fn close(&self) -> VecDeque<Entry> {
        self.gate.set(Gate::Closed);
        self.queue.take()
    }
}
