//! The server before a browser: a page, fetch, server-sent events and a WebSocket.

use std::sync::mpsc::{Sender, channel};

use evloop::http::ws::{self, CloseCode, Message, Origins, WebSocketOptions};
use evloop::web::{Application, BodyError, Request, Response};

use crate::browser_support::Browser;
use crate::support::{PATIENCE, serve};

async fn page(_: Request) -> Response {
    Response::text(include_str!("browser.html")).header("content-type", "text/html; charset=utf-8")
}

async fn fetched(request: Request) -> Result<Response, BodyError> {
    let body = request.text().await?.into_owned();
    Ok(Response::text(format!("{} {body}", request.query_string())))
}

async fn events(_: Request) -> Response {
    let stream = Response::stream(|mut body| async move {
        for number in 1..=3 {
            body.write(format!("id: {number}\ndata: event {number}\n\n")).await?;
            evloop::yield_now().await;
        }
        // A browser would begin anew at the end; it closes when it has heard enough.
        body.gone().await;
        Ok(())
    });
    stream.header("content-type", "text/event-stream").header("cache-control", "no-store")
}

async fn socket(request: Request) -> Response {
    let options = WebSocketOptions {
        protocols: vec!["echo".into()],
        origins: Origins::Same,
        #[cfg(feature = "compression")]
        deflate: Some(ws::Deflate { own_context: true, peer_context: true, ..Default::default() }),
        ..Default::default()
    };
    ws::upgrade(&request, options, |mut socket| async move {
        while let Some(message) = socket.receive().await? {
            match message {
                Message::Text(text) if text == "close" => {
                    socket.close(CloseCode::new(4001), "enough").await?;
                }
                Message::Text(text) => socket.send_text(text).await?,
                Message::Binary(bytes) => socket.send_binary(bytes).await?,
                _ => {}
            }
        }
        Ok::<_, ws::WebSocketError>(())
    })
}

fn app(said: Sender<String>) -> Application {
    let mut app = Application::new();
    app.router()
        .add_get("/", page)
        .add_post("/fetch", fetched)
        .add_get("/events", events)
        .add_get("/echo", socket)
        .add_post("/said", move |request: Request| {
            let said = said.clone();
            async move {
                said.send(request.text().await?.into_owned()).expect("the test waits for it");
                Ok::<_, BodyError>("thank you")
            }
        });
    app
}

#[test]
fn a_browser_gets_the_page_fetches_hears_events_and_speaks_websocket() {
    let (send, receive) = channel();
    let (said, reports) = serve(app(send), move |address| {
        let _browser = Browser::open(&format!("http://{address}/"))?;
        Some(receive.recv_timeout(PATIENCE).expect("the page says what it saw"))
    });
    let Some(said) = said else { return };
    let lines: Vec<_> = said.lines().collect();
    let expected = [
        "fetch 200 a=b a body",
        "events 1=event 1 2=event 2 3=event 3",
        if cfg!(feature = "compression") {
            "open echo [permessage-deflate]"
        } else {
            "open echo []"
        },
        "socket hello 0,1,254,255 long 4001 enough true",
    ];
    assert_eq!(lines, expected);
    assert_eq!(reports, [""; 0]);
}
