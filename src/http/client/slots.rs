//! The shell around the pool's books: tasks that wait for a slot, and slots that come back.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::connection::Connection;
use super::open::Route;
use super::pool::{Pool, Step, Ticket};
use super::session::Session;
use super::timing::Progress;
use super::trace::TraceEvent;
use crate::event_loop::get_running_loop;
use crate::observe::{Resource, note_wait};

/// The books of a session.
pub(super) type Books = Pool<Route, Connection, Waker>;

/// A place in the line for a slot. Dropped, it is given up, with whatever it has got.
struct Waiting<'a> {
    session: &'a Rc<Session>,
    route: &'a Route,
    ticket: Option<Ticket>,
}

/// Leave to have one connection to its route, until it is dropped.
pub(super) struct Slot {
    session: Rc<Session>,
    /// `None` once it is given back.
    route: Option<Route>,
}

/// A slot, and the connection that is to be used again, if there is one.
type Got = (Slot, Option<Connection>);

impl Session {
    /// Waits for a slot; first come, first served.
    pub(super) async fn slot(self: &Rc<Self>, route: &Route, progress: &Progress) -> Got {
        let mut waiting = Waiting { session: self, route, ticket: None };
        let mut queued = false;
        let got = poll_fn(|context| {
            let got = waiting.poll(context);
            if got.is_pending() && !queued {
                queued = true;
                progress.tell(|| TraceEvent::Queued);
            }
            got
        });
        let got = got.await;
        if queued {
            progress.tell(|| TraceEvent::Dequeued);
        }
        let slot = Slot { session: self.clone(), route: Some(route.clone()) };
        (slot, got)
    }

    /// Does what the books ask for, until they ask for nothing.
    pub(super) fn settle(&self) {
        loop {
            let step = self.books.borrow_mut().step();
            match step {
                Some(Step::Wake(waker)) => waker.wake(),
                Some(Step::Close(connection)) => drop(connection),
                None => return,
            }
        }
    }
}

impl Waiting<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Connection>> {
        let books = &self.session.books;
        let ticket = match self.ticket {
            Some(ticket) => ticket,
            None => {
                let (route, waker) = (self.route.clone(), context.waker().clone());
                let ticket = books.borrow_mut().join(route, waker);
                self.ticket = Some(ticket);
                self.session.settle();
                ticket
            }
        };
        let got = books.borrow_mut().collect(ticket);
        if let Some(got) = got {
            self.ticket = None;
            return Poll::Ready(got);
        }
        let renewed = context.waker().clone();
        let old = books.borrow_mut().waker_mut(ticket).map(|old| std::mem::replace(old, renewed));
        drop(old);
        note_wait(None, Resource::Other("a free connection"));
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.session.books.borrow_mut().leave(ticket);
            self.session.settle();
        }
    }
}

impl Slot {
    /// Another idle connection to the same route, that is one still.
    pub(super) fn another(&self) -> Option<Connection> {
        loop {
            let mut connection = self.session.books.borrow_mut().another(self.route.as_ref()?)?;
            if connection.is_reusable() {
                return Some(connection);
            }
        }
    }

    /// Gives it back with a connection, which is kept for another request if it can carry one.
    pub(super) fn keep(mut self, mut connection: Connection) {
        let Some(route) = self.route.take() else { return };
        let session = self.session.clone();
        let now = get_running_loop().map(|event_loop| event_loop.time());
        let keeps = !session.connector.force_close && connection.is_reusable();
        let (kept, closed) = match now {
            Ok(now) if keeps => (Some((connection, now)), None),
            _ => (None, Some(connection)),
        };
        session.books.borrow_mut().give_back(&route, kept);
        drop(closed);
        session.settle();
        session.arm();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(route) = self.route.take() {
            self.session.books.borrow_mut().give_back(&route, None);
            self.session.settle();
        }
    }
}

/// A connection with the slot it has. Dropped, it is closed and the slot is free.
pub(super) struct Held {
    pub(super) connection: Connection,
    slot: Slot,
}

impl Held {
    pub(super) fn new(slot: Slot, connection: Connection) -> Held {
        Held { connection, slot }
    }

    /// The exchange is over: the connection may serve another.
    pub(super) fn release(self) {
        self.slot.keep(self.connection);
    }

    /// The same if all of the body has come; else the connection is closed.
    pub(super) fn release_if_over(mut self) {
        if self.connection.skip_what_is_there() {
            self.release();
        }
    }

    /// The connection is not a session's any more; its slot is free.
    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }
}

/// The connection of a response whose body is not over. Dropped, it is kept if all of the body has
/// come.
pub(super) struct Kept(pub(super) Option<Held>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            held.release_if_over();
        }
    }
}

/// A boxed future, which a request in the making becomes.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;
