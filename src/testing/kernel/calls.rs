//! System calls: what the program does to its descriptors, but for their bytes.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::RawFd;

use super::World;
use super::network::{Couple, Host, Listener, Object, Owner};
use super::pair::Pair;
use super::pipe::Pipe;
use super::table::Open;
use super::wire::Step;
use crate::sys::ListenOptions;
use crate::testing::journal::{Act, Errno};
use crate::testing::schedule::{Fault, Site};

/// An answer in the kernel's words, as the caller has it.
pub(super) fn told<T>(result: Result<T, Errno>) -> io::Result<T> {
    result.map_err(io::Error::from_raw_os_error)
}

impl World {
    /// Gives something a number.
    fn open(&self, object: Object, kind: &'static str) -> Result<RawFd, Errno> {
        let open = self.with(|net| net.table.open(object))?;
        self.act(Act::Opened { fd: open.fd, birth: open.birth, kind });
        Ok(open.fd)
    }

    pub(super) fn find(&self, fd: RawFd) -> io::Result<Open<Object>> {
        self.with(|net| net.table.find(fd))
    }

    pub(super) fn listen(&self, address: SocketAddr, how: &ListenOptions) -> Result<RawFd, Errno> {
        let id = self.with(|net| {
            net.table.check_room(1)?;
            let mut listener = Listener {
                local: address,
                backlog: how.backlog.max(0) as usize,
                queue: VecDeque::new(),
                host: Host::Fd(-1),
                shared: how.reuse_port,
                one_family: address.is_ipv4() || how.v6_only,
            };
            listener.local = net.bind(&listener)?;
            net.listeners.push(Some(listener));
            Ok::<usize, Errno>(net.listeners.len() - 1)
        })?;
        let fd = self.open(Object::Listener(id), "a listening socket")?;
        self.with(|net| net.listener(id).map(|listener| listener.host = Host::Fd(fd)));
        Ok(fd)
    }

    pub(super) fn connect(
        &self,
        remote: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<RawFd, Errno> {
        let fault = self.fault(Site::Connect);
        let got = self.try_connect(remote, local);
        self.act(Act::Connect { remote, got: got.as_ref().map(|(fd, _)| *fd).map_err(|e| *e) });
        let (fd, id) = got?;
        match fault {
            Some(Fault::Reset) => self.step_later(id, Step::Refusal),
            _ => self.step_later(id, Step::Request(0)),
        }
        Ok(fd)
    }

    fn try_connect(
        &self,
        remote: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<(RawFd, usize), Errno> {
        let remote = loopback_if_unspecified(remote);
        let local = self.with(|net| {
            net.table.check_room(1)?;
            net.source(remote, local)
        })?;
        let id = self.begin_connection(local, remote, |_| Owner::Nobody);
        let fd = self.open(Object::Tcp(id, 0), "a connection")?;
        self.with(|net| net.connection(id).map(|c| c.owners[0] = Owner::Fd(fd)));
        Ok((fd, id))
    }

    pub(super) fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)> {
        let fault = self.fault(Site::Accept);
        let Object::Listener(id) = self.find(listener)?.object else {
            return told(Err(libc::EINVAL));
        };
        let got = self.try_accept(id, fault);
        let left = self.with(|net| net.listener(id).map_or(0, |listener| listener.queue.len()));
        let fd = got.as_ref().map(|(fd, _)| *fd).map_err(|error| *error);
        self.act(Act::Accept { listener, got: fd, left });
        told(got)
    }

    /// A number is found first, and if there is none the connection stays in the queue. (Linux:
    /// do_accept4)
    fn try_accept(&self, id: usize, fault: Option<Fault>) -> Result<(RawFd, SocketAddr), Errno> {
        match fault {
            Some(Fault::Emfile) => return Err(libc::EMFILE),
            Some(Fault::Again) => return Err(libc::EAGAIN),
            _ => self.with(|net| net.table.check_room(1))?,
        }
        let next = self.with(|net| net.listener(id)?.queue.pop_front());
        let connection = next.ok_or(libc::EAGAIN)?;
        if fault == Some(Fault::Aborted) {
            self.with_tcp(connection, |tcp| tcp.release_with_reset(1, self.now()));
            self.settle(connection);
            return Err(libc::ECONNABORTED);
        }
        let fd = self.open(Object::Tcp(connection, 1), "a connection")?;
        let peer = self.with(|net| {
            let connection = net.connection(connection)?;
            connection.owners[1] = Owner::Fd(fd);
            Some(connection.tcp.ends[0].local)
        });
        Ok((fd, peer.ok_or(libc::ECONNABORTED)?))
    }

    pub(super) fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()> {
        let object = self.find(fd)?.object;
        let now = self.now();
        let done = self.with(|net| match object {
            Object::Listener(_) | Object::Pipe(..) => Err(libc::ENOTCONN),
            Object::Tcp(id, side) => match net.connection(id) {
                Some(connection) => connection.tcp.shutdown(side, now, how),
                None => Err(libc::ENOTCONN),
            },
            Object::Pair(id, side) => {
                net.pairs[id].iter_mut().for_each(|couple| couple.inside.shutdown(side, how));
                Ok(())
            }
        });
        self.act(Act::Shutdown { fd, how, error: done.err() });
        self.tell_arrival(object, 0, done.is_ok() && how != Shutdown::Read);
        told(done)
    }

    pub(super) fn take_error(&self, fd: RawFd) -> io::Result<Option<Errno>> {
        let object = self.find(fd)?.object;
        Ok(self.with(|net| match object {
            Object::Tcp(id, side) => net.connection(id)?.tcp.take_error(side),
            Object::Pair(id, side) => net.pairs[id].as_mut()?.inside.take_error(side),
            Object::Listener(_) | Object::Pipe(..) => None,
        }))
    }

    pub(super) fn close(&self, fd: RawFd) {
        let closed = self.with(|net| net.table.close(fd));
        self.act(Act::Closed { fd, birth: closed.map(|open| open.birth) });
        let Some(Open { object, .. }) = closed else { return };
        match object {
            Object::Listener(id) => self.close_listener(id),
            Object::Tcp(id, side) => {
                self.release(id, side);
                self.settle(id);
            }
            Object::Pair(id, side) => {
                self.with(|net| net.pairs[id].iter_mut().for_each(|c| c.inside.close(side)));
                self.tell_arrival(object, 0, true);
                self.with(|net| drop(net.pairs[id].take_if(|couple| couple.inside.is_over())));
            }
            Object::Pipe(id, side) => {
                self.with(|net| net.pipes[id].iter_mut().for_each(|c| c.inside.close(side)));
                self.tell_arrival(object, 0, true);
                self.with(|net| drop(net.pipes[id].take_if(|couple| couple.inside.is_over())));
            }
        }
    }

    /// Whoever waits to be accepted is told with a reset.
    fn close_listener(&self, id: usize) {
        let waiting = self.with(|net| net.listeners[id].take().map(|listener| listener.queue));
        for connection in waiting.into_iter().flatten() {
            self.with_tcp(connection, |tcp| tcp.release_with_reset(1, self.now()));
            self.settle(connection);
        }
    }

    pub(in crate::testing) fn open_pair(&self) -> Result<[RawFd; 2], Errno> {
        let id = self.with(|net| {
            net.table.check_room(2)?;
            net.pairs.push(Some(Couple { inside: Pair::default(), fds: [-1; 2] }));
            Ok::<usize, Errno>(net.pairs.len() - 1)
        })?;
        let fds = [
            self.open(Object::Pair(id, 0), "one of a pair of sockets")?,
            self.open(Object::Pair(id, 1), "one of a pair of sockets")?,
        ];
        self.with(|net| net.pairs[id].iter_mut().for_each(|couple| couple.fds = fds));
        Ok(fds)
    }

    pub(in crate::testing) fn open_pipe(&self) -> Result<[RawFd; 2], Errno> {
        let id = self.with(|net| {
            net.table.check_room(2)?;
            net.pipes.push(Some(Couple { inside: Pipe::default(), fds: [-1; 2] }));
            Ok::<usize, Errno>(net.pipes.len() - 1)
        })?;
        let fds = [
            self.open(Object::Pipe(id, 0), "a pipe's reader")?,
            self.open(Object::Pipe(id, 1), "a pipe's writer")?,
        ];
        self.with(|net| net.pipes[id].iter_mut().for_each(|couple| couple.fds = fds));
        Ok(fds)
    }
}

/// To connect to "any" is to connect to oneself. (Linux: ip(7))
fn loopback_if_unspecified(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
