//! Which answer a request gets.

use std::error::Error;
use std::io;

use evloop::web::{Application, Request, Response, StatusCode};

use crate::support::{Client, serve};

async fn index(request: Request) -> Response {
    Response::text(request.path().to_owned()).status(201)
}

async fn show(request: Request) -> Response {
    let id = request.match_info().get("id").unwrap_or("0000");
    Response::text(format!("{id} {}", request.query_string()))
}

fn tutorial() -> Application {
    let mut app = Application::new();
    app.router().add_get("/", index).add_get("/{id}", show);
    app
}

#[test]
fn the_tutorials_routes_answer_as_the_tutorials_do() {
    let (replies, _) = serve(tutorial(), |address| {
        let mut client = Client::connect(address);
        [client.get("/"), client.get("/1?name=12301"), client.get("/a%20b")]
    });
    let [index, one, encoded] = replies;
    assert_eq!((index.status, &index.body[..]), (201, "/"));
    assert_eq!((one.status, &one.body[..]), (200, "1 name=12301"));
    assert_eq!(encoded.body, "a b ");
}

#[test]
fn a_response_has_its_type_its_length_and_the_date_and_does_not_say_what_serves_it() {
    let (reply, _) = serve(tutorial(), |address| Client::connect(address).get("/"));
    assert_eq!(reply.get("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.get("content-length"), Some("1"));
    let date = reply.get("date").expect("a date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    assert_eq!((reply.get("server"), reply.get("connection")), (None, None));
}

#[test]
fn fields_that_have_no_say_here_change_nothing() {
    let (replies, _) = serve(tutorial(), |address| {
        let mut client = Client::connect(address);
        let plain = client.get("/7?a=b");
        let fields = [
            "Content-Location: /8",
            "Content-Range: bytes 0-1/9",
            "Max-Forwards: 0",
            "From: root@h",
            "Referer: http://other/",
            "Range: bytes=0-0",
            "If-Range: \"x\"",
            "Accept-Ranges: none",
            "X-Unknown: x",
        ];
        let more = fields.map(|field| {
            client.send(&format!("GET /7?a=b HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n")).reply()
        });
        (plain, more)
    });
    for reply in replies.1 {
        assert_eq!((reply.status, &reply.body[..]), (200, &replies.0.body[..]));
    }
}

#[test]
fn every_answer_of_the_server_has_a_date() {
    let mut app = Application::new();
    app.router()
        .add_get("/", index)
        .add_get("/gone", |_| async { Response::new().status(304) })
        .add_get("/away", |_| async { Response::new().status(302).header("location", "/") });
    let host = "Host: h\r\n\r\n";
    let requests = [
        (format!("GET / HTTP/1.1\r\n{host}"), 201),
        (format!("GET /gone HTTP/1.1\r\n{host}"), 304),
        (format!("GET /away HTTP/1.0\r\n{host}"), 302),
        (format!("GET /none HTTP/1.1\r\n{host}"), 404),
        (format!("PUT / HTTP/1.1\r\n{host}"), 405),
        (format!("HEAD / HTTP/1.1\r\n{host}"), 201),
        (format!("GET / HTTP/1.1\r\nExpect: x\r\n{host}"), 417),
        (format!("GET / HTTP/2.0\r\n{host}"), 505),
        (format!("GET /{} HTTP/1.1\r\n{host}", "x".repeat(9000)), 414),
        ("nonsense\r\n".to_owned(), 400),
    ];
    let (heads, _) = serve(app, move |address| {
        requests.map(|(request, status)| {
            (Client::connect(address).send(&request).head(), status, request)
        })
    });
    for (head, status, request) in heads {
        assert_eq!((head.status, head.get("date").is_some()), (status, true), "{request}");
    }
}

#[test]
fn an_unknown_path_is_404_and_a_method_without_a_route_405_with_those_that_have() {
    let (replies, _) = serve(tutorial(), |address| {
        let mut client = Client::connect(address);
        let unknown = client.get("/a/b");
        (unknown, client.send("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n").reply(), client.get("/"))
    });
    let (unknown, method, after) = replies;
    assert_eq!((unknown.status, &unknown.body[..]), (404, "404: Not Found"));
    assert_eq!((method.status, method.get("allow")), (405, Some("GET,HEAD")));
    assert_eq!(after.status, 201);
}

#[test]
fn head_is_answered_like_get_without_the_body() {
    let (replies, _) = serve(tutorial(), |address| {
        let mut client = Client::connect(address);
        (client.send("HEAD /12 HTTP/1.1\r\nHost: h\r\n\r\n").head(), client.get("/"))
    });
    assert_eq!((replies.0.status, replies.0.get("content-length")), (200, Some("3")));
    assert_eq!(replies.1.body, "/");
}

#[test]
fn a_malformed_request_is_told_what_was_wrong_and_the_connection_ends() {
    let (replies, _) = serve(tutorial(), |address| {
        let wrong =
            ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "nonsense\r\n"];
        wrong.map(|request| {
            let mut client = Client::connect(address);
            (client.send(request).reply(), client.is_closed())
        })
    });
    for (reply, closed) in &replies {
        assert_eq!((reply.status, reply.get("connection"), *closed), (400, Some("close"), true));
    }
    assert!(replies[0].0.body.contains("no Host field"), "{}", replies[0].0.body);
}

#[test]
fn a_handler_that_fails_is_answered_500_and_reported_and_the_connection_goes_on() {
    async fn fails(_: Request) -> io::Result<Response> {
        Err(io::Error::other("the database is gone"))
    }
    let mut app = Application::new();
    app.router().add_get("/", fails);
    let (replies, reports) = serve(app, |address| {
        let mut client = Client::connect(address);
        [client.get("/"), client.get("/")]
    });
    for reply in replies {
        assert_eq!((reply.status, &reply.body[..]), (500, "500: Internal Server Error"));
    }
    assert_eq!(reports.len(), 2);
    assert!(reports[0].contains("the database is gone"), "{}", reports[0]);
    assert!(reports[0].contains("fails") && reports[0].contains("127.0.0.1"), "{}", reports[0]);
}

#[test]
fn a_handler_that_panics_is_answered_500_and_reported_and_its_connection_ends() {
    async fn at_once(_: Request) -> Response {
        panic!("at once")
    }
    async fn later(_: Request) -> Response {
        evloop::yield_now().await;
        panic!("later")
    }
    let mut app = Application::new();
    app.router().add_get("/once", at_once).add_get("/later", later);
    let (replies, reports) = serve(app, |address| {
        ["/once", "/later"].map(|path| {
            let mut client = Client::connect(address);
            (client.get(path).status, client.is_closed())
        })
    });
    assert_eq!(replies, [(500, true); 2]);
    assert!(reports[0].contains("at once") && reports[1].contains("later"), "{reports:?}");
}

#[test]
fn an_error_that_is_a_response_is_the_answer() {
    async fn direct(_: Request) -> Result<Response, Response> {
        Err(Response::error(StatusCode::CONFLICT, "it exists"))
    }
    async fn boxed(request: Request) -> Result<String, Box<dyn Error>> {
        let id = request.match_info().get("id").unwrap_or_default();
        if id == "0" {
            Err(Response::new().status(302).header("location", "/1"))?;
        }
        Ok(request.text().await?.into_owned())
    }
    let mut app = Application::new();
    app.router().add_get("/", direct).add_get("/{id}", boxed);
    let (replies, reports) = serve(app, |address| {
        let mut client = Client::connect(address);
        let conflict = client.get("/");
        let found = client.get("/0");
        let charset = "GET /1 HTTP/1.1\r\nHost: h\r\nContent-Type: x;charset=q\r\n\r\n";
        [conflict, found, client.send(charset).reply()]
    });
    assert_eq!(replies.each_ref().map(|reply| reply.status), [409, 302, 415]);
    assert!(replies[0].body.ends_with("it exists\n"));
    assert_eq!(replies[1].get("location"), Some("/1"));
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_response_that_cannot_be_sent_is_answered_500_and_reported() {
    async fn wrong(_: Request) -> Response {
        Response::text("five!").header("content-length", "4")
    }
    let mut app = Application::new();
    app.router().add_get("/", wrong);
    let (reply, reports) = serve(app, |address| Client::connect(address).get("/"));
    assert_eq!((reply.status, reply.body.starts_with("500")), (500, true));
    assert!(reports[0].contains("Content-Length"), "{reports:?}");
}

#[test]
fn a_route_that_is_malformed_is_told_when_the_application_is_served() {
    let mut app = Application::new();
    app.router().add_get("no-slash", index);
    let event_loop = evloop::EventLoop::new().unwrap();
    let error = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("does not begin with /"), "{error}");
}

/// Panics when it is dropped.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("out of spite");
    }
}

#[test]
fn what_panics_when_a_handler_is_dropped_leaves_no_client_waiting() {
    let mut app = Application::new();
    app.router().add_get("/at-once", |_: Request| {
        let spiteful = Spiteful;
        std::future::poll_fn(move |_| {
            let _ = &spiteful;
            std::task::Poll::Ready("answered")
        })
    });
    app.router().add_get("/later", |_: Request| {
        let (spiteful, mut first) = (Spiteful, true);
        std::future::poll_fn(move |context| {
            let _ = &spiteful;
            if std::mem::take(&mut first) {
                context.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready("answered")
        })
    });
    app.router().add_get("/", |_: Request| async { "well" });
    let (ends, reports) = serve(app, |address| {
        let ends = ["/at-once", "/later"].map(|path| {
            let mut client = Client::connect(address);
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let mut all = Vec::new();
            let _ = std::io::Read::read_to_end(&mut client.0, &mut all);
            String::from_utf8_lossy(&all).matches("200 OK").count()
        });
        (ends, Client::connect(address).get("/").body)
    });
    // At once: in the middle of what was received, of which nobody knows how much is done.
    assert_eq!(ends, ([0, 2], "well".to_owned()));
    assert!(
        reports.len() == 2 && reports.iter().all(|it| it.contains("out of spite")),
        "{reports:?}"
    );
}
