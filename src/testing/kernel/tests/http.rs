//! HTTP without a network.

use super::*;
use crate::web::{Application, Request, Response};

async fn greet(request: Request) -> Response {
    Response::text(format!("hello {}", request.path()))
}

#[test]
fn a_request_is_answered_over_a_slow_link() {
    let report = run(|world| async move {
        world.link(anywhere(), anywhere(), Link::default().with_latency(5 * MS).with_bandwidth(50));
        world.host("shop", "10.0.0.2".parse().unwrap());
        let mut app = Application::new();
        app.router().add_get("/{what}", greet);
        let server = app.serve(server()).await.unwrap();
        let session = crate::ClientSession::new();
        let response = session.get("http://shop/shoes").await.unwrap();
        let text = response.text().await.unwrap();
        session.close();
        server.shutdown(SECOND).await;
        (text, world.now() > Time::ZERO + 20 * MS, world.open_fds())
    });
    assert_eq!(done(report), ("hello /shoes".to_owned(), true, vec![]));
}

#[test]
fn a_server_that_resets_is_an_error_of_the_client() {
    let report = run(|world| async move {
        world.peer(server(), vec![PeerOp::Expect(1), PeerOp::Reset]);
        let session = crate::ClientSession::new();
        let url = format!("http://{}/", server());
        session.get(&url).await.err().map(|error| error.to_string())
    });
    assert!(done(report).is_some());
}
