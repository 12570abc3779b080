//! What requests say, as values.

use std::collections::HashMap;

use evloop::http::test::TestClient;
use evloop::web::{Application, ExtractError, HttpError, Limits, Request, Response};
use serde::{Deserialize, Serialize};

use crate::ask::{answer, ask};

#[derive(Deserialize, Serialize)]
struct Point {
    x: i32,
    y: i32,
}

async fn mirror(request: Request) -> Result<Response, ExtractError> {
    let Point { x, y } = request.json().await?;
    Ok(Response::json(&Point { x: y, y: x }))
}

async fn form(request: Request) -> Result<Response, HttpError> {
    let point: Point = request.form().await?;
    Ok(Response::json(&point))
}

async fn pairs(request: Request) -> Result<String, ExtractError> {
    let form = request.post().await?;
    let all: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(format!("{} {}", all.join("&"), form.get_all("x").count()))
}

async fn query(request: Request) -> Result<Response, ExtractError> {
    let all: HashMap<String, Vec<u8>> = request.query_as()?;
    Ok(Response::json(&all))
}

fn app() -> Application {
    let mut app = Application::new();
    app.limits(Limits { body_size: 64, ..Limits::default() });
    app.router().add_post("/json", mirror).add_post("/form", form).add_post("/pairs", pairs);
    app.router().add_get("/query", query);
    app
}

async fn sends(client: &TestClient, path: &str, kind: &str, body: &str) -> (u16, String) {
    answer(client.post(path).header("content-type", kind).body(body)).await
}

#[test]
fn json_goes_both_ways_with_its_type() {
    ask(app(), |client| async move {
        for kind in ["application/json", "application/json; charset=utf-8", "application/x+json"] {
            let (status, body) = sends(&client, "/json", kind, r#"{"x":1,"y":2}"#).await;
            assert_eq!((status, &body[..]), (200, r#"{"x":2,"y":1}"#));
        }
        let request = client.post("/json").header("content-type", "application/json");
        let response = request.body("{\"x\":1,\"y\":2}").await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
    });
}

#[test]
fn what_is_wrong_with_json_is_told_by_status_and_text() {
    ask(app(), |client| async move {
        let json = "application/json";
        let (status, text) = sends(&client, "/json", "text/plain", "{}").await;
        assert_eq!(
            (status, text.contains("\"text/plain\"; send it as application/json")),
            (415, true)
        );
        let (status, text) = answer(client.post("/json").body("{}")).await;
        assert_eq!((status, text.contains("no content type")), (415, true), "{text}");
        let (status, text) = sends(&client, "/json", json, "{\"x\":").await;
        assert_eq!((status, text.contains("line 1 column 5")), (400, true), "{text}");
        let (status, text) = sends(&client, "/json", json, "{\"x\":\"1\"}").await;
        assert_eq!((status, text.contains("expected i32")), (422, true), "{text}");
        let (status, _) = sends(&client, "/json", json, &" ".repeat(65)).await;
        assert_eq!(status, 413);
        let (status, _) = sends(&client, "/json", "application/json;charset=q", "1").await;
        assert_eq!(status, 415);
    });
}

#[test]
fn a_form_is_pairs_or_a_type() {
    ask(app(), |client| async move {
        let kind = "application/x-www-form-urlencoded";
        let got = sends(&client, "/form", kind, "y=-2&x=1").await;
        assert_eq!(got, (200, r#"{"x":1,"y":-2}"#.to_owned()));
        let got =
            sends(&client, "/pairs", "Application/X-WWW-Form-URLencoded;a=b", "x=1+2&y=%26&x=")
                .await;
        assert_eq!(got, (200, "x=1 2&y=&&x= 2".to_owned()));
        let (status, text) = sends(&client, "/form", kind, "x=1").await;
        assert_eq!((status, text.contains("missing field `y`")), (422, true), "{text}");
        let (status, text) = sends(&client, "/pairs", "application/json", "{}").await;
        assert_eq!((status, text.contains("send it as application/x-www-form")), (415, true));
    });
}

#[test]
fn a_query_is_a_type() {
    ask(app(), |client| async move {
        let got = answer(client.get("/query?a=1&a=2")).await;
        assert_eq!(got, (200, r#"{"a":[1,2]}"#.to_owned()));
        let (status, text) = answer(client.get("/query?a=256")).await;
        assert_eq!((status, text.contains("\"a\": \"256\" is not u8")), (400, true), "{text}");
    });
}
