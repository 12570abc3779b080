//! What the access log is told.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::web::{AccessFormat, Application, Method, Request, Response};

use crate::ask::{answer, ask, reported};

type Lines = Rc<RefCell<Vec<String>>>;

fn app(lines: &Lines, format: &str) -> Application {
    let (lines, format) = (lines.clone(), AccessFormat::new(format).unwrap());
    let mut app = Application::new();
    app.access_log(move |access| lines.borrow_mut().push(format.line(access)));
    app.router().add_get("/", |_| async { "hello" }).add_get("/stream", |_| async {
        Response::stream(|mut body| async move {
            for _ in 0..3 {
                body.write(b"12345").await?;
                evloop::yield_now().await;
            }
            Ok(())
        })
    });
    app.router().add_post("/", |request: Request| async move {
        request.text().await.map(|text| text.into_owned())
    });
    app
}

#[test]
fn every_answer_is_a_line_with_its_status_and_the_size_of_its_body() {
    let lines = Lines::default();
    let app = app(&lines, "%a %m %U%q %s %b %{X-Name}i");
    ask(app, |client| async move {
        for (method, path) in [
            (Method::GET, "/?q=1"),
            (Method::HEAD, "/"),
            (Method::GET, "/none"),
            (Method::PUT, "/"),
            (Method::GET, "/stream"),
        ] {
            answer(client.request(method, path).header("x-name", "n")).await;
        }
        answer(client.post("/").body("four")).await;
    });
    let expected = [
        "127.0.0.1 GET /?q=1 200 5 n",
        "127.0.0.1 HEAD / 200 0 n",
        "127.0.0.1 GET /none 404 14 n",
        "127.0.0.1 PUT / 405 23 n",
        "127.0.0.1 GET /stream 200 15 n",
        "127.0.0.1 POST / 200 4 -",
    ];
    assert_eq!(*lines.borrow(), expected);
}

#[test]
fn what_is_refused_and_what_never_had_an_answer_are_lines_too() {
    let lines = Lines::default();
    let mut app = app(&lines, "%r %s");
    let begun = evloop::Event::new();
    let begins = begun.clone();
    app.router().add_get("/never", move |_| {
        begins.set();
        std::future::pending::<&str>()
    });
    ask(app, |client| async move {
        let address = client.server().address();
        let refused = evloop::to_thread(move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(b"nonsense\r\n\r\n").expect("it reads");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("text");
            TcpStream::connect(address)
                .and_then(|mut it| it.write_all(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n"))
                .expect("it reads");
            text
        });
        assert!(refused.await.expect("no panic").starts_with("HTTP/1.1 400"));
        begun.wait().await;
        client.server().runner().shutdown_timeout(Duration::from_millis(1));
    });
    assert_eq!(*lines.borrow(), ["- 400", "GET /never HTTP/1.1 -"]);
}

#[test]
fn a_hook_that_panics_is_reported_and_the_answer_is_sent() {
    let mut app = Application::new();
    app.access_log(|_| panic!("no paper"));
    app.router().add_get("/", |_| async { "hello" });
    let (answers, reports) = reported(app, |client| async move {
        [answer(client.get("/")).await, answer(client.get("/")).await]
    });
    assert_eq!(answers, [(200, "hello".to_owned()), (200, "hello".to_owned())]);
    assert_eq!(reports.len(), 2);
    assert!(reports[0].contains("access log") && reports[0].contains("no paper"), "{reports:?}");
}
