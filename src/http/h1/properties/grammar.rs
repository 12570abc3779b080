//! Requests made from the grammar of RFC 9112: what is valid is heard as it was meant, and a single
//! change that makes it invalid is refused.

use http::{StatusCode, Version};

use super::super::bytes::{is_field_byte, is_token_byte};
use super::super::{Event, ServerConnection, Shared};
use super::choices::Choices;
use super::{Said, answer, cuts, requests_are_the_same_however_they_are_cut, server_hears};
use crate::http::Limits;

/// A request in its parts, as they go onto the wire.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    target: String,
    minor: u8,
    /// Name, what stands between it and the value, value, what stands after it.
    fields: Vec<[Vec<u8>; 4]>,
    body: Body,
    last: bool,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(Vec<u8>),
    /// Size lines and data; the size line of the last chunk; trailer lines.
    Chunks(Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>, Vec<Vec<u8>>),
}

/// A request as a handler would see it.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    method: String,
    target: String,
    minor: u8,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

const HOSTS: &[&str] = &["h", "", "a.b-c:80", "[::1]:8080", "127.0.0.1", "x_y~z:", "a%20b"];

impl Request {
    fn drawn(choices: &mut Choices<'_>) -> Request {
        let minor = u8::from(!choices.once_in(4));
        let method =
            choices.one(&["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "P-!"]);
        let mut request = Request {
            target: target(method, choices),
            method: method.to_owned(),
            minor,
            fields: Vec::new(),
            body: Body::None,
            last: minor == 0,
        };
        for _ in 0..choices.below(4) {
            let mut name = choices.bytes(9, is_token_byte);
            name.insert(0, b'x'); // No name that means something.
            let value = choices.bytes(9, is_field_byte);
            request.field(&name, value.trim_ascii(), choices);
        }
        request.frame(choices);
        match choices.below(6) {
            0 => request.field(b"Connection", b"x, Close", choices),
            1 => request.field(b"connection", b"keep-alive", choices),
            _ => {}
        }
        request.last = match request.value("connection") {
            Some(value) => value == b"x, Close",
            None => minor == 0,
        };
        if minor == 1 || choices.once_in(2) {
            let host = choices.one(HOSTS);
            request.field(b"HoSt", host.as_bytes(), choices);
            let at = choices.below(request.fields.len());
            let host = request.fields.pop().expect("just pushed");
            request.fields.insert(at, host);
        }
        request
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        let these = self.fields.iter().filter(|it| it[0].eq_ignore_ascii_case(name.as_bytes()));
        these.map(|it| &it[2][..]).next()
    }

    fn field(&mut self, name: &[u8], value: &[u8], choices: &mut Choices<'_>) {
        let blanks = |choices: &mut Choices<'_>| choices.one(&["", " ", "\t ", "  "]).into();
        self.fields.push([name.to_vec(), blanks(choices), value.to_vec(), blanks(choices)]);
    }

    fn frame(&mut self, choices: &mut Choices<'_>) {
        match choices.below(3) {
            0 => {}
            1 => {
                let body = choices.bytes(40, |_| true);
                let length = format!("{}{}", choices.one(&["", "0", "000"]), body.len());
                self.field(b"Content-LENGTH", length.as_bytes(), choices);
                self.body = Body::Length(body);
            }
            _ if self.minor == 0 => {}
            _ => {
                let coding = choices.one(&["chunked", "CHUNKED", ",chunked", "chunked , "]);
                self.field(b"transfer-encoding", coding.trim().as_bytes(), choices);
                let chunks = (0..choices.below(4)).map(|_| chunk(choices)).collect();
                let last = [choices.one(&["0", "000"]).as_bytes(), extension(choices)].concat();
                let trailers = choices.one(&[&[][..], &["A: b"], &["x:", "Digest:\ty z "]]);
                let trailers = trailers.iter().map(|it| it.as_bytes().to_vec()).collect();
                self.body = Body::Chunks(chunks, last, trailers);
            }
        }
    }

    fn wire(&self) -> Vec<u8> {
        let mut wire =
            format!("{} {} HTTP/1.{}\r\n", self.method, self.target, self.minor).into_bytes();
        for [name, before, value, after] in &self.fields {
            wire.extend([name, &b":"[..], before, value, after, b"\r\n"].concat());
        }
        wire.extend(b"\r\n");
        match &self.body {
            Body::None => {}
            Body::Length(body) => wire.extend(body),
            Body::Chunks(chunks, last, trailers) => {
                for (size, data) in chunks {
                    wire.extend([size, &b"\r\n"[..], data, b"\r\n"].concat());
                }
                wire.extend([&last[..], b"\r\n"].concat());
                trailers.iter().for_each(|line| wire.extend([&line[..], b"\r\n"].concat()));
                wire.extend(b"\r\n");
            }
        }
        wire
    }

    fn heard(&self) -> Heard {
        let body = match &self.body {
            Body::None => Vec::new(),
            Body::Length(body) => body.clone(),
            Body::Chunks(chunks, ..) => chunks.iter().flat_map(|(_, data)| data.clone()).collect(),
        };
        // A value's own blanks at its ends are no part of it.
        let fields = self.fields.iter().map(|[name, _, value, _]| (name.clone(), value.clone()));
        Heard {
            method: self.method.clone(),
            target: self.target.clone(),
            minor: self.minor,
            fields: fields.collect(),
            body,
        }
    }
}

fn target(method: &str, choices: &mut Choices<'_>) -> String {
    let path = |choices: &mut Choices<'_>| {
        let path = choices.bytes(9, |it| matches!(it, 0x21..=0x7e) && it != b'#');
        String::from_utf8(path).expect("ASCII")
    };
    let host = ["h", "a.b:80", "[::1]", "h:"];
    match (method, choices.below(4)) {
        ("CONNECT", _) => choices.one(&["h:443", "[::1]:1", "a.b.c:65535"]).to_owned(),
        ("OPTIONS", 0) => "*".to_owned(),
        (_, 1) => format!("http://{}/{}", choices.one(&host), path(choices)),
        (_, 2) => format!("HTTPS://{}", choices.one(&host)),
        _ => format!("/{}", path(choices)),
    }
}

fn chunk(choices: &mut Choices<'_>) -> (Vec<u8>, Vec<u8>) {
    let mut data = choices.bytes(30, |_| true);
    data.push(b'.'); // A chunk without data would be the last.
    let zeros = choices.one(&["", "0", "0000"]);
    let size = match choices.once_in(2) {
        true => format!("{zeros}{:X}", data.len()),
        false => format!("{zeros}{:x}", data.len()),
    };
    ([size.as_bytes(), extension(choices)].concat(), data)
}

fn extension(choices: &mut Choices<'_>) -> &'static [u8] {
    choices.one(&[b"", b"", b";a", b";a=b", b" ; a = \"b\\\"c;\"", b";a;b=c\t;d=\"\xff\""])
}

/// What a server hears that answers each request at its end, and why it stopped.
fn listen(pieces: &[&[u8]]) -> (Vec<Heard>, Option<super::Error>) {
    let mut connection = ServerConnection::new(&Shared::default());
    let mut heard = Vec::new();
    let mut under_way: Option<Heard> = None;
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (used, event) = match connection.receive(input) {
                Ok(received) => received,
                Err(error) => return (heard, Some(error)),
            };
            input = &input[used..];
            match event {
                Event::Head(head) => {
                    let fields = head.fields().iter();
                    under_way = Some(Heard {
                        method: head.method().to_string(),
                        target: head.target().to_owned(),
                        minor: u8::from(head.version() == Version::HTTP_11),
                        fields: fields.map(|(name, value)| (name.into(), value.into())).collect(),
                        body: Vec::new(),
                    });
                }
                Event::Data(data) => {
                    under_way.as_mut().expect("a head comes first").body.extend_from_slice(data);
                }
                Event::EndOfMessage => {
                    heard.extend(under_way.take());
                    answer(&mut connection, &mut Vec::new(), StatusCode::OK);
                }
                Event::NeedData => break,
                _ => return (heard, None),
            }
        }
    }
    (heard, None)
}

/// Requests drawn from `bytes` are heard as they were meant, however they are cut, up to the one
/// that is the connection's last.
pub fn requests_of_the_grammar_are_heard(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (mut wire, mut meant) = (Vec::new(), Vec::new());
    let mut over = false;
    for _ in 0..=choices.below(3) {
        let request = Request::drawn(&mut choices);
        wire.extend(request.wire());
        if !over {
            meant.push(request.heard());
        }
        over |= request.last;
        wire.extend(choices.one(&[&b""[..], b"", b"\r\n"]));
    }
    for pieces in cuts(&wire) {
        let (heard, error) = listen(&pieces);
        assert_eq!(error, None, "{:?}", String::from_utf8_lossy(&wire));
        assert_eq!(heard, meant, "{:?}", String::from_utf8_lossy(&wire));
    }
    super::reference::heads_are_read_as_the_reference_reads_them(&wire);
}

/// A request drawn from `bytes` with one change that makes it invalid is refused, however it is cut,
/// and its end is never heard.
pub fn requests_broken_in_one_place_are_refused(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let request = Request::drawn(&mut choices);
    let Some((what, wire)) = broken(request, &mut choices) else { return };
    requests_are_the_same_however_they_are_cut(&wire);
    let (said, _) = server_hears(&[&wire], &Limits::default());
    let refused = matches!(said.last(), Some(Said::They(_))) && !said.contains(&Said::End);
    assert!(refused, "{what}: {:?}: {said:?}", String::from_utf8_lossy(&wire));
}

/// The bytes of `request` with one thing wrong, or nothing if that cannot be wrong with it.
fn broken(mut request: Request, choices: &mut Choices<'_>) -> Option<(&'static str, Vec<u8>)> {
    let at = choices.below(request.fields.len().max(1));
    let is_last = at + 1 == request.fields.len();
    let what = choices.one(IN_THE_HEAD);
    let field = request.fields.get_mut(at);
    match what {
        "no Host" => request.fields.retain(|it| !it[0].eq_ignore_ascii_case(b"host")),
        "two Hosts" => {
            let host = || [b"host".to_vec(), vec![], b"h".to_vec(), vec![]];
            request.fields.extend([host(), host()]);
        }
        "an invalid Host" => {
            let host = request.fields.iter_mut().find(|it| it[0].eq_ignore_ascii_case(b"host"))?;
            host[2] = choices.one(&["a b", "h:x", "u@h", "a/b", "[::1", "\u{e9}", "a\tb"]).into();
        }
        "a byte in a name" => {
            let byte = choices.one(b" \t(/\"@\0\x7f\xe9[");
            field?[0].push(byte);
        }
        "no name" => field?[0].clear(),
        "a byte in a value" => {
            let byte = choices.one(b"\0\r\n\x01\x1f\x7f\x0b");
            field?[2].extend([byte, b'x']);
        }
        "a folded line" => field?[3].extend_from_slice(choices.one(&[b"\r\n x", b"\r\n\tx"])),
        "a line without colon" => field?[3].extend_from_slice(b"\r\nx"),
        "a bare LF" if !is_last => field?[3].extend_from_slice(b"\nx: y"),
        "a blank before the first field" => request.fields.first_mut()?[0].insert(0, b' '),
        "two lengths" => {
            let length = || [b"content-length".to_vec(), vec![], b"3".to_vec(), vec![]];
            request.fields.extend([length(), length()]);
        }
        "length and coding" => {
            for (name, value) in [("content-length", "3"), ("transfer-encoding", "chunked")] {
                request.fields.push([name.into(), vec![], value.into(), vec![]]);
            }
        }
        "a length that is none" => {
            let value =
                choices.one(&["", "+1", "-1", "0x1", "1,1", "1 1", "1.0", "\u{663}", "1_0"]);
            request.fields.push(["content-length".into(), vec![], value.into(), vec![]]);
        }
        "a coding that is none" => {
            let value =
                choices.one(&["gzip", "chunked, gzip", "x", "chunked;a", "", "chunked,chunked"]);
            request.fields.push(["transfer-encoding".into(), vec![], value.into(), vec![]]);
        }
        "an unknown expectation" if request.minor == 1 => {
            request.fields.push(["expect".into(), vec![], b"wonders".to_vec(), vec![]]);
        }
        "a method that is none" => {
            request.method = choices.one(&["", "G(T", "G\tT", "\u{e9}", "GET "]).to_owned();
        }
        "a target that is none" => {
            let bad =
                choices.one(&["/ ", "/\t", "/#", "/\u{e9}", "x", "?", "/\0", "http://", "/\x7f"]);
            request.target = bad.to_owned();
        }
        _ => return broken_body(request, choices),
    }
    if what == "no Host" && request.minor == 0 {
        return None;
    }
    Some((what, request.wire()))
}

const IN_THE_HEAD: &[&str] = &[
    "no Host",
    "two Hosts",
    "an invalid Host",
    "a byte in a name",
    "no name",
    "a byte in a value",
    "a folded line",
    "a line without colon",
    "a bare LF",
    "a blank before the first field",
    "two lengths",
    "length and coding",
    "a length that is none",
    "a coding that is none",
    "an unknown expectation",
    "a method that is none",
    "a target that is none",
    "the body",
    "the body",
    "the body",
];

fn broken_body(mut request: Request, choices: &mut Choices<'_>) -> Option<(&'static str, Vec<u8>)> {
    let cut = |request: &Request| {
        let mut wire = request.wire();
        wire.pop();
        ("a body cut short", wire)
    };
    let Body::Chunks(chunks, last, trailers) = &mut request.body else {
        return matches!(&request.body, Body::Length(body) if !body.is_empty())
            .then(|| cut(&request));
    };
    let what = match (choices.below(5), &mut chunks[..]) {
        (0, _) => return Some(cut(&request)),
        (1, [(size, _), ..]) => {
            let bad = choices
                .one(&[" ", "x", ";", ";=", ";a=", ";a b", ";a=\"", "\n", "\r", ".0", ";\0"]);
            size.truncate(size.iter().take_while(|it| it.is_ascii_hexdigit()).count());
            size.extend_from_slice(bad.as_bytes());
            "a chunk's size line"
        }
        (2, [(_, data), ..]) => {
            data.extend_from_slice(b"!");
            "a chunk longer than its size"
        }
        (3, _) => {
            let bad = choices.one(&[
                "no colon",
                " folded: x",
                "a : b",
                "a: \0",
                "content-length: 1",
                "a: b\n",
            ]);
            trailers.push(bad.into());
            "a trailer line"
        }
        _ => {
            last.insert(0, choices.one(b" +-x;"));
            "the last chunk's size line"
        }
    };
    Some((what, request.wire()))
}
