//! The server's side of a connection: a [`Protocol`] around [`h1::ServerConnection`].
//!
//! Bytes are parsed where they lie in the loop's receive buffer, and a handler's first step is
//! taken on the spot. So a handler that does not wait costs neither a turn nor a wake, and an idle
//! connection owns no task and no buffer.
//!
//! ```text
//!          data_received(bytes)
//!                  │
//!   ┌── held ──► feed ──► h1.receive ──► Head ─────────► Due
//!   │ (pipelined   ▲                     Data ─────────► Incoming ──► whoever reads the body
//!   │  while       │                     EndOfMessage,
//!   │  Handling)   │                     NeedData ─────► router ─► Handling ─► the handler
//!   │              └── answered ◄──────────────────────────────────────────────────┘
//!   └────────────────── │  │
//!                       │  └─► Sending ─► a stream or a file, in the handler's task
//!                       ▼                  │
//!                  h1.respond ──► out ◄────┘ ──► transport.write   (once for all of `bytes`)
//! ```
//!
//! Where a connection stands is told by its [`Stage`], which has a table.
//!
//! Requests of one connection are handled one at a time, in order. While one is, while its body is
//! not read, and while the client does not read what it was answered, nothing more is parsed: the
//! bytes that have come are held and the transport receives no more, so TCP holds the client back.
//!
//! A handler begins when the head is there; a body that came with it in one piece is there too.
//! What of the body is unread after the answer is dropped, up to
//! [`Limits::drained_body`](super::Limits::drained_body), and the connection goes on; with more to
//! come it ends, after some lingering.

mod answer;
pub(super) mod closing;
mod drive;
pub(super) mod handler;
mod handshakes;
mod log;
mod orphans;
mod patience;
mod receive;
mod sending;
pub(super) mod service;
mod stage;
mod switch;

use std::cell::{Cell, RefCell};
use std::io;
use std::num::NonZeroU64;
use std::rc::Rc;

use self::patience::Writes;
use self::service::{Service, Waits};
use self::stage::{Cause, Stage};
use super::h1::ServerConnection;
use super::request::BodyError;
use crate::event_loop::EventLoop;
use crate::sys::Time;
use crate::task::Task;
use crate::transport::{Protocol, Transport};

/// What is answered where no more connections are served.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
    retry-after: 1\r\nconnection: close\r\n\r\n";

/// A connection's protocol: what the transport calls.
pub(super) struct Http {
    service: Rc<Service>,
    connection: Option<Rc<Connection>>,
    /// The number of the handshake that comes before it.
    handshake: Option<NonZeroU64>,
}

/// A connection.
pub(in crate::http) struct Connection {
    service: Rc<Service>,
    transport: Transport,
    machine: RefCell<ServerConnection>,
    stage: RefCell<Stage>,
    /// Received and not yet parsed. While there is any, reading is paused.
    held: RefCell<Option<Box<Held>>>,
    place: Cell<usize>,
    /// The client does not read: more than the high-water mark is unsent.
    choked: Cell<bool>,
    /// The client will send no more.
    finished: Cell<bool>,
    /// `feed` is at work and goes on by itself after an answer.
    feeding: Cell<bool>,
    waits: Cell<Waits>,
    since: Cell<Time>,
    writes: Writes,
    /// When the exchange under way began, if anybody minds: the second of the loop's clock.
    began: Cell<u32>,
}

/// An idle connection is one of each, and there are many.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Http>() <= 24 && size_of::<Connection>() <= 248);

/// Bytes of which some are used up, but not all.
struct Held {
    bytes: Vec<u8>,
    used: usize,
}

impl Http {
    pub(super) fn new(service: &Rc<Service>) -> Http {
        Http { service: service.clone(), connection: None, handshake: None }
    }
}

impl Protocol for Http {
    fn handshake_begins(&mut self, below: &Transport) {
        self.service.look_at_the_clock();
        // Who is refused here is not told: that would take the handshake.
        if self.service.is_closing() || !self.service.has_room() {
            return below.abort();
        }
        self.handshake = Some(self.service.handshakes.begin(below));
    }

    fn connection_made(&mut self, transport: &Transport) {
        self.end_handshake();
        self.service.look_at_the_clock();
        if !self.service.has_room() {
            // Said before the request is there, and closed: of a client that is still sending it
            // some will not hear it. It costs next to nothing, which is the point here.
            let _ = transport.write(NO_ROOM);
            return transport.close();
        }
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
            // Whoever wrote, perhaps another task: the client's time to read begins.
            self.service.look_at_the_clock();
            connection.choked.set(true);
            connection.forward(|protocol, transport| protocol.pause_writing(transport));
        }
    }

    fn resume_writing(&mut self, _: &Transport) {
        if let Some(connection) = &self.connection {
            connection.writable();
        }
    }

    /// Of a client that does not get its answers, no request begins.
    fn reads_after_failed_write(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_upgraded())
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        if let Some(connection) = &self.connection {
            connection.last_of_the_upgraded(error);
        }
        self.leave();
    }
}

impl Http {
    fn end_handshake(&mut self) {
        if let Some(number) = self.handshake.take() {
            self.service.handshakes.end(number);
        }
    }

    fn leave(&mut self) {
        self.end_handshake();
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
            writes: Writes::default(),
            began: Cell::new(0),
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

    /// The client reads again.
    fn writable(self: &Rc<Self>) {
        self.choked.set(false);
        self.writes.drained();
        self.log_is_sent();
        if let Stage::Sending(sending) = &*self.stage.borrow() {
            sending.1.wake();
        }
        if self.is_upgraded() {
            self.forward(|protocol, transport| protocol.resume_writing(transport));
            return;
        }
        self.begin();
        self.go_on();
    }

    /// The connection is over for whoever reads, writes or handles; a handler under way is asked to
    /// end or left to do so.
    fn ends(&self, cancels: bool) {
        let mut stage = self.moves(Cause::Ends, Stage::Over);
        self.waits.set(Waits::Nothing);
        self.held.take();
        if let Some(body) = stage.body() {
            body.fail(BodyError::Broken("the connection ended before the body did".into()));
        }
        if let Stage::Sending(sending) = &stage {
            sending.1.lose();
        }
        if let Stage::Upgraded(switched) = &mut stage {
            // Whoever still holds a stream on it reads its end.
            if let Some(mut protocol) = switched.protocol.take() {
                protocol.connection_lost(None);
            }
        }
        self.log_breaks_off();
        let task = stage.task().and_then(Option::take);
        if let Some(task) = task.as_ref().filter(|_| cancels) {
            task.cancel();
        }
        self.service.adopt(task);
    }

    fn lost(&self) {
        // A handler that is under way runs to its end, as in aiohttp, unless that is not wanted.
        self.ends(self.service.cancels_handlers);
        self.log_lost();
    }

    /// What a panic has left half done nobody knows: after the present answer it ends.
    #[cold]
    fn has_panicked(&self) {
        if self.stage.borrow().exchange().is_some() {
            self.machine.borrow_mut().close_after_this();
        }
    }

    /// The server closes: an idle connection ends now, another after its present request.
    pub(super) fn service_closes(&self) {
        if self.waits.get() == Waits::Idle {
            self.close();
        }
    }

    /// Asks the handler to end, and gives its task; `None` if no handler is at work.
    pub(super) fn cancel_handler(&self) -> Option<Task<()>> {
        let task = self.stage.borrow_mut().task()?.take()?;
        task.cancel();
        Some(task)
    }

    /// The handler has ended; if it gave no answer, the connection ends, too.
    pub(super) fn leave_unanswered(&self) {
        if self.stage.borrow().exchange().is_some() {
            self.give_up();
        }
    }

    /// The server waits no longer.
    pub(super) fn give_up(&self) {
        self.ends(true);
        self.transport.abort();
    }
}
