//! Sockets over the simulated network.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::RawFd;

use super::World;
use super::calls::told;
use super::network::Object;
use super::phase::Phase;
use super::table::real;
use crate::selector::Readiness;
use crate::sys::{ConnectProgress, ListenOptions, NameFlags, PipeKind, Sockets, read_file_at};

/// So much of a file is read for one call.
const SENDFILE_PART: usize = 64 << 10;

/// The world's sockets.
pub(crate) struct SimSockets(World);

impl SimSockets {
    pub(crate) fn new(world: World) -> SimSockets {
        SimSockets(world)
    }
}

impl Sockets for SimSockets {
    fn listen(&self, address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd> {
        told(self.0.listen(*address, options))
    }

    fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)> {
        self.0.accept(listener)
    }

    /// Under way in any case: as on Linux, even where the peer answers at once.
    fn connect(
        &self,
        remote: &SocketAddr,
        local: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)> {
        let fd = told(self.0.connect(*remote, local.copied()))?;
        Ok((fd, ConnectProgress::InProgress))
    }

    /// Whoever has a socket to give has a real one, for only those are owned otherwise.
    fn adopt(&self, fd: RawFd) -> io::Result<()> {
        Err(real(fd))
    }

    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>> {
        Ok(self.0.take_error(fd)?.map(io::Error::from_raw_os_error))
    }

    fn recv(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(fd, buffer)
    }

    fn send(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(fd, bytes)
    }

    fn send_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let buffers = buffers.iter().map(|buffer| &buffer[..]).collect::<Vec<_>>();
        self.0.send(fd, &buffers.concat())
    }

    /// The file is a real one; it goes out in parts, as through the pipe that Linux does it with.
    fn sendfile(&self, fd: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
        let mut bytes = vec![0; count.min(SENDFILE_PART)];
        let read = read_file_at(file, &mut bytes, offset)?;
        if read == 0 { Ok(0) } else { self.0.send(fd, &bytes[..read]) }
    }

    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(fd, how)
    }

    fn local_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        let object = self.0.find(fd)?.object;
        self.0.with(|net| match object {
            Object::Listener(id) => {
                net.listener(id).map(|listener| listener.local).ok_or_else(no_address)
            }
            Object::Tcp(id, side) => {
                let local = net.connection(id).map(|c| c.tcp.ends[side].local);
                local.ok_or_else(no_address)
            }
            Object::Pair(..) | Object::Pipe(..) => Err(no_address()),
        })
    }

    fn peer_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        let object = self.0.find(fd)?.object;
        let peer = self.0.with(|net| match object {
            Object::Tcp(id, side) => {
                let tcp = &net.connection(id)?.tcp;
                let connected = !matches!(tcp.ends[side].phase, Phase::Connecting | Phase::Closed);
                connected.then_some(tcp.ends[1 - side].local)
            }
            Object::Listener(_) | Object::Pair(..) | Object::Pipe(..) => None,
        });
        peer.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOTCONN))
    }

    fn adopt_pipe(&self, fd: RawFd) -> io::Result<PipeKind> {
        match self.0.find(fd)?.object {
            Object::Pipe(..) => Ok(PipeKind::Pipe),
            Object::Pair(..) => Ok(PipeKind::Socket),
            Object::Listener(_) | Object::Tcp(..) => Err(no_pipe()),
        }
    }

    /// As poll(2) has it of what is in error or hung up, and recv(2) of an end of file.
    fn is_reader_gone(&self, fd: RawFd) -> io::Result<bool> {
        let object = self.0.find(fd)?.object;
        let readiness = self.0.with(|net| net.readiness(object));
        Ok(readiness.intersects(Readiness::ERROR | Readiness::HANGUP | Readiness::READ_HANGUP))
    }

    fn has_peer_finished(&self, fd: RawFd) -> io::Result<bool> {
        self.is_reader_gone(fd)
    }

    fn unacknowledged(&self, fd: RawFd) -> io::Result<usize> {
        let object = self.0.find(fd)?.object;
        Ok(self.0.with(|net| match object {
            Object::Tcp(id, side) => {
                net.connection(id).map_or(0, |connection| connection.tcp.unacknowledged(side))
            }
            _ => 0,
        }))
    }

    fn close(&self, fd: RawFd) {
        self.0.close(fd);
    }

    fn check_real(&self, fd: RawFd) -> io::Result<()> {
        Err(real(fd))
    }

    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        Some(self.0.resolve(host, port))
    }

    fn name_of(
        &self,
        address: &SocketAddr,
        flags: NameFlags,
    ) -> Option<io::Result<(String, String)>> {
        Some(self.0.name_of(address, flags))
    }
}

fn no_pipe() -> io::Error {
    let text = "a TCP socket is no pipe: create_connection takes it";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "this descriptor has no internet address")
}

impl World {
    /// Has the name `host` mean this address. `localhost` means 127.0.0.1 if nothing else is said;
    /// a name with several addresses is said so by as many calls.
    pub fn host(&self, host: &str, address: IpAddr) {
        self.with(|net| net.hosts.push((host.to_owned(), address)));
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let known = |net: &mut super::network::Network| {
            let named = net.hosts.iter().filter(|(name, _)| name.eq_ignore_ascii_case(host));
            named.map(|(_, ip)| SocketAddr::new(*ip, port)).collect::<Vec<_>>()
        };
        let mut addresses = self.with(known);
        if addresses.is_empty() && host.eq_ignore_ascii_case("localhost") {
            addresses.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        }
        if addresses.is_empty() {
            let text = format!(
                "cannot resolve the host name {host:?}: a simulation asks no name server; say \
                 World::host({host:?}, address) first"
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok(addresses)
    }

    /// Services have no names here: a port is its digits.
    fn name_of(&self, address: &SocketAddr, flags: NameFlags) -> io::Result<(String, String)> {
        let (ip, service) = (address.ip(), address.port().to_string());
        if flags.numeric_host && !flags.name_required {
            return Ok((ip.to_string(), service));
        }
        let said = self.with(|net| net.hosts.iter().find(|(_, of)| *of == ip).cloned());
        match said {
            Some((name, _)) => Ok((name, service)),
            None if ip == Ipv4Addr::LOCALHOST => Ok(("localhost".to_owned(), service)),
            None => {
                let text = format!(
                    "cannot find the name of {address}: a simulation asks no name server; say \
                     World::host(name, {ip}) first"
                );
                Err(io::Error::new(io::ErrorKind::NotFound, text))
            }
        }
    }
}
