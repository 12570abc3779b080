//! What must be so of any input at all: shared by the unit tests and the fuzz targets.
//!
//! Every function panics where its property does not hold.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::body::{Decoder, Framing, Piece};
use super::encoder::Encoder;
use super::{
    ClientConnection, Error, Event, Length, OutgoingRequest, OutgoingResponse, RequestHead,
    ServerConnection, Shared,
};
use crate::http::{Limits, query, url};

pub mod choices;
pub mod dialogue;
pub mod grammar;
pub mod reference;

/// What a connection said, in a form that does not depend on how its input was cut: neighbouring
/// data is joined, and asking for more is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A head, in full.
    Head(String),
    /// A 1xx head, in full.
    Informational(String),
    /// All of a body up to what came next.
    Data(Vec<u8>),
    /// The end of a message.
    End,
    /// The end of the connection.
    Closed,
    /// Another protocol.
    Switched,
    /// The peer's offence.
    They(Error),
}

/// Ways to cut an input: one whole, one byte by byte, the others in between.
pub fn cuts(input: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts = vec![vec![input], input.chunks(1).collect()];
    for step in [2, 3, 7, 64] {
        cuts.push(input.chunks(step).collect());
    }
    // In two pieces: a long head with a short tail, and the other way round.
    for at in [1, input.len() / 2, input.len().saturating_sub(1)] {
        cuts.push(vec![&input[..at.min(input.len())], &input[at.min(input.len())..]]);
    }
    cuts
}

/// What a server hears in `pieces` followed by the end of the input, when it answers every request
/// at its end.
pub fn server_hears(pieces: &[&[u8]], limits: &Limits) -> (Vec<Said>, Vec<u8>) {
    let mut connection = ServerConnection::new(&Shared::new(limits.clone()));
    let (mut said, mut out) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (used, event) = match connection.receive(input) {
                Ok(received) => received,
                Err(error) => {
                    said.push(Said::They(error.clone()));
                    if connection.owes_response() {
                        answer(&mut connection, &mut out, error.status());
                    }
                    return (said, out);
                }
            };
            assert!(used <= input.len(), "used more than there was");
            let before = input.len();
            input = &input[used..];
            match event {
                Event::Head(head) => said.push(Said::Head(format!("{head:?}"))),
                Event::Informational(_) => panic!("a server heard a 1xx response"),
                Event::Data(data) => push_data(&mut said, data),
                Event::EndOfMessage => {
                    said.push(Said::End);
                    answer(&mut connection, &mut out, StatusCode::OK);
                }
                Event::NeedData => {
                    assert_eq!(input.len(), 0, "needs data while {before} bytes are there");
                    break;
                }
                Event::Paused => panic!("paused though every request is answered"),
                Event::Closed => {
                    push_once(&mut said, Said::Closed);
                    return (said, out);
                }
                Event::Switched => panic!("switched though nobody asked"),
            }
        }
    }
    hear_server_eof(&mut connection, &mut said, &mut out);
    (said, out)
}

fn hear_server_eof(connection: &mut ServerConnection, said: &mut Vec<Said>, out: &mut Vec<u8>) {
    loop {
        match connection.receive_eof() {
            Ok(Event::EndOfMessage) => {
                said.push(Said::End);
                answer(connection, out, StatusCode::OK);
            }
            Ok(_) => return push_once(said, Said::Closed),
            Err(error) => {
                if connection.owes_response() {
                    answer(connection, out, error.status());
                }
                return said.push(Said::They(error));
            }
        }
    }
}

fn answer(connection: &mut ServerConnection, out: &mut Vec<u8>, status: StatusCode) {
    let headers = HeaderMap::new();
    let head =
        |status| OutgoingResponse { status, content_type: None, headers: &headers, date: None };
    // A CONNECT that somebody sends is refused: success would be a tunnel.
    if connection.respond(out, &head(status), b"answer").is_err() {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        connection.respond(out, &head(status), b"answer").expect("an answer is due");
    }
}

/// What a client hears in `pieces` followed by the end of the input, when it asks again after
/// every answer.
pub fn client_hears(method: &Method, pieces: &[&[u8]], limits: &Limits) -> Vec<Said> {
    let mut connection = ClientConnection::new(&Shared::new(limits.clone()));
    let mut said = Vec::new();
    ask(&mut connection, method);
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (used, event) = match connection.receive(input) {
                Ok(received) => received,
                Err(error) => {
                    said.push(Said::They(error));
                    return said;
                }
            };
            assert!(used <= input.len(), "used more than there was");
            input = &input[used..];
            match event {
                Event::Head(head) => said.push(Said::Head(format!("{head:?}"))),
                Event::Informational(head) => said.push(Said::Informational(format!("{head:?}"))),
                Event::Data(data) => push_data(&mut said, data),
                Event::EndOfMessage => {
                    said.push(Said::End);
                    if connection.is_reusable() {
                        ask(&mut connection, method);
                    }
                }
                Event::NeedData => {
                    assert_eq!(input.len(), 0, "needs data while there is some");
                    break;
                }
                Event::Paused => panic!("a client has nothing to pause"),
                Event::Closed => {
                    push_once(&mut said, Said::Closed);
                    return said;
                }
                Event::Switched => {
                    said.push(Said::Switched);
                    return said;
                }
            }
        }
    }
    hear_client_eof(&mut connection, &mut said);
    said
}

fn hear_client_eof(connection: &mut ClientConnection, said: &mut Vec<Said>) {
    loop {
        match connection.receive_eof() {
            Ok(Event::EndOfMessage) => said.push(Said::End),
            Ok(_) if matches!(connection.answering(), super::Answering::Switched) => {
                return said.push(Said::Switched);
            }
            Ok(_) => return push_once(said, Said::Closed),
            Err(error) => return said.push(Said::They(error)),
        }
    }
}

fn ask(connection: &mut ClientConnection, method: &Method) {
    let target = if *method == Method::CONNECT { "example.org:443" } else { "/" };
    let mut headers = HeaderMap::new();
    if *method == Method::GET {
        // So that a 101 is among what may come; to HEAD it may not.
        headers.insert("upgrade", HeaderValue::from_static("other"));
    }
    let head = OutgoingRequest { method, target, host: "example.org", headers: &headers };
    connection.request(&mut Vec::new(), &head, b"").expect("a request can be sent");
}

fn push_data(said: &mut Vec<Said>, data: &[u8]) {
    assert!(!data.is_empty(), "data without data");
    match said.last_mut() {
        Some(Said::Data(before)) => before.extend_from_slice(data),
        _ => said.push(Said::Data(data.to_vec())),
    }
}

fn push_once(said: &mut Vec<Said>, what: Said) {
    if said.last() != Some(&what) {
        said.push(what);
    }
}

/// Limits so small that a fuzzer's inputs run into them.
fn tight() -> Limits {
    Limits {
        request_line: 64,
        header_bytes: 128,
        header_count: 4,
        body_size: 64,
        chunk_extension_bytes: 8,
        trailer_bytes: 16,
        empty_lines: 2,
        ..Limits::default()
    }
}

/// What one of the two readers of request heads made of an input: its length, and all of it.
fn read_head(
    parse: super::parse::Parse<RequestHead>,
    input: &[u8],
    limits: &Limits,
) -> Option<String> {
    read_head_in(parse, input, &Shared::new(limits.clone()))
}

fn read_head_in(
    parse: super::parse::Parse<RequestHead>,
    input: &[u8],
    shared: &Shared,
) -> Option<String> {
    let (head, len) = parse(input, shared).ok()??;
    let path = (head.path(), head.query(), head.fields().positions());
    Some(format!("{len} {head:?} {path:?} {:?}", head.meaning()))
}

/// Whatever the reader of plain heads takes, the one that asks `httparse` takes too, and makes the
/// same of it.
pub fn plain_heads_are_read_as_all_are(input: &[u8]) {
    for limits in [Limits::default(), tight()] {
        let any = read_head(super::parse::parse_any_request, input, &limits);
        assert_eq!(read_head(super::parse::parse_request, input, &limits), any);
    }
}

/// A head is read in storage that remembers those before as it is in storage of its own.
pub fn heads_are_read_the_same_after_others<'a>(heads: impl Iterator<Item = &'a [u8]> + Clone) {
    for limits in [Limits::default(), tight()] {
        let shared = Shared::new(limits.clone());
        for head in heads.clone().flat_map(|head| [head, head]).chain(heads.clone()) {
            let after_others = read_head_in(super::parse::parse_request, head, &shared);
            let alone = read_head(super::parse::parse_any_request, head, &limits);
            assert_eq!(after_others, alone, "{:?}", String::from_utf8_lossy(head));
        }
    }
}

/// A server hears the same however the bytes of requests are cut, and answers the same.
pub fn requests_are_the_same_however_they_are_cut(input: &[u8]) {
    for limits in [Limits::default(), tight()] {
        let whole = server_hears(&[input], &limits);
        for pieces in cuts(input) {
            assert_eq!(server_hears(&pieces, &limits), whole, "cut as {pieces:?}");
        }
    }
}

/// A client hears the same however the bytes of responses are cut.
pub fn responses_are_the_same_however_they_are_cut(input: &[u8]) {
    for limits in [Limits::default(), tight()] {
        for method in [Method::GET, Method::HEAD, Method::CONNECT] {
            let whole = client_hears(&method, &[input], &limits);
            for pieces in cuts(input) {
                assert_eq!(client_hears(&method, &pieces, &limits), whole, "cut as {pieces:?}");
            }
        }
    }
}

/// The body that a chunked decoder finds in `input`, how many bytes it used, and whether it came
/// to the end.
pub fn chunked_body(input: &[u8], limits: &Limits) -> Result<(Vec<u8>, usize, bool), Error> {
    decode_pieces(&[input], limits)
}

fn decode_pieces(pieces: &[&[u8]], limits: &Limits) -> Result<(Vec<u8>, usize, bool), Error> {
    let mut decoder = Decoder::new(Framing::Chunked);
    let (mut body, mut total) = (Vec::new(), 0);
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (used, found) = decoder.decode(input, limits)?;
            total += used;
            input = &input[used..];
            match found {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::End => return Ok((body, total, true)),
                Piece::NeedData => break,
            }
        }
    }
    Ok((body, total, false))
}

/// A chunked body is the same however it is cut; and what was decoded, encoded anew in chunks of
/// any size, decodes to itself.
pub fn chunked_is_the_same_however_it_is_cut(input: &[u8]) {
    for limits in [Limits::default(), tight()] {
        let whole = decode_pieces(&[input], &limits);
        for pieces in cuts(input) {
            assert_eq!(decode_pieces(&pieces, &limits), whole, "cut as {pieces:?}");
        }
    }
    chunked_round_trips(input, 1 + input.len() / 3);
}

/// A body encoded in chunks of `size` bytes decodes to itself, and what follows is not touched.
pub fn chunked_round_trips(body: &[u8], size: usize) {
    let (mut encoder, mut out) = (Encoder::Chunked, Vec::new());
    for piece in body.chunks(size) {
        encoder.data(piece, &mut out).expect("chunks have no limit");
    }
    encoder.end(&mut out).expect("chunks can always end");
    let length = out.len();
    out.extend_from_slice(b"tail");
    let decoded = chunked_body(&out, &Limits::default()).expect("what was encoded is valid");
    assert_eq!(decoded, (body.to_vec(), length, true));
}

/// Decoding URLs and query strings never panics, and undoes encoding.
pub fn urls_and_queries_are_decoded_safely(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let decoded = url::decode(&text);
    assert!(decoded.len() <= text.len() * 3);
    assert_eq!(url::decode(&url::encode(&text)), text);
    let pairs: Vec<_> = query::pairs(&text).collect();
    let again = query::encode_pairs(pairs.iter().map(|(name, value)| (&**name, &**value)));
    let back: Vec<_> = query::pairs(&again).collect();
    assert_eq!(back, pairs);
    if let Ok(url) = text.parse::<url::Url>() {
        assert!(url.target().starts_with('/') && url.target().bytes().all(|it| it > b' '));
        assert!(!url.host().is_empty());
        let again: url::Url = url.to_string().parse().expect("what was printed parses");
        assert_eq!(again, url.without_credentials());
    }
}

/// A client and a server back to back, with a body each way, whatever they are cut into: each
/// hears what the other said.
pub fn client_and_server_understand_each_other(
    method: &Method,
    status: StatusCode,
    (request, response): (&[u8], &[u8]),
    known: bool,
    step: usize,
) {
    let shared = Shared::default();
    let (mut client, mut server) = (ClientConnection::new(&shared), ServerConnection::new(&shared));
    let length = |body: &[u8]| {
        if known { Length::Known(body.len() as u64) } else { Length::Unknown }
    };
    let headers = HeaderMap::new();
    for _ in 0..2 {
        let mut wire = Vec::new();
        let head = OutgoingRequest { method, target: "/a?b=c", host: "h", headers: &headers };
        client.send_request(&mut wire, &head, length(request)).unwrap();
        client.send_data(&mut wire, request).unwrap();
        client.end_of_message(&mut wire).unwrap();
        let (method_heard, body) = hear(&wire, step, |input| server.receive(input));
        assert_eq!((method_heard.method(), &body[..]), (method, request));

        wire.clear();
        let content_type = HeaderValue::from_static("text/plain");
        let head = OutgoingResponse {
            status,
            content_type: Some(&content_type),
            headers: &headers,
            date: None,
        };
        server.send_response(&mut wire, &head, length(response)).unwrap();
        server.send_data(&mut wire, response).unwrap();
        server.end_of_message(&mut wire).unwrap();
        let (head, body) = hear(&wire, step, |input| client.receive(input));
        let bodiless = *method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
        assert_eq!(head.status(), status);
        assert_eq!(body, if bodiless { b"" } else { response });
        assert!(client.is_reusable() && server.is_idle());
    }
}

/// The one message that `receive` makes of `wire` in pieces of `step` bytes.
fn hear<H>(
    wire: &[u8],
    step: usize,
    mut receive: impl for<'a> FnMut(&'a [u8]) -> Result<(usize, Event<'a, H>), Error>,
) -> (H, Vec<u8>) {
    let (mut head, mut body) = (None, Vec::new());
    for piece in wire.chunks(step.max(1)) {
        let mut input = piece;
        loop {
            let (used, event) = receive(input).expect("what the other side said is valid");
            input = &input[used..];
            match event {
                Event::Head(it) => head = Some(it),
                Event::Data(data) => body.extend_from_slice(data),
                Event::EndOfMessage => {
                    assert!(input.is_empty(), "bytes after the message");
                    return (head.expect("a head comes first"), body);
                }
                _ => break,
            }
        }
    }
    panic!("the message does not end")
}
