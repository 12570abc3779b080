//! Unix datagrams, awaited.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::panic::Location;
use std::rc::Rc;

use super::super::pause::{Pause, RETRY_DELAY};
use super::super::receive::is_not_now;
use super::super::unix::{ToUnixAddress, UnixAddress};
use crate::event_loop::{FdWaits, Home, Side, get_running_loop};
use crate::observe::Site;
use crate::sys::{FileId, Sockets, unix, unix_datagram};

/// A Unix datagram socket: whole messages within one machine, in order, none lost.
///
/// Its methods take `&self`, as [`UdpSocket`](crate::UdpSocket)'s do. Dropping it closes it, and
/// removes its file if it made one that is still there.
///
/// # Cancel safety
///
/// A receive that is dropped while it waits has taken no datagram, a send has sent none.
pub struct UnixDatagram {
    waits: FdWaits,
    home: Rc<Home>,
    socket: OwnedFd,
    connected: bool,
    bound: Option<(UnixAddr, FileId)>,
}

fn name(address: impl ToUnixAddress) -> io::Result<UnixAddr> {
    match address.to_unix_address()? {
        UnixAddress::Name(name) => Ok(name),
        UnixAddress::Socket(_) => {
            let text = "a socket is no name: UnixDatagram::from_std() takes it";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

impl UnixDatagram {
    /// A socket that receives what is sent to `path`. The file of a socket that nobody is bound to
    /// any more is removed first.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if somebody is bound there, or if it is a file of another kind; `InvalidInput`
    /// for a path that cannot be one; [`LoopError`](crate::LoopError)s outside of a running loop.
    pub fn bind(path: impl ToUnixAddress) -> io::Result<UnixDatagram> {
        UnixDatagram::open(Some(name(path)?), None)
    }

    /// A socket without a name that sends to `path`.
    ///
    /// # Errors
    ///
    /// The kernel's, as `NotFound` and `ConnectionRefused`; as [`bind`](UnixDatagram::bind).
    pub fn connect(path: impl ToUnixAddress) -> io::Result<UnixDatagram> {
        UnixDatagram::open(None, Some(name(path)?))
    }

    /// A socket with a name of its own, so that it can be answered, that sends to `remote`.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind) and [`connect`](UnixDatagram::connect).
    pub fn bind_and_connect(
        local: impl ToUnixAddress,
        remote: impl ToUnixAddress,
    ) -> io::Result<UnixDatagram> {
        UnixDatagram::open(Some(name(local)?), Some(name(remote)?))
    }

    /// A socket from elsewhere.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no Unix datagram socket.
    pub fn from_std(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        let socket = OwnedFd::from(socket);
        unix_datagram::adopt_datagram(socket.as_raw_fd())?;
        let connected = unix::peer_addr(socket.as_raw_fd()).is_ok();
        UnixDatagram::new(socket, connected, None)
    }

    fn open(local: Option<UnixAddr>, remote: Option<UnixAddr>) -> io::Result<UnixDatagram> {
        // Who is outside of a loop makes no file.
        get_running_loop()?;
        let (socket, file) = unix_datagram::datagram(local.as_ref(), remote.as_ref())?;
        UnixDatagram::new(socket, remote.is_some(), local.zip(file))
    }

    fn new(
        socket: OwnedFd,
        connected: bool,
        bound: Option<(UnixAddr, FileId)>,
    ) -> io::Result<UnixDatagram> {
        let event_loop = get_running_loop()?;
        let home = event_loop.0.home.clone();
        let fd = socket.as_raw_fd();
        let waits = FdWaits::new(&home, fd);
        let socket = UnixDatagram { waits, home, socket, connected, bound };
        socket.home.sockets.check_real(fd)?;
        event_loop.0.set_owned(fd, true);
        Ok(socket)
    }

    /// The next datagram, and from whom; the sender may have no name. Of one that is longer than
    /// `buffer` the rest is lost; it may be empty.
    ///
    /// # Errors
    ///
    /// The kernel's.
    #[track_caller]
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, UnixAddr)>> {
        let at = Location::caller();
        async move {
            loop {
                match unix_datagram::recv_from(self.as_raw_fd(), buffer) {
                    Err(error) if is_not_now(&error) => self.waits.wait(Side::Reader, at).await?,
                    result => return result,
                }
            }
        }
    }

    /// The next datagram's length.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let receiving = self.recv_from(buffer);
        async move { receiving.await.map(|(len, _)| len) }
    }

    /// Sends one datagram, which may be empty, to `path`; waits while its queue is full.
    ///
    /// # Errors
    ///
    /// The kernel's: nobody is bound there, it is too long.
    #[track_caller]
    pub fn send_to(
        &self,
        datagram: &[u8],
        path: impl ToUnixAddress,
    ) -> impl Future<Output = io::Result<()>> {
        let (to, at) = (name(path), Location::caller());
        async move { self.sending(datagram, Some(&to?), at).await }
    }

    /// Sends one datagram to whom the socket is connected.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to), and the kernel's if the socket is not connected.
    #[track_caller]
    pub fn send(&self, datagram: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.sending(datagram, None, Location::caller())
    }

    /// A socket that is not connected is writable though its addressee's queue is full, so that
    /// is looked at again and again; and the BSDs say ENOBUFS of it.
    async fn sending(&self, datagram: &[u8], to: Option<&UnixAddr>, at: Site) -> io::Result<()> {
        loop {
            match unix_datagram::send_to(self.as_raw_fd(), datagram, to) {
                Err(error) if is_not_now(&error) && to.is_none() && self.connected => {
                    self.waits.wait(Side::Writer, at).await?;
                }
                Err(error) if is_not_now(&error) || is_full(&error) => {
                    Pause::new(&self.home, RETRY_DELAY, "room in a Unix socket's queue").await?;
                }
                result => return result.map(drop),
            }
        }
    }

    /// Our own name, if it has one.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixAddr> {
        unix::local_addr(self.as_raw_fd())
    }
}

fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

impl Drop for UnixDatagram {
    fn drop(&mut self) {
        self.waits.end();
        if let Some(inner) = self.home.event_loop.upgrade() {
            inner.set_owned(self.as_raw_fd(), false);
        }
        if let Some((name, file)) = &self.bound {
            unix::unlink_if_same(name, Some(*file));
        }
    }
}

impl AsRawFd for UnixDatagram {
    /// The descriptor, for looking at it.
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<UnixDatagram fd={} local={:?}>", self.as_raw_fd(), self.local_addr().ok())
    }
}
