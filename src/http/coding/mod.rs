//! Content codings (RFC 9110 §8.4.1): asked for, applied, undone.
//!
//! ```text
//! · accept.rs   what a client would have     encoder.rs   plain bytes in, compressed ones out
//!                                            decoder.rs   the reverse, on guard against bombs
//!                                            shrink.rs    compressing until all has come out
//! ```
//!
//! The two machines know neither connections nor responses. `deflate` is zlib's format (RFC 1950),
//! as the standard has it, and `gzip` that of RFC 1952; what stands around the compressed stream in
//! the latter is read and written here, since `flate2` does it only for whoever has all bytes at
//! once.

pub(super) mod accept;
#[cfg(feature = "compression")]
mod decoder;
#[cfg(feature = "compression")]
mod encoder;
#[cfg(feature = "compression")]
pub(super) mod shrink;

#[cfg(feature = "compression")]
pub(crate) use decoder::{Decoder, Piece};
#[cfg(feature = "compression")]
pub(super) use encoder::Encoder;

/// A coding that can be applied and undone.
#[cfg(feature = "compression")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
}

#[cfg(feature = "compression")]
impl Coding {
    /// The coding that a `Content-Encoding` field names, if it is one alone, and known.
    pub(crate) fn named(name: &[u8]) -> Option<Coding> {
        match &name.trim_ascii().to_ascii_lowercase()[..] {
            b"gzip" | b"x-gzip" => Some(Coding::Gzip),
            b"deflate" => Some(Coding::Deflate),
            _ => None,
        }
    }

    /// The one that this client wants most. Where it does not care, gzip: of `deflate` some clients
    /// have always thought something else (RFC 9110 §8.4.1.2).
    pub(super) fn wanted(accepted: accept::Accepted) -> Option<Coding> {
        accepted.best([Coding::Gzip, Coding::Deflate])
    }

    /// As `Content-Encoding` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }
}

#[cfg(feature = "compression")]
impl From<Coding> for accept::Offer {
    fn from(coding: Coding) -> accept::Offer {
        match coding {
            Coding::Gzip => accept::Offer::Gzip,
            Coding::Deflate => accept::Offer::Deflate,
        }
    }
}
