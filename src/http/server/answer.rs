//! What goes out: from a handler's answer to bytes, and to the connection's end.

use std::rc::Rc;

use http::StatusCode;

use super::Connection;
use super::drive::Rest;
use super::sending::{SMALL_FILE, Sending};
use super::service::Waits;
use super::stage::{Cause, Exchange, Stage};
use crate::event_loop::{ErrorContext, Exception};
use crate::http::body::Body;
use crate::http::h1::{Answering, Asking, Decoder, Encoder, Error};
use crate::http::request::BodyError;
use crate::http::response::{IntoResponse, Response};

/// So many bytes are dropped after the last answer before the connection is closed under them.
const LINGER_SIZE: usize = 1 << 20;

impl Connection {
    /// A handler has come to its answer; gives what remains to be done to send it.
    #[inline]
    pub(in crate::http) fn answered(self: &Rc<Self>, response: &mut Response) -> Option<Rest> {
        if self.answered_plainly(response) { None } else { self.answered_anyhow(response) }
    }

    /// The most usual answer to the most usual request, all at once: bytes, for a handler that
    /// has not waited, to a request that is through. Of anything else nothing is done, and
    /// [`answered_anyhow`](Self::answered_anyhow) goes step by step to the same end.
    #[inline]
    fn answered_plainly(&self, response: &Response) -> bool {
        let stage = &mut *self.stage.borrow_mut();
        let usual = matches!(stage, Stage::Handling(Exchange { task: None, body: None, .. }));
        let sent = usual
            && !self.service.is_closing()
            && self.service.log.is_none()
            && response.send_plainly(
                &mut self.machine.borrow_mut(),
                &mut self.service.out.borrow_mut(),
                &self.service.date().end,
            );
        if sent {
            debug_assert!(stage.leads_to(Cause::Answered, &Stage::Reading));
            // There is nothing in it to drop, which only this function knows.
            std::mem::forget(std::mem::replace(stage, Stage::Reading));
        }
        sent
    }

    #[inline(never)]
    fn answered_anyhow(self: &Rc<Self>, response: &mut Response) -> Option<Rest> {
        if !matches!(*self.stage.borrow(), Stage::Handling(_)) {
            // The connection was lost meanwhile, or given up.
            return None;
        }
        match response.body() {
            Body::Bytes(_) => self.answer(response),
            Body::File(file) if file.0.len <= SMALL_FILE => self.answer_file(response),
            _ => return self.begin_answer(response),
        }
        None
    }

    /// A small file goes out with its head in one write.
    fn answer_file(&self, response: &mut Response) {
        let Body::File(file) = response.replace_body(Body::empty()) else { return };
        match file.0.read() {
            Ok(bytes) => drop(response.replace_body(bytes)),
            Err(error) => {
                self.report("A file cannot be sent".into(), Exception::Error(error.into()));
                *response = Response::of_status(StatusCode::INTERNAL_SERVER_ERROR);
            }
        }
        self.answer(response);
    }

    /// A handler has failed.
    #[cold]
    pub(super) fn failed(self: &Rc<Self>, handler: &'static str, exception: Exception) {
        // What a panic has left half done nobody knows: the connection ends.
        let ends = matches!(exception, Exception::Panic(_));
        self.report(format!("Error in the handler {handler}"), exception);
        if !matches!(*self.stage.borrow(), Stage::Handling(_)) {
            return;
        }
        if ends {
            self.machine.borrow_mut().close_after_this();
        }
        self.answer(&Response::of_status(StatusCode::INTERNAL_SERVER_ERROR));
    }

    /// Answers the request under way with a response whose body is bytes.
    pub(super) fn answer(&self, response: &Response) {
        self.last_if_due();
        if let Err(error) = self.encode(response) {
            self.encode_instead(error);
        }
        self.complete();
    }

    fn encode(&self, response: &Response) -> Result<(), Error> {
        let mut machine = self.machine.borrow_mut();
        let out = &mut self.service.out.borrow_mut();
        response.send(&mut machine, out, Some(&self.service.date().value))?;
        if let Body::Bytes(bytes) = response.body() {
            self.log_answer(response.status_code(), bytes.len());
        }
        Ok(())
    }

    /// A response cannot be sent. If that is the client's fault, it is told; if the handler's, the
    /// loop's exception handler is.
    #[cold]
    fn encode_instead(&self, error: Error) {
        let broken = matches!(self.machine.borrow().asking(), Asking::Failed);
        let failure = self.stage.borrow().body().and_then(|body| body.failure());
        let response = match failure.filter(|_| broken) {
            Some(failure) => failure.into_response(),
            None => {
                let what = "A response cannot be sent as it is";
                self.report(what.into(), Exception::Error(error.what().into()));
                Response::of_status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        // This one is right by construction; if it is refused, no answer is owed.
        let _ = self.encode(&response);
    }

    /// Makes this answer the connection's last, if it must be.
    fn last_if_due(&self) {
        let mut machine = self.machine.borrow_mut();
        // RFC 9112 §9.3: to keep the connection, the rest of the request has to be read.
        let unread = match machine.asking() {
            Asking::Body(Decoder::Length(left)) => *left,
            _ => 0,
        };
        let is_last = self.service.is_closing() || self.finished.get();
        if unread > self.service.limits().drained_body || is_last {
            machine.close_after_this();
        }
    }

    /// The head of an answer whose body is still to be sent; gives who sends it.
    #[inline(never)]
    fn begin_answer(self: &Rc<Self>, response: &mut Response) -> Option<Rest> {
        if self.service.is_closing() || self.finished.get() {
            self.machine.borrow_mut().close_after_this();
        }
        if let Err(error) = self.encode_head(response) {
            self.encode_instead(error);
            self.complete();
            return None;
        }
        let body = response.replace_body(Body::empty());
        if let Body::Upgrade(upgrade) = body {
            return Some(self.switch(upgrade));
        }
        let nothing = Answering::Body(Encoder::Nothing);
        if *self.machine.borrow().answering() == nothing {
            // HEAD, 204 and 304: the head is all.
            return self.end_of_answer();
        }
        let sending = Sending::new(Rc::downgrade(self));
        let exchange = self.take_exchange();
        self.moves(Cause::Begins, Stage::Sending(Box::new((exchange, sending.clone()))));
        Some(match body {
            Body::Stream(stream) => self.stream(sending, stream),
            Body::File(file) => self.file(sending, *file.0),
            Body::Bytes(_) | Body::Upgrade(_) => return self.end_of_answer(),
        })
    }

    fn encode_head(&self, response: &Response) -> Result<(), Error> {
        let wanted = self.stage.borrow().exchange().is_some_and(|it| it.wants_upgrade);
        let mut machine = self.machine.borrow_mut();
        if matches!(response.body(), Body::Upgrade(_)) && !wanted {
            let what = "the protocol was switched for a client that did not ask for that";
            return Err(Error::you(machine.answering().name(), what));
        }
        let out = &mut self.service.out.borrow_mut();
        response.send_head(&mut machine, out, Some(&self.service.date().value))?;
        self.log_answer(response.status_code(), 0);
        Ok(())
    }

    pub(super) fn take_exchange(&self) -> Exchange {
        match &mut *self.stage.borrow_mut() {
            Stage::Handling(exchange) => std::mem::take(exchange),
            _ => Exchange::default(),
        }
    }

    /// The body of the answer is sent.
    pub(super) fn end_of_answer(&self) -> Option<Rest> {
        if self.service.is_closing() {
            self.machine.borrow_mut().close_after_this();
        }
        let ended = self.machine.borrow_mut().end_of_message(&mut self.service.out.borrow_mut());
        match ended {
            Ok(()) => self.complete(),
            Err(error) => {
                self.cut("An answer is not as long as it said", Exception::Error(error.into()))
            }
        }
        None
    }

    /// The request has its whole answer.
    fn complete(&self) {
        if matches!(self.machine.borrow().asking(), Asking::Body(_)) {
            return self.complete_unread();
        }
        match self.moves(Cause::Answered, Stage::Reading) {
            Stage::Reading | Stage::Handling(Exchange { task: None, body: None, .. }) => {}
            before => over(&before),
        }
        self.log_end();
    }

    /// The request has its whole answer, and its body is on its way.
    #[cold]
    fn complete_unread(&self) {
        let drained = self.service.limits().drained_body;
        let mut machine = self.machine.borrow_mut();
        if matches!(machine.asking(), Asking::Body(Decoder::Length(left)) if *left > drained) {
            machine.close_after_this();
        }
        let (cause, stage) = match machine.must_close() {
            true => (Cause::Answered, Stage::Reading),
            false => (Cause::Unread, Stage::Draining(drained)),
        };
        drop(machine);
        over(&self.moves(cause, stage));
        self.log_end();
    }

    /// An answer that has begun can only be broken off, so that the client notices.
    #[cold]
    pub(super) fn cut(&self, what: &str, why: Exception) {
        self.report(what.into(), why);
        self.ends(false);
        self.transport.abort();
    }

    /// The future that sends an answer's body, or speaks another protocol, has panicked.
    #[cold]
    pub(super) fn broke_off(&self, handler: &'static str, panic: Exception) {
        let what = format!("What answers for the handler {handler} panicked");
        if matches!(*self.stage.borrow(), Stage::Sending(_)) {
            self.cut(&what, panic);
        } else {
            // An upgraded connection ends as its two ends are dropped, with what was written last:
            // a WebSocket's Close.
            self.report(what, panic);
        }
    }

    /// Gives a request that cannot be served its answer, and the connection its end.
    #[cold]
    pub(super) fn refuse(&self, response: &Response) {
        self.machine.borrow_mut().close_after_this();
        if self.machine.borrow().owes_response() {
            // In the place of a handler that is under way and answers nobody any more.
            let task = self.stage.borrow_mut().task().and_then(Option::take);
            self.service.adopt(task);
            self.answer(response);
        }
    }

    /// Writes what was encoded.
    pub(super) fn flush(&self) {
        let out = self.service.take_out();
        if !out.is_empty() {
            self.write_here(&out);
        }
        self.service.give_back(out);
    }

    pub(super) fn write(&self, out: &[u8]) {
        self.write_here(out);
    }

    #[inline(always)]
    fn write_here(&self, out: &[u8]) {
        // The transport takes writes until this connection closes it, and then drops them.
        let _ = self.transport.write(out);
        self.writes.gives(out.len());
        let unsent = self.transport.get_write_buffer_size();
        if unsent > 0 && unsent > self.transport.get_write_buffer_limits().1 {
            self.choked.set(true);
        }
    }

    /// Ends the connection if it has had its last answer, and notes what it waits for else.
    pub(super) fn after_feeding(&self) {
        let machine = self.machine.borrow();
        let is_reading = matches!(*self.stage.borrow(), Stage::Reading);
        if is_reading && machine.must_close() {
            let unread = !matches!(machine.asking(), Asking::MustClose | Asking::Closed)
                || self.held.borrow().is_some();
            drop(machine);
            return self.last_answer_given(unread && !self.finished.get());
        }
        if is_reading && self.service.is_closing() && machine.is_idle() {
            drop(machine);
            return self.close();
        }
        let waits = match &*self.stage.borrow() {
            Stage::Reading if machine.is_idle() => Waits::Idle,
            Stage::Reading => Waits::Head,
            Stage::Draining(_) | Stage::Lingering(_) => Waits::Linger,
            stage if stage.body().is_some_and(|body| body.is_awaited()) => Waits::Body,
            _ => Waits::Nothing,
        };
        self.now_waits(waits);
    }

    /// Closes. RFC 9112 §9.6: if the client is still sending, a close would make the kernel send a
    /// reset, which may destroy the answer before the client has read it; so we close our half and
    /// let it finish.
    fn last_answer_given(&self, unread: bool) {
        self.held.take();
        if !unread {
            return self.close();
        }
        self.moves(Cause::Last, Stage::Lingering(LINGER_SIZE));
        self.now_waits(Waits::Linger);
        self.transport.write_eof();
        self.transport.resume_reading();
    }

    pub(super) fn close(&self) {
        self.ends(false);
        self.transport.close();
    }

    pub(super) fn report(&self, what: String, exception: Exception) {
        let Some(event_loop) = self.event_loop() else { return };
        let peer = self.transport.peer_addr();
        let whose = peer.map_or_else(|_| String::new(), |peer| format!(", for {peer}"));
        let context = ErrorContext::new(what + &whose).exception(exception);
        event_loop.call_exception_handler(context);
    }
}

/// An exchange is over: whoever still reads or writes learns it.
#[cold]
fn over(exchange: &Stage) {
    if let Some(body) = exchange.body() {
        body.fail(BodyError::Answered);
    }
    if let Stage::Sending(sending) = exchange {
        sending.1.end();
    }
}
