//! Decisions out of bytes, so that a fuzzer and proptest may make them alike.

/// Bytes that are decisions; when there are no more, every decision is the first.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Decisions out of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes)
    }

    /// A number below `bound`, which is at most 256.
    pub fn below(&mut self, bound: usize) -> usize {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                usize::from(*first) % bound
            }
            [] => 0,
        }
    }

    /// One of `these`.
    pub fn one<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    /// Yes once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// At most `most` bytes that `allowed` lets through.
    pub fn bytes(&mut self, most: usize, allowed: impl Fn(u8) -> bool) -> Vec<u8> {
        let count = self.below(most + 1);
        (0..count).map(|_| self.below(256) as u8).filter(|it| allowed(*it)).collect()
    }

    /// Whether no decision is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
