//! Making a loop: which selector, clock, sockets, policy and observers it is built on.

use std::ffi::OsStr;
use std::io;
use std::rc::Rc;

use super::clock::ManualClock;
use super::ready::Policy;
use super::{EventLoop, LoopError};
use crate::observe::Observer;
use crate::selector::{Selector, default_selector};
use crate::sys::{Clock, MonotonicClock, OurSockets, Sockets};

/// Builds an [`EventLoop`] whose five seams are not the usual ones.
///
/// ```
/// use evloop::{EventLoop, ManualClock};
/// let clock = ManualClock::new();
/// let event_loop = EventLoop::builder().clock(clock.clone()).build()?;
/// assert_eq!(event_loop.time(), evloop::Time::ZERO);
/// # Ok::<(), evloop::LoopError>(())
/// ```
#[derive(Default)]
pub struct Builder {
    selector: Option<Box<dyn Selector>>,
    pub(super) clock: Option<Rc<dyn Clock>>,
    pub(super) sockets: OurSockets,
    pub(super) policy: Option<Box<dyn Policy>>,
    pub(super) observers: Vec<Box<dyn Observer>>,
    pub(super) always_poll: bool,
    #[cfg(feature = "debug")]
    pub(super) debug: Option<bool>,
    pub(super) jump: Option<ManualClock>,
}

impl Builder {
    /// What [`EventLoop::new`] builds with, given `EVLOOP_CLOCK`.
    pub(super) fn from_environment(clock: Option<&OsStr>) -> io::Result<Builder> {
        let Some(clock) = clock.filter(|clock| !clock.is_empty() && *clock != "real") else {
            return Ok(Builder::default());
        };
        if clock == "virtual" {
            return Ok(Builder::default().virtual_time(ManualClock::new()));
        }
        let what = format!("EVLOOP_CLOCK is {clock:?}; it may be: real, virtual");
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    }

    /// Waits with `selector` instead of the platform's best.
    pub fn selector(self, selector: impl Selector + 'static) -> Self {
        Builder { selector: Some(Box::new(selector)), ..self }
    }

    /// Takes the time from `clock`. The selector still sleeps in real time; for time that jumps
    /// over sleeps see [`virtual_time`](Builder::virtual_time).
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Builder { clock: Some(Rc::new(clock)), ..self }
    }

    /// Takes the time from `clock`, and where the loop would sleep for a timer and nothing but
    /// that timer can end the sleep, moves the clock instead of sleeping.
    ///
    /// While a descriptor is registered, a job runs in a thread
    /// ([`to_thread`](crate::to_thread), [`run_in_executor`](EventLoop::run_in_executor)), a name
    /// is looked up, or a [`RealWork`](crate::RealWork) lives, it sleeps really, and the clock
    /// moves by what the sleep took: a [`timeout`](crate::timeout) around a job in a thread never
    /// fires by a jump. What other threads do otherwise the loop cannot know: give them a
    /// `RealWork`.
    pub fn virtual_time(self, clock: ManualClock) -> Self {
        Builder { jump: Some(clock.clone()), ..self.clock(clock) }
    }

    /// Has transports make their socket calls through `sockets`.
    pub fn sockets(self, sockets: impl Sockets + 'static) -> Self {
        Builder { sockets: OurSockets::Given(Box::new(sockets)), ..self }
    }

    /// Has `policy` choose among the handles that are ready, instead of first come, first served.
    pub fn policy(self, policy: impl Policy + 'static) -> Self {
        Builder { policy: Some(Box::new(policy)), ..self }
    }

    /// Tells `observer` everything, for the loop's life.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Polls the selector in every turn, as asyncio does, and never skips a poll while handles
    /// are ready. (See [`EventLoop::run_once`] on when it would.)
    pub fn always_poll(self) -> Self {
        Builder { always_poll: true, ..self }
    }

    /// Begins in debug mode, or not, whatever `EVLOOP_DEBUG` says. ([`EventLoop::set_debug`])
    #[cfg(feature = "debug")]
    pub fn debug(self, enabled: bool) -> Self {
        Builder { debug: Some(enabled), ..self }
    }

    /// Makes the loop.
    ///
    /// # Errors
    ///
    /// [`LoopError::Io`] if the kernel gives no descriptor for its selector.
    pub fn build(mut self) -> Result<EventLoop, LoopError> {
        let selector = self.take_selector()?;
        EventLoop::assemble(self, selector)
    }

    fn take_selector(&mut self) -> io::Result<Box<dyn Selector>> {
        match self.selector.take() {
            Some(selector) => Ok(selector),
            None => default_selector(),
        }
    }

    pub(super) fn take_clock(&mut self) -> Rc<dyn Clock> {
        self.clock.take().unwrap_or_else(|| Rc::new(MonotonicClock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_environment_is_real_virtual_or_an_error_that_lists_both() {
        let jumps = |name: &str| Builder::from_environment(Some(OsStr::new(name)));
        assert!(Builder::from_environment(None).unwrap().clock.is_none());
        assert!(jumps("").unwrap().clock.is_none());
        assert!(jumps("real").unwrap().clock.is_none());
        assert!(jumps("virtual").unwrap().jump.is_some());
        let error = jumps("fast").err().unwrap().to_string();
        assert!(error.contains("\"fast\"") && error.contains("real, virtual"), "{error}");
    }
}
