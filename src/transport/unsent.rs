//! The bytes that a transport was given and the kernel has not yet taken.

use std::collections::VecDeque;
use std::io::IoSlice;

/// Small writes are gathered into buffers of at most this many bytes; a larger write keeps a
/// buffer of its own, so that it is never moved again.
const GATHER: usize = 16 * 1024;

/// A queue of outgoing bytes. Appending and taking away cost amortised constant time a byte; empty,
/// it owns no heap memory, so an idle connection pays only for the struct.
#[derive(Default, Debug)]
pub struct Unsent {
    /// None of them is empty.
    buffers: VecDeque<Vec<u8>>,
    /// How much of the first buffer is sent already.
    sent: usize,
    /// Bytes that remain in all.
    len: usize,
}

impl Unsent {
    /// An empty queue.
    pub const fn new() -> Unsent {
        Unsent { buffers: VecDeque::new(), sent: 0, len: 0 }
    }

    /// Bytes in the queue.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a copy of `bytes`.
    pub fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        match self.buffers.back_mut() {
            Some(last) if last.len() + bytes.len() <= GATHER => last.extend_from_slice(bytes),
            _ => self.buffers.push_back(bytes.to_vec()),
        }
    }

    /// Appends what is left of `buffers`, in order, once their first `sent` bytes are skipped: the
    /// remainder of a vectored write.
    pub fn append_rest(&mut self, buffers: &[IoSlice<'_>], mut sent: usize) {
        for buffer in buffers {
            let skipped = sent.min(buffer.len());
            sent -= skipped;
            self.append(&buffer[skipped..]);
        }
    }

    /// The first contiguous bytes; empty only if the queue is.
    #[cfg(test)]
    pub fn as_slice(&self) -> &[u8] {
        self.buffers.front().map_or(&[], |first| &first[self.sent..])
    }

    /// Fills `slices` with the first buffers in order and says how many it filled, for one
    /// vectored send.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.sent;
        let mut filled = 0;
        for (slice, buffer) in slices.iter_mut().zip(&self.buffers) {
            *slice = IoSlice::new(&buffer[skip..]);
            skip = 0;
            filled += 1;
        }
        filled
    }

    /// How many pieces the bytes are in: with more than one, a vectored send saves calls.
    #[cfg(test)]
    pub fn pieces(&self) -> usize {
        self.buffers.len()
    }

    /// Takes away the first `count` bytes, which the kernel has taken: whole buffers are dropped,
    /// the partial one is trimmed. A count beyond the end empties the queue.
    pub fn advance(&mut self, count: usize) {
        if count >= self.len {
            return self.clear();
        }
        self.len -= count;
        self.sent += count;
        while let Some(first) = self.buffers.front().map(Vec::len).filter(|&len| len <= self.sent) {
            self.sent -= first;
            self.buffers.pop_front();
        }
    }

    /// Empties the queue and gives its memory back.
    pub fn clear(&mut self) {
        *self = Unsent::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything in the queue, through the vectored view.
    fn contents(unsent: &Unsent) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); unsent.pieces() + 1];
        let filled = unsent.io_slices(&mut slices);
        assert_eq!(filled, unsent.pieces());
        slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    impl Unsent {
        fn heap_bytes(&self) -> usize {
            let headers = self.buffers.capacity() * size_of::<Vec<u8>>();
            headers + self.buffers.iter().map(Vec::capacity).sum::<usize>()
        }
    }

    #[test]
    fn transp_16_an_empty_write_leaves_no_trace() {
        let mut unsent = Unsent::new();
        unsent.append(b"");
        unsent.append_rest(&[IoSlice::new(b"")], 0);
        assert!(unsent.is_empty());
        assert_eq!((unsent.pieces(), unsent.heap_bytes()), (0, 0));
    }

    #[test]
    fn transp_20_the_rest_of_a_vectored_write_is_kept_in_order() {
        let buffers = [b"abc", b"def", b"ghi"].map(|bytes| IoSlice::new(bytes));
        for sent in 0..=9 {
            let mut unsent = Unsent::new();
            unsent.append_rest(&buffers, sent);
            assert_eq!(contents(&unsent), b"abcdefghi"[sent..]);
        }
    }

    #[test]
    fn transp_21_whole_buffers_are_dropped_and_the_partial_one_is_trimmed() {
        let mut unsent = Unsent::new();
        unsent.append(&[b'a'; GATHER]);
        unsent.append(&[b'b'; GATHER]);
        assert_eq!(unsent.pieces(), 2);
        unsent.advance(GATHER + 1);
        assert_eq!(unsent.pieces(), 1);
        assert_eq!(unsent.as_slice(), [b'b'; GATHER - 1]);
    }

    #[test]
    fn small_writes_are_gathered_into_one_piece() {
        let mut unsent = Unsent::new();
        (0..100).for_each(|_| unsent.append(b"x"));
        assert_eq!((unsent.len(), unsent.pieces()), (100, 1));
    }

    #[test]
    fn an_emptied_queue_owns_no_heap_memory() {
        let mut unsent = Unsent::new();
        unsent.append(&[0; 3 * GATHER]);
        unsent.append(b"tail");
        assert!(unsent.heap_bytes() >= 3 * GATHER);
        unsent.advance(usize::MAX);
        assert_eq!((unsent.len(), unsent.heap_bytes()), (0, 0));
    }

    proptest! {
        #[test]
        fn it_is_the_bytes_appended_less_the_bytes_taken(
            steps in prop::collection::vec((0usize..40_000, 0usize..40_000), 0..20),
        ) {
            let (mut unsent, mut model) = (Unsent::new(), Vec::new());
            for (byte, (added, taken)) in (0u8..).zip(steps) {
                unsent.append(&vec![byte; added]);
                model.resize(model.len() + added, byte);
                let taken = taken.min(model.len());
                unsent.advance(taken);
                model.drain(..taken);
                prop_assert_eq!(unsent.len(), model.len());
                prop_assert_eq!(unsent.as_slice().is_empty(), model.is_empty());
                prop_assert!(model.starts_with(unsent.as_slice()));
                prop_assert_eq!(contents(&unsent), &model[..]);
                prop_assert!(!model.is_empty() || unsent.heap_bytes() == 0);
            }
        }
    }
}
