//! The server's side of a connection: requests come in, and in [`respond`] responses go out.

mod offered;
mod respond;

use http::Method;

use self::offered::Offered;
use super::body::{Decoder, Framing, Piece};
use super::connection::{Event, Gather};
use super::encode::Asked;
use super::encoder::Encoder;
use super::error::Error;
use super::head::RequestHead;
use super::parse::{parse_request, read_plain_request};
use super::shared::Shared;
use super::state::{Answering, AnsweringCause, Asking, AskingCause};

/// One connection as a server sees it. Bytes received go in and events come out; calls to send go
/// in and bytes come out.
///
/// ```
/// use evloop::http::h1::{Event, OutgoingResponse, ServerConnection, Shared};
/// use http::{HeaderMap, StatusCode};
///
/// let mut connection = ServerConnection::new(&Shared::default());
/// let mut input: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// let mut out = Vec::new();
/// loop {
///     let (used, event) = connection.receive(input)?;
///     input = &input[used..];
///     match event {
///         Event::Head(head) => assert_eq!(head.target(), "/"),
///         Event::EndOfMessage => {
///             let head = OutgoingResponse {
///                 status: StatusCode::OK,
///                 content_type: None,
///                 headers: &HeaderMap::new(),
///                 date: None,
///             };
///             connection.respond(&mut out, &head, b"hello")?;
///         }
///         _ => break,
///     }
/// }
/// assert_eq!(out, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
/// # Ok::<(), evloop::http::h1::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    shared: Shared,
    asking: Asking<Decoder>,
    answering: Answering<Encoder>,
    gather: Gather,
    asked: Asked,
    connect: bool,
    /// The protocols that the request asks for, if it asks for another one.
    offered: Option<Box<Offered>>,
    keep_alive: bool,
    awaits_continue: bool,
}

/// One step of [`ServerConnection::receive`]: how many bytes were used, and what they were.
type Received<'a> = Result<(usize, Event<'a, RequestHead>), Error>;

impl ServerConnection {
    /// A connection on which nothing has happened.
    pub fn new(shared: &Shared) -> ServerConnection {
        ServerConnection {
            shared: shared.clone(),
            asking: Asking::Idle,
            answering: Answering::Idle,
            gather: Gather::default(),
            asked: Asked::default(),
            connect: false,
            offered: None,
            keep_alive: true,
            awaits_continue: false,
        }
    }

    /// Takes the next event from the front of `input`, and says how many bytes it used up. Call it
    /// again with the rest until it says [`NeedData`](Event::NeedData), [`Paused`](Event::Paused)
    /// or [`Closed`](Event::Closed).
    ///
    /// # Errors
    /// [`Error::They`]: send a response of its status, end the message and close. Nothing but such
    /// a response can be sent from then on, and nothing more is read.
    #[inline(never)] // what begins a request goes around it
    pub fn receive<'a>(&mut self, input: &'a [u8]) -> Received<'a> {
        match &mut self.asking {
            Asking::Idle => self.receive_head(input, false),
            Asking::Body(decoder) => {
                let decoded = decoder.decode(input, self.shared.limits());
                match decoded {
                    Ok((used, piece)) => Ok((used, self.body(piece))),
                    Err(error) => Err(self.fail(error)),
                }
            }
            Asking::Done if input.is_empty() => Ok((0, Event::NeedData)),
            // RFC 9112 §9.3.2: responses go out in the order of the requests. Taking one request
            // at a time makes that so by itself, and bounds what a pipelining client can queue.
            Asking::Done => Ok((0, Event::Paused)),
            // RFC 9112 §9.6: after a last request nothing is processed.
            Asking::MustClose | Asking::Closed | Asking::Failed => Ok((input.len(), Event::Closed)),
            Asking::Switched => Ok((0, Event::Switched)),
        }
    }

    /// The same, but that the head of a request without a body is all of it: no
    /// [`EndOfMessage`](Event::EndOfMessage) follows.
    #[inline]
    pub(crate) fn receive_request<'a>(&mut self, input: &'a [u8]) -> Received<'a> {
        match self.asking {
            Asking::Idle => self.receive_head(input, true),
            _ => self.receive(input),
        }
    }

    /// A plain head that lies whole in `input`, as nearly every one does, goes around what gathers
    /// and judges all the others, and to the same end: see [`plain`](super::plain).
    #[inline(always)]
    fn receive_head<'a>(&mut self, input: &'a [u8], whole: bool) -> Received<'a> {
        if self.gather.is_empty() {
            if let Some((head, used)) = read_plain_request(input, &self.shared) {
                self.gather.passed_by();
                self.begin(&head, whole);
                return Ok((used, Event::Head(head)));
            }
        }
        self.receive_any_head(input, whole)
    }

    #[inline(never)]
    fn receive_any_head<'a>(&mut self, input: &'a [u8], whole: bool) -> Received<'a> {
        match self.gather.receive(input, &self.shared, parse_request) {
            Ok((used, None)) => Ok((used, Event::NeedData)),
            Ok((used, Some(head))) => {
                self.begin(&head, whole);
                Ok((used, Event::Head(head)))
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// A request begins; if it has no body, and `whole` asks for that, it is through as well.
    #[inline(always)]
    fn begin(&mut self, head: &RequestHead, whole: bool) {
        self.asked = Asked {
            http_10: head.version() == http::Version::HTTP_10,
            head: *head.method() == Method::HEAD,
        };
        self.connect = *head.method() == Method::CONNECT;
        self.offered = if head.wants_upgrade() { Some(Offered::by(head)) } else { None };
        self.keep_alive &= head.keeps_alive();
        self.awaits_continue = head.expects_continue();
        self.answer(AnsweringCause::Asked);
        match head.framing() {
            Framing::Length(0) if whole => {
                self.ask(AskingCause::Head(Decoder::Length(0)));
                self.ask(AskingCause::End);
            }
            framing => self.ask(AskingCause::Head(Decoder::new(framing))),
        }
    }

    fn body<'a>(&mut self, piece: Piece<'a>) -> Event<'a, RequestHead> {
        match piece {
            Piece::NeedData => Event::NeedData,
            Piece::Data(data) => {
                self.awaits_continue = false;
                Event::Data(data)
            }
            Piece::End => {
                self.awaits_continue = false;
                self.ask(AskingCause::End);
                self.settle();
                Event::EndOfMessage
            }
        }
    }

    /// Notes that the client has closed its direction. After [`Event::EndOfMessage`] or
    /// [`Event::Closed`] an answer may still be due.
    ///
    /// # Errors
    /// It broke off in the middle of a request.
    pub fn receive_eof(&mut self) -> Result<Event<'static, RequestHead>, Error> {
        let verdict = match &self.asking {
            Asking::Idle if !self.gather.is_clean() => {
                Err(Error::bad("the connection ended in the middle of a head"))
            }
            Asking::Body(decoder) => decoder.end_of_input().map(|()| true),
            _ => Ok(false),
        };
        match verdict {
            Err(error) => Err(self.fail(error)),
            Ok(true) => Ok(self.body(Piece::End)),
            Ok(false) => {
                self.keep_alive = false;
                if !matches!(self.asking, Asking::Failed | Asking::Switched) {
                    self.ask(AskingCause::Eof);
                }
                self.settle();
                Ok(Event::Closed)
            }
        }
    }

    /// Leaves the exchange with `error`, which the caller is to answer.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        if matches!(self.answering, Answering::Idle) {
            self.asked = Asked::default();
            self.connect = false;
            self.answer(AnsweringCause::Asked);
        }
        self.keep_alive = false;
        self.ask(AskingCause::Fault);
        self.settle();
        error
    }

    /// Makes the exchange under way the connection's last; an idle connection ends now.
    pub fn close_after_this(&mut self) {
        self.keep_alive = false;
        if matches!((&self.asking, &self.answering), (Asking::Idle, Answering::Idle)) {
            self.ask(AskingCause::Last);
            self.answer(AnsweringCause::Last);
        }
    }

    /// Whether nothing is under way: no request, no answer, not even part of a head.
    pub fn is_idle(&self) -> bool {
        matches!(self.asking, Asking::Idle) && self.gather.is_clean()
    }

    /// Whether an answer is due of which nothing has been sent.
    pub fn owes_response(&self) -> bool {
        matches!(self.answering, Answering::Owed)
    }

    /// Whether a response is complete or none is due, and the connection is to be closed once all
    /// has been sent. Some of the request's body may still be unread.
    pub fn must_close(&self) -> bool {
        match self.answering {
            Answering::MustClose | Answering::Closed | Answering::Failed => true,
            Answering::Done => !self.keep_alive,
            _ => false,
        }
    }

    /// The half in which the client speaks.
    pub fn asking(&self) -> &Asking<Decoder> {
        &self.asking
    }

    /// The half in which we speak.
    pub fn answering(&self) -> &Answering<Encoder> {
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
            (Asking::Closed | Asking::Failed, Answering::Done)
            | (Asking::Closed, Answering::Idle) => {
                self.answer(AnsweringCause::Last);
            }
            _ => {}
        }
    }

    fn ask(&mut self, cause: AskingCause<Decoder>) {
        match self.asking.next(cause) {
            Some(next) => self.asking = next,
            None => debug_assert!(false, "the asking half is {}", self.asking),
        }
    }

    fn answer(&mut self, cause: AnsweringCause<Encoder>) {
        match self.answering.next(cause) {
            Some(next) => self.answering = next,
            None => debug_assert!(false, "the answering half is {}", self.answering),
        }
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.gather.memory()
    }
}
