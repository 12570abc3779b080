//! What is told of a request's stages.

use std::cell::RefCell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;

use evloop::http::{ClientSession, ClientSessionBuilder, Connector, TraceEvent, TraceRequest};

use crate::support::{Server, ok, redirect, run};

type Notes = Rc<RefCell<Vec<String>>>;

fn word(event: &TraceEvent<'_>) -> String {
    match event {
        TraceEvent::HeadersSent { method, url, .. } => format!("sent {method} {}", url.path()),
        TraceEvent::ChunkSent { bytes } => format!("chunk out {bytes}"),
        TraceEvent::ChunkReceived { bytes } => format!("chunk in {bytes}"),
        TraceEvent::Redirected { status, to } => format!("{} to {}", status.as_u16(), to.path()),
        TraceEvent::Responded { status, .. } => format!("answer {}", status.as_u16()),
        TraceEvent::Failed { error } => format!("failed: {error}"),
        TraceEvent::DnsCacheHit { host } => format!("known {host}"),
        TraceEvent::DnsCacheMiss { host } => format!("unknown {host}"),
        TraceEvent::DnsStart { host } => format!("looks up {host}"),
        TraceEvent::DnsEnd { host } => format!("found {host}"),
        other => format!("{other:?}"),
    }
}

/// A session that notes each stage of each request, with the request's number.
fn noting(notes: &Notes, connector: Connector) -> ClientSessionBuilder {
    let (notes, number) = (notes.clone(), std::cell::Cell::new(0));
    let connector = connector.resolver(|host| async move {
        match &host[..] {
            "shop.test" => Ok(vec![[127, 0, 0, 1].into()]),
            _ => Err(Error::new(ErrorKind::NotFound, "nobody knows it")),
        }
    });
    ClientSession::builder().connector(connector).trace(move |request: &TraceRequest<'_>| {
        let (notes, mine) = (notes.clone(), number.replace(number.get() + 1));
        notes.borrow_mut().push(format!("{mine} begins {}", request.method()));
        move |event: &TraceEvent<'_>| notes.borrow_mut().push(format!("{mine} {}", word(event)))
    })
}

fn told(notes: &Notes) -> String {
    notes.take().join(", ")
}

#[test]
fn every_stage_is_told_in_its_order() {
    let server = Server::new(|asked| match &asked.target[..] {
        "/from" => redirect(307, "/to"),
        _ => ok("there"),
    });
    let port = server.address.port();
    run(async move {
        let notes: Notes = Rc::default();
        let session = noting(&notes, Connector::tcp()).build().unwrap();
        let url = format!("http://shop.test:{port}/from");
        let sent = session.post(&url).body("abc").await.unwrap();
        assert_eq!(
            told(&notes),
            "0 begins POST, 0 CreateStart, 0 unknown shop.test, 0 looks up shop.test, \
             0 found shop.test, 0 CreateEnd, 0 sent POST /from, 0 chunk out 3, 0 307 to /to, \
             0 Reused, 0 sent POST /to, 0 chunk out 3, 0 answer 200"
        );
        sent.text().await.unwrap();
        assert_eq!(told(&notes), "0 chunk in 5, 0 BodyEnd");
        session.close();
        session.get(&url.replace("from", "to")).await.unwrap();
        assert_eq!(
            told(&notes),
            "1 begins GET, 1 CreateStart, 1 known shop.test, 1 CreateEnd, 1 sent GET /to, \
             1 answer 200"
        );
        session.get("http://other.test/").await.unwrap_err();
        assert_eq!(
            told(&notes),
            "2 begins GET, 2 CreateStart, 2 unknown other.test, 2 looks up other.test, \
             2 failed: cannot look up other.test: nobody knows it"
        );
    });
}

#[test]
fn who_waits_for_a_connection_is_told_so_and_when_it_has_one() {
    let server = Server::new(|_| ok("x"));
    let url = server.url("/");
    run(async move {
        let notes: Notes = Rc::default();
        let session = noting(&notes, Connector::tcp().limit(1)).build().unwrap();
        let held = session.get(&url).await.unwrap();
        notes.take();
        let second = {
            let (session, url) = (session.clone(), url.clone());
            evloop::spawn(async move { session.get(&url).await.unwrap().text().await.unwrap() })
        };
        evloop::yield_now().await;
        assert_eq!(told(&notes), "1 begins GET, 1 Queued");
        held.text().await.unwrap();
        second.await.unwrap();
        let after = told(&notes);
        assert!(after.contains("1 Dequeued, 1 Reused, 1 sent GET /"), "{after}");
    });
}

#[test]
fn no_secret_is_in_what_a_trace_prints() {
    let server = Server::new(|_| ok("x"));
    let url = server.url("/").replace("http://", "http://me:hidden@");
    let printed: Notes = Rc::default();
    let theirs = printed.clone();
    run(async move {
        let session = ClientSession::builder()
            .trace(move |request: &TraceRequest<'_>| {
                let printed = theirs.clone();
                let begin = format!("{} {:?}", request.url(), request.headers());
                printed.borrow_mut().push(begin);
                move |event: &TraceEvent<'_>| printed.borrow_mut().push(format!("{event:?}"))
            })
            .build()
            .unwrap();
        let request = session.get(&url).cookie("sid", "hidden");
        request.header("proxy-authorization", "hidden").await.unwrap();
        let request = session.get(&url).header("authorization", "Bearer hidden");
        request.await.unwrap();
    });
    let printed = printed.borrow().join("\n");
    assert!(printed.contains("authorization") && printed.contains("cookie"), "{printed}");
    assert!(!printed.contains("hidden") && !printed.contains("me:"), "{printed}");
    assert!(server.last().field("authorization") == Some("Bearer hidden"));
}

#[test]
fn a_trace_finds_what_the_caller_gave_and_is_dropped_with_the_answer() {
    struct Span(Rc<RefCell<u32>>);
    let server = Server::new(|_| ok("x"));
    let url = server.url("/");
    run(async move {
        let session = ClientSession::builder()
            .trace(|request: &TraceRequest<'_>| {
                let count = request.extension::<Span>().map(|span| span.0.clone());
                move |_: &TraceEvent<'_>| {
                    if let Some(count) = &count {
                        *count.borrow_mut() += 1;
                    }
                }
            })
            .build()
            .unwrap();
        let count = Rc::new(RefCell::new(0));
        let sent = session.get(&url).extension(Span(count.clone())).await.unwrap();
        assert!(*count.borrow() > 2 && Rc::strong_count(&count) > 1);
        drop(sent);
        assert_eq!(Rc::strong_count(&count), 1, "something outlives the request");
        session.get(&url).await.unwrap();
    });
}
