//! mio: edge-triggered, so a connection is read until the kernel says there is no more.

use evloop_bench::{Peer, sys};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use std::{
    io::{self, ErrorKind::WouldBlock, Read, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    Peer { echo_protocol: Some(echo), ..Peer::default() }.main()
}

const LISTENER: Token = Token(usize::MAX);

/// A connection and what the kernel would not take yet.
struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
}

/// Connections by token; a free place is a `None` whose number is in `free`.
#[derive(Default)]
struct Connections {
    places: Vec<Option<Connection>>,
    free: Vec<usize>,
}

fn echo(port: u16) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::from_std(sys::listener(port)?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections = Connections::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&poll, &listener, &mut connections)?,
                Token(place) => advance(place, &mut connections, &mut buffer),
            }
        }
    }
}

fn accept(poll: &Poll, listener: &TcpListener, connections: &mut Connections) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let place = connections.free.pop().unwrap_or_else(|| {
            connections.places.push(None);
            connections.places.len() - 1
        });
        poll.registry().register(
            &mut stream,
            Token(place),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        connections.places[place] = Some(Connection { stream, unsent: Vec::new() });
    }
}

/// Closes the connection at its end or at an error.
fn advance(place: usize, connections: &mut Connections, buffer: &mut [u8]) {
    let Some(connection) = &mut connections.places[place] else { return };
    match echo_ready(connection, buffer) {
        Err(error) if error.kind() == WouldBlock => {}
        _ => {
            connections.places[place] = None;
            connections.free.push(place);
        }
    }
}

/// `Ok` at the peer's end; `WouldBlock` when nothing more can be done now.
fn echo_ready(connection: &mut Connection, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        while !connection.unsent.is_empty() {
            let n = connection.stream.write(&connection.unsent)?;
            connection.unsent.drain(..n);
        }
        let read = connection.stream.read(buffer)?;
        if read == 0 {
            return Ok(());
        }
        let sent = match connection.stream.write(&buffer[..read]) {
            Err(error) if error.kind() == WouldBlock => 0,
            other => other?,
        };
        connection.unsent.extend_from_slice(&buffer[sent..read]);
    }
}
