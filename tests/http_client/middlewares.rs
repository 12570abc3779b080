//! What stands around each request to a server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use evloop::http::{
    ClientError, ClientHop, ClientMiddleware, ClientNext, ClientResponse, ClientSession,
};

use crate::support::{Say, Server, ok, redirect, run, with};

type Answer = Result<ClientResponse, ClientError>;
type Notes = Rc<RefCell<Vec<String>>>;

/// Notes what goes in and what comes out.
fn notes(name: &'static str, notes: &Notes) -> impl ClientMiddleware + use<> {
    let notes = notes.clone();
    move |hop: ClientHop, next: ClientNext| {
        let notes = notes.clone();
        async move {
            notes.borrow_mut().push(format!("{name} {} {}", hop.method(), hop.url().path()));
            let response = next.run(hop).await;
            let status = response.as_ref().map(|it| it.status().as_u16());
            notes.borrow_mut().push(format!("{name} {}", status.unwrap_or(0)));
            response
        }
    }
}

#[test]
fn the_first_middleware_is_outermost_and_each_hop_passes_all_of_them() {
    let server = Server::new(|asked| match &asked.target[..] {
        "/from" => redirect(303, "/to"),
        _ => ok("there"),
    });
    let url = server.url("/from");
    let told: Notes = Rc::default();
    let theirs = told.clone();
    run(async move {
        let session = ClientSession::builder()
            .middleware(notes("a", &theirs))
            .middleware(notes("b", &theirs))
            .build()
            .unwrap();
        let sent = session.post(&url).body("x").middleware(notes("c", &theirs)).await.unwrap();
        assert_eq!((sent.history().len(), sent.text().await.unwrap().as_str()), (1, "there"));
        session.get(&url).without_middlewares().await.unwrap();
    });
    let expected = "a POST /from, b POST /from, c POST /from, c 303, b 303, a 303, \
                    a GET /to, b GET /to, c GET /to, c 200, b 200, a 200";
    assert_eq!(told.borrow().join(", "), expected);
}

#[test]
fn a_middleware_changes_what_is_sent_and_sees_what_the_caller_gave_it() {
    struct Key(&'static str);
    let server = Server::new(|asked| ok(&String::from_utf8(asked.body.clone()).unwrap()));
    let (url, other) = (server.url("/x"), server.url("/other"));
    run(async move {
        let signs = |mut hop: ClientHop, next: ClientNext| async move {
            let length = hop.body().unwrap().len();
            let key = hop.extension::<Key>().unwrap().0;
            let signature = format!("{key}-{length}").parse().unwrap();
            hop.headers_mut().insert("x-signature", signature);
            hop.set_url(hop.url().join("/other").unwrap());
            hop.set_body("changed");
            next.run(hop).await
        };
        let session = ClientSession::builder().middleware(signs).build().unwrap();
        let sent = session.post(&url).body("four").extension(Key("k")).await.unwrap();
        assert_eq!(sent.url().to_string(), other);
        assert_eq!(sent.text().await.unwrap(), "changed");
    });
    assert_eq!(server.last().field("x-signature"), Some("k-4"));
    assert_eq!(server.last().field("content-length"), Some("7"));
}

/// As many tries as given.
async fn retries(tries: u32, hop: ClientHop, next: ClientNext) -> Answer {
    for _ in 1..tries {
        match next.run(hop.clone()).await {
            Ok(response) if response.status() == 503 && hop.is_repeatable() => {}
            other => return other,
        }
    }
    next.run(hop).await
}

#[test]
fn a_middleware_may_ask_again_over_the_same_connection() {
    let server = Server::new(|asked| match asked.place {
        (0, 2) => ok("at last"),
        _ => with("503 Busy", "Set-Cookie: seen=1\r\n", "no"),
    });
    let url = server.url("/");
    run(async move {
        let session = ClientSession::builder()
            .middleware(|hop: ClientHop, next: ClientNext| retries(3, hop, next))
            .build()
            .unwrap();
        let sent = session.put(&url).body("abc").await.unwrap();
        assert_eq!(sent.text().await.unwrap(), "at last");
        assert_eq!(session.connections(), (0, 1));
    });
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|asked| asked.body == b"abc" && asked.place.0 == 0));
    assert_eq!(heard[1].field("cookie"), Some("seen=1"), "also of what nobody else saw");
}

#[test]
fn a_stream_that_was_begun_is_not_repeatable_and_says_so() {
    let server = Server::new(|_| with("503 Busy", "", "no"));
    let url = server.url("/");
    run(async move {
        let session = ClientSession::builder()
            .middleware(|hop: ClientHop, next: ClientNext| async move {
                assert!(hop.is_repeatable());
                let first = next.run(hop.clone()).await.unwrap();
                assert!(!hop.is_repeatable() && first.status() == 503);
                next.run(hop).await
            })
            .build()
            .unwrap();
        let sent = session.post(&url).stream(|mut body| async move { body.write(b"x").await });
        let text = sent.await.unwrap_err().to_string();
        assert!(text.contains("sent once only"), "{text}");
    });
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn a_middleware_may_answer_without_the_server_and_its_error_is_the_requests() {
    let server = Server::new(|_| ok("never"));
    let url = server.url("/");
    run(async move {
        let refuses = |hop: ClientHop, _next: ClientNext| async move {
            Err(ClientError::InvalidRequest(format!("no {}", hop.method())))
        };
        let session = ClientSession::builder().middleware(refuses).build().unwrap();
        let text = session.get(&url).await.unwrap_err().to_string();
        assert!(text.contains("no GET"), "{text}");
    });
    assert!(server.heard().is_empty());
}

#[test]
fn fields_for_whom_the_caller_meant_do_not_follow_a_middleware_elsewhere() {
    let evil = Server::new(|asked| match &asked.target[..] {
        "/" => redirect(302, "/further"),
        _ => ok("evil"),
    });
    let there = evil.url("/");
    run(async move {
        let away = Rc::new(Cell::new(0));
        let seen = away.clone();
        let session = ClientSession::builder()
            .middleware(move |mut hop: ClientHop, next: ClientNext| {
                seen.set(seen.get() + usize::from(hop.is_away()));
                if hop.redirects() == 0 {
                    hop.headers_mut().remove("authorization");
                    hop.set_url(there.parse().unwrap());
                }
                async move { next.run(hop).await }
            })
            .build()
            .unwrap();
        let sent = session.get("http://home.test/").basic_auth("user", "pass").await.unwrap();
        assert_eq!(sent.text().await.unwrap(), "evil");
        assert_eq!(away.get(), 1);
    });
    let heard = evil.heard();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|asked| asked.field("authorization").is_none()));
}

#[test]
fn a_middleware_counts_for_the_total_timeout() {
    use evloop::http::{ClientTimeout, TimeoutKind};
    let server = Server::new(|_| Say::Last(""));
    let url = server.url("/");
    run(async move {
        let stuck = |_: ClientHop, _: ClientNext| std::future::pending::<Answer>();
        let session = ClientSession::builder().middleware(stuck).build().unwrap();
        let timeout = ClientTimeout::total(std::time::Duration::from_millis(5));
        let error = session.get(&url).timeout(timeout).await.unwrap_err();
        assert!(matches!(error, ClientError::Timeout { kind: TimeoutKind::Total, .. }));
    });
}
