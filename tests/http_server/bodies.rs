//! Bodies that come in.

use evloop::web::{Application, BodyError, Limits, Request, Response, StatusCode};

use crate::support::{Client, serve};

async fn echo(request: Request) -> Result<Response, BodyError> {
    Ok(Response::text(request.text().await?.into_owned()))
}

fn echoing(body_size: u64) -> Application {
    let mut app = Application::new();
    app.limits(Limits { body_size, ..Limits::default() });
    app.router().add_post("/", echo).add_get("/", echo);
    app
}

#[test]
fn a_body_comes_whole_to_the_handler_however_it_was_cut() {
    let (replies, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        let at_once = client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        let at_once = at_once.reply();
        for byte in "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".chars() {
            client.send(byte.encode_utf8(&mut [0; 4]));
        }
        [at_once, client.reply()]
    });
    assert_eq!(replies.map(|reply| reply.body), ["hello"; 2]);
}

#[test]
fn a_chunked_body_comes_whole_and_what_follows_it_is_the_next_request() {
    let (replies, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
        client.send("2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
        [client.reply(), client.reply()]
    });
    assert_eq!(replies.map(|reply| reply.body), ["hello", ""]);
}

#[test]
fn a_body_announced_too_large_is_413_before_it_comes() {
    let (got, _) = serve(echoing(4), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
        let reply = client.reply();
        // The client did not expect that, and goes on sending.
        client.send("hello");
        (reply, client.get("/"))
    });
    assert_eq!((got.0.status, got.0.get("connection"), got.1.status), (413, None, 200));
    assert!(got.0.body.contains("exceeds 4 bytes"), "{}", got.0.body);
}

#[test]
fn a_body_too_large_to_be_dropped_ends_the_connection_which_is_not_reset() {
    let (got, _) = serve(echoing(4), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
        let reply = client.reply();
        client.send(&"x".repeat(300_000)).finish();
        (reply, client.is_closed())
    });
    assert_eq!((got.0.status, got.0.get("connection"), got.1), (413, Some("close"), true));
}

#[test]
fn a_chunked_body_that_grows_too_large_is_413() {
    let (got, _) = serve(echoing(4), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
        client.send("2\r\nlo\r\n");
        let reply = client.reply();
        client.send("0\r\n\r\n").finish();
        (reply, client.is_closed())
    });
    assert_eq!((got.0.status, got.1), (413, true));
}

#[test]
fn a_client_that_asks_whether_to_send_its_body_is_told_to() {
    let (got, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        let head =
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        let interim = client.send(head).head();
        let reply = client.send("hi").reply();
        (interim, reply, client.get("/"))
    });
    assert_eq!((got.0.status, got.1.status, &got.1.body[..]), (100, 200, "hi"));
    assert_eq!(got.2.status, 200);
}

#[test]
fn a_client_is_not_told_to_send_a_body_that_its_handler_refuses_or_does_not_read() {
    let mut app = Application::new();
    app.router().add_post("/", |request: Request| async move {
        if request.header("authorization").is_none() {
            Err(Response::error(StatusCode::UNAUTHORIZED, "who are you?"))?;
        }
        Ok::<_, Box<dyn std::error::Error>>(request.text().await?.into_owned())
    });
    let (got, _) = serve(app, |address| {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n";
        let mut refused = Client::connect(address);
        let reply = refused.send(&format!("{head}\r\n")).reply();
        let closed = refused.finish().is_closed();
        let mut client = Client::connect(address);
        let interim = client.send(&format!("{head}Authorization: x\r\n\r\n")).head().status;
        (reply.status, closed, interim, client.send("hi").reply().body)
    });
    assert_eq!(got, (401, true, 100, "hi".to_owned()));
}

#[test]
fn a_body_that_is_sent_without_waiting_for_leave_needs_none() {
    let (reply, _) = serve(echoing(100), |address| {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2";
        Client::connect(address).send(&format!("{head}\r\n\r\nhi")).reply()
    });
    assert_eq!((reply.status, &reply.body[..]), (200, "hi"));
}

#[test]
fn an_expectation_that_is_not_known_is_417() {
    let (reply, _) = serve(echoing(100), |address| {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: a-miracle\r\nContent-Length: 2";
        Client::connect(address).send(&format!("{head}\r\n\r\nhi")).reply()
    });
    assert_eq!(reply.status, 417);
}

#[test]
fn a_client_that_asks_whether_to_send_too_large_a_body_is_told_not_to() {
    let (reply, _) = serve(echoing(1), |address| {
        let head =
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        Client::connect(address).send(head).reply()
    });
    assert_eq!(reply.status, 413);
}

/// `/pieces` answers with the pieces that it read, one a line; `/deaf` reads nothing.
fn reading() -> Application {
    async fn pieces(request: Request) -> Result<String, BodyError> {
        let (content, mut lines) = (request.content(), String::new());
        while let Some(piece) = content.read_chunk().await? {
            lines += &format!("{}\n", String::from_utf8_lossy(&piece));
        }
        Ok(lines)
    }
    let mut app = Application::new();
    app.router().add_post("/pieces", pieces).add_post("/deaf", |_: Request| async { "deaf" });
    app.router().add_get("/", |_: Request| async { "next" });
    app
}

#[test]
fn a_handler_begins_before_its_body_is_there_and_reads_it_as_it_comes() {
    let event_loop = evloop::EventLoop::new().unwrap();
    let (read, progress) = std::sync::mpsc::channel();
    let mut app = Application::new();
    app.router().add_post("/", move |request: Request| {
        let read = read.clone();
        async move {
            let content = request.content();
            while let Ok(Some(piece)) = content.read_chunk().await {
                read.send(piece).expect("a listener");
            }
            assert!(content.at_end());
            "done"
        }
    });
    let (body, _) = crate::support::serve_on(event_loop, app, move |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
        for piece in ["ab", "cd", "ef"] {
            assert_eq!(progress.try_recv().ok(), None);
            client.send(piece);
            assert_eq!(progress.recv().unwrap(), piece.as_bytes());
        }
        client.reply().body
    });
    assert_eq!(body, "done");
}

#[test]
fn a_body_that_comes_with_its_head_needs_no_wait() {
    let (replies, _) = serve(reading(), |address| {
        let mut client = Client::connect(address);
        let head = "POST /pieces HTTP/1.1\r\nHost: h\r\n";
        let length = format!("{head}Content-Length: 5\r\n\r\nhello");
        let chunks =
            format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
        [client.send(&length).reply(), client.send(&chunks).reply()]
    });
    assert_eq!(replies.map(|reply| reply.body), ["hello\n"; 2]);
}

#[test]
fn a_body_that_nobody_reads_is_dropped_and_the_next_request_is_answered() {
    let (bodies, _) = serve(reading(), |address| {
        let mut client = Client::connect(address);
        let chunked = "POST /deaf HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let first = client.send(chunked).reply().body;
        let (chunk, many) = (format!("400\r\n{}\r\n", "x".repeat(1024)), 200);
        client.send(&chunk.repeat(many)).send("0\r\n\r\n");
        let length = "POST /deaf HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        [first, client.get("/").body, client.send(length).reply().body, client.get("/").body]
    });
    assert_eq!(bodies, ["deaf", "next", "deaf", "next"]);
}

#[test]
fn of_a_body_that_nobody_reads_no_more_is_taken_than_the_limit() {
    let mut app = reading();
    app.limits(Limits { drained_body: 10, ..Limits::default() });
    let (closed, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        let chunked = "POST /deaf HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(client.send(chunked).reply().get("connection"), None);
        client.send("b\r\nhello world\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").finish();
        client.is_closed()
    });
    assert!(closed);
}

#[test]
fn what_a_handler_does_not_read_is_not_received() {
    const LARGE: usize = 64 << 20;
    let event_loop = evloop::EventLoop::new().unwrap();
    let go = event_loop.create_future::<()>();
    let (counters, going) = (event_loop.clone(), go.clone());
    let mut app = Application::new();
    app.router().add_post("/", move |request: Request| {
        let going = going.clone();
        async move {
            going.await.expect("once");
            let (content, mut all) = (request.content(), 0);
            while let Some(piece) = content.read_chunk().await? {
                all += piece.len();
            }
            Ok::<_, BodyError>(all.to_string())
        }
    });
    app.router().add_get("/received", move |_: Request| {
        let received = counters.counters().bytes_received;
        async move { received.to_string() }
    });
    app.router().add_get("/go", move |_: Request| {
        go.set_result(()).expect("once");
        async { "go" }
    });
    let (got, _) = crate::support::serve_on(event_loop, app, |address| {
        let upload = std::thread::spawn(move || {
            let mut client = Client::connect(address);
            client.send(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LARGE}\r\n\r\n"));
            client.send(&"x".repeat(LARGE)).reply().body
        });
        let mut other = Client::connect(address);
        let mut received = 0;
        loop {
            let now = other.get("/received").body.parse::<usize>().unwrap();
            // It has come to rest once only our own questions come.
            if received > 1000 && now - received < 1000 {
                break;
            }
            received = now;
        }
        other.get("/go");
        (received, upload.join().unwrap())
    });
    assert!(got.0 < 256 << 10, "{} bytes were received for nobody", got.0);
    assert_eq!(got.1, LARGE.to_string());
}

#[test]
fn a_malformed_body_is_the_error_of_whoever_reads_it_and_of_the_client_if_nobody_does() {
    let (replies, reports) = serve(reading(), |address| {
        ["/pieces", "/deaf"].map(|path| {
            let mut client = Client::connect(address);
            let head = "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n";
            client.send(&format!("POST {path} {head}"));
            if path == "/deaf" {
                assert_eq!(client.reply().status, 200);
                return (client.send("no\r\n").finish().is_closed(), String::new());
            }
            let reply = client.send("no\r\n").reply();
            assert_eq!(reply.status, 400);
            (client.is_closed(), reply.body)
        })
    });
    assert!(replies[0].1.contains("chunk's size"), "{replies:?}");
    assert!(replies.iter().all(|(closed, _)| *closed));
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_body_that_breaks_off_is_400_and_no_handlers_business() {
    let (got, reports) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel").finish();
        (client.reply(), client.is_closed())
    });
    assert_eq!((got.0.status, got.1), (400, true));
    assert!(got.0.body.contains("2 bytes before the end"), "{}", got.0.body);
    assert_eq!(reports, [""; 0]);
}
