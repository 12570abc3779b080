//! A short wait for what no event tells.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::event_loop::{Home, LoopError, TimerKey, Work};
use crate::observe::{Resource, note_wait};

/// How long to wait before a queue of the kernel's is looked at again of whose room there is no
/// event.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(2);

/// Lets some time pass.
pub(super) struct Pause {
    home: Rc<Home>,
    delay: Duration,
    what: &'static str,
    timer: Option<TimerKey>,
}

impl Pause {
    pub(super) fn new(home: &Rc<Home>, delay: Duration, what: &'static str) -> Pause {
        Pause { home: home.clone(), delay, what, timer: None }
    }
}

impl Future for Pause {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(event_loop) = self.home.event_loop() else {
            return Poll::Ready(Err(LoopError::Closed.into()));
        };
        match self.timer {
            Some(timer) if !event_loop.0.rearm(timer, context.waker()) => {
                self.timer = None;
                return Poll::Ready(Ok(()));
            }
            Some(_) => {}
            None => {
                let work = Work::Wake(context.waker().clone());
                self.timer = Some(event_loop.0.arm(event_loop.time() + self.delay, work));
            }
        }
        note_wait(None, Resource::Other(self.what));
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let (Some(timer), Some(inner)) = (self.timer, self.home.event_loop.upgrade()) {
            inner.disarm(timer);
        }
    }
}
