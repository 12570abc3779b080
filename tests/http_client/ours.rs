//! Against our own server, in one loop.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::{ClientError, ClientTimeout, TimeoutKind};
use evloop::web::{Application, BodyError, Limits, Method, Request, Response, StatusCode};
use evloop::{ClientSession, EventLoop};

use crate::PATIENCE;

async fn echo(request: Request) -> Result<Response, BodyError> {
    let text = request.text().await?.into_owned();
    let agent = request.header("user-agent").unwrap_or_default();
    let text = format!("{} {} {text}", request.method(), request.raw_path());
    Ok(Response::text(text).header("x-host", request.host()).header("x-agent", agent))
}

/// Gives `client` the URL of a server that has `echo` everywhere, and tells how many connections
/// that has had.
fn with_server<T, F>(client: impl FnOnce(String) -> F) -> (T, u64)
where
    T: 'static,
    F: Future<Output = T> + 'static,
{
    let event_loop = EventLoop::new().expect("a loop");
    let mut app = Application::new();
    app.limits(Limits { body_size: 1 << 30, ..Limits::default() });
    app.router().add_route("*", "/{path:.*}", echo);
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let url = format!("http://{}", server.sockets()[0].local_addr());
    let value = event_loop.run_until_complete(client(url)).unwrap();
    let accepted = event_loop.counters().accepted;
    event_loop.run_until_complete(async move { server.shutdown(PATIENCE).await }).unwrap();
    assert!(event_loop.close().unwrap().is_clean());
    (value, accepted)
}

#[test]
fn a_response_has_a_status_headers_and_text() {
    let ((), _) = with_server(|url| async move {
        let session = ClientSession::new();
        let response = session.get(&format!("{url}/a b?x=1#there")).await.unwrap();
        assert_eq!((response.status(), response.reason()), (StatusCode::OK, "OK"));
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(format!("http://{}", response.headers()["x-host"].to_str().unwrap()), url);
        assert!(response.headers()["x-agent"].to_str().unwrap().starts_with("evloop/"));
        assert_eq!(response.text().await.unwrap(), "GET /a%20b?x=1 ");
    });
}

#[test]
fn requests_of_a_session_share_a_connection_and_simultaneous_ones_do_not() {
    let ((), accepted) = with_server(|url| async move {
        let session = ClientSession::new();
        for _ in 0..3 {
            session.get(&url).await.unwrap().text().await.unwrap();
        }
        // Whatever was not read to its end frees its connection, too, if it has come.
        drop(session.get(&url).await.unwrap());
        session.head(&url).await.unwrap().text().await.unwrap();
        let one = session.get(&url).await.unwrap();
        let two = session.get(&url).await.unwrap();
        assert_eq!(one.text().await.unwrap(), two.text().await.unwrap());
    });
    assert_eq!(accepted, 2);
}

#[test]
fn a_closed_session_keeps_no_connection() {
    let ((), accepted) = with_server(|url| async move {
        let session = ClientSession::new();
        session.get(&url).await.unwrap().text().await.unwrap();
        session.close();
        session.get(&url).await.unwrap().text().await.unwrap();
    });
    assert_eq!(accepted, 2);
}

#[test]
fn a_body_goes_out_and_comes_back_however_large() {
    let body = "0123456789".repeat(500_000);
    let sent = body.clone();
    let (text, _) = with_server(|url| async move {
        let session = ClientSession::new();
        session.post(&url).body(sent).await.unwrap().text().await.unwrap()
    });
    assert!(text == format!("POST / {body}"), "{} bytes came back", text.len());
}

#[test]
fn a_method_and_headers_of_ones_own_are_sent() {
    let ((), _) = with_server(|url| async move {
        let session = ClientSession::new();
        let request = session.request(Method::PUT, &url).header("user-agent", "me");
        let response = request.body("x").await.unwrap();
        assert_eq!(response.headers()["x-agent"], "me");
        assert_eq!(response.text().await.unwrap(), "PUT / x");
        let error = session.get(&url).header("a b", "c").await.unwrap_err();
        assert!(matches!(&error, ClientError::InvalidRequest(what) if what.contains("token")));
    });
}

#[test]
fn head_has_no_body_whatever_its_length_says() {
    let ((), _) = with_server(|url| async move {
        let response = ClientSession::new().head(&url).await.unwrap();
        assert_eq!(response.headers()["content-length"], "7");
        assert_eq!(response.bytes().await.unwrap(), b"");
    });
}

#[test]
fn a_url_that_cannot_be_is_refused_with_what_would_be_right() {
    let ((), _) = with_server(|_| async move {
        let session = ClientSession::new();
        for (url, says) in [("ftp://h/", "are not known here"), ("h/", "has no scheme")] {
            let error = session.get(url).await.unwrap_err();
            assert!(matches!(error, ClientError::InvalidUrl(_)), "{error:?}");
            assert!(error.to_string().contains(says), "{error}");
        }
    });
}

#[test]
fn nobody_at_the_port_is_a_connection_error_that_names_it() {
    let ((), _) = with_server(|_| async move {
        // A port that nobody serves anything on.
        let error = ClientSession::new().get("http://127.0.0.1:1/").await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }), "{error:?}");
        assert!(error.to_string().contains("connect to 127.0.0.1:1"), "{error}");
    });
}

#[test]
fn a_body_beyond_the_sessions_limit_is_an_error() {
    let ((), _) = with_server(|url| async move {
        let limits = Limits { body_size: 10, ..Limits::default() };
        let session = ClientSession::builder().limits(limits).build().unwrap();
        let error = session.post(&url).body("12345").await.unwrap().text().await.unwrap_err();
        assert!(error.to_string().contains("exceeds 10 bytes"), "{error}");
    });
}

#[test]
fn a_server_that_does_not_answer_in_time_is_a_timeout() {
    let event_loop = EventLoop::new().unwrap();
    let asked = Rc::new(Cell::new(false));
    let note = asked.clone();
    let mut app = Application::new();
    app.router().add_get("/", move |_| {
        note.set(true);
        std::future::pending::<Response>()
    });
    let limit = Duration::from_millis(5);
    let error = event_loop.run_until_complete(async move {
        let server = app.serve(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", server.sockets()[0].local_addr());
        let asking = ClientSession::new().get(&url).timeout(ClientTimeout::total(limit));
        let error = asking.await.unwrap_err();
        server.shutdown(Duration::ZERO).await;
        error
    });
    let error = error.unwrap();
    let said = error.to_string();
    assert!(said.contains("the response did not come within 5ms (the total timeout)"), "{said}");
    assert!(matches!(error, ClientError::Timeout { kind: TimeoutKind::Total, .. }), "{error:?}");
    assert!(asked.get());
}
