//! The chat of step 18, with two clients of ours.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use evloop::http::ws::{CloseCode, WebSocket};
use evloop::{ClientSession, EventLoop};

use crate::harness::example;
use crate::web::Server;

async fn heard(socket: &mut WebSocket) -> String {
    socket.receive_text().await.expect("the server is correct").expect("it is open")
}

#[test]
fn whoever_says_something_in_the_chat_is_heard_by_all() {
    let mut serving = example("websocket_chat");
    let serving = serving.arg("0").env_remove("EVLOOP_CLOCK").stdout(Stdio::piped());
    let mut server = Server(serving.spawn().expect("the server starts"));
    let mut printed = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("text");
    let url = line.split(' ').find(|word| word.starts_with("http://")).expect("an address");
    let url = url.trim_end_matches('/').to_owned();
    let event_loop = EventLoop::new().expect("a loop");
    let talk = async move {
        let session = ClientSession::new();
        let page = session.get(&format!("{url}/")).await?.text().await?;
        assert!(page.contains("new WebSocket"), "{page}");
        let mut one = session.ws_connect(&format!("{url}/chat")).await?;
        assert_eq!(heard(&mut one).await, "somebody came; there are 1 now");
        let mut other = session.ws_connect(&format!("{url}/chat")).await?;
        for member in [&mut one, &mut other] {
            assert_eq!(heard(member).await, "somebody came; there are 2 now");
        }
        other.send_text("hello").await?;
        for member in [&mut one, &mut other] {
            assert_eq!(heard(member).await, "hello");
        }
        other.close(CloseCode::NORMAL, "").await?;
        assert_eq!(heard(&mut one).await, "somebody left");
        one.close(CloseCode::NORMAL, "").await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    event_loop.run_until_complete(talk).expect("a run").expect("a talk");
    drop(event_loop);
    server.0.kill().expect("a child");
    let mut rest = String::new();
    printed.read_to_string(&mut rest).expect("text");
    assert!(rest.contains("hello\n"), "{rest}");
}
