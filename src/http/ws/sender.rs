//! The sending half of a WebSocket.

use std::fmt;
use std::rc::Rc;

use super::close::CloseCode;
use super::core::Core;
use super::error::{Refused, WebSocketError};
use super::machine::Machine;
use crate::stream::StreamWriter;

/// The half that sends. [`WebSocket::split`](super::WebSocket::split) gives it, and
/// [`WebSocket::sender`](super::WebSocket::sender).
///
/// Clones send on the same WebSocket, from any task of the loop; messages are not mixed. It does
/// not keep the WebSocket open: that is up to the half that receives.
pub struct WebSocketSender {
    core: Rc<Core>,
    writer: StreamWriter,
}

impl WebSocketSender {
    pub(super) fn new(core: &Rc<Core>, writer: &StreamWriter) -> WebSocketSender {
        WebSocketSender { core: core.clone(), writer: writer.another() }
    }

    /// As [`WebSocket::send_text`](super::WebSocket::send_text).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_text(&mut self, text: impl AsRef<str>) -> Result<(), WebSocketError> {
        self.send(|machine, out| machine.send_text(out, text.as_ref())).await
    }

    /// As [`WebSocket::send_binary`](super::WebSocket::send_binary).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_binary(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.send(|machine, out| machine.send_binary(out, bytes.as_ref())).await
    }

    /// As [`WebSocket::ping`](super::WebSocket::ping).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.send(|machine, out| machine.send_ping(out, payload.as_ref())).await
    }

    /// As [`WebSocket::pong`](super::WebSocket::pong).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.send(|machine, out| machine.send_pong(out, payload.as_ref())).await
    }

    /// Says that this side closes, without waiting for anything: nothing can be sent after it. The
    /// half that receives gets what the peer had still to say, its Close, and then the end; within
    /// [`close_timeout`](super::WebSocketOptions::close_timeout), or the connection is aborted.
    ///
    /// # Errors
    ///
    /// [`WebSocketError::Refused`] if it was closed before, or if this code cannot be sent, or if
    /// `reason` is longer than 123 bytes.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WebSocketError> {
        Ok(self.core.say_close(code, reason)?)
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        self.core.ask(|it| it.is_open()) && !self.core.is_ended()
    }

    async fn send(
        &mut self,
        write: impl FnOnce(&mut Machine, &mut Vec<u8>) -> Result<(), Refused>,
    ) -> Result<(), WebSocketError> {
        // Lost, it is not open either.
        let _ = self.writer.drain().await;
        Ok(self.core.send(write)?)
    }
}

impl Clone for WebSocketSender {
    fn clone(&self) -> WebSocketSender {
        WebSocketSender::new(&self.core, &self.writer)
    }
}

impl fmt::Debug for WebSocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<WebSocketSender {}>", self.core.ask(|it| it.phase().name()))
    }
}
