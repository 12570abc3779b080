//! Header fields as they came: their bytes and where each of them lies in these.
//!
//! A handler that never looks at a header should not pay for a hash map of them, so they are kept
//! as one run of bytes with a list of positions, and the [`HeaderMap`] is made when first asked
//! for.

use std::cell::OnceCell;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A stretch of a head's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Where `part` lies within `whole`, of which it must be a slice.
    pub fn of(part: &[u8], whole: &[u8]) -> Span {
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        debug_assert!(start + part.len() <= whole.len());
        Span { start: start as u32, end: (start + part.len()) as u32 }
    }

    pub fn slice(self, whole: &[u8]) -> &[u8] {
        &whole[self.start as usize..self.end as usize]
    }
}

/// The header fields of one message, in the order they came, names in any letter case.
#[derive(Clone, Default)]
pub struct Fields {
    /// Their lines, and the empty one after them.
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: Vec<(Span, Span)>,
    map: OnceCell<HeaderMap>,
}

impl Fields {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Every field, as received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let slice = |span: Span| span.slice(&self.bytes);
        self.spans.iter().map(move |(name, value)| (text(slice(*name)), slice(*value)))
    }

    /// The value of the first field of this name.
    ///
    /// For one or two fields of a request this is cheaper than [`map`](Fields::map).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The fields as a map, made at the first call and kept.
    pub fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let mut map = HeaderMap::with_capacity(self.len());
            for (name, value) in self.iter() {
                let name = HeaderName::from_bytes(name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                    map.append(name, value);
                }
            }
            map
        })
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn positions(&self) -> &[(Span, Span)] {
        &self.spans
    }

    /// RFC 9112 §5.2: a client replaces each fold of a value by blanks before it looks at the value.
    pub(crate) fn unfold(&mut self) {
        for (_, value) in &mut self.spans {
            let bytes = &mut self.bytes[value.start as usize..value.end as usize];
            if !bytes.contains(&b'\n') {
                continue;
            }
            for byte in bytes.iter_mut().filter(|it| matches!(it, b'\r' | b'\n' | b'\t')) {
                *byte = b' ';
            }
            let (all, left) = (bytes.len(), bytes.trim_ascii_start().len());
            value.start += (all - left) as u32;
            value.end = value.start + bytes.trim_ascii().len() as u32;
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.map.take();
    }
}

/// What the head's parser found to be ASCII. (Whoever does not look at it does not pay for it.)
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_map().entries(readable).finish()
    }
}
