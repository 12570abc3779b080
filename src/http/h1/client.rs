//! The client's side of a connection: requests go out, responses come in.

use http::header::UPGRADE;
use http::{Method, StatusCode, Version};

use super::body::{Decoder, Framing, Piece};
use super::connection::{Event, Gather};
use super::encode::{self, OutgoingRequest};
use super::encoder::{Encoder, Length};
use super::error::Error;
use super::head::ResponseHead;
use super::parse::parse_response;
use super::shared::Shared;
use super::state::{Answering, AnsweringCause, Asking, AskingCause};

/// The informational responses a server may send before the final one; more is mischief.
const MAX_INFORMATIONAL: u8 = 32;

/// One connection as a client sees it: the mirror of [`ServerConnection`](super::ServerConnection).
///
/// ```
/// use evloop::http::h1::{ClientConnection, Event, OutgoingRequest, Shared};
/// use http::{HeaderMap, Method};
///
/// let mut connection = ClientConnection::new(&Shared::default());
/// let mut out = Vec::new();
/// let head = OutgoingRequest {
///     method: &Method::GET,
///     target: "/",
///     host: "localhost",
///     headers: &HeaderMap::new(),
/// };
/// connection.request(&mut out, &head, b"")?;
/// assert_eq!(out, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
///
/// let (used, event) = connection.receive(b"HTTP/1.1 204 No Content\r\n\r\n")?;
/// assert!(used == 27 && matches!(event, Event::Head(head) if head.status() == 204));
/// assert!(matches!(connection.receive(b"")?, (0, Event::EndOfMessage)));
/// assert!(connection.is_reusable());
/// # Ok::<(), evloop::http::h1::Error>(())
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    shared: Shared,
    asking: Asking<Encoder>,
    answering: Answering<Decoder>,
    gather: Gather,
    method: Method,
    keep_alive: bool,
    /// The last answer was HTTP/1.0.
    http_10: bool,
    /// The request asked for another protocol.
    upgrade: bool,
    informational: u8,
}

/// One step of [`ClientConnection::receive`]: how many bytes were used, and what they were.
type Received<'a> = Result<(usize, Event<'a, ResponseHead>), Error>;

impl ClientConnection {
    /// A connection on which nothing has happened.
    pub fn new(shared: &Shared) -> ClientConnection {
        ClientConnection {
            shared: shared.clone(),
            asking: Asking::Idle,
            answering: Answering::Idle,
            gather: Gather::default(),
            method: Method::GET,
            keep_alive: true,
            http_10: false,
            upgrade: false,
            informational: 0,
        }
    }

    /// Appends a request's head to `out`. Its body follows through
    /// [`send_data`](Self::send_data), and then [`end_of_message`](Self::end_of_message).
    ///
    /// # Errors
    /// [`Error::You`] while another exchange is under way or the connection has had its last, if
    /// the head contradicts itself or the protocol, or if the body would be chunked for a server
    /// that has answered as HTTP/1.0. `out` is as before.
    pub fn send_request(
        &mut self,
        out: &mut Vec<u8>,
        head: &OutgoingRequest<'_>,
        length: Length,
    ) -> Result<(), Error> {
        if !self.is_reusable() {
            return Err(self.misuse("a request was sent where none can be"));
        }
        let start = out.len();
        match encode::request(out, head, length) {
            // RFC 9112 §6.1, §6.3: chunks are for who is known to read them, or not known.
            Ok(decided) if self.http_10 && decided.encoder == Encoder::Chunked => {
                out.truncate(start);
                Err(self.misuse("a body of unknown length was sent to a server of HTTP/1.0"))
            }
            Ok(decided) => {
                self.keep_alive = decided.keep_alive;
                self.method = head.method.clone();
                self.upgrade = head.headers.contains_key(UPGRADE);
                self.informational = 0;
                self.ask(AskingCause::Head(decided.encoder));
                self.answer(AnsweringCause::Asked);
                Ok(())
            }
            Err(what) => {
                out.truncate(start);
                Err(self.misuse(what))
            }
        }
    }

    /// Appends bytes of the request's body to `out`.
    ///
    /// # Errors
    /// [`Error::You`] where no body is under way, or it exceeds the length that was promised.
    pub fn send_data(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), Error> {
        let done = match &mut self.asking {
            Asking::Body(encoder) => encoder.data(data, out),
            _ => Err("body was sent where none was under way"),
        };
        done.map_err(|what| self.misuse(what))
    }

    /// Ends the request.
    ///
    /// # Errors
    /// [`Error::You`] where no body is under way, or it is shorter than was promised.
    pub fn end_of_message(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let done = match &self.asking {
            Asking::Body(encoder) => encoder.end(out),
            _ => Err("a request was ended where none was under way"),
        };
        done.map_err(|what| self.misuse(what))?;
        self.ask(AskingCause::End);
        self.settle();
        Ok(())
    }

    /// Appends a whole request: head, body and end.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub fn request(
        &mut self,
        out: &mut Vec<u8>,
        head: &OutgoingRequest<'_>,
        body: &[u8],
    ) -> Result<(), Error> {
        self.send_request(out, head, Length::Known(body.len() as u64))?;
        self.send_data(out, body)?;
        self.end_of_message(out)
    }

    /// Takes the next event from the front of `input`, and says how many bytes it used up. Call it
    /// again with the rest until it says [`NeedData`](Event::NeedData) or another event that ends
    /// the reading.
    ///
    /// # Errors
    /// [`Error::They`]: close the connection, nothing more can be made of it.
    pub fn receive<'a>(&mut self, input: &'a [u8]) -> Received<'a> {
        match &mut self.answering {
            Answering::Owed => self.receive_head(input),
            Answering::Body(decoder) => {
                let decoded = decoder.decode(input, self.shared.limits());
                match decoded {
                    Ok((used, piece)) => Ok((used, self.body(piece))),
                    Err(error) => Err(self.fail(error)),
                }
            }
            Answering::Idle | Answering::Done if input.is_empty() => Ok((0, Event::NeedData)),
            Answering::Idle | Answering::Done => {
                Err(self.fail(Error::bad("the server sent bytes that nobody asked for")))
            }
            Answering::MustClose | Answering::Closed | Answering::Failed => {
                Ok((input.len(), Event::Closed))
            }
            Answering::Switched => Ok((0, Event::Switched)),
        }
    }

    fn receive_head<'a>(&mut self, input: &'a [u8]) -> Received<'a> {
        match self.gather.receive(input, &self.shared, parse_response) {
            Ok((used, None)) => Ok((used, Event::NeedData)),
            Ok((used, Some(head))) => match self.begin(&head) {
                Ok(true) => Ok((used, Event::Head(head))),
                Ok(false) => Ok((used, Event::Informational(head))),
                Err(error) => Err(self.fail(error)),
            },
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Whether this is the final response's head.
    fn begin(&mut self, head: &ResponseHead) -> Result<bool, Error> {
        let tunnel = self.method == Method::CONNECT && head.status().is_success();
        let switches = head.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switches && !self.upgrade {
            // RFC 9110 §7.8: a server switches to what it was asked for only.
            return Err(Error::bad("the server switched protocols, which nobody asked for"));
        }
        if switches || tunnel {
            if !matches!(self.asking, Asking::Done) {
                return Err(Error::bad("the server switched protocols before the request's end"));
            }
            self.ask(AskingCause::Switch);
            self.answer(AnsweringCause::Switch);
            return Ok(true);
        }
        // RFC 9110 §15.2: informational responses come before the final one, any number of them.
        if head.status().is_informational() {
            self.informational += 1;
            if self.informational > MAX_INFORMATIONAL {
                return Err(Error::bad("the server sent too many 1xx responses"));
            }
            return Ok(false);
        }
        let framing = head.framing(&self.method);
        self.http_10 = head.version() == Version::HTTP_10;
        self.keep_alive &= head.keeps_alive() && framing != Framing::UntilClose;
        self.answer(AnsweringCause::Head(Decoder::of_response(framing)));
        Ok(true)
    }

    fn body<'a>(&mut self, piece: Piece<'a>) -> Event<'a, ResponseHead> {
        match piece {
            Piece::NeedData => Event::NeedData,
            Piece::Data(data) => Event::Data(data),
            Piece::End => {
                self.answer(AnsweringCause::End);
                self.settle();
                Event::EndOfMessage
            }
        }
    }

    /// Notes that the server has closed its direction. [`Event::EndOfMessage`] says that this was
    /// the end of a body, [`Event::Closed`] that nothing was under way.
    ///
    /// # Errors
    /// [`Error::They`]: an answer was due, or broke off.
    pub fn receive_eof(&mut self) -> Result<Event<'static, ResponseHead>, Error> {
        let verdict = match &self.answering {
            Answering::Owed if self.gather.is_clean() => {
                Err(Error::bad("the server closed the connection instead of answering"))
            }
            Answering::Owed => Err(Error::bad("the connection ended in the middle of a head")),
            Answering::Body(decoder) => decoder.end_of_input().map(|()| true),
            _ => Ok(false),
        };
        self.keep_alive = false;
        match verdict {
            Err(error) => Err(self.fail(error)),
            Ok(true) => Ok(self.body(Piece::End)),
            Ok(false) => {
                if !matches!(self.answering, Answering::Switched) {
                    self.answer(AnsweringCause::Eof);
                }
                self.settle();
                Ok(Event::Closed)
            }
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.keep_alive = false;
        self.answer(AnsweringCause::Fault);
        self.settle();
        error.seen_by_client()
    }

    /// Whether the next request may be sent on this connection now.
    pub fn is_reusable(&self) -> bool {
        self.keep_alive
            && matches!((&self.asking, &self.answering), (Asking::Idle, Answering::Idle))
    }

    /// The half in which we speak.
    pub fn asking(&self) -> &Asking<Encoder> {
        &self.asking
    }

    /// The half in which the server speaks.
    pub fn answering(&self) -> &Answering<Decoder> {
        &self.answering
    }

    /// Once both halves are through: either both begin anew, or both end.
    fn settle(&mut self) {
        match (&self.asking, &self.answering) {
            (Asking::Done, Answering::Done) if self.keep_alive => {
                self.ask(AskingCause::Renew);
                self.answer(AnsweringCause::Renew);
            }
            (Asking::Done, Answering::Done) => {
                self.ask(AskingCause::Last);
                self.answer(AnsweringCause::Last);
            }
            (Asking::Done | Asking::Idle, Answering::Closed | Answering::Failed) => {
                self.ask(AskingCause::Last);
            }
            _ => {}
        }
    }

    fn ask(&mut self, cause: AskingCause<Encoder>) {
        match self.asking.next(cause) {
            Some(next) => self.asking = next,
            None => debug_assert!(false, "the asking half is {}", self.asking),
        }
    }

    fn answer(&mut self, cause: AnsweringCause<Decoder>) {
        match self.answering.next(cause) {
            Some(next) => self.answering = next,
            None => debug_assert!(false, "the answering half is {}", self.answering),
        }
    }

    #[cold]
    fn misuse(&self, what: &'static str) -> Error {
        Error::you(self.asking.name(), what)
    }
}
