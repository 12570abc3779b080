//! Connections that go on in another protocol, and requests to that are not granted.

use evloop::web::{Application, Request, Response};
use evloop::yield_now;

use crate::support::{Client, serve};

const ASKS: &str = "Host: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

fn upgrading() -> Application {
    let echo = |_: Request| async {
        Response::upgrade("echo", |mut upgraded| async move {
            while let Ok(line) = upgraded.reader.readline().await {
                if line.is_empty() || upgraded.writer.write(&line).is_err() {
                    break;
                }
            }
            let _ = upgraded.writer.write(b"bye");
        })
        .header("x-more", "1")
    };
    let later = move |request: Request| async move {
        yield_now().await;
        echo(request).await
    };
    let mut app = Application::new();
    app.router().add_get("/echo", echo).add_get("/later", later).add_post("/echo", echo);
    app.router().add_get("/plain", |_: Request| async { "plain" });
    app
}

#[test]
fn the_connection_is_handed_over_with_what_came_early() {
    for path in ["/echo", "/later"] {
        let (lines, reports) = serve(upgrading(), move |address| {
            let mut client = Client::connect(address);
            client.send(&format!("GET {path} HTTP/1.1\r\n{ASKS}early\r\nbi"));
            let head = client.head();
            assert_eq!(
                (head.status, head.get("upgrade"), head.get("x-more")),
                (101, Some("echo"), Some("1"))
            );
            let early = client.line();
            let next = client.send("rd\r\n").line();
            client.send("GET / HTTP/1.1\r\n").finish();
            (early, next, client.rest())
        });
        let rest = Some("GET / HTTP/1.1\r\nbye".to_owned());
        assert_eq!(lines, ("early".to_owned(), "bird".to_owned(), rest));
        assert_eq!(reports, [""; 0]);
    }
}

#[test]
fn a_request_to_upgrade_that_no_handler_grants_is_an_ordinary_one() {
    let (bodies, _) = serve(upgrading(), |address| {
        let mut client = Client::connect(address);
        let first = client.send(&format!("GET /plain HTTP/1.1\r\n{ASKS}")).reply().body;
        [first, client.get("/plain").body]
    });
    assert_eq!(bodies, ["plain"; 2]);
}

#[test]
fn nobody_is_switched_who_did_not_ask_or_whose_body_is_unread() {
    let (statuses, reports) = serve(upgrading(), |address| {
        let mut client = Client::connect(address);
        let unasked = client.get("/echo").status;
        let old = format!("GET /echo HTTP/1.0\r\n{ASKS}");
        let old = Client::connect(address).send(&old).reply().status;
        let body = format!("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n{ASKS}");
        let other = format!("GET /echo HTTP/1.1\r\n{}", ASKS.replace("echo", "h2c"));
        let other = Client::connect(address).send(&other).reply().status;
        [unasked, old, other, client.send(&body).reply().status]
    });
    assert_eq!(statuses, [500; 4]);
    assert_eq!(reports.len(), 4);
    assert!(reports[0].contains("did not ask"), "{reports:?}");
    assert!(reports[2].contains("not asked for"), "{reports:?}");
}

#[test]
fn the_connection_ends_when_both_ends_are_dropped() {
    let mut app = Application::new();
    app.router().add_get("/", |_: Request| async {
        Response::upgrade("echo", |upgraded| async move { drop(upgraded) })
    });
    let (closed, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        client.send(&format!("GET / HTTP/1.1\r\n{ASKS}")).head();
        client.is_closed()
    });
    assert!(closed);
}

#[test]
fn a_handler_that_works_and_does_not_read_holds_its_client_back() {
    const FLOOD: usize = 64 << 20;
    let received = || evloop::get_running_loop().expect("a loop").counters().bytes_received;
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| async move {
        Response::upgrade("echo", move |mut upgraded| async move {
            upgraded.reader.readexactly(1).await.expect("a byte");
            let mut before = 0;
            // As long as it would go on by itself.
            while received() != before {
                before = received();
                for _ in 0..200 {
                    yield_now().await;
                }
            }
            assert!(before < 4 << 20, "{before} bytes were received, and nobody reads");
            upgraded.writer.write(b"!").expect("a client");
            let mut left = FLOOD - 1;
            while left > 0 {
                left -= upgraded.reader.read(1 << 20).await.expect("more").len();
            }
        })
    });
    let (_, reports) = serve(app, |address| {
        let mut client = Client::connect(address);
        client.send(&format!("GET / HTTP/1.1\r\n{ASKS}")).head();
        client.send(&"x".repeat(FLOOD)).peek();
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn whoever_speaks_another_protocol_is_told_of_the_servers_end_and_may_say_its_last() {
    let mut app = Application::new();
    app.router().add_get("/", |_: Request| async {
        Response::upgrade("echo", |mut upgraded| async move {
            let closing = upgraded.closing();
            assert!(!closing.is_closing());
            upgraded.writer.write(b"open\r\n").unwrap();
            closing.wait().await;
            upgraded.writer.write(b"bye\r\n").unwrap();
            assert!(upgraded.closing().is_closing());
        })
    });
    // The server ends when this has returned.
    let (mut client, reports) = serve(app, |address| {
        let mut client = Client::connect(address);
        client.send(&format!("GET / HTTP/1.1\r\n{ASKS}"));
        assert_eq!(client.head().status, 101);
        assert_eq!(client.line(), "open");
        client
    });
    assert_eq!(client.rest().as_deref(), Some("bye\r\n"));
    assert_eq!(reports, [""; 0]);
}
