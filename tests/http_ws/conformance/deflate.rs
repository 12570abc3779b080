//! Groups 12 and 13: messages that are compressed, by what was agreed on. The other side's deflate
//! is `flate2`'s too, in a loop of its own; Python's and a browser's are in `peers` and `http_peers`.

use std::net::TcpStream;

use evloop::http::ws::{Deflate, WebSocketOptions};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::peer::{Frame, as_client, as_server, close, converse, frame, is_ended};
use super::{ask_client, ask_server};

const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// A peer's compressor: every message, and if it keeps nothing, every one anew.
struct Says(Compress, bool);

impl Says {
    fn new(keeps: bool) -> Says {
        Says(Compress::new(Compression::default(), false), keeps)
    }

    fn message(&mut self, first: u8, payload: &[u8]) -> Frame {
        if !self.1 {
            self.0.reset();
        }
        let mut out = Vec::with_capacity(payload.len() + 100);
        self.0.compress_vec(payload, &mut out, FlushCompress::Sync).expect("any bytes");
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        frame(first | 0x40, out)
    }
}

/// A peer's inflater.
struct Hears(Decompress, bool);

impl Hears {
    fn new(keeps: bool) -> Hears {
        Hears(Decompress::new(false), keeps)
    }

    fn message(&mut self, heard: &Frame) -> Frame {
        if heard.first & 0x40 == 0 {
            return heard.clone();
        }
        if !self.1 {
            self.0.reset(false);
        }
        let mut input = [&heard.payload[..], &TAIL].concat();
        let mut out = Vec::with_capacity(200_000);
        let before = self.0.total_in();
        self.0.decompress_vec(&input, &mut out, FlushDecompress::None).expect("deflate");
        input.drain(..(self.0.total_in() - before) as usize);
        assert!(input.is_empty() && out.len() < out.capacity(), "it has room for all of it");
        frame(heard.first & !0x40, out)
    }
}

/// Messages of a kind, as many as there are sizes, several of each.
fn messages() -> Vec<(u8, Vec<u8>)> {
    let record =
        |it: u64| format!("{{\"id\": {it}, \"name\": \"a name\", \"it\": {:x}}}, ", it * 7919);
    let text: String = (0..6000).map(record).collect();
    let mut messages = Vec::new();
    for size in [0, 1, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072] {
        for kind in [0x81, 0x82] {
            messages.extend(vec![(kind, text.as_bytes()[..size].to_vec()); 3]);
        }
    }
    messages
}

fn says(keeps: bool) -> Vec<Frame> {
    let mut compressor = Says::new(keeps);
    let mut says: Vec<_> =
        messages().iter().map(|(kind, payload)| compressor.message(*kind, payload)).collect();
    says.push(frame(0x88, 1000_u16.to_be_bytes()));
    says
}

/// What is wrong with the echo.
fn verdict(heard: &[Frame], keeps: bool) -> Option<String> {
    let (end, echoes) = heard.split_last()?;
    let mut inflater = Hears::new(keeps);
    let echoes: Vec<_> = echoes.iter().map(|it| inflater.message(it)).collect();
    let expected: Vec<_> = messages().iter().map(|(kind, payload)| frame(*kind, payload)).collect();
    let wrong = echoes.iter().zip(&expected).position(|(a, b)| a != b);
    let compressed = heard.iter().filter(|it| it.first & 0x40 != 0).count();
    match wrong {
        _ if echoes.len() != expected.len() => Some(format!("{} echoes", echoes.len())),
        Some(at) => Some(format!("the echo {at} is wrong")),
        None if end.first != 0x88 => Some("no Close".to_owned()),
        None if compressed < 30 => Some(format!("{compressed} messages were compressed")),
        None => None,
    }
}

fn with(own_context: bool, peer_context: bool) -> WebSocketOptions {
    let deflate = Deflate { own_context, peer_context, ..Default::default() };
    WebSocketOptions { deflate: Some(deflate), ..Default::default() }
}

#[test]
fn our_server_answers_offers_as_it_keeps_them_and_echoes_what_is_compressed() {
    let none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (own, peer, offer, answer) in [
        (true, true, "permessage-deflate", "permessage-deflate"),
        (true, true, "permessage-deflate; client_max_window_bits", "permessage-deflate"),
        (
            true,
            true,
            "permessage-deflate; server_no_context_takeover; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            true,
            true,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits, \
             permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (false, false, "permessage-deflate; client_max_window_bits", none),
        (false, false, "x-webkit-deflate-frame, permessage-deflate", none),
    ] {
        let wrong = ask_server(with(own, peer), move |address| {
            let stream = TcpStream::connect(address).expect("a connection");
            let said = as_client(&stream, offer);
            assert_eq!(said, answer, "{offer}");
            let keeps = !said.contains("client_no_context_takeover");
            let heard = converse(&stream, &says(keeps), 0, true);
            assert!(is_ended(&stream));
            verdict(&heard, !said.contains("server_no_context_takeover"))
        });
        assert_eq!(wrong, None, "{offer}");
    }
}

#[test]
fn an_offer_that_our_server_cannot_keep_leaves_messages_as_they_are() {
    for offer in [
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; who_knows",
        "permessage-bzip2",
    ] {
        let heard = ask_server(with(true, true), move |address| {
            let stream = TcpStream::connect(address).expect("a connection");
            assert_eq!(as_client(&stream, offer), "", "{offer}");
            let says = [frame(0x81, vec![b'x'; 5000]), frame(0xC1, "\0")];
            converse(&stream, &says, 0, true)
        });
        assert_eq!(heard[0], frame(0x81, vec![b'x'; 5000]));
        assert_eq!(heard[1], frame(0x88, 1002_u16.to_be_bytes()));
    }
}

#[test]
fn our_client_keeps_to_what_the_server_accepted() {
    for (own, peer, answer) in [
        (true, true, "permessage-deflate"),
        (true, true, "permessage-deflate; server_no_context_takeover"),
        (true, true, "permessage-deflate; client_no_context_takeover"),
        (true, true, "permessage-deflate; server_max_window_bits=15"),
        (false, false, "permessage-deflate; server_no_context_takeover"),
    ] {
        let (wrong, opened) = ask_client(with(own, peer), 1, move |listener| {
            let (stream, _) = listener.accept().expect("a connection");
            let offered = as_server(&stream, answer);
            assert!(offered.starts_with("permessage-deflate"), "{offered}");
            let keeps = !answer.contains("server_no_context_takeover");
            let heard = converse(&stream, &says(keeps), 0, false);
            close(&stream);
            verdict(&heard, own && !answer.contains("client_no_context_takeover"))
        });
        assert_eq!((wrong, opened), (None, vec![true]), "{answer}");
    }
}

#[test]
fn our_client_does_without_compression_and_refuses_what_it_did_not_ask_for() {
    let answers = [
        ("", true),
        ("permessage-deflate; client_max_window_bits=12", false),
        ("permessage-deflate; server_max_window_bits=7", false),
        ("permessage-deflate, permessage-deflate", false),
        ("permessage-bzip2", false),
    ];
    let (heard, opened) = ask_client(with(true, true), answers.len(), move |listener| {
        let mut heard = Vec::new();
        for (answer, _) in answers {
            let (stream, _) = listener.accept().expect("a connection");
            as_server(&stream, answer);
            let says = [frame(0x81, vec![b'x'; 5000]), frame(0x88, 1000_u16.to_be_bytes())];
            heard.push(converse(&stream, &says, 0, false));
            close(&stream);
        }
        heard
    });
    assert_eq!(opened, answers.map(|(_, it)| it));
    assert_eq!(heard[0][0], frame(0x81, vec![b'x'; 5000]));
    assert!(heard[1..].iter().all(Vec::is_empty), "a connection that is none is said nothing");
}
