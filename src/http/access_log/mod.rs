//! What is told of every answer: the access log.
//!
//! A server without one pays nothing for it. One with one keeps the head of each request under way,
//! and tells of it when its answer is sent, or its connection is lost before.
//!
//! ```text
//! · format.rs  a line of text from an Access     ledger.rs  the requests under way
//! ```

mod format;
mod ledger;

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{Method, StatusCode, Version};

use super::h1::RequestHead;

pub use format::{AccessFormat, AccessFormatError};
pub(super) use ledger::Ledger;

/// Who is told.
pub(super) type Hook = Rc<dyn Fn(&Access<'_>)>;

/// A request and its answer, as the access log is told of them.
/// (what `AbstractAccessLogger.log` is given)
pub struct Access<'a> {
    pub(super) head: Option<&'a RequestHead>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) status: Option<StatusCode>,
    pub(super) body_size: u64,
    pub(super) elapsed: Duration,
    pub(super) begun: u64,
}

impl Access<'_> {
    /// The request's head; `None` if it was refused before it was whole.
    pub fn head(&self) -> Option<&RequestHead> {
        self.head
    }

    /// The request's method.
    pub fn method(&self) -> Option<&Method> {
        self.head.map(RequestHead::method)
    }

    /// The request's target, as sent.
    pub fn target(&self) -> Option<&str> {
        self.head.map(RequestHead::target)
    }

    /// The request's version.
    pub fn version(&self) -> Option<Version> {
        self.head.map(RequestHead::version)
    }

    /// Where the request came from, if it came over a network.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The answer's status; `None` if the connection ended before there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// How many bytes of its body the answer sent, its framing not counted: what the kernel took.
    /// What the kernel still has when a client leaves it does not tell, nor is it waited for the
    /// last bytes, as many as the transport's high-water mark: else each line would come late.
    pub fn body_size(&self) -> u64 {
        self.body_size
    }

    /// From the request's head to the end of its answer.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// When the request came, in seconds since 1970 began.
    pub fn begun(&self) -> u64 {
        self.begun
    }
}

/// In the combined format.
impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&AccessFormat::combined().line(self))
    }
}

impl fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Access {self}>")
    }
}
