//! Views, and applications for one host.

use std::cell::Cell;
use std::rc::Rc;

use evloop::web::{
    Application, BodyError, ClientRequest, Method, Next, NormalizePath, Request, View,
};

use crate::ask::{answer, answers, ask};

#[derive(Default)]
struct Counter(Cell<usize>);

impl View for Counter {
    type Answer = Result<String, BodyError>;

    async fn get(self: Rc<Self>, request: Request) -> Self::Answer {
        Ok(format!("{} {}", request.match_info().get("id").unwrap_or_default(), self.0.get()))
    }

    async fn post(self: Rc<Self>, request: Request) -> Self::Answer {
        self.0.set(self.0.get() + request.text().await?.len());
        Ok(String::new())
    }
}

#[test]
fn a_view_answers_with_the_methods_it_has_and_405_names_them() {
    let mut app = Application::new();
    app.router().add_view("/counter/{id}", Counter::default());
    ask(app, |client| async move {
        let path = "/counter/7";
        assert_eq!(answer(client.get(path)).await, (200, "7 0".into()));
        assert_eq!(answer(client.post(path).body("abc")).await.0, 200);
        assert_eq!(answer(client.get(path)).await, (200, "7 3".into()), "one for all requests");
        assert_eq!(answer(client.head(path)).await, (200, String::new()));
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let response = client.request(method, path).await.unwrap();
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
        }
    });
}

#[test]
fn a_view_without_methods_is_an_error_of_its_route() {
    struct Nothing;
    impl View for Nothing {
        type Answer = &'static str;
    }
    let mut app = Application::new();
    app.router().add_view("/", Nothing);
    assert!(app.router().check().unwrap_err().to_string().contains("no method"));
}

fn named(name: &'static str) -> Application {
    let mut app = Application::new();
    app.router().add_get("/", move |_| async move { name });
    app.router().add_get("/only/{x}/", move |request: Request| async move {
        format!("{name} {}", request.match_info().pattern())
    });
    app
}

/// Asks the server for a path of this host.
fn of(client: &evloop::http::test::TestClient, host: &str, path: &str) -> ClientRequest {
    client.get(path).header("host", host).allow_redirects(false)
}

#[test]
fn each_host_has_its_application_and_the_others_have_the_outer_one() {
    let mut app = named("outer");
    app.middleware(|request: Request, next: Next| async move {
        next.run(request).await.header("x-outer", "yes")
    });
    app.add_domain("*.example.org", named("any")).add_domain("api.example.org", named("api"));
    ask(app, |client| async move {
        for (host, name) in [
            ("example.org", "outer"),
            ("api.example.org", "api"),
            ("API.Example.ORG:8080", "api"),
            ("www.example.org", "any"),
            ("a.b.example.org", "any"),
            ("elsewhere.test", "outer"),
        ] {
            let response = of(&client, host, "/").await.unwrap();
            assert_eq!(response.headers()["x-outer"], "yes");
            assert_eq!(response.text().await.unwrap(), name, "{host}");
            let told = answer(of(&client, host, "/only/1/")).await.1;
            assert_eq!(told, format!("{name} /only/{{x}}/"));
            assert_eq!(answer(of(&client, host, "/none")).await.0, 404);
        }
    });
}

#[test]
fn a_path_is_normalized_by_the_routes_of_its_host() {
    let mut app = Application::new();
    app.middleware(NormalizePath::default());
    app.add_domain("api.example.org", named("api"));
    ask(app, |client| async move {
        let there = of(&client, "api.example.org", "/only/1").await.unwrap();
        assert_eq!(
            (there.status().as_u16(), &there.headers()["location"]),
            (308, &"/only/1/".parse().unwrap())
        );
        assert_eq!(answer(of(&client, "example.org", "/only/1")).await.0, 404);
    });
}

#[test]
fn what_a_host_has_begins_and_ends_with_the_server() {
    let log = Rc::new(Cell::new(0));
    let (up, down) = (log.clone(), log.clone());
    let mut inner = named("inner");
    inner.on_startup(move |_| {
        up.set(up.get() + 1);
        async {}
    });
    inner.on_cleanup(move |_| {
        down.set(down.get() + 10);
        async {}
    });
    let mut app = named("outer");
    app.add_domain("inner.test", inner);
    assert_eq!(answers(app, &[(Method::GET, "/")]), [(200, "outer".into())]);
    assert_eq!(log.get(), 11);
}

#[test]
fn a_domain_that_is_none_or_is_there_twice_is_told_before_anything_is_served() {
    for (first, second, what) in [("http://a", "b", "no domain"), ("a", "A", "already")] {
        let mut app = Application::new();
        app.add_domain(first, named("1")).add_domain(second, named("2"));
        let event_loop = evloop::EventLoop::new().unwrap();
        let served =
            event_loop.run_until_complete(async move { app.serve(("127.0.0.1", 0)).await });
        let error = served.unwrap().map(drop).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}
