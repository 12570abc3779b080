//! What hyper hears of a request, said back: `tools/black-box` asks it.

use evloop_bench::sys;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| io::Error::other("usage: mirror PORT"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(sys::listener(port)?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let mut server = http1::Builder::new();
            // Its own timeout for heads is 30 s and wants a timer.
            server.timer(TokioTimer::new());
            let connection = server.serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection);
        }
    })
}

/// `METHOD TARGET HOST BODY-LENGTH`, or 400 where the body is malformed.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.headers().get("host").and_then(|it| it.to_str().ok()).unwrap_or("");
    let line = format!("{} {} {host}", request.method(), request.uri());
    let (status, text) = match request.into_body().collect().await {
        Ok(body) => (StatusCode::OK, format!("{line} {}\n", body.to_bytes().len())),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    Ok(response)
}
