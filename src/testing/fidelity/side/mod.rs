//! One kernel with the descriptors that an operation list has made in it.

mod bytes;
mod end;
mod making;
mod perform;
mod readiness;
mod seen;

use std::collections::HashMap;
use std::net::SocketAddr;

use end::{End, Stream};

use super::Kernel;

/// The largest receive or send.
const CHUNK: usize = 64 * 1024;
/// What is sent: the byte at place `n` of a stream is `PERIOD[n % 251]`.
const PERIOD: usize = 251;

/// One kernel, and what was made in it.
pub(super) struct Side {
    pub(super) kernel: Box<dyn Kernel>,
    ends: Vec<End>,
    streams: Vec<Stream>,
    names: HashMap<SocketAddr, usize>,
    /// By a client's address: the streams to it and from it.
    dialled: HashMap<SocketAddr, (usize, usize)>,
    /// Where a listener was.
    deserted: Option<SocketAddr>,
    made: usize,
    /// Of the listeners that are made. A list is shorter than this, so that no connection waits
    /// for a timer, but where it is about that.
    pub(super) backlog: i32,
    generation: u32,
    pattern: Vec<u8>,
}

impl Side {
    pub(super) fn new(kernel: impl Kernel + 'static) -> Side {
        Side {
            kernel: Box::new(kernel),
            ends: Vec::new(),
            streams: Vec::new(),
            names: HashMap::new(),
            dialled: HashMap::new(),
            deserted: None,
            made: 0,
            backlog: 32,
            generation: 0,
            pattern: (0..CHUNK + PERIOD).map(|place| (place % PERIOD) as u8).collect(),
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        for end in &self.ends {
            let _ = self.kernel.selector().unregister(end.fd);
            self.kernel.sockets().close(end.fd);
        }
    }
}
