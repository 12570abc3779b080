//! What a pattern matches, which route wins, and how a wrong one is refused.

use http::Method;

use super::*;

/// A router whose handlers are the patterns themselves.
fn router(patterns: &[&'static str]) -> Router<&'static str> {
    let mut router = Router::new();
    for pattern in patterns {
        router.add_get(pattern, *pattern);
    }
    router.check().unwrap();
    router
}

/// The pattern that answers GET of `path`, and its variables.
fn found(router: &Router<&'static str>, path: &str) -> Option<(&'static str, Vec<String>)> {
    match router.resolve(&Method::GET, path) {
        Resolved::Found { handler, match_info } => {
            assert_eq!(match_info.pattern(), *handler);
            Some((handler, match_info.iter().map(|(_, value)| value.to_owned()).collect()))
        }
        _ => None,
    }
}

#[test]
fn a_variable_is_one_segment_that_is_not_empty() {
    let router = router(&["/", "/{id}", "/a/{b}/c/{d}"]);
    assert_eq!(found(&router, "/"), Some(("/", vec![])));
    assert_eq!(found(&router, "/7"), Some(("/{id}", vec!["7".into()])));
    let two = Some(("/a/{b}/c/{d}", vec!["1".into(), "2".into()]));
    assert_eq!(found(&router, "/a/1/c/2"), two);
    for path in ["/7/", "//", "/a//c/2", "/a/1/c/", "/a/1/c", "*", "", "h:443"] {
        assert_eq!(found(&router, path), None, "{path}");
    }
}

#[test]
fn segments_are_matched_and_captured_decoded() {
    let router = router(&["/{id}", "/a b/{x}"]);
    assert_eq!(found(&router, "/%C3%A9%2F%20"), Some(("/{id}", vec!["\u{e9}/ ".into()])));
    assert_eq!(found(&router, "/a%20b/%"), Some(("/a b/{x}", vec!["%".into()])));
}

#[test]
fn a_literal_comes_before_a_variable_and_that_before_a_tail() {
    let router = router(&["/{t:.*}", "/{v}/x", "/a/{w}", "/a/b"]);
    assert_eq!(found(&router, "/a/b").unwrap().0, "/a/b");
    assert_eq!(found(&router, "/a/x").unwrap(), ("/a/{w}", vec!["x".into()]));
    assert_eq!(found(&router, "/c/x").unwrap(), ("/{v}/x", vec!["c".into()]));
    assert_eq!(found(&router, "/c/y").unwrap(), ("/{t:.*}", vec!["c/y".into()]));
    assert_eq!(found(&router, "/").unwrap(), ("/{t:.*}", vec!["".into()]));
    assert_eq!(found(&router, "/a/b/c").unwrap(), ("/{t:.*}", vec!["a/b/c".into()]));
}

#[test]
fn a_known_path_with_another_method_says_which_are_allowed() {
    let mut router = Router::new();
    router.add_post("/a", 1).add_get("/a", 2).add_delete("/{x}", 3);
    match router.resolve(&Method::PUT, "/a") {
        Resolved::MethodNotAllowed { allow } => assert_eq!(allow, "DELETE,GET,HEAD,POST"),
        other => panic!("{other:?}"),
    }
    let found = router.resolve(&Method::DELETE, "/a");
    assert!(matches!(found, Resolved::Found { handler: 3, .. }), "the variable has it");
}

#[test]
fn head_is_answered_by_get_unless_it_has_a_route_of_its_own() {
    let mut router = Router::new();
    router.add_get("/a", "get").add_get("/b", "get").add_head("/b", "head");
    router.add_route("*", "/b", "any").check().unwrap();
    let handler = |method: Method, path: &str| match router.resolve(&method, path) {
        Resolved::Found { handler, .. } => *handler,
        _ => "none",
    };
    assert_eq!(handler(Method::HEAD, "/a"), "get");
    assert_eq!(handler(Method::HEAD, "/b"), "head");
    assert_eq!(handler(Method::PATCH, "/b"), "any");
}

#[test]
fn a_bad_route_is_refused_with_what_would_have_been_right() {
    let error = |method: &str, path: &str| {
        Router::new().try_add_route(method, path, ()).map(|_| ()).unwrap_err().to_string()
    };
    assert!(error("GET", "a").contains("does not begin with /"));
    assert!(error("GET", "/{a").contains("not balanced"));
    assert!(error("GET", "/a}").contains("not balanced"));
    assert!(error("GET", "/}a{").contains("whole segment"));
    assert!(error("GET", "/a{b}").contains("whole segment"));
    assert!(error("GET", "/{}").contains("is not a letter"));
    assert!(error("GET", "/{1}").contains("is not a letter"));
    assert!(error("GET", "/{a:[0-9]+}").contains("not supported"));
    assert!(error("GET", "/{a:.*}/b").contains("is not the last"));
    assert!(error("GET", "/{a}/{a}").contains("one name"));
    assert!(error("G T", "/").contains("is not a method"));
}

#[test]
fn a_literal_that_was_meant_as_a_variable_or_can_never_match_is_refused() {
    let error = |path: &str| Router::new().try_add_route("GET", path, ()).err().map(|it| it.0);
    assert!(error("/users/:id").unwrap().contains("write {name} if"));
    assert!(error("/users/<id>").unwrap().contains("write {name} if"));
    assert!(error("/files/*path").unwrap().contains("write {name:.*} if"));
    assert!(error("/x?page=2").unwrap().contains("%3F"));
    assert!(error("/x#top").unwrap().contains("%23"));
    assert_eq!((error("/v1/x:search"), error("/%3Aid"), error("/a*")), (None, None, None));
}

#[test]
fn the_first_bad_route_of_a_chain_is_remembered() {
    let mut router = Router::new();
    router.add_get("/a", 1).add_get("/a", 2).add_get("/{", 3).add_get("/b", 4);
    assert_eq!(router.check().unwrap_err().to_string(), "there is a route for GET /a already");
}

#[test]
fn methods_of_one_path_may_name_its_variables_differently() {
    let mut router = Router::new();
    router.add_get("/{a}", 1).add_post("/{b}", 2).check().unwrap();
    let shown = match router.resolve(&Method::POST, "/x") {
        Resolved::Found { match_info, .. } => format!("{match_info:?}"),
        _ => String::new(),
    };
    assert_eq!(shown, "<MatchInfo {'b': 'x'}: /{b}>");
}

#[test]
fn match_info_looks_as_aiohttp_shows_it() {
    let router = router(&["/{id}", "/{a}/{b}"]);
    let show = |path: &str| match router.resolve(&Method::GET, path) {
        Resolved::Found { match_info, .. } => format!("{match_info:?}"),
        _ => String::new(),
    };
    assert_eq!(show("/12301"), "<MatchInfo {'id': '12301'}: /{id}>");
    assert_eq!(show("/x/it's%0a"), r"<MatchInfo {'a': 'x', 'b': 'it\'s\n'}: /{a}/{b}>");
}

#[test]
fn a_deep_path_costs_no_more_than_the_patterns_have_nodes() {
    let router = router(&["/a/{x}/a/{y}/a/{z}/end", "/{p}/a/{q}/a/{r}/a/end"]);
    assert_eq!(found(&router, &"/a".repeat(100_000)), None);
}

#[test]
fn many_literals_of_one_node_are_found_like_few() {
    let names: Vec<String> = (0..40).map(|n| format!("/s{n}")).collect();
    let mut router = Router::new();
    for name in &names {
        router.add_get(name, name.clone());
    }
    for name in &names {
        let found = router.resolve(&Method::GET, name);
        assert!(matches!(found, Resolved::Found { handler, .. } if handler == name));
    }
    assert!(matches!(router.resolve(&Method::GET, "/s"), Resolved::NotFound));
}

#[test]
fn what_is_mounted_has_what_its_prefix_has_no_route_for() {
    let mut router = Router::new();
    router.add_get("/a/known", "known").add_get("/{x}/y", "variable").mount("/a", "mounted");
    router.mount("/a/b/", "deeper").check().unwrap();
    let found = |path: &str| match router.resolve(&Method::GET, path) {
        Resolved::Found { handler, .. } | Resolved::Mounted { handler, .. } => *handler,
        _ => "none",
    };
    let rest = |path: &'static str| match router.resolve(&Method::PUT, path) {
        Resolved::Mounted { at, .. } => Some(&path[at..]),
        _ => None,
    };
    assert_eq!(found("/a/known"), "known");
    assert_eq!(found("/a/y"), "mounted", "the literal branch comes first");
    assert_eq!(found("/c/y"), "variable");
    assert_eq!((found("/a/b/c/d"), rest("/a/b/c/d")), ("deeper", Some("/c/d")));
    assert_eq!((found("/a/b"), rest("/a/b")), ("deeper", Some("")));
    assert_eq!((found("/a/b/"), rest("/a/b/")), ("deeper", Some("/")));
    assert_eq!(rest("/a/known"), Some("/known"), "another method is the mounted one's affair");
    assert_eq!((found("/ab"), found("/")), ("none", "none"));
}

#[test]
fn a_prefix_is_literal_and_is_taken_once() {
    let error = |prefix: &str| {
        let mut router = Router::new();
        router.mount("/taken", ()).mount(prefix, ());
        router.check().unwrap_err().to_string()
    };
    assert!(error("/").contains("is empty; write one as in /admin"));
    assert!(error("admin").contains("does not begin with /"));
    assert!(error("/{x}").contains("has a variable"));
    assert!(error("/taken/").contains("mounted at \"/taken/\" already"));
}

#[test]
fn a_name_leads_back_to_a_path_that_leads_to_the_route() {
    let mut router = Router::new();
    router.add_get("/", 0).name("root").add_get("/a b/{x}/{t:.*}", 1).name("all");
    assert_eq!(router.url_for("root", &[]).unwrap(), "/");
    let path = router.url_for("all", &[("t", "c/d e"), ("x", "/\u{e9}")]).unwrap();
    assert_eq!(path, "/a%20b/%2F%C3%A9/c/d%20e");
    match router.resolve(&Method::GET, &path) {
        Resolved::Found { handler: 1, match_info } => {
            assert_eq!(
                (match_info.get("x"), match_info.get("t")),
                (Some("/\u{e9}"), Some("c/d e"))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_path_that_cannot_be_made_is_refused_with_what_is_missing() {
    let mut router = Router::new();
    router.add_get("/{x}", ()).name("one").add_get("/t/{t:.*}", ()).name("tail");
    let error = |name: &str, parts: &[_]| router.url_for(name, parts).unwrap_err().to_string();
    assert!(error("two", &[]).contains("no route has the name \"two\""));
    assert!(error("one", &[]).contains("\"x\" of the pattern \"/{x}\" is not given"));
    assert!(error("one", &[("x", "1"), ("y", "2")]).contains("no variable \"y\""));
    for value in ["", ".", ".."] {
        assert!(error("one", &[("x", value)]).contains("would not lead to"));
    }
    assert!(error("tail", &[("t", "a/../b")]).contains("would not lead to"));
}

#[test]
fn a_name_is_for_one_route_and_comes_after_it() {
    let mut router = Router::<()>::new();
    assert!(router.name("x").check().unwrap_err().to_string().contains("comes before the route"));
    let mut router = Router::new();
    router.add_get("/a", ()).name("x").add_get("/b", ()).name("x");
    assert!(router.check().unwrap_err().to_string().contains("named \"x\" already"));
}
