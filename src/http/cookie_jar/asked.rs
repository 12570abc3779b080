//! A `Set-Cookie` field, taken apart.

use super::LONGEST_LIFE;
use crate::http::cookie::{MOST_ATTRIBUTE_BYTES, MOST_BYTES};
use crate::http::cookie_date;

/// A `Set-Cookie` field, taken apart.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) domain: Option<&'a str>,
    pub(super) path: Option<&'a str>,
    pub(super) expires: Option<i64>,
    pub(super) secure: bool,
}

impl<'a> Asked<'a> {
    /// RFC 6265bis §5.6. `None` if it is to be ignored.
    pub(super) fn parse(text: &'a [u8], now: i64) -> Option<Asked<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return None;
        }
        let mut pieces = text.split(';');
        let (name, value) = pieces.next()?.split_once('=')?;
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        if name.is_empty() || name.len() + value.len() > MOST_BYTES {
            return None;
        }
        let mut asked =
            Asked { name, value, domain: None, path: None, expires: None, secure: false };
        let mut age = None;
        for piece in pieces {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let (name, value) = (name.trim_ascii(), value.trim_ascii());
            if value.len() <= MOST_ATTRIBUTE_BYTES {
                asked.attribute(name, value, &mut age);
            }
        }
        let latest = now.saturating_add(LONGEST_LIFE);
        let expires = age.map(|age| now.saturating_add(age)).or(asked.expires);
        asked.expires = expires.map(|at| at.min(latest));
        Some(asked)
    }

    /// The last of a name counts, if it is well-formed.
    fn attribute(&mut self, name: &str, value: &'a str, age: &mut Option<i64>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("expires") {
            self.expires = cookie_date::parse(value).or(self.expires);
        } else if is("max-age") {
            *age = max_age(value).or(*age);
        } else if is("domain") {
            self.domain =
                Some(value.strip_prefix('.').unwrap_or(value)).filter(|it| !it.is_empty());
        } else if is("path") {
            self.path = value.starts_with('/').then_some(value);
        } else if is("secure") {
            self.secure = true;
        }
    }
}

/// Seconds; at once if there are none.
fn max_age(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(if digits.len() < text.len() { 0 } else { digits.parse().unwrap_or(LONGEST_LIFE) })
}

/// RFC 6265bis §4.1.3, compared in any letter case, as servers may.
pub(super) fn keeps_promises(asked: &Asked<'_>, host_only: bool, path: &str) -> bool {
    let begins = |prefix: &str| {
        asked.name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let host = !begins("__Host-") || asked.secure && host_only && path == "/";
    host && (!begins("__Secure-") || asked.secure)
}
