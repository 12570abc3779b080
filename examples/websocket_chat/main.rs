//! Step 18: a chat in the browser. Everybody hears what anybody says.

use std::cell::RefCell;
use std::env;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::ws::{self, WebSocket, WebSocketError, WebSocketOptions, WebSocketSender};
use evloop::web::{Application, Request, Response, run_app};

/// Who is there. One thread, so no lock.
type Room = Rc<RefCell<Vec<WebSocketSender>>>;

async fn page(_: Request) -> Response {
    Response::html(include_str!("page.html"))
}

/// Says `text` to everybody who is still there. Who reads too slowly holds up nobody else.
fn say(room: &Room, text: &str) {
    room.borrow_mut().retain(WebSocketSender::is_open);
    for mut member in room.borrow().iter().cloned() {
        let text = text.to_owned();
        evloop::spawn(async move {
            let sent = evloop::timeout(Duration::from_secs(5), member.send_text(text)).await;
            if sent.is_err() {
                let _ = member.close(ws::CloseCode::POLICY, "you read too slowly");
            }
        });
    }
}

async fn member(mut socket: WebSocket, room: Room) -> Result<(), WebSocketError> {
    room.borrow_mut().push(socket.sender());
    let count = room.borrow().len();
    say(&room, &format!("somebody came; there are {count} now"));
    while let Some(text) = socket.receive_text().await? {
        println!("{text}");
        say(&room, &text);
    }
    println!("somebody left: {:?}", socket.close_code());
    say(&room, "somebody left");
    Ok(())
}

fn main() -> std::io::Result<()> {
    let port = env::args().nth(1).map_or(Ok(9977), |port| port.parse());
    let port = port.map_err(|_| std::io::Error::other("the port is a number from 0 to 65535"))?;
    let room = Room::default();
    let mut app = Application::new();
    app.router().add_get("/", page).add_get("/chat", move |request: Request| {
        let room = room.clone();
        let options = WebSocketOptions {
            heartbeat: Some(Duration::from_secs(30)),
            origins: ws::Origins::Same,
            ..Default::default()
        };
        async move { ws::upgrade(&request, options, |socket| member(socket, room)) }
    });
    run_app(app, ("127.0.0.1", port))
}
