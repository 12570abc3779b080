//! hyper on tokio's current_thread runtime.

use evloop_bench::{Peer, page, sys};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{borrow::Cow, convert::Infallible, io, process::ExitCode};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    Peer { http: Some(http), ..Peer::default() }.main()
}

fn http(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(sys::listener(port)?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut server = http1::Builder::new();
            server.pipeline_flush(true);
            let connection = server.serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection);
        }
    })
}

/// hyper adds the date and the length.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let found = if request.method() == Method::GET { page(request.uri().path()) } else { None };
    let (status, text) =
        found.map_or((StatusCode::NOT_FOUND, "not found".into()), |text| (StatusCode::OK, text));
    let bytes = match text {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}
