//! The server's side of a connection: a [`Protocol`] around [`h1::ServerConnection`].
//!
//! Bytes are parsed where they lie in the loop's receive buffer, and a handler's first step is
//! taken on the spot. So a handler that does not wait costs neither a turn nor a wake, and an idle
//! connection owns no task and no buffer.
//!
//! ```text
//!          data_received(bytes)
//!                  │
//!   ┌── held ──► feed ──► h1.receive ──► Head ─────────► Collecting
//!   │ (pipelined   ▲                     Data ─────────► push_body, or 413
//!   │  while       │                     EndOfMessage ─► router ─► Handling ─► the handler
//!   │  Handling)   └── answered ◄──────────────────────────────────────────────────┘
//!   └────────────────── │
//!                       ▼
//!                  h1.respond ──► out ──► transport.write   (once for all of `bytes`)
//! ```
//!
//! Where a connection stands is told by its [`Stage`], which has a table.
//!
//! Requests of one connection are handled one at a time, in order. While one is, and while the
//! client does not read what it was answered, nothing more is parsed: the bytes that have come are
//! held and the transport receives no more, so TCP holds the client back.

mod answer;
pub(super) mod handler;
mod receive;
pub(super) mod service;
mod stage;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use http::StatusCode;

use self::service::{Service, Waits};
use self::stage::{Cause, Stage};
use super::h1::ServerConnection;
use super::response::Response;
use crate::event_loop::EventLoop;
use crate::sys::Time;
use crate::task::Task;
use crate::transport::{Protocol, Transport};

/// A connection's protocol: what the transport calls.
pub(super) struct Http {
    service: Rc<Service>,
    connection: Option<Rc<Connection>>,
}

/// A connection.
pub(in crate::http) struct Connection {
    service: Rc<Service>,
    transport: Transport,
    machine: RefCell<ServerConnection>,
    stage: RefCell<Stage>,
    /// Received and not yet parsed. While there is any, reading is paused.
    held: RefCell<Held>,
    place: Cell<usize>,
    /// The client does not read: more than the high-water mark is unsent.
    choked: Cell<bool>,
    /// The client will send no more.
    finished: Cell<bool>,
    /// `feed` is at work and goes on by itself after an answer.
    feeding: Cell<bool>,
    waits: Cell<Waits>,
    since: Cell<Time>,
}

/// Bytes of which some are used up.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    used: usize,
}

impl Http {
    pub(super) fn new(service: &Rc<Service>) -> Http {
        Http { service: service.clone(), connection: None }
    }
}

impl Protocol for Http {
    fn connection_made(&mut self, transport: &Transport) {
        self.service.look_at_the_clock();
        let connection = Connection::new(&self.service, transport);
        connection.place.set(self.service.admit(&connection));
        if self.service.is_closing() {
            connection.close();
        }
        self.connection = Some(connection);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        if let Some(connection) = &self.connection {
            connection.data_received(data);
        }
    }

    fn eof_received(&mut self, _: &Transport) -> bool {
        self.connection.as_ref().is_some_and(Connection::eof_received)
    }

    fn pause_writing(&mut self, _: &Transport) {
        if let Some(connection) = &self.connection {
            connection.choked.set(true);
        }
    }

    fn resume_writing(&mut self, _: &Transport) {
        if let Some(connection) = &self.connection {
            connection.choked.set(false);
            connection.begin();
            connection.go_on();
        }
    }

    fn connection_lost(&mut self, _: Option<io::Error>) {
        self.leave();
    }
}

impl Http {
    fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.service.dismiss(connection.place.get());
            connection.lost();
        }
    }
}

/// A loop that closes drops its connections' protocols without another call.
impl Drop for Http {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Connection {
    fn new(service: &Rc<Service>, transport: &Transport) -> Rc<Connection> {
        Rc::new(Connection {
            service: service.clone(),
            transport: transport.clone(),
            machine: RefCell::new(ServerConnection::new(&service.shared)),
            stage: RefCell::new(Stage::Reading),
            held: RefCell::default(),
            place: Cell::new(0),
            choked: Cell::new(false),
            finished: Cell::new(false),
            feeding: Cell::new(false),
            waits: Cell::new(Waits::Idle),
            since: Cell::new(service.event_loop().map_or(Time::ZERO, |it| it.time())),
        })
    }

    pub(super) fn event_loop(&self) -> Option<EventLoop> {
        self.service.event_loop()
    }

    /// Something has happened to this connection. What a panic may have left in the buffer is not
    /// its own.
    fn begin(&self) {
        self.service.look_at_the_clock();
        self.service.out.borrow_mut().clear();
    }

    /// Moves on, and gives what was.
    fn moves(&self, cause: Cause, to: Stage) -> Stage {
        debug_assert!(self.stage.borrow().leads_to(cause, &to), "{:?} at {cause:?}", self.stage);
        self.stage.replace(to)
    }

    fn lost(&self) {
        // A handler that is under way runs to its end, as in aiohttp.
        drop(self.moves(Cause::Ends, Stage::Over));
        self.held.take();
    }

    /// What it waits for, and since when.
    pub(super) fn waits(&self) -> (Waits, Time) {
        (self.waits.get(), self.since.get())
    }

    /// It has waited for that too long.
    pub(super) fn waited_too_long(&self, waits: Waits) {
        let what = match waits {
            Waits::Head => "the head of the request did not arrive in time",
            Waits::Body => "the body of the request did not arrive in time",
            Waits::Linger => return self.transport.abort(),
            Waits::Idle | Waits::Nothing => return self.close(),
        };
        self.begin();
        // To the machine it is as if the client had gone: what it has begun is broken off.
        let _ = self.machine.borrow_mut().receive_eof();
        self.refuse(&Response::error(StatusCode::REQUEST_TIMEOUT, what));
        self.flush();
        self.close();
    }

    /// The server closes: an idle connection ends now, another after its present request.
    pub(super) fn service_closes(&self) {
        if self.waits.get() == Waits::Idle {
            self.close();
        }
    }

    /// Asks the handler to end, and gives its task; `None` if no handler is at work.
    pub(super) fn cancel_handler(&self) -> Option<Task<()>> {
        let task = match &mut *self.stage.borrow_mut() {
            Stage::Handling(task) => task.take()?,
            _ => return None,
        };
        task.cancel();
        Some(task)
    }

    /// The handler has ended; if it gave no answer, the connection ends, too.
    pub(super) fn leave_unanswered(&self) {
        if matches!(*self.stage.borrow(), Stage::Handling(_)) {
            self.give_up();
        }
    }

    /// The server waits no longer.
    pub(super) fn give_up(&self) {
        let stage = self.moves(Cause::Ends, Stage::Over);
        if let Stage::Handling(Some(task)) = &stage {
            task.cancel();
        }
        self.transport.abort();
    }
}
