//! Where a body ends, and taking its bytes out of the stream.

use super::chunked;
use super::error::Error;
use crate::http::Limits;

/// How a message's body is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in bytes; 0 is no body.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
    /// By the end of the connection; responses only.
    UntilClose,
}

/// Takes one body out of a stream of bytes, in slices of that stream: nothing is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(u8)] // a tag of its own: read with one load, on every event
pub enum Decoder {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks are still to come.
    Chunked(chunked::Decoder),
    /// Everything is body until the connection ends.
    UntilClose,
}

/// What [`Decoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the body, never none.
    Data(&'a [u8]),
    /// The body is over; what follows in the input is not part of it.
    End,
    /// The input holds no more of the body, and there is more to come.
    NeedData,
}

impl Decoder {
    /// A decoder of a request's body that is framed so.
    pub fn new(framing: Framing) -> Decoder {
        match framing {
            Framing::Length(length) => Decoder::Length(length),
            Framing::Chunked => Decoder::Chunked(chunked::Decoder::new()),
            Framing::UntilClose => Decoder::UntilClose,
        }
    }

    /// A decoder of a response's body that is framed so; the difference is in
    /// [`chunked`](super::chunked).
    pub fn of_response(framing: Framing) -> Decoder {
        match framing {
            Framing::Chunked => Decoder::Chunked(chunked::Decoder::of_response()),
            other => Decoder::new(other),
        }
    }

    /// Takes the next piece from the front of `input`, and says how many bytes it used up.
    ///
    /// # Errors
    /// The peer's chunks are malformed or beyond `limits`. The decoder is of no use then.
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<(usize, Piece<'a>), Error> {
        match self {
            Decoder::Length(0) => Ok((0, Piece::End)),
            Decoder::Chunked(chunks) => chunks.decode(input, limits),
            _ if input.is_empty() => Ok((0, Piece::NeedData)),
            Decoder::Length(left) => {
                let now = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= now as u64;
                Ok((now, Piece::Data(&input[..now])))
            }
            Decoder::UntilClose => Ok((input.len(), Piece::Data(input))),
        }
    }

    /// Whether the body is complete if the peer sends nothing more (RFC 9112 §8).
    ///
    /// # Errors
    /// The peer went away in the middle of it.
    pub fn end_of_input(&self) -> Result<(), Error> {
        match self {
            Decoder::UntilClose | Decoder::Length(0) => Ok(()),
            Decoder::Chunked(chunks) if chunks.is_done() => Ok(()),
            Decoder::Length(left) => Err(Error::bad(format!(
                "the connection ended {left} bytes before the end of the body that Content-Length \
                 announced"
            ))),
            Decoder::Chunked(_) => {
                Err(Error::bad("the connection ended before the last chunk of the body"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_known_length_leaves_what_follows_it_alone() {
        let mut decoder = Decoder::new(Framing::Length(3));
        let limits = Limits::default();
        assert_eq!(decoder.decode(b"abcGET", &limits).unwrap(), (3, Piece::Data(b"abc")));
        assert_eq!(decoder.decode(b"GET", &limits).unwrap(), (0, Piece::End));
    }

    #[test]
    fn a_body_cut_short_is_an_error_that_says_by_how_much() {
        let mut decoder = Decoder::new(Framing::Length(5));
        decoder.decode(b"ab", &Limits::default()).unwrap();
        let error = decoder.end_of_input().unwrap_err();
        assert!(error.what().contains("3 bytes before"), "{error}");
    }

    #[test]
    fn a_body_until_close_is_whole_whenever_the_connection_ends() {
        let mut decoder = Decoder::new(Framing::UntilClose);
        assert_eq!(decoder.decode(b"x", &Limits::default()).unwrap(), (1, Piece::Data(b"x")));
        assert_eq!(decoder.end_of_input(), Ok(()));
    }
}
