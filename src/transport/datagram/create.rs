//! Creating datagram endpoints.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::pin::Pin;

use super::super::address::{Address, ToAddress};
use super::super::listener::Unclaimed;
use super::endpoint::Udp;
use super::protocol::DatagramProtocol;
use super::transport::DatagramTransport;
use crate::event_loop::{EventLoop, Inner, get_running_loop};
use crate::sys::{DatagramOptions, Sockets};

/// Where a datagram socket is to be, and how: the part that endpoints and
/// [`UdpSocket`](crate::UdpSocket) share.
#[derive(Default)]
pub(super) struct Wanted {
    local: Option<io::Result<Address>>,
    remote: Option<io::Result<Address>>,
    options: Option<DatagramOptions>,
}

impl Wanted {
    pub(super) fn local(&mut self, address: impl ToAddress) {
        self.local = Some(address.to_address());
    }

    pub(super) fn remote(&mut self, address: impl ToAddress) {
        self.remote = Some(address.to_address());
    }

    pub(super) fn options(&mut self) -> &mut DatagramOptions {
        self.options.get_or_insert_default()
    }

    /// The socket, and to whom it is connected.
    pub(super) async fn open(self) -> io::Result<(RawFd, Option<SocketAddr>)> {
        match (self.local, self.remote) {
            (None, None) => Err(no_address()),
            (Some(Ok(Address::Socket(socket))), None) if self.options.is_none() => {
                adopt(&get_running_loop()?.0, socket)
            }
            (Some(Ok(Address::Socket(_))), _) | (_, Some(Ok(Address::Socket(_)))) => {
                Err(socket_and_more())
            }
            (local, remote) => {
                // No name of the loop is held while this waits: it would keep the loop alive.
                let local = resolved(local).await?;
                let remote = resolved(remote).await?;
                open_first(
                    &get_running_loop()?.0,
                    &local,
                    &remote,
                    self.options.unwrap_or_default(),
                )
            }
        }
    }
}

/// The addresses, or `None` alone where nothing was asked for.
async fn resolved(address: Option<io::Result<Address>>) -> io::Result<Vec<Option<SocketAddr>>> {
    let Some(address) = address else { return Ok(vec![None]) };
    let mut addresses = address?.resolve().await?;
    // Every interface, in both families: one socket has one family.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses.into_iter().map(Some).collect())
}

/// Takes charge of a socket from elsewhere.
fn adopt(inner: &Inner, socket: OwnedFd) -> io::Result<(RawFd, Option<SocketAddr>)> {
    let fd = socket.as_raw_fd();
    inner.home.sockets.adopt_datagram(fd)?;
    let peer = inner.home.sockets.peer_addr(fd).ok();
    Ok((socket.into_raw_fd(), peer))
}

/// The first pair of addresses of one family that can be had.
fn open_first(
    inner: &Inner,
    locals: &[Option<SocketAddr>],
    remotes: &[Option<SocketAddr>],
    options: DatagramOptions,
) -> io::Result<(RawFd, Option<SocketAddr>)> {
    let mut refused = None;
    for local in locals {
        for remote in remotes {
            if let (Some(local), Some(remote)) = (local, remote) {
                if local.is_ipv4() != remote.is_ipv4() {
                    continue;
                }
            }
            match inner.home.sockets.datagram(local.as_ref(), remote.as_ref(), &options) {
                Ok(fd) => return Ok((fd, *remote)),
                Err(error) => refused = Some(cannot(*local, *remote, error)),
            }
        }
    }
    Err(refused.unwrap_or_else(families_differ))
}

fn cannot(local: Option<SocketAddr>, remote: Option<SocketAddr>, error: io::Error) -> io::Error {
    let text = match (local, remote) {
        (Some(local), Some(remote)) => format!("cannot bind {local} and connect {remote}"),
        (Some(local), None) => format!("error while attempting to bind on address {local}"),
        (None, Some(remote)) => format!("cannot connect a datagram socket to {remote}"),
        (None, None) => String::from("cannot make a datagram socket"),
    };
    io::Error::new(error.kind(), format!("{text}: {error}"))
}

fn families_differ() -> io::Error {
    let text = "the local and the remote address are not of one family: both IPv4 or both IPv6";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn no_address() -> io::Error {
    let text = "a datagram endpoint wants a local_addr, a remote_addr or both; \"0.0.0.0:0\" has \
                the kernel choose";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn socket_and_more() -> io::Error {
    let text = "a socket from elsewhere is taken as it is: as the local_addr, without a \
                remote_addr and without options";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// A datagram endpoint in the making: set options, then await it.
/// [`create_datagram_endpoint`](EventLoop::create_datagram_endpoint) gives it.
#[must_use = "the endpoint is made when this is awaited"]
pub struct CreateDatagramEndpoint {
    wanted: Wanted,
    factory: Box<dyn FnOnce() -> Box<dyn DatagramProtocol>>,
}

impl CreateDatagramEndpoint {
    /// Binds to this address, and receives what is sent to it. Port 0 has the kernel choose one;
    /// a [`UdpSocket`](std::net::UdpSocket) from elsewhere is taken as it is (asyncio's `sock`).
    pub fn local_addr(mut self, address: impl ToAddress) -> Self {
        self.wanted.local(address);
        self
    }

    /// Connects to this address: only its datagrams are received, only to it can be sent, and
    /// what the network says of them is told.
    pub fn remote_addr(mut self, address: impl ToAddress) -> Self {
        self.wanted.remote(address);
        self
    }

    /// Whether several sockets may share the port, the kernel spreading datagrams over them; no if
    /// not set.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.wanted.options().reuse_port = reuse;
        self
    }

    /// Whether datagrams may be sent to broadcast addresses; no if not set.
    pub fn allow_broadcast(mut self, allow: bool) -> Self {
        self.wanted.options().allow_broadcast = allow;
        self
    }

    async fn create(self) -> io::Result<DatagramTransport> {
        let (fd, peer) = self.wanted.open().await?;
        let event_loop = get_running_loop()?;
        // The factory may panic.
        let socket = Unclaimed { fd, inner: &event_loop.0 };
        let protocol = (self.factory)();
        Ok(DatagramTransport(Udp::open(&event_loop, socket.claim(), peer, protocol)))
    }
}

impl IntoFuture for CreateDatagramEndpoint {
    type Output = io::Result<DatagramTransport>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<DatagramTransport>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl EventLoop {
    /// A datagram endpoint (UDP) with a protocol from `factory`.
    /// (`loop.create_datagram_endpoint`)
    ///
    /// Say [`local_addr`](CreateDatagramEndpoint::local_addr),
    /// [`remote_addr`](CreateDatagramEndpoint::remote_addr) or both, then await it on this loop.
    /// When it is there, `connection_made` has been called. Of a name's addresses the first that
    /// works is taken. [`UdpSocket`](crate::UdpSocket) is the same to be awaited.
    ///
    /// # Errors
    ///
    /// When awaited: `InvalidInput` if no address was said, if the families of the two differ, or
    /// if a socket from elsewhere is no internet datagram socket or comes with options; a name
    /// cannot be looked up, or an address not be bound.
    ///
    /// # Unlike asyncio
    ///
    /// It gives the transport alone: the protocol belongs to it. There is no `family` without an
    /// address: `"0.0.0.0:0"` and `"[::]:0"` say it. Datagrams of AF_UNIX have a socket of their
    /// own, [`UnixDatagram`](crate::UnixDatagram).
    pub fn create_datagram_endpoint<P: DatagramProtocol + 'static>(
        &self,
        factory: impl FnOnce() -> P + 'static,
    ) -> CreateDatagramEndpoint {
        let factory = Box::new(move || Box::new(factory()) as Box<dyn DatagramProtocol>);
        CreateDatagramEndpoint { wanted: Wanted::default(), factory }
    }
}
