//! What a future says of itself: to observers, and, of an error that nobody looked at, to the loop's
//! exception handler.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::{Shared, State};
use crate::event_loop::ErrorContext;
#[cfg(feature = "testing")]
use crate::{observe::Record, task::cell::with_current};

/// Telling observers, where futures have numbers.
#[cfg(feature = "testing")]
impl<T> Shared<T> {
    pub(super) fn tell_awaited(&self) {
        let (future, task) = (self.number, with_current(|header| header.id));
        self.home.ready.observe.tell(|| Record::FutureAwaited { future, task });
    }

    pub(super) fn tell_done(&self) {
        self.home.ready.observe.tell(|| Record::FutureDone { future: self.number });
    }
}

#[cfg(not(feature = "testing"))]
impl<T> Shared<T> {
    #[inline(always)]
    pub(super) fn tell_awaited(&self) {}
    #[inline(always)]
    pub(super) fn tell_done(&self) {}
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let State::Failed(error) = self.state.get_mut() else { return };
        if self.seen.get() {
            return;
        }
        let Some(event_loop) = self.home.event_loop() else { return };
        let mut context =
            ErrorContext::new("Future: exception was never retrieved").error(Unread(error.clone()));
        context.source = Some(self.made_at);
        event_loop.call_exception_handler(context);
    }
}

/// An error of a future, as the exception handler gets it.
struct Unread(Rc<dyn Error>);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unread {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
