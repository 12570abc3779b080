//! The ready queue: what runs next, and what belongs to this turn.

use std::cell::{Cell, RefCell, RefMut};
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
    queue: RefCell<Vec<Entry>>,
    next_id: Cell<u64>,
    gate: Cell<Gate>,
    bell: RefCell<Option<Bell>>,
    policy: RefCell<Option<Box<dyn Policy>>>,
    asking_policy: Cell<bool>,
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
            asking_policy: Cell::new(false),
            has_policy: policy.is_some(),
            policy: RefCell::new(policy),
            observe,
        }
    }

    /// Queues `work` behind everything else. A closed queue drops it.
    pub(crate) fn push(&self, work: Work) {
        if let Some(mut batch) = self.batch() {
            batch.push(work);
        }
    }

    /// The same for what is queued most.
    #[inline(always)]
    pub(crate) fn push_run(&self, run: Rc<dyn Run>) {
        if self.gate.get() == Gate::Open {
            if let Ok(queue) = self.queue.try_borrow_mut() {
                return Batch { ready: self, queue }.push_run(run);
            }
        }
        self.push_run_slowly(run);
    }

    #[cold]
    #[inline(never)]
    fn push_run_slowly(&self, run: Rc<dyn Run>) {
        self.push(Work::Run(run));
    }

    /// Has many pushed, with one look at what stands before the queue; `None` if it is closed.
    #[inline]
    pub(crate) fn batch(&self) -> Option<Batch<'_>> {
        if self.gate.get() != Gate::Open && !self.pass_gate() {
            return None;
        }
        Some(Batch { ready: self, queue: self.queue.borrow_mut() })
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

    /// Has the handle that was queued last run first. (An arm of the zoo's.)
    pub(crate) fn move_last_to_front(&self) {
        self.queue.borrow_mut().rotate_right(1);
    }

    /// Takes everything that is ready now, in exchange for an empty queue that grew before.
    #[inline]
    pub(crate) fn take_turn(&self, turn: &mut Vec<Entry>) {
        std::mem::swap(turn, &mut self.queue.borrow_mut());
    }

    /// Whether a policy picks the handles of a turn; else they run in their order.
    #[inline]
    pub(crate) fn has_policy(&self) -> bool {
        self.has_policy
    }

    /// After a panic: if the policy is to blame, it is not asked again.
    #[cold]
    pub(crate) fn dismiss_policy_that_panicked(&self) {
        if self.asking_policy.take() {
            let policy = self.policy.take();
            drop(policy);
        }
    }

    /// Takes the next handle of a turn, as the policy says.
    #[cold]
    pub(crate) fn pick_by_policy(&self, turn: &mut Vec<Entry>) -> Option<Entry> {
        if turn.is_empty() {
            return None;
        }
        self.asking_policy.set(true);
        let picked = match &mut *self.policy.borrow_mut() {
            Some(policy) => policy.pick(turn.len()) % turn.len(),
            None => 0,
        };
        self.asking_policy.set(false);
        Some(turn.remove(picked))
    }

    /// Closes the queue and gives what was in it, to be dropped outside every borrow.
    pub(crate) fn close(&self) -> Vec<Entry> {
        self.gate.set(Gate::Closed);
        self.observe.forget_all_queued();
        self.queue.take()
    }
}

/// An open queue.
pub(crate) struct Batch<'a> {
    ready: &'a Ready,
    queue: RefMut<'a, Vec<Entry>>,
}

impl Batch<'_> {
    /// Queues a run behind everything else.
    ///
    /// Whatever could drop `run` on the way, above all the growth of the queue, is in a function of
    /// its own that takes it by value: else the compiler builds the entry in memory first, for the
    /// drop, and then copies it.
    #[inline(always)]
    pub(crate) fn push_run(&mut self, run: Rc<dyn Run>) {
        if self.queue.len() < self.queue.capacity() {
            self.push(Work::Run(run));
        } else {
            self.push_run_growing(run);
        }
    }

    #[cold]
    #[inline(never)]
    fn push_run_growing(&mut self, run: Rc<dyn Run>) {
        self.push(Work::Run(run));
    }

    /// Queues `work` behind everything else.
    #[inline(always)]
    fn push(&mut self, work: Work) {
        let id = HandleId(self.ready.next_id.get());
        self.ready.next_id.set(id.0 + 1);
        let observe = &*self.ready.observe;
        self.queue.push(Entry { work, id, cause: observe.current() });
        if observe.is_watched() {
            self.tell_queued();
        }
    }

    /// Tells of the last one. (Not of an entry on its way: it would have to be put in memory first,
    /// also when nobody looks.)
    #[cold]
    fn tell_queued(&self) {
        if let Some(Entry { work, id, cause }) = self.queue.last() {
            let (handle, what, cause) = (*id, work.what(), *cause);
            if let Work::Run(run) = work {
                self.ready.observe.note_queued(Rc::as_ptr(run).cast(), handle);
            }
            self.ready.observe.tell(|| Record::Queued { handle, what, cause });
        }
    }
}
