//! What a handler learns of its request, and what an application demands of it.

use evloop::web::{
    Application, BodyError, ClientRequest, ExtractError, HttpError, Limits, Next, Request,
    RequireContentLength, Response,
};

use crate::ask::{answer, ask};

/// Has `body` sent in chunks.
fn in_chunks(request: ClientRequest, body: &'static str) -> ClientRequest {
    request.stream(move |mut sender| async move { sender.write(body.as_bytes()).await })
}

#[test]
fn the_url_is_the_one_that_was_asked_for() {
    let mut app = Application::new();
    app.router().add_get("/{x:.*}", |request: Request| async move {
        let url = request.url().expect("a host");
        format!("{} {} {url}", request.scheme(), request.is_secure())
    });
    ask(app, |client| async move {
        let (_, told) = answer(client.get("/a%20b?c=%26")).await;
        assert_eq!(told, format!("http false {}", client.server().url("/a%20b?c=%26")));
    });
}

#[test]
fn a_middleware_may_say_what_a_proxy_has_told_it() {
    let mut app = Application::new();
    app.middleware(|mut request: Request, next: Next| {
        let secure = request.header("x-forwarded-proto") == Some("https");
        request.set_secure(secure);
        next.run(request)
    });
    app.router().add_get("/", |request: Request| async move { request.scheme() });
    ask(app, |client| async move {
        let forwarded = client.get("/").header("x-forwarded-proto", "https");
        assert_eq!(answer(forwarded).await.1, "https");
        assert_eq!(answer(client.get("/")).await.1, "http");
    });
}

#[test]
fn a_body_in_chunks_is_411_where_a_length_is_required() {
    async fn size(request: Request) -> Result<String, BodyError> {
        Ok(request.read().await?.len().to_string())
    }
    let mut strict = Application::new();
    strict.middleware(RequireContentLength).router().add_post("/all", size);
    let mut app = Application::new();
    app.nest("/strict", strict).router().add_post("/any", size).add_post(
        "/one",
        |it: Request| async move {
            it.require_content_length()?;
            Ok::<_, HttpError>(Response::text("taken"))
        },
    );
    ask(app, |client| async move {
        for path in ["/strict/all", "/one"] {
            let (status, told) = answer(in_chunks(client.post(path), "12345")).await;
            assert_eq!((status, told.contains("Content-Length")), (411, true), "{told}");
            assert_eq!(answer(client.post(path).body("12345")).await.0, 200);
            assert_eq!(answer(client.post(path)).await.0, 200, "no body has a length");
        }
        assert_eq!(answer(in_chunks(client.post("/any"), "12345")).await, (200, "5".into()));
        assert_eq!(client.session().connections(), (0, 1), "all on one connection");
    });
}

#[test]
fn a_form_of_too_many_fields_is_413_and_says_how_many_may_be() {
    async fn count(request: Request) -> Result<String, ExtractError> {
        Ok(request.post().await?.iter().count().to_string())
    }
    async fn parts(request: Request) -> Result<String, BodyError> {
        let (mut form, mut count) = (request.multipart()?, 0);
        while form.next_part().await?.is_some() {
            count += 1;
        }
        Ok(count.to_string())
    }
    fn form(fields: usize) -> String {
        vec!["a="; fields].join("&")
    }
    fn multipart(parts: usize) -> String {
        let part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
        format!("{}--B--\r\n", part.repeat(parts))
    }
    let app = |limits: Limits| {
        let mut app = Application::new();
        app.limits(limits).router().add_post("/post", count).add_post("/parts", parts);
        app
    };
    let few = Limits { form_fields: 3, ..Limits::default() };
    for (limits, most) in [(Limits::default(), 1000), (few, 3)] {
        ask(app(limits), move |client| async move {
            let post = |fields| {
                let kind = "application/x-www-form-urlencoded";
                client.post("/post").header("content-type", kind).body(form(fields))
            };
            let parts = |parts| {
                let kind = "multipart/form-data; boundary=B";
                client.post("/parts").header("content-type", kind).body(multipart(parts))
            };
            assert_eq!(answer(post(most)).await, (200, most.to_string()));
            assert_eq!(answer(parts(most)).await, (200, most.to_string()));
            for refused in [post(most + 1), parts(most + 1)] {
                let (status, told) = answer(refused).await;
                assert_eq!(status, 413);
                assert!(told.contains(&format!("more than {most} fields")), "{told}");
            }
        });
    }
}

#[cfg(feature = "json")]
#[test]
fn a_query_of_too_many_pairs_becomes_no_type() {
    use std::collections::HashMap;
    let mut app = Application::new();
    app.router().add_get("/", |request: Request| async move {
        let all: HashMap<String, Vec<String>> = request.query_as()?;
        Ok::<_, ExtractError>(all["a"].len().to_string())
    });
    ask(app, |client| async move {
        let query = |pairs: usize| format!("/?{}", vec!["a="; pairs].join("&"));
        let answers = |path: String| answer(client.get(&path));
        assert_eq!(answers(query(1000)).await, (200, "1000".into()));
        let (status, told) = answers(query(1001)).await;
        assert_eq!((status, told.contains("more than 1000 pairs")), (400, true), "{told}");
    });
}
