//! What the connections of one server share: the limits, and the storage of heads.
//!
//! A head lives in a box with vectors inside. The box comes from here and returns here when the
//! head is dropped, so that in a steady state a request allocates nothing; and while it is under
//! way, what moves from hand to hand is one pointer.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use http::{Method, StatusCode};

use super::fields::{Fields, Span};
use super::meaning::Meaning;
use crate::http::Limits;

/// All that is known of one head; a request's and a response's are stored alike.
#[derive(Clone)]
pub(crate) struct Parts {
    pub fields: Fields,
    pub meaning: Meaning,
    /// If `fields` and `meaning` are those of a request of HTTP/1.x that was found good here, the
    /// x: then they are the same for another whose fields are the same bytes. See
    /// [`plain`](super::plain).
    pub known: Option<u8>,
    /// A request's.
    pub method: Cow<'static, Method>,
    /// A response's.
    pub status: StatusCode,
    /// A request's target, or a response's reason phrase.
    pub text: Vec<u8>,
    /// Where the target's path is.
    pub path: Span,
    /// Where the target's query is, without its question mark.
    pub query: Span,
    pub luggage: Luggage,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            fields: Fields::default(),
            meaning: Meaning::default(),
            known: None,
            method: Cow::Owned(Method::GET),
            status: StatusCode::OK,
            text: Vec::new(),
            path: Span::default(),
            query: Span::default(),
            luggage: Luggage::default(),
        }
    }
}

impl Parts {
    #[cold]
    fn boxed() -> Box<Parts> {
        Box::default()
    }

    /// Forgets the last head's text and fields, which are the only parts that grow.
    pub fn clear(&mut self) {
        self.known = None;
        self.text.clear();
        self.fields.clear();
    }
}

/// What whoever is given the head keeps beside it, left there for whoever is given the next: what
/// it is, and that nothing of the last one is in it, is theirs to see to. It is not cloned.
#[derive(Default)]
pub(crate) struct Luggage(pub Option<Box<dyn Any>>);

impl Clone for Luggage {
    fn clone(&self) -> Luggage {
        Luggage::default()
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
    spare: RefCell<Vec<Box<Parts>>>,
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

    /// Storage for a head, as the last one that had it has left it.
    #[inline(always)]
    pub(crate) fn room(&self) -> Kept {
        let used = self.0.spare.borrow_mut().pop();
        let parts = used.unwrap_or_else(Parts::boxed);
        Kept { parts: Some(parts), home: self.clone() }
    }

    /// The same with nothing in it that grows.
    pub(crate) fn empty_room(&self) -> Kept {
        let mut room = self.room();
        room.clear();
        room
    }
}

impl SharedInner {
    fn keep(&self, parts: Box<Parts>) {
        let mut spare = self.spare.borrow_mut();
        let bytes = parts.fields.bytes.capacity() + parts.text.capacity();
        if spare.len() < SPARE_HEADS && bytes <= SPARE_BYTES {
            spare.push(parts);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", self.limits()).finish_non_exhaustive()
    }
}

/// [`Parts`] that go home when dropped.
pub(crate) struct Kept {
    /// `None` only while it is being dropped.
    parts: Option<Box<Parts>>,
    home: Shared,
}

impl Kept {
    /// The limits of those that share it.
    pub fn limits(&self) -> &Limits {
        self.home.limits()
    }
}

impl Clone for Kept {
    fn clone(&self) -> Kept {
        let mut room = self.home.room();
        *room = Parts::clone(self);
        room
    }
}

impl Deref for Kept {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        self.parts.as_ref().expect("storage is there until drop")
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Parts {
        self.parts.as_mut().expect("storage is there until drop")
    }
}

impl Drop for Kept {
    #[inline]
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            self.home.0.keep(parts);
        }
    }
}

impl Kept {
    /// Drops it, with `luggage` for the next head.
    #[inline(always)]
    pub(crate) fn leave(&mut self, luggage: Box<dyn Any>) {
        if let Some(mut parts) = self.parts.take() {
            parts.luggage.0 = Some(luggage);
            self.home.0.keep(parts);
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
        first.fields.bytes.extend_from_slice(b"host: h\r\n\r\n");
        let address = first.fields.bytes.as_ptr();
        drop(first);
        let second = shared.empty_room();
        assert_eq!((second.fields.bytes.as_ptr(), second.fields.bytes.len()), (address, 0));
    }

    #[test]
    fn storage_that_grew_large_is_not_kept() {
        let shared = Shared::default();
        let mut room = shared.room();
        room.fields.bytes.reserve(SPARE_BYTES + 1);
        drop(room);
        assert_eq!(shared.0.spare.borrow().len(), 0);
    }
}
