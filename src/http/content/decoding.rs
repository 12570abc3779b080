//! A body that is decompressed between the connection and its readers.
//!
//! Nothing is decompressed before somebody reads, and then a piece at a time; what was received and
//! not decompressed yet counts as unread, and so holds the client back.

use std::task::{Poll, ready};

use super::incoming::{Chunk, Incoming};
use crate::http::coding::{Coding, Decoder, Piece};
use crate::http::request::BodyError;

/// What is undone of a body.
pub(super) struct Decoding {
    decoder: Decoder,
    /// What has come out for whoever wants all of it.
    whole: Vec<u8>,
    /// Why nothing more comes out.
    fault: Option<BodyError>,
}

impl Incoming {
    /// Has the rest of it decompressed on its way to whoever reads it; a second time changes
    /// nothing.
    pub(in crate::http) fn decode(&self, coding: Coding) {
        let new = || {
            let decoder = Decoder::new(coding);
            Box::new(Decoding { decoder, whole: Vec::new(), fault: None })
        };
        self.decoding.borrow_mut().get_or_insert_with(new);
    }
}

impl Decoding {
    /// A piece of what comes out of what `receive` gives.
    pub fn poll_chunk(&mut self, receive: impl FnMut() -> Poll<Chunk>) -> Poll<Chunk> {
        match self.whole.is_empty() {
            true => self.poll_piece(receive),
            // Somebody wanted all of it, and gave up.
            false => Poll::Ready(Ok(Some(self.take()))),
        }
    }

    /// Whether all of it is there, which is at most `limit` bytes.
    pub fn poll_whole(
        &mut self,
        limit: u64,
        mut receive: impl FnMut() -> Poll<Chunk>,
    ) -> Poll<Result<(), BodyError>> {
        while self.whole.len() as u64 <= limit {
            match ready!(self.poll_piece(&mut receive))? {
                Some(piece) => self.whole.extend(piece),
                None => return Poll::Ready(Ok(())),
            }
        }
        Poll::Ready(Err(BodyError::TooLarge { limit }))
    }

    /// All that came out for whoever wants all of it.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.whole)
    }

    /// Whether nothing more will come out of what was received.
    pub fn is_drained(&self) -> bool {
        self.whole.is_empty() && (self.decoder.is_drained() || self.fault.is_some())
    }

    fn poll_piece(&mut self, mut receive: impl FnMut() -> Poll<Chunk>) -> Poll<Chunk> {
        loop {
            if let Some(fault) = &self.fault {
                return Poll::Ready(Err(fault.clone()));
            }
            match self.decoder.next() {
                Ok(Piece::Data(data)) => return Poll::Ready(Ok(Some(data))),
                Ok(Piece::NeedData) => {}
                Err(what) => {
                    self.fault = Some(BodyError::Broken(what.into()));
                    continue;
                }
            }
            match ready!(receive())? {
                Some(bytes) => self.decoder.feed(&bytes),
                None => match self.decoder.finish() {
                    Ok(()) => return Poll::Ready(Ok(None)),
                    Err(what) => self.fault = Some(BodyError::Broken(what.into())),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::coding::Encoder;

    fn decoding() -> Decoding {
        Decoding { decoder: Decoder::new(Coding::Gzip), whole: Vec::new(), fault: None }
    }

    /// A connection that has every second time nothing yet.
    fn slowly(gzip: &[u8], piece: usize) -> impl FnMut() -> Poll<Chunk> {
        let mut pieces: Vec<_> = gzip.chunks(piece).map(<[u8]>::to_vec).collect();
        pieces.reverse();
        let mut late = false;
        move || {
            late = !late;
            if late { Poll::Pending } else { Poll::Ready(Ok(pieces.pop())) }
        }
    }

    proptest! {
        #[test]
        fn whoever_reads_gets_every_byte_once_by_pieces_or_whole_or_first_one_and_then_the_other(
            data in prop::collection::vec(any::<u8>(), 0..1_500),
            piece in 1..200_usize,
            turns in prop::collection::vec(any::<bool>(), 1..8),
        ) {
            let (mut encoder, mut gzip) = (Encoder::new(Coding::Gzip, 6), Vec::new());
            encoder.write(&data, &mut gzip).unwrap();
            encoder.finish(&mut gzip).unwrap();
            let (mut decoding, mut receive) = (decoding(), slowly(&gzip, piece));
            let (mut came, mut over) = (Vec::new(), false);
            // A read that is pending and asked in another way next is one that was dropped.
            for by_pieces in turns.iter().cycle() {
                match by_pieces {
                    true => match decoding.poll_chunk(&mut receive) {
                        Poll::Ready(Ok(Some(chunk))) => came.extend(chunk),
                        Poll::Ready(end) => over = end == Ok(None),
                        Poll::Pending => {}
                    },
                    false => {
                        if let Poll::Ready(whole) = decoding.poll_whole(10_000, &mut receive) {
                            over = whole.is_ok();
                            came.extend(decoding.take());
                        }
                    }
                }
                if over {
                    break;
                }
            }
            prop_assert!(came == data && decoding.is_drained());
        }
    }

    #[test]
    fn what_is_wrong_is_told_again_whenever_somebody_asks() {
        let mut decoding = decoding();
        let mut receive = || Poll::Ready(Ok(Some(b"no gzip".to_vec())));
        let first = decoding.poll_chunk(&mut receive);
        assert!(matches!(&first, Poll::Ready(Err(BodyError::Broken(_)))), "{first:?}");
        assert_eq!(decoding.poll_chunk(|| panic!("it asks for no more")), first);
        assert!(decoding.is_drained());
    }
}
