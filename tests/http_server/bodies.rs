//! Bodies that come in.

use evloop::web::{Application, BodyError, Limits, Request, Response};

use crate::support::{Client, serve};

async fn echo(request: Request) -> Result<Response, BodyError> {
    Ok(Response::text(request.text().await?.into_owned()))
}

fn echoing(body_size: u64) -> Application {
    let mut app = Application::new();
    app.limits(Limits { body_size, ..Limits::default() });
    app.router().add_post("/", echo).add_get("/", echo);
    app
}

#[test]
fn a_body_comes_whole_to_the_handler_however_it_was_cut() {
    let (replies, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        let at_once = client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        let at_once = at_once.reply();
        for byte in "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".chars() {
            client.send(byte.encode_utf8(&mut [0; 4]));
        }
        [at_once, client.reply()]
    });
    assert_eq!(replies.map(|reply| reply.body), ["hello"; 2]);
}

#[test]
fn a_chunked_body_comes_whole_and_what_follows_it_is_the_next_request() {
    let (replies, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
        client.send("2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
        [client.reply(), client.reply()]
    });
    assert_eq!(replies.map(|reply| reply.body), ["hello", ""]);
}

#[test]
fn a_body_announced_too_large_is_413_before_it_comes() {
    let (got, _) = serve(echoing(4), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
        let reply = client.reply();
        // The client did not expect that, and goes on sending: it must not be reset.
        client.send("hello").finish();
        (reply, client.is_closed())
    });
    assert_eq!((got.0.status, got.0.get("connection"), got.1), (413, Some("close"), true));
    assert!(got.0.body.contains("exceeds 4 bytes"), "{}", got.0.body);
}

#[test]
fn a_chunked_body_that_grows_too_large_is_413() {
    let (got, _) = serve(echoing(4), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
        client.send("2\r\nlo\r\n");
        let reply = client.reply();
        client.send("0\r\n\r\n").finish();
        (reply, client.is_closed())
    });
    assert_eq!((got.0.status, got.1), (413, true));
}

#[test]
fn a_client_that_asks_whether_to_send_its_body_is_told_to() {
    let (got, _) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        let head =
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        let interim = client.send(head).head();
        let reply = client.send("hi").reply();
        (interim, reply, client.get("/"))
    });
    assert_eq!((got.0.status, got.1.status, &got.1.body[..]), (100, 200, "hi"));
    assert_eq!(got.2.status, 200);
}

#[test]
fn a_client_that_asks_whether_to_send_too_large_a_body_is_told_not_to() {
    let (reply, _) = serve(echoing(1), |address| {
        let head =
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        Client::connect(address).send(head).reply()
    });
    assert_eq!(reply.status, 413);
}

#[test]
fn a_body_that_breaks_off_is_400_and_no_handlers_business() {
    let (got, reports) = serve(echoing(100), |address| {
        let mut client = Client::connect(address);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel").finish();
        (client.reply(), client.is_closed())
    });
    assert_eq!((got.0.status, got.1), (400, true));
    assert!(got.0.body.contains("2 bytes before the end"), "{}", got.0.body);
    assert_eq!(reports, [""; 0]);
}
