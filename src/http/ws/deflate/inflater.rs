//! From what came to what was meant.

use flate2::{Decompress, FlushDecompress, Status};

use super::TAIL;
use crate::http::ws::close::CloseCode;
use crate::http::ws::error::Fault;

/// How many bytes come out at once, at most.
const PIECE: usize = 16 << 10;

/// Inflates the messages of one direction.
#[derive(Debug)]
pub(in crate::http::ws) struct Inflater {
    /// Whether a message may refer to the ones before it.
    keeps: bool,
    /// Whether the message under way is compressed.
    under_way: bool,
    /// There while a message is under way, and if it is kept, ever after.
    stream: Option<Decompress>,
}

impl Inflater {
    pub fn new(keeps: bool) -> Inflater {
        Inflater { keeps, under_way: false, stream: None }
    }

    /// A compressed message begins.
    pub fn begin(&mut self) {
        self.under_way = true;
    }

    /// Whether the message under way is compressed.
    pub fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Appends to `message` what is in `input`, at the `end` of the message too. The message may
    /// have `most` bytes.
    ///
    /// # Errors
    /// What is wrong with it. Everything before that was appended.
    pub fn inflate(
        &mut self,
        input: &[u8],
        end: bool,
        message: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), Fault> {
        self.push(input, message, most)?;
        if end {
            self.push(&TAIL, message, most)?;
            self.under_way = false;
            if !self.keeps {
                self.stream = None;
            }
        }
        Ok(())
    }

    fn push(&mut self, mut input: &[u8], message: &mut Vec<u8>, most: usize) -> Result<(), Fault> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        // A byte at a time is not to cost a piece at a time.
        let mut room = (input.len() * 8).clamp(64, PIECE);
        loop {
            let before = message.len();
            let into = room.min(most + 1 - before);
            message.resize(before + into, 0);
            let (came, gone) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(input, &mut message[before..], FlushDecompress::None);
            let used = (stream.total_in() - came) as usize;
            let made = (stream.total_out() - gone) as usize;
            message.truncate(before + made);
            input = &input[used..];
            if message.len() > most {
                return Err(too_big(most));
            }
            match status {
                Err(_) => return Err(corrupt()),
                // §7.2.3.4: a last block is not the last of the message.
                Ok(Status::StreamEnd) => stream.reset(false),
                Ok(_) if made == into => room = PIECE,
                Ok(_) if input.is_empty() => return Ok(()),
                Ok(_) if used == 0 && made == 0 => return Err(corrupt()),
                Ok(_) => {}
            }
        }
    }

    /// Whether it holds memory.
    #[cfg(test)]
    pub fn holds(&self) -> bool {
        self.stream.is_some()
    }
}

#[cold]
fn too_big(most: usize) -> Fault {
    Fault::new(CloseCode::TOO_BIG, format!("a message, inflated, exceeds {most} bytes"))
}

/// 1007, as Node's `ws`: it is not what its kind of message has to be. The RFC names no code.
#[cold]
fn corrupt() -> Fault {
    Fault::new(CloseCode::INVALID_TEXT, "a compressed message is no deflate data")
}
