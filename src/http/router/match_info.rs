//! What the variables of a pattern stand for.

use std::fmt;
use std::rc::Rc;

use super::pattern::Pattern;

/// What the variables of the matching pattern stand for, percent-decoded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MatchInfo {
    pub(super) pattern: Option<Rc<Pattern>>,
    pub(super) values: Vec<Box<str>>,
}

impl MatchInfo {
    /// Makes it that of no match.
    #[inline]
    pub(in crate::http) fn clear(&mut self) {
        self.pattern = None;
        if !self.values.is_empty() {
            self.values = Vec::new();
        }
    }

    /// What the variable `name` stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// Every variable, in the pattern's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.pattern.iter().flat_map(|pattern| &pattern.names);
        names.zip(&self.values).map(|(name, value)| (&**name, &**value))
    }

    /// The pattern that matched, as registered, after the prefixes it is mounted at; empty if none
    /// did.
    pub fn pattern(&self) -> &str {
        self.pattern.as_ref().map_or("", |pattern| &pattern.text)
    }

    /// Whether a pattern matched: not where the request is answered with 404 or 405.
    pub fn is_found(&self) -> bool {
        self.pattern.is_some()
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
