//! A middleware that compresses what is worth it.

use super::apply::{LEVEL, compress};
use super::choice::{Asked, Worth};
use crate::http::server::handler::ResponseFuture;
use crate::http::{Middleware, Next, Request};

/// Compresses the answers of an application with gzip or deflate, for clients that accept it: those
/// of at least 1024 bytes, or of a length that nobody knows yet, whose type is one that shrinks.
///
/// ```
/// use evloop::web::{Application, Compress};
///
/// let mut app = Application::new();
/// app.middleware(Compress::new().min_size(500));
/// ```
///
/// What is said of [`Response::compress`](crate::http::Response::compress) is true here: what is
/// encoded already is left alone, so files with compressed siblings go out as they lie there, and
/// others are compressed while they are sent, by our own hand in place of the kernel's. A weak tag is
/// good for `If-None-Match` and no good for `If-Match`: whoever edits by tags leaves those out.
///
/// Compressing costs time for every answer ([`level`](Compress::level)), and 300 kB of memory while a
/// body is under way; what does not change is better compressed once, in a file ending in `.gz`. And do
/// not put it around pages in which a
/// secret stands beside something that the request says: their length gives it away (BREACH,
/// CVE-2013-3587), through TLS too.
#[derive(Clone, Copy, Debug)]
pub struct Compress {
    worth: Worth,
    level: u32,
}

impl Compress {
    /// With the usual options.
    pub fn new() -> Compress {
        Compress { worth: Worth::USUAL, level: LEVEL }
    }

    /// Bytes that a body has at least; 1024 if not set, as in Express.
    #[must_use]
    pub fn min_size(mut self, bytes: u64) -> Compress {
        self.worth.min_size = bytes.max(1);
        self
    }

    /// How hard it tries, from 1, the fastest, to 9; 1 if not set, as in nginx (aiohttp has zlib's 6).
    ///
    /// A megabyte of JSON took 2 ms of CPU and became 172 kB at level 1, 20 ms and 143 kB at 6, 42 ms
    /// and 143 kB at 9; meanwhile a loop serves nobody else.
    #[must_use]
    pub fn level(mut self, level: u32) -> Compress {
        self.level = level.clamp(1, 9);
        self
    }

    /// Which types are worth it, by the value of `Content-Type`, which is empty where there is none;
    /// if not set, those of [`mime::is_compressible`](crate::http::mime::is_compressible) but
    /// `text/event-stream`: a compressor has 300 kB, and each listener would hold one for as long as
    /// it listens. Where that is wanted, [`Response::compress`](crate::http::Response::compress) does
    /// it, and what is sent is not delayed.
    #[must_use]
    pub fn types(mut self, shrinks: fn(&str) -> bool) -> Compress {
        self.worth.shrinks = shrinks;
        self
    }
}

impl Default for Compress {
    fn default() -> Compress {
        Compress::new()
    }
}

impl Middleware for Compress {
    fn handle(&self, request: Request, next: Next) -> ResponseFuture {
        let (Compress { worth, level }, asked) = (*self, Asked::by(&request));
        Box::pin(async move { compress(next.run(request).await, asked, &worth, level) })
    }
}
