//! A peer that knows only bytes, on either side of a connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use evloop::http::ws::accept_key;

use crate::support::PATIENCE;

/// A frame as it is on the wire, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    pub payload: Vec<u8>,
    /// Bytes that are announced, and do not come.
    pub missing: usize,
}

pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame { first, payload: payload.as_ref().to_vec(), missing: 0 }
}

impl Frame {
    pub fn write(&self, out: &mut Vec<u8>, masked: bool) {
        let bit = if masked { 0x80 } else { 0 };
        out.push(self.first);
        match self.payload.len() + self.missing {
            short @ 0..=125 => out.push(bit | short as u8),
            middle @ 126..=0xFFFF => {
                out.push(bit | 126);
                out.extend((middle as u16).to_be_bytes());
            }
            long => {
                out.push(bit | 127);
                out.extend((long as u64).to_be_bytes());
            }
        }
        if !masked {
            out.extend(&self.payload);
            return;
        }
        let key = [0x37, 0xFA, 0x21, 0x3D];
        out.extend(key);
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// The frame that comes next; `None` at the end of the connection.
    pub fn read(stream: &mut impl Read) -> Option<Frame> {
        let mut head = [0; 2];
        stream.read_exact(&mut head).ok()?;
        let number =
            |bytes: Vec<u8>| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let length = match head[1] & 0x7F {
            126 => number(take(stream, 2)?),
            127 => number(take(stream, 8)?),
            short => usize::from(short),
        };
        let key = if head[1] & 0x80 == 0 { vec![0; 4] } else { take(stream, 4)? };
        let payload = take(stream, length)?;
        let payload =
            payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        Some(Frame { first: head[0], payload, missing: 0 })
    }
}

fn take(stream: &mut impl Read, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Says these frames, `chop` bytes at a time (all at once if that is 0), and gives what is said up
/// to the Close or the end of the connection.
pub fn converse(stream: &TcpStream, says: &[Frame], chop: usize, masked: bool) -> Vec<Frame> {
    let mut bytes = Vec::new();
    for frame in says {
        frame.write(&mut bytes, masked);
    }
    let mut writer = stream.try_clone().expect("a descriptor");
    let mut reader = stream;
    let writing = std::thread::spawn(move || {
        let chop = if chop == 0 { bytes.len().max(1) } else { chop };
        // Who is refused may be so before it has said everything.
        let _ = bytes.chunks(chop).try_for_each(|piece| writer.write_all(piece));
    });
    let mut heard = Vec::new();
    while let Some(frame) = Frame::read(&mut reader) {
        let is_close = frame.first & 0x0F == 8;
        heard.push(frame);
        if is_close {
            break;
        }
    }
    writing.join().expect("no panic");
    heard
}

/// Waits for the end of the connection; whether it came in order.
pub fn is_ended(stream: &TcpStream) -> bool {
    let mut rest = Vec::new();
    let mut reader = stream;
    reader.read_to_end(&mut rest).is_ok() && rest.is_empty()
}

fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(take(stream, 1).expect("a head"));
    }
    String::from_utf8(head).expect("text")
}

fn prepared(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.set_nodelay(true).expect("an option");
}

/// Asks for a WebSocket, with these extensions; gives those of the answer.
pub fn as_client(mut stream: &TcpStream, extensions: &str) -> String {
    prepared(stream);
    let field = match extensions {
        "" => String::new(),
        extensions => format!("Sec-WebSocket-Extensions: {extensions}\r\n"),
    };
    let request = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{field}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    value(&answer, "sec-websocket-extensions").to_owned()
}

/// Answers a request for a WebSocket, with these extensions; gives those that were offered.
pub fn as_server(mut stream: &TcpStream, extensions: &str) -> String {
    prepared(stream);
    let request = head(&mut stream);
    let accept = accept_key(value(&request, "sec-websocket-key"));
    let field = match extensions {
        "" => String::new(),
        extensions => format!("Sec-WebSocket-Extensions: {extensions}\r\n"),
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{field}\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("it reads");
    value(&request, "sec-websocket-extensions").to_owned()
}

fn value<'a>(head: &'a str, name: &str) -> &'a str {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(it, _)| it.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}

/// It is over.
pub fn close(stream: &TcpStream) {
    // It may be over already.
    let _ = stream.shutdown(Shutdown::Both);
}
