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

mod client;
mod close;
mod core;
mod error;
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
