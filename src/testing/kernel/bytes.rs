//! System calls that move bytes: receives and sends.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::World;
use super::calls::told;
use super::link::STEPS;
use super::network::{Object, Owner};
use crate::testing::journal::{Act, Choice, Errno};
use crate::testing::schedule::{Fault, Site};

impl World {
    pub(super) fn recv(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        let fault = self.fault(Site::Recv);
        let object = self.find(fd)?.object;
        let asked = buffer.len();
        let got = match self.disturb(fault, object, asked) {
            Ok(most) => self.try_recv(object, &mut buffer[..most]),
            Err(error) => Err(error),
        };
        if let Object::Tcp(id, side) = object {
            // What waited at the door comes in now, and the sender has room again.
            self.arrive(id, side);
        }
        let (left, eof) = self.with(|net| net.left(object));
        self.act(Act::Recv { fd, asked, got, eof, left });
        if let Object::Tcp(id, _) = object {
            self.settle(id);
        }
        told(got)
    }

    fn try_recv(&self, object: Object, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.with(|net| match object {
            Object::Listener(_) => Err(libc::ENOTCONN),
            Object::Tcp(id, side) => match net.connection(id) {
                Some(connection) => connection.tcp.recv(side, buffer),
                None => Ok(0),
            },
            Object::Pair(id, side) => match &mut net.pairs[id] {
                Some(couple) => couple.inside.recv(side, buffer),
                None => Ok(0),
            },
            Object::Pipe(id, side) => match &mut net.pipes[id] {
                Some(couple) => couple.inside.read(side, buffer),
                None => Ok(0),
            },
        })
    }

    pub(super) fn send(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        let fault = self.fault(Site::Send);
        let object = self.find(fd)?.object;
        let asked = bytes.len();
        let took = match self.disturb(fault, object, asked) {
            Ok(most) => self.try_send(object, &bytes[..most]),
            Err(error) => Err(error),
        };
        self.act(Act::Send { fd, asked, took });
        self.tell_arrival(object, took.unwrap_or(0), false);
        told(took)
    }

    fn try_send(&self, object: Object, bytes: &[u8]) -> Result<usize, Errno> {
        let now = self.now();
        let latency = match object {
            Object::Tcp(id, _) => self.latency(id),
            _ => Duration::ZERO,
        };
        self.with(|net| match object {
            Object::Listener(_) => Err(libc::EPIPE),
            Object::Tcp(id, side) => match net.connection(id) {
                Some(connection) => connection.tcp.send(side, now, bytes, latency),
                None => Err(libc::EPIPE),
            },
            Object::Pair(id, side) => match &mut net.pairs[id] {
                Some(couple) => couple.inside.send(side, bytes),
                None => Err(libc::EPIPE),
            },
            Object::Pipe(id, side) => match &mut net.pipes[id] {
                Some(couple) => couple.inside.write(side, bytes),
                None => Err(libc::EPIPE),
            },
        })
    }

    /// What a fault leaves of a receive or send: how many bytes it may take.
    fn disturb(&self, fault: Option<Fault>, object: Object, asked: usize) -> Result<usize, Errno> {
        match fault {
            // Fewer than one would be an end of file.
            Some(Fault::Short(most)) => Ok(asked.min(usize::from(most).max(1))),
            Some(Fault::Again) if asked > 0 => Err(libc::EAGAIN),
            Some(Fault::Reset) => {
                if let Object::Tcp(id, _) = object {
                    self.break_down(id);
                }
                Ok(asked)
            }
            _ => Ok(asked),
        }
    }

    /// Resets a connection at both ends, at once.
    pub(super) fn break_down(&self, id: usize) {
        let reset = self.with(|net| {
            let connection = net.connection(id)?;
            connection.tcp.break_down();
            Some(connection.owners)
        });
        for owner in reset.into_iter().flatten() {
            if let Owner::Fd(fd) = owner {
                self.act(Act::Arrived { fd, bytes: 0, eof: false, reset: true });
            }
        }
        self.poke(id);
    }

    /// How long the next packet of a connection is under way.
    pub(super) fn latency(&self, id: usize) -> Duration {
        let link = self.with_tcp(id, |tcp| match tcp.link() {
            link if link.varies() => Err(link.clone()),
            link => Ok(link.latency.start),
        });
        match link {
            Some(Err(link)) => link.latency_of(self.choose(Choice::Latency, STEPS)),
            Some(Ok(latency)) => latency,
            None => Duration::ZERO,
        }
    }

    /// After something was sent: it is on its way, or there.
    pub(super) fn tell_arrival(&self, object: Object, bytes: usize, eof: bool) {
        if let Object::Tcp(id, _) = object {
            return self.settle(id);
        }
        if bytes == 0 && !eof {
            return;
        }
        let fd = self.with(|net| {
            let fd = match object {
                Object::Pair(id, side) => net.pairs[id].as_ref()?.fds[1 - side],
                Object::Pipe(id, side) => net.pipes[id].as_ref()?.fds[1 - side],
                Object::Listener(_) | Object::Tcp(..) => return None,
            };
            net.table.get(fd).map(|_| fd)
        });
        if let Some(fd) = fd {
            self.act(Act::Arrived { fd, bytes, eof, reset: false });
        }
    }
}
