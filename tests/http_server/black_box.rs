//! Raw bytes to the server, and what it says to them: `tests/rfc/corpus.txt`.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use evloop::web::{Application, Request, Response};

use crate::support::{PATIENCE, serve};

/// One line of the corpus.
struct Case {
    name: &'static str,
    verdict: &'static str,
    bytes: Vec<u8>,
}

fn corpus() -> Vec<Case> {
    let lines = include_str!("../rfc/corpus.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case = |line: &'static str| {
        let [name, wanted, verdict, bytes] = line.splitn(4, ": ").collect::<Vec<_>>()[..] else {
            panic!("not a case: {line}");
        };
        assert!(["take", "refuse", "either"].contains(&wanted), "{line}");
        Case { name, verdict, bytes: unescaped(&repeated(bytes)) }
    };
    lines.map(case).collect()
}

/// Writes out `{9000*A}`; braces without a number are themselves.
fn repeated(text: &str) -> String {
    let Some((before, after)) = text.split_once('{') else { return text.to_owned() };
    let parts = after.split_once('}').and_then(|(inner, rest)| {
        let (times, what) = inner.split_once('*')?;
        Some((times.parse::<usize>().ok()?, what, rest))
    });
    match parts {
        Some((times, what, rest)) => format!("{before}{}{}", what.repeat(times), repeated(rest)),
        None => format!("{before}{{{}", repeated(after)),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '¶' => bytes.extend_from_slice(b"\r\n"),
            '\\' => bytes.push(match chars.next().expect("an escape") {
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                '0' => 0,
                '\\' => b'\\',
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).expect("two hex digits")
                }
                other => panic!("unknown escape \\{other}"),
            }),
            char => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// Sends `bytes`, closes this direction, and reads to the end: what came.
fn said(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    // A server that refuses early may not take all of it.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("an end, neither a reset nor silence");
    said
}

/// The statuses of the responses in `said`, and `close` if the last one says so.
fn verdict(mut said: &[u8], to_head: bool) -> String {
    let mut words = Vec::new();
    let mut close = false;
    while !said.is_empty() {
        let end = said.windows(4).position(|it| it == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8(said[..end].to_vec()).expect("an ASCII head");
        said = &said[end..];
        let status = head.strip_prefix("HTTP/1.1 ").expect("a status line")[..3].to_owned();
        let field =
            |name: &str| head.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(": "));
        let length: usize = field("content-length").map_or(0, |it| it.parse().expect("a number"));
        close = field("connection") == Some("close");
        if status.starts_with(['4', '5']) && status != "404" {
            let sentence = String::from_utf8_lossy(&said[..length]);
            assert!(sentence.lines().nth(1).is_some_and(|it| it.contains(' ')), "{head}{sentence}");
        }
        if !(to_head && status == "200") {
            said = &said[length..];
        }
        words.push(status);
    }
    if words.len() > 9 && words.iter().all(|it| *it == words[0]) {
        words = vec![format!("{}×{}", words.len(), words[0])];
    }
    words.extend(close.then(|| "close".to_owned()));
    words.join(" ")
}

/// Says what it heard, to any method and path.
async fn mirror(request: Request) -> Response {
    let line = format!("{} {} {}", request.method(), request.raw_path(), request.host());
    match request.read().await {
        Ok(body) => Response::text(format!("{line} {}\n", body.len())),
        Err(error) => Response::error(error.status(), error),
    }
}

#[test]
fn every_case_of_the_corpus_gets_its_verdict() {
    let mut app = Application::new();
    app.router().add_route("*", "/{path:.*}", mirror);
    let (wrong, reports) = serve(app, |address| {
        let got =
            |case: &Case| verdict(&said(address, &case.bytes), case.bytes.starts_with(b"HEAD"));
        let cases = corpus().into_iter().map(|case| (got(&case), case));
        let wrong = cases.filter(|(got, case)| got != case.verdict);
        wrong.map(|(got, case)| format!("{}: {got}, not {}\n", case.name, case.verdict)).collect()
    });
    let wrong: Vec<String> = wrong;
    assert!(wrong.is_empty(), "\n{}", wrong.concat());
    assert_eq!(reports, [""; 0]);
}

#[test]
fn no_hidden_request_of_the_corpus_reaches_a_handler() {
    let mut app = Application::new();
    app.router().add_route("*", "/{path:.*}", mirror);
    let (_, _) = serve(app, |address| {
        for case in corpus().iter().filter(|case| case.name.starts_with("smuggle")) {
            let said = said(address, &case.bytes);
            let said = String::from_utf8_lossy(&said);
            assert!(!said.contains(" /hidden "), "{}: {said}", case.name);
        }
    });
}

#[test]
fn the_corpus_is_written_as_its_header_says() {
    assert_eq!(unescaped(&repeated("a{3*b¶}\\x00\\\\{c}")), b"ab\r\nb\r\nb\r\n\0\\{c}");
    let mut names: Vec<_> = corpus().iter().map(|case| case.name).collect();
    assert!(names.len() >= 120);
    names.sort_unstable();
    names.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1], "two cases of one name"));
}
