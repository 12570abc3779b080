//! How a server ends.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use evloop::web::{AppRunner, Application, Request, Response};
use evloop::{EventLoop, LoopFuture};

use crate::support::{Client, PATIENCE};

/// `/slow` answers when it is released; `/` at once. `begun` hears of each `/slow`.
fn slow(event_loop: &EventLoop, begun: Sender<()>) -> (Application, LoopFuture<()>) {
    let release = event_loop.create_future::<()>();
    let released = release.clone();
    let slow = move |_: Request| {
        let (begun, released) = (begun.clone(), released.clone());
        async move {
            begun.send(()).expect("somebody listens");
            let _ = released.await;
            Response::text("at last")
        }
    };
    let mut app = Application::new();
    app.router().add_get("/slow", slow).add_get("/", |_| async { "at once" });
    (app, release)
}

struct Scene {
    event_loop: EventLoop,
    server: evloop::web::HttpServer,
    release: LoopFuture<()>,
    begun: Receiver<()>,
}

fn scene() -> Scene {
    let event_loop = EventLoop::new().expect("a loop");
    let (begun, heard) = channel();
    let (app, release) = slow(&event_loop, begun);
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    Scene { event_loop, server, release, begun: heard }
}

/// Runs the loop until `begun` hears from a handler.
fn until_begun(event_loop: &EventLoop, begun: &Receiver<()>) {
    while begun.try_recv().is_err() {
        event_loop.run_once(None).expect("a turn");
    }
}

#[test]
fn what_is_under_way_is_answered_what_is_idle_ends_and_nobody_new_is_let_in() {
    let Scene { event_loop, server, release, begun } = scene();
    let address = server.sockets()[0].local_addr();
    let client = thread::spawn(move || {
        let mut idle = Client::connect(address);
        assert_eq!(idle.get("/").body, "at once");
        let mut busy = Client::connect(address);
        busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(idle.is_closed(), "the idle one ends first");
        let refused = TcpStream::connect_timeout(&address, PATIENCE);
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
        let reply = busy.reply();
        (reply.get("connection") == Some("close"), reply.body, busy.is_closed())
    });
    until_begun(&event_loop, &begun);
    server.close();
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(server.connections(), 1);
    event_loop.call_soon(move || release.set_result(()).expect("once")).unwrap();
    event_loop.run_until_complete(async move { server.shutdown(PATIENCE).await }).unwrap();
    assert_eq!(client.join().unwrap(), (true, "at last".to_owned(), true));
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn a_handler_that_does_not_end_in_time_is_cancelled() {
    let event_loop = EventLoop::new().expect("a loop");
    let dropped = Rc::new(Cell::new(false));
    let begun = Rc::new(Cell::new(false));
    let (inside, started) = (dropped.clone(), begun.clone());
    let stuck = move |_: Request| {
        struct Note(Rc<Cell<bool>>);
        impl Drop for Note {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let note = Note(inside.clone());
        started.set(true);
        async move {
            std::future::pending::<()>().await;
            drop(note);
        }
    };
    let mut app = Application::new();
    app.router().add_get("/", move |request| {
        let stuck = stuck(request);
        async move {
            stuck.await;
            ""
        }
    });
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let address = server.sockets()[0].local_addr();
    let mut client = Client::connect(address);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    while !begun.get() {
        event_loop.run_once(None).unwrap();
    }
    let shutdown = async move { server.shutdown(Duration::from_millis(1)).await };
    event_loop.run_until_complete(shutdown).unwrap();
    assert!(dropped.get());
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn a_loop_that_closes_under_its_server_drops_the_handlers_and_calls_nobody() {
    let Scene { event_loop, server, begun, release } = scene();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let report = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            report.borrow_mut().push(context.to_string());
        }
    }));
    let mut client = Client::connect(server.sockets()[0].local_addr());
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    until_begun(&event_loop, &begun);
    let report = event_loop.close().unwrap();
    assert_eq!(report.residents.len(), 3, "server, connection, task: {report:?}");
    drop((server, release));
    assert_eq!(*reports.borrow(), [""; 0]);
}

#[test]
fn a_client_that_does_not_read_its_answers_ends_with_the_shutdown() {
    let event_loop = EventLoop::new().expect("a loop");
    let mut app = Application::new();
    app.router().add_get("/", |_: Request| async { "x".repeat(100_000) });
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let mut client = Client::connect(server.sockets()[0].local_addr());
    // More answers than the kernel keeps for a client that reads none.
    client.send(&"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(200));
    let sent = |event_loop: &EventLoop| event_loop.counters().bytes_sent;
    let mut before = u64::MAX;
    while sent(&event_loop) != before || before == 0 {
        before = sent(&event_loop);
        event_loop.run_once(Some(Duration::from_millis(20))).unwrap();
    }
    let shutdown = async move { server.shutdown(Duration::from_millis(1)).await };
    event_loop.run_until_complete(shutdown).unwrap();
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn a_handler_whose_first_step_closes_the_server_still_answers() {
    let event_loop = EventLoop::new().expect("a loop");
    let runner: Rc<RefCell<Option<AppRunner>>> = Rc::default();
    let inside = runner.clone();
    let mut app = Application::new();
    app.router().add_get("/", move |_: Request| {
        inside.take().expect("one request").close();
        async { "the last" }
    });
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let address = server.sockets()[0].local_addr();
    runner.replace(Some(server.runner().clone()));
    let client = thread::spawn(move || {
        let mut client = Client::connect(address);
        let reply = client.get("/");
        (reply.get("connection") == Some("close"), reply.body, client.is_closed())
    });
    event_loop.run_until_complete(async move { server.wait_closed().await }).unwrap();
    assert_eq!(client.join().unwrap(), (true, "the last".to_owned(), true));
}

#[test]
fn a_connection_that_the_server_still_drains_when_it_closes_ends_with_the_last_byte() {
    let event_loop = EventLoop::new().expect("a loop");
    let mut app = Application::new();
    app.router().add_post("/", |_: Request| async { "unread" });
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let address = server.sockets()[0].local_addr();
    let ((answered, hears), (closes, closed)) = (channel(), channel());
    let client = thread::spawn(move || {
        let mut client = Client::connect(address);
        let body =
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na").reply().body;
        answered.send(()).expect("somebody listens");
        closed.recv().expect("somebody closes");
        (body, client.send("bc").is_closed())
    });
    while hears.try_recv().is_err() {
        event_loop.run_once(Some(Duration::from_millis(1))).expect("a turn");
    }
    server.close();
    closes.send(()).expect("somebody listens");
    event_loop.run_until_complete(async move { server.wait_closed().await }).unwrap();
    assert_eq!(client.join().unwrap(), ("unread".to_owned(), true));
}
