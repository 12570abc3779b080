//! Cookies as a server sees them: `Cookie` comes in, `Set-Cookie` goes out (RFC 6265bis).
//!
//! What comes is read leniently, as any program may have set it; what goes out is checked
//! strictly, so that no value becomes a second attribute and no browser drops it silently.
//!
//! It is our own code: the crate `cookie` has no rules for a client, needs `time` for the dates
//! that [`date`](super::date) has already, and takes any value without a word.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};

use super::date::imf_fixdate;
use super::request::Request;
use super::response::Response;

/// Name and value of a cookie may have so many bytes together: browsers take no more (§5.6).
pub const MOST_BYTES: usize = 4096;

/// The value of an attribute may have so many bytes: browsers pass over longer ones (§5.6).
pub const MOST_ATTRIBUTE_BYTES: usize = 1024;

/// When a browser sends a cookie along with requests that another site has caused. (§4.1.2.7)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// When the user follows a link there.
    Lax,
    /// Always; the cookie must be [`secure`](Cookie::secure) then.
    None,
}

/// A cookie to be set. (aiohttp's `response.set_cookie`)
///
/// ```
/// use std::time::Duration;
/// use evloop::http::{Cookie, Response, SameSite};
///
/// let cookie = Cookie::new("session", "38afes7a8")
///     .http_only(true)
///     .same_site(SameSite::Lax)
///     .max_age(Duration::from_secs(3600));
/// assert_eq!(
///     cookie.to_string(),
///     "session=38afes7a8; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"
/// );
/// let response = Response::text("hello").set_cookie(cookie);
/// assert!(response.check().is_ok());
/// ```
///
/// The path is `/` if none is set, as in aiohttp. A value that cannot stand there is told by
/// [`check`](Cookie::check), and a response with it fails; to carry any text, encode it with
/// [`url::encode`](super::url::encode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    name: Cow<'static, str>,
    value: Cow<'static, str>,
    path: Cow<'static, str>,
    domain: Option<Cow<'static, str>>,
    max_age: Option<Duration>,
    expires: Option<u64>,
    secure: bool,
    http_only: bool,
    same_site: Option<SameSite>,
    partitioned: bool,
}

impl Cookie {
    /// A cookie that lasts as long as the browser runs.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Cookie {
        Cookie {
            name: name.into(),
            value: value.into(),
            path: Cow::Borrowed("/"),
            domain: None,
            max_age: None,
            expires: None,
            secure: false,
            http_only: false,
            same_site: None,
            partitioned: false,
        }
    }

    /// One that removes the cookie of this name. Its path and domain must be those that were set.
    pub fn removal(name: impl Into<Cow<'static, str>>) -> Cookie {
        Cookie::new(name, "").max_age(Duration::ZERO).expires(0)
    }

    /// Which paths it is sent to: this one and those below it.
    #[must_use]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Cookie {
        self.path = path.into();
        self
    }

    /// Which hosts it is sent to: this one and those below it, not only the one that sets it.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<Cow<'static, str>>) -> Cookie {
        self.domain = Some(domain.into());
        self
    }

    /// How long it lasts, in whole seconds. It counts before [`expires`](Cookie::expires).
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Cookie {
        self.max_age = Some(age);
        self
    }

    /// Until when it lasts, in seconds since 1970 began.
    #[must_use]
    pub fn expires(mut self, at: u64) -> Cookie {
        self.expires = Some(at);
        self
    }

    /// Whether it is sent over secure connections only.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Cookie {
        self.secure = secure;
        self
    }

    /// Whether it is kept from the page's scripts.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Cookie {
        self.http_only = http_only;
        self
    }

    /// Whether it is sent with requests that other sites cause. Without it browsers decide.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Cookie {
        self.same_site = Some(same_site);
        self
    }

    /// Whether an embedding site has a jar of its own for it; it must be
    /// [`secure`](Cookie::secure) then.
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Cookie {
        self.partitioned = partitioned;
        self
    }

    /// Whether it can be sent, and browsers will keep it.
    ///
    /// # Errors
    ///
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<(), &'static str> {
        self.check_pair()?;
        self.check_attributes()?;
        self.check_promises()
    }

    fn check_pair(&self) -> Result<(), &'static str> {
        if self.name.is_empty() || !self.name.bytes().all(is_token_byte) {
            return Err("a cookie's name is not a token: letters, digits and -_.!#$%&'*+^`|~");
        }
        let value = self.value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if !value.unwrap_or(&self.value).bytes().all(is_value_byte) {
            return Err(
                "a cookie's value has a blank, a quote, a comma, a semicolon, a backslash, \
                        or what is not ASCII; encode it with url::encode",
            );
        }
        if self.name.len() + self.value.len() > MOST_BYTES {
            return Err("a cookie's name and value exceed 4096 bytes, which browsers drop");
        }
        Ok(())
    }

    fn check_attributes(&self) -> Result<(), &'static str> {
        let domain = self.domain.as_deref();
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if domain.is_some_and(|it| it.is_empty() || !it.bytes().all(is_host)) {
            return Err("a cookie's domain is not a host name; write example.org");
        }
        let is_path = |byte: u8| matches!(byte, b' '..=b':' | b'<'..=b'~');
        if !self.path.starts_with('/') || !self.path.bytes().all(is_path) {
            return Err("a cookie's path does not begin with /, or has a semicolon, a control \
                        character or what is not ASCII");
        }
        if domain.map_or(0, str::len).max(self.path.len()) > MOST_ATTRIBUTE_BYTES {
            return Err("a cookie's path or domain exceeds 1024 bytes, which browsers pass over");
        }
        Ok(())
    }

    /// What browsers ask of a cookie that promises something (§4.1.3, §5.7).
    fn check_promises(&self) -> Result<(), &'static str> {
        let begins = |prefix: &str| {
            let head = self.name.get(..prefix.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        if self.same_site == Some(SameSite::None) && !self.secure {
            return Err("a cookie with SameSite=None is not secure, and browsers drop it");
        }
        if self.partitioned && !self.secure {
            return Err("a partitioned cookie is not secure, and browsers drop it");
        }
        if begins("__Secure-") && !self.secure {
            return Err("a cookie named __Secure-… is not secure, and browsers drop it");
        }
        if begins("__Host-") && (!self.secure || self.domain.is_some() || self.path != "/") {
            return Err("a cookie named __Host-… must be secure, of the path / and of no domain");
        }
        Ok(())
    }
}

/// As the value of `Set-Cookie`.
impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)?;
        if let Some(age) = self.max_age {
            write!(f, "; Max-Age={}", age.as_secs())?;
        }
        if let Some(at) = self.expires {
            write!(f, "; Expires={}", String::from_utf8_lossy(&imf_fixdate(at)))?;
        }
        write!(f, "; Path={}", self.path)?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={same_site:?}")?;
        }
        if self.partitioned {
            f.write_str("; Partitioned")?;
        }
        Ok(())
    }
}

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

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `cookie-octet` (RFC 6265 §4.1.1).
fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_attribute_is_written_and_the_path_is_the_root_by_itself() {
        let cookie = Cookie::new("a", "b")
            .path("/x")
            .domain("example.org")
            .max_age(Duration::from_millis(1999))
            .expires(784_111_777)
            .secure(true)
            .http_only(true)
            .same_site(SameSite::None)
            .partitioned(true);
        assert_eq!(cookie.check(), Ok(()));
        assert_eq!(
            cookie.to_string(),
            "a=b; Max-Age=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/x; Domain=example.org; \
             Secure; HttpOnly; SameSite=None; Partitioned"
        );
        assert_eq!(Cookie::new("a", "").to_string(), "a=; Path=/");
        let removal = "a=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/";
        assert_eq!(Cookie::removal("a").to_string(), removal);
    }

    #[test]
    fn what_would_break_out_of_its_place_is_refused() {
        let wrong = |cookie: Cookie| cookie.check().is_err();
        for value in
            ["a;b", "a b", "a,b", "a\\b", "a\"b", "\"a", "\u{e9}", "a\r\nX: y", "\0", "\x7f"]
        {
            assert!(wrong(Cookie::new("a", value)), "{value:?}");
            assert!(wrong(Cookie::new(value, "a")), "{value:?}");
        }
        assert!(wrong(Cookie::new("", "a")) && wrong(Cookie::new("a=b", "")));
        assert!(!wrong(Cookie::new("a", "\"quoted\"")));
        for path in ["", "x", "/;Domain=evil.org", "/\n", "/\u{e9}"] {
            assert!(wrong(Cookie::new("a", "b").path(path)), "{path:?}");
        }
        for domain in ["", "a;b", "a b", "a\n", "[::1]"] {
            assert!(wrong(Cookie::new("a", "b").domain(domain)), "{domain:?}");
        }
    }

    #[test]
    fn what_browsers_would_drop_is_refused() {
        let right = |cookie: Cookie| cookie.check().is_ok();
        assert!(right(Cookie::new("a", "b".repeat(MOST_BYTES - 1))));
        assert!(!right(Cookie::new("a", "b".repeat(MOST_BYTES))));
        let path = |len: usize| format!("/{}", "p".repeat(len - 1));
        assert!(right(Cookie::new("a", "b").path(path(MOST_ATTRIBUTE_BYTES))));
        assert!(!right(Cookie::new("a", "b").path(path(MOST_ATTRIBUTE_BYTES + 1))));
        assert!(!right(Cookie::new("a", "b").same_site(SameSite::None)));
        assert!(!right(Cookie::new("a", "b").partitioned(true)));
        assert!(!right(Cookie::new("__secure-a", "b")));
        assert!(right(Cookie::new("__Secure-a", "b").secure(true).domain("h")));
        assert!(right(Cookie::new("__Host-a", "b").secure(true)));
        assert!(!right(Cookie::new("__Host-a", "b").secure(true).domain("h")));
        assert!(!right(Cookie::new("__Host-a", "b").secure(true).path("/x")));
    }

    #[test]
    fn a_response_carries_each_of_its_cookies_and_fails_by_a_bad_one() {
        let mut response = Response::new().set_cookie(Cookie::new("a", "1")).del_cookie("b");
        assert_eq!(response.headers_mut().get_all(SET_COOKIE).iter().count(), 2);
        let response = Response::new().set_cookie(Cookie::new("a", "1\r\n"));
        assert!(response.check().unwrap_err().contains("encode it"));
    }

    #[test]
    fn cookies_are_read_however_they_were_written() {
        let read = |text: &str| {
            let pairs = parse(text.as_bytes());
            pairs.map(|(name, value)| format!("{name}|{value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("a=1; b=2"), "a|1 b|2");
        assert_eq!(read(" a = 1 ;b=2;;  ; c=; d"), "a|1 b|2 c|");
        assert_eq!(read("a=b=c; =x; [x]=\"\"; q=\"; r=\"1\""), "a|b=c [x]| q|\" r|1");
        assert_eq!(read("\u{e9}=1; a=\u{e9}"), "a|\u{e9}");
        let lossy: Vec<_> = parse(b"a=\xff; \xff=1").collect();
        assert_eq!(lossy, [("a", "\u{fffd}".into())]);
    }

    proptest! {
        #[test]
        fn what_passes_the_check_is_one_field_and_is_read_again(
            name in "[ -~\r\u{e9}]{1,2}",
            value in "[ -~\n]{0,3}",
        ) {
            let cookie = Cookie::new(name.clone(), value.clone());
            if cookie.check().is_ok() {
                let text = cookie.to_string();
                prop_assert!(HeaderValue::from_str(&text).is_ok());
                prop_assert_eq!(text.matches(';').count(), 1);
                let pair = text.split(';').next().unwrap();
                let read: Vec<_> = parse(pair.as_bytes()).collect();
                prop_assert_eq!(&read[..], [(&name[..], value.trim_matches('"').into())]);
            }
        }

        #[test]
        fn an_encoded_value_always_passes(text in ".{0,1000}") {
            let cookie = Cookie::new("a", super::super::url::encode(&text));
            prop_assert!(cookie.check().is_ok() || text.len() > 1300);
        }
    }
}
