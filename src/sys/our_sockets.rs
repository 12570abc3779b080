//! The sockets of a loop: the system's, or those of whoever stands in for it.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::os::unix::net::SocketAddr as UnixAddr;

use super::pipe::PipeKind;
use super::resolve::NameFlags;
use super::socket::{ConnectProgress, DatagramOptions, ListenOptions, OsSockets, Sockets};
use super::unix::FileId;

/// What a loop makes its socket calls through.
///
/// The system's are called by name, not through a table of functions: a program that has nobody
/// in the system's place has, of all these calls, those in it that it can reach. A table would
/// keep every one, Unix sockets and datagrams in an echo server too.
#[derive(Default)]
pub(crate) enum OurSockets {
    #[default]
    System,
    Given(Box<dyn Sockets>),
}

macro_rules! forward {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        impl Sockets for OurSockets {
            $(fn $name(&self, $($argument: $type),*) -> $output {
                match self {
                    OurSockets::System => OsSockets.$name($($argument),*),
                    OurSockets::Given(sockets) => sockets.$name($($argument),*),
                }
            })*
        }
    };
}

forward! {
    fn listen(address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd>;
    fn accept(listener: RawFd) -> io::Result<(RawFd, SocketAddr)>;
    fn connect(
        remote: &SocketAddr,
        local: Option<&SocketAddr>
    ) -> io::Result<(RawFd, ConnectProgress)>;
    fn adopt(fd: RawFd) -> io::Result<()>;
    fn take_error(fd: RawFd) -> io::Result<Option<io::Error>>;
    fn recv(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize>;
    fn send_vectored(fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shutdown(fd: RawFd, how: Shutdown) -> io::Result<()>;
    fn local_addr(fd: RawFd) -> io::Result<SocketAddr>;
    fn peer_addr(fd: RawFd) -> io::Result<SocketAddr>;
    fn close(fd: RawFd) -> ();
    fn datagram(
        local: Option<&SocketAddr>,
        remote: Option<&SocketAddr>,
        options: &DatagramOptions
    ) -> io::Result<RawFd>;
    fn adopt_datagram(fd: RawFd) -> io::Result<()>;
    fn recv_from(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    fn send_to(fd: RawFd, bytes: &[u8], to: Option<&SocketAddr>) -> io::Result<usize>;
    fn listen_unix(address: &UnixAddr, backlog: i32) -> io::Result<(RawFd, Option<FileId>)>;
    fn accept_unix(listener: RawFd) -> io::Result<RawFd>;
    fn connect_unix(address: &UnixAddr) -> io::Result<RawFd>;
    fn sendfile(fd: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize>;
    fn check_nonblocking(fd: RawFd) -> io::Result<()>;
    fn adopt_pipe(fd: RawFd) -> io::Result<PipeKind>;
    fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize>;
    fn write_vectored(fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    fn is_reader_gone(fd: RawFd) -> io::Result<bool>;
    fn has_peer_finished(fd: RawFd) -> io::Result<bool>;
    fn unacknowledged(fd: RawFd) -> io::Result<usize>;
    fn check_real(fd: RawFd) -> io::Result<()>;
    fn resolve(host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>>;
    fn name_of(address: &SocketAddr, flags: NameFlags) -> Option<io::Result<(String, String)>>;
}
