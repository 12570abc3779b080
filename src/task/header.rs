//! What every task has, whatever its future: who it is, where it stands, who waits for it.
//!
//! A task's scheduling is one state:
//!
//! ```text
//! from      wake      step begins  Pending   Ready, panic, cancel
//! Idle      Queued    –            –         Done
//! Queued    Queued    Running      –         Done
//! Running   Rewoken   –            Idle      Done
//! Rewoken   Rewoken   –            Queued    Done
//! Done      Done      –            –         –
//! ```
//!
//! `Queued` and `Rewoken` mean that the ready queue holds one handle of the task, so it never
//! holds two; the handle of a task that is `Done` is passed over.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use super::joiner::Joiner;
use super::locals::Locals;
use super::scope::Scopes;
use crate::event_loop::{EventLoop, Home, ResidentKey};
#[cfg(feature = "testing")]
use crate::observe::Record;
use crate::observe::{Site, TaskEnd, TaskId, Wait};
use crate::sys::zoo::{self, Bug};

/// Where a task stands with the ready queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    Idle,
    Queued,
    Running,
    Rewoken,
    Done,
}

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    Woken,
    StepBegins,
    StepPending,
    Ended,
}

impl Schedule {
    /// The table above; `None` is its dash.
    #[inline]
    pub(crate) fn after(self, turn: Turn) -> Option<Schedule> {
        use Schedule::{Done, Idle, Queued, Rewoken, Running};
        match (self, turn) {
            (Idle, Turn::Woken) => Some(Queued),
            (Running, Turn::Woken) if zoo::is(Bug::WakeDuringPollLost) => Some(Running),
            (Running, Turn::Woken) => Some(Rewoken),
            (Queued | Rewoken | Done, Turn::Woken) => Some(self),
            (Queued, Turn::StepBegins) => Some(Running),
            (Running, Turn::StepPending) => Some(Idle),
            (Rewoken, Turn::StepPending) => Some(Queued),
            (Idle | Queued | Running | Rewoken, Turn::Ended) => Some(Done),
            _ => None,
        }
    }
}

/// What few tasks need. Open scopes share it, so that each finds its own task wherever it is
/// dropped.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) name: RefCell<Option<Rc<str>>>,
    pub(crate) scopes: Scopes,
    pub(crate) cancel_message: RefCell<Option<Rc<str>>>,
    pub(crate) locals: RefCell<Locals>,
}

/// The part of a task that does not depend on its future.
pub(crate) struct Header {
    pub(crate) home: Rc<Home>,
    pub(crate) id: TaskId,
    pub(crate) spawned_at: Site,
    pub(crate) schedule: Cell<Schedule>,
    pub(crate) end: Cell<Option<TaskEnd>>,
    pub(crate) detached: Cell<bool>,
    /// The output was taken: nothing is left to be read or reported.
    pub(crate) taken: Cell<bool>,
    pub(crate) must_cancel: Cell<bool>,
    pub(crate) cancel_requests: Cell<u32>,
    pub(crate) resident: Cell<ResidentKey>,
    pub(crate) joiner: Cell<Option<Joiner>>,
    pub(crate) wait: Cell<Option<Wait>>,
    pub(crate) extras: OnceCell<Rc<Extras>>,
    /// Wakers made on the loop's thread, less those dropped there. See `cell.rs`.
    pub(super) wakers: Cell<isize>,
    /// Wakers hold their common reference.
    pub(super) held: Cell<bool>,
    /// Wakers made on other threads.
    pub(super) remote_wakers: AtomicIsize,
    /// A wake from another thread is on its way.
    pub(super) remote_wake: AtomicBool,
}

impl Header {
    #[inline(always)]
    pub(crate) fn new(home: Rc<Home>, id: TaskId, spawned_at: Site) -> Self {
        Header {
            home,
            id,
            spawned_at,
            schedule: Cell::new(Schedule::Idle),
            end: Cell::new(None),
            detached: Cell::new(false),
            taken: Cell::new(false),
            must_cancel: Cell::new(false),
            cancel_requests: Cell::new(0),
            resident: Cell::new(0),
            joiner: Cell::new(None),
            wait: Cell::new(None),
            extras: OnceCell::new(),
            wakers: Cell::new(0),
            held: Cell::new(false),
            remote_wakers: AtomicIsize::new(0),
            remote_wake: AtomicBool::new(false),
        }
    }

    /// The same header for another task in the same cell, as new. Nobody knows of the task before.
    #[cfg(feature = "http")]
    #[inline(always)]
    pub(super) fn renew(&mut self, new_id: TaskId, at: Site) {
        #[cfg(feature = "testing")]
        self.home.ready.observe.tell(|| Record::TaskFreed { task: self.id });
        // Every field is named, so that none is forgotten.
        let Header {
            home: _,
            id,
            spawned_at,
            schedule,
            end,
            detached,
            taken,
            must_cancel,
            cancel_requests,
            resident,
            joiner,
            wait,
            extras,
            wakers,
            held,
            remote_wakers,
            remote_wake,
        } = self;
        (*id, *spawned_at) = (new_id, at);
        schedule.set(Schedule::Idle);
        end.set(None);
        for flag in [detached, taken, must_cancel, held] {
            flag.set(false);
        }
        cancel_requests.set(0);
        resident.set(0);
        // What has to be dropped is hardly ever there.
        if joiner.get_mut().is_some() {
            joiner.set(None);
        }
        wait.set(None);
        if extras.get().is_some() {
            extras.take();
        }
        wakers.set(0);
        *remote_wakers.get_mut() = 0;
        *remote_wake.get_mut() = false;
    }

    /// Takes a step of the table, and tells whether the state changed.
    #[inline]
    pub(crate) fn advance(&self, turn: Turn) -> bool {
        let before = self.schedule.get();
        let after = before.after(turn).unwrap_or(before);
        self.schedule.set(after);
        before != after || (zoo::is(Bug::WakeNotDeduplicated) && turn == Turn::Woken)
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.schedule.get() == Schedule::Done
    }

    pub(crate) fn event_loop(&self) -> Option<EventLoop> {
        self.home.event_loop()
    }

    /// The name given, or `Task-N`.
    pub(crate) fn name(&self) -> Rc<str> {
        let given = self.extras.get().and_then(|extras| extras.name.borrow().clone());
        given.unwrap_or_else(|| format!("Task-{}", self.id.0).into())
    }

    /// The extras, which are there from then on.
    pub(crate) fn extras(&self) -> &Rc<Extras> {
        self.extras.get_or_init(Rc::default)
    }

    /// Whether a cancel scope is open in the task.
    #[inline]
    pub(crate) fn has_scope(&self) -> bool {
        self.extras.get().is_some_and(|extras| extras.scopes.hears())
    }

    /// How many wakers there are, on the loop's thread. (See `cell.rs`.)
    #[inline]
    pub(super) fn wakers_alive(&self) -> isize {
        self.wakers.get() + self.remote_wakers.load(Ordering::Relaxed)
    }
}

/// The task's memory goes.
#[cfg(feature = "testing")]
impl Drop for Header {
    fn drop(&mut self) {
        self.home.ready.observe.tell(|| Record::TaskFreed { task: self.id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_docs_is_the_table_of_the_code() {
        use Schedule::*;
        let turns = [Turn::Woken, Turn::StepBegins, Turn::StepPending, Turn::Ended];
        let mut table =
            String::from("//! from      wake      step begins  Pending   Ready, panic, cancel\n");
        for from in [Idle, Queued, Running, Rewoken, Done] {
            let cells =
                turns.map(|turn| from.after(turn).map_or("–".into(), |to| format!("{to:?}")));
            let row = format!(
                "//! {:<9} {:<9} {:<12} {:<9} {}",
                format!("{from:?}"),
                cells[0],
                cells[1],
                cells[2],
                cells[3]
            );
            table.push_str(&format!("{row}\n"));
        }
        assert!(include_str!("header.rs").contains(&table), "the docs want:\n{table}");
    }
}
