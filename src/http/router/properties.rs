//! What is true of every set of patterns and every path.

use http::Method;
use proptest::prelude::*;

use super::*;

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]{0,2}",
        1 => Just("%20".to_owned()),
        1 => Just("\u{e9}".to_owned()),
        3 => "[a-c]".prop_map(|name| format!("{{{name}}}")),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segment(), 1..5);
    (segments, prop::bool::weighted(0.2)).prop_map(|(mut segments, tail)| {
        if tail {
            segments.push("{t:.*}".to_owned());
        }
        format!("/{}", segments.join("/"))
    })
}

/// The patterns of a set that can be registered, in a router whose handlers are their numbers.
fn registered(patterns: Vec<String>) -> (Router<usize>, Vec<String>) {
    let mut router = Router::new();
    let mut known = Vec::new();
    for pattern in patterns {
        if router.try_add_route("GET", &pattern, known.len()).is_ok() {
            router.name(&known.len().to_string());
            known.push(pattern);
        }
    }
    (router, known)
}

/// Whether `pattern` stands for `path`, said another way: segment by segment.
fn stands_for(pattern: &str, path: &str) -> bool {
    let (pattern, tail) = match pattern.strip_suffix("/{t:.*}") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let wanted: Vec<_> = pattern.split('/').collect();
    let given: Vec<_> = path.split('/').collect();
    let enough = if tail { given.len() > wanted.len() } else { given.len() == wanted.len() };
    enough
        && wanted.iter().zip(&given).all(|(wanted, given)| match wanted.starts_with('{') {
            true => !given.is_empty(),
            false => crate::http::url::decode(wanted) == crate::http::url::decode(given),
        })
}

proptest! {
    #[test]
    fn a_pattern_filled_in_resolves_to_itself_or_to_a_more_literal_one(
        patterns in prop::collection::vec(pattern(), 1..12),
        value in "[a-c/ %é]{1,4}",
    ) {
        let (router, known) = registered(patterns);
        prop_assert!(router.check().is_ok());
        for (number, pattern) in known.iter().enumerate() {
            let names: Vec<_> = Pattern::parse(pattern).unwrap().iter().filter_map(Segment::name).map(str::to_owned).collect();
            let parts: Vec<_> = names.iter().map(|name| (&name[..], &value[..])).collect();
            let path = router.url_for(&number.to_string(), &parts).unwrap();
            match router.resolve(&Method::GET, &path) {
                Resolved::Found { handler, match_info } if *handler == number => {
                    prop_assert_eq!(match_info.pattern(), &pattern[..]);
                    prop_assert!(match_info.iter().all(|(_, found)| found == value));
                }
                // Another may stand for the path, too, but then it does.
                Resolved::Found { handler, .. } => {
                    prop_assert!(stands_for(&known[*handler], &path), "{} for {path}", known[*handler]);
                }
                other => prop_assert!(false, "{pattern} as {path}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_path_that_is_looked_up_is_found_as_by_a_walk(
        patterns in prop::collection::vec(pattern(), 0..20),
        paths in prop::collection::vec("(/([a-c]{0,2}|%20|%61|é)){1,4}", 1..20),
    ) {
        let (router, known) = registered(patterns);
        for path in paths.iter().chain(&known) {
            for method in [Method::GET, Method::HEAD, Method::PUT] {
                let found = format!("{:?}", router.resolve(&method, path));
                prop_assert_eq!(found, format!("{:?}", router.walk(&method, path)), "{}", path);
            }
        }
    }

    #[test]
    fn a_route_is_found_exactly_where_a_pattern_stands_for_the_path(
        patterns in prop::collection::vec(pattern(), 0..12),
        path in "(/([a-c]{0,2}|%20|é)){1,6}",
    ) {
        let (router, known) = registered(patterns);
        let some = known.iter().any(|pattern| stands_for(pattern, &path));
        match router.resolve(&Method::GET, &path) {
            Resolved::Found { handler, .. } => prop_assert!(stands_for(&known[*handler], &path)),
            Resolved::NotFound => prop_assert!(!some, "{path} is one of {known:?}"),
            other => prop_assert!(false, "{other:?}"),
        }
        if some {
            match router.resolve(&Method::PUT, &path) {
                Resolved::MethodNotAllowed { allow } => prop_assert_eq!(allow, "GET,HEAD"),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn no_path_and_no_pattern_panics(
        patterns in prop::collection::vec("[/{}:.*a%é ]{0,12}", 0..8),
        prefix in "[/{}a%]{0,6}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        method in "[A-Z]{1,8}",
    ) {
        let (mut router, _) = registered(patterns);
        router.mount(&prefix, 0);
        let path = String::from_utf8_lossy(&bytes);
        let method: Method = method.parse().unwrap();
        for path in [&path[..], &format!("/{path}"), &format!("{prefix}/{path}")] {
            if let Resolved::Mounted { at, .. } = router.resolve(&method, path) {
                prop_assert!(path[at..].is_empty() || path[at..].starts_with('/'));
            }
        }
    }
}
