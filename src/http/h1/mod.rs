//! HTTP/1.1 as a machine: bytes go in and events come out, calls go in and bytes come out.
//!
//! Nothing here knows of sockets, clocks, tasks or callbacks. Whoever has bytes from a peer gives
//! them to [`ServerConnection::receive`] or [`ClientConnection::receive`], gets events, and sends
//! what the other methods append to a buffer. That is why everything here can be tested with
//! arrays of bytes, and why one machine serves the loop's server, its client and the tests alike.
//!
//! # The drawing
//!
//! ```text
//!             receive(bytes)                                  respond, send_…
//!                  │                                                │
//!                  ▼                                                ▼
//!   Gather ──► parse       ──► Meaning ──► Framing         encode ──► Encoder
//!   pieces     tokens by       what the     where the      head        body
//!   of a head  httparse;       fields say   body ends                   │
//!              plain requests                                           │
//!              by plain                                                 │
//!                                   │                                   │
//!                                   ▼                                   ▼
//!                  ┌─────────── Asking ◄───── settle ─────► Answering ──────► out
//!   Event ◄────────┤            (what the                   (what the
//!   Head, Data,    │             client says)                server says)
//!   EndOfMessage   └─────────── Decoder: Length, Chunked, UntilClose
//! ```
//!
//! # The two halves
//!
//! A connection is a dialogue, and its state is how far either party has come: [`Asking`] for
//! what the client says, [`Answering`] for what the server says. Server and client use the same
//! two machines; what is *ours* on one side is *theirs* on the other. The halves meet in three
//! places only: a request's head makes an answer due (`Asked`); once both are `Done` both begin
//! anew (`Renew`) or, if either party said so, both end (`Last`); and a switch of protocols takes
//! both along.
//!
//! A dash says that the cause cannot arise in that state. These tables are rendered by the tests
//! from the machines themselves.
//!
//! What the client says:
//!
//! ```text
//! from       Head       End        Renew      Last       Eof        Fault      Switch
//! Idle       Body       –          –          MustClose  Closed     Failed     –
//! Body       –          Done       –          –          Failed     Failed     –
//! Done       –          –          Idle       MustClose  Closed     Failed     Switched
//! MustClose  –          –          –          MustClose  Closed     –          –
//! Closed     –          –          –          Closed     Closed     –          –
//! Failed     –          –          –          Failed     Failed     Failed     –
//! Switched   –          –          –          –          –          –          –
//! ```
//!
//! What the server says:
//!
//! ```text
//! from       Asked      Head       End        Renew      Last       Eof        Fault      Switch
//! Idle       Owed       –          –          –          MustClose  Closed     Failed     –
//! Owed       Owed       Body       –          –          –          Failed     Failed     Switched
//! Body       –          –          Done       –          –          Failed     Failed     –
//! Done       –          –          –          Idle       MustClose  Closed     Failed     –
//! MustClose  –          –          –          –          MustClose  Closed     –          –
//! Closed     –          –          –          –          Closed     Closed     –          –
//! Failed     –          –          –          –          Failed     Failed     Failed     –
//! Switched   –          –          –          –          –          –          –          –
//! ```
//!
//! A body under way lives in its state: `Body` owns the [`Decoder`] or [`Encoder`], so that there
//! is none when there is no body.
//!
//! # Whose fault
//!
//! [`Error::They`] is the peer's: it carries the status to answer and a sentence that says what
//! was wrong and what would have been right. The asking half is `Failed` then, nothing more is
//! read, and only a response of 4xx or 5xx can be sent before the connection ends. [`Error::You`]
//! is the caller's: nothing has changed, nothing was written.
//!
//! # Where strict, where lax
//!
//! A *server* refuses everything that another program on the way could read differently, because
//! two readings of one message are how requests are smuggled (RFC 9112 §11.2): a bare CR or LF, a
//! blank before a colon, a folded line, a second `Content-Length` or `Host`, `Content-Length`
//! beside `Transfer-Encoding`, a coding other than one final `chunked`, a chunk extension that the
//! grammar has not. A *client* talks to servers as they are: it takes a bare LF and folded lines in
//! a head, the same `Content-Length` twice, blanks after a chunk's size, and lets
//! `Transfer-Encoding` override `Content-Length` at the price of the connection (RFC 9112 §6.3).
//!
//! # RFC 9112, and where it is obeyed
//!
//! | clause | what | where |
//! |---|---|---|
//! | §2.2 | empty lines before a head; bare CR and LF | `connection::Gather`, `parse::check_line_ends` |
//! | §2.3 (and RFC 9110 §6.2) | versions | `verdict::describe`, `later::is_later_minor` |
//! | §3, §3.2 | request line, forms of target, `Host` | `plain`; `meaning::check_target`, `Meaning::host` |
//! | §4 | status line | `parse::parse_response`, `encode::status_line` |
//! | §5.1, §5.2 | blank before the colon, folded lines | `verdict::describe`, `Fields::unfold` |
//! | §6.1 | `Transfer-Encoding` | `Meaning::transfer_encoding`, `check_request` |
//! | §6.2, §6.3 | `Content-Length`, where a body ends | `Meaning::framing`, `ResponseHead::framing` |
//! | §7.1 | chunks, extensions, trailers | [`chunked`], `extension` |
//! | §8 | messages cut short | [`Decoder::end_of_input`] |
//! | §9.3, §9.6 | keep-alive, pipelining, closing | `Meaning::keeps_alive`, [`ServerConnection`] |
//!
//! Every clause with the tests that hold it stands in `tests/rfc/clauses.txt`, and what other servers
//! make of the same bytes in `tests/rfc/black_box.md`.

mod body;
mod bytes;
pub mod chunked;
mod client;
mod connection;
mod encode;
mod encoder;
mod error;
mod extension;
mod fields;
mod head;
mod later;
mod meaning;
mod own;
mod parse;
mod plain;
mod plain_answer;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod server;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod verdict;

pub use body::{Decoder, Framing, Piece};
pub use client::ClientConnection;
pub use connection::Event;
pub use encode::{OutgoingRequest, OutgoingResponse};
pub use encoder::{Encoder, Length};
pub use error::Error;
pub use fields::Fields;
pub use head::{RequestHead, ResponseHead};
pub(crate) use meaning::is_host;
pub(crate) use plain_answer::HeadEnd;
pub use server::ServerConnection;
pub use shared::Shared;
pub use state::{Answering, AnsweringCause, Asking, AskingCause};
