//! A served application, and clients that know only bytes.

mod serve;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

pub use serve::*;

/// A client that knows only bytes.
pub struct Client(pub BufReader<TcpStream>);

/// What such a client makes of a response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(have, _)| have == name);
        field.map(|(_, value)| &value[..])
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.set_write_timeout(Some(PATIENCE)).expect("an option");
        stream.set_nodelay(true).expect("an option");
        Client(BufReader::new(stream))
    }

    pub fn send(&mut self, text: &str) -> &mut Client {
        self.0.get_mut().write_all(text.as_bytes()).expect("the server reads");
        self
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) -> &mut Client {
        self.0.get_mut().shutdown(Shutdown::Write).expect("a connection");
        self
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).reply()
    }

    /// Receives a response whose body has a length.
    pub fn reply(&mut self) -> Reply {
        let mut reply = self.head();
        self.body(&mut reply);
        reply
    }

    /// Receives the body that this head announces by its length.
    pub fn body(&mut self, reply: &mut Reply) {
        let length = reply.get("content-length").expect("a length").parse().expect("a number");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        reply.body = String::from_utf8(body).expect("text");
    }

    /// Receives a head.
    pub fn head(&mut self) -> Reply {
        let status = self.line().split(' ').nth(1).expect("a status line").parse().unwrap();
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            fields.push((name.to_owned(), value.to_owned()));
        }
        Reply { status, fields, body: String::new() }
    }

    /// Receives a line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        assert!(line.ends_with("\r\n"), "the response breaks off: {line:?}");
        line.truncate(line.len() - 2);
        line
    }

    /// One byte of whatever comes.
    pub fn peek(&mut self) {
        assert!(!self.0.fill_buf().expect("a byte").is_empty());
    }

    /// Whether the server has closed, and said nothing before.
    pub fn is_closed(&mut self) -> bool {
        self.0.fill_buf().expect("an end, not a reset").is_empty()
    }
}
