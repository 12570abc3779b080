//! Limits on how long something may take.
//!
//! ```text
//! from      polled: Pending            deadline, scope inside  deadline, none  Ready
//! New       Armed                      –                       –               Done
//! Armed     Armed                      Asked                   Done            Done
//! Asked     Asked                      –                       –               Done
//! ```

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::cell::Inside;
use super::scope::OpenScope;
use super::sleep::running_loop;
use crate::event_loop::{EventLoop, TimerKey, WeakLoop, Work};
use crate::sys::Time;

/// The time ran out. (`asyncio.TimeoutError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(error: TimedOut) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}

/// Where a timeout stands: the table above. `Done` is the future's place being empty.
enum Stage {
    /// Not polled yet: how long, from the first poll.
    NewDelay(Duration),
    /// Not polled yet: until when.
    NewUntil(Option<Time>),
    /// Under way, without end if there is no timer.
    Armed(Option<Timer>),
    /// The time ran out, a scope inside was asked to end, and its block's value is waited for.
    Asked,
}

/// A timer that wakes the task; disarmed when dropped.
struct Timer {
    event_loop: WeakLoop,
    key: TimerKey,
}

impl Timer {
    fn arm(event_loop: &EventLoop, deadline: Time, context: &Context<'_>) -> Timer {
        let key = event_loop.0.arm(deadline, Work::Wake(context.waker().clone()));
        Timer { event_loop: Rc::downgrade(&event_loop.0), key }
    }

    /// Whether it has fired; if not it wakes whom `context` says.
    fn has_fired(&self, context: &Context<'_>) -> bool {
        let event_loop = self.event_loop.upgrade();
        !event_loop.is_some_and(|event_loop| event_loop.rearm(self.key, context.waker()))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(event_loop) = self.event_loop.upgrade() {
            event_loop.disarm(self.key);
        }
    }
}

/// A timeout's own part, beside the future it limits.
pub struct Limits {
    stage: Stage,
    scope: OpenScope,
    shared: Option<Rc<Shared>>,
}

impl Limits {
    fn new(stage: Stage, shared: Option<Rc<Shared>>) -> Self {
        Limits { stage, scope: OpenScope::timeout(), shared }
    }

    /// Whether the time has run out just now.
    fn is_due(&mut self, context: &Context<'_>) -> bool {
        if let Some(deadline) = self.shared.as_ref().and_then(|shared| shared.wanted.take()) {
            self.stage = Stage::NewUntil(deadline);
        }
        let event_loop = running_loop("timeout()");
        let deadline = match &self.stage {
            Stage::NewDelay(delay) => Some(event_loop.time() + *delay),
            Stage::NewUntil(deadline) => *deadline,
            Stage::Armed(timer) => {
                return timer.as_ref().is_some_and(|timer| timer.has_fired(context));
            }
            Stage::Asked => return false,
        };
        if let Some(shared) = &self.shared {
            shared.deadline.set(deadline);
        }
        let due = deadline.is_some_and(|deadline| deadline <= event_loop.time());
        if !due {
            let timer = deadline.map(|deadline| Timer::arm(&event_loop, deadline, context));
            self.stage = Stage::Armed(timer);
        }
        due
    }

    fn note(&self, progress: Progress) {
        if let Some(shared) = &self.shared {
            shared.progress.set(progress);
        }
    }
}

impl<F: Future> Future for Inside<F, Limits> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut place, limits) = self.project();
        let Some(future) = place.as_mut().as_pin_mut() else {
            return Poll::Ready(Err(TimedOut));
        };
        if let Some(shared) = &limits.shared {
            shared.begin(context);
        }
        let polled = limits.scope.poll(context.waker(), || future.poll(context));
        if let Ok(Poll::Ready(value)) = polled {
            if !matches!(limits.stage, Stage::Asked) {
                limits.note(Progress::Finished);
            }
            limits.stage = Stage::Armed(None);
            place.set(None);
            return Poll::Ready(Ok(value));
        }
        if matches!(limits.stage, Stage::Asked) && limits.scope.was_handed() {
            place.set(None);
            return Poll::Ready(Err(TimedOut));
        }
        if !limits.is_due(context) {
            return Poll::Pending;
        }
        limits.note(Progress::Expired);
        if limits.scope.ask() {
            limits.stage = Stage::Asked;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        place.set(None);
        Poll::Ready(Err(TimedOut))
    }
}

/// Awaits `future` for no longer than `limit`, measured from the first poll. (`asyncio.timeout`,
/// `asyncio.wait_for`)
///
/// When the time runs out, the innermost [`cancel_scope`](crate::cancel_scope) that is open
/// *inside* `future` hears of it, as it hears of a task's cancel: the code around it may clean up,
/// with awaits, and the value that `future` then comes to is the outcome, `Ok`. If no scope is
/// open in there, `future` is dropped where it stands, and the outcome is `Err(TimedOut)`. The
/// [`TaskGroup`](crate::TaskGroup) and a [`wait_for`](crate::wait_for) in there end their tasks
/// first, and then the outcome is `Err(TimedOut)` too. The task itself is not cancelled, and its count of cancel requests stays as it is.
///
/// `future` is polled before the time is looked at: what is ready in time, and what never waits,
/// wins, also with a limit of zero. Timeouts may be nested; a block whose inner limit ran out
/// meets the outer one at the next place where it waits.
///
/// ```
/// use evloop::{TimedOut, sleep, timeout};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// let nap = timeout(Duration::from_secs(1), sleep(Duration::from_secs(60)));
/// assert_eq!(event_loop.run_until_complete(nap)?, Err(TimedOut));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors
///
/// [`TimedOut`], which becomes an [`io::Error`] of kind `TimedOut`.
///
/// # Panics
///
/// When it is polled outside a running loop and `future` is not ready at once.
///
/// # Cancel safety
///
/// Dropping it drops `future` and disarms the timer.
///
/// # Unlike asyncio
///
/// A block that hears of the timeout and comes to a value has that value taken: there the
/// timeout is raised at the end of the block unless it raised something else. A scope is asked
/// once. Of two limits for the same moment the inner one reports.
pub fn timeout<F: IntoFuture>(
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, TimedOut>> {
    Inside::new(future.into_future(), Limits::new(Stage::NewDelay(limit), None))
}

/// [`timeout`] with a point in time on the loop's clock. (`asyncio.timeout_at`)
///
/// # Errors, Panics, Cancel safety
///
/// As [`timeout`].
pub fn timeout_at<F: IntoFuture>(
    deadline: Time,
    future: F,
) -> impl Future<Output = Result<F::Output, TimedOut>> {
    Inside::new(future.into_future(), Limits::new(Stage::NewUntil(Some(deadline)), None))
}

/// [`timeout`] whose limit the block can move: `block` is given the [`Deadline`].
///
/// ```
/// use evloop::{sleep, timeout_with};
/// use std::time::Duration;
/// # let clock = evloop::ManualClock::new();
/// # let event_loop = evloop::EventLoop::builder().virtual_time(clock).build()?;
/// let nap = timeout_with(Duration::from_secs(1), |deadline| async move {
///     deadline.reschedule(None).unwrap();
///     sleep(Duration::from_secs(60)).await
/// });
/// assert_eq!(event_loop.run_until_complete(nap)?, Ok(()));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors, Panics, Cancel safety
///
/// As [`timeout`].
pub fn timeout_with<F: IntoFuture>(
    limit: Duration,
    block: impl FnOnce(Deadline) -> F,
) -> impl Future<Output = Result<F::Output, TimedOut>> {
    let shared = Rc::<Shared>::default();
    let future = block(Deadline(shared.clone())).into_future();
    Inside::new(future, Limits::new(Stage::NewDelay(limit), Some(shared)))
}

/// How far a timeout has come, for whoever holds its [`Deadline`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Progress {
    #[default]
    Created,
    Active,
    Expired,
    Finished,
}

/// What a timeout shares with its [`Deadline`].
#[derive(Default)]
struct Shared {
    progress: Cell<Progress>,
    deadline: Cell<Option<Time>>,
    wanted: Cell<Option<Option<Time>>>,
    waker: Cell<Option<std::task::Waker>>,
}

impl Shared {
    fn begin(&self, context: &Context<'_>) {
        if self.progress.get() == Progress::Created {
            self.progress.set(Progress::Active);
        }
        self.waker.set(Some(context.waker().clone()));
    }
}

/// The limit of a [`timeout_with`]: to look at and to move.
#[derive(Clone)]
pub struct Deadline(Rc<Shared>);

/// The limit cannot be moved any more, or not yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RescheduleError {
    /// The timeout has not been awaited yet.
    NotEntered,
    /// The time has run out.
    Expired,
    /// The block is over.
    Finished,
}

impl fmt::Display for RescheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RescheduleError::NotEntered => "Timeout has not been entered: await it first",
            RescheduleError::Expired => "Cannot change state of expired Timeout",
            RescheduleError::Finished => "Cannot change state of finished Timeout",
        })
    }
}

impl Error for RescheduleError {}

impl Deadline {
    /// When the time runs out; `None` if never, and before the block has first waited.
    /// (`Timeout.when`)
    pub fn when(&self) -> Option<Time> {
        self.0.wanted.get().unwrap_or_else(|| self.0.deadline.get())
    }

    /// Whether it has run out. (`Timeout.expired`)
    pub fn expired(&self) -> bool {
        self.0.progress.get() == Progress::Expired
    }

    /// Moves it: earlier, later, or away with `None`. (`Timeout.reschedule`)
    ///
    /// # Errors
    ///
    /// Unless the block is under way and its time has not run out.
    pub fn reschedule(&self, when: impl Into<Option<Time>>) -> Result<(), RescheduleError> {
        match self.0.progress.get() {
            Progress::Created => Err(RescheduleError::NotEntered),
            Progress::Expired => Err(RescheduleError::Expired),
            Progress::Finished => Err(RescheduleError::Finished),
            Progress::Active => {
                self.0.wanted.set(Some(when.into()));
                if let Some(waker) = self.0.waker.take() {
                    waker.wake();
                }
                Ok(())
            }
        }
    }
}
