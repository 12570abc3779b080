//! Responses whose length is not known in advance, received by hand.

use std::io::Read;

use crate::support::{Client, Reply};

impl Client {
    /// Receives a response in chunks.
    pub fn chunked(&mut self) -> Reply {
        let mut reply = self.head();
        assert_eq!(reply.get("transfer-encoding"), Some("chunked"), "{reply:?}");
        while let Some(chunk) = self.chunk() {
            reply.body += &chunk;
        }
        reply
    }

    /// Receives a chunk; `None` at the end.
    pub fn chunk(&mut self) -> Option<String> {
        let size = usize::from_str_radix(&self.line(), 16).expect("a size");
        let mut bytes = vec![0; size];
        self.0.read_exact(&mut bytes).expect("a chunk");
        assert_eq!(self.line(), "");
        (size > 0).then(|| String::from_utf8(bytes).expect("text"))
    }

    /// Receives until the server closes; `None` if it resets.
    pub fn rest(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8(bytes).expect("text"))
    }
}
