//! Bodies by the piece, in both directions.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evloop::http::{ClientError, ClientSession, ClientTimeout, TimeoutKind};

use crate::PATIENCE;
use crate::support::{Say, Server, ok, run, run_by_hand, with};

#[test]
fn a_body_is_read_by_the_piece_the_line_and_the_count() {
    let server = Server::new(|_| ok("one\ntwo\nthree and more"));
    let url = server.url("/");
    run(async move {
        let mut response = ClientSession::new().get(&url).await.unwrap();
        assert_eq!(response.content_length(), Some(22));
        assert_eq!(response.readline().await.unwrap(), b"one\n");
        assert!(response.ok() && response.readuntil(b"").await.is_err());
        assert_eq!(response.readuntil(b"wo").await.unwrap(), b"two");
        assert_eq!(response.read(2).await.unwrap(), b"\nt");
        assert_eq!(response.readline().await.unwrap(), b"hree and more");
        assert_eq!(response.readline().await.unwrap(), b"");
        assert_eq!(response.chunk().await.unwrap(), None);
        let error = response.readexactly(1).await.unwrap_err();
        assert!(matches!(error, ClientError::Payload(_)), "{error:?}");
        let mut response = ClientSession::new().get(&url).await.unwrap();
        response.readline().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "two\nthree and more");
    });
}

#[test]
fn a_long_body_comes_in_pieces_that_are_not() {
    let length = 16 << 20;
    let server = Server::new(move |_| Say::Bytes(response_of(length)));
    let url = server.url("/");
    run(async move {
        let mut response = ClientSession::new().get(&url).await.unwrap();
        let mut came = 0;
        while let Some(piece) = response.chunk().await.unwrap() {
            assert!(piece.len() <= 256 << 10, "{} bytes at once", piece.len());
            came += piece.len();
        }
        assert_eq!(came, length);
    });
}

fn response_of(length: usize) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

/// A server of one connection that does what `converse` says.
fn one<T: Send + 'static>(
    converse: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
) -> (String, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        converse(stream)
    });
    (url, server)
}

/// Reads up to this.
fn read_until(stream: &mut impl Read, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more");
        bytes.extend(byte);
    }
    bytes
}

#[test]
fn what_is_answered_meanwhile_reaches_the_source_of_the_body() {
    // The server says each piece again as it comes, and the source sends the next only then.
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for _ in 0..3 {
            let chunk = read_until(&mut stream, b"!\r\n");
            stream.write_all(&chunk).unwrap();
        }
        assert_eq!(read_until(&mut stream, b"0\r\n\r\n"), b"0\r\n\r\n");
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    run(async move {
        let (heard, queue) = (evloop::Queue::new(0), evloop::Queue::new(0));
        let (theirs, asked) = (heard.clone(), queue.clone());
        let session = ClientSession::new();
        let mut response = session
            .post(&url)
            .stream(move |mut body| async move {
                for piece in ["one!", "two!", "three!"] {
                    body.write(piece.as_bytes()).await?;
                    let again: Vec<u8> = theirs.get().await.unwrap();
                    assert_eq!(again, piece.as_bytes());
                }
                asked.put(()).await.unwrap();
                Ok(())
            })
            .await
            .unwrap();
        while let Some(piece) = response.chunk().await.unwrap() {
            heard.put(piece).await.unwrap();
        }
        queue.get().await.unwrap();
        assert_eq!(session.connections(), (0, 1));
    });
    server.join().unwrap();
}

#[test]
fn an_answer_before_the_bodys_end_is_given_and_the_rest_is_not_sent() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        let answer = b"HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
        stream.write_all(answer).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest.len()
    });
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    run(async move {
        let session = ClientSession::new();
        let sent = session.post(&url).stream(|mut body| async move {
            // Dropped, or told so, when nobody wants any more.
            struct End(Rc<Cell<bool>>);
            impl Drop for End {
                fn drop(&mut self) {
                    self.0.set(true);
                }
            }
            let _end = End(end);
            loop {
                body.write(&[0; 1000]).await?;
                evloop::yield_now().await;
            }
        });
        let response = sent.await.unwrap();
        assert_eq!(response.status(), 413);
        assert!(ended.get(), "the source goes on");
        assert_eq!(response.text().await.unwrap(), "no");
        assert_eq!(session.connections(), (0, 0));
    });
    server.join().unwrap();
}

#[test]
fn an_answer_is_given_though_our_own_write_met_the_reset_first_and_nothing_was_read() {
    for length in ["Content-Length: 2\r\n", ""] {
        let (closed, is_closed) = std::sync::mpsc::channel();
        let (url, server) = one(move |mut stream| {
            read_until(&mut stream, b"\r\n\r\n");
            // The body has come, and is not read: to close resets.
            stream.peek(&mut [0]).unwrap();
            let head = format!("HTTP/1.1 413 Too Much\r\nConnection: close\r\n{length}\r\nno");
            stream.write_all(head.as_bytes()).unwrap();
            if length.is_empty() {
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
            drop(stream);
            closed.send(()).unwrap();
        });
        run(async move {
            let session = ClientSession::new();
            let sent = session.post(&url).stream(|mut body| async move {
                body.write(&[0; 1000]).await?;
                evloop::yield_now().await;
                // The loop stands still until the server has gone.
                is_closed.recv_timeout(PATIENCE).unwrap();
                loop {
                    body.write(&[0; 1000]).await?;
                }
            });
            let response = sent.await.unwrap();
            assert_eq!(response.status(), 413);
            assert_eq!(response.text().await.unwrap(), "no");
            assert_eq!(session.connections(), (0, 0));
        });
        server.join().unwrap();
    }
}

#[test]
fn a_large_body_meets_a_server_that_answers_without_reading_it() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        let mut rest = Vec::new();
        // Until the client closes; what was not read yet makes that a reset, maybe.
        let _ = stream.read_to_end(&mut rest);
    });
    run(async move {
        let session = ClientSession::new();
        let response = session.post(&url).body(vec![0; 32 << 20]).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok");
        assert_eq!(session.connections(), (0, 0), "it is in the middle of a request");
    });
    server.join().unwrap();
}

#[test]
fn a_server_that_refuses_the_expectation_is_asked_without() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_until(&mut stream, b"\r\n\r\n");
        assert!(String::from_utf8(head).unwrap().contains("expect: 100-continue"));
        stream.write_all(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").unwrap();
        let (mut again, _) = listener.accept().unwrap();
        let head = read_until(&mut again, b"\r\n\r\n");
        assert!(!String::from_utf8(head).unwrap().contains("expect"));
        read_until(&mut again, b"abc");
        again.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the body was sent to who refused it");
    });
    run(async move {
        let sent = ClientSession::new().post(&url).body("abc").expect100().await.unwrap();
        assert_eq!(sent.status(), 200);
    });
    server.join().unwrap();
}

/// A server that refuses to be asked first, once it has `first` of the body, and takes the request
/// that follows; it says what that was.
fn refuses_to_be_asked(first: &'static [u8]) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_until(&mut stream, b"\r\n\r\n");
        if !first.is_empty() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
            read_until(&mut stream, first);
        }
        stream.write_all(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap_or_default();
        listener.set_nonblocking(first == b"begun").unwrap();
        let Ok((mut again, _)) = listener.accept() else { return String::new() };
        let head = read_until(&mut again, b"\r\n\r\n");
        assert!(!String::from_utf8(head).unwrap().contains("expect"));
        let body = read_until(&mut again, b"0\r\n\r\n");
        again.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8(body).unwrap()
    });
    (url, server)
}

#[test]
fn a_streamed_body_that_was_not_begun_survives_the_refusal_of_its_expectation() {
    let (url, server) = refuses_to_be_asked(b"");
    run(async move {
        let sent = ClientSession::new().post(&url).expect100();
        let sent = sent.stream(|mut body| async move { body.write(b"abc").await });
        assert_eq!(sent.await.unwrap().status(), 200);
    });
    assert_eq!(server.join().unwrap(), "3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn a_streamed_body_that_was_begun_is_made_again_or_the_error_says_why_not() {
    let (url, server) = refuses_to_be_asked(b"begun");
    run(async move {
        let sent = ClientSession::new().post(&url).expect100().stream(|mut body| async move {
            body.write(b"begun").await?;
            std::future::pending().await
        });
        let text = sent.await.unwrap_err().to_string();
        assert!(text.contains("417") && text.contains("repeatable_stream"), "{text}");
    });
    assert_eq!(server.join().unwrap(), "");
    let (url, server) = refuses_to_be_asked(b"abc");
    run(async move {
        let times = Rc::new(Cell::new(0));
        let made = times.clone();
        let sent =
            ClientSession::new().post(&url).expect100().repeatable_stream(move |mut body| {
                made.set(made.get() + 1);
                let first = made.get() == 1;
                async move {
                    body.write(b"abc").await?;
                    // The first is in the middle when it is refused.
                    if first { std::future::pending().await } else { Ok(()) }
                }
            });
        assert_eq!(sent.await.unwrap().status(), 200);
        assert_eq!(times.get(), 2);
    });
    assert_eq!(server.join().unwrap(), "3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn early_hints_are_no_leave_to_send_a_body() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").unwrap();
        // Without leave it comes after a second.
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert!(stream.read(&mut [0]).is_err(), "the body came");
        stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    run(async move {
        let sent = ClientSession::new().post(&url).body("abc").expect100().await.unwrap();
        assert_eq!(sent.status(), 403);
    });
    server.join().unwrap();
}

#[test]
fn a_request_that_is_given_up_leaves_nothing_that_waits_for_the_server_to_read_it() {
    let (given_up, told) = std::sync::mpsc::channel::<()>();
    let (url, server) = one(move |stream| {
        // It reads nothing for as long as the client is there.
        let _ = told.recv();
        drop(stream);
    });
    // It sees that nothing is left a turn later.
    run(async move {
        let session = ClientSession::new();
        let timeout = ClientTimeout::total(Duration::from_millis(20));
        let sent = session.post(&url).body(vec![0; 64 << 20]).timeout(timeout).await;
        assert!(sent.unwrap_err().is_timeout());
        assert_eq!(session.connections(), (0, 0));
    });
    drop(given_up);
    server.join().unwrap();
}

#[test]
fn an_answer_is_heard_though_the_server_resets_behind_it() {
    let (url, server) = one(|mut stream| {
        stream.peek(&mut [0]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        // To close with bytes unread is a reset.
    });
    run(async move {
        let response = ClientSession::new().get(&url).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "abc");
    });
    server.join().unwrap();
}

#[test]
fn a_server_that_knows_no_expectations_gets_the_body_all_the_same() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        assert_eq!(read_until(&mut stream, b"abc"), b"abc");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    run(async move {
        let sent = ClientSession::new().post(&url).body("abc").expect100().await.unwrap();
        assert_eq!(sent.status(), 200);
    });
    server.join().unwrap();
}

#[test]
fn a_server_that_falls_silent_is_a_timeout_between_two_reads() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    });
    run_by_hand(|clock| async move {
        let session = ClientSession::new();
        let limit = Some(Duration::from_millis(5));
        let timeout = ClientTimeout { sock_read: limit, ..ClientTimeout::default() };
        let mut response = session.get(&url).timeout(timeout).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), b"abc");
        let silence = async { clock.advance(Duration::from_millis(5)) };
        let (error, ()) = evloop::join!(response.chunk(), silence);
        let error = error.unwrap_err();
        assert!(matches!(error, ClientError::Timeout { kind: TimeoutKind::SockRead, .. }));
        let text = error.to_string();
        assert!(text.contains("the rest of the body did not come within 5ms (the sock_"), "{text}");
        assert_eq!(session.connections(), (0, 0));
        assert_eq!(response.chunk().await.unwrap(), None);
    });
    server.join().unwrap();
}

#[test]
fn the_total_timeout_covers_the_body() {
    let (url, server) = one(|mut stream| {
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    });
    run_by_hand(|clock| async move {
        let timeout = ClientTimeout::total(Duration::from_millis(50));
        let response = ClientSession::new().get(&url).timeout(timeout).await.unwrap();
        let silence = async { clock.advance(Duration::from_millis(50)) };
        let (error, ()) = evloop::join!(response.bytes(), silence);
        let error = error.unwrap_err();
        assert!(matches!(error, ClientError::Timeout { kind: TimeoutKind::Total, .. }));
    });
    server.join().unwrap();
}

#[test]
fn a_status_can_be_an_error() {
    let server = Server::new(|asked| match &asked.target[..] {
        "/good" => ok("good"),
        "/odd" => with("777 Odd", "", ""),
        _ => with("404 Nowhere", "", "x"),
    });
    let odd = server.url("/odd");
    let (good, bad) = (server.url("/good"), server.url("/bad"));
    run(async move {
        let session = ClientSession::builder().raise_for_status(true).build().unwrap();
        assert_eq!(session.get(&good).await.unwrap().text().await.unwrap(), "good");
        let error = session.get(&bad).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{bad} answers 404 Nowhere"));
        assert!(matches!(error, ClientError::Status { .. }), "{error:?}");
        let given = session.get(&bad).raise_for_status(false).await.unwrap();
        assert_eq!((given.status().as_u16(), given.reason()), (404, "Nowhere"));
        assert!(given.error_for_status().is_err());
        assert!(session.get(&odd).await.is_err(), "what is no status of HTTP is no success");
        assert_eq!(session.connections(), (0, 1));
    });
}
