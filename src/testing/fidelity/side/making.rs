//! Making ends, closing them, and what they are called.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;

use super::Side;
use super::end::{End, Kind, Sender, Stream};
use super::seen::{Name, Seen, Value};
use crate::selector::{Interest, Token};
use crate::sys::ListenOptions;

impl Side {
    fn add(&mut self, fd: RawFd, kind: Kind, incoming: usize, outgoing: usize) {
        self.ends.push(End { serial: self.made, fd, kind, incoming, outgoing, deaf: false });
        self.made += 1;
    }

    fn stream(&mut self, sender: Sender) -> usize {
        self.streams.push(Stream { sender, ..Stream::default() });
        self.streams.len() - 1
    }

    pub(super) fn listen(&mut self) -> Seen {
        let backlog = self.backlog;
        let options = ListenOptions {
            backlog,
            reuse_address: true,
            reuse_port: false,
            v6_only: true,
            keep_alive: false,
        };
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let fd = self.kernel.sockets().listen(&anywhere, &options)?;
        let address = self.kernel.sockets().local_addr(fd)?;
        let nothing = self.stream(Sender::Nobody);
        self.add(fd, Kind::Listener, nothing, nothing);
        Ok(Value::Address(self.fresh(address)))
    }

    pub(super) fn connect(&mut self, address: &SocketAddr) -> Seen {
        let (fd, progress) = self.kernel.sockets().connect(address, None)?;
        let (to, from) = (self.stream(Sender::Open(fd)), self.stream(Sender::Nobody));
        self.add(fd, Kind::Tcp, from, to);
        if let Ok(local) = self.kernel.sockets().local_addr(fd) {
            self.fresh(local);
            self.dialled.insert(local, (to, from));
        }
        Ok(Value::Connecting(progress))
    }

    pub(super) fn accept(&mut self, listener: RawFd) -> Seen {
        let (fd, peer) = self.kernel.sockets().accept(listener)?;
        let (to, from) = self.dialled.get(&peer).copied().unwrap_or_else(|| {
            panic!("{}: accepted {peer}, from where nobody connected", self.kernel.name())
        });
        self.streams[from].sender = Sender::Open(fd);
        self.add(fd, Kind::Tcp, to, from);
        Ok(Value::Accepted(self.name(peer)))
    }

    pub(super) fn pair(&mut self) -> Seen {
        let (one, other) = self.kernel.pair()?;
        let (to, from) = (self.stream(Sender::Open(one)), self.stream(Sender::Open(other)));
        self.add(one, Kind::Pair, from, to);
        self.add(other, Kind::Pair, to, from);
        Ok(Value::Done)
    }

    pub(super) fn pipe(&mut self) -> Seen {
        let (reader, writer) = self.kernel.pipe()?;
        let stream = self.stream(Sender::Open(writer));
        self.add(reader, Kind::PipeReader, stream, stream);
        self.add(writer, Kind::PipeWriter, stream, stream);
        Ok(Value::Done)
    }

    pub(super) fn close(&mut self, end: End) {
        if end.kind == Kind::Listener {
            self.deserted = self.kernel.sockets().local_addr(end.fd).ok();
        }
        self.kernel.sockets().close(end.fd);
        for stream in self.streams.iter_mut().filter(|it| it.sender == Sender::Open(end.fd)) {
            stream.sender = Sender::Closed;
        }
        self.ends.retain(|other| other.fd != end.fd);
    }

    /// The name of an address that a socket has just been given, whoever had it before.
    fn fresh(&mut self, address: SocketAddr) -> Name {
        let name = self.made;
        self.names.insert(address, name);
        Name::Address(name)
    }

    pub(super) fn name(&mut self, address: SocketAddr) -> Name {
        match self.names.get(&address) {
            _ if address.port() == 0 => Name::NoPort,
            Some(name) => Name::Address(*name),
            None => Name::Address(usize::MAX),
        }
    }

    pub(super) fn token(&mut self, fd: RawFd) -> Token {
        self.generation += 1;
        Token::new(fd as u32, self.generation)
    }

    pub(super) fn register(&mut self, fd: RawFd, interest: Interest) -> io::Result<()> {
        let token = self.token(fd);
        self.kernel.selector().register(fd, interest, token)
    }
}
