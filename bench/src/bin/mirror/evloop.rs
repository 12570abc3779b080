//! What evloop hears of a request, said back: `tools/black-box` asks it.

use evloop::{
    EventLoop,
    web::{Application, Request, Response},
};
use std::{future::IntoFuture, io};

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other("usage: mirror PORT"))?;
    let mut app = Application::new();
    app.router().add_route("*", "/{path:.*}", answer);
    let event_loop = EventLoop::new().map_err(io::Error::other)?;
    let server = app.serve(("127.0.0.1", port));
    let _server =
        event_loop.run_until_complete(server.into_future()).map_err(io::Error::other)??;
    event_loop.run_forever().map(drop).map_err(io::Error::other)
}

/// `METHOD TARGET HOST BODY-LENGTH`, or what the body says where it cannot be had.
async fn answer(request: Request) -> Response {
    let line = format!("{} {} {}", request.method(), request.raw_path(), request.host());
    match request.read().await {
        Ok(body) => Response::text(format!("{line} {}\n", body.len())),
        Err(error) => Response::error(error.status(), error),
    }
}
