//! One open scope, as whoever polls what is inside it holds it.

use std::rc::Rc;
use std::task::Waker;

use super::request::Request;
use super::tree::Scopes;
use crate::task::cell::with_current;
use crate::task::header::Extras;

/// A scope or timeout that is open in the task that polls it, until dropped.
pub struct OpenScope {
    hears: bool,
    place: Option<(Rc<Extras>, u64)>,
}

impl OpenScope {
    /// A timeout, which makes them.
    pub(in crate::task) fn timeout() -> Self {
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

    pub(in crate::task) fn close(&mut self) {
        if let Some((extras, id)) = self.place.take() {
            extras.scopes.leave(id);
        }
    }

    /// A scope for whoever cleans up before it hands on what it heard.
    pub(in crate::task) fn hearing() -> Self {
        OpenScope { hears: true, place: None }
    }

    /// Polls what is inside it, so that scopes opened there know that they are. Unless a request
    /// is to be delivered here: then that is taken, and there is nothing to poll.
    pub(in crate::task) fn poll<R>(
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
    pub(in crate::task) fn was_handed(&self) -> bool {
        self.place.as_ref().is_some_and(|(extras, id)| extras.scopes.take_asked(*id).handed)
    }

    /// Closes it, and has the next further out hear the request that was heard here. What is in
    /// this scope then only waits to be dropped.
    pub(in crate::task) fn hand_on(&mut self, request: Request, waker: &Waker) {
        if let Some((extras, id)) = &self.place {
            if !extras.scopes.hand_on(*id, request) {
                with_current(|header| header.must_cancel.set(true));
            }
        }
        self.close();
        waker.wake_by_ref();
    }

    /// Closes it, and has the task's own request delivered once more, at its next await.
    pub(in crate::task) fn request_again(&mut self, waker: &Waker) {
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
    pub(in crate::task) fn ask(&self) -> bool {
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
