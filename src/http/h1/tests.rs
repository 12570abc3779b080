//! Claims about whole connections, by clause of RFC 9112.

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::collection;
use proptest::prelude::*;

use super::properties::*;
use super::*;
use crate::http::Limits;

mod heard;
mod sent;

/// What a server says of `input`: the status and sentence it refuses it with.
#[track_caller]
fn refused(input: &[u8]) -> (u16, String) {
    requests_are_the_same_however_they_are_cut(input);
    let (said, out) = server_hears(&[input], &Limits::default());
    match said.last() {
        Some(Said::They(error)) => {
            let answer = String::from_utf8_lossy(&out);
            assert!(answer.contains("connection: close\r\n"), "kept alive: {answer}");
            (error.status().as_u16(), error.what().to_owned())
        }
        _ => panic!("{:?} was accepted: {said:?}", String::from_utf8_lossy(input)),
    }
}

/// What a server hears in `input`, which must be in order.
#[track_caller]
fn accepted(input: &[u8]) -> Vec<Said> {
    requests_are_the_same_however_they_are_cut(input);
    let (said, _) = server_hears(&[input], &Limits::default());
    let faults = said.iter().filter(|it| matches!(it, Said::They(_)));
    assert_eq!(faults.count(), 0, "{:?}: {said:?}", String::from_utf8_lossy(input));
    said
}

fn data(bytes: &[u8]) -> Said {
    Said::Data(bytes.to_vec())
}

/// A request with these fields after Host, and what follows the head.
fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}").into_bytes()
}

/// The head of the first request in `input`.
fn head_of(input: &[u8]) -> RequestHead {
    match ServerConnection::new(&Shared::default()).receive(input).unwrap() {
        (_, Event::Head(head)) => head,
        (_, event) => panic!("{event:?}"),
    }
}

const OK_RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn plain(headers: &HeaderMap) -> OutgoingResponse<'_> {
    OutgoingResponse { status: StatusCode::OK, content_type: None, headers, date: None }
}

// ---- §2.2 message parsing --------------------------------------------------------------------

#[test]
fn empty_lines_before_a_request_are_ignored_up_to_a_limit() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let many = |n: usize| format!("{}{request}", "\r\n".repeat(n)).into_bytes();
    assert_eq!(accepted(&many(8)).len(), 3);
    assert!(refused(&many(9)).1.contains("more than 8 empty lines"));
    let twice = format!("{request}\r\n{request}");
    assert_eq!(accepted(twice.as_bytes()).len(), 5, "two heads, two ends, one close");
}

#[test]
fn a_bare_lf_ends_no_line_of_a_request() {
    for input in [
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA:\nB: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(refused(input.as_bytes()).0, 400, "{input:?}");
    }
}

#[test]
fn a_bare_cr_or_nul_is_refused_wherever_it_stands() {
    for input in [
        "GET / HTTP/1.1\rHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA\r: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\x7fc\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n",
    ] {
        assert_eq!(refused(input.as_bytes()).0, 400, "{input:?}");
    }
}

#[test]
fn a_client_that_speaks_tls_is_told_so_at_its_first_byte() {
    let (status, what) = refused(b"\x16\x03\x01\x02\x00\x01");
    assert_eq!(status, 400);
    assert!(what.contains("speak TLS"), "{what}");
}

// ---- §2.3 version, §3 request line ------------------------------------------------------------

#[test]
fn a_version_that_is_another_is_505_and_one_that_is_none_is_400() {
    for (version, status) in [
        ("HTTP/2.0", 505),
        ("HTTP/0.9", 505),
        ("HTTP/3.0", 505),
        ("HTTP/2.1", 505),
        ("HTTP/11", 400),
        ("HTTP/1.10", 400),
        ("http/1.1", 400),
        ("HTTP/1.1 ", 400),
        ("FTP/1.1", 400),
    ] {
        let input = format!("GET / {version}\r\nHost: h\r\n\r\n");
        assert_eq!(refused(input.as_bytes()).0, status, "{version}");
    }
    assert_eq!(refused(b"GET /\r\n\r\n").0, 400, "HTTP/0.9's own form");
    assert_eq!(refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").0, 505);
}

#[test]
fn a_higher_minor_version_is_taken_for_the_highest_known_however_it_is_cut() {
    for minor in 2..=9 {
        let input = format!("GET /1.2 HTTP/1.{minor}\r\nHost: h\r\n\r\n").repeat(2);
        assert_eq!(accepted(input.as_bytes()).len(), 5, "two heads, two ends, one close");
        let head = head_of(input.as_bytes());
        assert_eq!((head.version(), head.target()), (http::Version::HTTP_11, "/1.2"));
    }
    for wrong in ["GET / HTTP/1.2\r\n\r\n", "GET / HTTP/1.2\r\nHost : h\r\n\r\n"] {
        assert_eq!(refused(wrong.as_bytes()).0, 400, "{wrong}");
    }
    let long = format!("GET /{} HTTP/1.2\r\nHost: h\r\n\r\n", "a".repeat(8192));
    assert_eq!(refused(long.as_bytes()).0, 414);
}

#[test]
fn the_parts_of_a_request_line_are_divided_by_one_blank() {
    for line in [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / a HTTP/1.1",
        "GET HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET/ HTTP/1.1",
    ] {
        let input = format!("{line}\r\nHost: h\r\n\r\n");
        assert_eq!(refused(input.as_bytes()).0, 400, "{line:?}");
    }
}

#[test]
fn a_broken_request_line_is_refused_before_the_rest_has_come() {
    let mut connection = ServerConnection::new(&Shared::default());
    assert!(connection.receive(b"GET / HTTP/1.1 oops\r\n").unwrap_err().is_theirs());
}

#[test]
fn a_method_of_ones_own_is_a_token() {
    assert_eq!(head_of(b"PROP-FIND / HTTP/1.1\r\nHost: h\r\n\r\n").method().as_str(), "PROP-FIND");
}

#[test]
fn each_form_of_target_goes_with_its_methods() {
    for good in [
        "GET /",
        "GET /a?b",
        "GET http://h/x",
        "GET HTTP://h",
        "OPTIONS *",
        "OPTIONS /",
        "CONNECT h:443",
        "CONNECT [::1]:443",
        "GET //x",
        "GET /a|b^c",
        "POST https://h:8/x",
    ] {
        accepted(format!("{good} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
    }
    for bad in [
        "GET *",
        "GET h:443",
        "CONNECT /",
        "CONNECT h",
        "CONNECT http://h/",
        "GET foo",
        "GET ?a",
        "GET http://",
        "GET http:///x",
        "GET ftp://h/",
        "GET http://u@h/",
        "GET http://h:x/",
        "GET /a#b",
        "GET /\u{e9}",
        "CONNECT u@h:1",
        "GET http://h h/",
    ] {
        let input = format!("{bad} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(refused(input.as_bytes()).0, 400, "{bad:?}");
    }
}

#[test]
fn a_target_is_split_into_path_and_query() {
    let split = |target: &str| {
        let head = head_of(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        assert_eq!(head.target(), target);
        (head.path().to_owned(), head.query().to_owned())
    };
    let pair = |path: &str, query: &str| (path.to_owned(), query.to_owned());
    assert_eq!(split("http://h/a?b=c"), pair("/a", "b=c"));
    assert_eq!(split("http://h"), pair("/", ""));
    assert_eq!(split("http://h?x"), pair("/", "x"));
    assert_eq!(split("/a?u=http://x/?y"), pair("/a", "u=http://x/?y"));
    assert_eq!(split("/?"), pair("/", ""));
}

#[test]
fn http_1_1_requires_exactly_one_valid_host() {
    assert!(refused(b"GET / HTTP/1.1\r\n\r\n").1.contains("no Host"));
    assert!(refused(b"GET http://h/ HTTP/1.1\r\n\r\n").1.contains("no Host"));
    assert!(refused(b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n").1.contains("two Host"));
    assert!(refused(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").1.contains("two Host"));
    accepted(b"GET / HTTP/1.0\r\n\r\n");
    for good in ["", "a", "a.b-c:80", "127.0.0.1:", "[::1]:8080", "[::1]", "a%20b"] {
        accepted(format!("GET / HTTP/1.1\r\nHost: {good}\r\n\r\n").as_bytes());
    }
    for bad in ["a b", "a/b", "u@h", "a:b", "a:80:80", "[::1", "::1", "[]", "h\u{e9}", "a,b/"] {
        let input = format!("GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n");
        assert_eq!(refused(input.as_bytes()).0, 400, "{bad:?}");
    }
}

// ---- §5 fields --------------------------------------------------------------------------------

#[test]
fn a_blank_before_the_colon_and_a_folded_line_are_refused() {
    for fields in [
        "A : b\r\n",
        "A\t: b\r\n",
        " A: b\r\n",
        "A: b\r\n c\r\n",
        "A: b\r\n\tc\r\n",
        ": b\r\n",
        "A\r\n",
        "A b: c\r\n",
        "(A): b\r\n",
        "\u{e9}: b\r\n",
    ] {
        let input = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        assert_eq!(refused(input.as_bytes()).0, 400, "{fields:?}");
        let first = format!("GET / HTTP/1.1\r\n{fields}Host: h\r\n\r\n");
        assert_eq!(refused(first.as_bytes()).0, 400, "{fields:?} first");
    }
}

#[test]
fn fields_are_found_in_any_case_and_kept_in_order() {
    let head = head_of(b"GET / HTTP/1.1\r\nhOsT:h\r\nX-A:  1 \t\r\nx-a: \xff2\r\nB:\r\n\r\n");
    assert_eq!(head.fields().get("x-A"), Some(&b"1"[..]));
    assert_eq!(head.fields().get("absent"), None);
    let all: Vec<_> = head.fields().iter().collect();
    let expected: [(&str, &[u8]); 4] =
        [("hOsT", b"h"), ("X-A", b"1"), ("x-a", b"\xff2"), ("B", b"")];
    assert_eq!(all, expected);
    let values: Vec<_> = head.headers().get_all("x-a").iter().map(|it| it.as_bytes()).collect();
    assert_eq!(values, [&b"1"[..], b"\xff2"]);
}

// ---- limits -----------------------------------------------------------------------------------

#[test]
fn a_request_line_beyond_its_limit_is_414_and_one_at_it_is_not() {
    let line = |length: usize| {
        let target = "a".repeat(length - "GET / HTTP/1.1\r\n".len());
        format!("GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes()
    };
    accepted(&line(8192));
    assert_eq!(refused(&line(8193)).0, 414);
    let endless = [&b"GET /"[..], &b"a".repeat(9000)].concat();
    assert_eq!(refused(&endless).0, 414, "even if it never ends");
}

#[test]
fn fields_beyond_their_limits_are_431_and_at_them_are_not() {
    let sized = |length: usize| {
        let value = "a".repeat(length - "Host: h\r\nA: \r\n\r\n".len());
        format!("GET / HTTP/1.1\r\nHost: h\r\nA: {value}\r\n\r\n").into_bytes()
    };
    accepted(&sized(32 << 10));
    assert_eq!(refused(&sized((32 << 10) + 1)).0, 431);
    let counted = |count: usize| {
        format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(count - 1)).into_bytes()
    };
    accepted(&counted(128));
    let (status, what) = refused(&counted(129));
    assert_eq!(status, 431);
    assert!(what.contains("more than 128"), "{what}");
}

// ---- §6 body ----------------------------------------------------------------------------------

#[test]
fn content_length_is_one_number() {
    assert!(accepted(&post("Content-Length: 3\r\n", "abc")).contains(&data(b"abc")));
    assert!(accepted(&post("Content-Length: 003\r\n", "abc")).contains(&data(b"abc")));
    for bad in ["+3", "-3", "3 ,3", "3,3", "3, 4", "0x3", "3 3", "", "3\u{a0}", "1e1", "٣"] {
        let input = post(&format!("Content-Length: {bad}\r\n"), "abc");
        assert_eq!(refused(&input).0, 400, "{bad:?}");
    }
    let twice = post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc");
    assert!(refused(&twice).1.contains("two Content-Length"));
    let differing = post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd");
    assert_eq!(refused(&differing).0, 400);
    assert_eq!(refused(&post("Content-Length: 18446744073709551616\r\n", "")).0, 413);
}

#[test]
fn content_length_beside_transfer_encoding_is_refused() {
    for fields in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\ntransfer-ENCODING: chunked\r\n",
    ] {
        let (status, what) = refused(&post(fields, "0\r\n\r\nG"));
        assert_eq!(status, 400);
        assert!(what.contains("both"), "{what}");
    }
}

#[test]
fn the_only_transfer_coding_is_one_final_chunked() {
    for (coding, status) in [
        ("gzip, chunked", 501),
        ("gzip", 400),
        ("identity", 400),
        ("chunked, gzip", 400),
        ("chunked, identity", 400),
        ("chunked, chunked", 400),
        ("chunked\r\nTransfer-Encoding: chunked", 400),
        ("gzip\r\nTransfer-Encoding: chunked", 501),
        ("chunked;q=1", 400),
        ("\"chunked\"", 400),
        ("xchunked", 400),
        ("chunked x", 400),
        ("", 400),
        (",", 400),
        ("\x0bchunked", 400),
    ] {
        let input = post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n");
        assert_eq!(refused(&input).0, status, "{coding:?}");
    }
    for coding in ["chunked", "Chunked", " chunked\t", ", chunked,"] {
        let input = post(&format!("Transfer-Encoding: {coding}\r\n"), "3\r\nabc\r\n0\r\n\r\n");
        assert!(accepted(&input).contains(&data(b"abc")), "{coding:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(refused(old).1.contains("HTTP/1.0"));
}

/// The classic ways to hide a second request in the first one's body.
#[test]
fn no_smuggled_request_is_ever_heard() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    let n = hidden.len();
    for fields in [
        format!("Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Content-Length: 0\r\nContent-Length: {n}\r\n"),
        format!("Content-Length: {n}, 0\r\n"),
        format!("Content-Length : {n}\r\n"),
        format!("Content-Length:\r\n {n}\r\n"),
        format!("X: y\nContent-Length: {n}\r\n"),
        "Transfer-Encoding : chunked\r\n".into(),
        "Transfer-Encoding: xchunked\r\n".into(),
        "Transfer-Encoding:\x0bchunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n".into(),
        "X: y\rTransfer-Encoding: chunked\r\n".into(),
        " Transfer-Encoding: chunked\r\n".into(),
    ] {
        for body in [hidden.to_owned(), format!("0\r\n\r\n{hidden}")] {
            let input = post(&fields, &body);
            let (said, _) = server_hears(&[&input], &Limits::default());
            assert!(matches!(said[..], [Said::They(_)]), "{fields:?}: {said:?}");
        }
    }
    for chunks in
        ["1\r\nZ\r\nQ\r\n\r\n", "1;\n\r\nZ\r\n0\r\n\r\n", "0 \r\n\r\n", "0\n\r\n", "-0\r\n\r\n"]
    {
        let input = post("Transfer-Encoding: chunked\r\n", &format!("{chunks}{hidden}"));
        let (said, _) = server_hears(&[&input], &Limits::default());
        let heads = said.iter().filter(|it| matches!(it, Said::Head(_))).count();
        assert_eq!((heads, matches!(said.last(), Some(Said::They(_)))), (1, true), "{chunks:?}");
    }
}

#[test]
fn a_request_cut_short_is_not_a_request() {
    assert!(refused_at_eof(&post("Content-Length: 3\r\n", "ab")).contains("1 bytes before"));
    let chunked = post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n");
    assert!(refused_at_eof(&chunked).contains("last chunk"));
    assert!(refused_at_eof(b"GET / HT").contains("in the middle of a head"));
}

fn refused_at_eof(input: &[u8]) -> String {
    requests_are_the_same_however_they_are_cut(input);
    match server_hears(&[input], &Limits::default()).0.pop() {
        Some(Said::They(error)) => error.what().to_owned(),
        other => panic!("{other:?}"),
    }
}

// ---- Expect -----------------------------------------------------------------------------------

#[test]
fn a_client_that_waits_is_told_to_continue_once_and_only_if_it_waits() {
    let mut connection = ServerConnection::new(&Shared::default());
    let mut out = Vec::new();
    let input = post("Expect: 100-Continue\r\nContent-Length: 2\r\n", "");
    let (_, event) = connection.receive(&input).unwrap();
    assert!(matches!(event, Event::Head(head) if head.expects_continue()));
    assert!(connection.send_continue(&mut out) && !connection.send_continue(&mut out));
    assert_eq!(out, b"HTTP/1.1 100 Continue\r\n\r\n");
    let body = connection.receive(b"ab").unwrap();
    assert!(matches!(body, (2, Event::Data(b"ab"))));

    let mut hasty = ServerConnection::new(&Shared::default());
    hasty.receive(&input).unwrap();
    hasty.receive(b"a").unwrap();
    assert!(!hasty.send_continue(&mut out), "the body is coming already");
    assert!(!head_of(b"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue());
    assert!(!head_of(&post("Expect: 100-continue\r\n", "")).expects_continue(), "no body to await");
    assert_eq!(refused(&post("Expect: wonders\r\n", "")).0, 417);
}

#[test]
fn an_answer_in_place_of_100_ends_the_connection() {
    let mut connection = ServerConnection::new(&Shared::default());
    connection.receive(&post("Expect: 100-continue\r\nContent-Length: 2\r\n", "")).unwrap();
    let mut out = Vec::new();
    connection.respond(&mut out, &plain(&HeaderMap::new()), b"ok").unwrap();
    assert!(connection.must_close());
    assert!(String::from_utf8(out).unwrap().contains("connection: close\r\n"));
}

// ---- §9 connection management ------------------------------------------------------------------

/// Sends one request; says what the answer's head was and whether the connection goes on.
fn exchange(request: &[u8], head: &OutgoingResponse<'_>, length: Length) -> (String, bool) {
    let mut connection = ServerConnection::new(&Shared::default());
    let (used, event) = connection.receive(request).unwrap();
    assert!(matches!(event, Event::Head(_)));
    let (_, event) = connection.receive(&request[used..]).unwrap();
    assert!(matches!(event, Event::EndOfMessage));
    let mut out = Vec::new();
    connection.send_response(&mut out, head, length).unwrap();
    connection.send_data(&mut out, b"ok").unwrap();
    connection.end_of_message(&mut out).unwrap();
    assert_eq!(connection.is_idle(), !connection.must_close());
    (String::from_utf8(out).unwrap(), connection.is_idle())
}

#[test]
fn a_connection_lives_on_as_version_and_options_say() {
    let none = HeaderMap::new();
    let mut close = HeaderMap::new();
    close.insert("connection", HeaderValue::from_static("close"));
    for (line, headers, lives, says) in [
        ("HTTP/1.1\r\nHost: h\r\n", &none, true, ""),
        ("HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n", &none, false, "connection: close\r\n"),
        ("HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n", &none, false, "connection: close\r\n"),
        ("HTTP/1.1\r\nHost: h\r\n", &close, false, "connection: close\r\n"),
        ("HTTP/1.0\r\n", &none, false, "connection: close\r\n"),
        ("HTTP/1.0\r\nConnection: keep-alive\r\n", &none, true, "connection: keep-alive\r\n"),
        ("HTTP/1.0\r\nConnection: keep-alive, close\r\n", &none, false, "connection: close\r\n"),
    ] {
        let request = format!("GET / {line}\r\n");
        let (out, idle) = exchange(request.as_bytes(), &plain(headers), Length::Known(2));
        assert_eq!(idle, lives, "{line:?}");
        let connection: String =
            out.split_inclusive("\r\n").filter(|it| it.starts_with("connection")).collect();
        assert_eq!(connection, says, "{line:?}");
    }
}

#[test]
fn requests_in_a_row_are_answered_one_by_one_in_order() {
    let mut connection = ServerConnection::new(&Shared::default());
    let both = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    let (used, _) = connection.receive(both).unwrap();
    let rest = &both[used..];
    assert!(matches!(connection.receive(rest).unwrap(), (0, Event::EndOfMessage)));
    assert!(matches!(connection.receive(rest).unwrap(), (0, Event::Paused)));
    assert!(matches!(connection.receive(rest).unwrap(), (0, Event::Paused)));
    let mut out = Vec::new();
    connection.respond(&mut out, &plain(&HeaderMap::new()), b"ok").unwrap();
    let (_, event) = connection.receive(rest).unwrap();
    assert!(matches!(event, Event::Head(head) if head.target() == "/2"));
}

#[test]
fn nothing_is_heard_after_a_request_that_says_close() {
    let input = b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n";
    let said = accepted(input);
    assert!(matches!(&said[..], [Said::Head(_), Said::End, Said::Closed]), "{said:?}");
}

#[test]
fn a_client_may_close_its_direction_and_still_be_answered() {
    let mut connection = ServerConnection::new(&Shared::default());
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let (used, _) = connection.receive(request).unwrap();
    assert!(matches!(connection.receive(&request[used..]).unwrap().1, Event::EndOfMessage));
    assert!(matches!(connection.receive_eof().unwrap(), Event::Closed));
    assert!(connection.owes_response() && !connection.must_close());
    connection.respond(&mut Vec::new(), &plain(&HeaderMap::new()), b"ok").unwrap();
    assert!(connection.must_close());
}

#[test]
fn an_idle_connection_that_ends_owes_nothing() {
    let mut connection = ServerConnection::new(&Shared::default());
    assert!(matches!(connection.receive_eof().unwrap(), Event::Closed));
    assert!(connection.must_close() && !connection.owes_response());
    let mut stopped = ServerConnection::new(&Shared::default());
    stopped.close_after_this();
    assert!(stopped.must_close());
}

#[test]
fn an_early_answer_leaves_the_rest_of_the_request_to_be_read() {
    let mut connection = ServerConnection::new(&Shared::default());
    connection.receive(&post("Content-Length: 4\r\n", "")).unwrap();
    connection.respond(&mut Vec::new(), &plain(&HeaderMap::new()), b"no").unwrap();
    assert!(!connection.is_idle() && !connection.must_close());
    assert!(matches!(connection.receive(b"abcd").unwrap(), (4, Event::Data(_))));
    assert!(matches!(connection.receive(b"").unwrap(), (0, Event::EndOfMessage)));
    assert!(connection.is_idle());
}

#[test]
fn an_idle_connection_owns_no_buffer_and_is_small() {
    let mut connection = ServerConnection::new(&Shared::default());
    for piece in b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".chunks(10) {
        connection.receive(piece).unwrap();
    }
    connection.receive(b"").unwrap();
    connection.respond(&mut Vec::new(), &plain(&HeaderMap::new()), b"ok").unwrap();
    assert!(connection.is_idle());
    assert_eq!(connection.memory(), 0);
    assert!(size_of::<ServerConnection>() <= 136, "{}", size_of::<ServerConnection>());
    assert_eq!(size_of::<RequestHead>(), 2 * size_of::<usize>(), "what moves is two pointers");
}

// ---- misuse -----------------------------------------------------------------------------------

#[test]
fn what_cannot_be_sent_is_refused_and_leaves_no_trace() {
    let mut connection = ServerConnection::new(&Shared::default());
    let mut out = b"before".to_vec();
    let none = HeaderMap::new();
    let error = connection.respond(&mut out, &plain(&none), b"").unwrap_err();
    assert!(!error.is_theirs() && error.to_string().ends_with("(the connection is Idle)"));
    connection.receive(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let headers = |name: &'static str, value: &'static str| {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    };
    for wrong in [
        headers("content-length", "7"),
        headers("content-length", "+2"),
        headers("content-length", "two"),
        headers("transfer-encoding", "chunked"),
        headers("transfer-encoding", "gzip"),
    ] {
        connection.respond(&mut out, &plain(&wrong), b"ok").unwrap_err();
    }
    let continue_ = OutgoingResponse { status: StatusCode::CONTINUE, ..plain(&none) };
    connection.respond(&mut out, &continue_, b"").unwrap_err();
    connection.send_data(&mut out, b"x").unwrap_err();
    connection.end_of_message(&mut out).unwrap_err();
    assert_eq!(out, b"before");
    connection.respond(&mut out, &plain(&none), b"ok").unwrap();
}

#[test]
fn more_or_less_body_than_promised_is_refused() {
    let mut connection = ServerConnection::new(&Shared::default());
    connection.receive(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut out = Vec::new();
    connection.send_response(&mut out, &plain(&HeaderMap::new()), Length::Known(2)).unwrap();
    let error = connection.send_data(&mut out, b"abc").unwrap_err();
    assert!(error.what().contains("more body"), "{error}");
    connection.send_data(&mut out, b"a").unwrap();
    let error = connection.end_of_message(&mut out).unwrap_err();
    assert!(error.what().contains("less body"), "{error}");
    assert!(out.ends_with(b"\r\n\r\na"));
}

#[test]
fn a_broken_request_is_answered_with_an_error_or_not_at_all() {
    let mut connection = ServerConnection::new(&Shared::default());
    connection.receive(b"nonsense\r\n").unwrap_err();
    assert!(connection.owes_response());
    let mut out = Vec::new();
    connection.respond(&mut out, &plain(&HeaderMap::new()), b"").unwrap_err();
    let none = HeaderMap::new();
    let bad = OutgoingResponse { status: StatusCode::BAD_REQUEST, ..plain(&none) };
    connection.respond(&mut out, &bad, b"why").unwrap();
    assert!(connection.must_close());
    assert!(matches!(connection.receive(b"GET / HTTP/1.1\r\n").unwrap(), (16, Event::Closed)));
}

// ---- what is sent -------------------------------------------------------------------------------

#[test]
fn a_small_response_has_type_length_and_date() {
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
    let none = HeaderMap::new();
    let head =
        OutgoingResponse { content_type: Some(&content_type), date: Some(&date), ..plain(&none) };
    let (out, _) = exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", &head, Length::Known(2));
    assert_eq!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\
         date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nok"
    );
}

#[test]
fn ones_own_fields_stand_in_for_the_automatic_ones() {
    let date = HeaderValue::from_static("now");
    let headers = HeaderMap::from_iter(
        [("date", "then"), ("content-type", "a/b"), ("content-length", "2"), ("x", "y")]
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))),
    );
    let head = OutgoingResponse { content_type: Some(&date), date: Some(&date), ..plain(&headers) };
    let (out, _) = exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", &head, Length::Unknown);
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    let expected = [
        "",
        "HTTP/1.1 200 OK",
        "content-length: 2",
        "content-type: a/b",
        "date: then",
        "ok",
        "x: y",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_body_of_unknown_length_is_chunked_or_under_http_1_0_ends_the_connection() {
    let none = HeaderMap::new();
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let (out, lives) = exchange(request, &plain(&none), Length::Unknown);
    assert!(lives);
    assert_eq!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let old = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let (out, lives) = exchange(old, &plain(&none), Length::Unknown);
    assert!(!lives);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok");
}

#[test]
fn head_204_and_304_have_no_body() {
    let none = HeaderMap::new();
    let request = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
    let (out, lives) = exchange(request, &plain(&none), Length::Known(2));
    assert_eq!((&out[..], lives), ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", true));
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let head = OutgoingResponse { status, ..plain(&none) };
        for length in [Length::Known(2), Length::Unknown] {
            let (out, lives) = exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", &head, length);
            assert_eq!((out, lives), (format!("HTTP/1.1 {status}\r\n\r\n"), true));
        }
    }
}

#[test]
fn a_connection_can_change_its_protocol_once_the_request_is_over() {
    let mut connection = ServerConnection::new(&Shared::default());
    let mut out = Vec::new();
    let input = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\nframes";
    let (used, event) = connection.receive(input).unwrap();
    assert!(matches!(event, Event::Head(head) if head.wants_upgrade()));
    let status = StatusCode::SWITCHING_PROTOCOLS;
    let ws = HeaderMap::from_iter([("upgrade".parse().unwrap(), HeaderValue::from_static("ws"))]);
    connection.send_switch(&mut out, status, &ws).unwrap_err();
    connection.receive(&input[used..]).unwrap();
    connection.send_switch(&mut out, status, &ws).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: ws\r\nconnection: upgrade\r\n\r\n"
    );
    assert!(matches!(connection.receive(&input[used..]).unwrap(), (0, Event::Switched)));
}

// ---- the client's side ---------------------------------------------------------------------------

/// What a client that sent GET hears.
fn client(input: &[u8]) -> Vec<Said> {
    responses_are_the_same_however_they_are_cut(input);
    client_hears(&Method::GET, &[input], &Limits::default())
}

#[test]
fn a_response_ends_where_length_chunks_or_the_connection_say() {
    assert!(
        matches!(&client(OK_RESPONSE)[..], [Said::Head(_), Said::Data(it), Said::End, ..] if it == b"ok")
    );
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert!(
        matches!(&client(chunked)[..], [Said::Head(_), Said::Data(it), Said::End, ..] if it == b"ok")
    );
    let open = b"HTTP/1.1 200\r\n\r\nall of this";
    assert!(
        matches!(&client(open)[..], [Said::Head(_), Said::Data(it), Said::End, Said::Closed] if it == b"all of this")
    );
    let both =
        b"HTTP/1.1 200 OK\nContent-Length: 9\nTransfer-Encoding: chunked\n\n2\r\nok\r\n0\r\n\r\n";
    assert!(
        matches!(&client(both)[..], [Said::Head(_), Said::Data(it), Said::End, Said::Closed] if it == b"ok"),
        "the coding wins, and the connection ends"
    );
    let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok";
    assert!(client(twice).contains(&data(b"ok")));
}

#[test]
fn a_response_cut_short_or_malformed_is_an_error() {
    for bad in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x15\x03\x01",
        b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        b"HTTP/1.1 200 O",
        b"",
    ] {
        let said = client(bad);
        let last = said.last().cloned();
        assert!(
            matches!(&last, Some(Said::They(error)) if error.status() == StatusCode::BAD_GATEWAY),
            "{:?}: {said:?}",
            String::from_utf8_lossy(bad)
        );
    }
}

#[test]
fn informational_responses_come_before_the_final_one_and_not_without_end() {
    let input = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n";
    assert!(matches!(&client(input)[..], [Said::Informational(_), Said::Head(_), Said::End, ..]));
    let many = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(33);
    assert!(
        matches!(client(&many).last(), Some(Said::They(error)) if error.what().contains("too many"))
    );
}

#[test]
fn bytes_that_nobody_asked_for_make_a_connection_useless() {
    let mut connection = ClientConnection::new(&Shared::default());
    assert!(connection.is_reusable());
    let error = connection.receive(OK_RESPONSE).unwrap_err();
    assert!(error.what().contains("nobody asked"), "{error}");
    assert!(!connection.is_reusable());
}

#[test]
fn a_connection_is_reusable_only_if_both_sides_are_done_and_agree() {
    let head = OutgoingRequest {
        method: &Method::POST,
        target: "/",
        host: "h",
        headers: &HeaderMap::new(),
    };
    for (response, reusable) in [
        ("HTTP/1.1 204 x\r\n\r\n", true),
        ("HTTP/1.1 204 x\r\nConnection: close\r\n\r\n", false),
        ("HTTP/1.0 204 x\r\n\r\n", false),
        ("HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n", true),
        ("HTTP/1.1 200 x\r\n\r\n", false),
    ] {
        let mut connection = ClientConnection::new(&Shared::default());
        connection.request(&mut Vec::new(), &head, b"").unwrap();
        connection.receive(response.as_bytes()).unwrap();
        connection.receive(b"").unwrap();
        assert_eq!(connection.is_reusable(), reusable, "{response:?}");
    }
    let mut early = ClientConnection::new(&Shared::default());
    early.send_request(&mut Vec::new(), &head, Length::Known(2)).unwrap();
    early.receive(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
    early.receive(b"").unwrap();
    assert!(!early.is_reusable(), "the request is not all sent");
    early.send_data(&mut Vec::new(), b"ab").unwrap();
    early.end_of_message(&mut Vec::new()).unwrap();
    assert!(early.is_reusable());
}

#[test]
fn nothing_can_be_smuggled_into_a_request_that_is_sent() {
    let mut connection = ClientConnection::new(&Shared::default());
    let mut out = Vec::new();
    let none = HeaderMap::new();
    for (target, host) in [
        ("/a b", "h"),
        ("/\r\nX: y", "h"),
        ("", "h"),
        ("/\u{e9}", "h"),
        ("/", "h\r\nX: y"),
        ("/", "a/b"),
    ] {
        let head = OutgoingRequest { method: &Method::GET, target, host, headers: &none };
        let error = connection.request(&mut out, &head, b"").unwrap_err();
        assert!(!error.is_theirs(), "{target:?} {host:?}");
    }
    assert!(out.is_empty() && connection.is_reusable());
}

#[test]
fn a_request_announces_its_body() {
    let sent = |method: &Method, length: Length| {
        let head = OutgoingRequest { method, target: "/", host: "h", headers: &HeaderMap::new() };
        let mut out = Vec::new();
        ClientConnection::new(&Shared::default()).send_request(&mut out, &head, length).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(sent(&Method::GET, Length::Known(0)), "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    assert!(sent(&Method::POST, Length::Known(0)).contains("content-length: 0\r\n"));
    assert!(sent(&Method::PUT, Length::Known(12345)).contains("content-length: 12345\r\n"));
    assert!(sent(&Method::GET, Length::Unknown).contains("transfer-encoding: chunked\r\n"));
}

// ---- any input at all ------------------------------------------------------------------------------

/// Text that is nearly HTTP: well-formed pieces, and pieces that are almost so.
fn nearly_http(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => proptest::sample::select(pieces).prop_map(|it| it.as_bytes().to_vec()),
        1 => collection::vec(any::<u8>(), 0..4),
    ];
    collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const REQUEST_PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "GET /a#b HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "HEAD / HTTP/1.0\r\n",
    "CONNECT h:1 HTTP/1.1\r\n",
    "Host: h\r\n",
    "Host: h\r\n\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "X: y\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    ":",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "1;x=y\r\nz\r\n",
    "0\r\nT: r\r\n\r\n",
];

/// A plain head with some bytes of it changed.
fn nearly_plain() -> impl Strategy<Value = Vec<u8>> {
    let target = prop_oneof![9 => "/[!\"$-~]{0,40}(\\?[!\"$-~]{0,20})?", 1 => "/[!-~]{0,20}"];
    let field = prop_oneof![
        9 => "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}:[ \t]{0,2}[ -~]{0,60}\r\n",
        1 => "[!-9;-~]{1,12}:[ \t]{0,2}[ -~]{0,60}\r\n",
        1 => "(Host|host|HOST):[ \t]{0,2}[a-z0-9.:\\[\\]]{0,12}[ \t]{0,2}\r\n",
        2 => "(Content-Length|Expect|Connection|Transfer-Encoding):(100-continue|chunked|close|[0-9]{1,3})\r\n",
    ];
    let method = proptest::sample::select(
        &["GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "CONNECT", "get", "X"][..],
    );
    let line = (method, target, 0..3u8).prop_map(|(method, target, minor)| {
        format!("{method} {target} HTTP/1.{minor}\r\nHost: h\r\n")
    });
    let fields = proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3);
    (line, fields, changes).prop_map(|(line, fields, changes)| {
        let mut head = format!("{line}{fields}\r\n").into_bytes();
        for (at, byte) in changes {
            let at = at.index(head.len());
            head[at] = byte;
        }
        head
    })
}

/// So few that the same fields come again, after another line, cut short, or nearly the same.
fn one_of_few_heads() -> impl Strategy<Value = Vec<u8>> {
    let lines = proptest::sample::select(
        &["GET / HTTP/1.1", "GET / HTTP/1.0", "POST /a?b HTTP/1.1", "BREW http://h/c HTTP/1.1"][..],
    );
    let fields = proptest::sample::subsequence(
        &["Host: h\r\n", "Connection: close\r\n", "Content-Length: 3\r\n", "X: long enough\r\n"][..],
        0..=4,
    );
    let change = proptest::option::weighted(0.2, (any::<proptest::sample::Index>(), any::<u8>()));
    let rest = proptest::sample::select(&["\r\n", "\r\n", "\r\nHost: h\r\n\r\n", "", "\r"][..]);
    (lines, fields, change, rest).prop_map(|(line, fields, change, rest)| {
        let mut head = format!("{line}\r\n{}{rest}", fields.concat()).into_bytes();
        if let Some((at, byte)) = change {
            let at = at.index(head.len());
            head[at] = byte;
        }
        head
    })
}

const CHUNK_PIECES: &[&str] = &[
    "3\r\nabc\r\n",
    "1",
    "0",
    "x\r\n",
    "0\r\n\r\n",
    "\r\nx\r\n0",
    "\r\n\r\n",
    "\r\n",
    ";a",
    ";a=",
    ";a=\"b\\\"c\"",
    "=b",
    "\"",
    "\\",
    " ",
    "\t",
    "a: b\r\n",
    "content-length: 1\r\n",
    "\r",
    "\n",
    "\u{e9}",
];

const EXTENSION_PIECES: &[&str] =
    &[";", ";a", "a", "=", "=b", "\"", "\"b\"", "\\\"", " ", "\t", "\u{e9}", ";a=\"", "\\\\"];

const RESPONSE_PIECES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 404 Not Found\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching\r\n\r\n",
    "HTTP/1.1 204\r\n\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\n",
    "X: y\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "1;x=y\r\nz\r\n",
];

proptest! {
    #[test]
    fn any_cut_of_requests_gives_the_same_events(input in nearly_http(REQUEST_PIECES)) {
        requests_are_the_same_however_they_are_cut(&input);
    }

    #[test]
    fn a_plain_head_is_read_as_httparse_has_it_read(input in nearly_plain()) {
        plain_heads_are_read_as_all_are(&input);
    }

    #[test]
    fn a_head_is_read_the_same_after_any_others(heads in collection::vec(one_of_few_heads(), 1..9)) {
        heads_are_read_the_same_after_others(heads.iter().map(|head| &head[..]));
    }

    #[test]
    fn any_cut_of_responses_gives_the_same_events(input in nearly_http(RESPONSE_PIECES)) {
        responses_are_the_same_however_they_are_cut(&input);
    }

    #[test]
    fn any_cut_of_chunks_gives_the_same_body(input in nearly_http(REQUEST_PIECES)) {
        chunked_is_the_same_however_it_is_cut(&input);
    }

    #[test]
    fn any_request_is_read_as_the_slow_reader_reads_it(input in nearly_http(REQUEST_PIECES)) {
        reference::heads_are_read_as_the_reference_reads_them(&input);
    }

    #[test]
    fn any_chunks_are_read_as_the_slow_reader_reads_them(
        input in nearly_http(CHUNK_PIECES),
        extension in collection::vec(proptest::sample::select(EXTENSION_PIECES), 0..6),
    ) {
        let extended = format!("1{}\r\nx\r\n0\r\n\r\n", extension.concat()).into_bytes();
        for input in [input, extended] {
            reference::chunks_are_read_as_the_reference_reads_them(&input);
            chunked_is_the_same_however_it_is_cut(&input);
        }
    }

    #[test]
    fn any_request_of_the_grammar_is_heard_as_it_was_meant(choices in collection::vec(any::<u8>(), 0..300)) {
        grammar::requests_of_the_grammar_are_heard(&choices);
    }

    #[test]
    fn any_request_broken_in_one_place_is_refused(choices in collection::vec(any::<u8>(), 0..300)) {
        grammar::requests_broken_in_one_place_are_refused(&choices);
    }

    #[test]
    fn client_and_server_agree_over_wires_that_cut_and_break(choices in collection::vec(any::<u8>(), 0..400)) {
        dialogue::client_and_server_understand_each_other_over_wires(&choices);
    }

    #[test]
    fn chunks_of_any_size_round_trip(body in any::<Vec<u8>>(), size in 1..40usize) {
        chunked_round_trips(&body, size);
    }

    #[test]
    fn any_text_is_decoded_safely(input in any::<Vec<u8>>()) {
        urls_and_queries_are_decoded_safely(&input);
    }

    #[test]
    fn any_url_that_parses_prints_as_itself(text in "http://[a-z.\\[\\]:0-9]{1,9}(/[ -~]{0,9})?(\\?[ -~]{0,9})?") {
        urls_and_queries_are_decoded_safely(text.as_bytes());
    }

    #[test]
    fn client_and_server_agree_on_any_exchange(
        method in proptest::sample::select(&[Method::GET, Method::HEAD, Method::POST, Method::PUT][..]),
        status in proptest::sample::select(&[200u16, 201, 204, 304, 404, 500][..]),
        request in proptest::collection::vec(any::<u8>(), 0..100),
        response in proptest::collection::vec(any::<u8>(), 0..100),
        known in any::<bool>(),
        step in 1..80usize,
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        client_and_server_understand_each_other(&method, status, (&request, &response), known, step);
    }
}
