//! Messages compressed, each by itself or as a stream: permessage-deflate (RFC 7692).
//!
//! ```text
//! client                                            server
//!   │ Sec-WebSocket-Extensions: permessage-deflate; …  │   offer
//!   ├─────────────────────────────────────────────────►│   accept: the first offer that it can keep
//!   │◄─────────────────────────────────────────────────┤
//!   │ confirmed: what was offered, and nothing else    │
//! ```
//!
//! The first frame of a compressed message has the bit RSV1. Its payload is deflate's (RFC 1951) up
//! to a flush, without the four bytes that every flush ends with.
//!
//! # What is agreed on, and what cannot be
//!
//! | parameter | server | client |
//! |---|---|---|
//! | `server_no_context_takeover` | done if asked for, said unless [`own_context`](Deflate::own_context) | asked for unless [`peer_context`](Deflate::peer_context); then it has to be in the answer |
//! | `client_no_context_takeover` | said unless [`peer_context`](Deflate::peer_context), or if offered | offered unless [`own_context`](Deflate::own_context); done if it is in the answer |
//! | `server_max_window_bits` | 15 is confirmed; the offer is declined for less | any is fine |
//! | `client_max_window_bits` | not answered: any window can be undone | never offered, so that none can be demanded |
//!
//! `flate2`'s backend in Rust compresses with a window of 32 KiB and no other. An offer that wants
//! a smaller one from us is declined, and the next one tried; the connection does without
//! compression before it promises what it does not do.
//!
//! # Memory
//!
//! Something that remembers what it has seen is large: measured at the allocator, 319 326 bytes for
//! compressing and 43 296 for inflating, a connection. So by default neither side is to remember: both
//! begin anew with every message, and between messages nothing is held.
//!
//! # Bombs
//!
//! A message grows at most to [`Limits::message_size`](super::Limits::message_size), and is refused
//! with 1009 at the first byte beyond it. What is inflated is inflated as it comes, so that text
//! that is none is refused before the rest of it is there.
//!
//! # What is taken that might be refused
//!
//! A message whose deflate data breaks off inside a block is what was inflated of it, as for every
//! implementation on zlib, which cannot tell either. A block that says it is the last (§7.2.3.4) may
//! be followed by others; they cannot refer back to before it. What refers to before the beginning
//! finds zeros there, never what another connection or message left.

mod inflater;
mod negotiation;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod shrinker;
#[cfg(test)]
mod tests;

pub(super) use inflater::Inflater;
pub use negotiation::Agreement;
pub(super) use negotiation::{accept, confirmed, offer};
pub(super) use shrinker::Shrinker;

/// The name that both sides call it by (§7).
const NAME: &str = "permessage-deflate";

/// What a flush ends with, which is not sent (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// How to compress, if the peer can: [`WebSocketOptions::deflate`](super::WebSocketOptions).
///
/// A secret and something that a stranger chooses do not belong into one message, nor, with a
/// context that is kept, on one connection: from the length of what goes over the wire the secret
/// can be guessed byte by byte, through TLS too.
///
/// ```
/// use evloop::http::ws::{Deflate, WebSocketOptions};
///
/// let options = WebSocketOptions { deflate: Some(Deflate::default()), ..Default::default() };
/// assert_eq!(options.deflate.unwrap().level, 6);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// How hard to try, from 1 to 9; more counts as 9, and 0 as 1. 6 by default, as zlib.
    pub level: u8,
    /// Messages of fewer bytes go as they are, unless [`own_context`](Deflate::own_context) makes
    /// them worth it. 1024 by default, as Node's `ws`.
    pub threshold: usize,
    /// Whether we remember what we sent, so that what comes again is short: 312 KiB a
    /// connection. `false` by default, and never if the peer asks us not to.
    pub own_context: bool,
    /// Whether the peer may do so, which costs us 43 KiB a connection. `false` by default.
    pub peer_context: bool,
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate { level: 6, threshold: 1024, own_context: false, peer_context: false }
    }
}
