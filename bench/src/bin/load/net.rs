//! Many connections on one epoll.

use crate::talk::Talk;
use evloop_bench::sys::{bind, check, set_option, sockaddr};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// Long enough for a server under an instruction counter; a server silent for longer has lost a message.
const PATIENCE_MS: i32 = 60_000;

/// All connections to one server, and what they say.
pub struct Crowd<T: Talk> {
    epoll: OwnedFd,
    port: u16,
    opened: u32,
    talk: T,
    members: Vec<(TcpStream, T::State)>,
}

impl<T: Talk> Crowd<T> {
    /// Nobody yet.
    pub fn new(port: u16, talk: T) -> io::Result<Crowd<T>> {
        // SAFETY: takes no pointer; the descriptor is new.
        let epoll =
            unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Crowd { epoll, port, opened: 0, talk, members: Vec::new() })
    }

    /// How many operations one turn of a connection is.
    pub fn per_turn(&self) -> u64 {
        self.talk.per_turn()
    }

    /// One more connection, from one of 200 loopback addresses so that closed ones do not use up the ports.
    pub fn connect(&mut self) -> io::Result<()> {
        // SAFETY: takes no pointer; the descriptor is new.
        let socket = unsafe {
            OwnedFd::from_raw_fd(check(libc::socket(
                libc::AF_INET,
                libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
                0,
            ))?)
        };
        set_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
        set_option(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        bind(
            &socket,
            SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1 + (self.opened % 200) as u8), 0),
        )?;
        self.opened += 1;
        let (name, size) = sockaddr(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port));
        // SAFETY: the kernel reads `size` bytes at the address of the live `name`.
        check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const name).cast(), size) })?;
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        let mut event =
            libc::epoll_event { events: libc::EPOLLIN as u32, u64: self.members.len() as u64 };
        // SAFETY: the kernel reads one live epoll_event.
        check(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                stream.as_raw_fd(),
                &mut event,
            )
        })?;
        let state = self.talk.state(self.members.len());
        self.members.push((stream, state));
        Ok(())
    }

    /// Closes all connections.
    pub fn hang_up(&mut self) {
        self.members.clear();
    }

    /// `count` operations over all connections, as each becomes free.
    pub fn exchange(&mut self, count: u64, buffer: &mut [u8]) -> io::Result<()> {
        let (mut to_send, mut to_come) = (count, count);
        for (stream, state) in &mut self.members {
            to_send -= say(&self.talk, stream, state, to_send)?;
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 1024];
        while to_come > 0 {
            for event in wait(&self.epoll, &mut events)? {
                let (stream, state) = &mut self.members[event.u64 as usize];
                let n = stream.read(buffer)?;
                if n == 0 {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                let (done, free) = self.talk.hear(state, &buffer[..n]).map_err(io::Error::other)?;
                to_come -= done;
                if free {
                    to_send -= say(&self.talk, stream, state, to_send)?;
                }
            }
        }
        Ok(())
    }
}

fn wait<'a>(
    epoll: &OwnedFd,
    events: &'a mut [libc::epoll_event],
) -> io::Result<&'a [libc::epoll_event]> {
    let room = events.len() as i32;
    // SAFETY: the kernel writes at most `room` entries into the live slice.
    match check(unsafe {
        libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), room, PATIENCE_MS)
    })? {
        0 => Err(io::Error::new(ErrorKind::TimedOut, "the server has been silent for a minute")),
        n => Ok(&events[..n as usize]),
    }
}

/// A connection's next turn, at most `limit` operations; says how many. What is in flight fits the kernel's buffers, so a
/// full one only asks for patience.
fn say<T: Talk>(
    talk: &T,
    stream: &mut TcpStream,
    state: &mut T::State,
    limit: u64,
) -> io::Result<u64> {
    let said = talk.per_turn().min(limit);
    let mut bytes = if said == 0 { &[][..] } else { talk.say(state, said) };
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut poll =
                    libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
                // SAFETY: one live pollfd.
                if check(unsafe { libc::poll(&mut poll, 1, PATIENCE_MS) })? == 0 {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "the server has not read for a minute",
                    ));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(said)
}
