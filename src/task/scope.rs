//! Cancel scopes: where a task hears that it is asked to end.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::cell::{Inside, with_current};
use super::header::Extras;

/// The task was asked to end. (`asyncio.CancelledError`)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(error: Cancelled) -> Self {
        io::Error::new(io::ErrorKind::Interrupted, error)
    }
}

/// The scopes and timeouts that are open in a task, in the order they were opened.
///
/// They form a tree: each knows within which it was opened, which is the innermost that was being
/// polled then. A task's own request goes to the scope opened last; a timeout's to the last one
/// that was opened within it.
///
/// A scope that cleans up by itself before it ends (a task group's, `wait_for`'s) hands its request
/// on when it has: to the nearest that hears outside it, to the timeout that asked, or to the task,
/// which then ends whatever else is open in it. Whoever is handed one drops what is inside it, and
/// so the scope that did, which waits for nothing else any more.
#[derive(Default)]
pub(crate) struct Scopes {
    next_id: Cell<u64>,
    polled: Cell<u64>,
    open: RefCell<Vec<Open>>,
    /// A request was handed to the task itself: nobody hears any more.
    given_up: Cell<bool>,
}

/// One of them. A timeout does not hear requests, it makes them.
struct Open {
    id: u64,
    within: u64,
    hears: bool,
    /// Who asked it to end.
    asked: Option<u64>,
    /// What a scope inside it has handed on to it.
    handed: Option<Request>,
    waker: Option<Waker>,
}

/// What a scope heard: who wants it to end.
#[derive(Clone, Copy, Default)]
pub(super) struct Request {
    /// The task was cancelled.
    pub(super) task: bool,
    /// A timeout or group further out, by its number.
    by: Option<u64>,
    /// It came from a scope further in, which waits to be dropped.
    pub(super) handed: bool,
}

impl Request {
    fn is_none(self) -> bool {
        !self.task && self.by.is_none() && !self.handed
    }

    /// Both.
    pub(super) fn and(self, other: Request) -> Request {
        Request {
            task: self.task || other.task,
            by: outermost(self.by, other.by),
            handed: self.handed || other.handed,
        }
    }

    /// Whether somebody outside the scope made it: the scope did not ask for its own sake.
    pub(super) fn is_from_outside(self) -> bool {
        self.task || self.by.is_some()
    }
}

/// Of two timeouts, one within the other, the one opened first: with it the other ends too.
fn outermost(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

impl Scopes {
    /// Whether any scope is there to hear a request.
    pub(crate) fn hears(&self) -> bool {
        self.innermost().is_some()
    }

    /// How to have the innermost scope polled.
    pub(crate) fn innermost_waker(&self) -> Option<Waker> {
        self.open.borrow().iter().rfind(|scope| scope.hears)?.waker.clone()
    }

    /// The scope that a request would be delivered to.
    fn innermost(&self) -> Option<u64> {
        if self.given_up.get() {
            return None;
        }
        self.open.borrow().iter().rfind(|scope| scope.hears).map(|scope| scope.id)
    }

    fn enter(&self, hears: bool) -> u64 {
        let id = self.next_id.get() + 1;
        self.next_id.set(id);
        let within = self.polled.get();
        let asked = None;
        self.open.borrow_mut().push(Open { id, within, hears, asked, handed: None, waker: None });
        id
    }

    fn leave(&self, id: u64) {
        let mut open = self.open.borrow_mut();
        let left = open.iter().rposition(|scope| scope.id == id).map(|place| open.remove(place));
        drop(open);
        drop(left);
    }

    /// Has `waker` woken when the scope is asked.
    fn waits(&self, id: u64, waker: &Waker) {
        let is_new = |scope: &Open| !scope.waker.as_ref().is_some_and(|old| old.will_wake(waker));
        let stale = self.open.borrow().iter().rfind(|scope| scope.id == id).is_some_and(is_new);
        if stale {
            let mut new = Some(waker.clone());
            if let Some(scope) = self.open.borrow_mut().iter_mut().rfind(|scope| scope.id == id) {
                std::mem::swap(&mut scope.waker, &mut new);
            }
            drop(new);
        }
    }

    /// Takes the request that was made of this scope, or handed to it.
    fn take_asked(&self, id: u64) -> Request {
        let mut open = self.open.borrow_mut();
        match open.iter_mut().rfind(|scope| scope.id == id) {
            Some(scope) => {
                let is_handed = scope.handed.is_some();
                let handed = scope.handed.take().unwrap_or_default();
                let by = outermost(scope.asked.take(), handed.by).filter(|by| *by != id);
                Request { task: handed.task, by, handed: is_handed }
            }
            None => Request::default(),
        }
    }

    /// Hands a request on from this scope; `false` if that is to the task itself.
    fn hand_on(&self, id: u64, request: Request) -> bool {
        let mut open = self.open.borrow_mut();
        let mut outer = open.iter().find(|scope| scope.id == id).map_or(0, |scope| scope.within);
        let takes = |scope: &Open| scope.hears || !request.task && request.by == Some(scope.id);
        let next = loop {
            match open.iter_mut().find(|scope| scope.id == outer) {
                Some(scope) if takes(scope) => break scope,
                Some(scope) => outer = scope.within,
                None => {
                    self.given_up.set(true);
                    return false;
                }
            }
        };
        next.handed = Some(next.handed.unwrap_or_default().and(request));
        let waker = next.waker.clone();
        drop(open);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Asks the innermost scope within `outer` to end; `false` if there is none.
    fn ask_within(&self, outer: u64) -> bool {
        let mut open = self.open.borrow_mut();
        let inside = |scope: &Open| scope.hears && is_within(&open, scope, outer);
        let Some(place) = open.iter().rposition(inside) else { return false };
        open[place].asked = Some(outer);
        let waker = open[place].waker.clone();
        drop(open);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

fn is_within(open: &[Open], scope: &Open, outer: u64) -> bool {
    let mut within = scope.within;
    while within != outer {
        match open.iter().find(|scope| scope.id == within) {
            Some(next) => within = next.within,
            None => return false,
        }
    }
    true
}

/// A scope or timeout that is open in the task that polls it, until dropped.
pub struct OpenScope {
    hears: bool,
    place: Option<(Rc<Extras>, u64)>,
}

impl OpenScope {
    /// A timeout, which makes them.
    pub(super) fn timeout() -> Self {
        OpenScope { hears: false, place: None }
    }

    /// Opens it in the task that polls it now, if it is not open there. Outside of tasks nobody
    /// can ask, so there is nothing to open.
    fn open(&mut self) {
        let extras = with_current(|header| header.extras().clone());
        let stays = match (&self.place, &extras) {
            (Some((here, _)), Some(current)) => Rc::ptr_eq(here, current),
            (None, None) => true,
            _ => false,
        };
        if !stays {
            self.close();
            self.place = extras.map(|extras| {
                let id = extras.scopes.enter(self.hears);
                (extras, id)
            });
        }
    }

    pub(super) fn close(&mut self) {
        if let Some((extras, id)) = self.place.take() {
            extras.scopes.leave(id);
        }
    }

    /// A scope for whoever cleans up before it hands on what it heard.
    pub(super) fn hearing() -> Self {
        OpenScope { hears: true, place: None }
    }

    /// Polls what is inside it, so that scopes opened there know that they are. Unless a request
    /// is to be delivered here: then that is taken, and there is nothing to poll.
    pub(super) fn poll<R>(
        &mut self,
        waker: &Waker,
        inside: impl FnOnce() -> R,
    ) -> Result<R, Request> {
        self.open();
        let Some((extras, id)) = &self.place else { return Ok(inside()) };
        let scopes = &extras.scopes;
        if self.hears {
            let request = take_request(scopes, *id);
            if !request.is_none() {
                return Err(request);
            }
            scopes.waits(*id, waker);
        }
        let _inside = PolledInside { scopes, before: scopes.polled.replace(*id) };
        Ok(inside())
    }

    /// Whether a scope inside has handed the request on that this timeout made.
    pub(super) fn was_handed(&self) -> bool {
        self.place.as_ref().is_some_and(|(extras, id)| extras.scopes.take_asked(*id).handed)
    }

    /// Closes it, and has the next further out hear the request that was heard here. What is in
    /// this scope then only waits to be dropped.
    pub(super) fn hand_on(&mut self, request: Request, waker: &Waker) {
        if let Some((extras, id)) = &self.place {
            if !extras.scopes.hand_on(*id, request) {
                with_current(|header| header.must_cancel.set(true));
            }
        }
        self.close();
        waker.wake_by_ref();
    }

    /// Closes it, and has the task's own request delivered once more, at its next await.
    pub(super) fn request_again(&mut self, waker: &Waker) {
        self.close();
        with_current(|header| {
            header.must_cancel.set(true);
            let scope = header.extras.get().and_then(|extras| extras.scopes.innermost_waker());
            if let Some(scope) = scope {
                scope.wake();
            }
        });
        waker.wake_by_ref();
    }

    /// Asks the innermost scope inside this one to end; `false` if there is none.
    pub(super) fn ask(&self) -> bool {
        self.place.as_ref().is_some_and(|(extras, id)| extras.scopes.ask_within(*id))
    }
}

fn take_request(scopes: &Scopes, id: u64) -> Request {
    let asked = scopes.take_asked(id);
    let cancelled = with_current(|header| {
        header.must_cancel.get() && scopes.innermost() == Some(id) && header.must_cancel.take()
    });
    Request { task: asked.task || cancelled == Some(true), ..asked }
}

/// While it lives, what is polled is inside a scope.
struct PolledInside<'a> {
    scopes: &'a Scopes,
    before: u64,
}

impl Drop for PolledInside<'_> {
    fn drop(&mut self) {
        self.scopes.polled.set(self.before);
    }
}

impl Drop for OpenScope {
    fn drop(&mut self) {
        self.close();
    }
}

/// Awaits `future`, and hears a request to end: when the task's
/// [`cancel`](crate::Task::cancel) is called and no scope further in is open, `future` is dropped
/// and this returns `Err(Cancelled)`. The caller may then clean up, with awaits, and return, or
/// swallow the request and go on.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let task = event_loop.create_task(async {
///     match evloop::cancel_scope(evloop::sleep(std::time::Duration::from_secs(60))).await {
///         Ok(()) => "slept",
///         Err(evloop::Cancelled) => "was woken early, and cleaned up",
///     }
/// });
/// task.cancel();
/// // The task had not begun, so it never runs a line.
/// assert!(event_loop.run_until_complete(task)?.is_err());
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Cancel safety
///
/// Dropping it drops `future`: the hard form of cancelling, which nobody hears.
///
/// # Unlike asyncio
///
/// There every `await` may raise `CancelledError`; here those inside a scope do.
pub fn cancel_scope<F: IntoFuture>(
    future: F,
) -> impl Future<Output = Result<F::Output, Cancelled>> {
    Inside::new(future.into_future(), OpenScope::hearing())
}

impl<F: Future> Future for Inside<F, OpenScope> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut place, scope) = self.project();
        let Some(future) = place.as_mut().as_pin_mut() else {
            return Poll::Ready(Err(Cancelled));
        };
        let outcome = match scope.poll(context.waker(), || future.poll(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(_) => Err(Cancelled),
        };
        scope.close();
        place.set(None);
        Poll::Ready(outcome)
    }
}
