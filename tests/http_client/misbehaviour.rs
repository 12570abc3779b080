//! Against servers that say what they should not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use evloop::http::{ClientError, ClientTimeout};
use evloop::{ClientSession, EventLoop};

use crate::PATIENCE;

/// A server that accepts as many connections as there are scripts; on each it awaits a request
/// before each line of the script, says the line, and closes at the end.
fn scripted(scripts: Vec<Vec<&'static str>>) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        for script in scripts {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("an option");
            for line in script {
                await_request(&mut stream);
                stream.write_all(line.as_bytes()).expect("the client reads");
            }
        }
    });
    (url, server)
}

fn await_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        request.extend_from_slice(&byte);
    }
}

/// What a GET of each answer comes to.
fn got(answer: &'static str) -> Result<String, ClientError> {
    let (url, server) = scripted(vec![vec![answer]]);
    let event_loop = EventLoop::new().unwrap();
    let text = event_loop.run_until_complete(async move {
        let session = ClientSession::builder().timeout(ClientTimeout::total(PATIENCE)).build()?;
        session.get(&url).await?.text().await
    });
    server.join().unwrap();
    // The session's connections are closed in the turn after it is dropped.
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert!(event_loop.close().unwrap().is_clean());
    text.unwrap()
}

#[test]
fn a_body_is_read_in_chunks_or_until_the_end() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(got(chunked).unwrap(), "abcd");
    assert_eq!(got("HTTP/1.1 200 OK\r\n\r\nuntil the end").unwrap(), "until the end");
    assert_eq!(got("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap(), "ok");
    assert_eq!(got("HTTP/1.1 204 No Content\r\n\r\n").unwrap(), "");
}

#[test]
fn servers_in_the_wild_are_understood_as_far_as_that_is_safe() {
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 \u{e9}\r\nContent-Length: 2\r\nX: \u{e9}\r\n\r\nok",
        "HTTP/1.1 299 \r\nContent-Length: 2\r\n\r\nok and more",
    ] {
        assert_eq!(got(answer).unwrap(), "ok", "{answer:?}");
    }
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        assert!(matches!(got(answer), Err(ClientError::Malformed(_))), "{answer:?}");
    }
}

#[test]
fn informational_responses_are_passed_over() {
    let answer =
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\ny";
    assert_eq!(got(answer).unwrap(), "y");
}

#[test]
fn text_is_decoded_by_its_character_set() {
    let (url, server) = scripted(vec![vec![
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=klingon\r\nContent-Length: 1\r\n\r\nx",
    ]]);
    let event_loop = EventLoop::new().unwrap();
    let text = event_loop
        .run_until_complete(async move { ClientSession::new().get(&url).await?.text().await });
    server.join().unwrap();
    let error = text.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Body(_)), "{error:?}");
    assert!(error.to_string().contains("klingon"), "{error}");
}

#[test]
fn a_connection_that_ends_too_early_is_an_error_that_says_where() {
    assert!(matches!(got("").unwrap_err(), ClientError::Disconnected));
    let error = got("HTTP/1.1 200 OK\r\nContent-Le").unwrap_err();
    assert!(matches!(error, ClientError::Malformed(_)), "{error:?}");
    assert!(error.to_string().contains("in the middle of a head"), "{error}");
    for (answer, says) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "2 bytes before the end"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "last chunk"),
    ] {
        let error = got(answer).unwrap_err();
        assert!(matches!(error, ClientError::Payload(_)), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn what_is_not_http_is_an_error() {
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let error = got(answer).unwrap_err();
        assert!(matches!(error, ClientError::Malformed(_)), "{answer:?}: {error:?}");
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// GETs as often as asked over one session.
fn gets(url: String, times: usize) -> Result<Vec<String>, ClientError> {
    let event_loop = EventLoop::new().unwrap();
    let texts = event_loop.run_until_complete(async move {
        let session = ClientSession::new();
        let mut texts = Vec::new();
        for _ in 0..times {
            texts.push(session.get(&url).await?.text().await?);
        }
        Ok(texts)
    });
    texts.unwrap()
}

#[test]
fn a_kept_connection_that_the_server_has_closed_costs_nobody_an_error() {
    // The first connection ends after one answer without having said that it would.
    let (url, server) = scripted(vec![vec![OK], vec![OK, OK]]);
    assert_eq!(gets(url, 3).unwrap(), ["ok"; 3]);
    server.join().unwrap();
}

#[test]
fn bytes_that_come_unasked_are_not_the_next_answer() {
    let unasked = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let (url, server) = scripted(vec![vec![unasked], vec![OK]]);
    assert_eq!(gets(url, 2).unwrap(), ["ok"; 2]);
    server.join().unwrap();
}
