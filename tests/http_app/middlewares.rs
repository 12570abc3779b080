//! What stands around handlers.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use evloop::web::{
    Application, HttpError, Method, Middleware, Next, NormalizePath, Request, Response,
    ResponseFuture,
};

use crate::ask::{answer, answers, ask, reported};

type Log = Rc<RefCell<Vec<String>>>;

/// A middleware that notes when it is entered and with what it is left.
fn noting(
    log: &Log,
    name: &'static str,
) -> impl Fn(Request, Next) -> Pin<Box<dyn Future<Output = Response>>> + 'static {
    let log = log.clone();
    move |request, next| {
        let log = log.clone();
        Box::pin(async move {
            log.borrow_mut().push(format!("{name} {}", request.path()));
            let response = next.run(request).await;
            log.borrow_mut().push(format!("{name} {}", response.status_code().as_u16()));
            response
        })
    }
}

#[test]
fn the_first_is_outermost_and_sees_the_request_first_and_the_response_last() {
    let log = Log::default();
    let mut app = Application::new();
    app.middleware(noting(&log, "outer")).middleware(noting(&log, "inner"));
    app.router().add_get("/", |_| async { "here" });
    assert_eq!(answers(app, &[(Method::GET, "/")]), [(200, "here".into())]);
    assert_eq!(*log.borrow(), ["outer /", "inner /", "inner 200", "outer 200"]);
}

#[test]
fn they_see_what_is_answered_404_405_and_500_as_well() {
    async fn fails(_: Request) -> Result<&'static str, String> {
        Err("out of luck".into())
    }
    async fn panics(_: Request) -> &'static str {
        panic!("out of mind")
    }
    let log = Log::default();
    let mut app = Application::new();
    app.middleware(noting(&log, "m"));
    app.router().add_get("/", fails).add_get("/panic", panics);
    let (statuses, reports) = reported(app, |client| async move {
        let mut statuses = Vec::new();
        for (method, path) in [
            (Method::GET, "/none"),
            (Method::PUT, "/"),
            (Method::GET, "/"),
            (Method::GET, "/panic"),
        ] {
            statuses.push(answer(client.request(method, path)).await.0);
        }
        statuses
    });
    assert_eq!(statuses, [404, 405, 500, 500]);
    let left: Vec<_> = log.borrow().iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(left, ["m 404", "m 405", "m 500", "m 500"]);
    assert!(reports[0].contains("out of luck") && reports[0].contains("fails"), "{reports:?}");
    assert!(reports[1].contains("out of mind") && reports[1].contains("127.0.0.1"), "{reports:?}");
}

#[test]
fn one_may_answer_by_itself_and_change_the_response() {
    let log = Log::default();
    let mut app = Application::new();
    app.middleware(|request: Request, next: Next| async move {
        if request.path() == "/secret" {
            return Err(HttpError::forbidden("it is a secret"));
        }
        Ok(next.run(request).await.header("x-seen", "yes").status(202))
    });
    app.middleware(noting(&log, "inner"));
    app.router().add_get("/{x}", |_| async { "here" });
    ask(app, |client| async move {
        let (status, body) = answer(client.get("/secret")).await;
        assert_eq!((status, body.ends_with("it is a secret\n")), (403, true));
        assert_eq!(*log.borrow(), [""; 0]);
        let response = client.get("/open").await.unwrap();
        assert_eq!(response.status().as_u16(), 202);
        assert_eq!(response.headers()["x-seen"], "yes");
    });
}

#[test]
fn one_that_fails_or_panics_is_answered_500_and_reported() {
    async fn gives_up(_: Request, _: Next) -> Result<Response, String> {
        Err("no more".into())
    }
    let log = Log::default();
    let mut app = Application::new();
    app.middleware(noting(&log, "m"));
    app.middleware(|request: Request, next: Next| {
        assert_ne!(request.path(), "/panic", "not that");
        next.run(request)
    });
    app.middleware(gives_up);
    let (statuses, reports) = reported(app, |client| async move {
        [answer(client.get("/")).await.0, answer(client.get("/panic")).await.0]
    });
    assert_eq!(statuses, [500, 500]);
    assert!(reports[0].contains("no more") && reports[0].contains("gives_up"), "{reports:?}");
    assert!(reports[1].contains("not that"), "{reports:?}");
    assert_eq!(log.borrow().iter().filter(|it| **it == "m 500").count(), 2, "{log:?}");
}

#[test]
fn a_handler_that_waits_keeps_its_middlewares_waiting() {
    let log = Log::default();
    let mut app = Application::new();
    app.middleware(noting(&log, "m"));
    app.router().add_get("/", |_| async {
        evloop::yield_now().await;
        "later"
    });
    assert_eq!(answers(app, &[(Method::GET, "/")]), [(200, "later".into())]);
    assert_eq!(*log.borrow(), ["m /", "m 200"]);
}

#[test]
fn a_type_can_be_one_with_something_of_its_own() {
    struct Tag(&'static str);
    impl Middleware for Tag {
        fn handle(&self, request: Request, next: Next) -> ResponseFuture {
            let tag = self.0;
            Box::pin(async move { next.run(request).await.header("x-tag", tag) })
        }
    }
    let mut app = Application::new();
    app.middleware(Tag("blue"));
    ask(app, |client| async move {
        assert_eq!(client.get("/").await.unwrap().headers()["x-tag"], "blue");
    });
}

#[test]
fn what_is_done_on_response_prepare_is_done_to_every_response_after_the_middlewares() {
    let mut app = Application::new();
    app.middleware(|request: Request, next: Next| async move {
        next.run(request).await.header("x-order", "middleware")
    });
    app.on_response_prepare(|request, response| {
        response.headers_mut().append("x-order", request.path().parse().unwrap());
    });
    app.router().add_get("/here", |_| async { "" });
    ask(app, |client| async move {
        for path in ["/here", "/not"] {
            let response = client.get(path).await.unwrap();
            let order: Vec<_> = response.headers().get_all("x-order").iter().collect();
            assert_eq!(order, ["middleware", path]);
        }
    });
}

#[test]
fn a_path_that_differs_in_slashes_only_is_redirected_to_the_one_there_is() {
    let make = |normalize| {
        let mut app = Application::new();
        app.middleware(normalize);
        app.router().add_get("/a/b", |_| async { "ab" }).add_get("/c/", |_| async { "c" });
        app
    };
    let asked = [
        (Method::GET, "/a//b?x=1&y"),
        (Method::GET, "/c"),
        (Method::POST, "//c"),
        (Method::GET, "/a/b/"),
        (Method::GET, "//evil.example/.."),
        (Method::GET, "/a/b"),
    ];
    let to = |location: &str| (308, location.to_owned());
    let none = || (404, "404: Not Found".to_owned());
    let found = || (200, "ab".to_owned());
    let got = answers(make(NormalizePath::default()), &asked);
    assert_eq!(got, [to("/a/b?x=1&y"), to("/c/"), none(), none(), none(), found()]);
    let bare = NormalizePath { append_slash: false, remove_slash: true, merge_slashes: false };
    let got = answers(make(bare), &asked);
    assert_eq!(got, [none(), none(), none(), to("/a/b"), none(), found()]);
}

#[test]
fn after_a_panic_the_connection_ends_whatever_a_middleware_answers() {
    let mut app = Application::new();
    app.middleware(|request: Request, next: Next| async move {
        next.run(request).await;
        Response::text("never mind")
    });
    app.middleware(|request: Request, next: Next| {
        assert_ne!(request.path(), "/outside", "not that");
        next.run(request)
    });
    app.router().add_get("/{x}", |request: Request| async move {
        evloop::yield_now().await;
        assert_eq!(request.path(), "/well", "nor that");
        "well"
    });
    let (ends, reports) = reported(app, |client| async move {
        let mut ends = Vec::new();
        for path in ["/well", "/inside", "/well", "/outside"] {
            let response = client.get(path).await.expect("an answer");
            assert_eq!(response.status(), 200);
            ends.push(response.headers().get("connection").is_some_and(|it| it == "close"));
            assert_eq!(response.text().await.unwrap(), "never mind");
        }
        ends
    });
    assert_eq!(ends, [false, true, false, true]);
    assert_eq!(reports.len(), 2);
}
