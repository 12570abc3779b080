//! What goes out: from a handler's answer to bytes, and to the connection's end.

use std::rc::Rc;

use http::StatusCode;

use super::Connection;
use super::service::Waits;
use super::stage::{Cause, Stage};
use crate::event_loop::{ErrorContext, Exception};
use crate::http::h1::{Asking, Error};
use crate::http::response::Response;

/// So many bytes are dropped after the last answer before the connection is closed under them.
const LINGER_SIZE: usize = 1 << 20;

impl Connection {
    /// A handler has come to its answer, in the middle of `feed` or as a task.
    pub(in crate::http) fn answered(self: &Rc<Self>, response: &Response) {
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

    /// A handler has failed.
    #[cold]
    pub(super) fn failed(self: &Rc<Self>, handler: &'static str, exception: Exception) {
        self.report(format!("Error in the handler {handler}"), exception);
        self.answered(&Response::of_status(StatusCode::INTERNAL_SERVER_ERROR));
    }

    /// Answers the request under way.
    pub(super) fn answer(&self, response: &Response) {
        if self.service.is_closing() {
            self.machine.borrow_mut().close_after_this();
        }
        if let Err(error) = self.encode(response) {
            self.report(
                "A response cannot be sent as it is".into(),
                Exception::Error(error.into()),
            );
            // This one is right by construction; if it is refused, no answer is owed.
            let _ = self.encode(&Response::of_status(StatusCode::INTERNAL_SERVER_ERROR));
        }
        drop(self.moves(Cause::Answered, Stage::Reading));
    }

    fn encode(&self, response: &Response) -> Result<(), Error> {
        let mut machine = self.machine.borrow_mut();
        response.send(&mut machine, &mut self.service.out.borrow_mut(), Some(&self.service.date()))
    }

    /// Gives a request that cannot be served its answer, and the connection its end.
    #[cold]
    pub(super) fn refuse(&self, response: &Response) {
        self.machine.borrow_mut().close_after_this();
        if self.machine.borrow().owes_response() {
            self.answer(response);
        }
    }

    /// Writes what was encoded.
    pub(super) fn flush(&self) {
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
    pub(super) fn after_feeding(&self) {
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
        self.moves(Cause::Unread, Stage::Lingering(LINGER_SIZE));
        self.now_waits(Waits::Linger);
        self.transport.write_eof();
        self.transport.resume_reading();
    }

    pub(super) fn close(&self) {
        self.moves(Cause::Ends, Stage::Over);
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
