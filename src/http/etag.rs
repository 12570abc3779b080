//! Entity tags: opaque names of a representation's version (RFC 9110 §8.8.3).
//!
//! ```text
//! entity-tag = [ "W/" ] DQUOTE *( any visible character but DQUOTE, or a byte above 127 ) DQUOTE
//! ```
//!
//! Two are compared in one of two ways (§8.8.3.2):
//!
//! | one | other | strong | weak |
//! |---|---|---|---|
//! | `W/"1"` | `W/"1"` | no | yes |
//! | `W/"1"` | `W/"2"` | no | no |
//! | `W/"1"` | `"1"` | no | yes |
//! | `"1"` | `"1"` | yes | yes |

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

/// An entity tag.
///
/// ```
/// use evloop::http::EntityTag;
/// let tag = EntityTag::strong("18b3-400")?;
/// assert_eq!(tag.to_string(), "\"18b3-400\"");
/// assert!(tag.is_weakly(&"W/\"18b3-400\"".parse()?));
/// assert!(!tag.is_strongly(&"W/\"18b3-400\"".parse()?));
/// assert!(EntityTag::strong("a \"quoted\" one").is_err());
/// # Ok::<(), evloop::http::InvalidEntityTag>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    weak: bool,
    /// Between the quotes. A peer's may hold bytes above 127, which are not text in any
    /// particular character set; ours are ASCII.
    opaque: Box<[u8]>,
}

impl EntityTag {
    /// A strong one: it changes with every byte of the representation.
    ///
    /// # Errors
    ///
    /// `opaque`, which goes between the quotes, holds something other than visible ASCII
    /// characters without quotes.
    pub fn strong(opaque: &str) -> Result<EntityTag, InvalidEntityTag> {
        if opaque.bytes().all(|byte| byte.is_ascii() && is_tag_byte(byte)) {
            return Ok(EntityTag { weak: false, opaque: opaque.as_bytes().into() });
        }
        Err(InvalidEntityTag(format!(
            "{opaque:?} cannot be an entity tag: it is of visible ASCII characters without quotes"
        )))
    }

    /// A weak one: it changes when the meaning does.
    ///
    /// # Errors
    ///
    /// As [`strong`](EntityTag::strong).
    pub fn weak(opaque: &str) -> Result<EntityTag, InvalidEntityTag> {
        Ok(EntityTag { weak: true, ..EntityTag::strong(opaque)? })
    }

    /// One as it stands in a header field, and nothing else.
    pub fn from_bytes(text: &[u8]) -> Option<EntityTag> {
        let (tag, rest) = Tag::take(text)?;
        rest.is_empty().then(|| EntityTag { weak: tag.weak, opaque: tag.opaque.into() })
    }

    /// Whether it is a weak one.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// Strong comparison: both are strong and alike.
    pub fn is_strongly(&self, other: &EntityTag) -> bool {
        !self.weak && self == other
    }

    /// Weak comparison: they are alike, whether weak or strong.
    pub fn is_weakly(&self, other: &EntityTag) -> bool {
        self.opaque == other.opaque
    }

    /// As the value of a header field.
    pub fn to_header_value(&self) -> HeaderValue {
        let mut text = Vec::with_capacity(self.opaque.len() + 4);
        text.extend_from_slice(if self.weak { b"W/\"" } else { b"\"" });
        text.extend_from_slice(&self.opaque);
        text.push(b'"');
        // What a tag may hold, a value may; if that ever were not so, an empty value matches none.
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("\"\""))
    }

    /// Whether one of a list has it: `values` are those of `If-Match` or `If-None-Match` that are
    /// not `*`. What stands behind something malformed is not looked at.
    pub(crate) fn is_among<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        strongly: bool,
    ) -> bool {
        values.into_iter().any(|value| {
            Tags(value)
                .any(|tag| *tag.opaque == *self.opaque && !(strongly && (self.weak || tag.weak)))
        })
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.weak { "W/" } else { "" };
        write!(f, "{weak}\"{}\"", String::from_utf8_lossy(&self.opaque))
    }
}

impl FromStr for EntityTag {
    type Err = InvalidEntityTag;

    fn from_str(text: &str) -> Result<EntityTag, InvalidEntityTag> {
        EntityTag::from_bytes(text.as_bytes()).ok_or_else(|| {
            InvalidEntityTag(format!("{text:?} is not an entity tag; write \"…\" or W/\"…\""))
        })
    }
}

/// The tags of a condition. [`Request::if_match`](crate::http::Request::if_match) and
/// [`if_none_match`](crate::http::Request::if_none_match) give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: whichever there is.
    Any,
    /// One of these; of a malformed list, those before what is malformed.
    These(Vec<EntityTag>),
}

impl EntityTags {
    /// What these values of one field say.
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> EntityTags {
        let mut values = values.peekable();
        if values.peek() == Some(&&b"*"[..]) {
            return EntityTags::Any;
        }
        let tag = |tag: Tag<'_>| EntityTag { weak: tag.weak, opaque: tag.opaque.into() };
        EntityTags::These(values.flat_map(Tags).map(tag).collect())
    }
}

/// Why something cannot be an entity tag; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEntityTag(String);

impl fmt::Display for InvalidEntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidEntityTag {}

/// A peer's tag, where it lies.
struct Tag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag at the front, and what follows it.
    fn take(text: &'a [u8]) -> Option<(Tag<'a>, &'a [u8])> {
        let (weak, text) = match text.strip_prefix(b"W/") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let text = text.strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| !is_tag_byte(*byte))?;
        let rest = text[end..].strip_prefix(b"\"")?;
        Some((Tag { weak, opaque: &text[..end] }, rest))
    }
}

/// A list of tags with commas between them. Empty elements are passed over (RFC 9110 §5.6.1.2);
/// a comma may be part of a tag, so the list cannot be cut at commas.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let is_filler = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let start = self.0.iter().position(|byte| !is_filler(byte))?;
        let taken = Tag::take(&self.0[start..]);
        let taken = taken.filter(|(_, rest)| rest.first().is_none_or(is_filler));
        self.0 = taken.as_ref().map_or(&[], |(_, rest)| rest);
        taken.map(|(tag, _)| tag)
    }
}

fn is_tag_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> EntityTag {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_of_comparisons_in_the_docs_is_true() {
        let table = include_str!("etag.rs").lines().filter(|line| line.starts_with("//! | `"));
        let mut rows = 0;
        for row in table {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let (one, other) = (tag(cells[1]), tag(cells[2]));
            let told = [cells[3] == "yes", cells[4] == "yes"];
            assert_eq!([one.is_strongly(&other), one.is_weakly(&other)], told, "{row}");
            assert_eq!([other.is_strongly(&one), other.is_weakly(&one)], told, "{row}");
            rows += 1;
        }
        assert_eq!(rows, 4);
    }

    #[test]
    fn what_is_read_is_written_again_and_what_is_malformed_is_not_read() {
        for text in ["\"\"", "W/\"\"", "\"a,b\"", "W/\"!#~\"", "\"\u{e9}\""] {
            assert_eq!(tag(text).to_string(), text);
            assert_eq!(tag(text).to_header_value().as_bytes(), text.as_bytes());
        }
        for text in ["", "a", "\"a", "a\"", "w/\"a\"", "W/a", "\"a\"b", "\"a b\"", "\"a\"\"", "*"] {
            assert!(text.parse::<EntityTag>().is_err(), "{text}");
        }
    }

    #[test]
    fn our_own_tag_cannot_leave_its_quotes() {
        for text in ["a\"", "a b", "a\r\n", "\u{e9}", "\0"] {
            assert!(EntityTag::strong(text).is_err() && EntityTag::weak(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_is_found_in_lists_however_they_are_written() {
        let found = |list: &str| tag("\"a,b\"").is_among([list.as_bytes()], true);
        assert!(found("\"a,b\"") && found("\"x\", \"a,b\"") && found(", ,\"x\",\"a,b\" ,"));
        assert!(found("W/\"a,b\",\"a,b\""));
        assert!(!found("\"a\", \"b\"") && !found("W/\"a,b\"") && !found("a,b") && !found(""));
        assert!(
            !found("\"x\"\"a,b\"") && !found("junk, \"a,b\""),
            "nothing behind what is malformed"
        );
        assert!(tag("\"a\"").is_among([&b"\"x\""[..], b"W/\"a\""], false), "in the second field");
    }
}
