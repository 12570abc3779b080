//! The body of a request, as it comes in.
//!
//! ```text
//!   connection ── push, finish, fail ──► Incoming ──► Content::read_chunk, Request::read
//!       ▲                                    │
//!       └──────────── Source::wanted ◄───────┘  a reader waits
//! ```
//!
//! Between the two lies a buffer, and its fill is the back-pressure: once more than
//! [`Limits::read_buffer`](super::Limits::read_buffer) bytes are unread, the connection receives
//! no more until somebody waits for more. So a handler that does not read costs the client its
//! speed and the server nothing. A reader that wants the body whole raises the mark to
//! [`Limits::body_size`](super::Limits::body_size), in the same buffer: nothing is taken out of it
//! before all is there, which is why a read that is dropped loses nothing.

#[cfg(feature = "compression")]
mod decoding;
mod incoming;

use std::future::poll_fn;
use std::rc::Rc;

use super::request::BodyError;

pub(in crate::http) use incoming::{Incoming, Source};

/// The body of a request, to be read piece by piece as it comes in. (`request.content`)
///
/// It can be moved out of the handler, for instance into the [stream](super::Response::stream)
/// that answers. Clones read from the same body: every byte goes to one of them.
///
/// What is not read is not received: beyond
/// [`Limits::read_buffer`](super::Limits::read_buffer) TCP holds the client back.
#[derive(Clone, Debug, Default)]
pub struct Content(Option<Rc<Incoming>>);

impl Content {
    pub(in crate::http) fn new(incoming: Option<Rc<Incoming>>) -> Content {
        Content(incoming)
    }

    /// What has come since the last call, never nothing; waits for it. `None` at the body's end.
    ///
    /// # Errors
    /// [`BodyError::Broken`] if the client broke off or broke the protocol, after what had come
    /// before; [`BodyError::TimedOut`] if it sends too slowly; [`BodyError::Answered`] once the
    /// request is answered, for then the rest of the body is not received.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has taken nothing.
    pub async fn read_chunk(&self) -> Result<Option<Vec<u8>>, BodyError> {
        match &self.0 {
            Some(incoming) => poll_fn(|context| incoming.poll_chunk(context)).await,
            None => Ok(None),
        }
    }

    /// Whether everything has come and is read.
    pub fn at_end(&self) -> bool {
        self.0.as_ref().is_none_or(|incoming| incoming.is_at_end())
    }
}
