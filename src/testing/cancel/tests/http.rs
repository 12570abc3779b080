//! Requests, answers and shutdowns. A request that is cut must not leave its answer to the next.

use super::*;
use crate::web::{Application, HttpServer, Request, Response};
use crate::{ClientSession, LoopFuture, spawn};

/// Answers with the path, after a few turns.
async fn slowly(request: Request) -> Response {
    for _ in 0..3 {
        yield_now().await;
    }
    Response::text(request.path().to_owned())
}

/// Answers with a body that takes many reads.
async fn at_length(_: Request) -> Response {
    Response::bytes(vec![7; 1 << 20])
}

async fn served() -> (HttpServer, String) {
    let mut app = Application::new();
    app.router().add_get("/long", at_length).add_get("/{path}", slowly).add_post("/{path}", slowly);
    let server = app.serve(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", server.sockets()[0].local_addr());
    (server, url)
}

async fn give_back(server: HttpServer, session: ClientSession) {
    session.close();
    drop(session);
    server.shutdown(SECOND).await;
    while server.connections() > 0 {
        yield_now().await;
    }
    drop(server);
    nothing_is_left().await;
}

async fn text_of(session: &ClientSession, url: String) -> String {
    session.get(&url).await.unwrap().text().await.unwrap()
}

#[test]
fn the_answer_to_a_request_that_was_cut_is_nobody_elses() {
    on_streams(|cut| async move {
        let (server, url) = served().await;
        let session = ClientSession::new();
        // The second goes over the connection that the first has left, if it may.
        for path in ["/one", "/two"] {
            let text = cut.dropping(text_of(&session, format!("{url}{path}"))).await;
            assert!(text.is_none_or(|text| text == path));
        }
        assert_eq!(text_of(&session, format!("{url}/three")).await, "/three");
        give_back(server, session).await;
    });
}

#[test]
fn a_body_that_was_cut_is_not_read_as_the_next_answer() {
    on_streams(|cut| async move {
        let (server, url) = served().await;
        let session = ClientSession::new();
        let long = session.get(&format!("{url}/long")).await.unwrap();
        if let Some(body) = cut.dropping(long.bytes()).await {
            assert_eq!(body.unwrap().len(), 1 << 20);
        }
        assert_eq!(text_of(&session, format!("{url}/after")).await, "/after");
        give_back(server, session).await;
    });
}

#[test]
fn a_task_that_posts_and_is_asked_to_end_leaves_no_connection_behind() {
    on_streams(|cut| async move {
        let (server, url) = served().await;
        let session = ClientSession::new();
        let (theirs, posted) = (session.clone(), format!("{url}/posted"));
        let task = cut.cancelling(async move {
            let answer = theirs.post(&posted).body(vec![1; 1 << 18]).await.unwrap();
            answer.text().await.unwrap()
        });
        assert!(task.await.is_ok_and(|text| text == "/posted") || cut.made().is_some());
        give_back(server, session).await;
    });
}

#[test]
fn a_server_outlives_a_cut_shutdown_closed_and_finishes_what_is_under_way() {
    on_streams(|cut| async move {
        let begun: LoopFuture<()> = get_running_loop().unwrap().create_future();
        let (begins, mut app) = (begun.clone(), Application::new());
        app.router().add_get("/{path}", move |request| {
            begins.set_result(()).unwrap();
            slowly(request)
        });
        let server = app.serve(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/asked", server.sockets()[0].local_addr());
        let session = ClientSession::new();
        let theirs = session.clone();
        let asks = spawn(async move { text_of(&theirs, url).await });
        begun.await.unwrap();
        cut.dropping(server.shutdown(60 * SECOND)).await;
        assert!(server.sockets().is_empty(), "it still listens");
        assert_eq!(asks.await.unwrap(), "/asked");
        cut.dropping(server.wait_closed()).await;
        give_back(server, session).await;
    });
}
