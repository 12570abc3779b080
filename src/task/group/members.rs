//! The tasks of a group, as the group knows them.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::super::cell::{Payload, with_current};
use super::super::join_error::JoinError;
use super::super::spawn::the_loop;
use super::super::task::Task;
use super::error::{GroupCause, GroupFailure, is_cancellation};
use super::{OnError, TaskGroup};
use crate::event_loop::Resident;
use crate::observe::{Site, TaskId};

/// What a group's block, its tasks and its names share.
pub(super) struct Shared<E> {
    members: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
    /// Members that have not ended.
    pub(super) living: Cell<usize>,
    pub(super) failures: RefCell<Vec<GroupFailure<E>>>,
    pub(super) on_error: Cell<OnError>,
    pub(super) phase: Cell<Phase>,
    /// Whoever waits for the group.
    pub(super) waiting: Cell<Option<Waker>>,
    pub(super) at: Site,
}

/// How far a group has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Open,
    /// All are asked to end, and no more may join.
    Aborting,
    Finished,
}

enum Place {
    Free,
    /// It is about to be told which task this is.
    Taken,
    Task(Rc<dyn Resident>),
}

impl<E> Shared<E> {
    pub(super) fn new(at: Site) -> Rc<Self> {
        Rc::new(Shared {
            members: RefCell::default(),
            free: RefCell::default(),
            living: Cell::new(0),
            failures: RefCell::default(),
            on_error: Cell::default(),
            phase: Cell::new(Phase::Open),
            waiting: Cell::new(None),
            at,
        })
    }

    fn take_place(&self) -> usize {
        self.living.set(self.living.get() + 1);
        let mut members = self.members.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or(members.len());
        match members.get_mut(place) {
            Some(free) => *free = Place::Taken,
            None => members.push(Place::Taken),
        }
        place
    }

    /// Whoever waits for the group looks at it again.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Asks every member to end, and refuses new ones.
    pub(super) fn abort(&self) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::Aborting);
        let task = |place: &Place| match place {
            Place::Task(task) => Some(task.clone()),
            _ => None,
        };
        let tasks: Vec<_> = self.members.borrow().iter().filter_map(task).collect();
        for task in tasks {
            task.ask_to_end(self.at);
        }
        self.wake();
    }

    /// Somebody failed; the policy says what that means for the others.
    pub(super) fn failed(&self, task: Option<TaskId>, cause: GroupCause<E>)
    where
        E: 'static,
    {
        let is_failure = !matches!(&cause, GroupCause::Error(error) if is_cancellation(error));
        if is_failure {
            self.failures.borrow_mut().push(GroupFailure { task, cause });
        }
        if self.on_error.get() == OnError::CancelRest && (is_failure || task.is_none()) {
            self.abort();
        }
    }
}

/// A task's place in its group, until its future is dropped.
struct Member<E> {
    shared: Rc<Shared<E>>,
    place: usize,
}

impl<E> Member<E> {
    /// Ends its own task, whose failure is told: nobody is to have a value of it.
    fn end(&self) {
        let task = match self.shared.members.borrow().get(self.place) {
            Some(Place::Task(task)) => Some(task.clone()),
            _ => None,
        };
        let asked = with_current(|header| header.must_cancel.get()) == Some(true);
        if let Some(task) = task.filter(|_| !asked) {
            task.ask_to_end(self.shared.at);
        }
    }
}

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        let left = self
            .shared
            .members
            .borrow_mut()
            .get_mut(self.place)
            .map(|place| std::mem::replace(place, Place::Free));
        drop(left);
        self.shared.free.borrow_mut().push(self.place);
        self.shared.living.set(self.shared.living.get() - 1);
        if self.shared.living.get() == 0 {
            self.shared.wake();
        }
    }
}

impl<E: 'static> TaskGroup<E> {
    /// Begins a task in the group. (`TaskGroup.create_task`)
    ///
    /// When it returns an error or panics, that is the group's: the task's own handle then says
    /// that it was cancelled. Tasks of the group may begin others in it, also while the group's
    /// block is over and waits for them.
    ///
    /// A group that is being cancelled, or is over, takes no more: the task is born ended, with
    /// [`JoinError::GroupShuttingDown`] or [`JoinError::GroupFinished`].
    ///
    /// # Panics
    ///
    /// As [`spawn`](crate::spawn), if the thread has no loop.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> Task<T>
    where
        T: 'static,
        F: IntoFuture<Output = Result<T, E>, IntoFuture: 'static>,
    {
        let at = std::panic::Location::caller();
        let event_loop = the_loop("TaskGroup::spawn");
        let shared = &self.0;
        let future = future.into_future();
        let refused = match shared.phase.get() {
            Phase::Open => None,
            Phase::Aborting => Some(JoinError::GroupShuttingDown),
            Phase::Finished => Some(JoinError::GroupFinished),
        };
        if let Some(error) = refused {
            return event_loop.refuse_task(async { unreachable_value(future).await }, error, at);
        }
        let place = shared.take_place();
        let member = Member { shared: shared.clone(), place };
        let task = event_loop.create_task_at(live(member, future), at);
        if let Some(place) = shared.members.borrow_mut().get_mut(place) {
            if matches!(place, Place::Taken) {
                *place = Place::Task(task.0.clone().as_resident());
            }
        }
        task
    }

    /// [`spawn`](TaskGroup::spawn) with a name.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn).
    #[track_caller]
    pub fn spawn_named<T, F>(&self, name: impl Into<Rc<str>>, future: F) -> Task<T>
    where
        T: 'static,
        F: IntoFuture<Output = Result<T, E>, IntoFuture: 'static>,
    {
        let task = self.spawn(future);
        task.set_name(name);
        task
    }
}

/// A future of the right type, which is dropped unpolled.
async fn unreachable_value<T, E>(future: impl Future<Output = Result<T, E>>) -> T {
    match future.await {
        Ok(value) => value,
        Err(_) => pending().await,
    }
}

/// What a member's task does: what it was given, and telling the group when that fails.
async fn live<T, E: 'static>(member: Member<E>, future: impl Future<Output = Result<T, E>>) -> T {
    let cause = match outcome_of(future).await {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => GroupCause::Error(error),
        Err(payload) => GroupCause::Panicked(payload),
    };
    member.shared.failed(with_current(|header| header.id), cause);
    member.end();
    pending().await
}

/// What a future comes to, or the panic it ends with.
async fn outcome_of<F: Future>(future: F) -> Result<F::Output, Payload> {
    let mut future = pin!(future);
    let poll =
        move |context: &mut std::task::Context<'_>| match catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(context)
        })) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        };
    poll_fn(poll).await
}
