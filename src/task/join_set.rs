//! Taking tasks one by one as they end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::join_error::JoinError;
use super::joiner::{Arrivals, Joiner};
use super::spawn::spawn_at;
use super::task::{Task, in_other_loop};
use crate::observe::{Resource, Site, TaskId, note_wait};

/// Tasks, and which of them have ended: what [`AsCompleted`] and [`JoinSet`] are.
struct Set<T> {
    /// In places that are reused.
    tasks: Vec<Option<Task<T>>>,
    free: Vec<usize>,
    arrivals: Rc<Arrivals>,
}

impl<T> Set<T> {
    fn new() -> Self {
        Set { tasks: Vec::new(), free: Vec::new(), arrivals: Rc::default() }
    }

    fn len(&self) -> usize {
        self.tasks.len() - self.free.len()
    }

    /// Of a task of another loop an error comes at once: that loop need not run, and then it would
    /// be waited for in vain.
    fn add(&mut self, task: Task<T>) {
        let place = self.free.pop().unwrap_or(self.tasks.len());
        match in_other_loop(&task) {
            true => self.arrivals.told(place),
            false => task.set_joiner(Joiner::Arriving(self.arrivals.clone(), place)),
        }
        match self.tasks.get_mut(place) {
            Some(empty) => *empty = Some(task),
            None => self.tasks.push(Some(task)),
        }
    }

    /// Takes the task that ended, which is where it says.
    fn take(&mut self, place: usize) -> Option<Task<T>> {
        let task = self.tasks.get_mut(place)?.take()?;
        self.free.push(place);
        Some(task)
    }

    fn next_now(&mut self) -> Option<Task<T>> {
        let place = self.arrivals.next()?;
        self.take(place)
    }

    fn poll_next(&mut self, at: Site, context: &Context<'_>) -> Poll<Option<Task<T>>> {
        if self.len() == 0 {
            return Poll::Ready(None);
        }
        match self.arrivals.next_or_wakes(context.waker()) {
            Some(place) => Poll::Ready(self.take(place)),
            None => {
                note_wait(Some(at), Resource::Other("the next of several tasks"));
                Poll::Pending
            }
        }
    }

    fn cancel_all(&self, at: Site) {
        for task in self.tasks.iter().flatten() {
            task.cancel_at(at);
        }
    }

    fn forget(&mut self) -> Vec<Task<T>> {
        let tasks: Vec<_> = self.tasks.drain(..).flatten().collect();
        tasks.iter().for_each(Task::clear_joiner);
        *self = Set::new();
        tasks
    }
}

/// One wait for the next of several tasks that ends.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct NextDone<'a, T> {
    set: &'a mut Set<T>,
    at: Site,
}

impl<T> Future for NextDone<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.set.poll_next(at, context).map(|task| task.map(result_of))
    }
}

/// The same, with the task's number.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct NextDoneWithId<'a, T> {
    set: &'a mut Set<T>,
    at: Site,
}

impl<T> Future for NextDoneWithId<'_, T> {
    type Output = Option<(TaskId, Result<T, JoinError>)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.set.poll_next(at, context).map(|task| task.map(|task| (task.id(), result_of(task))))
    }
}

fn result_of<T>(mut task: Task<T>) -> Result<T, JoinError> {
    if !task.done() {
        return Err(JoinError::DifferentLoop);
    }
    task.result().unwrap_or(Err(JoinError::Taken))
}

/// The tasks of [`as_completed`] that nobody has taken yet.
pub struct AsCompleted<T>(Set<T>);

/// Gives the results of `tasks` in the order in which they end. (`asyncio.as_completed`) Of one that
/// is of another loop than the task that calls this, [`JoinError::DifferentLoop`], at once.
///
/// ```
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// use std::time::Duration;
/// let naps = [3, 1, 2].map(|secs| {
///     event_loop.create_task(async move {
///         evloop::sleep(Duration::from_secs(secs)).await;
///         secs
///     })
/// });
/// let order = event_loop.run_until_complete(async {
///     let (mut done, mut order) = (evloop::as_completed(naps), Vec::new());
///     while let Some(result) = done.next().await {
///         order.push(result.unwrap());
///     }
///     order
/// })?;
/// assert_eq!(order, [1, 2, 3]);
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Unlike asyncio
///
/// It takes no timeout: put one around [`next`](AsCompleted::next), which loses nothing by it, as
/// [`timeout_at`](crate::timeout_at) with one deadline for all. The tasks are not cancelled then.
pub fn as_completed<T>(tasks: impl IntoIterator<Item = Task<T>>) -> AsCompleted<T> {
    let mut set = Set::new();
    tasks.into_iter().for_each(|task| set.add(task));
    AsCompleted(set)
}

impl<T> AsCompleted<T> {
    /// The result of the next that ends; `None` when all have been given.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "it waits, which no iterator may")]
    pub fn next(&mut self) -> NextDone<'_, T> {
        NextDone { set: &mut self.0, at: std::panic::Location::caller() }
    }

    /// The same, with the task's number.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    #[track_caller]
    pub fn next_with_id(&mut self) -> NextDoneWithId<'_, T> {
        NextDoneWithId { set: &mut self.0, at: std::panic::Location::caller() }
    }

    /// How many have not been given yet.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all have been given.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tasks that have not been given yet, to be awaited otherwise.
    pub fn into_tasks(mut self) -> Vec<Task<T>> {
        self.0.forget()
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<AsCompleted of {} tasks>", self.len())
    }
}

/// Tasks that come and go, each given when it ends; those that are left when the set is dropped
/// are cancelled. (What users of tokio know by this name; in asyncio, a set of tasks and
/// `as_completed`.)
///
/// For tasks that fail together there is [`task_group`](crate::task_group).
///
/// # Cancel safety
///
/// Dropping a pending [`join_next`](JoinSet::join_next) loses nothing. Dropping the set cancels
/// its tasks and does not wait for them; [`shutdown`](JoinSet::shutdown) does.
pub struct JoinSet<T>(Set<T>);

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T> JoinSet<T> {
    /// An empty one.
    pub fn new() -> Self {
        JoinSet(Set::new())
    }

    /// Begins a task of the running loop, and gives its number. As [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](crate::spawn), if the thread has no loop.
    #[track_caller]
    pub fn spawn<F: IntoFuture<Output = T, IntoFuture: 'static>>(&mut self, future: F) -> TaskId {
        let task = spawn_at(future, std::panic::Location::caller());
        let id = task.id();
        self.insert(task);
        id
    }

    /// Takes in a task that is under way. One of another loop than the task that calls this gives
    /// [`JoinError::DifferentLoop`], and runs on.
    pub fn insert(&mut self, task: Task<T>) {
        self.0.add(task);
    }

    /// The result of the next that ends; `None` if the set is empty.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    #[track_caller]
    pub fn join_next(&mut self) -> NextDone<'_, T> {
        NextDone { set: &mut self.0, at: std::panic::Location::caller() }
    }

    /// The same, with the task's number.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    #[track_caller]
    pub fn join_next_with_id(&mut self) -> NextDoneWithId<'_, T> {
        NextDoneWithId { set: &mut self.0, at: std::panic::Location::caller() }
    }

    /// The result of one that has ended, if one has; does not wait.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.0.next_now().map(result_of)
    }

    /// How many there are, ended or not, that were not given yet.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels all; each is still given when it has ended. (tokio's `abort_all`)
    #[track_caller]
    pub fn cancel_all(&self) {
        let at = std::panic::Location::caller();
        self.0.cancel_all(at);
    }

    /// Cancels all, and waits until they have ended. What they gave is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the wait; the tasks stay cancelled, and in the set.
    #[track_caller]
    pub fn shutdown(&mut self) -> impl Future<Output = ()> + use<'_, T> {
        let at = std::panic::Location::caller();
        async move {
            self.0.cancel_all(at);
            while (NextDone { set: &mut self.0, at }).await.is_some() {}
        }
    }

    /// Lets go of all: they run on, and nobody waits for them.
    pub fn detach_all(&mut self) {
        drop(self.0.forget());
    }
}

impl<T> Drop for JoinSet<T> {
    #[track_caller]
    fn drop(&mut self) {
        self.cancel_all();
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<JoinSet of {} tasks>", self.len())
    }
}
