//! What is heard: clauses that `tests.rs` does not have.

use super::*;

/// What a client that sent `method` hears.
fn client_of(method: &Method, input: &[u8]) -> Vec<Said> {
    responses_are_the_same_however_they_are_cut(input);
    client_hears(method, &[input], &Limits::default())
}

fn heads(said: &[Said]) -> Vec<&str> {
    said.iter()
        .filter_map(|it| match it {
            Said::Head(head) => Some(&head[..]),
            _ => None,
        })
        .collect()
}

// ---- the server's side --------------------------------------------------------------------------

#[test]
fn an_expectation_is_known_in_any_case_and_among_empty_items() {
    let awaits = |fields: &str| {
        let input = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n{fields}\r\n");
        head_of(input.as_bytes()).expects_continue()
    };
    for value in ["100-continue", "100-Continue", "100-continue,", ", 100-continue ,,"] {
        assert!(awaits(&format!("Expect: {value}\r\n")), "{value}");
    }
    assert!(awaits("Expect: 100-continue\r\nExpect: 100-continue\r\n"));
    assert!(!awaits("Expect:\r\n") && !awaits("Expect: ,\r\n"));
    for value in ["100-continue, x", "x", "100-continue;q=1", "100-continue=1"] {
        let input = format!("PUT / HTTP/1.1\r\nHost: h\r\nExpect: {value}\r\n\r\n");
        assert_eq!(refused(input.as_bytes()).0, 417, "{value}");
    }
}

#[test]
fn bytes_beyond_ascii_are_octets_in_a_value_and_refused_in_a_name_or_target() {
    // A lead byte of UTF-8 must not swallow the CR LF behind it.
    let input = b"GET / HTTP/1.1\r\nHost: h\r\nA: \xe2\r\nB: \xff\x80\r\n\r\n";
    let head = head_of(input);
    assert_eq!(head.fields().get("a"), Some(&b"\xe2"[..]));
    assert_eq!(head.fields().get("b"), Some(&b"\xff\x80"[..]));
    for bad in
        [&b"GET /\xe2 HTTP/1.1\r\nHost: h\r\n\r\n"[..], b"GET / HTTP/1.1\r\nA\xe2: b\r\n\r\n"]
    {
        assert_eq!(refused(bad).0, 400);
    }
}

#[test]
fn names_and_values_hold_what_the_grammar_has() {
    let name = "!#$%&'*+-.^_`|~09azAZ";
    let value: Vec<u8> =
        (0x21..=0x7e).chain([b' ', b'\t']).chain(0x80..=0xff).chain([b'x']).collect();
    let input =
        [format!("GET / HTTP/1.1\r\nHost: h\r\n{name}: ").as_bytes(), &value, b"\r\n\r\n"].concat();
    accepted(&input);
    assert_eq!(head_of(&input).fields().get(name), Some(&value[..]));
    for byte in (0..0x20).chain([0x7f]).filter(|it| *it != b'\t') {
        let input = [b"GET / HTTP/1.1\r\nHost: h\r\nA: b", &[byte][..], b"c\r\n\r\n"].concat();
        assert_eq!(refused(&input).0, 400, "{byte:#x} in a value");
    }
    for byte in
        (0..=0xff_u8).filter(|it| !name.as_bytes().contains(it) && !it.is_ascii_alphanumeric())
    {
        if byte != b':' {
            let input = [b"GET / HTTP/1.1\r\nHost: h\r\nA", &[byte][..], b"B: c\r\n\r\n"].concat();
            assert_eq!(refused(&input).0, 400, "{byte:#x} in a name");
        }
    }
}

#[test]
fn a_method_is_told_apart_by_its_case() {
    assert_eq!(head_of(b"get / HTTP/1.1\r\nHost: h\r\n\r\n").method().as_str(), "get");
    assert_ne!(*head_of(b"Get / HTTP/1.1\r\nHost: h\r\n\r\n").method(), Method::GET);
}

#[test]
fn a_method_longer_than_any_is_501_whether_its_line_ends_or_not() {
    for end in ["", " / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let (status, what) = refused(format!("{}{end}", "A".repeat(9000)).as_bytes());
        assert_eq!(status, 501);
        assert!(what.contains("method exceeds 8192 bytes"), "{what}");
    }
}

#[test]
fn http_1_0_cannot_ask_for_another_protocol() {
    let fields = "Host: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    assert!(head_of(format!("GET / HTTP/1.1\r\n{fields}").as_bytes()).wants_upgrade());
    assert!(!head_of(format!("GET / HTTP/1.0\r\n{fields}").as_bytes()).wants_upgrade());
    assert!(!head_of(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n\r\n").wants_upgrade());
}

#[test]
fn framing_does_not_depend_on_the_method() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PROP"] {
        let input = format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
        assert!(accepted(input.as_bytes()).contains(&data(b"abc")), "{method}");
    }
    let said = accepted(b"POST / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(heads(&said).len(), 2, "without a length there is no body");
}

#[test]
fn trailer_fields_do_not_become_header_fields() {
    let input = post(
        "Transfer-Encoding: chunked\r\nTrailer: Host\r\n",
        "0\r\nHost: evil\r\nConnection: close\r\nExpect: x\r\n\r\n\
         GET /next HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    let said = accepted(&input);
    assert!(!format!("{said:?}").contains("evil"));
    assert_eq!(heads(&said).len(), 2, "the close of a trailer does not count: {said:?}");
    let framing = "0\r\nContent-Length: 33\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    let (status, what) = refused(&post("Transfer-Encoding: chunked\r\n", framing));
    assert!(status == 400 && what.contains("how the message is framed"), "{what}");
}

#[test]
fn transfer_codings_are_known_in_any_case_and_their_parameters_refused() {
    for coding in ["CHUNKED", "ChUnKeD"] {
        accepted(&post(&format!("TRANSFER-encoding: {coding}\r\n"), "0\r\n\r\n"));
    }
    for coding in ["chunked;a=b", "chunked; q=0.5", "chunked;"] {
        assert_eq!(refused(&post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n")).0, 400);
    }
}

#[test]
fn every_refusal_says_what_was_wrong_in_a_sentence() {
    for input in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"GET / HTTP/3.0\r\nHost: h\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n",
    ] {
        let (_, what) = refused(input);
        assert!(what.split(' ').count() >= 5, "{what}");
    }
}

// ---- the client's side --------------------------------------------------------------------------

#[test]
fn a_folded_line_of_a_response_is_read_as_one() {
    for fold in ["\r\n ", "\r\n\t", " \r\n   ", "\n ", "\r\n \r\n "] {
        let input = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b{fold}c\r\n\r\n");
        let said = client_of(&Method::GET, input.as_bytes());
        let [Said::Head(head), Said::End, ..] = &said[..] else { panic!("{fold:?}: {said:?}") };
        let value = head.split("\"A\": \"").nth(1).expect("the field");
        let words: Vec<_> = value.trim_end_matches("\"}").split_ascii_whitespace().collect();
        assert_eq!(words, ["b", "c"], "{fold:?}");
    }
    let late = b"HTTP/1.1 200 OK\r\nA:\r\n b\r\nContent-Length:\r\n 2\r\n\r\nok";
    let said = client_of(&Method::GET, late);
    assert!(heads(&said)[0].contains("\"A\": \"b\""), "{said:?}");
    assert!(said.contains(&data(b"ok")) && said.contains(&Said::End));
}

#[test]
fn a_bare_cr_or_nul_in_a_response_is_refused() {
    for bad in [
        &b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        b"HTTP/1.1 200 OK\rA: b\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\r: b\r\n\r\n",
    ] {
        let said = client_of(&Method::GET, bad);
        assert!(
            matches!(said[..], [Said::They(_)]),
            "{:?}: {said:?}",
            String::from_utf8_lossy(bad)
        );
    }
}

#[test]
fn a_response_that_cannot_have_a_body_ends_with_its_head() {
    let next = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (method, status) in
        [(Method::HEAD, 200), (Method::HEAD, 404), (Method::GET, 204), (Method::GET, 304)]
    {
        for field in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
            let input = format!("HTTP/1.1 {status} x\r\n{field}\r\n{next}");
            let said = client_of(&method, input.as_bytes());
            assert!(matches!(&said[..], [Said::Head(_), Said::End, Said::Head(_), ..]), "{said:?}");
        }
    }
}

#[test]
fn the_length_of_a_tunnels_response_is_ignored() {
    for field in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let input = format!("HTTP/1.1 200 OK\r\n{field}\r\ntunnel");
        let said = client_of(&Method::CONNECT, input.as_bytes());
        assert!(matches!(&said[..], [Said::Head(_), Said::Switched]), "{said:?}");
    }
    let refused = b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    assert!(client_of(&Method::CONNECT, refused).contains(&data(b"no")), "no tunnel, a body");
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_refused() {
    let input = b"HTTP/1.1 101 Switching\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\nbytes";
    assert!(matches!(client_of(&Method::GET, input)[..], [Said::Head(_), Said::Switched]));
    let said = client_of(&Method::HEAD, input);
    assert!(
        matches!(&said[..], [Said::They(error)] if error.what().contains("nobody asked")),
        "{said:?}"
    );
}

#[test]
fn an_informational_response_of_any_number_is_no_final_one() {
    let input = b"HTTP/1.1 199 Whatever\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 x\r\n\r\n";
    let said = client_of(&Method::GET, input);
    assert!(
        matches!(&said[..], [Said::Informational(_), Said::Head(_), Said::End, ..]),
        "{said:?}"
    );
}

#[test]
fn a_status_is_three_digits_of_any_class_and_its_phrase_anything() {
    for line in ["299 x", "599", "999 Odd \u{e9}", "600 ", "200 a  b\tc"] {
        let input = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let said = client_of(&Method::GET, input.as_bytes());
        assert!(matches!(&said[..], [Said::Head(_), Said::End, ..]), "{line:?}: {said:?}");
    }
    for line in ["2000 x", "20 x", "2x0 x", "-20 x", "", "000 x", "099 x"] {
        let input = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let said = client_of(&Method::GET, input.as_bytes());
        assert!(matches!(said[..], [Said::They(_)]), "{line:?}: {said:?}");
    }
}

#[test]
fn a_response_of_a_higher_minor_version_is_read_as_one_of_http_1_1() {
    let response = |version: &str| format!("HTTP/{version} 200\r\nContent-Length: 2\r\n\r\nok");
    let usual = client_of(&Method::GET, response("1.1").as_bytes());
    for version in ["1.2", "1.9"] {
        assert_eq!(client_of(&Method::GET, response(version).as_bytes()), usual, "{version}");
    }
    for version in ["2.0", "0.9", "1.10", "1.x", "1."] {
        let said = client_of(&Method::GET, response(version).as_bytes());
        assert!(matches!(said[..], [Said::They(_)]), "{version}: {said:?}");
    }
}

#[test]
fn a_response_whose_framing_is_faulty_is_the_connections_last() {
    let next = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let input = format!("{head}\r\n2\r\nok\r\n0\r\n\r\n{next}");
        let said = client_of(&Method::GET, input.as_bytes());
        let [Said::Head(_), Said::Data(body), Said::End, Said::Closed] = &said[..] else {
            panic!("{head:?}: {said:?}")
        };
        assert_eq!(body, b"ok");
    }
}

#[test]
fn a_response_in_a_coding_that_was_not_asked_for_is_refused() {
    for coding in ["gzip", "gzip, chunked", "identity", "chunked, chunked", "chunked, gzip"] {
        let input = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        let said = client_of(&Method::GET, input.as_bytes());
        assert!(matches!(said[..], [Said::They(_)]), "{coding:?}: {said:?}");
    }
}

#[test]
fn responses_belong_to_requests_in_order_and_what_comes_after_them_to_none() {
    let mut connection = ClientConnection::new(&Shared::default());
    let head = |method| OutgoingRequest { method, target: "/", host: "h", headers: empty() };
    connection.request(&mut Vec::new(), &head(&Method::HEAD), b"").unwrap();
    let error = connection.request(&mut Vec::new(), &head(&Method::GET), b"").unwrap_err();
    assert!(!error.is_theirs(), "one at a time, so that order needs no list");
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    let (used, event) = connection.receive(response).unwrap();
    assert!(matches!(event, Event::Head(_)));
    assert!(matches!(connection.receive(&response[used..]).unwrap(), (0, Event::EndOfMessage)));
    assert!(connection.is_reusable());
    let error = connection.receive(response).unwrap_err();
    assert!(error.what().contains("nobody asked") && !connection.is_reusable());
    connection.request(&mut Vec::new(), &head(&Method::GET), b"").unwrap_err();
}

fn empty() -> &'static HeaderMap {
    static EMPTY: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    &EMPTY
}
