//! Running several futures at once, and having all their values.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::join_error::JoinError;
use super::joiner::{Countdown, Joiner, Until};
use super::spawn::spawn;
use super::task::{Task, in_other_loop};
use crate::observe::{Resource, Site, note_wait};

/// The tasks that are gathered, and what waits for them.
struct Children<T> {
    tasks: Vec<Task<T>>,
    countdown: Rc<Countdown>,
    at: Site,
}

/// Which task ended it early, and all of them; or an error of them all.
type Ended<T> = Result<(Option<usize>, Vec<Task<T>>), JoinError>;

impl<T> Children<T> {
    fn begin(tasks: Vec<Task<T>>, countdown: Rc<Countdown>, at: Site) -> Self {
        for (index, task) in tasks.iter().enumerate() {
            task.set_joiner(Joiner::Counting(countdown.clone(), index));
        }
        Children { tasks, countdown, at }
    }

    /// Once enough of them have ended: which one ended it early, and all of them, which from now
    /// on are not cancelled with the gather.
    ///
    /// They are all of the loop that was the thread's when they were gathered. Another loop would
    /// wait for ever for tasks that it does not run.
    fn poll(&mut self, context: &Context<'_>) -> Poll<Ended<T>> {
        if self.tasks.first().is_some_and(in_other_loop) {
            return Poll::Ready(Err(JoinError::DifferentLoop));
        }
        if !self.countdown.is_over_or_wakes(context.waker()) {
            note_wait(Some(self.at), Resource::Other("several tasks"));
            return Poll::Pending;
        }
        let tasks = std::mem::take(&mut self.tasks);
        for task in &tasks {
            task.clear_joiner();
        }
        Poll::Ready(Ok((self.countdown.first(), tasks)))
    }
}

impl<T> Drop for Children<T> {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.cancel();
        }
    }
}

/// Takes the result of a task that has ended.
fn result_of<T>(task: &mut Task<T>) -> Result<T, JoinError> {
    task.result().unwrap_or(Err(JoinError::Taken))
}

fn results_of<T>(tasks: Vec<Task<T>>) -> Vec<Result<T, JoinError>> {
    tasks.into_iter().map(|mut task| result_of(&mut task)).collect()
}

/// The future of [`gather`].
#[must_use = "dropping a gather cancels its tasks: await it"]
pub struct Gather<T>(Children<T>);

/// Runs `futures` at once, each as a task of the running loop, and gives their values in the order
/// of the arguments. (`asyncio.gather`)
///
/// If a task is cancelled or panics, that is the outcome at once, and the other tasks run on. With
/// [`return_exceptions`](Gather::return_exceptions) it waits for all and gives a `Result` for each.
/// For futures that return a `Result`, [`try_gather`] has the first `Err` end it.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let sum = event_loop.run_until_complete(async {
///     let values = evloop::gather((1..=3).map(|n| async move { 10 * n })).await?;
///     Ok::<i32, evloop::JoinError>(values.iter().sum())
/// })?;
/// assert_eq!(sum.unwrap(), 60);
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors
///
/// [`JoinError::DifferentLoop`], at once, if the loop that awaits it is not the one its tasks are
/// of: outside of a running loop that is the thread's default one, so gather inside `async { }`.
/// Its tasks are cancelled as it is dropped.
///
/// # Panics
///
/// As [`spawn`](crate::spawn), if the thread has no loop.
///
/// # Cancel safety
///
/// Dropping it, also when the task that awaits it is cancelled, cancels its tasks. A `Task` among
/// the futures is awaited by a task of the gather, and itself runs on.
///
/// # Unlike asyncio
///
/// A panic in a task that runs on after the gather has its outcome is reported to the exception
/// handler.
#[track_caller]
pub fn gather<I>(futures: I) -> Gather<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator<Item: IntoFuture<IntoFuture: 'static>>,
{
    let at = std::panic::Location::caller();
    let mut tasks = Vec::new();
    for future in futures {
        tasks.push(spawn(future));
    }
    let countdown = Countdown::new(tasks.len(), Until::NoValue);
    Gather(Children::begin(tasks, countdown, at))
}

impl<T> Gather<T> {
    /// Waits for all, and gives how each ended. (`return_exceptions=True`)
    pub fn return_exceptions(mut self) -> GatherResults<T> {
        let all = Until::Wait(super::ReturnWhen::AllCompleted);
        let tasks = std::mem::take(&mut self.0.tasks);
        let countdown = Countdown::new(tasks.len(), all);
        GatherResults(Children::begin(tasks, countdown, self.0.at))
    }

    /// The tasks, in the order of the arguments; none once it has its outcome.
    pub fn tasks(&self) -> &[Task<T>] {
        &self.0.tasks
    }

    /// Cancels every task that is pending; `false` if none is. (`cancel` of gather's future)
    pub fn cancel(&self) -> bool {
        self.0.tasks.iter().filter(|task| task.cancel()).count() > 0
    }
}

impl<T> Future for Gather<T> {
    type Output = Result<Vec<T>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context).map(|ended| match ended? {
            (Some(first), mut tasks) => {
                Err(result_of(&mut tasks[first]).err().unwrap_or(JoinError::Taken))
            }
            (None, tasks) => results_of(tasks).into_iter().collect(),
        })
    }
}

/// The future of [`Gather::return_exceptions`].
#[must_use = "dropping a gather cancels its tasks: await it"]
pub struct GatherResults<T>(Children<T>);

impl<T> Future for GatherResults<T> {
    type Output = Vec<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let len = self.0.tasks.len();
        self.0.poll(context).map(|ended| match ended {
            Ok((_, tasks)) => results_of(tasks),
            Err(_) => (0..len).map(|_| Err(JoinError::DifferentLoop)).collect(),
        })
    }
}

/// Why [`try_gather`] has no values.
#[derive(Debug)]
pub enum TryGatherError<E> {
    /// A future returned this error.
    Failed(E),
    /// A task was cancelled, or panicked.
    Join(JoinError),
}

impl<E: fmt::Display> fmt::Display for TryGatherError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryGatherError::Failed(error) => error.fmt(f),
            TryGatherError::Join(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for TryGatherError<E> {}

/// The future of [`try_gather`].
#[must_use = "dropping a gather cancels its tasks: await it"]
pub struct TryGather<T, E>(Children<Result<T, E>>);

/// [`gather`] for futures that return a `Result`: the first `Err` is the outcome at once, and the
/// other tasks run on. (`asyncio.gather`, where an error is an exception.)
///
/// # Errors, Panics, Cancel safety
///
/// As [`gather`], in a [`TryGatherError`].
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>, IntoFuture: 'static>>,
{
    let at = std::panic::Location::caller();
    let futures: Vec<_> = futures.into_iter().map(IntoFuture::into_future).collect();
    let countdown = Countdown::new(futures.len(), Until::NoValue);
    let mut tasks = Vec::with_capacity(futures.len());
    for (index, future) in futures.into_iter().enumerate() {
        let countdown = countdown.clone();
        tasks.push(spawn(async move {
            let result = future.await;
            if result.is_err() {
                countdown.end_early(index);
            }
            result
        }));
    }
    TryGather(Children::begin(tasks, countdown, at))
}

impl<T, E> Future for TryGather<T, E> {
    type Output = Result<Vec<T>, TryGatherError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let value = |result| match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(TryGatherError::Failed(error)),
            Err(error) => Err(TryGatherError::Join(error)),
        };
        self.0.poll(context).map(|ended| match ended.map_err(TryGatherError::Join)? {
            (Some(first), mut tasks) => {
                let taken = Err(TryGatherError::Join(JoinError::Taken));
                value(result_of(&mut tasks[first])).and(taken)
            }
            (None, tasks) => results_of(tasks).into_iter().map(value).collect(),
        })
    }
}
