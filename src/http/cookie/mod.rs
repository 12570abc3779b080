//! Cookies as a server sees them: `Cookie` comes in, `Set-Cookie` goes out (RFC 6265bis).
//!
//! What comes is read leniently, as any program may have set it; what goes out is checked
//! strictly, so that no value becomes a second attribute and no browser drops it silently.
//!
//! It is our own code: the crate `cookie` has no rules for a client, needs `time` for the dates
//! that [`date`](crate::http::date) has already, and takes any value without a word.

mod check;
mod messages;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::date::imf_fixdate;

pub use messages::parse;

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
/// [`url::encode`](crate::http::url::encode).
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

#[cfg(test)]
mod tests;
