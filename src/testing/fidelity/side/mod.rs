//! One kernel with the descriptors that an operation list has made in it.

mod bytes;
mod end;
mod making;
mod readiness;
mod seen;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr};

use end::{End, Kind, Stream};
use seen::{Seen, Value, Why};

use super::Kernel;
use super::op::Op;
use crate::selector::Interest;

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
}

impl Drop for Side {
    fn drop(&mut self) {
        for end in &self.ends {
            let _ = self.kernel.selector().unregister(end.fd);
            self.kernel.sockets().close(end.fd);
        }
    }
}
