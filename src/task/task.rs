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
use super::observed::{DoneCallbackId, add_done_callback};
use super::task_ref::TaskRef;
use crate::event_loop::{Resident, Run};
use crate::observe::{Record, Resource, Site, TaskEnd, TaskId, Wait, note_wait};

/// What a `Task` handle can do with its task, whatever the future.
pub(super) trait Join<T> {
    fn header(&self) -> &Header;
    fn take(&self) -> Option<Result<T, JoinError>>;
    fn failed(&self) -> bool;
    fn take_failure(&self) -> Option<String>;
    fn as_run(self: Rc<Self>) -> Rc<dyn Run>;
    fn as_resident(self: Rc<Self>) -> Rc<dyn Resident>;
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

    fn as_resident(self: Rc<Self>) -> Rc<dyn Resident> {
        self
    }
}

/// A task: a future that the loop drives, and that yields its value to whoever awaits the task.
/// (`asyncio.Task`)
///
/// The loop owns the task: dropping a `Task` detaches it, and it runs on. If it then panics, or
/// returns an error, nobody can read that any more, so the loop's exception handler is told. Of
/// returned errors evloop can tell `Result<(), E>` with `E` an [`io::Error`](std::io::Error), a boxed
/// error, a string or a [`LoopError`](crate::LoopError).
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
    pub(super) fn header(&self) -> &Header {
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
        self.cancel_at(std::panic::Location::caller())
    }

    /// The same for code at `at`.
    pub(super) fn cancel_at(&self, at: Site) -> bool {
        request_cancel(self.header(), at, || self.0.clone().as_run())
    }

    /// [`cancel`](Task::cancel), and says why: whoever hears the request reads it with
    /// [`cancel_message`](crate::cancel_message), whoever holds the task with
    /// [`Task::cancel_message`]. (`Task.cancel(msg)`)
    ///
    /// Of several requests the last message counts, until a request comes without one.
    #[track_caller]
    pub fn cancel_with(&self, message: impl Into<Rc<str>>) -> bool {
        let asked = self.cancel();
        if asked {
            self.header().extras().cancel_message.replace(Some(message.into()));
        }
        asked
    }

    /// Why it was asked to end, if somebody said. (The argument of a `CancelledError`)
    pub fn cancel_message(&self) -> Option<Rc<str>> {
        cancel_message_of(self.header())
    }

    /// Another name for the task, which does not know what it comes to: to cancel it, and to look
    /// at it, from elsewhere.
    pub fn task_ref(&self) -> TaskRef {
        TaskRef::new(self.0.clone().as_resident())
    }

    /// Has `callback` called, as by `call_soon`, when the task has ended, with how; in the next
    /// turn if it has already. Callbacks go in the order they came. (`Task.add_done_callback`)
    ///
    /// The value stays with the task's handle. On a closed loop the callback is never called.
    #[track_caller]
    pub fn add_done_callback(&self, callback: impl FnOnce(TaskEnd) + 'static) -> DoneCallbackId {
        add_done_callback(self.header(), callback, std::panic::Location::caller())
    }

    /// The callback is not called any more, and is dropped; `false` if it was called, or removed,
    /// before. (`Task.remove_done_callback`)
    pub fn remove_done_callback(&self, id: DoneCallbackId) -> bool {
        id.remove()
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
            None => drop(Joiner::set(&header.joiner, Some(joiner))),
        }
    }

    /// Has nobody told.
    pub(super) fn clear_joiner(&self) {
        drop(Joiner::set(&self.header().joiner, None));
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

/// Why a task was asked to end, if somebody said.
pub(super) fn cancel_message_of(header: &Header) -> Option<Rc<str>> {
    header.extras.get()?.cancel_message.borrow().clone()
}

fn forget_message(header: &Header) {
    if let Some(extras) = header.extras.get() {
        drop(extras.cancel_message.take());
    }
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
    forget_message(header);
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
            Some(Joiner::Observed(observed)) => {
                header.joiner.set(Some(observed.awaited(context.waker())));
                return Poll::Pending;
            }
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
            drop(Joiner::set(&header.joiner, None));
        } else if !header.taken.get() {
            if let Some(failure) = self.0.take_failure() {
                report_unread(header, failure);
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self.header(), f)
    }
}

/// How a task stands, where it was spawned and what it waits for.
pub(super) fn describe(header: &Header, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let state = match header.end.get() {
        Some(TaskEnd::Finished) => "finished",
        Some(TaskEnd::Cancelled) => "cancelled",
        Some(TaskEnd::Panicked) => "panicked",
        None if header.must_cancel.get() => "cancelling",
        None => "pending",
    };
    write!(f, "<Task {state} name='{}' at {}", header.name(), header.spawned_at)?;
    match header.wait.get() {
        Some(Wait { at: Some(at), on }) if !header.is_done() => {
            write!(f, " wait_for={on:?} at {at}>")
        }
        Some(Wait { on, .. }) if !header.is_done() => write!(f, " wait_for={on:?}>"),
        _ => f.write_str(">"),
    }
}
