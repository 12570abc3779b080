//! Sockets that answer in the kernel's place.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use evloop::ManualClock;
use evloop::Time;
use evloop::selector::{Bell, Event, Interest, Readiness, Ring, Selector, SelectorKey, Token};
use evloop::sys::{Clock, ConnectProgress, DatagramOptions, ListenOptions, OsSockets, Sockets};

/// What a scripted call answers instead of the kernel.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// At most so many bytes are given to the kernel.
    AtMost(usize),
    /// The kernel is not asked: this many bytes were taken.
    Takes(usize),
    /// This error.
    Fail(i32),
}

/// The kernel's sockets, except where the script says otherwise, and an account of both.
#[derive(Default)]
pub struct Script {
    pub sends: RefCell<VecDeque<Answer>>,
    pub receives: RefCell<VecDeque<Answer>>,
    pub accepts: RefCell<VecDeque<Answer>>,
    /// How many sockets were opened less how many were closed.
    pub open: Cell<i64>,
    /// The bytes asked of each send, vectored ones with the number of buffers.
    pub asked: RefCell<Vec<(usize, usize)>>,
    pub accept_calls: Cell<usize>,
    /// Whether the kernel has no sendfile(2).
    pub no_sendfile: Cell<bool>,
}

/// A name of a script, to build a loop with.
#[derive(Clone, Default)]
pub struct Scripted(pub Rc<Script>);

impl Scripted {
    pub fn sending(answers: impl IntoIterator<Item = Answer>) -> Scripted {
        let script = Scripted::default();
        script.0.sends.borrow_mut().extend(answers);
        script
    }

    fn opened<T>(&self, result: io::Result<T>) -> io::Result<T> {
        self.0.open.set(self.0.open.get() + i64::from(result.is_ok()));
        result
    }
}

fn next(script: &RefCell<VecDeque<Answer>>) -> Option<Answer> {
    script.borrow_mut().pop_front()
}

fn error<T>(number: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(number))
}

impl Sockets for Scripted {
    fn listen(&self, address: &SocketAddr, options: &ListenOptions) -> io::Result<RawFd> {
        self.opened(OsSockets.listen(address, options))
    }

    fn accept(&self, listener: RawFd) -> io::Result<(RawFd, SocketAddr)> {
        self.0.accept_calls.set(self.0.accept_calls.get() + 1);
        match next(&self.0.accepts) {
            Some(Answer::Fail(number)) => error(number),
            _ => self.opened(OsSockets.accept(listener)),
        }
    }

    fn connect(
        &self,
        remote: &SocketAddr,
        local: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)> {
        self.opened(OsSockets.connect(remote, local))
    }

    fn adopt(&self, fd: RawFd) -> io::Result<()> {
        self.opened(OsSockets.adopt(fd))
    }

    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>> {
        OsSockets.take_error(fd)
    }

    fn recv(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        match next(&self.0.receives) {
            None => OsSockets.recv(fd, buffer),
            Some(Answer::AtMost(len)) => OsSockets.recv(fd, &mut buffer[..len]),
            Some(Answer::Takes(len)) => Ok(len),
            Some(Answer::Fail(number)) => error(number),
        }
    }

    fn send(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        self.0.asked.borrow_mut().push((bytes.len(), 1));
        match next(&self.0.sends) {
            None => OsSockets.send(fd, bytes),
            Some(Answer::AtMost(len)) => OsSockets.send(fd, &bytes[..len.min(bytes.len())]),
            Some(Answer::Takes(len)) => Ok(len),
            Some(Answer::Fail(number)) => error(number),
        }
    }

    fn send_vectored(&self, fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
        let sent = self.send(fd, &bytes);
        if let Some(last) = self.0.asked.borrow_mut().last_mut() {
            last.1 = buffers.len();
        }
        sent
    }

    fn shutdown(&self, fd: RawFd, how: Shutdown) -> io::Result<()> {
        OsSockets.shutdown(fd, how)
    }

    fn local_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        OsSockets.local_addr(fd)
    }

    fn peer_addr(&self, fd: RawFd) -> io::Result<SocketAddr> {
        OsSockets.peer_addr(fd)
    }

    fn datagram(
        &self,
        local: Option<&SocketAddr>,
        remote: Option<&SocketAddr>,
        options: &DatagramOptions,
    ) -> io::Result<RawFd> {
        self.opened(OsSockets.datagram(local, remote, options))
    }

    fn adopt_datagram(&self, fd: RawFd) -> io::Result<()> {
        self.opened(OsSockets.adopt_datagram(fd))
    }

    fn recv_from(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match next(&self.0.receives) {
            Some(Answer::Fail(number)) => error(number),
            _ => OsSockets.recv_from(fd, buffer),
        }
    }

    fn send_to(&self, fd: RawFd, bytes: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        self.0.asked.borrow_mut().push((bytes.len(), 1));
        match next(&self.0.sends) {
            Some(Answer::Fail(number)) => error(number),
            _ => OsSockets.send_to(fd, bytes, to),
        }
    }

    fn sendfile(&self, fd: RawFd, file: RawFd, offset: u64, count: usize) -> io::Result<usize> {
        match self.0.no_sendfile.get() {
            true => error(libc::ENOSYS),
            false => OsSockets.sendfile(fd, file, offset, count),
        }
    }

    fn close(&self, fd: RawFd) {
        self.0.open.set(self.0.open.get() - 1);
        OsSockets.close(fd);
    }
}

/// What becomes of an attempt to connect.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Hangs,
    RefusedAtOnce,
    RefusedAfter(Duration),
    ConnectsAfter(Duration),
}

/// A network without a kernel, on a clock moved by hand: connecting only.
pub struct World {
    pub clock: ManualClock,
    pub fates: HashMap<SocketAddr, Fate>,
    /// When each attempt began, in milliseconds, and to whom; `closed` with its address.
    pub events: RefCell<Vec<String>>,
    attempts: RefCell<HashMap<RawFd, Attempt>>,
    registered: RefCell<HashMap<RawFd, (Token, Interest)>>,
}

struct Attempt {
    to: SocketAddr,
    fate: Fate,
    ready_at: Option<Time>,
}

impl World {
    pub fn new(fates: impl IntoIterator<Item = (SocketAddr, Fate)>) -> Rc<World> {
        Rc::new(World {
            clock: ManualClock::new(),
            fates: fates.into_iter().collect(),
            events: RefCell::default(),
            attempts: RefCell::default(),
            registered: RefCell::default(),
        })
    }

    fn note(&self, what: &str, to: SocketAddr) {
        let now = self.clock.now().since(Time::ZERO).as_millis();
        self.events.borrow_mut().push(format!("{now} {what} {to}"));
    }

    /// The registered descriptor that is ready first, and when.
    fn first(&self) -> Option<(Time, RawFd)> {
        let attempts = self.attempts.borrow();
        let registered = self.registered.borrow();
        let ready = registered.keys().filter_map(|fd| Some((attempts.get(fd)?.ready_at?, *fd)));
        ready.min()
    }
}

/// A name of a world, to build a loop with: as its sockets and as its selector.
#[derive(Clone)]
pub struct Of(pub Rc<World>);

struct NoBell;

impl Ring for NoBell {
    fn ring(&self) {}
}

impl Selector for Of {
    fn name(&self) -> &'static str {
        "world"
    }

    fn register(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.0.registered.borrow_mut().insert(fd, (token, interest));
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: Interest, token: Token) -> io::Result<()> {
        self.register(fd, interest, token)
    }

    fn unregister(&mut self, fd: RawFd) -> io::Result<()> {
        self.0.registered.borrow_mut().remove(&fd);
        Ok(())
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let now = self.0.clock.now();
        match (self.0.first(), timeout) {
            (Some((at, fd)), timeout) if timeout.is_none_or(|limit| at.since(now) <= limit) => {
                self.0.clock.advance(at.since(now));
                let (token, interest) = self.0.registered.borrow()[&fd];
                if interest == Interest::WRITE {
                    events.push(Event { token, readiness: Readiness::WRITABLE });
                }
            }
            (_, Some(timeout)) => self.0.clock.advance(timeout),
            (_, None) => panic!("nothing can happen any more: {:?}", self.0.events),
        }
        Ok(())
    }

    fn get_map(&self) -> Vec<SelectorKey> {
        Vec::new()
    }

    fn bell(&self) -> Bell {
        Bell::new(NoBell)
    }

    fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

impl Sockets for Of {
    fn connect(
        &self,
        remote: &SocketAddr,
        _: Option<&SocketAddr>,
    ) -> io::Result<(RawFd, ConnectProgress)> {
        self.0.note("try", *remote);
        let now = self.0.clock.now();
        let fate = self.0.fates[remote];
        let ready_at = match fate {
            Fate::RefusedAtOnce => return error(libc::ECONNREFUSED),
            Fate::Hangs => None,
            Fate::RefusedAfter(delay) | Fate::ConnectsAfter(delay) => Some(now + delay),
        };
        let fd = 100 + self.0.attempts.borrow().len() as RawFd;
        self.0.attempts.borrow_mut().insert(fd, Attempt { to: *remote, fate, ready_at });
        Ok((fd, ConnectProgress::InProgress))
    }

    fn take_error(&self, fd: RawFd) -> io::Result<Option<io::Error>> {
        match self.0.attempts.borrow()[&fd].fate {
            Fate::ConnectsAfter(_) => Ok(None),
            _ => Ok(Some(io::Error::from_raw_os_error(libc::ECONNREFUSED))),
        }
    }

    fn close(&self, fd: RawFd) {
        let to = self.0.attempts.borrow()[&fd].to;
        self.0.note("close", to);
    }

    fn local_addr(&self, _: RawFd) -> io::Result<SocketAddr> {
        error(libc::ENOTCONN)
    }

    fn listen(&self, _: &SocketAddr, _: &ListenOptions) -> io::Result<RawFd> {
        error(libc::EOPNOTSUPP)
    }

    fn accept(&self, _: RawFd) -> io::Result<(RawFd, SocketAddr)> {
        error(libc::EOPNOTSUPP)
    }

    fn adopt(&self, _: RawFd) -> io::Result<()> {
        error(libc::EOPNOTSUPP)
    }

    fn recv(&self, _: RawFd, _: &mut [u8]) -> io::Result<usize> {
        error(libc::EAGAIN)
    }

    fn send(&self, _: RawFd, _: &[u8]) -> io::Result<usize> {
        error(libc::EAGAIN)
    }

    fn send_vectored(&self, _: RawFd, _: &[IoSlice<'_>]) -> io::Result<usize> {
        error(libc::EAGAIN)
    }

    fn shutdown(&self, _: RawFd, _: Shutdown) -> io::Result<()> {
        error(libc::ENOTCONN)
    }

    fn peer_addr(&self, _: RawFd) -> io::Result<SocketAddr> {
        error(libc::ENOTCONN)
    }
}
