//! WebSockets (RFC 6455): a machine, a handshake, and shells that give them bytes.
//!
//! # The drawing
//!
//! ```text
//!       receive(bytes)                                     send_text, send_close, …
//!            │                                                       │
//!            ▼                                                       ▼
//!   Head::read ──► unmask ──► Partial ──► Message          Head::write ──► mask ──► out
//!   opcode, fin,   mask.rs    fragments     │                                ▲
//!   length, key               joined        │ Close                          │ Close
//!                                           ▼                                │
//!                               Phase: Open ──► … ──► Closed ────────────────┘
//! ```
//!
//! A message comes in frames. A frame is a head of 2 to 14 bytes and a payload; whoever sends a
//! long message may cut it into fragments, each a frame, and control frames (Close, Ping, Pong) may
//! come between them. That is all of the data's protocol, and it is one table: what a frame makes
//! of the message under way. `…` marks a frame that is not its message's last.
//!
//! ```text
//! under    Text     Text…    Binary   Binary…  Contin.  Contin.… control
//! Nothing  Nothing  Text     Nothing  Binary   1002     1002     Nothing
//! Text     1002     1002     1002     1002     Nothing  Text     Text
//! Binary   1002     1002     1002     1002     Nothing  Binary   Binary
//! ```
//!
//! Closing is a handshake of its own: either side says Close, the other answers it, and then the
//! server ends the connection. A dash says that the cause cannot arise in that state. Both tables
//! are rendered by the tests from the machine.
//!
//! ```text
//! from           Said           Heard          Fault          Eof
//! Open           CloseSent      CloseReceived  Failing        Lost
//! CloseSent      –              Closed         Failed         Lost
//! CloseReceived  Closed         –              –              CloseReceived
//! Closed         –              –              –              Closed
//! Failing        Failed         –              –              Failing
//! Failed         –              –              –              Failed
//! Lost           –              –              –              Lost
//! ```
//!
//! # From a handler, from a session
//!
//! [`upgrade`] answers a request with a WebSocket, [`ClientSession::ws_connect`] opens one, and
//! both give a [`WebSocket`]: `receive` in a loop, `send_text`, `send_binary`, `close`. Its
//! [halves](WebSocket::split) can live in two tasks, and a [`WebSocketSender`] is cloned for
//! whoever has something to say, the other members of a chat for example.
//!
//! [`ClientSession::ws_connect`]: crate::ClientSession::ws_connect
//!
//! A server that ends closes them with 1001 by itself, after `on_shutdown`; what is open when the
//! shutdown's patience ends is aborted. To say another code or a last word, keep the senders, and
//! [close](WebSocketSender::close) them from `on_shutdown`.
//!
//! # Why a machine of our own
//!
//! tungstenite is well kept and not async, but it wants to read and write by itself: without its
//! I/O one hands it a pretended stream, and back-pressure, close timeouts and pongs that wait for a
//! peer who does not read are decided where nobody can see it. What is left of the RFC without I/O
//! is two tables and a head of 14 bytes, and a reader can follow that. Of the handshake only the
//! hash and the base64 are not ours: `sha1_smol` and `base64` have no dependencies.
//!
//! # RFC 6455, and where it is obeyed
//!
//! | clause | what MUST be | where |
//! |---|---|---|
//! | §4.1 | a client's request; what a 101 has to say | `handshake::ask`, `handshake::accepted` |
//! | §4.2.1, §4.2.2 | a server's demands, its answer | `handshake::agree` |
//! | §4.4 | other versions are told which there is | `handshake::agree` |
//! | §5.1, §5.3 | clients mask, servers do not; both check | `frame::read_second`, `Machine::frame` |
//! | §5.2 | reserved bits, opcodes, shortest lengths | `frame::read_first`, `frame::check_length` |
//! | §5.4 | fragments in order, of one message at a time | `state::Under` |
//! | §5.5 | control frames are short and whole | `frame::read_first`, `frame::read_second` |
//! | §5.5.1 | Close: its body, its answer, nothing after it | `close::CloseFrame`, `state::Phase` |
//! | §5.5.2, §5.5.3 | a ping has its pong, the last if they are too many | `core::Core::hear` |
//! | §7.1.1 | the server ends the connection | `core::Core::ending` |
//! | §7.1.4 to §7.1.6 | clean closing, its code and reason | `state::Phase`, [`Machine::close_code`] |
//! | §7.1.7 | after a fault nothing is read | [`Machine::receive`] |
//! | §7.4 | which codes are sent | [`CloseCode::can_be_sent`] |
//! | §8.1 | text is UTF-8, across fragments | `incoming::Partial` |
//! | §10.2 | origins | [`Origins`] |
//! | §10.3 | keys that nobody foresees | [`Masks`] |
//! | §10.4 | limits | [`Limits`] |
//!
//! | §9.1 | extensions: what is malformed, unknown or unasked | `extensions::read`, `deflate::confirmed` |
//!
//! Of extensions there is one, permessage-deflate (RFC 7692), with the feature `compression` and
//! where [`WebSocketOptions::deflate`] asks for it; the module `deflate` says what it can do.

mod client;
mod close;
mod core;
#[cfg(feature = "compression")]
mod deflate;
#[cfg(not(feature = "compression"))]
#[path = "deflate/without.rs"]
mod deflate;
mod error;
mod extensions;
mod frame;
mod handshake;
mod heartbeat;
mod incoming;
mod limits;
mod machine;
mod mask;
mod message;
mod options;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod receiver;
mod sender;
mod server;
mod socket;
mod state;
#[cfg(test)]
mod tests;

pub use client::{HandshakeError, WsConnect};
pub use close::{CloseCode, CloseFrame};
#[cfg(all(feature = "compression", any(test, fuzzing)))]
pub use deflate::properties as deflate_properties;
#[cfg(feature = "compression")]
pub use deflate::{Agreement, Deflate};
pub use error::{Fault, Refused, WebSocketError};
pub use frame::{CONTROL_PAYLOAD, Head, Opcode};
pub use handshake::{Agreed, accept_key};
pub use limits::Limits;
pub use machine::{Event, Machine};
pub use mask::Masks;
pub use message::Message;
pub use options::{Origins, WebSocketOptions};
pub use receiver::WebSocketReceiver;
pub use sender::WebSocketSender;
pub use server::{check, is_asked_for, upgrade};
pub use socket::WebSocket;
pub use state::{Cause, Phase, Under};
