//! From what is meant to what goes out.

use flate2::{Compress, Compression, FlushCompress};

use super::{Deflate, TAIL};
use crate::http::coding::shrink::shrink;

/// Compresses the messages of one direction, where it gains something.
#[derive(Debug)]
pub(in crate::http::ws) struct Shrinker {
    /// Whether a message may refer to the ones before it.
    keeps: bool,
    level: Compression,
    threshold: usize,
    /// Whether the message under way in fragments is compressed.
    under_way: bool,
    /// There while a message is under way, and if it is kept, ever after.
    stream: Option<Compress>,
}

impl Shrinker {
    pub fn new(deflate: &Deflate, keeps: bool) -> Shrinker {
        let level = Compression::new(u32::from(deflate.level.clamp(1, 9)));
        let threshold = deflate.threshold;
        Shrinker { keeps, level, threshold, under_way: false, stream: None }
    }

    /// What a frame carries instead of `payload`, or `None` if it carries that: the frame is the
    /// `first` of its message, and the last one if `fin`.
    pub fn frame(&mut self, payload: &[u8], (first, fin): (bool, bool)) -> Option<Vec<u8>> {
        let worth_it = !payload.is_empty() && (self.keeps || payload.len() >= self.threshold);
        match (first, fin) {
            (true, true) => worth_it.then(|| self.message(payload)).flatten(),
            (true, false) => {
                self.under_way = worth_it;
                worth_it.then(|| self.shrink(payload))
            }
            (false, _) if !self.under_way => None,
            (false, false) => Some(self.shrink(payload)),
            (false, true) => {
                let mut out = self.shrink(payload);
                strip(&mut out);
                self.under_way = false;
                self.ends(self.keeps);
                Some(out)
            }
        }
    }

    /// A whole message, unless it would be no shorter.
    fn message(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut out = self.shrink(payload);
        strip(&mut out);
        let gains = out.len() < payload.len();
        // What the peer does not get to inflate must not be referred to.
        self.ends(self.keeps && gains);
        gains.then_some(out)
    }

    /// A message ends, and what follows may refer to it or not.
    fn ends(&mut self, keeps: bool) {
        match &mut self.stream {
            Some(_) if keeps => {}
            Some(stream) if self.keeps => stream.reset(),
            _ => self.stream = None,
        }
    }

    /// Compresses `payload` up to a flush.
    fn shrink(&mut self, payload: &[u8]) -> Vec<u8> {
        let stream = self.stream.get_or_insert_with(|| Compress::new(self.level, false));
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        let room = payload.len() / 8 + 64;
        shrink(stream, payload, &mut out, FlushCompress::Sync, room)
            .expect("whatever the bytes are, they can be compressed");
        out
    }

    /// Whether it holds memory.
    #[cfg(test)]
    pub fn holds(&self) -> bool {
        self.stream.is_some()
    }
}

/// §7.2.1: what every flush ends with is not sent. §7.2.3.6: and of nothing at all a byte is left.
fn strip(out: &mut Vec<u8>) {
    match out.strip_suffix(&TAIL).map(<[u8]>::len) {
        Some(len) => out.truncate(len),
        None => out.push(0),
    }
}
