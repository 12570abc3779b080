//! Paths that are their pattern, letter for letter.
//!
//! It answers nothing that a walk down the tree would not: there literals come first at every node,
//! so a route of literals alone wins over all others that match its path, if it has the method.

use http::Method;

use super::pattern::Segment;
use super::resolve::FEW;
use crate::http::url::decode;

/// The routes of one method and literals alone, by their path, sorted.
#[derive(Debug, Default)]
pub(super) struct Exact(Vec<(Box<[u8]>, Method, usize)>);

impl Exact {
    /// Whether a path that matches these segments may be written exactly as they are, and none that
    /// is written so matches others.
    pub fn takes(segments: &[Segment<'_>]) -> bool {
        segments.iter().all(|it| matches!(it, Segment::Literal(text) if !text.contains(['%', '/'])))
    }

    /// Adds the route `entry`, of a pattern of such segments.
    pub fn add(&mut self, pattern: &str, method: Method, entry: usize) {
        let path = decode(pattern).into_owned().into_bytes();
        let place = self.0.partition_point(|(have, ..)| **have < path[..]);
        self.0.insert(place, (path.into(), method, entry));
    }

    /// The route of this path, which is percent-encoded still.
    #[inline]
    pub fn find(&self, method: &Method, path: &[u8]) -> Option<usize> {
        let is_it = |(have, its, _): &&(Box<[u8]>, Method, usize)| **have == *path && its == method;
        let found = if self.0.len() <= FEW {
            // A plain loop is quicker than a search made for many.
            self.0.iter().find(is_it)
        } else {
            let from = self.0.partition_point(|(have, ..)| **have < *path);
            self.0[from..].iter().take_while(|(have, ..)| **have == *path).find(is_it)
        };
        found.map(|(.., entry)| *entry)
    }
}
