//! The kernel below us, through the same traits.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Kernel;
use crate::selector::{EpollSelector, PollSelector, Selector};
use crate::sys::{OsSockets, Sockets, testing};

/// For what a timer of TCP's brings: a packet that a full queue lost comes again after 200 ms, and
/// then after twice as long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Real sockets, pipes and selectors.
pub(super) struct Real {
    name: &'static str,
    selector: Box<dyn Selector>,
    barrier: Barrier,
}

impl Real {
    pub(super) fn on_epoll() -> Real {
        Real::new("epoll", Box::new(EpollSelector::new().unwrap()))
    }

    pub(super) fn on_poll() -> Real {
        Real::new("poll", Box::new(PollSelector::new().unwrap()))
    }

    fn new(name: &'static str, selector: Box<dyn Selector>) -> Real {
        Real { name, selector, barrier: Barrier::new().unwrap() }
    }
}

impl Kernel for Real {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sockets(&self) -> &dyn Sockets {
        &OsSockets
    }

    fn selector(&mut self) -> &mut dyn Selector {
        &mut *self.selector
    }

    fn pair(&mut self) -> io::Result<(RawFd, RawFd)> {
        let (one, other) = UnixStream::pair()?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((one.into_raw_fd(), other.into_raw_fd()))
    }

    fn pipe(&mut self) -> io::Result<(RawFd, RawFd)> {
        let (reader, writer) = testing::pipe();
        Ok((reader.into_raw_fd(), writer.into_raw_fd()))
    }

    fn read(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        testing::read(fd, buffer)
    }

    fn write(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        testing::write(fd, bytes)
    }

    fn settle(&mut self) {
        self.barrier.settle();
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn under_way(&self, sender: RawFd) -> bool {
        testing::unacknowledged(sender).is_ok_and(|bytes| bytes > 0)
    }
}

/// When has the network of this machine done all it had to do?
///
/// The loopback device puts every packet into a queue of the processor that sends it, first in,
/// first out (`netif_rx`, `process_backlog`), and usually empties it before the system call
/// returns; on a loaded machine a kernel thread does so later. Therefore we stay on one processor
/// and send a datagram to ourselves: once it is here, every packet that was queued before it has
/// been taken in, and what those had to say is queued. No clock is asked.
pub(super) struct Barrier {
    socket: UdpSocket,
    number: u64,
}

impl Barrier {
    pub(super) fn new() -> io::Result<Barrier> {
        testing::stay_on_this_processor()?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        // Datagrams may be lost where a queue is full; then another is sent.
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        Ok(Barrier { socket, number: 0 })
    }

    pub(super) fn settle(&mut self) {
        // A handshake is three packets, and one more may answer the last.
        (0..4).for_each(|_| self.pass());
    }

    fn pass(&mut self) {
        for _ in 0..30 {
            self.number += 1;
            self.socket.send(&self.number.to_ne_bytes()).unwrap();
            if self.arrives() {
                return;
            }
        }
        panic!("in half a minute no datagram came back over the loopback device");
    }

    fn arrives(&self) -> bool {
        let mut number = [0; 8];
        loop {
            match self.socket.recv(&mut number) {
                Ok(_) if u64::from_ne_bytes(number) == self.number => return true,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("the loopback device: {error}"),
            }
        }
    }
}
