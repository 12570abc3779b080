//! Which handler answers which path and method.
//!
//! Patterns form a tree with a node for each segment of a path. A request walks down it, and at
//! each node tries the literal branch first, then the variable, then the tail; a branch that leads
//! nowhere is backed out of. A node lies at one depth only, so no path, however made, visits a
//! node twice: the work is bounded by the patterns, not by the peer.
//!
//! ```text
//!   /            ""
//!   /users/{id}  users ── {id}          GET /users/7  →  users, {id} = "7"
//!   /users/me    users ── me            GET /users/me →  users, me: literal first
//!   /{page}      {page}                 GET /users    →  {page} = "users"
//!   /f/{p:.*}    f ── {p:.*}            GET /f/a/b    →  f, {p} = "a/b"
//!   /api ⇒ B     api ⇒ B                GET /api/x    →  whatever B makes of /x
//! ```
//!
//! Most routes have no variable, and most paths are written as their route is: such a pair of
//! method and path is looked up before any walk.
//!
//! A router that is mounted comes last at its node, after the routes that go on from there.
//!
//! ```text
//! · pattern.rs  what a pattern is    resolve.rs     from a path to a route
//! · reverse.rs  from a name to a path  match_info.rs  what the variables stand for
//! · exact.rs    paths that are their pattern
//! ```

mod exact;
mod match_info;
mod pattern;
mod resolve;
mod reverse;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use http::Method;

use self::exact::Exact;
use self::pattern::Segment;

pub use match_info::MatchInfo;
pub(in crate::http) use pattern::Pattern;
pub use pattern::RouteError;
pub use resolve::Resolved;
pub(in crate::http) use reverse::Suffix;
pub use reverse::UrlForError;

/// A table from method and path to a handler of type `H`.
///
/// ```
/// # use evloop::http::{Router, Resolved};
/// # use http::Method;
/// let mut router = Router::new();
/// router.add_get("/", "index").add_get("/{id}", "one").add_post("/", "create");
/// let Resolved::Found { handler, match_info } = router.resolve(&Method::GET, "/a%20b") else {
///     panic!()
/// };
/// assert_eq!((*handler, match_info.get("id")), ("one", Some("a b")));
/// assert!(matches!(router.resolve(&Method::PUT, "/"), Resolved::MethodNotAllowed { allow } if allow == "GET,HEAD,POST"));
/// assert!(matches!(router.resolve(&Method::GET, "/a/b"), Resolved::NotFound));
/// ```
///
/// # Patterns
///
/// A pattern begins with `/`. A segment of it is literal, or `{name}`, which stands for one segment
/// that is not empty, or, as the last one, `{name:.*}`, which stands for all the rest, slashes
/// included, even if that is nothing. Literals and variables are compared and captured
/// percent-decoded. What other frameworks write as `:name`, `<name>` or `*name` is refused, and so are
/// `?` and `#`; percent-encoded they are literal.
///
/// # Unlike aiohttp
///
/// Other regular expressions, and variables that are part of a segment, are refused. The literal
/// branch comes before the variable one whatever the order of registration.
#[derive(Debug)]
pub struct Router<H> {
    nodes: Vec<Node>,
    exact: Exact,
    entries: Vec<Entry<H>>,
    names: HashMap<Box<str>, usize>,
    error: Option<RouteError>,
}

/// A handler, with the pattern it was added with.
#[derive(Debug)]
struct Entry<H> {
    pattern: Rc<Pattern>,
    handler: H,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted.
    literals: Vec<(Box<str>, usize)>,
    variable: Option<usize>,
    /// Routes that take the rest of the path from here.
    tail: Resource,
    /// Routes that end here.
    here: Resource,
    /// What has all that is below here and has no route.
    mount: Option<usize>,
}

/// The routes whose patterns match the same paths.
type Resource = Vec<Route>;

#[derive(Debug)]
struct Route {
    /// `None` stands for every method.
    method: Option<Method>,
    entry: usize,
}

impl<H> Default for Router<H> {
    fn default() -> Self {
        Router::new()
    }
}

impl<H> Router<H> {
    /// A router without routes.
    pub fn new() -> Router<H> {
        Router {
            nodes: vec![Node::default()],
            exact: Exact::default(),
            entries: Vec::new(),
            names: HashMap::new(),
            error: None,
        }
    }

    /// Answers GET of `path`, and HEAD, whose response is the same without its body.
    ///
    /// What is wrong with a route is remembered and told by [`check`](Router::check), so that
    /// routes can be added in a chain; [`try_add_route`](Router::try_add_route) tells at once.
    pub fn add_get(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::GET), path, handler)
    }

    /// Answers POST of `path`.
    pub fn add_post(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::POST), path, handler)
    }

    /// Answers PUT of `path`.
    pub fn add_put(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::PUT), path, handler)
    }

    /// Answers PATCH of `path`.
    pub fn add_patch(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::PATCH), path, handler)
    }

    /// Answers DELETE of `path`.
    pub fn add_delete(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::DELETE), path, handler)
    }

    /// Answers HEAD of `path`, in the place of a GET route that does so by itself.
    pub fn add_head(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::HEAD), path, handler)
    }

    /// Answers OPTIONS of `path`.
    pub fn add_options(&mut self, path: &str, handler: H) -> &mut Self {
        self.add(Some(Method::OPTIONS), path, handler)
    }

    /// Answers `method` of `path`; `"*"` is every method that has no route of its own.
    pub fn add_route(&mut self, method: &str, path: &str, handler: H) -> &mut Self {
        if let Err(error) = self.try_add_route(method, path, handler) {
            self.note(error);
        }
        self
    }

    /// [`add_route`](Router::add_route), telling at once what is wrong.
    ///
    /// # Errors
    /// The method is no token, the pattern is malformed, or the route exists.
    pub fn try_add_route(
        &mut self,
        method: &str,
        path: &str,
        handler: H,
    ) -> Result<&mut Self, RouteError> {
        let key = match method {
            "*" => None,
            _ => Some(method.to_ascii_uppercase().parse().map_err(|_| {
                RouteError(format!("{method:?} is not a method; write GET, POST, … or *"))
            })?),
        };
        self.insert(key, path, handler)?;
        Ok(self)
    }

    /// Whether every route so far was in order.
    ///
    /// # Errors
    /// The first that was not.
    pub fn check(&self) -> Result<(), RouteError> {
        self.error.clone().map_or(Ok(()), Err)
    }

    fn add(&mut self, method: Option<Method>, path: &str, handler: H) -> &mut Self {
        if let Err(error) = self.insert(method, path, handler) {
            self.note(error);
        }
        self
    }

    /// Notes what is wrong with a route for a reason that the router does not know.
    pub(in crate::http) fn refuse(&mut self, why: String) {
        self.note(RouteError(why));
    }

    fn note(&mut self, error: RouteError) {
        self.error.get_or_insert(error);
    }

    fn insert(&mut self, method: Option<Method>, path: &str, handler: H) -> Result<(), RouteError> {
        let segments = Pattern::parse(path)?;
        let names = segments.iter().filter_map(Segment::name).map(Into::into).collect();
        let tail = matches!(segments.last(), Some(Segment::Tail(_)));
        let exact = method.clone().filter(|_| Exact::takes(&segments));
        let at = self.grow(segments);
        let node = &mut self.nodes[at];
        let routes = if tail { &mut node.tail } else { &mut node.here };
        if let Some(known) = routes.iter().find(|route| route.method == method) {
            let method = method.as_ref().map_or("*", Method::as_str);
            let pattern = &self.entries[known.entry].pattern.text;
            return Err(RouteError(format!("there is a route for {method} {pattern} already")));
        }
        routes.push(Route { method, entry: self.entries.len() });
        if let Some(method) = exact {
            self.exact.add(path, &method, self.entries.len());
        }
        let pattern = Rc::new(Pattern { text: path.into(), names, suffix: None });
        self.entries.push(Entry { pattern, handler });
        Ok(())
    }

    /// Gives `handler` every path at and below `prefix` for which there is no route here, whatever
    /// the method. (`add_subapp`)
    ///
    /// ```
    /// # use evloop::http::{Router, Resolved};
    /// # use http::Method;
    /// let mut router = Router::new();
    /// router.add_get("/api/version", "here").mount("/api", "there").check()?;
    /// let found = router.resolve(&Method::PUT, "/api/users/7");
    /// assert!(matches!(found, Resolved::Mounted { handler: &"there", at: 4 }));
    /// # Ok::<(), evloop::http::RouteError>(())
    /// ```
    pub fn mount(&mut self, prefix: &str, handler: H) -> &mut Self {
        if let Err(error) = self.try_mount(prefix, handler) {
            self.note(error);
        }
        self
    }

    fn try_mount(&mut self, prefix: &str, handler: H) -> Result<(), RouteError> {
        let at = self.grow(Pattern::parse_prefix(prefix)?);
        if self.nodes[at].mount.is_some() {
            return Err(RouteError(format!("something is mounted at {prefix:?} already")));
        }
        self.nodes[at].mount = Some(self.entries.len());
        let pattern = Rc::new(Pattern { text: prefix.into(), names: Vec::new(), suffix: None });
        self.entries.push(Entry { pattern, handler });
        Ok(())
    }

    /// The node of these segments, made if need be; a tail has the one it begins at.
    fn grow(&mut self, segments: Vec<Segment<'_>>) -> usize {
        segments.into_iter().fold(0, |at, segment| match segment {
            Segment::Literal(text) => self.literal(at, &text),
            Segment::Variable(_) => self.variable(at),
            Segment::Tail(_) => at,
        })
    }

    fn literal(&mut self, at: usize, text: &str) -> usize {
        if let Some(next) = self.nodes[at].find(text) {
            return next;
        }
        let next = self.nodes.len();
        self.nodes.push(Node::default());
        let literals = &mut self.nodes[at].literals;
        let place = literals.partition_point(|(have, _)| **have < *text);
        literals.insert(place, (text.into(), next));
        next
    }

    fn variable(&mut self, at: usize) -> usize {
        if let Some(next) = self.nodes[at].variable {
            return next;
        }
        let next = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].variable = Some(next);
        next
    }

    /// The patterns of the named routes.
    pub(in crate::http) fn named(&self) -> impl Iterator<Item = (&str, &Rc<Pattern>)> {
        self.names.iter().map(|(name, entry)| (&**name, &self.entries[*entry].pattern))
    }

    /// Every handler, mounted ones too.
    pub(in crate::http) fn handlers_mut(&mut self) -> impl Iterator<Item = &mut H> {
        self.entries.iter_mut().map(|entry| &mut entry.handler)
    }

    /// The same router with every handler replaced by what `change` makes of its pattern and it.
    pub(in crate::http) fn map<T>(self, mut change: impl FnMut(&str, H) -> T) -> Router<T> {
        let entries = self.entries.into_iter().map(|Entry { pattern, handler }| {
            let handler = change(&pattern.text, handler);
            Entry { pattern, handler }
        });
        let entries = entries.collect();
        Router {
            nodes: self.nodes,
            exact: self.exact,
            entries,
            names: self.names,
            error: self.error,
        }
    }

    /// Says where this router is mounted, so that its patterns read as whole paths.
    pub(in crate::http) fn prefix_patterns(&mut self, prefix: &str) {
        for entry in &mut self.entries {
            let Pattern { text, names, suffix } = &*entry.pattern;
            let text = format!("{prefix}{text}").into();
            let (names, suffix) = (names.clone(), suffix.clone());
            entry.pattern = Rc::new(Pattern { text, names, suffix });
        }
    }
}
