//! Cookies of requests and responses.

use std::borrow::Cow;

use http::header::{COOKIE, SET_COOKIE};

use super::Cookie;
use crate::http::{Request, Response};

impl Response {
    /// The same response, setting one more cookie. (`response.set_cookie`)
    ///
    /// A cookie that fails its [`check`](Cookie::check) is the response's fault from then on.
    #[must_use]
    #[track_caller]
    pub fn set_cookie(mut self, cookie: Cookie) -> Response {
        match cookie.check() {
            Ok(()) => self.header(SET_COOKIE, cookie.to_string()),
            Err(fault) => {
                self.note(fault);
                self
            }
        }
    }

    /// The same response, removing the cookie of this name, of the path `/` and this host. For one
    /// of another path or domain, set a [`Cookie::removal`]. (`response.del_cookie`)
    #[must_use]
    #[track_caller]
    pub fn del_cookie(self, name: impl Into<Cow<'static, str>>) -> Response {
        self.set_cookie(Cookie::removal(name))
    }
}

impl Request {
    /// The cookies that came with it, in the order they came, those of one name all: a browser puts
    /// first the one whose path is longest. (`request.cookies`)
    ///
    /// See [`parse`] for how they are read.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let values = self.headers().get_all(COOKIE).into_iter();
        values.flat_map(|value| parse(value.as_bytes()))
    }

    /// The value of the first cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.cookies().find(|(have, _)| *have == name).map(|(_, value)| value)
    }
}

/// Reads the value of a `Cookie` field: pairs with semicolons between them.
///
/// It fails at nothing. Blanks around names and values are dropped, and so is one pair of quotes
/// around a value; a piece without `=`, without a name, or with a name that is not ASCII is passed
/// over; what is not UTF-8 in a value becomes U+FFFD. Unlike aiohttp it does not undo the escapes
/// that Python's `SimpleCookie` writes within quotes.
///
/// ```
/// use evloop::http::cookie::parse;
/// let pairs: Vec<_> = parse(b"a=1; b=\"x=y\"; junk; a=2").collect();
/// assert_eq!(pairs, [("a", "1".into()), ("b", "x=y".into()), ("a", "2".into())]);
/// ```
pub fn parse(cookies: &[u8]) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    cookies.split(|byte| *byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let name = std::str::from_utf8(pair[..equals].trim_ascii()).ok()?;
        let value = pair[equals + 1..].trim_ascii();
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        let value = String::from_utf8_lossy(quoted.unwrap_or(value));
        (!name.is_empty() && name.is_ascii()).then_some((name, value))
    })
}
