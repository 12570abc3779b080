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
//! Where a connection stands:
//!
//! ```text
//! from        Head        Complete   Answered   Last       LastUnread  Lost
//! Reading     Collecting  –          Reading    Over       Lingering   Over
//! Collecting  –           Handling   Reading    Over       Lingering   Over
//! Handling    –           –          Reading    Over       Lingering   Over
//! Lingering   –           –          –          Over       –           Over
//! Over        –           –          –          Over       –           Over
//! ```
//!
//! Requests of one connection are handled one at a time, in order. While one is, and while the
//! client does not read what it was answered, nothing more is parsed: the bytes that have come are
//! held and the transport receives no more, so TCP holds the client back.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use http::StatusCode;
use http::header::ALLOW;

use super::h1::{Asking, Event, Framing, RequestHead, ServerConnection};
use super::request::Request;
use super::response::{IntoResponse, Response};
use super::router::Resolved;
use super::service::{Service, Waits};
use crate::event_loop::{ErrorContext, EventLoop, Exception};
use crate::sys::Time;
use crate::task::Task;
use crate::transport::{Protocol, Transport};

/// So much encoded output is written before more requests are answered.
const FLUSH_SIZE: usize = 64 << 10;

/// So many bytes are dropped after the last answer before the connection is closed under them.
const LINGER_SIZE: usize = 1 << 20;

/// Where a connection stands. The module's documentation has its table.
#[derive(Debug)]
enum Stage {
    /// Between two requests, or in the middle of a head.
    Reading,
    /// The body of this request is on its way.
    Collecting(Box<Request>),
    /// A handler has the request; its task, if it waits.
    Handling(Option<Task<()>>),
    /// The last answer is given, and the client is still sending: so many bytes more are dropped.
    Lingering(usize),
    /// Closed, or about to be.
    Over,
}

/// A connection's protocol: what the transport calls.
pub(super) struct Http {
    service: Rc<Service>,
    connection: Option<Rc<Connection>>,
}

/// A connection.
pub(super) struct Connection {
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

/// What to do after a step.
enum Step {
    /// So many bytes were used; go on with the rest.
    Go(usize),
    /// So many bytes were used; the rest has to wait.
    Stop(usize),
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

    // ---- reading ------------------------------------------------------------------------------

    fn data_received(self: &Rc<Self>, data: &[u8]) {
        self.begin();
        if let Stage::Lingering(left) = &mut *self.stage.borrow_mut() {
            match left.checked_sub(data.len()) {
                Some(less) => *left = less,
                None => self.transport.close(),
            }
            return;
        }
        let mut held = self.held.borrow_mut();
        if !held.bytes.is_empty() {
            held.bytes.extend_from_slice(data);
            return;
        }
        drop(held);
        let used = self.feed(data);
        if used < data.len() {
            *self.held.borrow_mut() = Held { bytes: data[used..].to_vec(), used: 0 };
            self.transport.pause_reading();
        }
        self.after_feeding();
    }

    /// Goes on with what is held, now that nothing stands in the way.
    fn go_on(self: &Rc<Self>) {
        let mut held = self.held.take();
        held.used += self.feed(&held.bytes[held.used..]);
        if held.used < held.bytes.len() {
            *self.held.borrow_mut() = held;
        } else if !held.bytes.is_empty() {
            self.transport.resume_reading();
        }
        self.after_feeding();
    }

    /// Parses and answers what it can; says how many bytes were used.
    fn feed(self: &Rc<Self>, input: &[u8]) -> usize {
        self.feeding.set(true);
        let mut used = 0;
        while !self.choked.get() {
            match self.step(&input[used..]) {
                Step::Go(more) => used += more,
                Step::Stop(more) => {
                    used += more;
                    break;
                }
            }
            if self.service.out.borrow().len() >= FLUSH_SIZE {
                self.flush();
            }
        }
        self.feeding.set(false);
        self.flush();
        used
    }

    fn step(self: &Rc<Self>, input: &[u8]) -> Step {
        let received = self.machine.borrow_mut().receive(input);
        match received {
            Ok((used, Event::Head(head))) => {
                self.head(head);
                Step::Go(used)
            }
            Ok((used, Event::Data(data))) => {
                self.body(data);
                Step::Go(used)
            }
            Ok((used, Event::EndOfMessage)) => {
                self.complete();
                Step::Go(used)
            }
            Ok((used, Event::NeedData)) => {
                self.invite();
                Step::Stop(used)
            }
            Ok((used, _)) => Step::Stop(used),
            Err(error) => {
                self.refuse(error.into_response());
                Step::Stop(input.len())
            }
        }
    }

    fn head(&self, head: RequestHead) {
        let limit = self.service.limits().body_size;
        let too_large = matches!(head.framing(), Framing::Length(length) if length > limit);
        if too_large {
            return self.refuse(too_large_response(limit));
        }
        let mut request = Request::new(head);
        if let Ok(peer) = self.transport.peer_addr() {
            request.set_remote(peer);
        }
        self.stage.replace(Stage::Collecting(Box::new(request)));
    }

    fn body(&self, data: &[u8]) {
        let limit = self.service.limits().body_size;
        let pushed = match &mut *self.stage.borrow_mut() {
            Stage::Collecting(request) => request.push_body(data, limit),
            _ => Ok(()),
        };
        if pushed.is_err() {
            self.refuse(too_large_response(limit));
        }
    }

    /// All that came is used: a client that waits for leave to send its body gets it.
    fn invite(&self) {
        if matches!(*self.stage.borrow(), Stage::Collecting(_)) {
            self.machine.borrow_mut().send_continue(&mut self.service.out.borrow_mut());
        }
    }

    /// The request is there: finds its handler and starts it.
    fn complete(self: &Rc<Self>) {
        let stage = self.stage.replace(Stage::Handling(None));
        let Stage::Collecting(mut request) = stage else {
            // Refused before its end.
            self.stage.replace(stage);
            return;
        };
        let found = self.service.router.resolve(request.method(), request.head().path());
        match found {
            Resolved::Found { handler, match_info } => {
                request.set_match_info(match_info);
                let task = handler.start(*request, self);
                if let (Some(task), Stage::Handling(place)) = (task, &mut *self.stage.borrow_mut())
                {
                    *place = Some(task);
                }
            }
            Resolved::MethodNotAllowed { allow } => {
                let response = Response::of_status(StatusCode::METHOD_NOT_ALLOWED);
                self.answer(response.header(ALLOW, allow));
            }
            Resolved::NotFound => self.answer(Response::of_status(StatusCode::NOT_FOUND)),
        }
    }

    fn eof_received(self: &Rc<Self>) -> bool {
        self.begin();
        self.finished.set(true);
        let received = self.machine.borrow_mut().receive_eof();
        if let Err(error) = received {
            self.refuse(error.into_response());
            self.flush();
        }
        self.after_feeding();
        matches!(*self.stage.borrow(), Stage::Handling(_))
    }

    // ---- answering ----------------------------------------------------------------------------

    /// A handler has ended, in the middle of `feed` or as a task.
    pub(super) fn answered(
        self: &Rc<Self>,
        handler: &'static str,
        outcome: Result<Response, Exception>,
    ) {
        let response = outcome.unwrap_or_else(|exception| {
            self.report(format!("Error in the handler {handler}"), exception);
            Response::of_status(StatusCode::INTERNAL_SERVER_ERROR)
        });
        if !matches!(*self.stage.borrow(), Stage::Handling(_)) {
            // The connection was lost meanwhile, or given up.
            return;
        }
        if self.feeding.get() {
            return self.answer(response);
        }
        self.begin();
        self.answer(response);
        self.go_on();
    }

    /// Answers the request under way.
    fn answer(&self, response: Response) {
        if self.service.is_closing() {
            self.machine.borrow_mut().close_after_this();
        }
        let stage = self.stage.replace(Stage::Reading);
        if let Err(error) = self.encode(&response) {
            self.report(
                "A response cannot be sent as it is".into(),
                Exception::Error(error.into()),
            );
            // The fallback is right by construction; if it is refused, nothing is owed.
            let _ = self.encode(&Response::of_status(StatusCode::INTERNAL_SERVER_ERROR));
        }
        drop(stage);
    }

    fn encode(&self, response: &Response) -> Result<(), super::h1::Error> {
        let mut machine = self.machine.borrow_mut();
        response.send(&mut machine, &mut self.service.out.borrow_mut(), Some(&self.service.date()))
    }

    /// Gives a request that cannot be served its answer, and the connection its end.
    fn refuse(&self, response: Response) {
        self.machine.borrow_mut().close_after_this();
        if self.machine.borrow().owes_response() {
            self.answer(response);
        }
    }

    /// Writes what was encoded.
    fn flush(&self) {
        let out = self.service.take_out();
        if !out.is_empty() {
            // The transport takes writes until this connection closes it, and then drops them.
            let _ = self.transport.write(&out);
            let high = self.transport.get_write_buffer_limits().1;
            if self.transport.get_write_buffer_size() > high {
                self.choked.set(true);
            }
        }
        self.service.give_back(out);
    }

    /// Ends the connection if it has had its last answer, and notes what it waits for else.
    fn after_feeding(&self) {
        let machine = self.machine.borrow();
        let is_reading = matches!(*self.stage.borrow(), Stage::Reading);
        if is_reading && machine.must_close() {
            let unread = !matches!(machine.asking(), Asking::MustClose | Asking::Closed)
                || !self.held.borrow().bytes.is_empty();
            drop(machine);
            return self.last_answer_given(unread && !self.finished.get());
        }
        let waits = match &*self.stage.borrow() {
            Stage::Reading if machine.is_idle() => Waits::Idle,
            Stage::Reading => Waits::Head,
            Stage::Collecting(_) => Waits::Body,
            Stage::Lingering(_) => Waits::Linger,
            Stage::Handling(_) | Stage::Over => Waits::Nothing,
        };
        self.now_waits(waits);
    }

    fn now_waits(&self, waits: Waits) {
        if self.waits.replace(waits) != waits || waits == Waits::Idle {
            self.since.set(self.service.now());
        }
    }

    /// Closes. RFC 9112 §9.6: if the client is still sending, a close would make the kernel send a
    /// reset, which may destroy the answer before the client has read it; so we close our half and
    /// let it finish.
    fn last_answer_given(&self, unread: bool) {
        self.held.take();
        if !unread {
            return self.close();
        }
        self.stage.replace(Stage::Lingering(LINGER_SIZE));
        self.now_waits(Waits::Linger);
        self.transport.write_eof();
        self.transport.resume_reading();
    }

    fn close(&self) {
        self.stage.replace(Stage::Over);
        self.transport.close();
    }

    fn report(&self, what: String, exception: Exception) {
        let Some(event_loop) = self.event_loop() else { return };
        let peer = self.transport.peer_addr();
        let whose = peer.map_or_else(|_| String::new(), |peer| format!(", for {peer}"));
        let context = ErrorContext::new(what + &whose).exception(exception);
        event_loop.call_exception_handler(context);
    }

    // ---- the end ------------------------------------------------------------------------------

    fn lost(&self) {
        // A handler that is under way runs to its end, as in aiohttp.
        let stage = self.stage.replace(Stage::Over);
        self.held.take();
        drop(stage);
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
        self.refuse(Response::error(StatusCode::REQUEST_TIMEOUT, what));
        self.flush();
        self.close();
    }

    /// The server closes: an idle connection ends now, another after its present request.
    pub(super) fn service_closes(&self) {
        if self.waits.get() == Waits::Idle {
            self.close();
        }
    }

    /// The server waits no longer.
    pub(super) fn give_up(&self) {
        let stage = self.stage.replace(Stage::Over);
        if let Stage::Handling(Some(task)) = &stage {
            task.cancel();
        }
        self.transport.abort();
    }
}

fn too_large_response(limit: u64) -> Response {
    super::request::BodyError::TooLarge { limit }.into_response()
}
