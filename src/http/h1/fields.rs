//! Header fields as they came: the head's bytes and where each field lies in them.
//!
//! A handler that never looks at a header should not pay for a hash map of them, so a head is kept
//! as one run of bytes with a list of positions, and the [`HeaderMap`] is made when first asked
//! for. The storage comes from [`Shared`] and returns there when the head is dropped, so that in a
//! steady state a request allocates nothing.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::Limits;

/// A stretch of the head's bytes.
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
#[derive(Default)]
pub struct Fields {
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
        self.spans.iter().map(|(name, value)| (self.text(*name), value.slice(&self.bytes)))
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

    /// What the head's parser found to be ASCII.
    pub(crate) fn text(&self, span: Span) -> &str {
        std::str::from_utf8(span.slice(&self.bytes)).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.map.take();
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_map().entries(readable).finish()
    }
}

/// What all connections of one server, or of one client session, have in common: the limits, and
/// the storage of heads that are gone. Cloning it is cheap and shares it.
#[derive(Clone, Default)]
pub struct Shared(Rc<SharedInner>);

#[derive(Default)]
struct SharedInner {
    limits: Limits,
    #[expect(clippy::vec_box, reason = "a box moves in and out as one pointer")]
    spare: RefCell<Vec<Box<Fields>>>,
}

/// Heads kept for reuse: as many as are usually under way at once.
const SPARE_HEADS: usize = 64;
/// A head that grew beyond this is not kept.
const SPARE_BYTES: usize = 16 << 10;

impl Shared {
    /// With these limits and nothing stored yet.
    pub fn new(limits: Limits) -> Shared {
        Shared(Rc::new(SharedInner { limits, spare: RefCell::default() }))
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Empty storage for a head, used before if possible.
    pub(crate) fn room(&self) -> Kept {
        let used = self.0.spare.borrow_mut().pop();
        Kept { fields: Some(used.unwrap_or_default()), home: self.clone() }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", self.limits()).finish_non_exhaustive()
    }
}

/// [`Fields`] that go home when dropped.
pub(crate) struct Kept {
    /// `None` only while it is being dropped.
    fields: Option<Box<Fields>>,
    home: Shared,
}

impl Kept {
    pub fn fields_mut(&mut self) -> &mut Fields {
        self.fields.get_or_insert_default()
    }
}

impl Deref for Kept {
    type Target = Fields;
    fn deref(&self) -> &Fields {
        self.fields.as_ref().expect("storage is there until drop")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(mut fields) = self.fields.take() else { return };
        let mut spare = self.home.0.spare.borrow_mut();
        if spare.len() < SPARE_HEADS && fields.bytes.capacity() <= SPARE_BYTES {
            fields.clear();
            spare.push(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_heads_storage_serves_the_next() {
        let shared = Shared::default();
        let mut first = shared.room();
        first.fields_mut().bytes.extend_from_slice(b"GET / HTTP/1.1");
        let address = first.bytes.as_ptr();
        drop(first);
        let second = shared.room();
        assert_eq!((second.bytes.as_ptr(), second.bytes.len()), (address, 0));
    }

    #[test]
    fn storage_that_grew_large_is_not_kept() {
        let shared = Shared::default();
        let mut room = shared.room();
        room.fields_mut().bytes.reserve(SPARE_BYTES + 1);
        drop(room);
        assert_eq!(shared.0.spare.borrow().len(), 0);
    }
}
