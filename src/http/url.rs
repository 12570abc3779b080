//! URLs as a client takes them, and percent-encoding.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use http::Uri;

/// Decodes `%XX` (RFC 3986 §2.1). A percent sign that is not followed by two hex digits stays, and
/// bytes that are not UTF-8 become U+FFFD, as `urllib.parse.unquote` has it.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(lossy(decode_bytes(text.as_bytes(), false)))
}

/// The bytes with escapes undone; in a form's data a plus sign is a blank.
pub(crate) fn decode_bytes(text: &[u8], plus_is_blank: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, used) = match (first, tail) {
            (b'%', [high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            (b'+', _) if plus_is_blank => (b' ', 1),
            (byte, _) => (*byte, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

pub(crate) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// Encodes every byte that is not a letter, a digit or one of `-._~` (RFC 3986 §2.3), so that the
/// result can stand anywhere in a URL.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            push_escape(&mut out, byte);
        }
    }
    out
}

fn push_escape(out: &mut String, byte: u8) {
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(b"0123456789ABCDEF"[digit as usize] as char);
    }
}

/// An `http://` URL, taken apart.
///
/// ```
/// let url: evloop::http::Url = "http://example.org:8080/a b?q=1#top".parse()?;
/// assert_eq!((url.host(), url.port()), ("example.org", 8080));
/// assert_eq!(url.target(), "/a%20b?q=1");
/// assert_eq!(url.authority(), "example.org:8080");
/// # Ok::<(), evloop::http::InvalidUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    host: String,
    port: Option<u16>,
    target: String,
}

impl Url {
    /// The host as a name or an address to connect to, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port; 80 if none is given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(80)
    }

    /// What `Host` says: the host, and the port if it is not 80.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) if port != 80 => format!("{}:{port}", self.host),
            _ => self.host.clone(),
        }
    }

    /// The path and query, as they stand in a request line: not empty, escaped, no fragment.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.target)
    }
}

/// Why a URL cannot be used; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl(Cow<'static, str>);

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidUrl {}

impl FromStr for Url {
    type Err = InvalidUrl;

    /// Takes what a user types: blanks and letters beyond ASCII in path and query are encoded, the
    /// fragment is dropped.
    fn from_str(text: &str) -> Result<Url, InvalidUrl> {
        let text = text.trim();
        check_scheme(text)?;
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = escape_target(text)
            .parse()
            .map_err(|error| InvalidUrl(format!("{text:?} is not a URL: {error}").into()))?;
        let authority = uri.authority().ok_or_else(|| no_host(text))?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl(
                "a URL with a user name or password is not taken; send an Authorization header"
                    .into(),
            ));
        }
        let host = authority.host();
        if host.is_empty() || !super::h1::is_host(authority.as_str().as_bytes()) {
            return Err(no_host(text));
        }
        let target = uri.path_and_query().map_or("/", |it| it.as_str());
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}") };
        Ok(Url { host: host.to_ascii_lowercase(), port: port(authority, text)?, target })
    }
}

fn check_scheme(text: &str) -> Result<(), InvalidUrl> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http") => Ok(()),
        Some("https") => Err(InvalidUrl(
            format!("{text:?} is an https URL, and TLS is not built in yet; use http://").into(),
        )),
        Some(other) => {
            Err(InvalidUrl(format!("{other:?} URLs are not known here; use http://").into()))
        }
        None => Err(InvalidUrl(format!("{text:?} has no scheme; write http://host/path").into())),
    }
}

fn no_host(text: &str) -> InvalidUrl {
    InvalidUrl(format!("{text:?} names no valid host; write http://host/path").into())
}

fn port(authority: &http::uri::Authority, text: &str) -> Result<Option<u16>, InvalidUrl> {
    let digits = authority.as_str()[authority.host().len()..].strip_prefix(':');
    match digits {
        None | Some("") => Ok(None),
        Some(digits) => match digits.parse() {
            Ok(port) if port != 0 => Ok(Some(port)),
            _ => Err(InvalidUrl(
                format!("the port of {text:?} is not a number from 1 to 65535").into(),
            )),
        },
    }
}

/// Escapes what may not stand in a URL at all; what is escaped already stays as it is.
fn escape_target(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let path = text[start..].find(['/', '?']).map_or(text.len(), |at| start + at);
    let mut out = text[..path].to_owned();
    for byte in text[path..].bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(byte as char);
        } else {
            push_escape(&mut out, byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Url>().unwrap_err().to_string()
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        assert_eq!(decode("/a%20b%C3%A9"), "/a b\u{e9}");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "\u{fffd}");
        assert!(matches!(decode("/plain+path"), Cow::Borrowed("/plain+path")));
    }

    #[test]
    fn a_url_is_taken_apart() {
        let url: Url = "http://Example.ORG".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("example.org", 80, "/"));
        let url: Url = "http://[::1]:9977/x".parse().unwrap();
        assert_eq!((url.host(), url.port()), ("::1", 9977));
        assert_eq!(url.authority(), "[::1]:9977");
        let url: Url = "http://h:80?q".parse().unwrap();
        assert_eq!((url.authority().as_str(), url.target()), ("h", "/?q"));
    }

    #[test]
    fn what_a_user_types_is_escaped_and_what_is_escaped_is_left() {
        let url: Url = "http://h/a b%20c/\u{e9}?x=\"y\"#frag".parse().unwrap();
        assert_eq!(url.target(), "/a%20b%20c/%C3%A9?x=%22y%22");
    }

    #[test]
    fn an_unusable_url_is_refused_with_what_would_have_been_right() {
        assert!(error("https://h/").contains("TLS is not built in yet; use http://"));
        assert!(error("ftp://h/").contains("\"ftp\" URLs are not known"));
        assert!(error("localhost:80/").contains("has no scheme; write http://"));
        assert!(error("http:///x").contains("URL") || error("http:///x").contains("host"));
        assert!(error("http://u:p@h/").contains("Authorization"));
        assert!(error("http://h:99999/").contains("1 to 65535"));
        assert!(error("http://h:0/").contains("1 to 65535"));
        assert!(error("http://h:x/").contains("URL") || error("http://h:x/").contains("host"));
        assert!(error("http://a b/").contains("not a URL"));
    }

    #[test]
    fn a_line_end_in_a_url_cannot_get_into_a_request() {
        let url: Url = "http://h/x\r\nHost: evil".parse().unwrap();
        assert_eq!(url.target(), "/x%0D%0AHost:%20evil");
        assert!("http://h\r\nx/".parse::<Url>().is_err());
    }
}
