//! Responses go out.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::ServerConnection;
use crate::http::h1::encode::{self, Asked, OutgoingResponse};
use crate::http::h1::encoder::{Encoder, Length};
use crate::http::h1::error::Error;
use crate::http::h1::plain_answer::{HeadEnd, plain_answer};
use crate::http::h1::state::{Answering, AnsweringCause, Asking, AskingCause};

impl ServerConnection {
    /// Sends `100 Continue` if the client waits for it; says whether it did (RFC 9110 §10.1.1).
    pub fn send_continue(&mut self, out: &mut Vec<u8>) -> bool {
        let waits = self.awaits_continue && matches!(self.answering, Answering::Owed);
        if waits {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.awaits_continue = false;
        }
        waits
    }

    /// Appends a final response's head to `out`. Its body follows through
    /// [`send_data`](Self::send_data), and then [`end_of_message`](Self::end_of_message).
    ///
    /// # Errors
    /// [`Error::You`] where no answer is due, or the head contradicts itself, its body or the
    /// protocol. `out` is as before.
    #[inline(never)] // it is large, and nearly every answer goes around it
    pub fn send_response(
        &mut self,
        out: &mut Vec<u8>,
        head: &OutgoingResponse<'_>,
        length: Length,
    ) -> Result<(), Error> {
        self.check_response(head.status)?;
        // RFC 9110 §10.1.1: a client that was not told to continue may send its body or not, and
        // nobody can tell what then comes: the connection ends.
        let keep_alive = self.keep_alive && !self.awaits_continue;
        let start = out.len();
        match encode::response(out, head, length, self.asked, keep_alive) {
            Ok(decided) => {
                self.keep_alive = decided.keep_alive;
                self.answer(AnsweringCause::Head(decided.encoder));
                Ok(())
            }
            Err(what) => {
                out.truncate(start);
                Err(self.misuse(what))
            }
        }
    }

    fn check_response(&self, status: StatusCode) -> Result<(), Error> {
        if !matches!(self.answering, Answering::Owed) {
            return Err(self.misuse("a response was sent where none was due"));
        }
        if status.is_informational() {
            return Err(self.misuse("a 1xx response was sent where a final one is due"));
        }
        if matches!(self.asking, Asking::Failed) && status.as_u16() < 400 {
            return Err(self
                .misuse("a broken request was answered with success; it is answered 4xx or 5xx"));
        }
        if self.connect && status.is_success() {
            return Err(self.misuse("CONNECT was answered with success but not by send_switch"));
        }
        Ok(())
    }

    /// Appends bytes of the response's body to `out`.
    ///
    /// # Errors
    /// [`Error::You`] where no body is under way, or it exceeds the length that was promised.
    pub fn send_data(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), Error> {
        let done = match &mut self.answering {
            Answering::Body(encoder) => encoder.data(data, out),
            _ => Err("body was sent where none was under way"),
        };
        done.map_err(|what| self.misuse(what))
    }

    /// Notes that `count` bytes of the response's body were sent by other ways than through `out`,
    /// as the kernel sends a file.
    ///
    /// # Errors
    /// [`Error::You`] where no body is under way, where it is chunked, or where that exceeds the
    /// length that was promised.
    pub fn sent_elsewhere(&mut self, count: u64) -> Result<(), Error> {
        let done = match &mut self.answering {
            Answering::Body(encoder) => encoder.sent_elsewhere(count),
            _ => Err("body was sent where none was under way"),
        };
        done.map_err(|what| self.misuse(what))
    }

    /// Ends the response, and the exchange if the request is over too.
    ///
    /// # Errors
    /// [`Error::You`] where no body is under way, or it is shorter than was promised. The only way
    /// on is then to break the connection, so that the client notices.
    pub fn end_of_message(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let done = match &self.answering {
            Answering::Body(encoder) => encoder.end(out),
            _ => Err("a response was ended where none was under way"),
        };
        done.map_err(|what| self.misuse(what))?;
        self.answer(AnsweringCause::End);
        self.settle();
        Ok(())
    }

    /// Appends a whole response: head, body and end.
    ///
    /// # Errors
    /// As [`send_response`](Self::send_response); `out` is as before.
    pub fn respond(
        &mut self,
        out: &mut Vec<u8>,
        head: &OutgoingResponse<'_>,
        body: &[u8],
    ) -> Result<(), Error> {
        self.send_response(out, head, Length::Known(body.len() as u64))?;
        self.send_data(out, body)?;
        self.end_of_message(out)
    }

    /// The same for a 200 that has no fields but `Content-Type` and `Date`, where nothing about the
    /// request wants a decision either. Where something does it is false, and nothing is done.
    #[inline(always)]
    pub(crate) fn respond_plainly(
        &mut self,
        out: &mut Vec<u8>,
        content_type: &HeaderValue,
        date: &HeadEnd,
        body: &[u8],
    ) -> bool {
        let plain = matches!((&self.asking, &self.answering), (Asking::Done, Answering::Owed))
            && self.keep_alive
            && self.asked == Asked::default()
            && !self.connect
            && !self.awaits_continue;
        if plain {
            plain_answer(out, content_type, date, body);
            self.answer(AnsweringCause::Head(Encoder::Length(0)));
            self.answer(AnsweringCause::End);
            self.settle();
        }
        plain
    }

    /// Changes the protocol: appends a head of status 101, or for CONNECT of a 2xx status
    /// (RFC 9110 §7.8, §9.3.6). From then on [`receive`](Self::receive) says
    /// [`Switched`](crate::http::h1::Event::Switched).
    ///
    /// # Errors
    /// [`Error::You`] before the request is over, where no answer is due, or for a 101 that the
    /// client did not ask for, whose `Upgrade` field names a protocol that the client's does not,
    /// or that has none. `Connection: upgrade` is added.
    pub fn send_switch(
        &mut self,
        out: &mut Vec<u8>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), Error> {
        let ready = matches!((&self.asking, &self.answering), (Asking::Done, Answering::Owed));
        let switches = status == StatusCode::SWITCHING_PROTOCOLS && self.offered.is_some();
        let tunnels = self.connect && status.is_success();
        if !ready || !(switches || tunnels) {
            return Err(self.misuse("the protocol was switched where it cannot be"));
        }
        if switches && !self.offered.as_ref().is_some_and(|it| it.has_all_of(headers)) {
            return Err(self.misuse("the protocol was switched to one that was not asked for"));
        }
        let start = out.len();
        if let Err(what) = encode::informational(out, status, headers) {
            out.truncate(start);
            return Err(self.misuse(what));
        }
        self.ask(AskingCause::Switch);
        self.answer(AnsweringCause::Switch);
        Ok(())
    }

    #[cold]
    fn misuse(&self, what: &'static str) -> Error {
        Error::you(self.answering.name(), what)
    }
}
