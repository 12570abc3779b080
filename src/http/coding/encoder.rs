//! Codings applied: plain bytes go in, and compressed ones come out at once.
//!
//! ```text
//! from      anything goes in   the end
//! Fresh     Stream             Over
//! Stream    Stream             Over
//! Over      –                  –
//! ```
//!
//! What an encoder holds is the compressor's, which does not grow: its window and its tables. What
//! goes in beyond that comes out.

use std::io::{Error, ErrorKind, Result};

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::Coding;
use super::shrink::shrink;

/// How much room is made for output at a time.
const PIECE: usize = 8 << 10;

/// What a gzip stream begins with (RFC 1952 §2.3): the method is deflate, there are no flags, no
/// time, no name, and the system is nobody's business.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Where the format stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Stream,
    Over,
}

/// Applies one coding to one body.
pub(in crate::http) struct Encoder {
    coding: Coding,
    stage: Stage,
    compress: Compress,
    /// Of what went in; for gzip.
    crc: Crc,
}

impl Encoder {
    /// With this effort, from 1 to 9.
    pub fn new(coding: Coding, level: u32) -> Encoder {
        let zlib = coding == Coding::Deflate;
        let compress = Compress::new(Compression::new(level.clamp(1, 9)), zlib);
        Encoder { coding, stage: Stage::Fresh, compress, crc: Crc::new() }
    }

    /// Appends to `out` what comes of `data`, if anything does yet.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.put(data, out, FlushCompress::None)
    }

    /// The same, and all that is needed to read `data` and what went in before. It costs some
    /// bytes each time.
    pub fn write_through(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.put(data, out, FlushCompress::Sync)
    }

    /// Appends the end.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.put(&[], out, FlushCompress::Finish)?;
        self.stage = Stage::Over;
        if self.coding == Coding::Gzip {
            out.extend_from_slice(&self.crc.sum().to_le_bytes());
            out.extend_from_slice(&self.crc.amount().to_le_bytes());
        }
        Ok(())
    }

    fn put(&mut self, data: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> Result<()> {
        match self.stage {
            Stage::Fresh if self.coding == Coding::Gzip => out.extend_from_slice(&GZIP_HEAD),
            Stage::Fresh | Stage::Stream => {}
            Stage::Over => {
                return Err(Error::new(ErrorKind::InvalidInput, "the compressed body has ended"));
            }
        }
        self.stage = Stage::Stream;
        self.crc.update(data);
        shrink(&mut self.compress, data, out, flush, PIECE).map_err(Error::other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Decoder, Piece};
    use super::*;

    /// What `decoder` makes of all it was fed.
    fn read(decoder: &mut Decoder) -> Vec<u8> {
        let mut read = Vec::new();
        while let Piece::Data(data) = decoder.next().expect("it is in order") {
            read.extend(data);
        }
        read
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again_and_what_went_through_at_once(
            pieces in prop::collection::vec(
                (prop::collection::vec(0..4_u8, 0..3_000), any::<bool>()), 0..6),
            gzip: bool,
            level in 1..=9_u32,
        ) {
            let coding = if gzip { Coding::Gzip } else { Coding::Deflate };
            let (mut encoder, mut decoder) = (Encoder::new(coding, level), Decoder::new(coding));
            let (mut sent, mut came) = (Vec::new(), Vec::new());
            for (piece, through) in &pieces {
                let mut out = Vec::new();
                match through {
                    true => encoder.write_through(piece, &mut out).unwrap(),
                    false => encoder.write(piece, &mut out).unwrap(),
                }
                sent.extend_from_slice(piece);
                decoder.feed(&out);
                came.extend(read(&mut decoder));
                prop_assert!(!through || came == sent, "{} of {} came", came.len(), sent.len());
            }
            let mut out = Vec::new();
            encoder.finish(&mut out).unwrap();
            decoder.feed(&out);
            came.extend(read(&mut decoder));
            prop_assert!(came == sent);
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert!(encoder.write(b"x", &mut out).is_err(), "it is over");
        }
    }

    #[test]
    fn what_goes_in_without_end_comes_out_and_is_not_kept() {
        let mut encoder = Encoder::new(Coding::Gzip, 6);
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..1 << 17).map(|_| next()).collect();
        for _ in 0..3 {
            let mut out = Vec::new();
            encoder.write(&noise, &mut out).unwrap();
            assert!(!out.is_empty() && out.len() < 2 * noise.len());
        }
    }

    #[test]
    fn what_goes_through_is_all_there_at_once_however_long_it_gets() {
        let mut state = 1_u32;
        let mut noise = |len: usize| {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            (0..len).map(|_| next()).collect::<Vec<_>>()
        };
        for level in [1, 6, 9] {
            let mut encoder = Encoder::new(Coding::Gzip, level);
            let mut decoder = Decoder::new(Coding::Gzip);
            for len in (4_000..80_000).step_by(1_999) {
                let (piece, mut out) = (noise(len), Vec::new());
                encoder.write_through(&piece, &mut out).unwrap();
                decoder.feed(&out);
                assert!(read(&mut decoder) == piece, "level {level}, {len} bytes");
            }
        }
    }
}
