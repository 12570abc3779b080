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
//! ```

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use http::Method;

use super::url::decode;

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
/// percent-decoded.
///
/// # Unlike aiohttp
///
/// Other regular expressions, and variables that are part of a segment, are refused. The literal
/// branch comes before the variable one whatever the order of registration.
#[derive(Debug)]
pub struct Router<H> {
    nodes: Vec<Node>,
    handlers: Vec<H>,
    error: Option<RouteError>,
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(Box<str>, usize)>,
    variable: Option<usize>,
    /// Routes that take the rest of the path from here.
    tail: Resource,
    /// Routes that end here.
    here: Resource,
}

/// The routes whose patterns match the same paths.
type Resource = Vec<Route>;

#[derive(Debug)]
struct Route {
    /// `None` stands for every method.
    method: Option<Method>,
    pattern: Rc<Pattern>,
    handler: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    text: Box<str>,
    names: Vec<Box<str>>,
}

/// A segment of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Segment<'a> {
    Literal(Cow<'a, str>),
    Variable(&'a str),
    Tail(&'a str),
}

/// Why a route cannot be registered; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(String);

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RouteError {}

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
    /// The path is known but not with this method: 405.
    MethodNotAllowed {
        /// The value of `Allow`: the methods that are known, sorted.
        allow: String,
    },
    /// The path is not known: 404.
    NotFound,
}

impl<H> Default for Router<H> {
    fn default() -> Self {
        Router::new()
    }
}

impl<H> Router<H> {
    /// A router without routes.
    pub fn new() -> Router<H> {
        Router { nodes: vec![Node::default()], handlers: Vec::new(), error: None }
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
            self.error.get_or_insert(error);
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
            self.error.get_or_insert(error);
        }
        self
    }

    fn insert(&mut self, method: Option<Method>, path: &str, handler: H) -> Result<(), RouteError> {
        let segments = parse(path)?;
        let mut at = 0;
        let mut tail = false;
        let mut names = Vec::new();
        for segment in segments {
            match segment {
                Segment::Literal(text) => at = self.literal(at, &text),
                Segment::Variable(name) => {
                    names.push(name.into());
                    at = self.variable(at);
                }
                Segment::Tail(name) => {
                    names.push(name.into());
                    tail = true;
                }
            }
        }
        let node = &mut self.nodes[at];
        let routes = if tail { &mut node.tail } else { &mut node.here };
        if let Some(known) = routes.iter().find(|route| route.method == method) {
            let method = method.as_ref().map_or("*", Method::as_str);
            let pattern = &known.pattern.text;
            return Err(RouteError(format!("there is a route for {method} {pattern} already")));
        }
        let pattern = Rc::new(Pattern { text: path.into(), names });
        routes.push(Route { method, pattern, handler: self.handlers.len() });
        self.handlers.push(handler);
        Ok(())
    }

    fn literal(&mut self, at: usize, text: &str) -> usize {
        let known = self.nodes[at].literals.iter().find(|(have, _)| **have == *text);
        if let Some((_, next)) = known {
            return *next;
        }
        let next = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].literals.push((text.into(), next));
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

    /// Finds the handler for `method` and `path`, which is percent-encoded still and has no query.
    pub fn resolve(&self, method: &Method, path: &str) -> Resolved<'_, H> {
        let mut walk = Walk { nodes: &self.nodes, method, values: Vec::new(), allowed: Vec::new() };
        // OPTIONS * names no path; CONNECT no resource.
        let found = path.strip_prefix('/').and_then(|path| walk.node(0, Some(path)));
        if let Some((pattern, handler)) = found {
            let match_info = MatchInfo { pattern: Some(pattern.clone()), values: walk.values };
            return Resolved::Found { handler: &self.handlers[handler], match_info };
        }
        if walk.allowed.is_empty() {
            return Resolved::NotFound;
        }
        walk.allowed.sort_unstable();
        walk.allowed.dedup();
        Resolved::MethodNotAllowed { allow: walk.allowed.join(",") }
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
    fn node(&mut self, at: usize, rest: Option<&str>) -> Option<(&'a Rc<Pattern>, usize)> {
        let node = &self.nodes[at];
        let Some(rest) = rest else { return self.method(&node.here) };
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

    fn method(&mut self, routes: &'a [Route]) -> Option<(&'a Rc<Pattern>, usize)> {
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
        found.map(|route| (&route.pattern, route.handler))
    }
}

impl Node {
    fn literal(&self, segment: &str) -> Option<usize> {
        let find = |segment: &str| self.literals.iter().find(|(have, _)| **have == *segment);
        let found = match segment.bytes().any(|byte| byte == b'%') {
            false => find(segment),
            true => find(&decode(segment)),
        };
        found.map(|(_, next)| *next)
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

fn parse(path: &str) -> Result<Vec<Segment<'_>>, RouteError> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(RouteError(format!("the pattern {path:?} does not begin with /")));
    };
    let segments = rest.split('/').map(|text| segment(path, text));
    let segments = segments.collect::<Result<Vec<_>, _>>()?;
    let before_last = &segments[..segments.len().saturating_sub(1)];
    if before_last.iter().any(|it| matches!(it, Segment::Tail(_))) {
        return Err(RouteError(format!(
            "in the pattern {path:?} a segment of the form {{name:.*}} is not the last"
        )));
    }
    let mut names: Vec<_> = segments.iter().filter_map(Segment::name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(RouteError(format!("in the pattern {path:?} two variables have one name")));
    }
    Ok(segments)
}

impl<'a> Segment<'a> {
    fn name(&self) -> Option<&'a str> {
        match self {
            Segment::Literal(_) => None,
            Segment::Variable(name) | Segment::Tail(name) => Some(name),
        }
    }
}

fn segment<'a>(path: &str, text: &'a str) -> Result<Segment<'a>, RouteError> {
    let opens = text.matches('{').count();
    if opens != text.matches('}').count() {
        return Err(RouteError(format!("the braces in the pattern {path:?} are not balanced")));
    }
    if opens == 0 {
        return Ok(Segment::Literal(decode(text)));
    }
    let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let Some(inside) = inside.filter(|inside| !inside.contains(['{', '}'])) else {
        return Err(RouteError(format!(
            "in the pattern {path:?} a variable is only a part of {text:?}; it takes a whole \
             segment, as in /{{name}}"
        )));
    };
    let (name, expression) = match inside.split_once(':') {
        Some((name, expression)) => (name, Some(expression)),
        None => (inside, None),
    };
    let first_is_letter = name.starts_with(|it: char| it.is_alphabetic() || it == '_');
    if !first_is_letter || !name.chars().all(|it| it.is_alphanumeric() || it == '_') {
        return Err(RouteError(format!(
            "in the pattern {path:?} the name {name:?} is not a letter followed by letters, \
             digits and _"
        )));
    }
    match expression {
        None => Ok(Segment::Variable(name)),
        Some(".*") => Ok(Segment::Tail(name)),
        Some(other) => Err(RouteError(format!(
            "in the pattern {path:?} the expression {other:?} is not supported; the only one is \
             .*, for the rest of the path"
        ))),
    }
}

/// What the variables of the matching pattern stand for, percent-decoded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MatchInfo {
    pattern: Option<Rc<Pattern>>,
    values: Vec<Box<str>>,
}

impl MatchInfo {
    /// What the variable `name` stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// Every variable, in the pattern's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.pattern.iter().flat_map(|pattern| &pattern.names);
        names.zip(&self.values).map(|(name, value)| (&**name, &**value))
    }

    /// The pattern that matched, as registered; empty if none did.
    pub fn pattern(&self) -> &str {
        self.pattern.as_ref().map_or("", |pattern| &pattern.text)
    }
}

/// As aiohttp shows it: `<MatchInfo {'id': '12301'}: /{id}>`.
impl fmt::Debug for MatchInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<MatchInfo {")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}'{name}': '{}'", value.escape_debug())?;
        }
        write!(f, "}}: {}>", self.pattern())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A router whose handlers are the patterns themselves.
    fn router(patterns: &[&'static str]) -> Router<&'static str> {
        let mut router = Router::new();
        for pattern in patterns {
            router.add_get(pattern, *pattern);
        }
        router.check().unwrap();
        router
    }

    /// The pattern that answers GET of `path`, and its variables.
    fn found(router: &Router<&'static str>, path: &str) -> Option<(&'static str, Vec<String>)> {
        match router.resolve(&Method::GET, path) {
            Resolved::Found { handler, match_info } => {
                assert_eq!(match_info.pattern(), *handler);
                Some((handler, match_info.iter().map(|(_, value)| value.to_owned()).collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn a_variable_is_one_segment_that_is_not_empty() {
        let router = router(&["/", "/{id}", "/a/{b}/c/{d}"]);
        assert_eq!(found(&router, "/"), Some(("/", vec![])));
        assert_eq!(found(&router, "/7"), Some(("/{id}", vec!["7".into()])));
        let two = Some(("/a/{b}/c/{d}", vec!["1".into(), "2".into()]));
        assert_eq!(found(&router, "/a/1/c/2"), two);
        for path in ["/7/", "//", "/a//c/2", "/a/1/c/", "/a/1/c", "*", "", "h:443"] {
            assert_eq!(found(&router, path), None, "{path}");
        }
    }

    #[test]
    fn segments_are_matched_and_captured_decoded() {
        let router = router(&["/{id}", "/a b/{x}"]);
        assert_eq!(found(&router, "/%C3%A9%2F%20"), Some(("/{id}", vec!["\u{e9}/ ".into()])));
        assert_eq!(found(&router, "/a%20b/%"), Some(("/a b/{x}", vec!["%".into()])));
    }

    #[test]
    fn a_literal_comes_before_a_variable_and_that_before_a_tail() {
        let router = router(&["/{t:.*}", "/{v}/x", "/a/{w}", "/a/b"]);
        assert_eq!(found(&router, "/a/b").unwrap().0, "/a/b");
        assert_eq!(found(&router, "/a/x").unwrap(), ("/a/{w}", vec!["x".into()]));
        assert_eq!(found(&router, "/c/x").unwrap(), ("/{v}/x", vec!["c".into()]));
        assert_eq!(found(&router, "/c/y").unwrap(), ("/{t:.*}", vec!["c/y".into()]));
        assert_eq!(found(&router, "/").unwrap(), ("/{t:.*}", vec!["".into()]));
        assert_eq!(found(&router, "/a/b/c").unwrap(), ("/{t:.*}", vec!["a/b/c".into()]));
    }

    #[test]
    fn a_known_path_with_another_method_says_which_are_allowed() {
        let mut router = Router::new();
        router.add_post("/a", 1).add_get("/a", 2).add_delete("/{x}", 3);
        match router.resolve(&Method::PUT, "/a") {
            Resolved::MethodNotAllowed { allow } => assert_eq!(allow, "DELETE,GET,HEAD,POST"),
            other => panic!("{other:?}"),
        }
        let found = router.resolve(&Method::DELETE, "/a");
        assert!(matches!(found, Resolved::Found { handler: 3, .. }), "the variable has it");
    }

    #[test]
    fn head_is_answered_by_get_unless_it_has_a_route_of_its_own() {
        let mut router = Router::new();
        router.add_get("/a", "get").add_get("/b", "get").add_head("/b", "head");
        router.add_route("*", "/b", "any").check().unwrap();
        let handler = |method: Method, path: &str| match router.resolve(&method, path) {
            Resolved::Found { handler, .. } => *handler,
            _ => "none",
        };
        assert_eq!(handler(Method::HEAD, "/a"), "get");
        assert_eq!(handler(Method::HEAD, "/b"), "head");
        assert_eq!(handler(Method::PATCH, "/b"), "any");
    }

    #[test]
    fn a_bad_route_is_refused_with_what_would_have_been_right() {
        let error = |method: &str, path: &str| {
            Router::new().try_add_route(method, path, ()).map(|_| ()).unwrap_err().to_string()
        };
        assert!(error("GET", "a").contains("does not begin with /"));
        assert!(error("GET", "/{a").contains("not balanced"));
        assert!(error("GET", "/a}").contains("not balanced"));
        assert!(error("GET", "/}a{").contains("whole segment"));
        assert!(error("GET", "/a{b}").contains("whole segment"));
        assert!(error("GET", "/{}").contains("is not a letter"));
        assert!(error("GET", "/{1}").contains("is not a letter"));
        assert!(error("GET", "/{a:[0-9]+}").contains("not supported"));
        assert!(error("GET", "/{a:.*}/b").contains("is not the last"));
        assert!(error("GET", "/{a}/{a}").contains("one name"));
        assert!(error("G T", "/").contains("is not a method"));
    }

    #[test]
    fn the_first_bad_route_of_a_chain_is_remembered() {
        let mut router = Router::new();
        router.add_get("/a", 1).add_get("/a", 2).add_get("/{", 3).add_get("/b", 4);
        assert_eq!(router.check().unwrap_err().to_string(), "there is a route for GET /a already");
    }

    #[test]
    fn methods_of_one_path_may_name_its_variables_differently() {
        let mut router = Router::new();
        router.add_get("/{a}", 1).add_post("/{b}", 2).check().unwrap();
        let shown = match router.resolve(&Method::POST, "/x") {
            Resolved::Found { match_info, .. } => format!("{match_info:?}"),
            _ => String::new(),
        };
        assert_eq!(shown, "<MatchInfo {'b': 'x'}: /{b}>");
    }

    #[test]
    fn match_info_looks_as_aiohttp_shows_it() {
        let router = router(&["/{id}", "/{a}/{b}"]);
        let show = |path: &str| match router.resolve(&Method::GET, path) {
            Resolved::Found { match_info, .. } => format!("{match_info:?}"),
            _ => String::new(),
        };
        assert_eq!(show("/12301"), "<MatchInfo {'id': '12301'}: /{id}>");
        assert_eq!(show("/x/it's%0a"), r"<MatchInfo {'a': 'x', 'b': 'it\'s\n'}: /{a}/{b}>");
    }

    #[test]
    fn a_deep_path_costs_no_more_than_the_patterns_have_nodes() {
        let router = router(&["/a/{x}/a/{y}/a/{z}/end", "/{p}/a/{q}/a/{r}/a/end"]);
        assert_eq!(found(&router, &"/a".repeat(100_000)), None);
    }
}
