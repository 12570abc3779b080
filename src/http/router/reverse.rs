//! From a route's name back to a path.

use std::fmt;
use std::rc::Rc;

use super::pattern::{Pattern, Segment};
use super::{RouteError, Router};
use crate::http::url::encode;

/// What follows a path that was made of these parts, if anything does: a query that changes with
/// what is there.
#[derive(Clone)]
pub(in crate::http) struct Suffix(pub Rc<SuffixOf>);

type SuffixOf = dyn Fn(&[(&str, &str)]) -> Option<String>;

impl fmt::Debug for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a suffix")
    }
}

impl PartialEq for Suffix {
    fn eq(&self, other: &Suffix) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Suffix {}

impl<H> Router<H> {
    /// Has the paths that are made of the route that was added last end so.
    pub(in crate::http) fn end_with(&mut self, suffix: Suffix) {
        // Nobody has it yet: it is shared once it has matched, or is named by a scope.
        if let Some(pattern) = self.entries.last_mut().and_then(|it| Rc::get_mut(&mut it.pattern)) {
            pattern.suffix = Some(suffix);
        }
    }

    /// Names the route that was added last, so that [`url_for`](Router::url_for) finds it.
    /// (`add_get(…, name=…)`)
    ///
    /// That there is none, or one of that name already, is told by [`check`](Router::check).
    pub fn name(&mut self, name: &str) -> &mut Self {
        let Some(last) = self.entries.len().checked_sub(1) else {
            self.note(RouteError(format!("the name {name:?} comes before the route it is for")));
            return self;
        };
        if self.names.insert(name.into(), last).is_some() {
            self.note(RouteError(format!("there is a route named {name:?} already")));
        }
        self
    }

    /// The path of the route with this name, its variables replaced by `parts` and
    /// percent-encoded. (`router[name].url_for(**parts)`)
    ///
    /// ```
    /// # use evloop::http::Router;
    /// let mut router = Router::new();
    /// router.add_get("/users/{id}", "show").name("user");
    /// assert_eq!(router.url_for("user", &[("id", "a b")])?, "/users/a%20b");
    /// # Ok::<(), evloop::http::UrlForError>(())
    /// ```
    ///
    /// # Errors
    /// No route has that name, or `parts` are not exactly its variables, or the path would not
    /// lead to the route.
    pub fn url_for(&self, name: &str, parts: &[(&str, &str)]) -> Result<String, UrlForError> {
        let entry = *self.names.get(name).ok_or_else(|| UrlForError::unknown(name))?;
        self.entries[entry].pattern.fill(parts)
    }
}

impl Pattern {
    /// The pattern with its variables replaced.
    pub(in crate::http) fn fill(&self, parts: &[(&str, &str)]) -> Result<String, UrlForError> {
        let text = &self.text;
        if let Some((extra, _)) = parts.iter().find(|(name, _)| !self.has(name)) {
            return Err(UrlForError(format!("the pattern {text:?} has no variable {extra:?}")));
        }
        let mut out = String::with_capacity(text.len());
        // It was parsed when it was registered.
        for segment in Pattern::parse(text).unwrap_or_default() {
            out.push('/');
            match segment {
                Segment::Literal(text) => out.push_str(&encode(&text)),
                Segment::Variable(name) => match self.part(parts, name)? {
                    value @ ("" | "." | "..") => return Err(self.lost(name, value)),
                    value => out.push_str(&encode(value)),
                },
                Segment::Tail(name) => {
                    let value = self.part(parts, name)?;
                    if value.split('/').any(|it| matches!(it, "." | "..")) {
                        return Err(self.lost(name, value));
                    }
                    let segments: Vec<_> = value.split('/').map(encode).collect();
                    out.push_str(&segments.join("/"));
                }
            }
        }
        out.extend(self.suffix.as_ref().and_then(|suffix| suffix.0(parts)));
        Ok(out)
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|have| **have == *name)
    }

    /// A client takes `.` and `..` for steps, not for names (RFC 3986 §5.2.4).
    fn lost(&self, name: &str, value: &str) -> UrlForError {
        let text = &self.text;
        UrlForError(format!(
            "with {value:?} for the variable {name:?} the path would not lead to {text:?}"
        ))
    }

    fn part<'a>(&self, parts: &[(&str, &'a str)], name: &str) -> Result<&'a str, UrlForError> {
        let found = parts.iter().find(|(have, _)| *have == name).map(|(_, value)| *value);
        let text = &self.text;
        found.ok_or_else(|| {
            UrlForError(format!("the variable {name:?} of the pattern {text:?} is not given"))
        })
    }
}

/// Why there is no path for a name and these parts; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlForError(String);

impl UrlForError {
    pub(in crate::http) fn unknown(name: &str) -> UrlForError {
        UrlForError(format!("no route has the name {name:?}"))
    }
}

impl fmt::Display for UrlForError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlForError {}
