//! The calls of sockets, awaited: whatever socket a program has, without a transport.
//!
//! Each tries its call first and waits only where there is nothing to do yet, so a call that can
//! be answered at once registers nothing. The socket must be non-blocking, which is asked each
//! time: one that blocks would stop the whole loop, not only the task that made the mistake.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};
use std::panic::Location;
use std::rc::Rc;

use super::address::{Address, ToAddress};
use super::receive::is_not_now;
use crate::event_loop::{EventLoop, FdWait, Home, LoopError, Side, Watchable};
use crate::observe::Site;
use crate::sys::{self, ConnectProgress, Sockets};

/// One operation on a socket that stays open until its end: `S` may be a reference to it.
pub(super) struct Operation<S> {
    pub(super) home: Rc<Home>,
    _socket: S,
    fd: Result<RawFd, LoopError>,
    at: Site,
}

impl<S: Watchable> Operation<S> {
    pub(super) fn new(event_loop: &EventLoop, socket: S, at: Site) -> Operation<S> {
        let fd = event_loop.to_wait_for(&socket);
        Operation { home: event_loop.0.home.clone(), _socket: socket, fd, at }
    }

    /// The socket's number, if it may be used.
    pub(super) fn checked(&mut self) -> io::Result<RawFd> {
        let fd = std::mem::replace(&mut self.fd, Ok(-1))?;
        self.home.sockets.check_nonblocking(fd)?;
        self.fd = Ok(fd);
        Ok(fd)
    }

    /// Makes the call until there is something to do.
    pub(super) async fn attempt<T>(
        &mut self,
        side: Side,
        mut call: impl FnMut(&dyn Sockets, RawFd) -> io::Result<T>,
    ) -> io::Result<T> {
        let fd = self.checked()?;
        loop {
            match call(&self.home.sockets, fd) {
                Err(error) if is_not_now(&error) => self.wait(fd, side).await?,
                result => return result,
            }
        }
    }

    fn wait(&self, fd: RawFd, side: Side) -> FdWait {
        FdWait::new(&self.home, fd, side, self.at)
    }

    /// Sends all of it.
    pub(super) async fn send_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = self.attempt(Side::Writer, |sockets, fd| sockets.send(fd, bytes)).await?;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    async fn connect(&mut self, address: io::Result<Address>) -> io::Result<()> {
        let fd = self.checked()?;
        let addresses = match address? {
            Address::Socket(_) => return Err(no_address()),
            address => address.resolve().await?,
        };
        let ours = sys::socket_family(fd)?;
        let fits = |address: &&SocketAddr| sys::family_of(address) == ours;
        let address = addresses.iter().find(fits).ok_or_else(other_family)?;
        let progress = sys::connect_socket(fd, address).map_err(|error| failed(address, error))?;
        if progress == ConnectProgress::Connected {
            return Ok(());
        }
        self.wait(fd, Side::Writer).await?;
        match self.home.sockets.take_error(fd)? {
            None => Ok(()),
            Some(error) => Err(failed(address, error)),
        }
    }
}

/// The most memory that one call is given: no socket's buffer has more in it.
const MOST: usize = 1 << 24;

fn no_address() -> io::Error {
    let text = "a socket is no address to connect a socket to";
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn other_family() -> io::Error {
    let text = "there is no address of the socket's own family (IPv4 or IPv6)";
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn failed(address: &SocketAddr, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("Connect call failed {address}: {error}"))
}

impl EventLoop {
    /// What has come, at most `max` bytes and 16 MiB; empty at the end of the stream.
    /// (`loop.sock_recv`)
    ///
    /// As for all of the `sock_` methods `socket` is a reference to whatever has a descriptor, or
    /// its number; it must not block, and be no transport's. The call is made first, and the
    /// socket waited for only if there is nothing to do.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the socket blocks; [`LoopError`]s in an [`io::Error`]: a transport owns
    /// it, or the loop is closed; `AlreadyExists` if it must be waited for and a callback watches
    /// it; the kernel's.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has taken nothing.
    #[track_caller]
    pub fn sock_recv<S: Watchable>(
        &self,
        socket: S,
        max: usize,
    ) -> impl Future<Output = io::Result<Vec<u8>>> + use<S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move {
            let mut buffer = vec![0; max.min(MOST)];
            let call = |sockets: &dyn Sockets, fd| sockets.recv(fd, &mut buffer);
            let received = operation.attempt(Side::Reader, call).await?;
            buffer.truncate(received);
            Ok(buffer)
        }
    }

    /// The same into memory of yours; gives how many bytes it was. (`loop.sock_recv_into`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    ///
    /// # Cancel safety
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    #[track_caller]
    pub fn sock_recv_into<'a, S: Watchable + 'a>(
        &self,
        socket: S,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a, S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move { operation.attempt(Side::Reader, |sockets, fd| sockets.recv(fd, buffer)).await }
    }

    /// Sends all of `bytes`. (`loop.sock_sendall`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv). How much was sent before is not known then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, a part of the bytes may have been sent, from their beginning.
    #[track_caller]
    pub fn sock_sendall<'a, S: Watchable + 'a>(
        &self,
        socket: S,
        bytes: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + use<'a, S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move {
            operation.checked()?;
            operation.send_all(bytes).await
        }
    }

    /// Connects a stream or datagram socket. (`loop.sock_connect`)
    ///
    /// A name is looked up, and the first of its addresses taken that is of the socket's family.
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv); `InvalidInput` if no address is of its family.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the kernel goes on connecting: another `sock_connect` to the same
    /// address waits for that.
    #[track_caller]
    pub fn sock_connect<S: Watchable, A: ToAddress>(
        &self,
        socket: S,
        address: A,
    ) -> impl Future<Output = io::Result<()>> + use<S, A> {
        let address = address.to_address();
        let mut operation = Operation::new(self, socket, Location::caller());
        let simulated = self.is_simulated();
        async move {
            if simulated {
                return Err(only_real());
            }
            operation.connect(address).await
        }
    }

    /// The next connection to a listening socket, non-blocking and close-on-exec, and who it is:
    /// `None` if the socket is no internet one. (`loop.sock_accept`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has accepted nothing.
    #[track_caller]
    pub fn sock_accept<S: Watchable>(
        &self,
        socket: S,
    ) -> impl Future<Output = io::Result<(OwnedFd, Option<SocketAddr>)>> + use<S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        let simulated = self.is_simulated();
        async move {
            if simulated {
                return Err(only_real());
            }
            loop {
                match operation.attempt(Side::Reader, |_, fd| sys::accept_socket(fd)).await {
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    result => return result,
                }
            }
        }
    }

    /// The next datagram of an internet socket into `buffer`: its length and from whom.
    /// (`loop.sock_recvfrom_into`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    ///
    /// # Cancel safety
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    #[track_caller]
    pub fn sock_recvfrom_into<'a, S: Watchable + 'a>(
        &self,
        socket: S,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + use<'a, S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move { operation.attempt(Side::Reader, |sockets, fd| sockets.recv_from(fd, buffer)).await }
    }

    /// The same as a vector of at most `max` bytes and 16 MiB. (`loop.sock_recvfrom`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    ///
    /// # Cancel safety
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    #[track_caller]
    pub fn sock_recvfrom<S: Watchable>(
        &self,
        socket: S,
        max: usize,
    ) -> impl Future<Output = io::Result<(Vec<u8>, SocketAddr)>> + use<S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move {
            let mut buffer = vec![0; max.min(MOST)];
            let call = |sockets: &dyn Sockets, fd| sockets.recv_from(fd, &mut buffer);
            let (received, from) = operation.attempt(Side::Reader, call).await?;
            buffer.truncate(received);
            Ok((buffer, from))
        }
    }

    /// Sends one datagram to `address`. (`loop.sock_sendto`)
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](EventLoop::sock_recv).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has sent nothing.
    #[track_caller]
    pub fn sock_sendto<'a, S: Watchable + 'a>(
        &self,
        socket: S,
        datagram: &'a [u8],
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> + use<'a, S> {
        let mut operation = Operation::new(self, socket, Location::caller());
        async move {
            let to = Some(&address);
            let call = |sockets: &dyn Sockets, fd| sockets.send_to(fd, datagram, to).map(drop);
            operation.attempt(Side::Writer, call).await
        }
    }
}

fn only_real() -> io::Error {
    let text = "a simulation has no sockets to connect or to accept from by themselves: \
                create_connection and create_server make its";
    io::Error::new(ErrorKind::Unsupported, text)
}
