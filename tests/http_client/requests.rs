//! What goes out.

use std::io::{Seek, SeekFrom, Write};

use evloop::http::{ClientError, ClientRequest, ClientSession, Connector, Method};

use crate::support::{Asked, Server, ok, run, with};

/// What a server hears of the request that `make` makes to it.
fn heard(make: impl FnOnce(ClientSession, String) -> ClientRequest + 'static) -> Asked {
    let server = Server::new(|_| ok("ok"));
    let url = server.url("/p?x=1");
    run(async move {
        let text = make(ClientSession::new(), url).await.unwrap().text().await.unwrap();
        assert_eq!(text, "ok");
    });
    server.last()
}

/// Why the request that `make` makes cannot be sent; the server must not hear of it.
fn refused(make: impl FnOnce(ClientSession, String) -> ClientRequest + 'static) -> String {
    let server = Server::new(|_| ok("ok"));
    let url = server.url("/");
    let error = run(async move { make(ClientSession::new(), url).await.unwrap_err() });
    assert!(matches!(error, ClientError::InvalidRequest(_)), "{error:?}");
    assert!(server.heard().is_empty());
    error.to_string()
}

#[test]
fn host_comes_first_and_the_automatic_fields_before_the_callers() {
    let asked = heard(|session, url| session.get(&url).header("x-own", "1"));
    let mut expected = vec!["host", "accept", "accept-encoding", "user-agent", "x-own"];
    if !cfg!(feature = "compression") {
        expected.remove(2);
    }
    assert_eq!(asked.names(), expected);
    assert_eq!((&asked.method[..], &asked.target[..]), ("GET", "/p?x=1"));
    assert_eq!(asked.field("accept"), Some("*/*"));
    assert!(asked.field("user-agent").unwrap().starts_with("evloop/"));
}

#[test]
fn an_automatic_field_can_be_replaced_and_left_out() {
    let asked = heard(|session, url| {
        let request = session.get(&url).header("accept", "text/html");
        request.skip_header("user-agent").skip_header("accept-encoding")
    });
    assert_eq!(asked.names(), ["host", "accept"]);
    assert_eq!(asked.field("accept"), Some("text/html"));
}

#[test]
fn a_sessions_fields_and_base_go_with_every_request_unless_it_has_its_own() {
    let server = Server::new(|_| ok("ok"));
    let base = server.url("/base/");
    run(async move {
        let session = ClientSession::builder().base_url(&base).header("x-key", "session");
        let session = session.build().unwrap();
        session.get("a?b").await.unwrap();
        session.get("/c").header("x-key", "own").await.unwrap();
    });
    let heard = server.heard();
    assert_eq!((&heard[0].target[..], heard[0].field("x-key")), ("/base/a?b", Some("session")));
    assert_eq!((&heard[1].target[..], heard[1].field("x-key")), ("/c", Some("own")));
}

#[test]
fn pairs_stand_encoded_in_the_query_or_in_a_form() {
    let asked = heard(|session, url| session.get(&url).query(&[("q", "a b&c")]).query(&[("n", 2)]));
    assert_eq!(asked.target, "/p?x=1&q=a%20b%26c&n=2");
    let asked = heard(|session, url| session.post(&url).form(&[("a", "1=2"), ("b", "\u{e9}")]));
    assert_eq!(asked.field("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.body, b"a=1%3D2&b=%C3%A9");
}

#[test]
fn a_text_says_what_it_is_and_a_field_of_the_callers_goes_before() {
    let asked = heard(|session, url| session.put(&url).text("\u{e9}"));
    assert_eq!(asked.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!((asked.field("content-length"), &asked.body[..]), (Some("2"), "\u{e9}".as_bytes()));
    let asked = heard(|session, url| session.post(&url).text("{}").header("content-type", "x/y"));
    assert_eq!(asked.field("content-type"), Some("x/y"));
}

#[cfg(feature = "json")]
#[test]
fn a_value_goes_out_as_json_and_comes_back() {
    use crate::support::with;
    let server = Server::new(|asked| {
        let body = String::from_utf8(asked.body.clone()).unwrap();
        with("200 OK", "Content-Type: application/problem+json\r\n", &body)
    });
    let plain = Server::new(|_| with("200 OK", "Content-Type: text/html\r\n", "[1]"));
    let (url, other) = (server.url("/"), plain.url("/"));
    run(async move {
        let session = ClientSession::new();
        let sent = session.post(&url).json(&vec![1, 2]).await.unwrap();
        assert_eq!(sent.json::<Vec<u8>>().await.unwrap(), [1, 2]);
        let wrong = session.post(&url).json("text").await.unwrap().json::<Vec<u8>>().await;
        assert!(matches!(wrong, Err(ClientError::Json(_))), "{wrong:?}");
        let html = session.get(&other).await.unwrap().json::<Vec<u8>>().await.unwrap_err();
        assert!(html.to_string().contains("text/html"), "{html}");
    });
    assert_eq!(server.heard()[0].field("content-type"), Some("application/json"));
}

#[test]
fn an_empty_body_is_announced_where_the_method_wants_one() {
    assert_eq!(heard(|session, url| session.post(&url)).field("content-length"), Some("0"));
    assert_eq!(heard(|session, url| session.get(&url)).field("content-length"), None);
    assert_eq!(heard(|session, url| session.delete(&url)).field("content-length"), None);
}

#[test]
fn each_method_is_sent_as_it_is() {
    let asked = heard(|session, url| session.patch(&url).body("x"));
    assert_eq!((&asked.method[..], &asked.body[..]), ("PATCH", &b"x"[..]));
    assert_eq!(heard(|session, url| session.options(&url)).method, "OPTIONS");
    assert_eq!(heard(|session, url| session.request("PURGE", &url)).method, "PURGE");
    assert_eq!(heard(|session, url| session.request(Method::TRACE, &url)).method, "TRACE");
}

#[test]
fn credentials_become_a_field_wherever_they_are_given() {
    let expected = Some("Basic dXNlcjpwYXNz");
    let asked = heard(|session, url| session.get(&url).basic_auth("user", "pass"));
    assert_eq!(asked.field("authorization"), expected);
    let asked = heard(|session, url| session.get(&url.replace("://", "://user:pass@")));
    assert_eq!(asked.field("authorization"), expected);
    assert!(!asked.field("host").unwrap().contains('@'));
    let url = |url: String| url.replace("://", "://user:pass@");
    let asked = heard(move |session, at| session.get(&url(at)).header("authorization", "own"));
    assert_eq!(asked.field("authorization"), Some("own"));
}

#[test]
fn nothing_can_be_injected() {
    let text = refused(|session, url| session.get(&url).header("a\r\nb", "c"));
    assert!(text.contains("not a token"), "{text}");
    let text = refused(|session, url| session.get(&url).header("a", "b\r\nc: d"));
    assert!(text.contains("the header field a contains a control character"), "{text}");
    let text = refused(|session, url| session.request("GET / HTTP/1.1\r\nX:", &url));
    assert!(text.contains("method"), "{text}");
    refused(|session, url| session.get(&url).cookie("a", "b; c=d"));
    refused(|session, url| session.get(&url).cookie("a\r\n", "b"));
    refused(|session, url| session.get(&url).header("host", "a b"));
    let asked = heard(|session, url| session.get(&format!("{url}&y= HTTP/1.1\r\nX: y")));
    assert_eq!(asked.target, "/p?x=1&y=%20HTTP/1.1%0D%0AX:%20y");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let text = refused(|session, url| session.post(&url).body("abc").header("content-length", "2"));
    assert!(text.contains("another number"), "{text}");
    refused(|session, url| session.post(&url).body("abc").content_length(2));
    let text = refused(|session, url| session.post(&url).header("transfer-encoding", "gzip"));
    assert!(text.contains("other than chunked"), "{text}");
    refused(|session, url| {
        session.get(&url).timeout(evloop::http::ClientTimeout::total(std::time::Duration::ZERO))
    });
}

#[test]
fn a_body_is_streamed_in_chunks_or_with_its_length() {
    let asked = heard(|session, url| {
        session.post(&url).stream(|mut body| async move {
            for piece in ["one ", "", "two"] {
                body.write(piece.as_bytes()).await?;
                evloop::yield_now().await;
            }
            Ok(())
        })
    });
    assert_eq!(asked.field("transfer-encoding"), Some("chunked"));
    assert_eq!(asked.body, b"one two");
    let asked = heard(|session, url| {
        let stream = |mut body: evloop::http::BodySender| async move { body.write(b"abc").await };
        session.post(&url).stream(stream).content_length(3)
    });
    assert_eq!((asked.field("content-length"), &asked.body[..]), (Some("3"), &b"abc"[..]));
    assert_eq!(asked.field("transfer-encoding"), None);
    let asked = heard(|session, url| session.post(&url).body("abc").chunked());
    assert_eq!((asked.field("content-length"), &asked.body[..]), (None, &b"abc"[..]));
}

#[test]
fn a_source_may_be_another_task() {
    let asked = heard(|session, url| {
        session.post(&url).stream(|mut body| async move {
            let sends = evloop::spawn(async move {
                for piece in 0..100u8 {
                    body.write(&[piece; 1000]).await?;
                }
                Ok(())
            });
            sends.await.map_err(|error| std::io::Error::other(error.to_string()))?
        })
    });
    assert_eq!(asked.body.len(), 100_000);
    assert!(asked.body.chunks(1000).zip(0..).all(|(chunk, piece)| chunk == [piece; 1000]));
}

#[test]
fn a_source_that_fails_or_says_another_length_fails_the_request() {
    let server = Server::new(|_| ok("ok"));
    let url = server.url("/");
    run(async move {
        let session = ClientSession::new();
        let fails = session.post(&url).stream(|mut body| async move {
            body.write(b"abc").await?;
            Err(std::io::Error::other("no more of it"))
        });
        let error = fails.await.unwrap_err();
        assert!(matches!(error, ClientError::Source(_)), "{error:?}");
        assert!(error.to_string().contains("no more of it"), "{error}");
        for length in [2, 4] {
            let stream =
                |mut body: evloop::http::BodySender| async move { body.write(b"abc").await };
            let error = session.post(&url).stream(stream).content_length(length).await.unwrap_err();
            assert!(error.to_string().contains("Content-Length promised"), "{error}");
        }
        assert_eq!(session.connections(), (0, 0));
    });
}

#[test]
fn a_file_is_sent_whole_from_its_beginning() {
    let mut file = tempfile();
    file.write_all(&vec![7; 300_000]).unwrap();
    file.seek(SeekFrom::Start(1000)).unwrap();
    let asked = heard(move |session, url| session.put(&url).file(file));
    assert_eq!(asked.field("content-length"), Some("300000"));
    assert!(asked.body == vec![7; 300_000]);
}

/// A file without a name.
fn tempfile() -> std::fs::File {
    let path = std::env::temp_dir().join(format!("evloop-client-{}", std::process::id()));
    let mut options = std::fs::File::options();
    let file = options.read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[test]
fn a_body_waits_for_leave() {
    let asked = heard(|session, url| session.post(&url).body("abc").expect100());
    assert_eq!((asked.field("expect"), &asked.body[..]), (Some("100-continue"), &b"abc"[..]));
    let asked = heard(|session, url| session.get(&url).expect100());
    assert_eq!(asked.field("expect"), None, "there is nothing to wait with");
}

#[test]
fn a_session_that_cannot_be_is_refused() {
    let refused = |builder: evloop::http::ClientSessionBuilder| match builder.build() {
        Ok(_) => panic!("it was built"),
        Err(error) => error.to_string(),
    };
    assert!(refused(ClientSession::builder().header("a b", "c")).contains("token"));
    assert!(refused(ClientSession::builder().base_url("h/")).contains("no scheme"));
    assert!(refused(ClientSession::builder().proxy("https://p")).contains("http://"));
}

#[test]
fn the_rule_of_public_domains_may_look_into_the_jar_it_is_asked_for() {
    use std::cell::RefCell;
    use std::rc::Rc;

    use evloop::http::CookieJar;

    let server = Server::new(|_| {
        with("200 OK", "Set-Cookie: a=1\r\nSet-Cookie: b=2; Domain=shop.test\r\n", "")
    });
    let url = format!("http://www.shop.test:{}/", server.address.port());
    run(async move {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let session = Rc::new(RefCell::new(None::<ClientSession>));
        let (theirs, notes) = (session.clone(), asked.clone());
        let jar = CookieJar::new().public_suffixes(move |domain| {
            let session = theirs.borrow();
            let kept = session.as_ref().unwrap().with_cookies(|jar| jar.len());
            notes.borrow_mut().push((domain.to_owned(), kept.unwrap()));
            false
        });
        let connector = Connector::tcp().resolver(|_| async { Ok(vec![[127, 0, 0, 1].into()]) });
        let built = ClientSession::builder().cookie_jar(jar).connector(connector).build().unwrap();
        *session.borrow_mut() = Some(built.clone());
        built.get(&url).await.unwrap();
        assert_eq!(*asked.borrow(), [("shop.test".to_owned(), 1)]);
        assert_eq!(built.with_cookies(|jar| jar.len()), Some(2));
        session.borrow_mut().take();
    });
}

#[test]
fn a_session_may_leave_out_what_requests_have_by_themselves() {
    let server = Server::new(|_| ok("ok"));
    let url = server.url("/");
    run(async move {
        let session = ClientSession::builder();
        let session = session.skip_header("accept").skip_header("user-agent").build().unwrap();
        session.get(&url).header("accept", "text/html").await.unwrap();
        session.get(&url).skip_header("accept-encoding").await.unwrap();
        assert!(ClientSession::builder().skip_header("a b").build().is_err());
    });
    let heard = server.heard();
    assert_eq!((heard[0].field("user-agent"), heard[0].field("accept")), (None, Some("text/html")));
    assert_eq!(heard[1].names(), ["host"]);
}
