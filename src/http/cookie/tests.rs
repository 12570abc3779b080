//! Cookies as a server writes and reads them.

use http::HeaderValue;
use http::header::SET_COOKIE;
use proptest::prelude::*;

use super::*;
use crate::http::Response;

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
    for value in ["a;b", "a b", "a,b", "a\\b", "a\"b", "\"a", "\u{e9}", "a\r\nX: y", "\0", "\x7f"] {
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
        let cookie = Cookie::new("a", crate::http::url::encode(&text));
        prop_assert!(cookie.check().is_ok() || text.len() > 1300);
    }
}
