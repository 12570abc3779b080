//! Awaiting several futures at once without a task for each.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One of the futures of [`join!`](crate::join), and then its value.
#[doc(hidden)]
pub struct JoinSlot<'a, F: Future> {
    future: Pin<&'a mut F>,
    value: Option<F::Output>,
}

impl<'a, F: Future> JoinSlot<'a, F> {
    pub fn new(future: Pin<&'a mut F>) -> Self {
        JoinSlot { future, value: None }
    }

    /// Polls it unless it is done; whether it is.
    pub fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if self.value.is_none() {
            if let Poll::Ready(value) = self.future.as_mut().poll(context) {
                self.value = Some(value);
            }
        }
        self.value.is_some()
    }

    pub fn take(&mut self) -> Option<F::Output> {
        self.value.take()
    }
}

/// Awaits several futures at once, in the task that awaits this, and gives their values as a tuple.
/// No task is spawned, so they may borrow; each wake polls all that are not done.
/// ([`gather`](crate::gather) makes tasks.)
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let both = event_loop.run_until_complete(async {
///     let name = String::from("both");
///     evloop::join!(async { name.len() }, async { evloop::yield_now().await; &name[..1] == "b" })
/// })?;
/// assert_eq!(both, (4, true));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Cancel safety
///
/// Dropping it drops all of them.
#[macro_export]
macro_rules! join {
    (@ [$($slot:ident)*] $future:expr $(, $rest:expr)*) => {{
        let mut future = ::std::pin::pin!(::std::future::IntoFuture::into_future($future));
        let mut slot = $crate::JoinSlot::new(future.as_mut());
        $crate::join!(@ [$($slot)* slot] $($rest),*)
    }};
    (@ [$($slot:ident)*]) => {
        ::std::future::poll_fn(|context| {
            let mut done = true;
            $(done &= $slot.poll(context);)*
            if !done {
                return ::std::task::Poll::Pending;
            }
            match ($($slot.take(),)*) {
                ($(Some($slot),)*) => ::std::task::Poll::Ready(($($slot,)*)),
                _ => ::std::task::Poll::Pending,
            }
        })
        .await
    };
    ($($future:expr),+ $(,)?) => {
        $crate::join!(@ [] $($future),+)
    };
}
