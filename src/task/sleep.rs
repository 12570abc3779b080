//! Waiting for time to pass.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::event_loop::{EventLoop, TimerKey, WeakLoop, Work, get_running_loop};
use crate::observe::{Resource, Site, note_wait};
use crate::sys::Time;
use std::rc::Rc;

/// Where a sleep stands.
enum State {
    /// Not polled yet: how long, measured from the first poll.
    New(Duration),
    /// Not polled yet: until when.
    NewUntil(Time),
    /// Asked for the next turn.
    Yielded,
    /// A timer is armed.
    Armed { event_loop: WeakLoop, key: TimerKey, deadline: Time },
    /// Over.
    Done,
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// # Cancel safety
///
/// Dropping it disarms its timer.
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
    at: Site,
}

/// Waits for `delay` to pass, measured from when it is first polled. (`asyncio.sleep`)
///
/// Never shorter. A zero delay gives every other ready handle its turn first, like
/// [`yield_now`](crate::yield_now); one that is too long for the clock never ends.
///
/// # Panics
///
/// When it is polled outside a running loop.
#[track_caller]
pub fn sleep(delay: Duration) -> Sleep {
    Sleep { state: State::New(delay), at: Location::caller() }
}

/// Waits until the loop's clock shows `when`. In the past, it is like
/// [`yield_now`](crate::yield_now).
///
/// # Panics
///
/// When it is polled outside a running loop.
#[track_caller]
pub fn sleep_until(when: Time) -> Sleep {
    Sleep { state: State::NewUntil(when), at: Location::caller() }
}

impl Sleep {
    fn begin(&mut self, delay: Option<Duration>, until: Time, context: &Context<'_>) {
        let event_loop = running_loop("sleep()");
        if delay.is_none() && event_loop.0.is_after_poll(until) {
            self.state = arm(&event_loop, until, context);
            return;
        }
        let now = event_loop.time();
        let deadline = delay.map_or(until, |delay| now + delay);
        self.state = if deadline <= now {
            context.waker().wake_by_ref();
            State::Yielded
        } else {
            arm(&event_loop, deadline, context)
        };
    }

    /// What it waits for, for whoever observes.
    fn resource(&self) -> Resource {
        match self.state {
            State::Armed { deadline, .. } => Resource::Timer(deadline),
            _ => Resource::NextTurn,
        }
    }
}

fn arm(event_loop: &EventLoop, deadline: Time, context: &Context<'_>) -> State {
    let key = event_loop.0.arm(deadline, Work::Wake(context.waker().clone()));
    State::Armed { event_loop: Rc::downgrade(&event_loop.0), key, deadline }
}

/// The running loop, for an operation that has no meaning outside of one.
///
/// # Panics
///
/// If none is running: what was called as `name` belongs into a task.
#[track_caller]
pub(crate) fn running_loop(name: &str) -> EventLoop {
    match get_running_loop() {
        Ok(event_loop) => event_loop,
        Err(_) => panic!(
            "{name} was awaited outside of evloop: await it inside a task, or in what is given to \
             run_until_complete()"
        ),
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            State::New(delay) => {
                let delay = *delay;
                self.begin(Some(delay), Time::ZERO, context);
            }
            State::NewUntil(when) => {
                let when = *when;
                self.begin(None, when, context);
            }
            State::Yielded => self.state = State::Done,
            State::Armed { event_loop, key, .. } => {
                let armed = event_loop.upgrade().is_some_and(|l| l.rearm(*key, context.waker()));
                if !armed {
                    self.state = State::Done;
                }
            }
            State::Done => {}
        }
        if matches!(self.state, State::Done) {
            return Poll::Ready(());
        }
        note_wait(Some(self.at), self.resource());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Armed { event_loop, key, .. } = &self.state {
            if let Some(event_loop) = event_loop.upgrade() {
                event_loop.disarm(*key);
            }
        }
    }
}

/// The future of [`yield_now`].
#[must_use = "a yield does nothing unless it is awaited"]
pub struct YieldNow {
    yielded: bool,
    at: Site,
}

/// Lets every handle that is ready now run before the task goes on, one turn later.
/// (`asyncio.sleep(0)`)
#[track_caller]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false, at: Location::caller() }
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        note_wait(Some(self.at), Resource::NextTurn);
        Poll::Pending
    }
}
