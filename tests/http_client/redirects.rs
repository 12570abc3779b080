//! Where a redirect leads, and what goes along.

use evloop::http::{ClientError, ClientSession};

use crate::support::{Server, get, ok, redirect, run, with};

/// Says `/n` leads to `/n-1`, and `/0` nowhere.
fn stairs(status: u16) -> Server {
    Server::new(move |asked| match asked.target.trim_start_matches('/').parse::<u32>() {
        Ok(0) => ok("ground"),
        Ok(floor) => redirect(status, &(floor - 1).to_string()),
        Err(_) => with("404 Not Found", "", ""),
    })
}

#[test]
fn redirects_are_followed_over_one_connection_and_remembered() {
    let server = stairs(302);
    let url = server.url("/2#there");
    run(async move {
        let response = ClientSession::new().get(&url).await.unwrap();
        assert_eq!(response.url().to_string(), url.replace("/2", "/0"));
        let history = response.history();
        assert_eq!(history.len(), 2);
        assert_eq!((history[0].url().to_string(), history[0].status().as_u16()), (url, 302));
        assert_eq!(history[1].headers()["location"], "0");
        assert_eq!(response.text().await.unwrap(), "ground");
    });
    let places: Vec<_> = server.heard().iter().map(|asked| asked.place).collect();
    assert_eq!(places, [(0, 0), (0, 1), (0, 2)]);
}

#[test]
fn as_many_as_allowed_and_not_one_more() {
    let server = stairs(301);
    let urls = [server.url("/10"), server.url("/11"), server.url("/1")];
    run(async move {
        let session = ClientSession::new();
        assert_eq!(session.get(&urls[0]).await.unwrap().history().len(), 10);
        let error = session.get(&urls[1]).await.unwrap_err();
        assert!(matches!(error, ClientError::TooManyRedirects { limit: 10, .. }), "{error:?}");
        let given = session.get(&urls[2]).allow_redirects(false).await.unwrap();
        assert_eq!((given.status().as_u16(), given.history().len()), (301, 0));
        assert_eq!(given.text().await.unwrap(), "gone");
        let error = session.get(&urls[0]).max_redirects(3).await.unwrap_err();
        assert!(matches!(error, ClientError::TooManyRedirects { limit: 3, .. }), "{error:?}");
    });
}

#[test]
fn a_post_becomes_a_get_without_its_body_or_stays_with_it() {
    for (status, method, body) in [(302, "GET", ""), (303, "GET", ""), (307, "POST", "abc")] {
        let server = stairs(status);
        let url = server.url("/1");
        run(async move {
            let posted = ClientSession::new().post(&url).text("abc").await.unwrap();
            assert_eq!(posted.method().as_str(), method);
        });
        let last = server.last();
        assert_eq!((&last.method[..], &last.body[..]), (method, body.as_bytes()));
        assert_eq!(last.field("content-type").is_some(), !body.is_empty());
    }
}

#[test]
fn a_streamed_body_cannot_go_twice_and_says_so() {
    let server = stairs(308);
    let url = server.url("/1");
    let error = run(async move {
        let sent = ClientSession::new()
            .put(&url)
            .stream(|mut body| async move { body.write(b"abc").await });
        sent.await.unwrap_err()
    });
    assert!(error.to_string().contains("streamed body"), "{error}");
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn a_repeatable_stream_goes_along() {
    let server = stairs(308);
    let url = server.url("/2");
    run(async move {
        let put = ClientSession::new()
            .put(&url)
            .repeatable_stream(|mut body| async move { body.write(b"abc").await });
        assert_eq!(put.await.unwrap().history().len(), 2);
    });
    let bodies: Vec<_> = server.heard().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, [b"abc", b"abc", b"abc"]);
}

#[test]
fn credentials_stay_at_home() {
    let other = Server::new(|_| ok("other"));
    let there = other.url("/there");
    let home = Server::new(move |asked| match &asked.target[..] {
        "/away" => redirect(302, &there),
        "/home" => redirect(302, "/again"),
        _ => ok("home"),
    });
    let urls = [home.url("/home"), home.url("/away")];
    run(async move {
        let session = ClientSession::new();
        for url in urls {
            let request = session.get(&url).basic_auth("user", "pass").cookie("a", "b");
            let request = request.header("proxy-authorization", "x").header("x-own", "1");
            request.await.unwrap().text().await.unwrap();
        }
    });
    for name in ["authorization", "cookie", "proxy-authorization"] {
        assert!(home.last().field(name).is_some(), "{name}");
        assert_eq!(home.heard()[1].target, "/again");
        assert!(home.heard()[1].field(name).is_some(), "{name}");
        assert_eq!(other.last().field(name), None, "{name}");
    }
    assert_eq!(other.last().field("x-own"), Some("1"));
    assert_eq!(other.last().field("host"), Some(&other.address.to_string()[..]));
}

#[test]
fn only_http_is_followed_and_what_leads_nowhere_is_a_response() {
    for location in ["file:///etc/passwd", "javascript:alert(1)", "ftp://h/", "http://"] {
        let server = Server::new(move |asked| match &asked.target[..] {
            "/" => redirect(302, location),
            _ => ok("relative"),
        });
        let url = server.url("/");
        let got = run(get(url));
        match location.contains("://") {
            true => assert!(matches!(got, Err(ClientError::InvalidUrl(_))), "{got:?}"),
            // Without two slashes it is a path.
            false => assert_eq!(got.unwrap(), "relative"),
        }
    }
    let server = Server::new(|_| with("302 Found", "", "nowhere"));
    let url = server.url("/");
    assert_eq!(run(async move { ClientSession::new().get(&url).await.unwrap().status() }), 302);
}

#[test]
fn cookies_that_are_set_on_the_way_are_sent_on_it() {
    let server = Server::new(|asked| match &asked.target[..] {
        "/login" => with("302 Found", "Set-Cookie: id=7; Path=/\r\nLocation: /in\r\n", ""),
        "/in" => with("200 OK", "Set-Cookie: seen=1; Path=/x\r\nSet-Cookie: b=2\r\n", "in"),
        _ => ok("out"),
    });
    let (login, away) = (server.url("/login"), server.url("/x/y"));
    run(async move {
        let session = ClientSession::new();
        let response = session.get(&login).await.unwrap();
        let cookies = response.cookies();
        assert_eq!(cookies, [("seen".into(), "1".into()), ("b".into(), "2".into())]);
        session.get(&away).cookie("b", "mine").await.unwrap();
        assert_eq!(session.with_cookies(|jar| jar.len()), Some(3));
        let without = ClientSession::builder().cookie_jar(None).build().unwrap();
        without.get(&login).await.unwrap();
        assert_eq!(without.with_cookies(|jar| jar.len()), None);
    });
    let heard = server.heard();
    assert_eq!(heard[1].field("cookie"), Some("id=7"));
    assert_eq!(heard[2].field("cookie"), Some("b=mine; seen=1; id=7"));
    assert_eq!(heard[4].field("cookie"), None);
}

#[test]
fn a_trace_carries_nothing_of_the_session() {
    let server = Server::new(|_| with("200 OK", "Set-Cookie: id=7\r\n", ""));
    let url = server.url("/");
    run(async move {
        let session = ClientSession::new();
        session.get(&url).await.unwrap();
        session.request("TRACE", &url).await.unwrap();
        session.get(&url).await.unwrap();
        let error = session.request("TRACE", &url).basic_auth("u", "p").await.unwrap_err();
        assert!(error.to_string().contains("TRACE"), "{error}");
    });
    let heard = server.heard();
    let cookies: Vec<_> = heard.iter().map(|asked| asked.field("cookie")).collect();
    assert_eq!(cookies, [None, None, Some("id=7")]);
}
