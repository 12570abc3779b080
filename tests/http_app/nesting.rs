//! Applications in applications: routes, middlewares, state.

use evloop::web::{self, Application, Method, Next, Request, Response};

use crate::ask::{answers, ask};

struct Name(&'static str);
struct Color(&'static str);

async fn whose(request: Request) -> String {
    let name = request.state::<Name>().0;
    format!("{name} {} {}", request.state::<Color>().0, request.match_info().pattern())
}

fn named(name: &'static str) -> Application {
    let mut app = Application::new();
    app.with_state(Name(name)).router().add_get("/who/{x}", whose).name("who");
    app
}

#[test]
fn a_nested_application_has_its_own_state_and_else_that_around_it() {
    let mut middle = named("middle");
    middle.nest("/inner", named("inner"));
    let mut outer = named("outer");
    outer.with_state(Color("red")).nest("/middle", middle);
    let asked = [
        (Method::GET, "/who/1"),
        (Method::GET, "/middle/who/1"),
        (Method::GET, "/middle/inner/who/1"),
        (Method::GET, "/middle/inner"),
        (Method::POST, "/middle/inner/who/1"),
    ];
    let expected = [
        (200, "outer red /who/{x}"),
        (200, "middle red /middle/who/{x}"),
        (200, "inner red /middle/inner/who/{x}"),
        (404, "404: Not Found"),
        (405, "GET,HEAD"),
    ];
    assert_eq!(answers(outer, &asked), expected.map(|(status, text)| (status, text.to_owned())));
}

#[test]
fn middlewares_of_the_outer_come_first_and_each_sees_its_own_state() {
    async fn note(request: Request, next: Next) -> Response {
        let name = request.state::<Name>().0;
        let response = next.run(request).await;
        let before = response.get("x-path").map(|it| it.to_str().unwrap().to_owned());
        response.header("x-path", format!("{name} {}", before.unwrap_or_default()).trim())
    }
    let mut inner = named("inner");
    inner.middleware(note);
    let mut outer = named("outer");
    outer.middleware(note).with_state(Color("red")).nest("/inner", inner);
    ask(outer, |client| async move {
        let path = |path: &'static str| {
            let response = client.get(path);
            async move {
                let response = response.await.unwrap();
                let all = response.headers().get_all("x-path").iter();
                all.map(|value| value.to_str().unwrap().to_owned()).next_back().unwrap()
            }
        };
        assert_eq!(path("/inner/who/1").await, "outer inner");
        assert_eq!(path("/inner/none").await, "outer inner", "also 404");
        assert_eq!(path("/who/1").await, "outer");
    });
}

#[test]
fn the_empty_pattern_is_the_prefix_itself_and_names_are_found_outwards() {
    let mut inner = Application::new();
    inner.router().add_get("", |request: Request| async move {
        let mine = request.url_for("mine", &[]).unwrap();
        let outer = request.url_for("outer", &[("x", "1 2")]).unwrap();
        let none = request.url_for("none", &[]).unwrap_err();
        format!("{mine} {outer} {none}")
    });
    inner.router().name("mine");
    let mut app = Application::new();
    app.router().add_get("/o/{x}", |_| async { "" }).name("outer");
    app.nest("/in/", inner);
    let expected = "/in /o/1%202 no route has the name \"none\"";
    assert_eq!(answers(app, &[(Method::GET, "/in")]), [(200, expected.to_owned())]);
}

#[test]
fn a_table_of_routes_and_a_fallback_and_an_application_without_routes() {
    async fn method(request: Request) -> String {
        request.method().to_string()
    }
    let mut app = Application::new();
    app.add_routes([
        web::get("/", method),
        web::post("/", method),
        web::route("*", "/any", method).name("any"),
    ]);
    app.fallback(|request: Request| async move {
        Response::text(format!("no {}", request.path())).status(404)
    });
    let asked = [
        (Method::GET, "/"),
        (Method::POST, "/"),
        (Method::PATCH, "/any"),
        (Method::GET, "/b"),
        (Method::PUT, "/"),
    ];
    let expected =
        [(200, "GET"), (200, "POST"), (200, "PATCH"), (404, "no /b"), (405, "GET,HEAD,POST")];
    assert_eq!(answers(app, &asked), expected.map(|(status, text)| (status, text.to_owned())));
    let app = Application::without_routes(method);
    let expected = [(200, "PUT".to_owned())];
    assert_eq!(answers(app, &[(Method::PUT, "/what/ever")]), expected);
}

#[test]
fn a_wrong_route_of_a_nested_application_is_told_at_the_start() {
    let mut inner = Application::new();
    inner.router().add_get("/{", whose);
    let mut app = Application::new();
    app.nest("/in", inner);
    let started = evloop::run(async { app.serve(("127.0.0.1", 0)).await.map(drop) }).unwrap();
    let error = started.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("not balanced"), "{error}");
}

#[test]
fn state_that_is_not_there_is_told_and_answered_500() {
    let mut app = Application::new();
    app.router().add_get("/", |request: Request| async move { request.state::<Name>().0 });
    let (answer, reports) =
        crate::ask::reported(
            app,
            |client| async move { crate::ask::answer(client.get("/")).await.0 },
        );
    assert_eq!(answer, 500);
    assert!(reports[0].contains("Name") && reports[0].contains("with_state"), "{reports:?}");
}
