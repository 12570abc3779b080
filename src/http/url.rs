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
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    secure: bool,
    credentials: Option<Box<(String, String)>>,
    host: String,
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
        self.port.unwrap_or(self.usual_port())
    }

    fn usual_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// What `Host` says: the host, and the port if it is not the scheme's own.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) if port != self.usual_port() => format!("{}:{port}", self.host),
            _ => self.host.clone(),
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

    /// What `reference` means where this URL is the base: a path beside it, an absolute path,
    /// another host, a query, a whole URL (RFC 3986 §5.2).
    ///
    /// One that names a host has no credentials but its own.
    ///
    /// # Errors
    ///
    /// What comes of it cannot be used.
    pub fn join(&self, reference: &str) -> Result<Url, InvalidUrl> {
        let reference = reference.trim();
        if scheme_of(reference).is_some() {
            return reference.parse();
        }
        if reference.starts_with("//") {
            return format!("{}:{reference}", self.scheme()).parse();
        }
        let (rest, fragment) = split_fragment(reference);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = match path {
            "" => self.path().to_owned(),
            path if path.starts_with('/') => without_dots(path),
            path => without_dots(&merge(self.path(), path)),
        };
        let query = if rest.is_empty() { self.query() } else { query };
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let fragment = fragment.map_or(String::new(), |fragment| format!("#{fragment}"));
        let base = format!("{}://{}", self.scheme(), self.authority());
        let joined: Url = format!("{base}{path}{query}{fragment}").parse()?;
        Ok(Url { credentials: self.credentials.clone(), ..joined })
    }

    /// The same with this fragment, if it has none of its own (RFC 9110 §10.2.2).
    pub(crate) fn with_fragment_of(mut self, other: &Url) -> Url {
        if self.fragment.is_none() {
            self.fragment.clone_from(&other.fragment);
        }
        self
    }
}

/// Everything up to the last slash of `base`, and then `path` (RFC 3986 §5.2.3).
fn merge(base: &str, path: &str) -> String {
    let folder = base.rfind('/').map_or("/", |at| &base[..=at]);
    format!("{folder}{path}")
}

/// Takes out `.` and `..` (RFC 3986 §5.2.4), written as such or as `%2e`: what another program
/// would take for a way up is none here.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        match &piece.to_ascii_lowercase().replace("%2e", ".")[..] {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(piece),
        }
    }
    format!("/{}", kept.join("/"))
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

impl FromStr for Url {
    type Err = InvalidUrl;

    /// Takes what a user types: blanks and letters beyond ASCII in path, query and fragment are
    /// encoded.
    fn from_str(text: &str) -> Result<Url, InvalidUrl> {
        let text = text.trim();
        let shown = hide_credentials(text);
        let secure = check_scheme(text, &shown)?;
        let (rest, fragment) = split_fragment(text);
        let start = rest.find("://").map_or(0, |at| at + 3);
        let end = rest[start..].find(['/', '?']).map_or(rest.len(), |at| start + at);
        let (userinfo, host_and_port) = split_userinfo(&rest[start..end]);
        if host_and_port.is_empty() {
            return Err(no_host(&shown));
        }
        check_host_bytes(host_and_port, &shown)?;
        let uri: Uri = format!("http://{host_and_port}{}", escape(&rest[end..]))
            .parse()
            .map_err(|error| InvalidUrl(format!("{shown:?} is not a URL: {error}").into()))?;
        let authority = uri.authority().ok_or_else(|| no_host(&shown))?;
        let host = authority.host();
        if host.is_empty() || !super::h1::is_host(authority.as_str().as_bytes()) {
            return Err(no_host(&shown));
        }
        let target = uri.path_and_query().map_or("/", |it| it.as_str());
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}") };
        Ok(Url {
            secure,
            credentials: userinfo.map(credentials),
            host: host.to_ascii_lowercase(),
            port: port(authority, &shown)?,
            target,
            fragment: fragment.map(escape),
        })
    }
}

/// The scheme of an absolute URL (RFC 3986 §3.1), if it has one; `localhost:80/` has none here,
/// since two slashes have to follow.
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let mut bytes = scheme.bytes();
    let first = bytes.next()?.is_ascii_alphabetic();
    (first && bytes.all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))).then_some(scheme)
}

/// Whether `text` says by itself where to go.
pub(crate) fn is_absolute(text: &str) -> bool {
    scheme_of(text.trim()).is_some()
}

/// Whether it is https.
fn check_scheme(text: &str, shown: &str) -> Result<bool, InvalidUrl> {
    let scheme = scheme_of(text).map(str::to_ascii_lowercase);
    match scheme.as_deref() {
        Some("http") => Ok(false),
        Some("https") => Ok(true),
        Some(other) => Err(InvalidUrl(
            format!("{other:?} URLs are not known here; use http:// or https://").into(),
        )),
        None => Err(InvalidUrl(format!("{shown:?} has no scheme; write http://host/path").into())),
    }
}

fn split_fragment(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    }
}

/// The last `@` divides, as the URL standard has it: a password may contain one.
fn split_userinfo(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority),
    }
}

fn credentials(userinfo: &str) -> Box<(String, String)> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Box::new((decode(user).into_owned(), decode(password).into_owned()))
}

/// A text for errors, which end up in logs.
fn hide_credentials(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    }
}

fn check_host_bytes(host: &str, shown: &str) -> Result<(), InvalidUrl> {
    match host.is_ascii() {
        true => Ok(()),
        false => Err(InvalidUrl(
            format!("the host of {shown:?} has letters beyond ASCII; write its xn-- form").into(),
        )),
    }
}

fn no_host(shown: &str) -> InvalidUrl {
    InvalidUrl(format!("{shown:?} names no valid host; write http://host/path").into())
}

fn port(authority: &http::uri::Authority, shown: &str) -> Result<Option<u16>, InvalidUrl> {
    let digits = authority.as_str()[authority.host().len()..].strip_prefix(':');
    match digits {
        None | Some("") => Ok(None),
        Some(digits) => match digits.parse() {
            Ok(port) if port != 0 => Ok(Some(port)),
            _ => Err(InvalidUrl(
                format!("the port of {shown:?} is not a number from 1 to 65535").into(),
            )),
        },
    }
}

/// Escapes what may not stand in a URL at all; what is escaped already stays as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
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
        let url: Url = "HTTPS://h/p?q#f".parse().unwrap();
        assert_eq!((url.scheme(), url.port(), &url.authority()[..]), ("https", 443, "h"));
        assert_eq!((url.path(), url.query(), url.fragment()), ("/p", Some("q"), Some("f")));
        assert_eq!("https://h:80/".parse::<Url>().unwrap().authority(), "h:80");
    }

    #[test]
    fn what_a_user_types_is_escaped_and_what_is_escaped_is_left() {
        let url: Url = "http://h/a b%20c/\u{e9}?x=\"y\"#frag ment".parse().unwrap();
        assert_eq!(url.target(), "/a%20b%20c/%C3%A9?x=%22y%22");
        assert_eq!(url.fragment(), Some("frag%20ment"));
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let url: Url = "http://a%40b:c@d:e%3A@h:8/x@y".parse().unwrap();
        assert_eq!(url.credentials(), Some(("a@b", "c@d:e:")));
        assert_eq!(format!("{url} {url:?}"), "http://h:8/x@y \"http://h:8/x@y\"");
        assert_eq!("http://u@h/".parse::<Url>().unwrap().credentials(), Some(("u", "")));
        assert!(!error("http://user:secret@h:0/").contains("secret"));
        assert!(!error("ftp://user:secret@h/").contains("secret"));
        assert_eq!(url.without_credentials().credentials(), None);
    }

    #[test]
    fn an_unusable_url_is_refused_with_what_would_have_been_right() {
        assert!(error("ftp://h/").contains("\"ftp\" URLs are not known"));
        assert!(error("localhost:80/").contains("has no scheme; write http://"));
        assert!(error("http:///x").contains("no valid host"));
        assert!(error("http://").contains("no valid host"));
        assert!(error("http://h:99999/").contains("1 to 65535"));
        assert!(error("http://h:0/").contains("1 to 65535"));
        assert!(error("http://h:x/").contains("URL") || error("http://h:x/").contains("host"));
        assert!(error("http://a b/").contains("not a URL"));
        assert!(error("http://\u{e9}/").contains("xn--"));
    }

    #[test]
    fn a_line_end_in_a_url_cannot_get_into_a_request() {
        let url: Url = "http://h/x\r\nHost: evil".parse().unwrap();
        assert_eq!(url.target(), "/x%0D%0AHost:%20evil");
        assert!("http://h\r\nx/".parse::<Url>().is_err());
        let url: Url = "http://u\r\n@h/#\r\nx".parse().unwrap();
        assert!(!url.to_string().contains('\n'));
    }

    /// RFC 3986 §5.4, as far as its base and references are http.
    #[test]
    fn a_reference_is_resolved_as_the_standard_has_it() {
        let base: Url = "http://a/b/c/d;p?q".parse().unwrap();
        for (reference, expected) in [
            ("http://g", "http://g/"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
            ("%2E%2e/g", "http://a/b/g"),
            ("g?u=http://x/", "http://a/b/c/g?u=http://x/"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), expected, "{reference:?}");
        }
        assert!(base.join("ftp://g/").is_err());
        assert!(base.join("//").is_err());
    }

    #[test]
    fn a_query_grows_behind_what_is_there() {
        let with = |url: &str, pairs: &[(&str, &str)]| {
            url.parse::<Url>().unwrap().with_query(pairs.iter().copied()).target().to_owned()
        };
        assert_eq!(with("http://h/a", &[("b", "c d"), ("e", "&")]), "/a?b=c%20d&e=%26");
        assert_eq!(with("http://h/a?x=1", &[("b", "c")]), "/a?x=1&b=c");
        assert_eq!(with("http://h/a?", &[("b", "c")]), "/a?b=c");
        assert_eq!(with("http://h/a", &[]), "/a");
    }
}
