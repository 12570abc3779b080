//! What is shown beside the body.

use std::time::Instant;

use evloop::http::{ClientResponse, TraceEvent, TraceRequest};

/// With `-v`: each stage of a request as it comes, on standard error.
pub fn stages(request: &TraceRequest<'_>) -> impl FnMut(&TraceEvent<'_>) + use<> {
    let begun = Instant::now();
    eprintln!("{:9.3} ms {} {}", 0.0, request.method(), request.url());
    move |event| eprintln!("{:9.3} ms {event:?}", begun.elapsed().as_secs_f64() * 1e3)
}

/// With `-i`: the head of the response.
pub fn head(response: &ClientResponse) -> String {
    let mut head = format!("{:?} {}\n", response.version(), response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    head + "\n"
}
