//! Both halves of a connection, and its closing.

use super::close::{CloseCode, CloseFrame};
use super::deflate::Shrinker;
#[cfg(feature = "compression")]
use super::deflate::{Agreement, Deflate, Inflater};
use super::error::{Fault, Refused};
use super::frame::{CONTROL_PAYLOAD, Head, Opcode};
use super::incoming::Incoming;
use super::limits::Limits;
use super::mask::{self, Masks};
use super::message::Message;
use super::state::{Cause, Phase, Under};

/// One connection after its handshake. Bytes received go in and messages come out; calls to send
/// go in and bytes come out.
///
/// ```
/// use evloop::http::ws::{Event, Limits, Machine, Masks, Message};
///
/// let mut client = Machine::client(Limits::default(), Masks::new());
/// let mut server = Machine::server(Limits::default());
/// let mut out = Vec::new();
/// client.send_text(&mut out, "hello")?;
/// let (used, event) = server.receive(&out)?;
/// assert_eq!((used, event), (out.len(), Event::Message(Message::Text("hello".into()))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    incoming: Incoming,
    /// The message of ours that is under way in fragments.
    sending: Under,
    /// There if we may compress.
    shrinker: Option<Shrinker>,
    /// Where keys come from, if we are to mask: we are the client.
    masks: Option<Masks>,
}

/// What came out of the bytes that went in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole message, or a control frame.
    Message(Message),
    /// Nothing more can be said before more bytes come. All of the input was used.
    NeedData,
    /// Nothing more will be read. What was offered is dropped.
    Closed,
}

impl Machine {
    /// The server's side: what comes in has to be masked.
    pub fn server(limits: Limits) -> Machine {
        Machine::new(Incoming::new(true, limits), None)
    }

    /// The client's side: what goes out is masked, with keys from `masks`.
    pub fn client(limits: Limits, masks: Masks) -> Machine {
        Machine::new(Incoming::new(false, limits), Some(masks))
    }

    fn new(incoming: Incoming, masks: Option<Masks>) -> Machine {
        Machine { phase: Phase::Open, incoming, sending: Under::Nothing, shrinker: None, masks }
    }

    /// With compression as it was agreed on, and otherwise as in `deflate`. Before anything is sent
    /// or received.
    #[cfg(feature = "compression")]
    pub fn deflate(&mut self, deflate: &Deflate, agreed: Agreement) {
        let Agreement { server_context, client_context } = agreed;
        let (ours, theirs) = match self.masks {
            Some(_) => (client_context, server_context),
            None => (server_context, client_context),
        };
        self.shrinker = Some(Shrinker::new(deflate, ours));
        self.incoming.inflate_with(Inflater::new(theirs));
    }

    // ---- receiving ------------------------------------------------------------------------------

    /// Takes the next event from the front of `input`, and says how many bytes it used up. Call it
    /// again with the rest until it says [`NeedData`](Event::NeedData) or
    /// [`Closed`](Event::Closed).
    ///
    /// # Errors
    /// What the peer did wrong. [Close](Machine::send_close) with its code, and end the connection:
    /// nothing more is read (§7.1.7).
    pub fn receive(&mut self, input: &[u8]) -> Result<(usize, Event), Fault> {
        // §5.5.1, §7.1.7: what follows a Close, or a fault, is not processed.
        if !matches!(self.phase, Phase::Open | Phase::CloseSent) {
            return Ok((input.len(), Event::Closed));
        }
        match self.incoming.take(input) {
            Ok((used, None)) => Ok((used, Event::NeedData)),
            Ok((used, Some(message))) => {
                if let Message::Close(frame) = &message {
                    self.moves(Cause::Heard(frame.clone()));
                }
                Ok((used, Event::Message(message)))
            }
            Err(fault) => {
                self.moves(Cause::Fault(fault.code()));
                Err(fault)
            }
        }
    }

    /// Notes that the peer will send no more.
    pub fn receive_eof(&mut self) {
        self.moves(Cause::Eof);
    }

    // ---- sending --------------------------------------------------------------------------------

    /// Appends a text message to `out`, in one frame.
    ///
    /// # Errors
    /// [`Refused`]; `out` is as before.
    pub fn send_text(&mut self, out: &mut Vec<u8>, text: &str) -> Result<(), Refused> {
        self.data(out, Opcode::Text, text.as_bytes(), true)
    }

    /// Appends a binary message to `out`, in one frame.
    ///
    /// # Errors
    /// [`Refused`]; `out` is as before.
    pub fn send_binary(&mut self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refused> {
        self.data(out, Opcode::Binary, bytes, true)
    }

    /// Appends a piece of a text message; the last one has `fin`.
    ///
    /// # Errors
    /// [`Refused`], also while a binary message is under way; `out` is as before.
    pub fn send_text_fragment(
        &mut self,
        out: &mut Vec<u8>,
        text: &str,
        fin: bool,
    ) -> Result<(), Refused> {
        let opcode = self.fragment(Under::Text, Opcode::Text)?;
        self.data(out, opcode, text.as_bytes(), fin)
    }

    /// Appends a piece of a binary message; the last one has `fin`.
    ///
    /// # Errors
    /// [`Refused`], also while a text message is under way; `out` is as before.
    pub fn send_binary_fragment(
        &mut self,
        out: &mut Vec<u8>,
        bytes: &[u8],
        fin: bool,
    ) -> Result<(), Refused> {
        let opcode = self.fragment(Under::Binary, Opcode::Binary)?;
        self.data(out, opcode, bytes, fin)
    }

    /// §5.4: the first fragment has the message's opcode, the others that of a continuation.
    fn fragment(&self, kind: Under, first: Opcode) -> Result<Opcode, Refused> {
        match self.sending {
            Under::Nothing => Ok(first),
            under if under == kind => Ok(Opcode::Continuation),
            _ => Err(Refused::FragmentsUnderWay),
        }
    }

    fn data(
        &mut self,
        out: &mut Vec<u8>,
        opcode: Opcode,
        payload: &[u8],
        fin: bool,
    ) -> Result<(), Refused> {
        // §5.5.1: MUST NOT send data after a Close.
        if self.phase != Phase::Open {
            return Err(Refused::Closing);
        }
        match self.sending.next(opcode, fin) {
            Ok(under) => self.sending = under,
            Err(_) => return Err(Refused::FragmentsUnderWay),
        }
        let first = opcode != Opcode::Continuation;
        match self.shrinker.as_mut().and_then(|it| it.frame(payload, (first, fin))) {
            Some(shrunk) => self.frame(out, (opcode, first), &shrunk, fin),
            None => self.frame(out, (opcode, false), payload, fin),
        }
        Ok(())
    }

    /// Appends a ping to `out`, of at most 125 bytes.
    ///
    /// # Errors
    /// [`Refused`]; `out` is as before.
    pub fn send_ping(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), Refused> {
        self.control(out, Opcode::Ping, payload)
    }

    /// Appends a pong to `out`: to a ping, with its payload (§5.5.3), or for its own sake.
    ///
    /// # Errors
    /// [`Refused`]; `out` is as before.
    pub fn send_pong(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), Refused> {
        self.control(out, Opcode::Pong, payload)
    }

    fn control(
        &mut self,
        out: &mut Vec<u8>,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<(), Refused> {
        if self.phase != Phase::Open {
            return Err(Refused::Closing);
        }
        self.small_frame(out, opcode, payload)
    }

    /// Appends a Close to `out`: the first, or the answer to theirs.
    /// [`NO_STATUS`](CloseCode::NO_STATUS) is sent as none, and then there is no reason either.
    ///
    /// # Errors
    /// [`Refused`]: one was sent before or nobody is there, or it says what no Close may; `out` is
    /// as before.
    pub fn send_close(
        &mut self,
        out: &mut Vec<u8>,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Refused> {
        if !matches!(self.phase, Phase::Open | Phase::CloseReceived(_) | Phase::Failing(_)) {
            return Err(Refused::Closing);
        }
        // §7.4.1
        if !code.can_be_sent() && code != CloseCode::NO_STATUS {
            return Err(Refused::CloseCode(code));
        }
        self.small_frame(out, Opcode::Close, &CloseFrame::payload(code, reason))?;
        self.moves(Cause::Said);
        Ok(())
    }

    fn small_frame(
        &mut self,
        out: &mut Vec<u8>,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<(), Refused> {
        // §5.5
        if payload.len() > CONTROL_PAYLOAD {
            return Err(Refused::ControlTooLong { bytes: payload.len() });
        }
        self.frame(out, (opcode, false), payload, true);
        Ok(())
    }

    fn frame(
        &mut self,
        out: &mut Vec<u8>,
        (opcode, compressed): (Opcode, bool),
        payload: &[u8],
        fin: bool,
    ) {
        // §5.1, §5.3: a client MUST mask, with a fresh key for every frame; a server MUST NOT.
        let mask = self.masks.as_mut().map(Masks::key);
        Head { fin, compressed, opcode, mask, length: payload.len() as u64 }.write(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = mask {
            mask::apply(&mut out[start..], key, 0);
        }
    }

    // ---- where it stands ------------------------------------------------------------------------

    /// How far the closing has come.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether a Close of ours is due: theirs came, or they broke the protocol. Gives its code:
    /// theirs (§5.5.1: it is echoed), or what they did.
    pub fn owes_close(&self) -> Option<CloseCode> {
        match &self.phase {
            Phase::CloseReceived(frame) => Some(frame.code),
            Phase::Failing(code) => Some(*code),
            _ => None,
        }
    }

    /// Why it was closed (§7.1.5), once nothing more comes: the code of their Close; if they broke
    /// the protocol, the code for that; 1006 if the connection ended without either.
    pub fn close_code(&self) -> Option<CloseCode> {
        match &self.phase {
            Phase::Open | Phase::CloseSent => None,
            Phase::CloseReceived(frame) | Phase::Closed(frame) => Some(frame.code),
            Phase::Failing(code) | Phase::Failed(code) => Some(*code),
            Phase::Lost => Some(CloseCode::ABNORMAL),
        }
    }

    /// Why it was closed, in their words (§7.1.6); empty if they gave none.
    pub fn close_reason(&self) -> &str {
        match &self.phase {
            Phase::CloseReceived(frame) | Phase::Closed(frame) => &frame.reason,
            _ => "",
        }
    }

    fn moves(&mut self, cause: Cause) {
        match self.phase.next(cause) {
            Some(next) => self.phase = next,
            None => debug_assert!(false, "the closing is {}", self.phase.name()),
        }
    }

    /// Whether the memory of what inflates is held, and of what compresses.
    #[cfg(all(test, feature = "compression"))]
    pub(super) fn contexts(&self) -> (bool, bool) {
        (self.incoming.holds_a_context(), self.shrinker.as_ref().is_some_and(Shrinker::holds))
    }

    /// Bytes of memory owned for what is not complete.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.incoming.memory()
    }
}
