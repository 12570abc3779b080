//! Texts that become URLs.

use std::borrow::Cow;
use std::str::FromStr;

use http::Uri;

use super::escape::{decode, escape};
use super::{InvalidUrl, Url, usual_port};
use crate::http::h1::is_host;

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
        if host.is_empty() || !is_host(authority.as_str().as_bytes()) {
            return Err(no_host(&shown));
        }
        let target = uri.path_and_query().map_or("/", |it| it.as_str());
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}") };
        Ok(Url {
            secure,
            credentials: userinfo.map(credentials),
            host: host.to_ascii_lowercase(),
            port: port(authority, &shown)?.filter(|port| *port != usual_port(secure)),
            target,
            fragment: fragment.map(escape),
        })
    }
}

/// The scheme of an absolute URL (RFC 3986 §3.1), if it has one; `localhost:80/` has none here,
/// since two slashes have to follow.
pub(super) fn scheme_of(text: &str) -> Option<&str> {
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

pub(super) fn split_fragment(text: &str) -> (&str, Option<&str>) {
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

/// A text for errors, which end up in logs. Whatever the text is taken for, nothing in front of its
/// last `@` is shown: a password may have a slash in it that was not escaped.
pub(crate) fn hide_credentials(text: &str) -> Cow<'_, str> {
    let Some(at) = text.rfind('@') else { return text.into() };
    let scheme = scheme_of(text).filter(|scheme| scheme.len() < at);
    let slashes = if scheme.is_some() { "://" } else { "" };
    format!("{}{slashes}…{}", scheme.unwrap_or_default(), &text[at..]).into()
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
