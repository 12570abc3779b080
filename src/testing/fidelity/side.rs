//! One kernel with the descriptors that an operation list has made in it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::Kernel;
use super::op::Op;
use crate::selector::{Event, Interest, Readiness, Token};
use crate::sys::{ConnectProgress, ListenOptions};

/// Why a call failed: the kind, and the kernel's number if it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Why(ErrorKind, Option<i32>);

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Why {
        Why(error.kind(), error.raw_os_error())
    }
}

impl fmt::Debug for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(number) => write!(f, "{:?} (errno {number})", self.0),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// What an operation came to, in what two kernels can be asked to agree on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Done,
    /// There was no end that it could be done to.
    NothingToDoItTo,
    Bytes(usize),
    /// So many that it is the kernel's own affair, or as many as happened to fit.
    SomeBytes,
    Connecting(ConnectProgress),
    Accepted(Name),
    Address(Name),
    Pending(Option<Why>),
    /// Filled until this.
    Full(Why),
    /// All was received, so many bytes unless a buffer had been filled, until this or the end.
    Empty(Option<usize>, Option<Why>),
}

pub(super) type Seen = Result<Value, Why>;

/// An address, as the how manyth it was seen. Port 0 is nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Name {
    NoPort,
    Address(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Listener,
    Tcp,
    Pair,
    PipeReader,
    PipeWriter,
}

/// A descriptor that is open. Streams are numbered in the order in which they were made.
#[derive(Clone, Copy)]
struct End {
    serial: usize,
    fd: RawFd,
    kind: Kind,
    incoming: usize,
    outgoing: usize,
    /// It has shut its reading side down.
    deaf: bool,
}

impl End {
    fn can_send(&self) -> bool {
        matches!(self.kind, Kind::Tcp | Kind::Pair | Kind::PipeWriter)
    }

    fn can_receive(&self) -> bool {
        matches!(self.kind, Kind::Tcp | Kind::Pair | Kind::PipeReader)
    }

    fn is_pipe(&self) -> bool {
        matches!(self.kind, Kind::PipeReader | Kind::PipeWriter)
    }
}

/// Bytes from one end to another. Each has its place's value, so that whoever receives one knows
/// whether it is the next.
#[derive(Clone, Copy, Default)]
struct Stream {
    sent: usize,
    received: usize,
    /// It was filled and not emptied since: how much room is left is the kernel's own affair.
    flooded: bool,
    sender: Sender,
}

/// The sending end of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Sender {
    /// A connection that nobody has accepted, or what is no stream.
    #[default]
    Nobody,
    Open(RawFd),
    Closed,
}

/// The largest receive or send.
const CHUNK: usize = 64 * 1024;
/// What is sent: the byte at place `n` of a stream is `PERIOD[n % 251]`.
const PERIOD: usize = 251;

/// One kernel, and what was made in it.
pub(super) struct Side {
    pub(super) kernel: Box<dyn Kernel>,
    ends: Vec<End>,
    streams: Vec<Stream>,
    names: HashMap<SocketAddr, usize>,
    /// By a client's address: the streams to it and from it.
    dialled: HashMap<SocketAddr, (usize, usize)>,
    /// Where a listener was.
    deserted: Option<SocketAddr>,
    made: usize,
    /// Of the listeners that are made. A list is shorter than this, so that no connection waits
    /// for a timer, but where it is about that.
    pub(super) backlog: i32,
    generation: u32,
    pattern: Vec<u8>,
}

impl Side {
    pub(super) fn new(kernel: impl Kernel + 'static) -> Side {
        Side {
            kernel: Box::new(kernel),
            ends: Vec::new(),
            streams: Vec::new(),
            names: HashMap::new(),
            dialled: HashMap::new(),
            deserted: None,
            made: 0,
            backlog: 32,
            generation: 0,
            pattern: (0..CHUNK + PERIOD).map(|place| (place % PERIOD) as u8).collect(),
        }
    }

    /// Does it; and which ends it was done to, in words.
    pub(super) fn perform(&mut self, op: Op, watched: bool) -> (Seen, String) {
        let first_new = self.made;
        let target = self.target(op);
        let seen = match target {
            Ok(end) => self.perform_on(op, end),
            Err(()) => Ok(Value::NothingToDoItTo),
        };
        let new: Vec<_> = self.ends.iter().filter(|end| end.serial >= first_new).copied().collect();
        if watched {
            for end in &new {
                self.register(end.fd, Interest::BOTH).expect("a new descriptor is not registered");
            }
        }
        let at = target.ok().flatten().map(|end| format!(" on #{}", end.serial));
        let made = new.iter().map(|end| format!(" #{} {:?}", end.serial, end.kind));
        (seen, format!("{op}{}{}", at.unwrap_or_default(), made.collect::<String>()))
    }

    /// Which end an operation is about: `Ok(None)` if none is needed, `Err` if there is none.
    fn target(&self, op: Op) -> Result<Option<End>, ()> {
        let (number, fits): (u8, fn(&End) -> bool) = match op {
            Op::Listen | Op::ConnectNowhere | Op::Pair | Op::Pipe => return Ok(None),
            Op::Connect(end) | Op::Accept(end) => (end, |end| end.kind == Kind::Listener),
            Op::Send(end, _) | Op::Fill(end) => (end, End::can_send),
            Op::Recv(end, _) | Op::Drain(end) => (end, End::can_receive),
            Op::ShutDown(end, _) => (end, |end| matches!(end.kind, Kind::Tcp | Kind::Pair)),
            Op::TakeError(end) => (end, |end| !end.is_pipe()),
            Op::LocalAddr(end) => (end, |end| matches!(end.kind, Kind::Tcp | Kind::Listener)),
            Op::PeerAddr(end) => (end, |end| matches!(end.kind, Kind::Tcp | Kind::Listener)),
            Op::Register(end, _)
            | Op::Modify(end, _)
            | Op::Unregister(end)
            | Op::Close(end)
            | Op::CloseWatched(end) => (end, |_| true),
        };
        let fitting: Vec<&End> = self.ends.iter().filter(|end| fits(end)).collect();
        match fitting.len() {
            0 => Err(()),
            many => Ok(Some(*fitting[usize::from(number) % many])),
        }
    }

    fn perform_on(&mut self, op: Op, end: Option<End>) -> Seen {
        let Some(end) = end else {
            return match op {
                Op::Listen => self.listen(),
                Op::Pair => self.pair(),
                Op::Pipe => self.pipe(),
                _ => match self.deserted {
                    Some(address) => self.connect(&address),
                    None => Ok(Value::NothingToDoItTo),
                },
            };
        };
        let fd = end.fd;
        match op {
            Op::Connect(_) => {
                let address = self.kernel.sockets().local_addr(fd)?;
                self.connect(&address)
            }
            Op::Accept(_) => self.accept(fd),
            Op::Send(_, bytes) => self.send(end, bytes.into()),
            Op::Fill(_) => self.fill(end),
            // Linux then says that there is room again only when a timer of the sender's asks
            // (tcp_cleanup_rbuf), and what comes of it resets the connection.
            Op::Recv(..) | Op::Drain(_) if end.deaf && self.streams[end.incoming].flooded => {
                Ok(Value::NothingToDoItTo)
            }
            Op::Recv(_, bytes) => self.recv(end, bytes.into()),
            Op::Drain(_) => self.drain(end),
            // What the window left by a few bytes still lets through, at a timer's pleasure, then
            // resets the connection.
            Op::ShutDown(_, how)
                if self.streams[end.incoming].flooded && (end.deaf || how != Shutdown::Write) =>
            {
                Ok(Value::NothingToDoItTo)
            }
            Op::ShutDown(_, how) => {
                self.kernel.sockets().shutdown(fd, how)?;
                if let Some(end) = self.ends.iter_mut().find(|end| end.fd == fd) {
                    end.deaf |= how != Shutdown::Write;
                }
                Ok(Value::Done)
            }
            Op::TakeError(_) => {
                Ok(Value::Pending(self.kernel.sockets().take_error(fd)?.map(Why::from)))
            }
            Op::LocalAddr(_) => {
                let address = self.kernel.sockets().local_addr(fd)?;
                Ok(Value::Address(self.name(address)))
            }
            Op::PeerAddr(_) => {
                let address = self.kernel.sockets().peer_addr(fd)?;
                Ok(Value::Address(self.name(address)))
            }
            Op::Register(_, interest) => {
                self.register(fd, interest)?;
                Ok(Value::Done)
            }
            Op::Modify(_, interest) => {
                let token = self.token(fd);
                self.kernel.selector().modify(fd, interest, token)?;
                Ok(Value::Done)
            }
            Op::Unregister(_) => {
                self.kernel.selector().unregister(fd)?;
                Ok(Value::Done)
            }
            Op::Close(_) => {
                let result = self.kernel.selector().unregister(fd);
                self.close(end);
                result.map(|()| Value::Done).map_err(Why::from)
            }
            _ => {
                self.close(end);
                let told = self.select();
                // poll(2) alone is told the number at every call, and says that it is none.
                let is_silent = told.iter().all(|event| event.token.slot() != fd as u32);
                assert!(is_silent || self.kernel.name() == "poll", "{told:?}");
                self.kernel.selector().unregister(fd)?;
                Ok(Value::Done)
            }
        }
    }

    // ---- making ends --------------------------------------------------------------------------

    fn add(&mut self, fd: RawFd, kind: Kind, incoming: usize, outgoing: usize) {
        self.ends.push(End { serial: self.made, fd, kind, incoming, outgoing, deaf: false });
        self.made += 1;
    }

    fn stream(&mut self, sender: Sender) -> usize {
        self.streams.push(Stream { sender, ..Stream::default() });
        self.streams.len() - 1
    }

    fn listen(&mut self) -> Seen {
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

    fn connect(&mut self, address: &SocketAddr) -> Seen {
        let (fd, progress) = self.kernel.sockets().connect(address, None)?;
        let (to, from) = (self.stream(Sender::Open(fd)), self.stream(Sender::Nobody));
        self.add(fd, Kind::Tcp, from, to);
        if let Ok(local) = self.kernel.sockets().local_addr(fd) {
            self.fresh(local);
            self.dialled.insert(local, (to, from));
        }
        Ok(Value::Connecting(progress))
    }

    fn accept(&mut self, listener: RawFd) -> Seen {
        let (fd, peer) = self.kernel.sockets().accept(listener)?;
        let (to, from) = self.dialled.get(&peer).copied().unwrap_or_else(|| {
            panic!("{}: accepted {peer}, from where nobody connected", self.kernel.name())
        });
        self.streams[from].sender = Sender::Open(fd);
        self.add(fd, Kind::Tcp, to, from);
        Ok(Value::Accepted(self.name(peer)))
    }

    fn pair(&mut self) -> Seen {
        let (one, other) = self.kernel.pair()?;
        let (to, from) = (self.stream(Sender::Open(one)), self.stream(Sender::Open(other)));
        self.add(one, Kind::Pair, from, to);
        self.add(other, Kind::Pair, to, from);
        Ok(Value::Done)
    }

    fn pipe(&mut self) -> Seen {
        let (reader, writer) = self.kernel.pipe()?;
        let stream = self.stream(Sender::Open(writer));
        self.add(reader, Kind::PipeReader, stream, stream);
        self.add(writer, Kind::PipeWriter, stream, stream);
        Ok(Value::Done)
    }

    fn close(&mut self, end: End) {
        if end.kind == Kind::Listener {
            self.deserted = self.kernel.sockets().local_addr(end.fd).ok();
        }
        self.kernel.sockets().close(end.fd);
        for stream in self.streams.iter_mut().filter(|it| it.sender == Sender::Open(end.fd)) {
            stream.sender = Sender::Closed;
        }
        self.ends.retain(|other| other.fd != end.fd);
    }

    // ---- names --------------------------------------------------------------------------------

    /// The name of an address that a socket has just been given, whoever had it before.
    fn fresh(&mut self, address: SocketAddr) -> Name {
        let name = self.made;
        self.names.insert(address, name);
        Name::Address(name)
    }

    fn name(&mut self, address: SocketAddr) -> Name {
        match self.names.get(&address) {
            _ if address.port() == 0 => Name::NoPort,
            Some(name) => Name::Address(*name),
            None => Name::Address(usize::MAX),
        }
    }

    fn token(&mut self, fd: RawFd) -> Token {
        self.generation += 1;
        Token::new(fd as u32, self.generation)
    }

    fn register(&mut self, fd: RawFd, interest: Interest) -> io::Result<()> {
        let token = self.token(fd);
        self.kernel.selector().register(fd, interest, token)
    }

    // ---- bytes --------------------------------------------------------------------------------

    fn send_some(&mut self, end: End, len: usize) -> io::Result<usize> {
        let from = self.streams[end.outgoing].sent % PERIOD;
        let bytes = &self.pattern[from..from + len];
        let sent = match end.is_pipe() {
            true => self.kernel.write(end.fd, bytes),
            false => self.kernel.sockets().send(end.fd, bytes),
        }?;
        self.streams[end.outgoing].sent += sent;
        Ok(sent)
    }

    fn send(&mut self, end: End, len: usize) -> Seen {
        let flooded = self.streams[end.outgoing].flooded;
        match self.send_some(end, len) {
            Ok(_) if flooded => Ok(Value::SomeBytes),
            Ok(sent) => Ok(Value::Bytes(sent)),
            Err(error) if flooded && error.kind() == ErrorKind::WouldBlock => Ok(Value::SomeBytes),
            Err(error) => Err(error.into()),
        }
    }

    /// Down to single bytes, and again once all is quiet: a kernel moves what waits and makes room.
    fn fill(&mut self, end: End) -> Seen {
        let mut first = true;
        loop {
            let before = self.streams[end.outgoing].sent;
            for len in [CHUNK, 4096, 1] {
                let full = loop {
                    match self.send_some(end, len) {
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                if full.kind() != ErrorKind::WouldBlock {
                    return Err(full.into());
                }
                if len == 1 && !first && self.streams[end.outgoing].sent == before {
                    return Ok(Value::Full(full.into()));
                }
            }
            self.streams[end.outgoing].flooded = true;
            self.kernel.settle();
            first = false;
        }
    }

    fn recv_some(&mut self, end: End, len: usize) -> io::Result<usize> {
        let mut buffer = vec![0; len];
        let count = match end.is_pipe() {
            true => self.kernel.read(end.fd, &mut buffer),
            false => self.kernel.sockets().recv(end.fd, &mut buffer),
        }?;
        let stream = &mut self.streams[end.incoming];
        let from = stream.received % PERIOD;
        assert!(buffer[..count] == self.pattern[from..from + count], "other bytes than were sent");
        stream.received += count;
        assert!(stream.received <= stream.sent, "more bytes than were sent");
        Ok(count)
    }

    fn recv(&mut self, end: End, len: usize) -> Seen {
        match self.recv_some(end, len)? {
            1.. if self.streams[end.incoming].flooded => Ok(Value::SomeBytes),
            count => Ok(Value::Bytes(count)),
        }
    }

    fn drain(&mut self, end: End) -> Seen {
        let before = self.streams[end.incoming].received;
        let deadline = Instant::now() + self.kernel.patience();
        let mut quiet = false;
        let ended = loop {
            match self.recv_some(end, CHUNK) {
                Ok(1..) => quiet = false,
                Ok(0) => break None,
                Err(error) if error.kind() == ErrorKind::WouldBlock && !quiet => {
                    self.kernel.settle();
                    quiet = !self.more_will_come(end) || Instant::now() > deadline;
                }
                Err(error) => break Some(Why::from(error)),
            }
        };
        let stream = &mut self.streams[end.incoming];
        let count = stream.received - before;
        Ok(Value::Empty((!std::mem::take(&mut stream.flooded)).then_some(count), ended))
    }

    /// Bytes, or the end.
    fn more_will_come(&self, end: End) -> bool {
        match self.streams[end.incoming].sender {
            Sender::Nobody => false,
            Sender::Open(fd) => self.kernel.under_way(fd),
            Sender::Closed => true,
        }
    }

    // ---- readiness ----------------------------------------------------------------------------

    fn select(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.kernel.selector().select(Some(Duration::ZERO), &mut events).unwrap();
        events
    }

    /// What is so of every registered end, by its serial number. Whether there is room in a stream
    /// that was filled is left out, and so is an event that had nothing else to tell.
    pub(super) fn look(&mut self) -> BTreeMap<usize, Readiness> {
        let keys = self.kernel.selector().get_map();
        let mut told = BTreeMap::new();
        for Event { token, mut readiness } in self.select() {
            let key = keys.iter().find(|key| key.token == token).expect("a stale event");
            let end = self.ends.iter().find(|end| end.fd == key.fd).expect("an open end");
            if self.streams[end.outgoing].flooded && end.can_send() {
                readiness = but_for_room(readiness);
            }
            if !readiness.is_empty() {
                let before = told.insert(end.serial, readiness);
                assert_eq!(before, None, "two events of one registration");
            }
        }
        told
    }

    /// What every end is registered for.
    pub(super) fn map(&mut self) -> BTreeMap<usize, Interest> {
        let keys = self.kernel.selector().get_map();
        let serial = |fd| self.ends.iter().find(|end| end.fd == fd).map(|end| end.serial);
        keys.iter().map(|key| (serial(key.fd).expect("an open end"), key.interest)).collect()
    }
}

/// All of it but [`Readiness::WRITABLE`].
fn but_for_room(readiness: Readiness) -> Readiness {
    [Readiness::READABLE, Readiness::READ_HANGUP, Readiness::HANGUP, Readiness::ERROR]
        .into_iter()
        .filter(|part| readiness.contains(*part))
        .fold(Readiness::default(), |set, part| set | part)
}

impl Drop for Side {
    fn drop(&mut self) {
        for end in &self.ends {
            let _ = self.kernel.selector().unregister(end.fd);
            self.kernel.sockets().close(end.fd);
        }
    }
}
