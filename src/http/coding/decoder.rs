//! Codings undone: gzip and deflate as a machine. Compressed bytes go in,
//! pieces come out, and nothing is ever made larger than a piece before somebody takes it.
//!
//! ```text
//! from      head complete  stream ends        trailer complete  another head begins
//! Head      Stream         –                  –                 –
//! Stream    –              Trailer, or Over   –                 –
//! Trailer   –              –                  Over              –
//! Over      –              –                  –                 Head (gzip alone)
//! ```
//!
//! `flate2` inflates; what stands around that in a gzip file (RFC 1952) is read here, because its
//! own readers want their bytes from a reader, and ours come when they come. `deflate` is zlib's
//! format (RFC 1950), and from some servers the bare stream (RFC 1951): the first two bytes tell.
//!
//! # Bombs
//!
//! A megabyte of zeros is a kilobyte compressed. Whoever takes pieces decides how much they hold;
//! whoever collects has a limit on what is collected. The [ratio](MAX_RATIO) bounds what a peer can
//! make us work for a byte of its own.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Coding;

/// How many bytes come out at once, at most.
const PIECE: usize = 32 << 10;

/// How many bytes may come out for each that goes in, once [`FREE`] have come. Text comes to ten,
/// logs to fifty; Apache's `DeflateInflateRatioLimit` is 200.
pub(crate) const MAX_RATIO: u64 = 200;

/// Bytes that may come out whatever went in: a short body may well be a thousand times smaller.
const FREE: u64 = 4 << 20;

/// How many bytes may come for each that goes out, once [`FREE`] have come: a file of one byte comes
/// to twenty-one. What says nothing for ever, as what follows the end may, would have no other end.
const MAX_WASTE: u64 = 32;

/// How much is looked at for a head at once.
const HEAD_PIECE: usize = 512;

/// Bytes of a gzip head, with the name and comment that it may have.
const MAX_HEAD: usize = 128 << 10;

/// Where in the format the next byte belongs.
enum Stage {
    /// Before the stream.
    Head(Head),
    Stream(Box<Decompress>),
    /// After the stream: what has come of the eight bytes.
    Trailer(Vec<u8>),
    Over,
}

/// What has come of what stands before a stream.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
    /// How many of a gzip head's texts are passed, and up to where it is read: whoever sends it byte
    /// by byte has us look at each once.
    texts: usize,
    at: usize,
}

/// Undoes one coding of one body.
pub(crate) struct Decoder {
    coding: Coding,
    stage: Stage,
    input: Vec<u8>,
    used: usize,
    came: u64,
    gone: u64,
    crc: Crc,
}

/// What [`Decoder::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes, never none.
    Data(Vec<u8>),
    /// Nothing, before more is [fed](Decoder::feed), or the body ends.
    NeedData,
}

/// Why a body cannot be decompressed.
type Fault = &'static str;

impl Decoder {
    pub(crate) fn new(coding: Coding) -> Decoder {
        Decoder {
            coding,
            stage: Stage::Head(Head::default()),
            input: Vec::new(),
            used: 0,
            came: 0,
            gone: 0,
            crc: Crc::new(),
        }
    }

    /// Takes compressed bytes, which is to be done when [`next`](Decoder::next) needs them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.drain(..self.used);
        self.used = 0;
        self.input.extend_from_slice(bytes);
        self.came += bytes.len() as u64;
    }

    /// Whether all that was fed has been taken out.
    pub(crate) fn is_drained(&self) -> bool {
        self.used == self.input.len() && !matches!(self.stage, Stage::Stream(_))
    }

    /// Whether the body may end here.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match &self.stage {
            Stage::Over => Ok(()),
            // Nothing at all is the body of nothing: the answer to HEAD, for one.
            Stage::Head(_) if self.came == 0 => Ok(()),
            _ => Err("the compressed data breaks off"),
        }
    }

    /// The next piece of what was compressed.
    pub(crate) fn next(&mut self) -> Result<Piece, Fault> {
        if self.came > FREE && self.came / MAX_WASTE > self.gone {
            return Err("the compressed data is far larger than what is in it");
        }
        loop {
            if self.used == self.input.len() {
                // The stream may still have something to give for what it was given.
                if !matches!(self.stage, Stage::Stream(_)) {
                    return Ok(Piece::NeedData);
                }
            }
            match &mut self.stage {
                Stage::Head(_) => self.head()?,
                Stage::Stream(_) => {
                    if let Some(piece) = self.inflate()? {
                        return Ok(piece);
                    }
                }
                Stage::Trailer(_) => self.trailer()?,
                Stage::Over => self.after(),
            }
        }
    }

    /// Reads the head, a small piece at a time: what is behind it stays where it is.
    fn head(&mut self) -> Result<(), Fault> {
        let Stage::Head(head) = &mut self.stage else { return Ok(()) };
        let end = self.input.len().min(self.used + HEAD_PIECE);
        head.bytes.extend_from_slice(&self.input[self.used..end]);
        self.used = end;
        let length = match self.coding {
            Coding::Gzip => head.gzip()?,
            Coding::Deflate if head.bytes.len() < 2 => None,
            Coding::Deflate => Some(0),
        };
        let Some(length) = length else {
            let fits = head.bytes.len() <= MAX_HEAD;
            return fits.then_some(()).ok_or("the head of the gzip data exceeds 128 KiB");
        };
        let zlib = self.coding == Coding::Deflate && is_zlib(head.bytes[0], head.bytes[1]);
        let behind = head.bytes.split_off(length);
        match self.used.checked_sub(behind.len()) {
            Some(used) => self.used = used,
            // Some of it came before this input.
            None => {
                self.input.splice(..self.used, behind);
                self.used = 0;
            }
        }
        self.crc.reset();
        self.stage = Stage::Stream(Box::new(Decompress::new(zlib)));
        Ok(())
    }

    /// A piece of the stream, or word that it needs more; `None` at its end.
    fn inflate(&mut self) -> Result<Option<Piece>, Fault> {
        let Stage::Stream(stream) = &mut self.stage else { return Ok(None) };
        let mut out = Vec::with_capacity(PIECE);
        let (before, input) = (stream.total_in(), &self.input[self.used..]);
        let status = stream.decompress_vec(input, &mut out, FlushDecompress::None);
        let status = status.map_err(|_| "the compressed data is corrupt")?;
        let used = (stream.total_in() - before) as usize;
        self.used += used;
        self.gone += out.len() as u64;
        self.crc.update(&out);
        if self.gone > FREE && self.gone / MAX_RATIO > self.came {
            return Err("the body is compressed more than 200 times, as no honest one is");
        }
        if status == Status::StreamEnd {
            self.stage = match self.coding {
                Coding::Gzip => Stage::Trailer(Vec::new()),
                Coding::Deflate => Stage::Over,
            };
        }
        match (out.is_empty(), status) {
            (false, _) => {
                // Whoever keeps a small piece is not to keep the memory of a large one.
                out.shrink_to_fit();
                Ok(Some(Piece::Data(out)))
            }
            (true, Status::StreamEnd) => Ok(None),
            (true, _) if self.used == self.input.len() => Ok(Some(Piece::NeedData)),
            (true, _) if used > 0 => Ok(None),
            (true, _) => Err("the compressed data is corrupt"),
        }
    }

    /// RFC 1952 §2.3.1: the checksum and the length of what came out.
    fn trailer(&mut self) -> Result<(), Fault> {
        let Stage::Trailer(bytes) = &mut self.stage else { return Ok(()) };
        let some = (self.input.len() - self.used).min(8 - bytes.len());
        bytes.extend_from_slice(&self.input[self.used..self.used + some]);
        self.used += some;
        if bytes.len() < 8 {
            return Ok(());
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]));
        if (number(0), number(4)) != (self.crc.sum(), self.crc.amount()) {
            return Err("the checksum of the compressed data is wrong");
        }
        self.stage = Stage::Over;
        Ok(())
    }

    /// RFC 1952 §2.2: another member may follow. Anything else after the end is passed over, as
    /// gzip and browsers do.
    fn after(&mut self) {
        if self.coding == Coding::Gzip && self.input[self.used] == GZIP[0] {
            self.stage = Stage::Head(Head::default());
        } else {
            self.used = self.input.len();
        }
    }
}

/// The first bytes of a gzip head: its mark, and the only method there is.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

impl Head {
    /// The length of a gzip head (RFC 1952 §2.3), if it is all there.
    fn gzip(&mut self) -> Result<Option<usize>, Fault> {
        let bytes = &self.bytes[..];
        let mark = bytes.len().min(GZIP.len());
        if bytes[..mark] != GZIP[..mark] {
            return Err("the body is said to be gzip, and is not");
        }
        let Some(flags) = bytes.get(3) else { return Ok(None) };
        if flags & 0xe0 != 0 {
            return Err("the gzip data has flags that nobody knows");
        }
        if self.at == 0 {
            self.at = match (flags & 4, bytes.get(10..12)) {
                (0, _) => 10,
                (_, Some(length)) => 12 + usize::from(u16::from_le_bytes([length[0], length[1]])),
                (_, None) => return Ok(None),
            };
        }
        // A name, and a comment, each ended by a zero.
        while self.texts < [8, 16].iter().filter(|flag| flags & **flag != 0).count() {
            let text = bytes.get(self.at..).unwrap_or_default();
            let Some(end) = text.iter().position(|byte| *byte == 0) else {
                self.at += text.len();
                return Ok(None);
            };
            self.at += end + 1;
            self.texts += 1;
        }
        let end = self.at + if flags & 2 != 0 { 2 } else { 0 };
        Ok((bytes.len() >= end).then_some(end))
    }
}

/// RFC 1950 §2.2: the method, a window that may be, and a number that 31 divides.
fn is_zlib(method: u8, flags: u8) -> bool {
    method & 15 == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]) % 31 == 0
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
