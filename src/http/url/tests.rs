//! URLs as they are typed, joined and shown.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;

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
fn a_port_that_is_the_schemes_own_makes_no_other_url() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    for (one, same) in [
        ("http://a", "http://a:80/"),
        ("https://a/x", "https://a:443/x"),
        ("http://a:", "http://a"),
    ] {
        assert_eq!(url(one), url(same));
        assert_eq!(url(one).to_string(), url(same).to_string());
        let hash = |url: Url| {
            let mut hasher = DefaultHasher::new();
            url.hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(url(one)), hash(url(same)));
    }
    assert_ne!(url("http://a:443"), url("http://a"));
    assert_ne!(url("https://a:80"), url("https://a"));
    assert_ne!(url("https://a:80"), url("http://a:80"));
}

#[test]
fn no_error_shows_what_stands_before_an_at() {
    for text in [
        "user:secret@host/x",
        "http://user:secret@",
        "http://user:secret@h:99999/",
        "http://user:sec/ret@h",
        "http://user:sec?ret@h",
        "http://user:sec#ret@h",
        "http://user:secret@\u{e9}/",
        "file://user:secret@h/",
        "//user:secret@h",
    ] {
        let told = error(text);
        assert!(!told.contains("sec") && !told.contains("user"), "{text}: {told}");
    }
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

proptest! {
    #[test]
    fn whatever_is_wrong_with_a_url_its_password_is_not_told(
        before in "(http://|https://|ftp://|//|x:|)",
        user in "[a-z]{0,3}",
        after in "(h|h:0|h:x|h:99999|\\[|)(/[a-z@]{0,4})?",
        odd in "[ -~]{0,6}",
    ) {
        let text = format!("{before}{user}:{odd}SECRET{odd}@{after}");
        if let Err(error) = text.parse::<Url>() {
            let told = format!("{error} {error:?}");
            prop_assert!(!told.contains("SECRET"), "{}", told);
        }
    }
}
