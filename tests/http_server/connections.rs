//! One connection, many requests.

use std::cell::RefCell;
use std::rc::Rc;

use evloop::web::{Application, Request, Response};

use crate::support::{Client, serve};

/// `/wait/{n}` yields n times before it answers; `/{n}` answers at once.
fn patient() -> (Application, Rc<RefCell<Vec<String>>>) {
    let order: Rc<RefCell<Vec<String>>> = Rc::default();
    let (begun, ended) = (order.clone(), order.clone());
    let wait = move |request: Request| {
        let order = begun.clone();
        async move {
            let path = request.path().to_owned();
            order.borrow_mut().push(format!("{path} begins"));
            let times = request.match_info().get("n").and_then(|n| n.parse().ok());
            for _ in 0..times.unwrap_or(0) {
                evloop::yield_now().await;
            }
            order.borrow_mut().push(format!("{path} ends"));
            Response::text(path)
        }
    };
    let at_once = move |request: Request| {
        let order = ended.clone();
        async move {
            order.borrow_mut().push(request.path().to_owned());
            Response::text(request.path().to_owned())
        }
    };
    let mut app = Application::new();
    app.router().add_get("/wait/{n}", wait).add_get("/{n}", at_once);
    (app, order)
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let (app, _) = patient();
    let (bodies, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        ["/1", "/wait/2", "/2", "/wait/1"].map(|path| client.get(path).body)
    });
    assert_eq!(bodies, ["/1", "/wait/2", "/2", "/wait/1"]);
}

#[test]
fn pipelined_requests_are_handled_one_at_a_time_and_answered_in_order() {
    let (app, order) = patient();
    let paths = ["/1", "/wait/3", "/2", "/wait/1", "/3", "/4"];
    let (bodies, _) = serve(app, move |address| {
        let mut client = Client::connect(address);
        client.send(&paths.map(request).concat());
        paths.map(|_| client.reply().body)
    });
    assert_eq!(bodies, paths);
    let expected = [
        "/1",
        "/wait/3 begins",
        "/wait/3 ends",
        "/2",
        "/wait/1 begins",
        "/wait/1 ends",
        "/3",
        "/4",
    ];
    assert_eq!(*order.borrow(), expected);
}

#[test]
fn requests_that_come_while_one_is_handled_wait_for_it() {
    let (app, order) = patient();
    serve(app, |address| {
        let mut client = Client::connect(address);
        client.send(&request("/wait/9"));
        client.send(&request("/1")[..9]);
        client.send(&request("/1")[9..]);
        assert_eq!([client.reply().body, client.reply().body], ["/wait/9", "/1"]);
    });
    assert_eq!(*order.borrow(), ["/wait/9 begins", "/wait/9 ends", "/1"]);
}

#[test]
fn a_client_that_asks_for_the_end_gets_its_answer_and_the_end() {
    let (app, _) = patient();
    let (got, _) = serve(app, |address| {
        ["/1", "/wait/2"].map(|path| {
            let mut client = Client::connect(address);
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
            let reply = client.reply();
            (reply.get("connection") == Some("close"), client.is_closed())
        })
    });
    assert_eq!(got, [(true, true); 2]);
}

#[test]
fn http_10_ends_after_the_answer_unless_asked_to_stay() {
    let (app, _) = patient();
    let (got, _) = serve(app, |address| {
        let mut client = Client::connect(address);
        let stays = client.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").reply();
        let ends = client.send("GET /1 HTTP/1.0\r\n\r\n").reply();
        (stays, ends, client.is_closed())
    });
    assert_eq!((got.0.get("connection"), got.2), (Some("keep-alive"), true));
    assert_eq!(got.1.get("connection"), Some("close"));
}

#[test]
fn a_client_that_finishes_after_its_request_is_still_answered() {
    let (app, _) = patient();
    let (got, _) = serve(app, |address| {
        ["/1", "/wait/5"].map(|path| {
            let mut client = Client::connect(address);
            client.send(&request(path)).finish();
            (client.reply().body, client.is_closed())
        })
    });
    assert_eq!(got, [("/1".to_owned(), true), ("/wait/5".to_owned(), true)]);
}

#[test]
fn a_client_that_finishes_after_many_requests_is_answered_all_of_them() {
    let (app, _) = patient();
    let paths = ["/wait/2", "/1", "/wait/2", "/2"];
    let (bodies, _) = serve(app, move |address| {
        let mut client = Client::connect(address);
        client.send(&paths.map(request).concat()).finish();
        let bodies = paths.map(|_| client.reply().body);
        assert!(client.is_closed());
        bodies
    });
    assert_eq!(bodies, paths);
}

#[test]
fn a_handler_whose_client_has_gone_runs_to_its_end() {
    let (app, order) = patient();
    serve(app, |address| {
        Client::connect(address).send(&request("/wait/5"));
        // Another connection, so that the loop goes on until the first one is over.
        let mut client = Client::connect(address);
        while client.get("/1").body != "/1" {}
    });
    assert!(order.borrow().iter().any(|line| line == "/wait/5 begins"));
    assert!(order.borrow().iter().any(|line| line == "/wait/5 ends"));
}

#[test]
fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let (app, _) = patient();
    let (closed, _) = serve(app, |address| Client::connect(address).finish().is_closed());
    assert!(closed);
}

#[test]
fn a_handler_that_does_not_wait_costs_no_turn_of_the_loop() {
    let (app, _) = patient();
    let event_loop = evloop::EventLoop::new().unwrap();
    let counters = event_loop.clone();
    let of_loop = move |_: Request| {
        let handles = counters.counters().handles;
        async move { Response::text(handles.to_string()) }
    };
    let mut app = {
        drop(app);
        Application::new()
    };
    app.router().add_get("/", of_loop);
    let (handles, _) = crate::support::serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        [0; 3].map(|_| client.get("/").body.parse::<u64>().unwrap())
    });
    assert_eq!([handles[1] - handles[0], handles[2] - handles[1]], [1, 1]);
}
