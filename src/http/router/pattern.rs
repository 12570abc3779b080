//! Patterns: what a route's path may look like, and what is wrong with one that may not.

use std::borrow::Cow;
use std::fmt;

use super::reverse::Suffix;
use crate::http::url::decode;

/// A pattern that was registered.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Pattern {
    pub(super) text: Box<str>,
    pub(super) names: Vec<Box<str>>,
    /// What a path that is made of it ends with.
    pub(super) suffix: Option<Suffix>,
}

/// A segment of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Literal(Cow<'a, str>),
    Variable(&'a str),
    Tail(&'a str),
}

/// Why a route cannot be registered; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(pub(super) String);

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RouteError {}

impl Pattern {
    /// The pattern's segments; none for the empty one, which is the place of a mounted router.
    pub(super) fn parse(path: &str) -> Result<Vec<Segment<'_>>, RouteError> {
        if path.is_empty() {
            return Ok(Vec::new());
        }
        let Some(rest) = path.strip_prefix('/') else {
            return Err(RouteError(format!("the pattern {path:?} does not begin with /")));
        };
        let segments = rest.split('/').map(|text| Segment::parse(path, text));
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

    /// The segments of a prefix that a router is mounted at: literal ones, at least one.
    pub(super) fn parse_prefix(prefix: &str) -> Result<Vec<Segment<'_>>, RouteError> {
        let trimmed = prefix.trim_end_matches('/');
        if trimmed.is_empty() {
            return Err(RouteError(format!(
                "the prefix {prefix:?} is empty; write one as in /admin"
            )));
        }
        let segments = Pattern::parse(trimmed)?;
        if segments.iter().any(|it| it.name().is_some()) {
            return Err(RouteError(format!("the prefix {prefix:?} has a variable; it takes none")));
        }
        Ok(segments)
    }
}

impl<'a> Segment<'a> {
    pub(super) fn name(&self) -> Option<&'a str> {
        match self {
            Segment::Literal(_) => None,
            Segment::Variable(name) | Segment::Tail(name) => Some(name),
        }
    }

    fn parse(path: &str, text: &'a str) -> Result<Segment<'a>, RouteError> {
        let opens = text.matches('{').count();
        if opens != text.matches('}').count() {
            return Err(RouteError(format!("the braces in the pattern {path:?} are not balanced")));
        }
        if opens == 0 {
            check_literal(path, text)?;
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
        check_name(path, name)?;
        match expression {
            None => Ok(Segment::Variable(name)),
            Some(".*") => Ok(Segment::Tail(name)),
            Some(other) => Err(RouteError(format!(
                "in the pattern {path:?} the expression {other:?} is not supported; the only one \
                 is .*, for the rest of the path"
            ))),
        }
    }
}

/// What would match nothing that a client can ask for, or not what was meant: a path ends before its
/// query, and other frameworks write variables as `:name`, `<name>` and `*name`.
fn check_literal(path: &str, text: &str) -> Result<(), RouteError> {
    if let Some(at) = text.find(['?', '#']) {
        let (mark, code) = if text.as_bytes()[at] == b'?' { ('?', "%3F") } else { ('#', "%23") };
        return Err(RouteError(format!(
            "the pattern {path:?} goes on after a {mark}, where a path ends: leave that out, or \
             write {code} for the character itself"
        )));
    }
    let (meant, code) = match text.as_bytes().first() {
        Some(b':') => ("{name}", "%3A"),
        Some(b'<') => ("{name}", "%3C"),
        Some(b'*') => ("{name:.*}", "%2A"),
        _ => return Ok(()),
    };
    Err(RouteError(format!(
        "in the pattern {path:?} the segment {text:?} looks like a variable: write {meant} if it is \
         one, and {code} for the character itself"
    )))
}

fn check_name(path: &str, name: &str) -> Result<(), RouteError> {
    let first_is_letter = name.starts_with(|it: char| it.is_alphabetic() || it == '_');
    if first_is_letter && name.chars().all(|it| it.is_alphanumeric() || it == '_') {
        return Ok(());
    }
    Err(RouteError(format!(
        "in the pattern {path:?} the name {name:?} is not a letter followed by letters, digits \
         and _"
    )))
}
