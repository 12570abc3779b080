//! The session's jar between requests and responses.

use std::time::SystemTime;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, header};

use super::session::Session;
use crate::http::cookie_jar::{Destination, Offer};
use crate::http::h1::ResponseHead;
use crate::http::url::Url;

impl Session {
    /// Takes the cookies that a server sets.
    pub(super) fn take_cookies(&self, head: &ResponseHead, url: &Url) {
        let Some(jar) = &self.jar else { return };
        for value in set_cookies(head) {
            let is_public = jar.borrow().is_public();
            // A caller's code runs here: the jar is not borrowed.
            let offer = Offer::new(destination(url), value, now(), is_public.as_deref());
            offer.map(|offer| jar.borrow_mut().keep(offer));
        }
    }

    /// Adds the jar's cookies to those that the caller sends, which go before.
    pub(super) fn add_cookies(&self, headers: &mut HeaderMap, url: &Url) {
        let Some(jar) = &self.jar else { return };
        if jar.borrow().is_empty() {
            return;
        }
        let Some(kept) = jar.borrow_mut().header(destination(url), now()) else { return };
        let Some(own) = headers.get(header::COOKIE) else {
            headers.insert(header::COOKIE, kept);
            return;
        };
        if let Ok(both) = HeaderValue::from_bytes(&joined(own.as_bytes(), kept.as_bytes())) {
            headers.insert(header::COOKIE, both);
        }
    }
}

/// The cookies of `own`, and those of `kept` that have other names.
fn joined(own: &[u8], kept: &[u8]) -> Vec<u8> {
    let mut both = own.to_vec();
    for pair in pairs(kept) {
        if !pairs(own).any(|other| name(other) == name(pair)) {
            both.extend_from_slice(b"; ");
            both.extend_from_slice(pair);
        }
    }
    both
}

fn pairs(cookies: &[u8]) -> impl Iterator<Item = &[u8]> {
    cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// The values of the fields that set cookies.
pub(super) fn set_cookies(head: &ResponseHead) -> impl Iterator<Item = &[u8]> {
    let fields = head.fields().iter();
    fields.filter(|(name, _)| name.eq_ignore_ascii_case(SET_COOKIE.as_str())).map(|(_, it)| it)
}

fn destination(url: &Url) -> Destination<'_> {
    Destination { host: url.host(), path: url.path(), secure: url.is_secure() }
}

/// Seconds since 1970 began. Cookies last by the calendar, not by the loop's clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_sends_goes_before_what_the_jar_has_of_that_name() {
        assert_eq!(joined(b"a=1; b=2", b"b=3; c=4"), b"a=1; b=2; c=4");
        assert_eq!(joined(b"a=1", b"a=2"), b"a=1");
    }
}
