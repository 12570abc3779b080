//! The client of step 18 that is worth using, before a server that notes what it hears.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::thread;

use crate::harness::example;

/// Serves as many requests, a connection each, as there are answers; what `get` makes of the first
/// one, called with these words and the URL, and the requests.
fn get(answers: Vec<String>, words: &[&str]) -> (Output, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("{}/x", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        answers.into_iter().map(|answer| serve(&listener, &answer)).collect::<Vec<_>>()
    });
    let mut client = example("get");
    client.env_remove("EVLOOP_CLOCK").env_remove("http_proxy").env_remove("all_proxy");
    let output = client.args(words).arg(&url).output().expect("the example runs");
    (output, server.join().expect("it was asked"))
}

fn serve(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(&stream);
    let (mut request, mut length) = (String::new(), 0);
    while !request.ends_with("\r\n\r\n") {
        let before = request.len();
        assert!(reader.read_line(&mut request).expect("text") > 0, "it broke off: {request}");
        if let Some(value) = request[before..].strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    (&stream).write_all(answer.as_bytes()).expect("it reads");
    request + &String::from_utf8(body).expect("text")
}

fn answer(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn get_sends_what_it_is_told_and_prints_what_comes() {
    let words = ["-i", "-X", "PUT", "-H", "X-One: 1", "-d", "data"];
    let (output, requests) = get(vec![answer("200 OK", "X-Two: 2\r\n", "body\n")], &words);
    let printed = text(&output.stdout);
    assert!(printed.starts_with("HTTP/1.1 200 OK\nx-two: 2\n"), "{printed}");
    assert!(printed.ends_with("\n\nbody\n"), "{printed}");
    assert!(requests[0].starts_with("PUT /x HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[0].contains("x-one: 1\r\n") && requests[0].ends_with("\r\n\r\ndata"));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn get_follows_redirects_where_it_is_told_to() {
    let gone = || answer("302 Found", "Location: /there\r\n", "gone");
    let (output, _) = get(vec![gone()], &[]);
    assert_eq!((text(&output.stdout), output.status.code()), ("gone".into(), Some(0)));
    let (output, requests) = get(vec![gone(), answer("200 OK", "", "there")], &["-L"]);
    assert_eq!(text(&output.stdout), "there");
    assert!(requests[1].starts_with("GET /there "), "{requests:?}");
}

#[test]
fn get_writes_a_file_and_says_how_far_it_is() {
    let path = std::env::temp_dir().join(format!("evloop-get-{}", std::process::id()));
    let body = "x".repeat(3_000_000);
    let file = path.to_str().expect("text");
    let (output, _) = get(vec![answer("200 OK", "", &body)], &["-p", "-o", file]);
    assert!(std::fs::read_to_string(&path).expect("a file") == body);
    std::fs::remove_file(&path).expect("a file");
    let said = text(&output.stderr);
    assert!(said.starts_with('\r') && said.ends_with("] 100 % 3.0 of 3.0 MB\n"), "{said}");
    assert_eq!((said.lines().count(), output.stdout.len()), (1, 0));
}

#[test]
fn get_says_by_its_status_what_came_of_it() {
    for (status, code) in [("404 Not Found", 4), ("503 Service Unavailable", 5)] {
        let (output, _) = get(vec![answer(status, "", "sorry")], &[]);
        assert_eq!((text(&output.stdout), output.status.code()), ("sorry".into(), Some(code)));
    }
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned();
    let (output, _) = get(vec![half], &[]);
    assert_eq!((text(&output.stdout), output.status.code()), ("half".into(), Some(1)));
    assert!(text(&output.stderr).contains("not whole: the connection ended 5 bytes before"));
    for (words, says) in [(&["-X"][..], "-X wants a value"), (&[], "usage"), (&["-y"], "usage")] {
        let output = example("get").args(words).output().expect("the example runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(says), "{words:?}");
    }
}
