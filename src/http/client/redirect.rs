//! Where a redirect leads, and with what: pure.
//!
//! | status | method | body |
//! |---|---|---|
//! | 301, 302 | POST becomes GET, every other stays | goes with the method (RFC 9110 §15.4.2, §15.4.3) |
//! | 303 | HEAD stays, every other becomes GET | none (§15.4.4) |
//! | 307, 308 | stays | stays (§15.4.8, §15.4.9) |
//!
//! To another origin go no credentials (§15.4): `Authorization`, `Cookie`, `Proxy-Authorization`,
//! nor a `Host` of the caller's own. What has come by https is named in no `Referer` in the clear
//! (§10.1.3). A location with user information is an error: whoever sends one wants to look like
//! another (§4.2.4); aiohttp would sign in with it.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, LAST_MODIFIED, LOCATION, PROXY_AUTHORIZATION, REFERER,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::error::ClientError;
use crate::http::h1::ResponseHead;
use crate::http::url::{InvalidUrl, Url, hide_credentials};

/// What describes a body, and goes with it.
const OF_A_BODY: [HeaderName; 8] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    EXPECT,
    LAST_MODIFIED,
    TRANSFER_ENCODING,
];

/// What is meant for one server only.
const OF_AN_ORIGIN: [HeaderName; 4] = [AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION];

/// The request that a redirect asks for.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) keeps_body: bool,
    pub(super) same_origin: bool,
    /// It leads from https to http.
    exposes: bool,
}

/// What a response asks for, if it is a redirect.
///
/// # Errors
///
/// It leads to what is no http URL, or has user information.
pub(super) fn next(
    head: &ResponseHead,
    method: &Method,
    url: &Url,
) -> Result<Option<Next>, ClientError> {
    let Some(location) = head.fields().get(LOCATION.as_str()) else { return Ok(None) };
    let (method, keeps_body) = match becomes(head.status(), method) {
        Some(becomes) => becomes,
        None => return Ok(None),
    };
    let location = String::from_utf8_lossy(location);
    let to = url.join(&location).map_err(|error| {
        let shown = hide_credentials(&location);
        InvalidUrl::new(format!("{url} redirects to {shown:?}, which cannot be: {error}"))
    })?;
    if names_a_user(&location, url) {
        return Err(InvalidUrl::new(format!(
            "{url} redirects to {to} with a user's name, which no server has to say"
        ))
        .into());
    }
    let to = to.with_fragment_of(url);
    let same_origin = to.has_origin_of(url);
    let exposes = url.is_secure() && !to.is_secure();
    Ok(Some(Next { url: to, method, keeps_body, same_origin, exposes }))
}

/// Whether the location has user information, other than what a relative one has from `url`.
fn names_a_user(location: &str, url: &Url) -> bool {
    let to = url.clone().without_credentials().join(location);
    to.is_ok_and(|to| to.credentials().is_some())
}

/// The method after a redirect, and whether the body stays; `None` if it is none.
fn becomes(status: StatusCode, method: &Method) -> Option<(Method, bool)> {
    let posts = *method == Method::POST;
    match status.as_u16() {
        301 | 302 if posts => Some((Method::GET, false)),
        303 if *method == Method::HEAD => Some((Method::HEAD, false)),
        303 => Some((Method::GET, false)),
        301 | 302 | 307 | 308 => Some((method.clone(), true)),
        _ => None,
    }
}

impl Next {
    /// Takes out of `headers` what does not go along.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        let of_body = OF_A_BODY.iter().filter(|_| !self.keeps_body);
        let of_origin = OF_AN_ORIGIN.iter().filter(|_| !self.same_origin);
        let of_secrecy = [REFERER].iter().filter(|_| self.exposes);
        for name in of_body.chain(of_origin).chain(of_secrecy) {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::{ClientConnection, Event, OutgoingRequest, Shared};

    /// What a GET is answered.
    fn head(text: &str) -> ResponseHead {
        let mut connection = ClientConnection::new(&Shared::default());
        let headers = HeaderMap::new();
        let request =
            OutgoingRequest { method: &Method::GET, target: "/", host: "h", headers: &headers };
        connection.request(&mut Vec::new(), &request, b"").unwrap();
        match connection.receive(text.as_bytes()).unwrap() {
            (_, Event::Head(head)) => head,
            (_, event) => panic!("{event:?}"),
        }
    }

    fn redirected(status: u16, method: Method, location: &str) -> Option<Next> {
        let head = head(&format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\n\r\n"));
        next(&head, &method, &"http://h/a/b?c#d".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_table_of_methods_is_true() {
        let becomes = |status, method| {
            let next = redirected(status, method, "/x")?;
            Some((next.method.to_string(), next.keeps_body))
        };
        let stays = |method: &str, body| Some((method.to_owned(), body));
        for status in [301, 302] {
            assert_eq!(becomes(status, Method::POST), stays("GET", false));
            assert_eq!(becomes(status, Method::PUT), stays("PUT", true));
            assert_eq!(becomes(status, Method::HEAD), stays("HEAD", true));
        }
        assert_eq!(becomes(303, Method::PUT), stays("GET", false));
        assert_eq!(becomes(303, Method::HEAD), stays("HEAD", false));
        for status in [307, 308] {
            assert_eq!(becomes(status, Method::POST), stays("POST", true));
        }
        for status in [200, 300, 304, 305, 306, 400] {
            assert_eq!(becomes(status, Method::GET), None, "{status}");
        }
    }

    #[test]
    fn a_location_is_relative_to_the_url_and_inherits_its_fragment() {
        let to = |location: &str| redirected(302, Method::GET, location).unwrap().url.to_string();
        assert_eq!(to("x"), "http://h/a/x#d");
        assert_eq!(to("/x#y"), "http://h/x#y");
        assert_eq!(to("//other/x"), "http://other/x#d");
        assert_eq!(to("/a b\u{e9}"), "http://h/a%20b%C3%A9#d");
        let head = head("HTTP/1.1 302 x\r\nLocation: /x\r\n\r\n");
        let next = next(&head, &Method::GET, &"http://u:p@h/".parse().unwrap()).unwrap().unwrap();
        assert_eq!(next.url.credentials(), Some(("u", "p")), "one's own go on");
    }

    #[test]
    fn a_location_that_cannot_be_says_from_where_to_where() {
        let head = head("HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\n\r\n");
        let error = next(&head, &Method::GET, &"http://h/".parse().unwrap()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("http://h/ redirects to \"file:///etc/passwd\""), "{text}");
    }

    #[test]
    fn a_location_with_a_users_name_is_an_error_that_does_not_tell_it() {
        for location in ["http://root:pass@h/", "//root@other/x", "https://:pass@h/"] {
            let head = head(&format!("HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n"));
            let error = next(&head, &Method::GET, &"http://h/".parse().unwrap()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("a user's name"), "{text}");
            assert!(!text.contains("root") && !text.contains("pass"), "{text}");
        }
    }

    #[test]
    fn a_location_that_cannot_be_is_told_without_its_credentials() {
        for location in [
            "ftp://user:secret@h/",
            "//user:secret@",
            "http://user:secret@h:0/",
            "http://user:sec/ret@h/",
            "http://user:secret@/",
            "secret@[",
        ] {
            let head = head(&format!("HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n"));
            let Err(error) = next(&head, &Method::GET, &"http://a:pw@h/".parse().unwrap()) else {
                assert_eq!(location, "secret@[", "{location} is not a path");
                continue;
            };
            let text = format!("{error} {error:?}");
            for secret in ["secret", "sec/ret", "ret", "user", "pw"] {
                let told = text.replace("redirects", "");
                assert!(!told.contains(secret), "{location}: {text}");
            }
        }
    }

    #[test]
    fn a_referer_does_not_follow_from_https_to_http() {
        let kept = |from: &str, location: &str| {
            let head = head(&format!("HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n"));
            let next = next(&head, &Method::GET, &from.parse().unwrap()).unwrap().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(REFERER, http::HeaderValue::from_static("https://h/secret"));
            next.strip(&mut headers);
            !headers.is_empty()
        };
        assert!(!kept("https://h/", "http://h/"));
        assert!(kept("https://h/", "/x") && kept("http://h/", "http://h/x"));
        assert!(kept("http://h/", "https://h/"));
    }

    #[test]
    fn no_location_is_no_redirect() {
        let head = head("HTTP/1.1 302 x\r\n\r\n");
        assert!(next(&head, &Method::GET, &"http://h/".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn credentials_stay_with_their_origin_and_a_bodys_fields_with_it() {
        let names = ["authorization", "cookie", "proxy-authorization", "host", "content-type", "x"];
        let left = |next: Next| {
            let mut headers: HeaderMap = names
                .iter()
                .map(|name| (HeaderName::from_static(name), http::HeaderValue::from_static("1")))
                .collect();
            next.strip(&mut headers);
            let mut left: Vec<_> = headers.keys().map(ToString::to_string).collect();
            left.sort();
            left
        };
        let other = |location| redirected(307, Method::POST, location).unwrap();
        assert_eq!(left(other("/x")).len(), 6);
        for location in ["https://h/", "http://h:81/", "http://other/", "http://h.other/"] {
            assert_eq!(left(other(location)), ["content-type", "x"], "{location}");
        }
        let get = redirected(303, Method::POST, "//other/").unwrap();
        assert_eq!(left(get), ["x"]);
    }
}
