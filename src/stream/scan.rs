//! Looking for separators in bytes that arrive piecemeal, without looking at any byte twice.
//!
//! The search asks of each *end position* in turn whether a separator ends there. A position that
//! was answered "no" stays so whatever arrives later, so a search that ran out of bytes resumes
//! where it stopped, and the separator that ends earliest is simply the first one found.

use std::io::{self, BufRead};

/// How far the search goes with one separator before it turns to the next. Without such turns, a
/// separator that never comes would be searched for through the whole buffer at every line.
const STRIDE: usize = 512;

/// A search for the first of several separators, which can be interrupted.
#[derive(Clone, Debug)]
pub struct Scan<'s> {
    separators: Separators<'s>,
    longest: usize,
    /// No separator ends at or before this position.
    scanned: usize,
}

#[derive(Clone, Debug)]
enum Separators<'s> {
    One(&'s [u8]),
    Many(&'s [&'s [u8]]),
}

impl<'s> Separators<'s> {
    fn as_slice(&self) -> &[&'s [u8]] {
        match self {
            Separators::One(separator) => std::slice::from_ref(separator),
            Separators::Many(separators) => separators,
        }
    }
}

/// Where a separator stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// Its first byte, and so the number of bytes before it.
    pub start: usize,
    /// The position after its last byte.
    pub end: usize,
}

impl<'s> Scan<'s> {
    /// A search for the one of `separators` that ends first; of two that end together, the one
    /// that is named first.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no separator, or one is empty.
    pub fn new(separators: &'s [&'s [u8]]) -> io::Result<Scan<'s>> {
        Scan::over(Separators::Many(separators))
    }

    /// A search for `separator`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is empty.
    pub fn one(separator: &'s [u8]) -> io::Result<Scan<'s>> {
        Scan::over(Separators::One(separator))
    }

    fn over(separators: Separators<'s>) -> io::Result<Scan<'s>> {
        let all = separators.as_slice();
        let invalid = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if all.is_empty() {
            return invalid("no separator given: name at least one");
        }
        if all.iter().any(|separator| separator.is_empty()) {
            return invalid("a separator is empty: it must be at least one byte long");
        }
        let longest = all.iter().map(|separator| separator.len()).max().unwrap_or(0);
        Ok(Scan { separators, longest, scanned: 0 })
    }

    /// The search for the end of a line.
    pub const fn line() -> Scan<'static> {
        Scan { separators: Separators::One(b"\n"), longest: 1, scanned: 0 }
    }

    /// Goes on through `bytes`, which begin where they began the last time and may have grown.
    pub fn advance(&mut self, bytes: &[u8]) -> Option<Match> {
        while self.scanned < bytes.len() {
            let stop = bytes.len().min(self.scanned.saturating_add(STRIDE));
            let ends = |separator: &&[u8]| first_end(bytes, separator, self.scanned, stop);
            let found =
                self.separators.as_slice().iter().filter_map(ends).min_by_key(|found| found.end);
            if found.is_some() {
                return found;
            }
            self.scanned = stop;
        }
        None
    }

    /// After a search in vain: how many of `len` bytes cannot be the beginning of a separator.
    pub const fn ruled_out(&self, len: usize) -> usize {
        (len + 1).saturating_sub(self.longest)
    }

    /// Makes the search begin anew, for bytes that begin elsewhere.
    pub fn restart(&mut self) {
        self.scanned = 0;
    }
}

/// The first place in `bytes` where `separator` ends after `from` and not after `stop`.
fn first_end(bytes: &[u8], separator: &[u8], from: usize, stop: usize) -> Option<Match> {
    let (&last, _) = separator.split_last()?;
    let mut from = from;
    while let Some(offset) = find_byte(&bytes[from..stop], last) {
        let end = from + offset + 1;
        if bytes[..end].ends_with(separator) {
            return Some(Match { start: end - separator.len(), end });
        }
        from = end;
    }
    None
}

/// The first place of `byte` in `bytes`; `skip_until` is std's only public memchr for bytes.
fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut rest = bytes;
    let skipped = rest.skip_until(byte).ok()?.checked_sub(1)?;
    (bytes[skipped] == byte).then_some(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(bytes: &[u8], separators: &[&[u8]]) -> Option<Match> {
        Scan::new(separators).unwrap().advance(bytes)
    }

    #[test]
    fn a_byte_is_found_first_last_and_not_at_all() {
        assert_eq!(find_byte(b"abc", b'a'), Some(0));
        assert_eq!(find_byte(b"abc", b'c'), Some(2));
        assert_eq!(find_byte(b"abc", b'd'), None);
        assert_eq!(find_byte(b"", b'd'), None);
    }

    #[test]
    fn stream_10_the_match_that_ends_earliest_wins_whichever_begins_first() {
        assert_eq!(find(b"xABCD", &[b"ABCD", b"C"]), Some(Match { start: 3, end: 4 }));
        assert_eq!(find(b"xABCD", &[b"C", b"ABCD"]), Some(Match { start: 3, end: 4 }));
    }

    #[test]
    fn stream_10_of_two_that_end_together_the_first_named_wins() {
        assert_eq!(find(b"xAB", &[b"B", b"AB"]), Some(Match { start: 2, end: 3 }));
        assert_eq!(find(b"xAB", &[b"AB", b"B"]), Some(Match { start: 1, end: 3 }));
    }

    #[test]
    fn an_absent_separator_is_refused_with_the_reason() {
        let error = Scan::new(&[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(Scan::new(&[b"a", b""]).unwrap_err().to_string().contains("at least one byte"));
    }

    /// The first end position at which a separator ends, by looking at all of them.
    fn naive(bytes: &[u8], separators: &[&[u8]]) -> Option<Match> {
        (1..=bytes.len()).find_map(|end| {
            let ends_here = |s: &&&[u8]| bytes[..end].ends_with(s);
            let separator = separators.iter().find(ends_here)?;
            Some(Match { start: end - separator.len(), end })
        })
    }

    proptest! {
        #[test]
        fn a_search_with_interruptions_finds_what_a_search_of_the_whole_finds(
            bytes in prop::collection::vec(0u8..3, 0..2000),
            separators in prop::collection::vec(prop::collection::vec(0u8..3, 1..12), 1..4),
            steps in prop::collection::vec(0usize..900, 0..6),
        ) {
            let separators: Vec<&[u8]> = separators.iter().map(Vec::as_slice).collect();
            let mut scan = Scan::new(&separators).unwrap();
            let (mut len, mut found) = (0, None);
            for step in steps.into_iter().chain([bytes.len()]) {
                len = bytes.len().min(len + step);
                found = found.or_else(|| scan.advance(&bytes[..len]));
            }
            prop_assert_eq!(found, naive(&bytes, &separators));
        }
    }
}
