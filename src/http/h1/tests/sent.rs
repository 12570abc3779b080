//! What is sent, and what is not: clauses that `tests.rs` does not have.

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
    HeaderMap::from_iter(pairs)
}

/// Sends a request; gives its bytes, or why it was refused.
fn request(
    method: &Method,
    target: &str,
    fields: &[(&'static str, &'static str)],
    length: Length,
) -> Result<String, String> {
    let headers = headers(fields);
    let head = OutgoingRequest { method, target, host: "h", headers: &headers };
    let mut out = Vec::new();
    let mut connection = ClientConnection::new(&Shared::default());
    let sent = connection.send_request(&mut out, &head, length);
    assert_eq!(sent.is_err(), out.is_empty(), "what is refused leaves no trace");
    assert_eq!(sent.is_err(), connection.is_reusable());
    sent.map(|()| String::from_utf8(out).unwrap()).map_err(|it| it.what().to_owned())
}

/// Answers `GET /` with this status and these fields; gives the head, or why it was refused.
fn response(
    status: u16,
    fields: &[(&'static str, &'static str)],
    length: Length,
) -> Result<String, String> {
    let headers = headers(fields);
    let status = StatusCode::from_u16(status).unwrap();
    let head = OutgoingResponse { status, content_type: None, headers: &headers, date: None };
    let mut connection = ServerConnection::new(&Shared::default());
    connection.receive(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut out = Vec::new();
    let sent = connection.send_response(&mut out, &head, length);
    assert_eq!(sent.is_err(), out.is_empty(), "what is refused leaves no trace");
    sent.map(|()| String::from_utf8(out).unwrap()).map_err(|it| it.what().to_owned())
}

const NOTHING: Length = Length::Known(0);

#[test]
fn a_target_is_sent_in_the_form_that_goes_with_its_method() {
    for (method, target) in [
        (Method::GET, "/"),
        (Method::GET, "/a?b=c"),
        (Method::GET, "http://h:80/a?b"),
        (Method::OPTIONS, "*"),
        (Method::CONNECT, "h:443"),
        (Method::CONNECT, "[::1]:443"),
    ] {
        assert!(request(&method, target, &[], NOTHING).is_ok(), "{method} {target}");
    }
    for (method, target) in [
        (Method::GET, "*"),
        (Method::GET, "a"),
        (Method::GET, "?a"),
        (Method::GET, "h:443"),
        (Method::GET, "/a#b"),
        (Method::GET, "http://u:p@h/"),
        (Method::GET, "http:///a"),
        (Method::CONNECT, "/"),
        (Method::CONNECT, "h"),
        (Method::CONNECT, "http://h:443/"),
        (Method::OPTIONS, "**"),
    ] {
        let what = request(&method, target, &[], NOTHING).unwrap_err();
        assert!(what.contains("request target"), "{method} {target}: {what}");
    }
}

#[test]
fn a_request_has_one_valid_host_which_comes_first() {
    let sent = request(&Method::GET, "/", &[("accept", "*/*")], NOTHING).unwrap();
    assert!(sent.starts_with("GET / HTTP/1.1\r\nhost: h\r\naccept"), "{sent}");
    let absolute = request(&Method::GET, "http://other/", &[], NOTHING).unwrap();
    assert_eq!(absolute.matches("host: ").count(), 1);
    let own = request(&Method::GET, "/", &[("host", "mine:81")], NOTHING).unwrap();
    assert!(own.contains("host: mine:81\r\n") && !own.contains("host: h\r\n"));
    let none = request(&Method::GET, "/", &[("host", "")], NOTHING).unwrap();
    assert!(none.contains("\r\nhost: \r\n"), "a target without an authority");
    for bad in ["a b", "a/b", "u@h", "h:x", "[::1"] {
        assert!(request(&Method::GET, "/", &[("host", bad)], NOTHING).is_err(), "{bad:?}");
    }
    let mut two = headers(&[("host", "a")]);
    two.append("host", HeaderValue::from_static("a"));
    let head = OutgoingRequest { method: &Method::GET, target: "/", host: "h", headers: &two };
    ClientConnection::new(&Shared::default()).request(&mut Vec::new(), &head, b"").unwrap_err();
}

#[test]
fn nothing_precedes_a_request_and_nothing_follows_it() {
    let head =
        OutgoingRequest { method: &Method::POST, target: "/", host: "h", headers: &headers(&[]) };
    let mut out = Vec::new();
    ClientConnection::new(&Shared::default()).request(&mut out, &head, b"body").unwrap();
    assert_eq!(out, b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
}

#[test]
fn a_request_that_is_framed_twice_or_wrongly_is_not_sent() {
    for fields in [
        &[("content-length", "3"), ("transfer-encoding", "chunked")][..],
        &[("transfer-encoding", "gzip")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked, chunked")],
        &[("content-length", "4")],
        &[("content-length", "3, 3")],
        &[("content-length", "+3")],
        &[("content-length", "")],
    ] {
        request(&Method::POST, "/", fields, Length::Known(3)).unwrap_err();
    }
}

#[test]
fn what_concerns_this_connection_alone_is_named_in_connection() {
    let sent =
        request(&Method::GET, "/", &[("upgrade", "x"), ("te", "trailers")], NOTHING).unwrap();
    assert!(sent.contains("connection: upgrade\r\n") && sent.contains("connection: te\r\n"));
    let named = &[("upgrade", "x"), ("connection", "close, Upgrade")];
    assert_eq!(
        request(&Method::GET, "/", named, NOTHING).unwrap().matches("connection").count(),
        1
    );
    let offers = response(426, &[("upgrade", "x")], NOTHING).unwrap();
    assert!(offers.contains("\r\nconnection: upgrade\r\n"), "{offers}");
    let named = response(200, &[("upgrade", "x"), ("connection", "Upgrade")], NOTHING).unwrap();
    assert_eq!(named.matches("connection").count(), 1, "{named}");
}

#[test]
fn what_the_answer_to_a_trace_would_show_is_not_sent() {
    for name in ["authorization", "cookie"] {
        assert!(request(&Method::GET, "/", &[(name, "x")], NOTHING).is_ok());
        assert!(request(&Method::TRACE, "/", &[(name, "x")], NOTHING).is_err(), "{name}");
    }
}

#[test]
fn no_status_above_599_is_sent() {
    for (status, sent) in [(599, true), (600, false), (999, false)] {
        assert_eq!(response(status, &[], NOTHING).is_ok(), sent, "{status}");
    }
}

#[test]
fn a_server_that_answers_as_http_1_0_is_sent_no_chunks() {
    let headers = HeaderMap::new();
    let head = OutgoingRequest { method: &Method::PUT, target: "/", host: "h", headers: &headers };
    for (version, takes) in [("1.0", false), ("1.1", true)] {
        let mut connection = ClientConnection::new(&Shared::default());
        connection.request(&mut Vec::new(), &head, b"").unwrap();
        let answer =
            format!("HTTP/{version} 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
        connection.receive(answer.as_bytes()).unwrap();
        connection.receive(b"").unwrap();
        let mut out = Vec::new();
        let sent = connection.send_request(&mut out, &head, Length::Unknown);
        assert_eq!((sent.is_ok(), out.is_empty()), (takes, !takes), "{version}");
        if !takes {
            connection.send_request(&mut out, &head, Length::Known(1)).unwrap();
        }
    }
}

#[test]
fn content_is_sent_only_where_it_may_be() {
    assert!(request(&Method::TRACE, "/", &[], Length::Known(1)).is_err());
    assert!(request(&Method::TRACE, "/", &[], Length::Unknown).is_err());
    assert!(request(&Method::TRACE, "/", &[], NOTHING).is_ok());
    let typed = &[("content-type", "text/plain")];
    assert!(request(&Method::OPTIONS, "*", &[], NOTHING).is_ok());
    assert!(request(&Method::OPTIONS, "*", &[], Length::Known(1)).is_err());
    assert!(request(&Method::OPTIONS, "*", typed, Length::Known(1)).is_ok());
    let expect = &[("expect", "100-continue")];
    assert!(request(&Method::PUT, "/", expect, NOTHING).unwrap_err().contains("Expect"));
    assert!(request(&Method::PUT, "/", expect, Length::Known(1)).is_ok());
}

#[test]
fn no_request_follows_one_that_says_close() {
    let headers = headers(&[("connection", "x, Close")]);
    let head = OutgoingRequest { method: &Method::GET, target: "/", host: "h", headers: &headers };
    let mut connection = ClientConnection::new(&Shared::default());
    connection.request(&mut Vec::new(), &head, b"").unwrap();
    connection.receive(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
    connection.receive(b"").unwrap();
    assert!(!connection.is_reusable());
    connection.request(&mut Vec::new(), &head, b"").unwrap_err();
}

#[test]
fn a_status_line_ends_in_a_blank_even_without_a_phrase() {
    assert!(response(299, &[], NOTHING).unwrap().starts_with("HTTP/1.1 299 \r\n"));
    assert!(response(404, &[], NOTHING).unwrap().starts_with("HTTP/1.1 404 Not Found\r\n"));
}

#[test]
fn a_response_without_content_is_not_framed_as_if_it_had_some() {
    for fields in [&[("transfer-encoding", "chunked")][..], &[("content-length", "0")]] {
        assert!(response(204, fields, NOTHING).is_err(), "{fields:?}");
    }
    assert!(response(205, &[], NOTHING).unwrap().contains("content-length: 0\r\n"));
    assert!(response(205, &[("content-length", "0")], NOTHING).is_ok());
    assert!(response(205, &[], Length::Known(1)).is_err());
    assert!(response(205, &[], Length::Unknown).is_err());
    assert!(response(205, &[("transfer-encoding", "chunked")], NOTHING).is_err());
    let not_modified = response(304, &[("content-length", "7")], NOTHING).unwrap();
    assert!(not_modified.contains("content-length: 7\r\n"), "what a 200 would have had");
}

#[test]
fn a_response_that_is_framed_twice_or_wrongly_is_not_sent() {
    for fields in [
        &[("content-length", "3"), ("transfer-encoding", "chunked")][..],
        &[("transfer-encoding", "gzip")],
        &[("transfer-encoding", "chunked, gzip")],
        &[("content-length", "4")],
        &[("content-length", "three")],
    ] {
        response(200, fields, Length::Known(3)).unwrap_err();
    }
}

#[test]
fn no_fold_cr_lf_or_nul_can_stand_in_what_is_sent() {
    for bad in ["a\r\n b", "a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x7fb"] {
        HeaderValue::from_str(bad).unwrap_err();
    }
    for bad in ["a b", "a:", "a\r", "", "\u{e9}"] {
        http::HeaderName::from_bytes(bad.as_bytes()).unwrap_err();
        Method::from_bytes(bad.as_bytes()).unwrap_err();
    }
}

#[test]
fn only_what_was_asked_for_is_switched_to_and_says_its_name() {
    let switch = |request: &[u8], status: u16, fields: &[(&'static str, &'static str)]| {
        let mut connection = ServerConnection::new(&Shared::default());
        let (used, _) = connection.receive(request).unwrap();
        connection.receive(&request[used..]).unwrap();
        let mut out = Vec::new();
        let status = StatusCode::from_u16(status).unwrap();
        let sent = connection.send_switch(&mut out, status, &headers(fields));
        sent.map(|()| String::from_utf8(out).unwrap())
    };
    let asks = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let plain = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let tunnel = b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let x = &[("upgrade", "x")][..];
    assert!(switch(asks, 101, x).unwrap().contains("connection: upgrade\r\n"));
    let named = &[("upgrade", "x"), ("connection", "Upgrade")];
    assert_eq!(switch(asks, 101, named).unwrap().matches("connection").count(), 1);
    for (request, status, fields) in [
        (&plain[..], 101, x),
        (asks, 101, &[]),
        (asks, 200, x),
        (asks, 102, x),
        (asks, 101, &[("upgrade", "y")]),
        (asks, 101, &[("upgrade", "x, y")]),
        (tunnel, 101, x),
        (tunnel, 404, &[]),
        (tunnel, 200, &[("content-length", "0")]),
        (tunnel, 200, &[("transfer-encoding", "chunked")]),
    ] {
        assert!(switch(request, status, fields).is_err(), "{status} {fields:?}");
    }
    assert_eq!(switch(tunnel, 200, &[]).unwrap(), "HTTP/1.1 200 OK\r\n\r\n");
    let list =
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x/1,\r\nUpgrade: Y\r\n\r\n";
    switch(list, 101, &[("upgrade", "y")]).unwrap();
    switch(list, 101, &[("upgrade", "X/1, y")]).unwrap();
    switch(list, 101, x).unwrap_err();
}

#[test]
fn http_1_0_is_not_told_to_continue() {
    let mut connection = ServerConnection::new(&Shared::default());
    let input = b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    connection.receive(input).unwrap();
    let mut out = Vec::new();
    assert!(!connection.send_continue(&mut out) && out.is_empty());
}

#[test]
fn a_response_goes_out_as_http_1_1_whatever_the_request_was() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let request = format!("GET / {version}\r\nHost: h\r\n\r\n");
        let (out, _) = exchange(request.as_bytes(), &plain(&HeaderMap::new()), Length::Known(2));
        assert!(out.starts_with("HTTP/1.1 200 OK\r\n"), "{out}");
    }
}

#[test]
fn who_waits_to_send_is_told_to_before_the_protocol_changes() {
    let mut connection = ServerConnection::new(&Shared::default());
    let mut out = Vec::new();
    let input = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\
                  Connection: upgrade\r\nUpgrade: x\r\n\r\n";
    connection.receive(input).unwrap();
    let (status, fields) = (StatusCode::SWITCHING_PROTOCOLS, headers(&[("upgrade", "x")]));
    connection.send_switch(&mut out, status, &fields).unwrap_err();
    assert!(connection.send_continue(&mut out));
    connection.send_switch(&mut out, status, &fields).unwrap_err();
    connection.receive(b"ab").unwrap();
    connection.receive(b"").unwrap();
    connection.send_switch(&mut out, status, &fields).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 "), "{out}");
}
