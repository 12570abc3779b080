//! A task, as whoever holds its handle sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::cell::{TaskCell, enqueue, with_current};
use super::failure::{failure, has_failed, report_unread};
use super::header::{Header, Turn};
use super::join_error::JoinError;
use super::joiner::Joiner;
use crate::event_loop::Run;
use crate::observe::{Record, Resource, Site, TaskEnd, TaskId, Wait, note_wait};

/// What a `Task` handle can do with its task, whatever the future.
pub(super) trait Join<T> {
    fn header(&self) -> &Header;
    fn take(&self) -> Option<Result<T, JoinError>>;
    fn failed(&self) -> bool;
    fn take_failure(&self) -> Option<String>;
    fn as_run(self: Rc<Self>) -> Rc<dyn Run>;
}

impl<F: Future + 'static> Join<F::Output> for TaskCell<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn take(&self) -> Option<Result<F::Output, JoinError>> {
        TaskCell::take(self)
    }

    fn failed(&self) -> bool {
        self.peek(has_failed).unwrap_or(false)
    }

    fn take_failure(&self) -> Option<String> {
        failure(&TaskCell::take(self)?)
    }

    fn as_run(self: Rc<Self>) -> Rc<dyn Run> {
        self
    }
}

/// A task: a future that the loop drives, and that yields its value to whoever awaits the task.
/// (`asyncio.Task`)
///
/// The loop owns the task: dropping a `Task` detaches it, and it runs on. If it then panics, or
/// returns an error, nobody can read that any more, so the loop's exception handler is told. Of
/// returned errors evloop can tell `Result<(), E>` with `E` an [`io::Error`], a boxed error, a
/// string or a [`LoopError`](crate::LoopError).
///
/// Awaiting it gives `Result<T, JoinError>`: the value, or that it was cancelled or panicked. The
/// value is moved out, so a task is awaited once.
///
/// A task's value is its future's; nobody sets it from outside (TASK-07):
///
/// ```compile_fail,E0599
/// let event_loop = evloop::EventLoop::new().unwrap();
/// event_loop.create_task(async { 1 }).set_result(2);
/// ```
///
/// # Cancel safety
///
/// Dropping a pending await of `&mut task` loses nothing. Dropping the task does not cancel it.
pub struct Task<T>(pub(super) Rc<dyn Join<T>>);

impl<T> Task<T> {
    fn header(&self) -> &Header {
        self.0.header()
    }

    /// The task's number in its loop.
    pub fn id(&self) -> TaskId {
        self.header().id
    }

    /// Its name: the one given, or `Task-N`. (`Task.get_name`)
    pub fn name(&self) -> Rc<str> {
        self.header().name()
    }

    /// Names it. (`Task.set_name`)
    pub fn set_name(&self, name: impl Into<Rc<str>>) {
        set_name(self.header(), name.into());
    }

    /// Whether it has ended: returned, was cancelled, or panicked. (`Task.done`)
    pub fn done(&self) -> bool {
        self.header().is_done()
    }

    /// Whether it ended by being cancelled. (`Task.cancelled`)
    pub fn cancelled(&self) -> bool {
        self.header().end.get() == Some(TaskEnd::Cancelled)
    }

    /// Takes the value, if the task has ended; `None` while it has not. (`Task.result`)
    ///
    /// The second time it is [`JoinError::Taken`].
    pub fn result(&mut self) -> Option<Result<T, JoinError>> {
        self.done().then(|| self.0.take().unwrap_or(Err(JoinError::Taken)))
    }

    /// Asks the task to end; `false` if it has ended already. (`Task.cancel`)
    ///
    /// The request is delivered when the task is next stepped, at its innermost open
    /// [`cancel_scope`](crate::cancel_scope), which gives up what it awaits and returns
    /// `Err(Cancelled)` to code that may clean up, with awaits, and end or go on. A task without
    /// a scope is dropped where it stands and ends cancelled; one that has not begun never runs a
    /// line. Until it is delivered, [`cancelled`](Task::cancelled) stays false.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        request_cancel(self.header(), std::panic::Location::caller(), || self.0.clone().as_run())
    }

    /// How many cancel requests the task has had, less those taken back. (`Task.cancelling`)
    pub fn cancelling(&self) -> u32 {
        self.header().cancel_requests.get()
    }

    /// Takes one request back, and gives how many remain: for code that caught it and goes on.
    /// Does not undo its delivery. (`Task.uncancel`)
    pub fn uncancel(&self) -> u32 {
        let header = self.header();
        if !header.is_done() {
            header.cancel_requests.set(header.cancel_requests.get().saturating_sub(1));
        }
        header.cancel_requests.get()
    }

    /// Has `joiner` told when the task ends, instead of whom it was to tell before. Tells it at
    /// once if the task has ended.
    pub(super) fn set_joiner(&self, joiner: Joiner) {
        let header = self.header();
        match header.end.get() {
            Some(end) => joiner.told(|| self.0.failed(), end),
            None => drop(header.joiner.replace(Some(joiner))),
        }
    }

    /// Has nobody told.
    pub(super) fn clear_joiner(&self) {
        drop(self.header().joiner.take());
    }
}

/// Whether `task` belongs to another loop than the task that is being polled.
pub(super) fn in_other_loop<T>(task: &Task<T>) -> bool {
    with_current(|current| !Rc::ptr_eq(&current.home, &task.header().home)) == Some(true)
}

/// Names a task.
pub(super) fn set_name(header: &Header, name: Rc<str>) {
    let observe = &header.home.ready.observe;
    observe.tell(|| Record::TaskNamed { task: header.id, name: name.clone() });
    let old = header.extras().name.replace(Some(name));
    drop(old);
}

/// Notes a cancel request and queues the task, or wakes its innermost scope.
pub(super) fn request_cancel(
    header: &Header,
    at: Site,
    task: impl FnOnce() -> Rc<dyn Run>,
) -> bool {
    if header.is_done() {
        return false;
    }
    header.home.ready.observe.tell(|| Record::CancelRequested { task: header.id, at });
    header.cancel_requests.set(header.cancel_requests.get() + 1);
    header.must_cancel.set(true);
    let scope = header.extras.get().and_then(|extras| extras.scopes.innermost_waker());
    if let Some(scope) = scope {
        scope.wake();
    }
    if header.advance(Turn::Woken) {
        enqueue(header, task());
    }
    true
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let header = self.header();
        if header.is_done() {
            return Poll::Ready(self.0.take().unwrap_or(Err(JoinError::Taken)));
        }
        let misplaced = with_current(|current| {
            if std::ptr::eq(current, header) {
                return Some(JoinError::AwaitsItself);
            }
            (!Rc::ptr_eq(&current.home, &header.home)).then_some(JoinError::DifferentLoop)
        });
        if let Some(error) = misplaced.flatten() {
            return Poll::Ready(Err(error));
        }
        note_wait(None, Resource::Task(header.id));
        let joiner = header.joiner.take();
        let kept = match joiner {
            Some(Joiner::Awaiting(waker)) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        header.joiner.set(Some(Joiner::Awaiting(kept)));
        Poll::Pending
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let header = self.header();
        if !header.is_done() {
            header.detached.set(true);
            drop(header.joiner.take());
        } else if !header.taken.get() {
            if let Some(failure) = self.0.take_failure() {
                report_unread(header, failure);
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        let state = match header.end.get() {
            Some(TaskEnd::Finished) => "finished",
            Some(TaskEnd::Cancelled) => "cancelled",
            Some(TaskEnd::Panicked) => "panicked",
            None if header.must_cancel.get() => "cancelling",
            None => "pending",
        };
        write!(f, "<Task {state} name='{}' at {}", self.name(), header.spawned_at)?;
        match header.wait.get() {
            Some(Wait { at: Some(at), on }) if !header.is_done() => {
                write!(f, " wait_for={on:?} at {at}>")
            }
            Some(Wait { on, .. }) if !header.is_done() => write!(f, " wait_for={on:?}>"),
            _ => f.write_str(">"),
        }
    }
}
