//! A WebSocket: both halves in one hand.

use std::fmt;
use std::io;
use std::rc::Rc;

use super::close::CloseCode;
use super::core::Core;
use super::deflate::Agreement;
use super::error::{Refused, WebSocketError};
use super::handshake::Agreed;
use super::machine::Machine;
use super::mask::Masks;
use super::message::Message;
use super::options::WebSocketOptions;
use super::receiver::WebSocketReceiver;
use super::sender::WebSocketSender;
use crate::stream::{StreamReader, StreamWriter};

/// An open WebSocket. (`aiohttp.web.WebSocketResponse`, `aiohttp.ClientWebSocketResponse`)
///
/// A server has it from [`upgrade`](super::upgrade), a client from
/// [`ClientSession::ws_connect`](crate::ClientSession::ws_connect).
///
/// ```no_run
/// use evloop::http::ws::{Message, WebSocket, WebSocketError};
///
/// async fn echo(mut socket: WebSocket) -> Result<(), WebSocketError> {
///     while let Some(message) = socket.receive().await? {
///         match message {
///             Message::Text(text) => socket.send_text(text).await?,
///             Message::Binary(bytes) => socket.send_binary(bytes).await?,
///             _ => {}
///         }
///     }
///     println!("closed: {:?}", socket.close_code());
///     Ok(())
/// }
/// ```
///
/// Dropping it closes, as dropping [its receiving half](WebSocketReceiver) does. To close in good
/// order, with a code, and to know that the peer has heard everything, [`close`](WebSocket::close).
pub struct WebSocket {
    sender: WebSocketSender,
    receiver: WebSocketReceiver,
}

impl WebSocket {
    /// The server's side of a connection whose handshake is done, on which `protocol` was agreed.
    /// For servers of one's own: [`upgrade`](super::upgrade) does the handshake as well.
    pub fn server(
        reader: StreamReader,
        writer: StreamWriter,
        options: WebSocketOptions,
        protocol: Option<String>,
    ) -> WebSocket {
        let machine = Machine::server(options.limits);
        WebSocket::new(machine, (reader, writer), (options, protocol, true))
    }

    /// The server's side of a connection whose handshake was answered with what
    /// [`check`](super::check) gave for the same options, compression and all.
    pub fn agreed(
        reader: StreamReader,
        writer: StreamWriter,
        options: WebSocketOptions,
        agreed: Agreed,
    ) -> WebSocket {
        WebSocket::server(reader, writer, options, agreed.protocol).deflating(agreed.deflate)
    }

    /// The client's side of a connection whose handshake is done, on which `protocol` was agreed.
    pub fn client(
        reader: StreamReader,
        writer: StreamWriter,
        options: WebSocketOptions,
        protocol: Option<String>,
    ) -> WebSocket {
        let machine = Machine::client(options.limits, Masks::new());
        WebSocket::new(machine, (reader, writer), (options, protocol, false))
    }

    /// With compression, if that was agreed on.
    pub(super) fn deflating(self, agreed: Option<Agreement>) -> WebSocket {
        #[cfg(feature = "compression")]
        if let Some(agreed) = agreed {
            let core = self.receiver.core();
            let deflate = core.options.deflate.clone().unwrap_or_default();
            core.ask(|machine| machine.deflate(&deflate, agreed));
        }
        #[cfg(not(feature = "compression"))]
        if let Some(agreed) = agreed {
            match agreed {}
        }
        self
    }

    /// With bytes that came together with the end of the handshake.
    pub(super) fn with_early(mut self, early: Vec<u8>) -> WebSocket {
        self.receiver.begin_with(early);
        self
    }

    fn new(
        machine: Machine,
        (reader, writer): (StreamReader, StreamWriter),
        rest: (WebSocketOptions, Option<String>, bool),
    ) -> WebSocket {
        let core = Core::new(machine, (&reader, &writer), rest);
        let sender = WebSocketSender::new(&core, &writer);
        WebSocket { sender, receiver: WebSocketReceiver::new(&core, reader, writer) }
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        self.receiver.core()
    }

    // ---- receiving ------------------------------------------------------------------------------

    /// The next message: text, bytes, the peer's Close (which was answered, and after which there
    /// is none), and pings and pongs where they are not
    /// [answered by themselves](WebSocketOptions::autoping). `None` when the WebSocket has ended,
    /// in whichever way: [`close_code`](WebSocket::close_code) says how. (`async for message in ws`)
    ///
    /// Who does not receive holds the peer back: what has come and is not received is bounded, and
    /// beyond that nothing is taken from the connection.
    ///
    /// # Errors
    ///
    /// [`WebSocketError::Protocol`] if the peer broke the protocol; it was told so.
    /// [`WebSocketError::NoPong`] if it did not answer a heartbeat. Each once; `None` follows.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has received nothing that is not there for the next call.
    pub async fn receive(&mut self) -> Result<Option<Message>, WebSocketError> {
        self.receiver.receive().await
    }

    /// The next text; `None` when the peer has closed, or the WebSocket has ended. (`receive_str`)
    ///
    /// # Errors
    ///
    /// As [`receive`](WebSocket::receive), and [`WebSocketError::WrongKind`] if bytes come, which
    /// are dropped.
    ///
    /// # Cancel safety
    ///
    /// As [`receive`](WebSocket::receive).
    pub async fn receive_text(&mut self) -> Result<Option<String>, WebSocketError> {
        self.receiver.receive_text().await
    }

    /// The next bytes; `None` when the peer has closed, or the WebSocket has ended.
    /// (`receive_bytes`)
    ///
    /// # Errors
    ///
    /// As [`receive`](WebSocket::receive), and [`WebSocketError::WrongKind`] if text comes, which
    /// is dropped.
    ///
    /// # Cancel safety
    ///
    /// As [`receive`](WebSocket::receive).
    pub async fn receive_binary(&mut self) -> Result<Option<Vec<u8>>, WebSocketError> {
        self.receiver.receive_binary().await
    }

    // ---- sending --------------------------------------------------------------------------------

    /// Sends a text, once the peer has read enough of what was sent before: while more than 64 KiB
    /// are unsent, it waits. (`send_str`)
    ///
    /// # Errors
    ///
    /// [`WebSocketError::Refused`] if the WebSocket is closing or closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has sent nothing.
    pub async fn send_text(&mut self, text: impl AsRef<str>) -> Result<(), WebSocketError> {
        self.sender.send_text(text).await
    }

    /// Sends bytes. (`send_bytes`)
    ///
    /// # Errors
    ///
    /// As [`send_text`](WebSocket::send_text).
    ///
    /// # Cancel safety
    ///
    /// As [`send_text`](WebSocket::send_text).
    pub async fn send_binary(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.sender.send_binary(bytes).await
    }

    /// Sends a ping of at most 125 bytes, which the peer answers with the same in a pong.
    ///
    /// # Errors
    ///
    /// As [`send_text`](WebSocket::send_text), and if it is longer.
    ///
    /// # Cancel safety
    ///
    /// As [`send_text`](WebSocket::send_text).
    pub async fn ping(&mut self, payload: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.sender.ping(payload).await
    }

    /// Sends a pong of at most 125 bytes: the answer to a ping where
    /// [that is not done](WebSocketOptions::autoping), or a sign of life.
    ///
    /// # Errors
    ///
    /// As [`send_text`](WebSocket::send_text), and if it is longer.
    ///
    /// # Cancel safety
    ///
    /// As [`send_text`](WebSocket::send_text).
    pub async fn pong(&mut self, payload: impl AsRef<[u8]>) -> Result<(), WebSocketError> {
        self.sender.pong(payload).await
    }

    // ---- closing --------------------------------------------------------------------------------

    /// Closes: says so, and waits until the peer has too and the connection has ended, at most for
    /// [`close_timeout`](WebSocketOptions::close_timeout), after which it is aborted. Messages that
    /// still come are dropped. [`close_code`](WebSocket::close_code) is 1006 if the peer gave no
    /// answer. Closing what is closed does nothing. (`ws.close()`)
    ///
    /// # Errors
    ///
    /// [`WebSocketError::Refused`] if this code cannot be sent, or `reason` is longer than 123
    /// bytes; nothing has happened then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has said that it closes; another call waits on.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WebSocketError> {
        match self.receiver.core().say_close(code, reason) {
            Ok(()) | Err(Refused::Closing) => {}
            Err(refused) => return Err(refused.into()),
        }
        self.receiver.drop_the_rest().await;
        Ok(())
    }

    /// Why it was closed, once nothing more comes: the code of the peer's Close
    /// ([`NO_STATUS`](CloseCode::NO_STATUS) if that has none), the code it was told if it broke the
    /// protocol, [`ABNORMAL`](CloseCode::ABNORMAL) if the connection ended without either.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.receiver.close_code()
    }

    /// Why it was closed, in the peer's words; empty if it gave none.
    pub fn close_reason(&self) -> String {
        self.receiver.close_reason()
    }

    /// Why the connection was lost, if not in order: a reset, for example. (`ws.exception()`)
    pub fn exception(&self) -> Option<io::Error> {
        self.receiver.exception()
    }

    /// Whether messages can be sent. (`not ws.closed`)
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// The subprotocol that was agreed on. (`ws_protocol`)
    pub fn protocol(&self) -> Option<&str> {
        self.receiver.core().protocol.as_deref()
    }

    // ---- halves ---------------------------------------------------------------------------------

    /// A half that sends on this WebSocket too, for another task.
    pub fn sender(&self) -> WebSocketSender {
        self.sender.clone()
    }

    /// The halves, so that one task can receive while another sends.
    pub fn split(self) -> (WebSocketSender, WebSocketReceiver) {
        (self.sender, self.receiver)
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<WebSocket {}>", self.receiver.core().ask(|it| it.phase().name()))
    }
}
