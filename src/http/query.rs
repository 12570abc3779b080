//! Query strings: `name=value` pairs (the URL standard's `application/x-www-form-urlencoded`).

use std::borrow::Cow;

use super::url::{decode_bytes, encode, lossy};

/// The pairs of a query string, decoded, in order, those of the same name all.
///
/// A plus sign is a blank, a name without `=` has an empty value, and empty pieces between `&` are
/// left out.
///
/// ```
/// use evloop::http::query;
/// let pairs: Vec<_> = query::pairs("a=1&b=x+y%26z&a").collect();
/// assert_eq!(pairs, [("a".into(), "1".into()), ("b".into(), "x y&z".into()), ("a".into(), "".into())]);
/// ```
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    pieces(query).map(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        (component(name), component(value))
    })
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|piece| !piece.is_empty())
}

/// Whether there are more pairs than `limit`.
pub(crate) fn exceeds(query: &str, limit: usize) -> bool {
    pieces(query).nth(limit).is_some()
}

/// Decodes one name or value.
fn component(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        Cow::Owned(lossy(decode_bytes(text.as_bytes(), true)))
    } else {
        Cow::Borrowed(text)
    }
}

/// A whole query string made readable: blanks and escapes decoded, except where that would change
/// which pairs there are (`&`, `=`, `;`, `+` and `%` stay escaped). What aiohttp's `query_string` shows.
pub fn readable(query: &str) -> Cow<'_, str> {
    if !query.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(query);
    }
    let mut out = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let [first, tail @ ..] = rest {
        let used = if *first == b'%' && tail.len() >= 2 { 3 } else { 1 };
        match decode_bytes(&rest[..used], true)[..] {
            [b'&' | b'=' | b';' | b'+' | b'%'] => out.extend_from_slice(&rest[..used]),
            ref decoded => out.extend_from_slice(decoded),
        }
        rest = &rest[used..];
    }
    Cow::Owned(lossy(out))
}

/// The query string of some pairs: what [`pairs`] undoes.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pieces = pairs.into_iter().map(|(name, value)| {
        // An empty name with an empty value would vanish without its `=`.
        format!("{}={}", encode(name), encode(value))
    });
    pieces.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(query: &str) -> Vec<(String, String)> {
        pairs(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn pairs_keep_their_order_and_their_doubles() {
        let expected = [("b", "2"), ("a", "1"), ("b", "3")];
        let got = decoded("b=2&a=1&&b=3&");
        let got: Vec<_> = got.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn only_the_first_equals_sign_divides() {
        assert_eq!(decoded("a=b=c"), [("a".to_owned(), "b=c".to_owned())]);
        assert_eq!(decoded("=x"), [(String::new(), "x".to_owned())]);
    }

    #[test]
    fn an_encoded_ampersand_divides_nothing() {
        assert_eq!(decoded("a=%26b%3Dc"), [("a".to_owned(), "&b=c".to_owned())]);
    }

    #[test]
    fn a_readable_query_still_means_the_same() {
        assert_eq!(readable("name=12301"), "name=12301");
        assert_eq!(readable("a=%C3%A9+x&b=%26%3D%2b%25"), "a=\u{e9} x&b=%26%3D%2b%25");
        assert_eq!(readable("%"), "%");
        assert_eq!(readable("%zz%4"), "%zz%4");
    }

    #[test]
    fn pairs_are_counted_as_they_are_read() {
        assert!(!exceeds("", 0) && exceeds("a", 0));
        assert!(!exceeds("a&&b=&", 2) && exceeds("a&b&&c", 2));
    }

    #[test]
    fn an_empty_query_has_no_pairs() {
        assert_eq!(decoded(""), []);
    }
}
