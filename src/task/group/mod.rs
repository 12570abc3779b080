//! Task groups: tasks that end together, and whose errors come out together.
//!
//! ```text
//! block     tasks         a failure, cancel(), a request    all have ended
//! runs      may join      all and the block are asked       –
//! is over   may join      all are asked                     the outcome
//! asked     refused       –                                 the outcome
//! ```

mod error;
mod members;

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use error::{GroupCause, GroupError, GroupFailure};
use members::{Phase, Shared};

use super::cell::{Inside, Payload};
use super::scope::{OpenScope, Request};
use crate::observe::{Resource, note_wait};

/// What the failure of one means for the rest of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The other tasks and the block are cancelled.
    #[default]
    CancelRest,
    /// They run on, and all errors are told at the end.
    LetRunOn,
}

/// A group of tasks, as its block and its tasks hold it: [`task_group`] gives it. Clones are names
/// of the same group. (`asyncio.TaskGroup`)
pub struct TaskGroup<E>(Rc<Shared<E>>);

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup(self.0.clone())
    }
}

impl<E> TaskGroup<E> {
    /// What a failure means for the others; from now on. At first
    /// [`OnError::CancelRest`], as in asyncio.
    pub fn on_error(&self, on_error: OnError) {
        self.0.on_error.set(on_error);
    }

    /// Cancels every task of the group and its block; from now on none may join. The group is over
    /// when they have ended, with the block's value if it came to one, else with
    /// [`GroupError::Cancelled`]. (`TaskGroup.cancel`, Python 3.15)
    pub fn cancel(&self) {
        self.0.abort();
    }

    /// How many of its tasks have not ended.
    pub fn len(&self) -> usize {
        self.0.living.get()
    }

    /// Whether all of its tasks have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.0.phase.get() {
            Phase::Open => "open",
            Phase::Aborting => "cancelling",
            Phase::Finished => "finished",
        };
        write!(f, "<TaskGroup {phase} tasks={} at {}>", self.len(), self.0.at)
    }
}

/// Runs `block` with a group in which it begins tasks, and waits for all of them.
/// (`async with asyncio.TaskGroup()`)
///
/// If one fails, by returning an error or by a panic, or if the block does, the others are
/// cancelled, and the block too, at its innermost [`cancel_scope`](crate::cancel_scope) or, without
/// one, where it stands; their ends are awaited, and all errors come out in one [`GroupError`], in
/// the order in which they came to be. An error that only says that its task was cancelled is none.
/// [`TaskGroup::on_error`] has the others run on instead. The block's own panic comes out as a
/// panic, when all have ended.
///
/// Groups may be nested, and a task may be given a clone of its group to begin others in it. For
/// values in the order in which they come to be, give the tasks to
/// [`as_completed`](crate::as_completed) inside the block.
///
/// ```
/// use evloop::{GroupError, task_group, sleep};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// let sum: Result<i32, GroupError<String>> = event_loop.run_until_complete(async {
///     task_group(async |group| {
///         let one = group.spawn(async { Ok(1) });
///         let two = group.spawn(async { Ok(2) });
///         Ok(one.await.unwrap() + two.await.unwrap())
///     })
///     .await
/// })?;
/// assert_eq!(sum.unwrap(), 3);
///
/// let failed = event_loop.run_until_complete(task_group(async |group| {
///     group.spawn(async { Err::<(), _>("no such thing") });
///     sleep(Duration::from_secs(60)).await;
///     Ok(())
/// }))?;
/// assert_eq!(failed.unwrap_err().into_errors(), ["no such thing"]);
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors
///
/// [`GroupError`].
///
/// # Cancel safety
///
/// A group is a cancel scope of its own: when the task it runs in is asked to end, its tasks and
/// its block are, their ends are awaited, and then the request goes on to the scope outside, or
/// ends the task; unless there are errors, which then come out first, and the task hears the
/// request at its next await. Dropping it, the hard form, cancels its tasks and waits for nothing.
///
/// # Unlike asyncio
///
/// A `BaseException` is not told from other exceptions: there is none.
#[track_caller]
pub fn task_group<R, E, F>(
    block: impl FnOnce(TaskGroup<E>) -> F,
) -> impl Future<Output = Result<R, GroupError<E>>>
where
    E: 'static,
    F: Future<Output = Result<R, E>>,
{
    let shared = Shared::new(Location::caller());
    let future = block(TaskGroup(shared.clone()));
    let scope = OpenScope::hearing();
    let heard = Request::default();
    Inside::new(
        future,
        Block { shared, scope, heard, value: None, panic: None, asked: false, over: false },
    )
}

/// A group's own part, beside its block.
pub struct Block<R, E> {
    shared: Rc<Shared<E>>,
    scope: OpenScope,
    /// What was asked of the task it runs in.
    heard: Request,
    value: Option<R>,
    panic: Option<Payload>,
    /// The block was asked to end, if a scope in it could hear that.
    asked: bool,
    /// It has its outcome, or waits to be dropped.
    over: bool,
}

impl<R, E: 'static> Block<R, E> {
    /// Polls the block, and takes what it comes to; hears requests, and passes them to the block.
    fn drive<F>(&mut self, mut place: Pin<&mut Option<F>>, context: &mut Context<'_>)
    where
        F: Future<Output = Result<R, E>>,
    {
        loop {
            if self.shared.phase.get() == Phase::Aborting && !self.asked {
                self.asked = true;
                if !self.scope.ask() {
                    self.leave(place.as_mut());
                }
            }
            let waker = context.waker().clone();
            let block = place.as_mut().as_pin_mut();
            let poll = || match block {
                Some(block) => catch_unwind(AssertUnwindSafe(|| block.poll(context))),
                None => Ok(Poll::Pending),
            };
            let polled = match self.scope.poll(&waker, poll) {
                Ok(polled) => polled,
                Err(request) => {
                    self.heard = self.heard.and(request);
                    self.shared.abort();
                    if request.handed {
                        self.leave(place.as_mut());
                    }
                    continue;
                }
            };
            match polled {
                Ok(Poll::Pending) => return,
                Ok(Poll::Ready(Ok(value))) => self.value = Some(value),
                Ok(Poll::Ready(Err(error))) => {
                    self.shared.failed(None, GroupCause::Error(error));
                }
                Err(payload) => {
                    self.panic = Some(payload);
                    self.shared.abort();
                }
            }
            self.leave(place.as_mut());
            return;
        }
    }

    /// Drops the block.
    fn leave<F>(&mut self, mut place: Pin<&mut Option<F>>) {
        self.asked = true;
        place.set(None);
    }

    /// All have ended.
    fn outcome(&mut self, context: &Context<'_>) -> Poll<Result<R, GroupError<E>>> {
        self.over = true;
        self.shared.phase.set(Phase::Finished);
        if let Some(payload) = self.panic.take() {
            self.scope.close();
            resume_unwind(payload);
        }
        let failures = self.shared.failures.take();
        if failures.is_empty() && self.heard.is_from_outside() {
            self.scope.hand_on(self.heard, context.waker());
            return Poll::Pending;
        }
        if self.heard.task {
            self.scope.request_again(context.waker());
        }
        self.scope.close();
        Poll::Ready(match self.value.take() {
            _ if !failures.is_empty() => Err(GroupError::Failed(failures)),
            Some(value) => Ok(value),
            None => Err(GroupError::Cancelled),
        })
    }
}

impl<F, R, E> Future for Inside<F, Block<R, E>>
where
    E: 'static,
    F: Future<Output = Result<R, E>>,
{
    type Output = Result<R, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut place, group) = self.project();
        if group.over {
            return Poll::Pending;
        }
        group.shared.waiting.set(Some(context.waker().clone()));
        group.drive(place.as_mut(), context);
        if place.is_some() {
            return Poll::Pending;
        }
        if group.shared.living.get() == 0 {
            return group.outcome(context);
        }
        note_wait(Some(group.shared.at), Resource::Other("the tasks of a group"));
        Poll::Pending
    }
}

impl<R, E> Drop for Block<R, E> {
    fn drop(&mut self) {
        self.shared.abort();
        self.shared.phase.set(Phase::Finished);
    }
}
