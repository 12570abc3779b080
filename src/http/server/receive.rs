//! What comes in: from bytes to a request in its handler's hands, and to the body it reads.

use std::rc::{Rc, Weak};

use http::{Method, Version};

use super::service::Waits;
use super::stage::{Cause, Exchange, Stage};
use super::{Connection, Held};
use crate::http::content::{Incoming, Source};
use crate::http::h1::{Asking, Error, Event, Framing, RequestHead};
use crate::http::request::{BodyError, Request};
use crate::http::response::IntoResponse;
use crate::task::Task;

/// So much encoded output is written before more requests are answered.
pub(super) const FLUSH_SIZE: usize = 64 << 10;

/// What to do after a step.
enum Step {
    /// So many bytes were used; go on with the rest.
    Go(usize),
    /// So many bytes were used; the rest has to wait.
    Stop(usize),
}

impl Connection {
    pub(super) fn data_received(self: &Rc<Self>, data: &[u8]) {
        self.begin();
        if let Stage::Lingering(left) = &mut *self.stage.borrow_mut() {
            match left.checked_sub(data.len()) {
                Some(less) => *left = less,
                // More than a client can have on its way: it does not listen.
                None => self.transport.abort(),
            }
            return;
        }
        if let Some(held) = &mut *self.held.borrow_mut() {
            held.bytes.extend_from_slice(data);
            return;
        }
        let used = self.feed(data);
        if used == data.len() && self.rests() {
            return self.now_waits(Waits::Idle);
        }
        self.not_at_rest(&data[used..]);
    }

    /// Whether all that was asked is answered, no more has come and more may: the usual case.
    #[inline]
    fn rests(&self) -> bool {
        let machine = self.machine.borrow();
        matches!(*self.stage.borrow(), Stage::Reading)
            && machine.is_idle()
            && !machine.must_close()
            && !self.service.is_closing()
    }

    #[inline(never)]
    fn not_at_rest(&self, rest: &[u8]) {
        if !rest.is_empty() {
            self.left_over(rest);
        } else if self.is_full() {
            self.transport.pause_reading();
        }
        self.after_feeding();
    }

    /// Bytes that cannot be used now: they wait, or are the other protocol's.
    #[cold]
    fn left_over(&self, data: &[u8]) {
        if self.is_upgraded() {
            self.forward(|protocol, transport| protocol.data_received(transport, data));
            return;
        }
        *self.held.borrow_mut() = Some(Box::new(Held { bytes: data.to_vec(), used: 0 }));
        self.transport.pause_reading();
    }

    /// Goes on with what is held, now that something may not stand in the way any more.
    pub(super) fn go_on(self: &Rc<Self>) {
        let mut held = self.held.take();
        if let Some(it) = &mut held {
            it.used += self.feed(&it.bytes[it.used..]);
            held = held.filter(|it| it.used < it.bytes.len());
        } else if matches!(self.machine.borrow().asking(), Asking::Body(_)) {
            self.end_of_full_body();
        }
        let receives = held.is_none() && !self.is_full();
        *self.held.borrow_mut() = held;
        if self.is_upgraded() {
            // From now on it is the other protocol that pauses reading and resumes it.
            return self.hand_over();
        }
        if receives {
            self.transport.resume_reading();
        }
        self.after_feeding();
    }

    /// The last bytes of a body may have filled its buffer: then its end is still to be told, and
    /// nothing will come that would bring it.
    #[cold]
    fn end_of_full_body(self: &Rc<Self>) {
        self.feed(&[]);
    }

    /// Whether no more of the body is to be received before some of it is read.
    fn is_full(&self) -> bool {
        let stage = self.stage.borrow();
        !matches!(*stage, Stage::Reading) && stage.body().is_some_and(|body| body.is_full())
    }

    /// Parses and answers what it can; says how many bytes were used.
    fn feed(self: &Rc<Self>, input: &[u8]) -> usize {
        self.feeding.set(true);
        let mut used = 0;
        while self.may_go_on(&input[used..]) {
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

    /// No request is begun for a client that does not read, nor of no bytes; and nothing is received
    /// of a body that is not read.
    #[inline]
    fn may_go_on(&self, rest: &[u8]) -> bool {
        match &*self.stage.borrow() {
            Stage::Reading => !rest.is_empty() && !self.choked.get(),
            stage => !stage.body().is_some_and(|body| body.is_full()),
        }
    }

    fn step(self: &Rc<Self>, input: &[u8]) -> Step {
        let received = self.machine.borrow_mut().receive_request(input);
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
                self.end_of_body();
                Step::Go(used)
            }
            Ok((used, Event::NeedData)) => {
                self.ready();
                Step::Stop(used)
            }
            Ok((used, _)) => Step::Stop(used),
            Err(error) => {
                self.broken(&error);
                Step::Stop(input.len())
            }
        }
    }

    fn head(self: &Rc<Self>, head: RequestHead) {
        // It is idle no more, which a handler's first step may ask; and each head's time, and each
        // body's, is its own.
        self.now_waits(Waits::Nothing);
        let framing = head.framing();
        let mut request = Request::new(head);
        if let Ok(peer) = self.transport.peer_addr() {
            request.set_remote(peer);
        }
        #[cfg(feature = "tls")]
        request.set_secure(self.transport.is_secure());
        if framing == Framing::Length(0) {
            return self.dispatch(request);
        }
        request.set_incoming(self.incoming(framing));
        self.moves(Cause::BodyDue, Stage::Due(request));
    }

    fn incoming(self: &Rc<Self>, framing: Framing) -> Rc<Incoming> {
        let announced = match framing {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        let source: Weak<Connection> = Rc::downgrade(self);
        Incoming::new(source, announced, self.service.limits())
    }

    fn body(self: &Rc<Self>, data: &[u8]) {
        let mut full = false;
        match &mut *self.stage.borrow_mut() {
            Stage::Draining(left) => match left.checked_sub(data.len() as u64) {
                Some(less) => *left = less,
                None => full = true,
            },
            stage => {
                if let Some(body) = stage.body() {
                    body.push(data);
                    full = body.is_full();
                }
            }
        }
        if full {
            self.enough();
        }
    }

    /// No more of the body is taken now: its handler begins, if it has not. Of a body that nobody
    /// will read no more is taken at all.
    #[cold]
    fn enough(self: &Rc<Self>) {
        if self.drains() {
            self.machine.borrow_mut().close_after_this();
            self.moves(Cause::Answered, Stage::Reading);
        } else {
            self.ready();
        }
    }

    /// Whether nobody will read what comes of the body.
    fn drains(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Draining(_))
    }

    /// The body has come to its end.
    fn end_of_body(self: &Rc<Self>) {
        if let Some(body) = self.stage.borrow().body() {
            body.finish();
        }
        if self.drains() {
            self.moves(Cause::Answered, Stage::Reading);
        } else {
            self.ready();
        }
    }

    /// What has come is parsed: a handler that is due begins.
    #[inline(never)]
    fn ready(self: &Rc<Self>) {
        if !matches!(*self.stage.borrow(), Stage::Due(_)) {
            return;
        }
        if let Stage::Due(request) = self.moves(Cause::Ready, Stage::Reading) {
            self.dispatch(request);
        }
    }

    /// The client broke the protocol, or broke off. A handler that has the request learns it from
    /// the body; where there is none the client is told.
    #[cold]
    pub(super) fn broken(&self, error: &Error) {
        let reader = match &*self.stage.borrow() {
            Stage::Due(_) => None,
            stage => stage.body().cloned(),
        };
        if let Some(body) = reader {
            return body.fail(BodyError::Broken(error.what().to_owned()));
        }
        if self.drains() {
            self.moves(Cause::Answered, Stage::Reading);
        }
        self.refuse(&error.clone().into_response());
    }

    /// The request is there: its handler is found and started.
    #[inline(always)] // it is half of what a request costs, and has two callers
    fn dispatch(self: &Rc<Self>, request: Request) {
        let before = self.moves(Cause::Dispatched, Stage::Handling(exchange_of(&request)));
        // It was `Reading`, in which there is nothing to drop.
        std::mem::forget(before);
        self.log_request(&request);
        self.begins();
        let task = self.service.app.start(request, self);
        if let Some(task) = task {
            self.keep_task(task);
        }
    }

    /// The handler waits.
    fn keep_task(&self, task: Task<()>) {
        if let Some(place) = self.stage.borrow_mut().task() {
            *place = Some(task);
        }
    }

    pub(super) fn eof_received(self: &Rc<Self>) -> bool {
        self.begin();
        self.finished.set(true);
        if self.service.cancels_handlers && self.stage.borrow().exchange().is_some() {
            // Few clients close their direction alone, and those that go do it too: whoever wants
            // handlers cancelled for them wants it now.
            return false;
        }
        if self.is_upgraded() {
            let keep = self.forward(|protocol, transport| protocol.eof_received(transport));
            return keep.unwrap_or(false);
        }
        if !self.may_switch() {
            let received = self.machine.borrow_mut().receive_eof();
            if let Err(error) = received {
                self.broken(&error);
                self.flush();
            }
        }
        if let Stage::Sending(sending) = &*self.stage.borrow() {
            sending.1.wake();
        }
        self.after_feeding();
        self.stage.borrow().exchange().is_some()
    }

    /// Whether the handler may still switch protocols: then the end that has come is the other
    /// protocol's. If it does not switch, its answer is the last.
    fn may_switch(&self) -> bool {
        let handles = matches!(&*self.stage.borrow(), Stage::Handling(it) if it.wants_upgrade);
        handles && matches!(self.machine.borrow().asking(), Asking::Done)
    }

    /// A client that waits for leave to send its body gets it (RFC 9110 §10.1.1).
    fn invite(&self) {
        let mut machine = self.machine.borrow_mut();
        if self.feeding.get() {
            machine.send_continue(&mut self.service.out.borrow_mut());
            return;
        }
        let mut out = Vec::new();
        if machine.send_continue(&mut out) {
            drop(machine);
            self.write(&out);
        }
    }
}

impl Source for Connection {
    /// The handler reads its body, so the client is asked for it. Not before: what a handler
    /// refuses by the head alone need not be sent, which is what `100 Continue` is for. (aiohttp
    /// sends it before it calls the handler.)
    fn wanted(self: Rc<Self>) {
        self.invite();
        // In the middle of `feed`, or of a step of the handler, it goes on by itself.
        if let Some(event_loop) = self.event_loop().filter(|_| !self.feeding.get()) {
            // Fails only on a closed loop.
            let _ = event_loop.call_soon(move || {
                self.begin();
                self.go_on();
            });
        }
    }
}

#[inline]
fn exchange_of(request: &Request) -> Exchange {
    let head = request.head();
    let wants_upgrade = head.wants_upgrade() && head.version() == Version::HTTP_11
        || *head.method() == Method::CONNECT;
    Exchange { task: None, body: request.incoming().cloned(), wants_upgrade }
}
