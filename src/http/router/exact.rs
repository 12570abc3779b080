//! Paths that are their pattern, letter for letter.
//!
//! It answers nothing that a walk down the tree would not: there literals come first at every node,
//! so a route of literals alone wins over all others that match its path, if it has the method.

use http::Method;

use super::pattern::Segment;
use super::resolve::FEW;
use crate::http::url::decode;

/// The routes of one usual method and literals alone, by their path, sorted. (A route of another
/// method is found by the walk.)
#[derive(Debug, Default)]
pub(super) struct Exact(Vec<Known>);

#[derive(Debug)]
struct Known {
    path: Box<[u8]>,
    verb: u8,
    entry: usize,
}

/// A usual method's number, which is compared more quickly than the method.
#[inline]
fn verb(method: &Method) -> Option<u8> {
    Some(match *method {
        Method::GET => 0,
        Method::POST => 1,
        Method::PUT => 2,
        Method::DELETE => 3,
        Method::PATCH => 4,
        Method::HEAD => 5,
        Method::OPTIONS => 6,
        _ => return None,
    })
}

impl Exact {
    /// Whether a path that matches these segments may be written exactly as they are, and none that
    /// is written so matches others.
    pub fn takes(segments: &[Segment<'_>]) -> bool {
        segments.iter().all(|it| matches!(it, Segment::Literal(text) if !text.contains(['%', '/'])))
    }

    /// Adds the route `entry`, of a pattern of such segments.
    pub fn add(&mut self, pattern: &str, method: &Method, entry: usize) {
        let Some(verb) = verb(method) else { return };
        let path: Box<[u8]> = decode(pattern).into_owned().into_bytes().into();
        let place = self.0.partition_point(|known| known.path < path);
        self.0.insert(place, Known { path, verb, entry });
    }

    /// The route of this path, which is percent-encoded still.
    #[inline(always)]
    pub fn find(&self, method: &Method, path: &[u8]) -> Option<usize> {
        let verb = verb(method)?;
        // A plain loop is quicker than a search made for many.
        let some = if self.0.len() <= FEW { &self.0[..] } else { self.of_path(path) };
        let found = some.iter().find(|known| known.verb == verb && *known.path == *path);
        found.map(|known| known.entry)
    }

    #[inline(never)]
    fn of_path(&self, path: &[u8]) -> &[Known] {
        let from = self.0.partition_point(|known| *known.path < *path);
        let count = self.0[from..].iter().take_while(|known| *known.path == *path).count();
        &self.0[from..from + count]
    }
}
