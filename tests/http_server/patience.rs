//! How long the server waits, for whom, and how many it serves.

use std::cell::Cell;
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::web::{Application, BodyError, Limits, Request, Response, Timeouts};
use evloop::{EventLoop, LoopFuture, ManualClock};

use crate::support::{Client, serve, serve_on};

impl Client {
    /// Whether it answers `GET /` still.
    fn is_open_still(&mut self) -> bool {
        let asked = self.0.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").is_ok();
        asked && self.0.fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }
}

const SIZE: usize = 32 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// A server on a clock that `GET /later/{seconds}` moves; `begun` is for its handlers to note that
/// they have, and `/begun` waits for that.
struct Scene {
    event_loop: EventLoop,
    app: Application,
    begun: LoopFuture<()>,
}

fn scene() -> Scene {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().expect("a loop");
    let begun = event_loop.create_future::<()>();
    let waits = begun.clone();
    let mut app = Application::new();
    app.router().add_get("/later/{seconds}", move |request: Request| {
        let seconds = request.match_info().get("seconds").and_then(|it| it.parse().ok());
        clock.advance(Duration::from_secs(seconds.unwrap_or(0)));
        async { "later" }
    });
    app.router().add_get("/begun", move |_: Request| {
        let waits = waits.clone();
        async move {
            waits.await.expect("a beginning");
            "begun"
        }
    });
    Scene { event_loop, app, begun }
}

/// Moves the clock, second by second.
fn later(client: &mut Client, seconds: u64) {
    for _ in 0..seconds {
        client.get("/later/1");
    }
}

#[test]
fn a_body_that_trickles_in_is_408_although_every_byte_of_it_was_in_time() {
    let Scene { event_loop, mut app, .. } = scene();
    app.timeouts(Timeouts { body: 10 * SECOND, ..Timeouts::default() });
    let (read, progress) = std::sync::mpsc::channel();
    app.router().add_post("/", move |request: Request| {
        let read = read.clone();
        async move {
            while let Some(piece) = request.content().read_chunk().await? {
                read.send(piece).expect("a listener");
            }
            Ok::<_, BodyError>("all")
        }
    });
    serve_on(event_loop, app, move |address| {
        let mut slow = Client::connect(address);
        slow.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n");
        let mut other = Client::connect(address);
        for _ in 0..9 {
            slow.send("x");
            progress.recv().expect("a piece");
            later(&mut other, 1);
        }
        slow.send("x");
        progress.recv().expect("a piece");
        later(&mut other, 3);
        let reply = slow.reply();
        assert_eq!((reply.status, reply.get("connection")), (408, Some("close")));
    });
}

#[test]
fn a_large_body_has_a_second_more_for_every_500_bytes() {
    let Scene { event_loop, mut app, .. } = scene();
    app.timeouts(Timeouts { body: 2 * SECOND, ..Timeouts::default() });
    app.router().add_post("/", |request: Request| async move {
        Ok::<_, BodyError>(request.read().await?.len().to_string())
    });
    serve_on(event_loop, app, |address| {
        let mut slow = Client::connect(address);
        slow.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n");
        let mut other = Client::connect(address);
        for _ in 0..9 {
            slow.send(&"x".repeat(1000));
            later(&mut other, 2);
        }
        assert_eq!(slow.reply().body, "9000");
    });
}

#[test]
fn the_time_in_which_a_handler_does_not_read_is_not_the_clients() {
    let Scene { event_loop, mut app, begun } = scene();
    let go = event_loop.create_future::<()>();
    let going = go.clone();
    app.router().add_post("/", move |request: Request| {
        let going = going.clone();
        begun.set_result(()).expect("once");
        async move {
            going.await.expect("once");
            Ok::<_, BodyError>(request.text().await?.into_owned())
        }
    });
    app.router().add_get("/go", move |_: Request| {
        go.set_result(()).expect("once");
        async { "go" }
    });
    serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
        let mut other = Client::connect(address);
        other.get("/begun");
        later(&mut other, 200);
        other.get("/go");
        assert_eq!(client.send("hi").reply().body, "hi");
    });
}

#[test]
fn a_client_that_never_reads_is_cut_off_and_its_stream_learns_it() {
    let Scene { event_loop, mut app, .. } = scene();
    let ended = event_loop.create_future::<()>();
    let (tell, told) = (ended.clone(), ended);
    app.router().add_get("/", move |_: Request| {
        let tell = tell.clone();
        async move {
            Response::stream(move |mut body| async move {
                loop {
                    if let Err(error) = body.write(vec![0; 1 << 16]).await {
                        tell.set_result(()).expect("once");
                        return Err(error.into());
                    }
                }
            })
        }
    });
    app.router().add_get("/ended", move |_: Request| {
        let told = told.clone();
        async move {
            told.await.expect("an end");
            "ended"
        }
    });
    let (_, reports) = serve_on(event_loop, app, |address| {
        let mut never = Client::connect(address);
        never.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").peek();
        let mut other = Client::connect(address);
        later(&mut other, 3);
        let write = Timeouts::default().write.as_secs();
        later(&mut other, write + 2);
        assert_eq!(other.get("/ended").body, "ended");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_client_that_never_reads_its_last_answer_is_cut_off() {
    let Scene { event_loop, mut app, .. } = scene();
    app.router().add_get("/", |_: Request| async { large() });
    let (got, _) = serve_on(event_loop, app, |address| {
        let mut never = TcpStream::connect(address).unwrap();
        std::io::Write::write_all(
            &mut never,
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
        never.read_exact(&mut [0]).unwrap();
        let mut other = Client::connect(address);
        later(&mut other, 3);
        later(&mut other, Timeouts::default().write.as_secs() + 2);
        let mut rest = Vec::new();
        let _ = never.read_to_end(&mut rest);
        rest.len()
    });
    assert!(got < SIZE / 2, "{got} of {SIZE} bytes were sent all the same");
}

fn large() -> Response {
    Response::bytes(vec![0; SIZE])
}

#[test]
fn a_request_that_takes_too_long_is_503_and_its_handler_is_cancelled() {
    let Scene { event_loop, mut app, begun } = scene();
    app.timeouts(Timeouts { request: Some(5 * SECOND), ..Timeouts::default() });
    let dropped = Rc::new(Cell::new(false));
    let inside = dropped.clone();
    app.router().add_get("/", move |_: Request| {
        struct Note(Rc<Cell<bool>>);
        impl Drop for Note {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let note = Note(inside.clone());
        begun.set_result(()).expect("once");
        async move {
            std::future::pending::<()>().await;
            drop(note);
            "never"
        }
    });
    let (reply, reports) = serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut other = Client::connect(address);
        other.get("/begun");
        later(&mut other, 7);
        let reply = client.reply();
        assert!(client.is_closed());
        reply
    });
    assert_eq!((reply.status, dropped.get()), (503, true));
    assert!(reply.body.contains("not answered in time"), "{}", reply.body);
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_handler_whose_client_has_gone_is_cancelled_if_that_is_wanted() {
    let Scene { event_loop, mut app, begun } = scene();
    app.handler_cancellation(true);
    let dropped = event_loop.create_future::<()>();
    let (tell, told) = (dropped.clone(), dropped);
    app.router().add_get("/", move |_: Request| {
        struct Note(LoopFuture<()>);
        impl Drop for Note {
            fn drop(&mut self) {
                let _ = self.0.set_result(());
            }
        }
        let note = Note(tell.clone());
        begun.set_result(()).expect("once");
        async move {
            std::future::pending::<()>().await;
            drop(note);
            "never"
        }
    });
    app.router().add_get("/dropped", move |_: Request| {
        let told = told.clone();
        async move {
            told.await.expect("an end");
            "dropped"
        }
    });
    let (body, reports) = serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut other = Client::connect(address);
        other.get("/begun");
        drop(client);
        other.get("/dropped").body
    });
    assert_eq!(body, "dropped");
    assert_eq!(reports, [""; 0]);
}

fn limited(connections: usize) -> Application {
    let mut app = Application::new();
    app.limits(Limits { connections: Some(connections), ..Limits::default() });
    app.router().add_get("/", |_: Request| async { "served" });
    app.router().add_post("/", |request: Request| async move {
        Ok::<_, BodyError>(request.text().await?.into_owned())
    });
    app
}

#[test]
fn an_idle_connection_goes_for_a_new_one_where_there_are_too_many() {
    let (closed, _) = serve(limited(2), |address| {
        let mut idle = [Client::connect(address), Client::connect(address)];
        assert!(idle.iter_mut().all(|client| client.get("/").body == "served"));
        assert_eq!(Client::connect(address).get("/").body, "served");
        idle.into_iter().map(|mut client| client.is_open_still()).filter(|open| *open).count()
    });
    assert_eq!(closed, 1);
}

#[test]
fn a_head_that_is_not_complete_holds_no_place_against_a_new_connection() {
    let (bodies, _) = serve(limited(3), |address| {
        let slow: Vec<Client> = (0..30)
            .map(|_| {
                let mut slow = Client::connect(address);
                slow.send("GET / HTTP/1.1\r\n");
                slow
            })
            .collect();
        let bodies = [(); 5].map(|()| Client::connect(address).get("/").body);
        drop(slow);
        bodies
    });
    assert_eq!(bodies, ["served"; 5]);
}

#[test]
fn where_nobody_is_idle_a_new_connection_is_answered_503() {
    let (got, _) = serve(limited(1), |address| {
        let mut busy = Client::connect(address);
        busy.send(
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        );
        assert_eq!(busy.head().status, 100);
        let mut refused = Client::connect(address);
        let reply = refused.reply();
        (reply.status, refused.is_closed(), busy.send("hi").reply().body)
    });
    assert_eq!(got, (503, true, "hi".to_owned()));
}

#[test]
fn every_pipelined_head_has_its_own_time() {
    let Scene { event_loop, mut app, .. } = scene();
    app.timeouts(Timeouts { head: 5 * SECOND, ..Timeouts::default() });
    app.router().add_get("/", |_: Request| async { "" });
    serve_on(event_loop, app, |address| {
        let (mut busy, mut other) = (Client::connect(address), Client::connect(address));
        busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGE");
        for _ in 0..4 {
            assert_eq!(busy.reply().status, 200);
            later(&mut other, 3);
            busy.send("T / HTTP/1.1\r\nHost: h\r\n\r\nGE");
        }
        assert_eq!(busy.reply().status, 200);
    });
}

#[test]
fn one_head_that_is_late_does_not_put_the_others_off() {
    let Scene { event_loop, mut app, .. } = scene();
    app.timeouts(Timeouts { head: 5 * SECOND, ..Timeouts::default() });
    serve_on(event_loop, app, |address| {
        let mut other = Client::connect(address);
        for _ in 0..2 {
            let mut late = Client::connect(address);
            late.send("GET / HT");
            later(&mut other, 8);
            assert_eq!(late.reply().status, 408);
        }
    });
}

/// Moves the clock of a loop in which nothing else happens.
fn passes(event_loop: &EventLoop, clock: &ManualClock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(SECOND);
        event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    }
}

#[test]
fn a_client_that_does_not_read_what_another_task_writes_is_cut_off_although_all_is_quiet() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().expect("a loop");
    let go = event_loop.create_future::<()>();
    let (going, begun, ended) = (go.clone(), Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (begins, ends) = (begun.clone(), ended.clone());
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| {
        let (going, begins, ends) = (going.clone(), begins.clone(), ends.clone());
        async move {
            Response::stream(move |mut body| async move {
                let home = evloop::get_running_loop()?;
                let writer = home.create_task(async move {
                    begins.set(true);
                    going.await.expect("once");
                    while body.write(vec![0; 1 << 16]).await.is_ok() {}
                    ends.set(true);
                });
                writer.await.map_err(|error| error.to_string())?;
                Ok(())
            })
        }
    });
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let mut never = Client::connect(server.sockets()[0].local_addr());
    never.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    while !begun.get() {
        event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    }
    passes(&event_loop, &clock, 100);
    assert!(!ended.get());
    go.set_result(()).expect("once");
    passes(&event_loop, &clock, 200);
    assert!(ended.get(), "the client is still waited for");
    event_loop.run_until_complete(async move { server.shutdown(SECOND).await }).unwrap();
}

#[test]
fn who_reads_an_answer_is_not_idle_and_keeps_its_place() {
    let mut app = limited(1);
    app.router().add_get("/large", |_: Request| async { large() });
    let (got, _) = serve(app, |address| {
        let mut reading = Client::connect(address);
        reading.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n").peek();
        let refused = Client::connect(address).reply().status;
        (refused, reading.reply().body.len())
    });
    assert_eq!(got, (503, SIZE));
}
