//: mio = { version = "1", default-features = false, features = ["os-poll", "net"] }
use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};
use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::{collections::HashMap, time::Duration, time::Instant};

struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

/// Ok at the end of the stream, WouldBlock when there is nothing more to do now.
fn advance(connection: &mut Connection, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        while !connection.unsent.is_empty() {
            let n = connection.stream.write(&connection.unsent)?;
            connection.unsent.drain(..n);
        }
        match connection.stream.read(buffer)? {
            0 => return Ok(()),
            n => connection.unsent.extend_from_slice(&buffer[..n]),
        }
    }
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(format!("127.0.0.1:{port}").parse().expect("an address"))?;
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut connections, mut buffer, mut next) = (HashMap::new(), vec![0; 16 * 1024], 1);
    let mut hello = Some(Instant::now() + Duration::from_millis(100));
    let mut events = Events::with_capacity(256);
    loop {
        poll.poll(&mut events, hello.map(|at| at.saturating_duration_since(Instant::now())))?;
        if hello.is_some_and(|at| at <= Instant::now()) {
            println!("hello");
            hello = None;
        }
        for event in &events {
            if event.token() != Token(0) {
                let Some(connection) = connections.get_mut(&event.token()) else { continue };
                match advance(connection, &mut buffer) {
                    Err(error) if error.kind() == WouldBlock => {}
                    _ => drop(connections.remove(&event.token())),
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                let both = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(next), both)?;
                connections.insert(Token(next), Connection { stream, unsent: Vec::new() });
                next += 1;
            }
        }
    }
}
