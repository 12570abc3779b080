//! A datagram socket that is awaited, which asyncio does not have.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use super::super::address::{Address, ToAddress};
use super::super::receive::is_not_now;
use super::addressee;
use super::create::Wanted;
use crate::event_loop::{FdWaits, Home, Side, get_running_loop};
use crate::observe::Site;
use crate::sys::{Sockets, get_option, set_option};

/// A UDP socket.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// use evloop::UdpSocket;
///
/// let answer = event_loop.run_until_complete(async {
///     let echo = UdpSocket::bind("127.0.0.1:0").await?;
///     let ours = UdpSocket::connect(echo.local_addr()?).await?;
///     ours.send(b"hello").await?;
///
///     let mut buffer = [0; 1500];
///     let (len, from) = echo.recv_from(&mut buffer).await?;
///     echo.send_to(&buffer[..len], from).await?;
///
///     let len = ours.recv(&mut buffer).await?;
///     std::io::Result::Ok(buffer[..len].to_vec())
/// })??;
/// assert_eq!(answer, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its methods take `&self`: several tasks may receive and send at a time; each datagram goes to
/// one of them. A send waits while the kernel has no room, which is all the flow control there is:
/// what the kernel has taken the network may still lose.
///
/// Dropping it closes it.
///
/// # Cancel safety
///
/// A receive that is dropped while it waits has taken no datagram, a send has sent none.
pub struct UdpSocket {
    waits: FdWaits,
    home: Rc<Home>,
    fd: RawFd,
    peer: Option<SocketAddr>,
}

/// A socket in the making: set options, then await it. [`UdpSocket::bind`] and
/// [`UdpSocket::connect`] give it.
#[must_use = "the socket is made when this is awaited"]
pub struct BindUdp(Wanted);

impl BindUdp {
    /// Binds to this address.
    pub fn local_addr(mut self, address: impl ToAddress) -> Self {
        self.0.local(address);
        self
    }

    /// Connects to this address.
    pub fn remote_addr(mut self, address: impl ToAddress) -> Self {
        self.0.remote(address);
        self
    }

    /// Whether several sockets may share the port; no if not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.0.options().reuse_port = reuse;
        self
    }

    /// Whether datagrams may be sent to broadcast addresses; no if not set.
    pub fn allow_broadcast(mut self, allow: bool) -> Self {
        self.0.options().allow_broadcast = allow;
        self
    }
}

impl IntoFuture for BindUdp {
    type Output = io::Result<UdpSocket>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<UdpSocket>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (fd, peer) = self.0.open().await?;
            let event_loop = get_running_loop()?;
            event_loop.0.set_owned(fd, true);
            let home = event_loop.0.home.clone();
            Ok(UdpSocket { waits: FdWaits::new(&home, fd), home, fd, peer })
        })
    }
}

impl UdpSocket {
    /// A socket that receives what is sent to `address`; port 0 has the kernel choose one.
    ///
    /// Await what it gives, in a task; options can be set before.
    ///
    /// # Errors
    ///
    /// When awaited: as [`create_datagram_endpoint`](crate::EventLoop::create_datagram_endpoint).
    pub fn bind(address: impl ToAddress) -> BindUdp {
        BindUdp(Wanted::default()).local_addr(address)
    }

    /// A socket that is connected to `address`: it receives from nobody else, and is told what the
    /// network says of what it sent.
    ///
    /// # Errors
    ///
    /// As [`bind`](UdpSocket::bind).
    pub fn connect(address: impl ToAddress) -> BindUdp {
        BindUdp(Wanted::default()).remote_addr(address)
    }

    /// A socket from elsewhere, whose options are set already (multicast, for instance). Await it.
    ///
    /// # Errors
    ///
    /// When awaited: `InvalidInput` if it is no internet datagram socket.
    pub fn from_std(socket: std::net::UdpSocket) -> BindUdp {
        BindUdp(Wanted::default()).local_addr(Address::Socket(OwnedFd::from(socket)))
    }

    /// The next datagram, and from whom. Of one that is longer than `buffer` the rest is lost; it
    /// may be empty.
    ///
    /// # Errors
    ///
    /// What the network says of what was sent, `ConnectionRefused` for instance: the socket goes
    /// on. The kernel's.
    #[track_caller]
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        let call = move || self.home.sockets.recv_from(self.fd, buffer);
        self.attempt(Side::Reader, Location::caller(), call)
    }

    /// The next datagram of a socket that is connected, or of anybody's: its length.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let call = move || self.home.sockets.recv_from(self.fd, buffer).map(|(len, _)| len);
        self.attempt(Side::Reader, Location::caller(), call)
    }

    /// Sends one datagram, which may be empty, to `address`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the socket is connected to somebody else; the kernel's: it is too long,
    /// there is no route.
    #[track_caller]
    pub fn send_to(
        &self,
        datagram: &[u8],
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> {
        let (to, at) = (addressee(self.peer, Some(address)), Location::caller());
        async move { self.sending(datagram, to?, at).await }
    }

    /// Sends one datagram to whom the socket is connected.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to), and the kernel's if the socket is not connected.
    #[track_caller]
    pub fn send(&self, datagram: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.sending(datagram, None, Location::caller())
    }

    async fn sending(&self, datagram: &[u8], to: Option<SocketAddr>, at: Site) -> io::Result<()> {
        let call = || self.home.sockets.send_to(self.fd, datagram, to.as_ref()).map(drop);
        self.attempt(Side::Writer, at, call).await
    }

    /// Tries, and waits while there is nothing to do.
    async fn attempt<T>(
        &self,
        side: Side,
        at: Site,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match call() {
                Err(error) if is_not_now(&error) => self.waits.wait(side, at).await?,
                result => return result,
            }
        }
    }

    /// Our own address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.home.sockets.local_addr(self.fd)
    }

    /// To whom it is connected, if it is.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// An integer option of the socket (getsockopt(2)).
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn getsockopt(&self, level: i32, option: i32) -> io::Result<i32> {
        get_option(self.fd, level, option)
    }

    /// Sets an integer option of the socket (setsockopt(2)).
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn setsockopt(&self, level: i32, option: i32, value: i32) -> io::Result<()> {
        set_option(self.fd, level, option, value)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.waits.end();
        if let Some(inner) = self.home.event_loop.upgrade() {
            inner.set_owned(self.fd, false);
        }
        self.home.sockets.close(self.fd);
    }
}

impl AsRawFd for UdpSocket {
    /// The descriptor, for looking at it.
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<UdpSocket fd={}", self.fd)?;
        if let Ok(local) = self.local_addr() {
            write!(f, " local={local}")?;
        }
        if let Some(peer) = self.peer {
            write!(f, " peer={peer}")?;
        }
        write!(f, ">")
    }
}
