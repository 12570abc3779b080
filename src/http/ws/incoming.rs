//! From bytes to messages: the receiving half.
//!
//! ```text
//!         ┌───────────────── payload complete ◄──┐
//!         ▼                                      │
//!       Head ── read ──► data ──────────────► Data ──► Partial ── last fragment ──► Message
//!   (up to 14 bytes) └─► control ───────────► Control ── complete ────────────────► Message
//! ```
//!
//! Between `Data` and `Partial` a compressed message is inflated, as it comes.

use super::close::{CloseCode, CloseFrame};
use super::deflate::Inflater;
use super::error::Fault;
use super::frame::{Head, LONGEST_HEAD, Opcode};
use super::limits::Limits;
use super::mask;
use super::message::Message;
use super::state::Under;

/// The receiving half of a connection.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Whether the peer has to mask: it is a client.
    masked: bool,
    limits: Limits,
    /// There if the peer may compress.
    inflater: Option<Inflater>,
    frame: Frame,
    message: Partial,
}

/// Where in the stream of frames we are.
#[derive(Debug)]
enum Frame {
    /// Before a frame, or in its head, of which so many bytes have come.
    Head { bytes: [u8; LONGEST_HEAD], len: u8 },
    /// In the payload of a data frame; whether it is its message's last.
    Data { payload: Payload, fin: bool },
    /// In the payload of a control frame.
    Control { payload: Payload, opcode: Opcode, bytes: Vec<u8> },
}

/// What is left of a payload, and how it is masked.
#[derive(Debug)]
struct Payload {
    left: u64,
    mask: Option<[u8; 4]>,
    phase: u8,
}

/// What has come of the message under way.
#[derive(Debug)]
enum Partial {
    Nothing,
    /// The first `valid` bytes are UTF-8.
    Text {
        bytes: Vec<u8>,
        valid: usize,
    },
    Binary(Vec<u8>),
}

/// One step: how many bytes were used, and the message they completed. Without one, all were used.
type Taken = Result<(usize, Option<Message>), Fault>;

impl Incoming {
    pub fn new(masked: bool, limits: Limits) -> Incoming {
        Incoming { masked, limits, inflater: None, frame: NEW_FRAME, message: Partial::Nothing }
    }

    /// The peer may compress.
    #[cfg(feature = "compression")]
    pub fn inflate_with(&mut self, inflater: Inflater) {
        self.inflater = Some(inflater);
    }

    /// Takes the next message from the front of `input`.
    pub fn take(&mut self, input: &[u8]) -> Taken {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            if let Frame::Head { .. } = self.frame {
                let (now, complete) = self.head(rest)?;
                used += now;
                if !complete {
                    return Ok((used, None));
                }
            } else {
                let (now, complete) = self.payload(rest)?;
                used += now;
                if !complete {
                    return Ok((used, None));
                }
                if let Some(message) = self.end_of_frame()? {
                    return Ok((used, Some(message)));
                }
            }
        }
    }

    /// Takes bytes of a head: how many, and whether it is complete.
    fn head(&mut self, input: &[u8]) -> Result<(usize, bool), Fault> {
        let Frame::Head { bytes, len } = &mut self.frame else { return Ok((0, true)) };
        let before = usize::from(*len);
        let more = input.len().min(LONGEST_HEAD - before);
        bytes[before..before + more].copy_from_slice(&input[..more]);
        match Head::read(&bytes[..before + more], self.masked, self.inflater.is_some())? {
            Some((head, length)) => {
                self.begin(head)?;
                Ok((length - before, true))
            }
            None => {
                *len = (before + more) as u8;
                Ok((more, false))
            }
        }
    }

    /// A frame begins.
    fn begin(&mut self, head: Head) -> Result<(), Fault> {
        let under = self.message.under();
        if let Err(what) = under.next(head.opcode, head.fin) {
            return Err(Fault::new(CloseCode::PROTOCOL_ERROR, what));
        }
        let payload = Payload { left: head.length, mask: head.mask, phase: 0 };
        if head.opcode.is_control() {
            self.frame = Frame::Control { payload, opcode: head.opcode, bytes: Vec::new() };
            return Ok(());
        }
        if let Some(inflater) = self.inflater.as_mut().filter(|_| head.compressed) {
            inflater.begin();
        }
        self.check_sizes(head.length)?;
        match head.opcode {
            Opcode::Text => self.message = Partial::Text { bytes: Vec::new(), valid: 0 },
            Opcode::Binary => self.message = Partial::Binary(Vec::new()),
            _ => {}
        }
        self.frame = Frame::Data { payload, fin: head.fin };
        Ok(())
    }

    /// §7.4.1, 1009: what is too big is refused when it is announced, before anything of it is
    /// kept; of a compressed message it is known only when it is inflated.
    fn check_sizes(&self, length: u64) -> Result<(), Fault> {
        let Limits { message_size, frame_size } = self.limits;
        let too_big = |what: String| Err(Fault::new(CloseCode::TOO_BIG, what));
        if length > frame_size as u64 {
            return too_big(format!("a frame of {length} bytes exceeds {frame_size}"));
        }
        if self.inflates() {
            return Ok(());
        }
        let message = length.saturating_add(self.message.len() as u64);
        if message > message_size as u64 {
            return too_big(format!("a message of {message} bytes or more exceeds {message_size}"));
        }
        Ok(())
    }

    /// Whether the message under way is compressed.
    fn inflates(&self) -> bool {
        self.inflater.as_ref().is_some_and(Inflater::is_under_way)
    }

    /// Takes bytes of a payload: how many, and whether it is complete.
    fn payload(&mut self, input: &[u8]) -> Result<(usize, bool), Fault> {
        if matches!(self.frame, Frame::Data { .. }) && self.inflates() {
            return self.compressed_payload(input);
        }
        let (payload, bytes, fin) = match (&mut self.frame, &mut self.message) {
            (Frame::Control { payload, bytes, .. }, _) => (payload, bytes, true),
            (Frame::Data { payload, fin }, Partial::Binary(bytes)) => (payload, bytes, *fin),
            (Frame::Data { payload, fin }, Partial::Text { bytes, .. }) => (payload, bytes, *fin),
            // A data frame without a message cannot be, nor is a head a payload.
            _ => return Ok((0, true)),
        };
        let now = payload.take(input, bytes);
        let complete = payload.left == 0;
        if !(complete && fin) {
            self.message.check_text()?;
        }
        Ok((now, complete))
    }

    /// Takes bytes of the payload of a compressed message. Of what is wrong the first in the message
    /// counts, however it was cut: text that is none before the fault that is behind it.
    fn compressed_payload(&mut self, input: &[u8]) -> Result<(usize, bool), Fault> {
        let (Frame::Data { payload, fin }, Some(inflater)) = (&mut self.frame, &mut self.inflater)
        else {
            return Ok((0, true));
        };
        let mut plain = Vec::new();
        let now = payload.take(input, &mut plain);
        let complete = payload.left == 0;
        let inflated = match &mut self.message {
            Partial::Text { bytes, .. } | Partial::Binary(bytes) => {
                inflater.inflate(&plain, complete && *fin, bytes, self.limits.message_size)
            }
            Partial::Nothing => Ok(()),
        };
        self.message.check_text()?;
        inflated?;
        if complete && *fin {
            self.message.shrink();
        }
        Ok((now, complete))
    }

    /// A frame is complete, and with it perhaps a message.
    fn end_of_frame(&mut self) -> Result<Option<Message>, Fault> {
        match std::mem::replace(&mut self.frame, NEW_FRAME) {
            Frame::Control { opcode: Opcode::Ping, bytes, .. } => Ok(Some(Message::Ping(bytes))),
            Frame::Control { opcode: Opcode::Pong, bytes, .. } => Ok(Some(Message::Pong(bytes))),
            Frame::Control { bytes, .. } => Ok(Some(Message::Close(CloseFrame::read(&bytes)?))),
            Frame::Data { fin: true, .. } => self.message.complete(),
            Frame::Data { fin: false, .. } | Frame::Head { .. } => Ok(None),
        }
    }

    /// Whether the memory of what inflates is held.
    #[cfg(all(test, feature = "compression"))]
    pub fn holds_a_context(&self) -> bool {
        self.inflater.as_ref().is_some_and(Inflater::holds)
    }

    /// Bytes of memory owned for what is not complete.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        match &self.message {
            Partial::Nothing => 0,
            Partial::Text { bytes, .. } | Partial::Binary(bytes) => bytes.capacity(),
        }
    }
}

const NEW_FRAME: Frame = Frame::Head { bytes: [0; LONGEST_HEAD], len: 0 };

impl Payload {
    /// Unmasks what `input` has of it into `bytes`; how much that was.
    fn take(&mut self, input: &[u8], bytes: &mut Vec<u8>) -> usize {
        let now = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let before = bytes.len();
        bytes.extend_from_slice(&input[..now]);
        if let Some(mask) = self.mask {
            self.phase = mask::apply(&mut bytes[before..], mask, self.phase);
        }
        self.left -= now as u64;
        now
    }
}

impl Partial {
    fn under(&self) -> Under {
        match self {
            Partial::Nothing => Under::Nothing,
            Partial::Text { .. } => Under::Text,
            Partial::Binary(_) => Under::Binary,
        }
    }

    fn len(&self) -> usize {
        match self {
            Partial::Nothing => 0,
            Partial::Text { bytes, .. } | Partial::Binary(bytes) => bytes.len(),
        }
    }

    /// §8.1, and at once: text that is wrong already need not be waited for. A character may be
    /// cut anywhere, between fragments too, so up to three bytes are left for next time.
    fn check_text(&mut self) -> Result<(), Fault> {
        let Partial::Text { bytes, valid } = self else { return Ok(()) };
        match std::str::from_utf8(&bytes[*valid..]) {
            Ok(_) => *valid = bytes.len(),
            Err(error) => {
                *valid += error.valid_up_to();
                if error.error_len().is_some() {
                    return Err(not_text(*valid));
                }
            }
        }
        Ok(())
    }

    /// Whoever keeps a small message is not to keep the memory of a large one.
    fn shrink(&mut self) {
        if let Partial::Text { bytes, .. } | Partial::Binary(bytes) = self {
            bytes.shrink_to_fit();
        }
    }

    fn complete(&mut self) -> Result<Option<Message>, Fault> {
        match std::mem::replace(self, Partial::Nothing) {
            Partial::Nothing => Ok(None),
            Partial::Binary(bytes) => Ok(Some(Message::Binary(bytes))),
            Partial::Text { bytes, .. } => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Message::Text(text))),
                Err(error) => Err(not_text(error.utf8_error().valid_up_to())),
            },
        }
    }
}

#[cold]
fn not_text(at: usize) -> Fault {
    Fault::new(CloseCode::INVALID_TEXT, format!("a text is not UTF-8 at its byte {at}"))
}
