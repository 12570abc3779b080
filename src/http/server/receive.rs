//! What comes in: from bytes to a request in its handler's hands.

use std::rc::Rc;

use super::stage::{Cause, Stage};
use super::{Connection, Held};
use crate::http::h1::{Event, Framing, RequestHead};
use crate::http::request::{BodyError, Request};
use crate::http::response::{IntoResponse, Response};

/// So much encoded output is written before more requests are answered.
const FLUSH_SIZE: usize = 64 << 10;

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
    pub(super) fn go_on(self: &Rc<Self>) {
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
                self.refuse(&error.into_response());
                Step::Stop(input.len())
            }
        }
    }

    fn head(self: &Rc<Self>, head: RequestHead) {
        let limit = self.service.limits().body_size;
        let framing = head.framing();
        if matches!(framing, Framing::Length(length) if length > limit) {
            return self.refuse(&too_large_response(limit));
        }
        let mut request = Request::new(head);
        if let Ok(peer) = self.transport.peer_addr() {
            request.set_remote(peer);
        }
        if framing == Framing::Length(0) {
            // The end of a message without a body needs no more bytes.
            let over = self.machine.borrow_mut().receive(&[]);
            debug_assert!(matches!(over, Ok((0, Event::EndOfMessage))));
            return self.dispatch(request);
        }
        self.moves(Cause::BodyDue, Stage::Collecting(request));
    }

    fn body(&self, data: &[u8]) {
        let limit = self.service.limits().body_size;
        let pushed = match &mut *self.stage.borrow_mut() {
            Stage::Collecting(request) => request.push_body(data, limit),
            _ => Ok(()),
        };
        if pushed.is_err() {
            self.refuse(&too_large_response(limit));
        }
    }

    /// All that came is used: a client that waits for leave to send its body gets it.
    fn invite(&self) {
        if matches!(*self.stage.borrow(), Stage::Collecting(_)) {
            self.machine.borrow_mut().send_continue(&mut self.service.out.borrow_mut());
        }
    }

    /// The body is there, unless the request was refused before.
    fn complete(self: &Rc<Self>) {
        if !matches!(*self.stage.borrow(), Stage::Collecting(_)) {
            return;
        }
        if let Stage::Collecting(request) = self.moves(Cause::BodyThere, Stage::Reading) {
            self.dispatch(request);
        }
    }

    /// The request is there: its handler is found and started.
    fn dispatch(self: &Rc<Self>, request: Request) {
        self.moves(Cause::Dispatched, Stage::Handling(None));
        let task = self.service.app.start(request, self);
        if let (Some(task), Stage::Handling(place)) = (task, &mut *self.stage.borrow_mut()) {
            *place = Some(task);
        }
    }

    pub(super) fn eof_received(self: &Rc<Self>) -> bool {
        self.begin();
        self.finished.set(true);
        let received = self.machine.borrow_mut().receive_eof();
        if let Err(error) = received {
            self.refuse(&error.into_response());
            self.flush();
        }
        self.after_feeding();
        matches!(*self.stage.borrow(), Stage::Handling(_))
    }
}

fn too_large_response(limit: u64) -> Response {
    BodyError::TooLarge { limit }.into_response()
}
