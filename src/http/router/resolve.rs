//! The search for a path's route.

use http::Method;

use super::match_info::MatchInfo;
use super::{Entry, Node, Resource, Router};
use crate::http::url::decode;

/// What [`Router::resolve`] found.
#[derive(Debug)]
pub enum Resolved<'a, H> {
    /// A handler, and what the variables of its pattern stand for.
    Found {
        /// The handler.
        handler: &'a H,
        /// The variables.
        match_info: MatchInfo,
    },
    /// What is mounted at a prefix of the path: it has the final say, whatever the method.
    Mounted {
        /// What was [mounted](Router::mount).
        handler: &'a H,
        /// Where the path goes on after the prefix, in bytes: there is a slash or its end.
        at: usize,
    },
    /// The path is known but not with this method: 405.
    MethodNotAllowed {
        /// The value of `Allow`: the methods that are known, sorted.
        allow: String,
    },
    /// The path is not known: 404.
    NotFound,
}

/// Where a search ended.
enum End {
    Route(usize),
    /// A mounted handler, and how many bytes of the path are after its prefix.
    Mount(usize, usize),
}

impl<H> Router<H> {
    /// Finds the handler for `method` and `path`, which is percent-encoded still and has no query.
    pub fn resolve(&self, method: &Method, path: &str) -> Resolved<'_, H> {
        let Some(exact) = self.find_exact(method, path.as_bytes()) else {
            return self.walk(method, path);
        };
        let mut match_info = MatchInfo::default();
        let handler = self.take_exact(exact, &mut match_info);
        Resolved::Found { handler, match_info }
    }

    /// A route without variables, for a path that is written as its pattern is. What it does not
    /// find may still [resolve](Router::resolve).
    #[inline(always)]
    pub(in crate::http) fn find_exact(&self, method: &Method, path: &[u8]) -> Option<usize> {
        self.exact.find(method, path)
    }

    /// The handler of the route that [`find_exact`](Router::find_exact) found, which is noted in a
    /// `match_info` of no match.
    #[inline(always)]
    pub(in crate::http) fn take_exact(&self, route: usize, match_info: &mut MatchInfo) -> &H {
        let Entry { pattern, handler } = &self.entries[route];
        match_info.pattern = Some(pattern.clone());
        handler
    }

    pub(super) fn walk(&self, method: &Method, path: &str) -> Resolved<'_, H> {
        let mut walk = Walk { nodes: &self.nodes, method, values: Vec::new(), allowed: Vec::new() };
        let found = match path.strip_prefix('/') {
            Some(rest) => walk.node(0, Some(rest)),
            // Below a prefix, the prefix itself.
            None if path.is_empty() => walk.node(0, None),
            // OPTIONS * names no path; CONNECT no resource.
            None => None,
        };
        match found {
            Some(End::Route(entry)) => {
                let Entry { pattern, handler } = &self.entries[entry];
                let pattern = Some(pattern.clone());
                Resolved::Found { handler, match_info: MatchInfo { pattern, values: walk.values } }
            }
            Some(End::Mount(entry, left)) => {
                Resolved::Mounted { handler: &self.entries[entry].handler, at: path.len() - left }
            }
            None if walk.allowed.is_empty() => Resolved::NotFound,
            None => Resolved::MethodNotAllowed { allow: walk.allow() },
        }
    }
}

/// One search in the tree.
struct Walk<'a> {
    nodes: &'a [Node],
    method: &'a Method,
    values: Vec<Box<str>>,
    /// The methods of patterns that matched but for the method.
    allowed: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    /// Tries everything at and below a node; `rest` is the path from there, `None` at its end.
    fn node(&mut self, at: usize, rest: Option<&str>) -> Option<End> {
        let node = &self.nodes[at];
        let found = match rest {
            Some(rest) => self.below(node, rest),
            None => self.method(&node.here),
        };
        // The slash that `rest` lacks is after the prefix, too.
        let left = rest.map_or(0, |rest| rest.len() + 1);
        found.or_else(|| node.mount.map(|entry| End::Mount(entry, left)))
    }

    fn below(&mut self, node: &'a Node, rest: &str) -> Option<End> {
        let (segment, after) = split(rest);
        let found = node.literal(segment).and_then(|next| self.node(next, after));
        if found.is_some() {
            return found;
        }
        if let (Some(next), false) = (node.variable, segment.is_empty()) {
            self.values.push(decode(segment).into());
            if let Some(found) = self.node(next, after) {
                return Some(found);
            }
            self.values.pop();
        }
        let found = self.method(&node.tail)?;
        self.values.push(decode(rest).into());
        Some(found)
    }

    fn method(&mut self, routes: &'a Resource) -> Option<End> {
        let of = |wanted: &Method| routes.iter().find(|it| it.method.as_ref() == Some(wanted));
        let found = of(self.method)
            .or_else(|| of(&Method::GET).filter(|_| *self.method == Method::HEAD))
            .or_else(|| routes.iter().find(|it| it.method.is_none()));
        if found.is_none() {
            for method in routes.iter().flat_map(|route| &route.method) {
                self.allowed.push(method.as_str());
                if *method == Method::GET {
                    self.allowed.push("HEAD");
                }
            }
        }
        found.map(|route| End::Route(route.entry))
    }

    fn allow(mut self) -> String {
        self.allowed.sort_unstable();
        self.allowed.dedup();
        self.allowed.join(",")
    }
}

/// A node has few literals as a rule, and a plain loop is quicker than a search made for many.
pub(super) const FEW: usize = 8;

impl Node {
    fn literal(&self, segment: &str) -> Option<usize> {
        match segment.bytes().any(|byte| byte == b'%') {
            false => self.find(segment),
            true => self.find(&decode(segment)),
        }
    }

    pub(super) fn find(&self, segment: &str) -> Option<usize> {
        if self.literals.len() <= FEW {
            let found = self.literals.iter().find(|(have, _)| **have == *segment);
            return found.map(|(_, next)| *next);
        }
        let found = self.literals.binary_search_by(|(have, _)| (**have).cmp(segment));
        found.ok().map(|at| self.literals[at].1)
    }
}

/// The first segment, and what follows its slash. Segments are short: a plain loop is quicker
/// than a search made for long texts.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}
