//! The claims of Autobahn's test suite, by its numbers, as a table of our own: every one is put to
//! our server, and to our client.
//!
//! The suite itself wants Python 2 and a network. Groups 1 to 7, 9 and 10 are about frames, 12 and
//! 13 about compression; what it judges leniently ("non-strict") is here as strict as the RFC lets
//! it be.

mod cases;
#[cfg(feature = "compression")]
mod deflate;
mod peer;

use std::net::{SocketAddr, TcpListener, TcpStream};

use evloop::http::ws::{self, Message, WebSocket, WebSocketOptions};
use evloop::web::{Application, Request};
use evloop::{ClientSession, EventLoop};

use crate::support::serve;
use cases::{Case, cases};
use peer::{Frame, as_client, as_server, close, converse, is_ended};

async fn echo(mut socket: WebSocket) -> Result<(), ws::WebSocketError> {
    while let Some(message) = socket.receive().await? {
        let sent = match message {
            Message::Text(text) => socket.send_text(text).await,
            Message::Binary(bytes) => socket.send_binary(bytes).await,
            _ => Ok(()),
        };
        if sent.is_err() {
            break;
        }
    }
    Ok(())
}

/// Puts questions to our server.
fn ask_server<T: Send + 'static>(
    options: WebSocketOptions,
    ask: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let mut app = Application::new();
    app.router().add_get("/", move |request: Request| {
        let options = options.clone();
        async move { ws::upgrade(&request, options, echo) }
    });
    serve(app, ask).0
}

/// Puts questions to our client, which connects as often as there are answers for it; `false` of
/// those that it did not take as an opened WebSocket.
fn ask_client<T: Send + 'static>(
    options: WebSocketOptions,
    times: usize,
    ask: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (T, Vec<bool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let asking = std::thread::spawn(move || ask(listener));
    let event_loop = EventLoop::new().expect("a loop");
    let opened = event_loop.run_until_complete(async move {
        let session = ClientSession::new();
        let mut opened = Vec::new();
        for _ in 0..times {
            let socket = session.ws_connect(&url).options(options.clone()).await;
            opened.push(socket.is_ok());
            if let Ok(socket) = socket {
                // What it is told of a fault is in its Close, which the other side hears.
                let _ = echo(socket).await;
            }
        }
        opened
    });
    let opened = opened.expect("it runs");
    event_loop.run_once(Some(std::time::Duration::ZERO)).expect("a turn");
    assert!(event_loop.close().expect("it has ended").is_clean());
    (asking.join().expect("no panic"), opened)
}

/// What is wrong with what was heard.
fn verdict(case: &Case, heard: &[Frame], ended: bool) -> Option<String> {
    let shown = |frames: &[Frame]| {
        let frame = |it: &Frame| {
            let some = &it.payload[..it.payload.len().min(24)];
            format!("{:02x}:{}:{some:02x?}", it.first, it.payload.len())
        };
        frames.iter().map(frame).collect::<Vec<_>>().join(" ")
    };
    let (id, expected) = (case.id, &case.expects);
    if heard != expected {
        return Some(format!("{id}: {} instead of {}", shown(heard), shown(expected)));
    }
    (!ended).then(|| format!("{id}: the connection does not end"))
}

#[test]
fn our_server_does_as_every_case_demands() {
    let failures = ask_server(WebSocketOptions::default(), |address| {
        let ask = |case: Case| {
            let stream = TcpStream::connect(address).expect("a connection");
            as_client(&stream, "");
            let heard = converse(&stream, &case.says, case.chop, true);
            verdict(&case, &heard, is_ended(&stream))
        };
        cases().into_iter().filter_map(ask).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn our_client_does_as_every_case_demands() {
    let count = cases().len();
    let (failures, opened) = ask_client(WebSocketOptions::default(), count, |listener| {
        let ask = |case: Case| {
            let (stream, _) = listener.accept().expect("a connection");
            as_server(&stream, "");
            let heard = converse(&stream, &case.says, case.chop, false);
            close(&stream);
            verdict(&case, &heard, true)
        };
        cases().into_iter().filter_map(ask).collect::<Vec<_>>()
    });
    assert_eq!(opened, vec![true; count]);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_table_has_every_group() {
    let cases = cases();
    for group in ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "9.", "10."] {
        assert!(cases.iter().any(|it| it.id.starts_with(group)), "{group}");
    }
    assert!(cases.len() > 200, "{} cases", cases.len());
}
