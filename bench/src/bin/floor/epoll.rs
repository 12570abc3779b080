//! One level-triggered epoll, one shared buffer, one read for each event: what a readiness server cannot do without.

use evloop_bench::sys::{check, listener, set_option};
use std::{
    io::{self, ErrorKind::WouldBlock},
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

/// Turns what came into what is sent back.
pub trait Handler {
    /// What it keeps for each connection.
    type State: Default;
    /// Once for each return of the poll.
    fn turn(&mut self) {}
    /// The answer to `input`; `None` closes the connection.
    fn received<'a>(&'a mut self, state: &mut Self::State, input: &'a [u8]) -> Option<&'a [u8]>;
}

/// A connection, its place in the table its descriptor.
struct Connection<S> {
    socket: OwnedFd,
    unsent: Vec<u8>,
    state: S,
}

const LISTENER: u64 = u64::MAX;

/// Serves until killed.
pub fn serve<H: Handler>(port: u16, mut handler: H) -> io::Result<()> {
    let listener = listener(port)?;
    // SAFETY: takes no pointer; the descriptor is new.
    let epoll = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
    watch(&epoll, libc::EPOLL_CTL_ADD, listener.as_raw_fd(), libc::EPOLLIN, LISTENER)?;
    let mut table: Vec<Option<Connection<H::State>>> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 1024];
    loop {
        // SAFETY: the kernel writes at most `events.len()` entries into the live array.
        let n = check(unsafe {
            libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), events.len() as i32, -1)
        })?;
        handler.turn();
        for event in &events[..n as usize] {
            match event.u64 {
                LISTENER => accept(&epoll, &listener, &mut table)?,
                place => {
                    let slot = &mut table[place as usize];
                    let Some(connection) = slot else { continue };
                    if advance(&epoll, connection, &mut handler, &mut buffer).is_err() {
                        *slot = None;
                    }
                }
            }
        }
    }
}

fn watch(epoll: &OwnedFd, operation: i32, fd: RawFd, interest: i32, token: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: interest as u32, u64: token };
    // SAFETY: the kernel reads one live epoll_event.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &mut event) })?;
    Ok(())
}

fn accept<S: Default>(
    epoll: &OwnedFd,
    listener: &impl AsRawFd,
    table: &mut Vec<Option<Connection<S>>>,
) -> io::Result<()> {
    loop {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: null pointers tell the kernel to write no address; the descriptor is new.
        let socket = match check(unsafe {
            libc::accept4(listener.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags)
        }) {
            // SAFETY: accept4 has just made it, so nobody else owns it.
            Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd) },
            Err(error) if error.kind() == WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        set_option(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        let place = socket.as_raw_fd() as usize;
        watch(epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), libc::EPOLLIN, place as u64)?;
        if table.len() <= place {
            table.resize_with(place + 1, || None);
        }
        table[place] = Some(Connection { socket, unsent: Vec::new(), state: S::default() });
    }
}

/// What one event allows. An error, the peer's end included, means that the connection is over.
fn advance<H: Handler>(
    epoll: &OwnedFd,
    connection: &mut Connection<H::State>,
    handler: &mut H,
    buffer: &mut [u8],
) -> io::Result<()> {
    let fd = connection.socket.as_raw_fd();
    if !connection.unsent.is_empty() {
        let n = send(fd, &connection.unsent)?;
        connection.unsent.drain(..n);
        if connection.unsent.is_empty() {
            connection.unsent = Vec::new();
            watch(epoll, libc::EPOLL_CTL_MOD, fd, libc::EPOLLIN, fd as u64)?;
        }
        return Ok(());
    }
    // SAFETY: the kernel writes at most `buffer.len()` bytes into the exclusively borrowed buffer.
    let n = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    if n <= 0 {
        return Err(if n == 0 {
            io::ErrorKind::UnexpectedEof.into()
        } else {
            io::Error::last_os_error()
        });
    }
    let answer = handler
        .received(&mut connection.state, &buffer[..n as usize])
        .ok_or(io::ErrorKind::InvalidData)?;
    let sent = if answer.is_empty() { 0 } else { send(fd, answer)? };
    if sent < answer.len() {
        connection.unsent = answer[sent..].to_vec();
        watch(epoll, libc::EPOLL_CTL_MOD, fd, libc::EPOLLOUT, fd as u64)?;
    }
    Ok(())
}

/// What the kernel took; nothing when it is full.
fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the kernel reads `bytes.len()` bytes of the borrowed slice.
    let n = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    match usize::try_from(n) {
        Ok(n) => Ok(n),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == WouldBlock => Ok(0),
            error => Err(error),
        },
    }
}
