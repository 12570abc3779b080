//! The echo server as a state machine over `add_reader` and `add_writer`: what a transport does for
//! us, and what the compiler makes of `tcp_echo`'s coroutine, by hand.
//!
//! `Reading --bytes--> Writing --all sent--> Reading`; at the end or an error it is dropped.

use std::cell::RefCell;
use std::io::{self, ErrorKind, ErrorKind::WouldBlock, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use evloop::LoopError;

enum State {
    Reading,
    Writing { message: Vec<u8>, sent: usize },
}

struct Client {
    socket: TcpStream,
    state: State,
}

impl Client {
    /// One step, as far as it goes without waiting: `WouldBlock` says that it must wait.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Reading => {
                let mut data = [0; 1024];
                let data = match self.socket.read(&mut data)? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    received => String::from_utf8_lossy(&data[..received]),
                };
                let message = format!("{} Your msg {data}", self.socket.peer_addr()?).into_bytes();
                self.state = State::Writing { message, sent: 0 };
            }
            State::Writing { message, sent } => {
                *sent += self.socket.write(&message[*sent..])?;
                if *sent == message.len() {
                    self.state = State::Reading;
                }
            }
        }
        Ok(())
    }
}

/// Steps until it must wait, and has the loop watch for what it waits for.
fn advance(client: &Rc<RefCell<Client>>) -> Result<(), LoopError> {
    let event_loop = evloop::get_running_loop()?;
    let mut this = client.borrow_mut();
    let fd = this.socket.as_raw_fd();
    event_loop.remove_reader(fd)?;
    event_loop.remove_writer(fd)?;
    let stop = std::iter::from_fn(|| Some(this.step())).find_map(Result::err);
    let again = client.clone();
    let again = move || advance(&again).expect("the loop is open");
    match (stop.map(|error| error.kind()), &this.state) {
        (Some(WouldBlock), State::Reading) => event_loop.add_reader(fd, again).map(drop),
        (Some(WouldBlock), _) => event_loop.add_writer(fd, again).map(drop),
        _ => Ok(()), // Nobody holds it any more: the socket is closed.
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or("9999".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let event_loop = evloop::get_event_loop()?;
    event_loop.add_reader(listener.as_raw_fd(), move || {
        let Ok((socket, _)) = listener.accept() else { return };
        if socket.set_nonblocking(true).is_ok() {
            let client = Rc::new(RefCell::new(Client { socket, state: State::Reading }));
            advance(&client).expect("the loop is open");
        }
    })?;
    event_loop.run_forever()?; // until Ctrl-C
    Ok(event_loop.close().map(drop)?)
}
