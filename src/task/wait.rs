//! Waiting for several tasks at once.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::joiner::{Countdown, Joiner, ReturnWhen, Until};
use super::sleep::{Sleep, sleep};
use super::task::{Task, in_other_loop};
use crate::observe::{Resource, Site, note_wait};

/// Why there is nothing to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// No tasks were given: a wait for the first of none would never end.
    Empty,
    /// A task belongs to a different loop than the one that waits.
    DifferentLoop,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitError::Empty => "Set of Tasks is empty: wait() needs at least one",
            WaitError::DifferentLoop => {
                "a task is attached to a different loop than the one that waits for it"
            }
        })
    }
}

impl Error for WaitError {}

/// What [`wait`] gives: every task it was given, in the order given.
#[derive(Debug)]
pub struct Waited<T> {
    /// Those that have ended, however: await them, or call their `result`.
    pub done: Vec<Task<T>>,
    /// Those that have not.
    pub pending: Vec<Task<T>>,
}

/// The future of [`wait`]; say [`return_when`](Wait::return_when) and a
/// [`timeout`](Wait::timeout) before awaiting it.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Wait<T> {
    tasks: Vec<Task<T>>,
    return_when: ReturnWhen,
    timeout: Option<Sleep>,
    countdown: Option<Rc<Countdown>>,
    at: Site,
}

/// Waits until all of `tasks` have ended, or the first has, and gives them back as done and
/// pending. (`asyncio.wait`)
///
/// It never cancels a task and never looks at their errors. Whatever is done when it returns is
/// in `done`, be it more than it waited for. Each end costs one step, however many tasks there
/// are; making the lists at the end costs one step a task.
///
/// ```
/// use evloop::{EventLoop, ReturnWhen, wait, sleep};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = EventLoop::builder().virtual_time(clock).build()?;
/// let naps = [3, 1, 2].map(|secs| event_loop.create_task(sleep(Duration::from_secs(secs))));
/// let first = wait(naps).return_when(ReturnWhen::FirstCompleted);
/// let waited = event_loop.run_until_complete(first)?.unwrap();
/// assert_eq!((waited.done.len(), waited.pending.len()), (1, 2));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors
///
/// [`WaitError`]: none were given, or they are another loop's.
///
/// # Cancel safety
///
/// Dropping it, also when the task that waits is cancelled, drops the handles: the tasks run on,
/// and errors nobody can read then are reported.
#[track_caller]
pub fn wait<T>(tasks: impl IntoIterator<Item = Task<T>>) -> Wait<T> {
    Wait {
        tasks: tasks.into_iter().collect(),
        return_when: ReturnWhen::default(),
        timeout: None,
        countdown: None,
        at: std::panic::Location::caller(),
    }
}

impl<T> Wait<T> {
    /// Returns when this is so, instead of when all have ended.
    pub fn return_when(self, return_when: ReturnWhen) -> Self {
        Wait { return_when, ..self }
    }

    /// Returns after `timeout` at the latest, measured from the first poll. Running out of time
    /// is no error: what is pending then is in `pending`.
    #[track_caller]
    pub fn timeout(self, timeout: Duration) -> Self {
        Wait { timeout: Some(sleep(timeout)), ..self }
    }

    /// Has every task tell a countdown of its end.
    fn begin(&mut self) -> Result<Rc<Countdown>, WaitError> {
        if self.tasks.is_empty() {
            return Err(WaitError::Empty);
        }
        if self.tasks.iter().any(in_other_loop) {
            return Err(WaitError::DifferentLoop);
        }
        let countdown = Countdown::new(self.tasks.len(), Until::Wait(self.return_when));
        for (index, task) in self.tasks.iter().enumerate() {
            task.set_joiner(Joiner::Counting(countdown.clone(), index));
        }
        Ok(countdown)
    }

    fn finish(&mut self) -> Waited<T> {
        for task in &self.tasks {
            task.clear_joiner();
        }
        let (done, pending) = self.tasks.drain(..).partition(Task::done);
        Waited { done, pending }
    }

    fn is_out_of_time(&mut self, context: &mut Context<'_>) -> bool {
        let timeout = self.timeout.as_mut();
        timeout.is_some_and(|timeout| Pin::new(timeout).poll(context).is_ready())
    }
}

impl<T> Future for Wait<T> {
    type Output = Result<Waited<T>, WaitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let over = match &self.countdown {
            Some(countdown) => countdown.is_over_or_wakes(context.waker()),
            None => {
                let countdown = match self.begin() {
                    Ok(countdown) => countdown,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                // One trip through the loop, also when nothing is left to wait for.
                if countdown.is_over_or_wakes(context.waker()) {
                    context.waker().wake_by_ref();
                }
                self.countdown = Some(countdown);
                false
            }
        };
        if over || self.is_out_of_time(context) {
            return Poll::Ready(Ok(self.finish()));
        }
        note_wait(Some(self.at), Resource::Other("several tasks"));
        Poll::Pending
    }
}
