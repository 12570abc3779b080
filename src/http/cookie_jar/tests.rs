//! What a jar keeps, and where it sends it.

use proptest::prelude::*;

use super::matching::default_path;
use super::*;
use crate::http::cookie::{MOST_ATTRIBUTE_BYTES, MOST_BYTES};

const NOW: i64 = 1_800_000_000;

fn to<'a>(host: &'a str, path: &'a str, secure: bool) -> Destination<'a> {
    Destination { host, path, secure }
}

/// A jar in which `host` has set cookies at `/dir/page`, over TLS.
fn jar(host: &str, cookies: &[&str]) -> CookieJar {
    let mut jar = CookieJar::new();
    for cookie in cookies {
        jar.set(to(host, "/dir/page", true), cookie.as_bytes(), NOW);
    }
    jar
}

fn sent(jar: &mut CookieJar, host: &str, path: &str) -> String {
    let value = jar.header(to(host, path, true), NOW);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[test]
fn a_cookie_without_a_domain_goes_back_to_its_host_alone() {
    let mut jar = jar("example.org", &["a=1; Path=/"]);
    assert_eq!(sent(&mut jar, "example.org", "/"), "a=1");
    for other in ["www.example.org", "org", "xexample.org", "example.org.evil.net"] {
        assert_eq!(sent(&mut jar, other, "/"), "", "{other}");
    }
}

#[test]
fn a_domain_is_the_hosts_own_or_above_it() {
    for domain in ["example.org", ".example.org", "EXAMPLE.org", "www.example.org"] {
        let mut jar = jar("www.example.org", &[&format!("a=1; Path=/; Domain={domain}")]);
        assert_eq!(sent(&mut jar, "www.example.org", "/"), "a=1", "{domain}");
        assert_eq!(sent(&mut jar, "x.www.example.org", "/"), "a=1", "{domain}");
    }
    for domain in
        ["org", "other.org", "x.www.example.org", "ample.org", "..example.org", "\u{e9}.org"]
    {
        assert!(jar("www.example.org", &[&format!("a=1; Domain={domain}")]).is_empty(), "{domain}");
    }
    let mut empty = jar("example.org", &["a=1; Path=/; Domain=x.net; Domain="]);
    assert_eq!(sent(&mut empty, "example.org", "/"), "a=1", "the last domain counts, and is none");
}

#[test]
fn a_public_domain_gets_no_cookies_but_as_a_host() {
    let mut local = jar("localhost", &["a=1; Path=/; Domain=localhost"]);
    assert_eq!(sent(&mut local, "localhost", "/"), "a=1");
    assert_eq!(sent(&mut local, "x.localhost", "/"), "");
    let mut jar = CookieJar::new().public_suffixes(|domain| domain == "co.uk");
    assert!(!jar.set(to("a.co.uk", "/", true), b"a=1; Domain=co.uk", NOW));
    assert!(!jar.set(to("a.co.uk.", "/", true), b"a=1; Domain=co.uk.", NOW));
    assert!(!jar.set(to("evil.com.", "/", true), b"a=1; Domain=com.", NOW));
    assert!(jar.set(to("b.a.co.uk", "/", true), b"a=1; Domain=a.co.uk", NOW));
}

#[test]
fn an_address_is_a_host_and_has_no_domain_above_it() {
    for host in ["127.0.0.1", "::1"] {
        let mut jar = jar(host, &["a=1; Path=/", &format!("b=2; Path=/; Domain={host}")]);
        assert_eq!(sent(&mut jar, host, "/"), "a=1; b=2", "{host}");
    }
    assert!(jar("127.0.0.1", &["a=1; Domain=0.0.1", "a=1; Domain=.1"]).is_empty());
    let mut above = jar("0.1", &["a=1; Path=/; Domain=0.1"]);
    assert_eq!(sent(&mut above, "127.0.0.1", "/"), "");
}

#[test]
fn a_path_is_the_pages_directory_unless_said_and_counts_by_segments() {
    let mut own = jar("h.org", &["a=1"]);
    let found =
        ["/dir", "/dir/", "/dir/x?q", "/", "/dirx", "/di"].map(|it| sent(&mut own, "h.org", it));
    assert_eq!(found, ["a=1", "a=1", "a=1", "", "", ""]);
    let mut said = jar("h.org", &["a=1; path=/x/", "b=2; Path=nonsense"]);
    let found = ["/x", "/x/", "/x/y", "/dir/z"].map(|it| sent(&mut said, "h.org", it));
    assert_eq!(found, ["", "a=1", "a=1", "b=2"]);
    assert_eq!(
        ["", "x", "/", "/a", "/a/", "/a/b?/c/d", "*"].map(default_path),
        ["/", "/", "/", "/", "/a", "/a", "/"]
    );
}

#[test]
fn longer_paths_come_first_and_then_the_elder() {
    let mut jar = jar("h.org", &["a=1; Path=/", "b=2; Path=/dir", "c=3; Path=/", "a=4; Path=/"]);
    assert_eq!(sent(&mut jar, "h.org", "/dir"), "b=2; a=4; c=3", "a new value keeps its age");
}

#[test]
fn a_secure_cookie_keeps_to_secure_connections_and_its_place() {
    let mut jar = jar("h.org", &["a=1; Path=/; Secure"]);
    let insecure = to("h.org", "/", false);
    assert_eq!(jar.header(insecure, NOW), None);
    assert!(!jar.set(insecure, b"b=1; Secure", NOW), "an insecure origin sets no secure cookie");
    assert!(!jar.set(insecure, b"a=evil; Path=/", NOW), "nor takes one's place");
    assert!(!jar.set(to("x.h.org", "/", false), b"a=evil; Domain=h.org; Path=/x", NOW));
    assert!(!jar.set(insecure, b"a=; Path=/; Max-Age=0", NOW), "nor removes one");
    assert_eq!(sent(&mut jar, "h.org", "/"), "a=1");
}

#[test]
fn names_that_promise_something_are_held_to_it() {
    let kept = |cookie: &str| !jar("a.h.org", &[cookie]).is_empty();
    assert!(kept("__Secure-a=1; Secure") && !kept("__Secure-a=1") && !kept("__secure-a=1"));
    assert!(kept("__Host-a=1; Secure; Path=/"));
    assert!(!kept("__Host-a=1; Path=/") && !kept("__Host-a=1; Secure"));
    assert!(!kept("__host-a=1; Secure; Path=/; Domain=h.org"));
}

#[test]
fn a_cookie_ends_when_it_says_and_max_age_counts_before_expires() {
    let at = |cookie: &str, second: i64| {
        let mut jar = jar("h.org", &[cookie]);
        jar.header(to("h.org", "/dir", true), NOW + second).is_some()
    };
    assert!(at("a=1; Max-Age=60", 59) && !at("a=1; Max-Age=60", 60));
    assert!(at("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 59));
    assert!(at("a=1; Expires=Fri, 15-Jan-27 08:00:01 GMT", 0));
    assert!(!at("a=1; Expires=Fri, 15-Jan-27 08:00:01 GMT", 1));
    assert!(at("a=1; Max-Age=soon; Expires=then", 1 << 40), "nonsense is passed over");
    let year = 365 * 86_400;
    assert!(at("a=1; Max-Age=99999999999999999999", year));
    assert!(!at("a=1; Max-Age=99999999999999999999", 2 * year), "at most 400 days");
}

#[test]
fn an_end_in_the_past_removes_the_cookie() {
    for end in ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
        let mut jar = jar("h.org", &["a=1", "b=2"]);
        assert!(jar.set(to("h.org", "/dir/x", true), format!("a=; {end}").as_bytes(), NOW));
        assert_eq!(sent(&mut jar, "h.org", "/dir"), "b=2");
        assert!(!jar.set(to("h.org", "/dir/x", true), format!("c=; {end}").as_bytes(), NOW));
    }
}

#[test]
fn what_is_malformed_or_too_large_is_not_kept() {
    for cookie in ["", "a", ";a=1", "=1", " = 1", "a=1\x01", "a=\x7f", "a=1;\nb=2"] {
        assert!(jar("h.org", &[cookie]).is_empty(), "{cookie:?}");
    }
    assert!(!jar("h.org", &[&format!("a={}", "x".repeat(MOST_BYTES - 1))]).is_empty());
    assert!(jar("h.org", &[&format!("a={}", "x".repeat(MOST_BYTES))]).is_empty());
    assert!(!CookieJar::new().set(to("h.org", "/", true), b"a=\xff", NOW));
    let long = format!("a=1; Path=/{}", "p".repeat(MOST_ATTRIBUTE_BYTES));
    assert_eq!(
        sent(&mut jar("h.org", &[&long]), "h.org", "/dir"),
        "a=1",
        "the path is passed over"
    );
}

#[test]
fn a_domain_keeps_what_it_used_last() {
    let mut jar = jar("h.org", &["first=1; Path=/first", "old=1; Path=/old; Max-Age=1"]);
    for number in 2..MOST_PER_DOMAIN {
        jar.set(to("h.org", "/", true), format!("c{number}=1; Path=/").as_bytes(), NOW);
    }
    assert_eq!(jar.len(), MOST_PER_DOMAIN);
    assert_eq!(sent(&mut jar, "h.org", "/first").split("; ").next(), Some("first=1"));
    jar.set(to("h.org", "/", true), b"x=1; Path=/x", NOW);
    assert!(!sent(&mut jar, "h.org", "/old").contains("old=1"), "the one unused went");
    jar.set(to("h.org", "/", true), b"y=1; Path=/y", NOW);
    assert_eq!(jar.len(), MOST_PER_DOMAIN);
    assert!(sent(&mut jar, "h.org", "/y").contains("y=1"));
}

#[test]
fn the_expired_go_before_the_unused() {
    let mut jar = jar("h.org", &["unused=1; Path=/unused"]);
    for number in 1..MOST_PER_DOMAIN {
        let life = if number == 9 { "; Max-Age=5" } else { "" };
        jar.set(to("h.org", "/", true), format!("c{number}=1; Path=/{life}").as_bytes(), NOW);
    }
    jar.set(to("h.org", "/", true), b"x=1; Path=/", NOW + 5);
    assert!(sent(&mut jar, "h.org", "/unused").contains("unused=1"));
    assert!(!sent(&mut jar, "h.org", "/").contains("c9=1"));
}

#[test]
fn a_flood_from_many_hosts_stays_within_the_jar() {
    let mut jar = CookieJar::new();
    for number in 0..MOST_COOKIES + 10 {
        let host = format!("h{number}.org");
        assert!(jar.set(to(&host, "/", false), b"a=1", NOW));
    }
    assert_eq!(jar.len(), MOST_COOKIES);
    assert_eq!(sent(&mut jar, "h9.org", "/"), "");
    assert_eq!(sent(&mut jar, "h10.org", "/"), "a=1");
}

#[test]
fn a_header_that_servers_would_refuse_is_not_made() {
    let large = "x".repeat(4000);
    let cookies: Vec<_> = (0..9).map(|it| format!("c{it}={large}")).chain(["z=1".into()]).collect();
    let mut jar = jar("h.org", &cookies.iter().map(|it| &it[..]).collect::<Vec<_>>());
    let sent = sent(&mut jar, "h.org", "/dir");
    assert!(sent.len() <= MOST_HEADER_BYTES && sent.ends_with("; z=1"), "{}", sent.len());
}

#[test]
fn a_jar_is_cleared_whole_or_by_domain_and_shows_no_secrets() {
    let mut jar = jar("a.h.org", &["a=secret; Domain=h.org", "b=1; Domain=a.h.org"]);
    jar.set(to("xh.org", "/", true), b"c=1", NOW);
    assert_eq!(format!("{jar:?}"), "<CookieJar 3 cookies>");
    jar.clear_domain("h.org");
    assert_eq!(jar.len(), 1);
    jar.clear();
    assert!(jar.is_empty());
}

proptest! {
    #[test]
    fn whatever_comes_the_jar_sends_nothing_where_it_may_not(
        sets in prop::collection::vec(
            ("(a\\.)?(b\\.)?(c|d)\\.org", "/[xy]?/?[xy]?", "[ -~]{0,3}=?[ -~]{0,8}(; *(Domain=\\.?(b\\.)?c\\.org|Path=/x?|Secure|Max-Age=-?[0-9]))*", any::<bool>()),
            0..30,
        ),
    ) {
        let mut jar = CookieJar::new();
        for (host, path, cookie, secure) in &sets {
            jar.set(to(host, path, *secure), cookie.as_bytes(), NOW);
        }
        let line = jar.header(to("other.org", "/", true), NOW);
        prop_assert_eq!(line, None);
        let never_d = sets.iter().all(|(host, ..)| !host.ends_with("d.org"));
        let line = jar.header(to("d.org", "/x/y", true), NOW);
        prop_assert!(!never_d || line.is_none());
        let line = jar.header(to("a.b.c.org", "/x/y", true), NOW + 10);
        let aged = |cookie: &str| cookie.contains("Max-Age");
        prop_assert!(line.is_none() || sets.iter().any(|(_, _, cookie, _)| !aged(cookie)));
    }

    #[test]
    fn no_bytes_make_it_panic(host: String, path: String, cookie: Vec<u8>, now: i64) {
        let mut jar = CookieJar::new();
        jar.set(to(&host, &path, true), &cookie, now);
        jar.set(to(&host, &path, true), format!("a=b; Domain={host}; Path={path}").as_bytes(), now);
        let _ = jar.header(to(&host, &path, true), now);
    }
}
