//! URLs as a client takes them, and percent-encoding.

mod escape;
mod join;
mod parse;

use std::borrow::Cow;
use std::fmt;

pub use escape::{decode, encode};
pub(crate) use escape::{decode_bytes, lossy};
pub(crate) use parse::{hide_credentials, is_absolute};

/// An `http://` or `https://` URL, taken apart.
///
/// ```
/// let url: evloop::http::Url = "http://example.org:8080/a b?q=1#top".parse()?;
/// assert_eq!((url.host(), url.port()), ("example.org", 8080));
/// assert_eq!(url.target(), "/a%20b?q=1");
/// assert_eq!(url.authority(), "example.org:8080");
/// assert_eq!(url.join("../c")?.to_string(), "http://example.org:8080/c");
/// # Ok::<(), evloop::http::InvalidUrl>(())
/// ```
///
/// A user name and a password before an `@` are kept apart: `Display` and `Debug` show neither,
/// because URLs end up in logs.
///
/// Two of them are equal if they lead to the same by their scheme, so that a port that is the
/// scheme's own may be said or not (RFC 9110 §4.2.3), and their credentials are the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    secure: bool,
    credentials: Option<Box<(String, String)>>,
    host: String,
    /// `None` for the scheme's own, said or not: they are one URL (RFC 9110 §4.2.3).
    port: Option<u16>,
    target: String,
    fragment: Option<String>,
}

impl Url {
    /// `"http"` or `"https"`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Whether the scheme is https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as a name or an address to connect to, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port; if none is given 80, or 443 for https.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(usual_port(self.secure))
    }

    /// What `Host` says: the host, and the port if it is not the scheme's own.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The path and query, as they stand in a request line: not empty, escaped, no fragment.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, escaped; it begins with `/`.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, escaped, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// What follows `#`, escaped. It is never sent.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// The user name and password, decoded.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_deref().map(|(user, password)| (&user[..], &password[..]))
    }

    /// The same without a user name and password.
    pub fn without_credentials(mut self) -> Url {
        self.credentials = None;
        self
    }

    /// Whether scheme, host and port are the same (RFC 6454 §4).
    pub fn has_origin_of(&self, other: &Url) -> bool {
        self.secure == other.secure && self.host == other.host && self.port() == other.port()
    }

    /// The same with these pairs behind those that its query has already, encoded.
    pub fn with_query<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
        let more = super::query::encode_pairs(pairs);
        if more.is_empty() {
            return self;
        }
        self.target.push(match self.query() {
            None => '?',
            Some("") => return Url { target: self.target + &more, ..self },
            Some(_) => '&',
        });
        Url { target: self.target + &more, ..self }
    }
}

fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.target)?;
        match &self.fragment {
            Some(fragment) => write!(f, "#{fragment}"),
            None => Ok(()),
        }
    }
}

/// As it is displayed, without credentials.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

/// Why a URL cannot be used; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl(Cow<'static, str>);

impl InvalidUrl {
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> InvalidUrl {
        InvalidUrl(what.into())
    }
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidUrl {}

#[cfg(test)]
mod tests;
