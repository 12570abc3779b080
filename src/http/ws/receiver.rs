//! The receiving half of a WebSocket.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;

use super::close::CloseCode;
use super::core::{Core, Ending};
use super::error::WebSocketError;
use super::machine::Event;
use super::message::Message;
use crate::stream::{StreamReader, StreamWriter};

/// How many bytes are read at once, at most.
const READ_SIZE: usize = 64 << 10;

/// The half that receives. [`WebSocket::split`](super::WebSocket::split) gives it.
///
/// Dropping it closes: a peer that has not closed is told 1001, or 1011 if this is a panic, and has
/// [`close_timeout`](super::WebSocketOptions::close_timeout) to answer, in which nobody need wait
/// for it.
pub struct WebSocketReceiver {
    core: Rc<Core>,
    reader: StreamReader,
    /// To wait until the peer reads.
    writer: StreamWriter,
    /// What was received last, and how much of it is used.
    input: Vec<u8>,
    used: usize,
    /// Nobody is there any more, and the peer's Close is still to come.
    lingers: bool,
}

impl WebSocketReceiver {
    pub(super) fn new(
        core: &Rc<Core>,
        reader: StreamReader,
        writer: StreamWriter,
    ) -> WebSocketReceiver {
        let core = core.clone();
        WebSocketReceiver { core, reader, writer, input: Vec::new(), used: 0, lingers: false }
    }

    /// Bytes that came before the first is read.
    pub(super) fn begin_with(&mut self, early: Vec<u8>) {
        self.input = early;
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// As [`WebSocket::receive`](super::WebSocket::receive).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn receive(&mut self) -> Result<Option<Message>, WebSocketError> {
        loop {
            if let Some(trouble) = self.core.trouble() {
                return Err(trouble);
            }
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if !self.core.hears() {
                self.finish().await;
                return Ok(None);
            }
            match self.fill().await {
                Ok(true) => self.core.heard(),
                Ok(false) => self.core.ended(None),
                Err(error) => self.core.ended(Some(error)),
            }
        }
    }

    /// As [`WebSocket::receive_text`](super::WebSocket::receive_text).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`receive`](WebSocketReceiver::receive).
    pub async fn receive_text(&mut self) -> Result<Option<String>, WebSocketError> {
        loop {
            match self.receive().await? {
                Some(Message::Text(text)) => return Ok(Some(text)),
                Some(Message::Binary(_)) => {
                    return Err(WebSocketError::WrongKind { wanted: "text" });
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(_)) | None => return Ok(None),
            }
        }
    }

    /// As [`WebSocket::receive_binary`](super::WebSocket::receive_binary).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`receive`](WebSocketReceiver::receive).
    pub async fn receive_binary(&mut self) -> Result<Option<Vec<u8>>, WebSocketError> {
        loop {
            match self.receive().await? {
                Some(Message::Binary(bytes)) => return Ok(Some(bytes)),
                Some(Message::Text(_)) => {
                    return Err(WebSocketError::WrongKind { wanted: "binary" });
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(_)) | None => return Ok(None),
            }
        }
    }

    /// Why it was closed: as [`WebSocket::close_code`](super::WebSocket::close_code).
    pub fn close_code(&self) -> Option<CloseCode> {
        self.core.ask(|it| it.close_code())
    }

    /// Why it was closed, in the peer's words; empty if it gave none.
    pub fn close_reason(&self) -> String {
        self.core.ask(|it| it.close_reason().to_owned())
    }

    /// Why the connection was lost, if not in order. (`ws.exception()`)
    pub fn exception(&self) -> Option<io::Error> {
        self.core.exception()
    }

    /// The next message of what has come. The pings before it are answered.
    fn take(&mut self) -> Result<Option<Message>, WebSocketError> {
        let taken = self.take_message();
        self.core.send_pongs();
        taken
    }

    fn take_message(&mut self) -> Result<Option<Message>, WebSocketError> {
        loop {
            let received = self.core.ask(|it| it.receive(&self.input[self.used..]));
            match received {
                Ok((used, Event::Message(message))) => {
                    self.used += used;
                    if let Some(message) = self.core.hear(message) {
                        return Ok(Some(message));
                    }
                }
                Ok((_, Event::NeedData | Event::Closed)) => {
                    self.input = Vec::new();
                    self.used = 0;
                    return Ok(None);
                }
                Err(fault) => {
                    self.core.fail();
                    return Err(WebSocketError::Protocol(fault));
                }
            }
        }
    }

    /// Waits for bytes; `false` at the end of the connection. A pong that the peer was too slow
    /// for goes out meanwhile, once it reads.
    async fn fill(&mut self) -> io::Result<bool> {
        let core = &self.core;
        let mut read = pin!(self.reader.read(READ_SIZE));
        let mut drained = pin!(self.writer.drain());
        self.input = poll_fn(|context| {
            if core.owes_pong() && drained.as_mut().poll(context).is_ready() {
                core.pay_pong();
            }
            read.as_mut().poll(context)
        })
        .await?;
        Ok(!self.input.is_empty())
    }

    /// Ends the connection, when it is time.
    async fn finish(&mut self) {
        // Everything here lasts as long as the timer of our Close lets it.
        match self.core.ending() {
            Ending::NotYet => return,
            Ending::Now => {}
            Ending::Theirs => {
                while self.reader.read(READ_SIZE).await.is_ok_and(|bytes| !bytes.is_empty()) {}
            }
        }
        self.core.end();
        // A loss was noted where it was met.
        let _ = self.writer.wait_closed().await;
    }

    /// Receives up to the end, for nobody.
    pub(super) async fn drop_the_rest(&mut self) {
        while !matches!(self.receive().await, Ok(None)) {}
    }

    /// Somebody to receive what is left.
    fn lingering(&mut self) -> WebSocketReceiver {
        WebSocketReceiver {
            core: self.core.clone(),
            reader: self.reader.another(),
            writer: self.writer.another(),
            input: std::mem::take(&mut self.input),
            used: self.used,
            lingers: true,
        }
    }
}

impl Drop for WebSocketReceiver {
    fn drop(&mut self) {
        self.core.answer_close();
        let code = match std::thread::panicking() {
            true => CloseCode::INTERNAL_ERROR,
            false => CloseCode::GOING_AWAY,
        };
        // Refused, it is closing already.
        let _ = self.core.say_close(code, "");
        let over = self.core.ending() == Ending::Now || self.reader.at_eof();
        let over = (over || self.core.is_ended()) && self.core.is_sent();
        let event_loop = self.writer.transport().event_loop().filter(|it| it.is_running());
        match event_loop {
            Some(event_loop) if !over && !self.lingers => {
                let mut rest = self.lingering();
                drop(event_loop.create_task(async move { rest.drop_the_rest().await }));
            }
            _ => self.core.end(),
        }
    }
}

impl fmt::Debug for WebSocketReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<WebSocketReceiver {}>", self.core.ask(|it| it.phase().name()))
    }
}
