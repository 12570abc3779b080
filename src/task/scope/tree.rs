//! The scopes that are open in a task, and which of them hears a request.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::request::{Request, outermost};

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
    pub(super) polled: Cell<u64>,
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
    pub(super) fn innermost(&self) -> Option<u64> {
        if self.given_up.get() {
            return None;
        }
        self.open.borrow().iter().rfind(|scope| scope.hears).map(|scope| scope.id)
    }

    pub(super) fn enter(&self, hears: bool) -> u64 {
        let id = self.next_id.get() + 1;
        self.next_id.set(id);
        let within = self.polled.get();
        let asked = None;
        self.open.borrow_mut().push(Open { id, within, hears, asked, handed: None, waker: None });
        id
    }

    pub(super) fn leave(&self, id: u64) {
        let mut open = self.open.borrow_mut();
        let left = open.iter().rposition(|scope| scope.id == id).map(|place| open.remove(place));
        drop(open);
        drop(left);
    }

    /// Has `waker` woken when the scope is asked.
    pub(super) fn waits(&self, id: u64, waker: &Waker) {
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
    pub(super) fn take_asked(&self, id: u64) -> Request {
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
    pub(super) fn hand_on(&self, id: u64, request: Request) -> bool {
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
    pub(super) fn ask_within(&self, outer: u64) -> bool {
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
