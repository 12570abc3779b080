//! Bodies that go out while they are made, and files.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evloop::http::{ServerSentEvent, StreamResult};
use evloop::web::{Application, Request, Response};
use evloop::{EventLoop, yield_now};

use crate::support::{Client, serve, serve_on};

async fn three(mut body: evloop::http::BodyWriter) -> StreamResult {
    for piece in ["one", "two", "three"] {
        body.write(piece).await?;
        yield_now().await;
    }
    Ok(())
}

fn streaming() -> Application {
    let mut app = Application::new();
    app.router()
        .add_get("/three", |_: Request| async { Response::stream(three) })
        .add_get("/at-once", |_: Request| async {
            Response::stream(|mut body| async move {
                body.write("one").await?;
                body.write("").await?;
                Ok(body.write("two").await?)
            })
        })
        .add_get("/nothing", |_: Request| async { Response::stream(|_| async { Ok(()) }) })
        .add_get("/length/{n}", |request: Request| async move {
            let length = request.match_info().get("n").and_then(|n| n.parse().ok());
            Response::stream(three).content_length(length.unwrap_or(0))
        })
        .add_get("/none", |_: Request| async { Response::stream(three).status(204) })
        .add_get("/fails", |_: Request| async {
            Response::stream(|mut body| async move {
                body.write("begun").await?;
                yield_now().await;
                Err("the disk is gone")?
            })
        })
        .add_get("/panics", |_: Request| async {
            Response::stream(|mut body| async move {
                body.write("begun").await?;
                yield_now().await;
                panic!("half way");
            })
        })
        .add_get("/next", |_: Request| async { "next" });
    app
}

#[test]
fn a_stream_is_chunked_and_the_connection_goes_on() {
    let (bodies, reports) = serve(streaming(), |address| {
        let mut client = Client::connect(address);
        ["/three", "/at-once", "/nothing"].map(|path| {
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let body = client.chunked().body;
            assert_eq!(client.get("/next").body, "next");
            body
        })
    });
    assert_eq!(bodies, ["onetwothree", "onetwo", ""]);
    assert_eq!(reports, [""; 0]);
}

#[test]
fn what_is_written_in_one_step_leaves_in_one_write() {
    let (wire, _) = serve(streaming(), |address| {
        let mut client = Client::connect(address);
        client.send("GET /at-once HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        client.head();
        client.rest().unwrap()
    });
    assert_eq!(wire, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

#[test]
fn http_10_gets_a_stream_until_the_end_of_the_connection() {
    let (got, _) = serve(streaming(), |address| {
        let mut client = Client::connect(address);
        client.send("GET /three HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let head = client.head();
        (
            head.get("transfer-encoding").is_none(),
            head.get("connection") == Some("close"),
            client.rest(),
        )
    });
    assert_eq!(got, (true, true, Some("onetwothree".to_owned())));
}

#[test]
fn a_stream_of_known_length_is_not_chunked() {
    let (bodies, reports) = serve(streaming(), |address| {
        let mut client = Client::connect(address);
        [client.get("/length/11").body, client.get("/next").body]
    });
    assert_eq!(bodies, ["onetwothree", "next"]);
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_stream_of_another_length_than_it_said_breaks_the_connection() {
    for (length, sent) in [(12, "onetwothree"), (10, "onetwo")] {
        let (got, reports) = serve(streaming(), move |address| {
            let mut client = Client::connect(address);
            client.send(&format!("GET /length/{length} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.head();
            client.rest()
        });
        assert!(got.as_deref().is_none_or(|got| got == sent), "{got:?}");
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains("not as long as it said"), "{reports:?}");
    }
}

#[test]
fn a_stream_that_fails_or_panics_is_reported_and_is_not_ended_as_if_it_were_whole() {
    for (path, what) in [("/fails", "the disk is gone"), ("/panics", "half way")] {
        let (got, reports) = serve(streaming(), move |address| {
            let mut client = Client::connect(address);
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.head();
            let whole = client.rest().is_some_and(|rest| rest.ends_with("0\r\n\r\n"));
            (whole, Client::connect(address).get("/next").status)
        });
        assert_eq!(got, (false, 200));
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains(what), "{reports:?}");
    }
}

#[test]
fn head_and_204_are_answered_without_running_the_stream() {
    let begun = Rc::new(RefCell::new(0));
    let count = begun.clone();
    let mut app = streaming();
    app.router().add_get("/count", move |_: Request| {
        let count = count.clone();
        async move {
            Response::stream(move |_| {
                *count.borrow_mut() += 1;
                async { Ok(()) }
            })
        }
    });
    let (got, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        let head = |client: &mut Client, path: &str| {
            client.send(&format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n")).head()
        };
        let lengths = [head(&mut client, "/count"), head(&mut client, "/length/11")]
            .map(|reply| reply.get("content-length").map(str::to_owned));
        client.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        (lengths, client.head().status, client.get("/next").body)
    });
    assert_eq!(got, ([None, Some("11".to_owned())], 204, "next".to_owned()));
    assert_eq!(*begun.borrow(), 0);
}

#[test]
fn a_stream_waits_for_a_client_that_does_not_read() {
    const PIECES: usize = 1000;
    let written = Rc::new(RefCell::new(0));
    let (count, counted) = (written.clone(), written.clone());
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| {
        let count = count.clone();
        async move {
            Response::stream(move |mut body| async move {
                for _ in 0..PIECES {
                    body.write(vec![b'x'; 64 << 10]).await?;
                    *count.borrow_mut() += 1;
                }
                Ok(())
            })
        }
    });
    app.router().add_get("/count", move |_: Request| {
        let count = counted.borrow().to_string();
        async move { count }
    });
    let (written, _) = serve(app, |address| {
        let mut lazy = Client::connect(address);
        lazy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").peek();
        let mut other = Client::connect(address);
        let mut count = String::new();
        loop {
            let now = other.get("/count").body;
            if std::mem::replace(&mut count, now.clone()) == now {
                break;
            }
        }
        assert_eq!(lazy.chunked().body.len(), PIECES * (64 << 10));
        count.parse::<usize>().unwrap()
    });
    assert!(written < PIECES / 2, "{written} of {PIECES} were written for nobody");
}

#[test]
fn a_stream_whose_client_has_gone_learns_it_and_nobody_is_blamed() {
    let event_loop = EventLoop::new().unwrap();
    let ended = event_loop.create_future::<String>();
    let (tell, told) = (ended.clone(), ended);
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| {
        let tell = tell.clone();
        async move {
            Response::stream(move |mut body| async move {
                loop {
                    if let Err(error) = body.write("tick").await {
                        tell.set_result(error.kind().to_string()).expect("once");
                        return Err(error.into());
                    }
                    yield_now().await;
                }
            })
        }
    });
    app.router().add_get("/ended", move |_: Request| {
        let told = told.clone();
        async move { told.await.expect("a result") }
    });
    let (kind, reports) = serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").peek();
        drop(client);
        Client::connect(address).get("/ended").body
    });
    assert_eq!(kind, "connection reset");
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_stream_that_waits_for_something_else_can_ask_whether_the_client_has_gone() {
    let event_loop = EventLoop::new().unwrap();
    let gone = event_loop.create_future::<()>();
    let (tell, told) = (gone.clone(), gone);
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| {
        let tell = tell.clone();
        async move {
            Response::stream(move |body| async move {
                body.gone().await;
                tell.set_result(()).expect("once");
                Ok(())
            })
        }
    });
    app.router().add_get("/gone", move |_: Request| {
        let told = told.clone();
        async move {
            told.await.expect("a result");
            "gone"
        }
    });
    let (body, _) = serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").peek();
        drop(client);
        Client::connect(address).get("/gone").body
    });
    assert_eq!(body, "gone");
}

#[test]
fn a_body_can_be_answered_with_itself_while_it_comes() {
    let mut app = Application::new();
    app.router().add_post("/", |request: Request| async move {
        let content = request.content();
        Response::stream(|mut body| async move {
            while let Some(piece) = content.read_chunk().await? {
                body.write(piece).await?;
            }
            Ok(())
        })
    });
    let (pieces, reports) = serve(app, |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").head();
        let pieces = ["ab", "cd", "ef"].map(|piece| {
            client.send(&format!("2\r\n{piece}\r\n"));
            client.chunk().unwrap()
        });
        client.send("0\r\n\r\n");
        assert_eq!(client.chunk(), None);
        pieces
    });
    assert_eq!(pieces, ["ab", "cd", "ef"]);
    assert_eq!(reports, [""; 0]);
}

#[test]
fn events_leave_as_they_are_sent() {
    let mut app = Application::new();
    app.router().add_get("/", |_: Request| async {
        Response::events(|mut events| async move {
            events.send(&ServerSentEvent::data("one").id("1")).await?;
            yield_now().await;
            events.heartbeat().await?;
            Ok(())
        })
    });
    let (got, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let head = client.head();
        let kind = head.get("content-type").map(str::to_owned);
        (kind, client.chunk(), client.chunk(), client.chunk())
    });
    let kind = Some("text/event-stream".to_owned());
    assert_eq!(got, (kind, Some("id: 1\ndata: one\n\n".into()), Some(":\n\n".into()), None));
}

/// A file of `len` bytes that has no name any more.
fn file(len: usize) -> File {
    // Several tests make one of the same size at a time.
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let name = format!("evloop-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
    let file = file.as_mut().expect("a file");
    std::fs::remove_file(&path).expect("its name");
    let bytes: Vec<u8> = (0..len).map(|at| b'a' + (at % 23) as u8).collect();
    file.write_all(&bytes).expect("room");
    file.try_clone().expect("a descriptor")
}

fn filing() -> Application {
    let (small, large) = (file(1000), file(5 << 20));
    let mut app = Application::new();
    let part = move |request: Request| {
        let number = |name| request.match_info().get(name).and_then(|it| it.parse().ok()).unwrap();
        let file = if request.path().starts_with("/small") { &small } else { &large };
        let response = Response::file(file.try_clone().unwrap(), number("from"), number("len"));
        async move { response }
    };
    app.router()
        .add_get("/{name}/{from}/{len}", part)
        .add_get("/next", |_: Request| async { "next" });
    app
}

#[test]
fn a_part_of_a_file_arrives_as_it_is_and_the_connection_goes_on() {
    let (_, reports) = serve(filing(), |address| {
        let mut client = Client::connect(address);
        for (from, len) in [(0, 1000), (23, 2), (999, 1), (0, 0)] {
            let body = client.get(&format!("/small/{from}/{len}")).body;
            let expected: Vec<u8> = (from..from + len).map(|at| b'a' + (at % 23) as u8).collect();
            assert_eq!(body.into_bytes(), expected);
        }
        for (from, len) in [(0, 5 << 20), (1, 100_000), (3 << 20, 1 << 20)] {
            let body = client.get(&format!("/large/{from}/{len}")).body;
            assert_eq!((body.len(), body.as_bytes()[0]), (len, b'a' + (from % 23) as u8));
        }
        let head = client.send("HEAD /large/0/70000 HTTP/1.1\r\nHost: h\r\n\r\n").head();
        assert_eq!(head.get("content-length"), Some("70000"));
        assert_eq!(client.get("/next").body, "next");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_file_that_is_shorter_than_it_was_breaks_the_connection_and_is_reported() {
    let (got, reports) = serve(filing(), |address| {
        let small = Client::connect(address).get("/small/0/1001").status;
        let mut client = Client::connect(address);
        client.send("GET /large/5000000/1000000 HTTP/1.1\r\nHost: h\r\n\r\n").head();
        (small, client.rest().is_none_or(|rest| rest.len() < 1_000_000))
    });
    assert_eq!(got, (500, true));
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(|it| it.contains("the file is shorter")), "{reports:?}");
}
