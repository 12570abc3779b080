//! A listening socket: accepting, and resting when that fails.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::clients::Membership;
use super::server::{ServerInner, State};
use super::tcp::{Tcp, note_accepted};
use crate::event_loop::{ErrorContext, EventLoop, Exception, Inner, Run, Side};
use crate::observe::What;
use crate::sys::{OurSockets, Sockets, kind_of};

/// How long a listener rests when the process or the system has no descriptor left (asyncio's
/// `ACCEPT_RETRY_DELAY`).
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Where a socket listens.
#[derive(Clone)]
pub(super) enum Local {
    Inet(SocketAddr),
    Unix(Rc<dyn UnixPlace>),
}

/// What is different with a Unix socket. (A `dyn`, so that it is in programs that have one.)
pub(super) trait UnixPlace {
    /// The next connection that waits.
    fn accept(&self, sockets: &OurSockets, listener: RawFd) -> io::Result<RawFd>;
    /// The name, for the user.
    fn address(&self) -> &UnixAddr;
    /// The name, for messages.
    fn words(&self) -> String;
    /// It listens no more.
    fn leave(&self);
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Inet(address) => address.fmt(f),
            Local::Unix(place) => f.write_str(&place.words()),
        }
    }
}

/// One listening socket.
pub(super) struct Listener {
    pub(super) fd: Cell<RawFd>,
    pub(super) local: Local,
    server: Rc<ServerInner>,
}

impl Listener {
    pub(super) fn new(fd: RawFd, local: Local, server: &Rc<ServerInner>) -> Rc<Listener> {
        Rc::new(Listener { fd: Cell::new(fd), local, server: server.clone() })
    }

    /// Accepts what waits, at most so much: others want their turn.
    fn accept_ready(self: &Rc<Self>, event_loop: &EventLoop) {
        let inner = &*event_loop.0;
        for _ in 0..self.server.at_once {
            if self.server.state.get() != State::Serving {
                return;
            }
            match self.accept(inner) {
                Ok((fd, peer)) => self.admit(event_loop, fd, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if kind_of(&error) == ErrorKind::WouldBlock => return,
                Err(error) => return self.accept_failed(event_loop, error),
            }
        }
    }

    fn accept(&self, inner: &Inner) -> io::Result<(RawFd, Option<SocketAddr>)> {
        let fd = self.fd.get();
        match &self.local {
            Local::Inet(_) => inner.home.sockets.accept(fd).map(|(fd, peer)| (fd, Some(peer))),
            Local::Unix(place) => place.accept(&inner.home.sockets, fd).map(|fd| (fd, None)),
        }
    }

    fn admit(&self, event_loop: &EventLoop, fd: RawFd, peer: Option<SocketAddr>) {
        let socket = Unclaimed { fd, inner: &event_loop.0 };
        let Some(factory) = self.server.factory.borrow().clone() else { return };
        note_accepted(&event_loop.0, self.fd.get(), fd);
        let protocol = match catch_unwind(AssertUnwindSafe(|| factory())) {
            Ok(protocol) => protocol,
            Err(payload) => {
                let message =
                    format!("The protocol factory of the server on {} failed", self.local);
                return event_loop.call_exception_handler(
                    ErrorContext::new(message).exception(Exception::Panic(payload)),
                );
            }
        };
        let member = Membership::new(&self.server);
        // A socket bound to one address accepts on that one.
        let local = match &self.local {
            Local::Inet(local) if !local.ip().is_unspecified() => Some(*local),
            _ => None,
        };
        Tcp::open(event_loop, socket.claim(), peer, local, protocol, Some(member));
    }

    /// No descriptor, no memory, or a socket that is no longer what it was: a connection that
    /// waits stays in the kernel's queue and would make the loop spin, so the listener rests for a
    /// while.
    fn accept_failed(self: &Rc<Self>, event_loop: &EventLoop, error: io::Error) {
        let rest = ACCEPT_RETRY_DELAY.as_secs();
        let message = match is_exhaustion(&error) {
            true => {
                format!("socket.accept() out of system resource; {} rests for {rest}s", self.local)
            }
            false => format!(
                "Accept failed on a socket that listens on {}; it rests for {rest}s",
                self.local
            ),
        };
        event_loop.0.forget(self.fd.get(), Side::Reader);
        let listener = self.clone();
        // The loop is running, so it is open.
        drop(event_loop.call_later(ACCEPT_RETRY_DELAY, move || listener.rest_is_over()));
        event_loop.call_exception_handler(ErrorContext::new(message).error(error));
    }

    fn rest_is_over(self: &Rc<Self>) {
        if self.server.state.get() == State::Serving {
            if let Some(inner) = self.server.event_loop.upgrade() {
                if let Err(error) = inner.watch(self.fd.get(), Side::Reader, self.clone()) {
                    self.accept_failed(&EventLoop(inner), error);
                }
            }
        }
    }

    pub(super) fn stop(&self, inner: &Inner) {
        let fd = self.fd.replace(-1);
        inner.forget(fd, Side::Reader);
        inner.set_owned(fd, false);
        inner.home.sockets.close(fd);
        if let Local::Unix(place) = &self.local {
            place.leave();
        }
    }
}

/// Whether accepting failed because of the connection that was to be accepted: accept(2) on Linux
/// passes on what the network already knows of it, and asks to treat that as if none had waited.
fn is_of_one_connection(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    if matches!(error.raw_os_error(), Some(libc::EHOSTDOWN | libc::ENONET | libc::ENOPROTOOPT)) {
        return true;
    }
    let of_network =
        [libc::ENETDOWN, libc::EPROTO, libc::EHOSTUNREACH, libc::EOPNOTSUPP, libc::ENETUNREACH];
    kind_of(error) == ErrorKind::ConnectionAborted
        || error.raw_os_error().is_some_and(|number| of_network.contains(&number))
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// A connected socket that nobody has taken charge of yet: closed if nobody does.
pub(super) struct Unclaimed<'a> {
    pub(super) fd: RawFd,
    pub(super) inner: &'a Inner,
}

impl Unclaimed<'_> {
    pub(super) fn claim(self) -> RawFd {
        let fd = self.fd;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        self.inner.home.sockets.close(self.fd);
    }
}

impl Run for Listener {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.accept_ready(event_loop);
    }

    fn what(&self) -> What {
        What::Reader { fd: self.fd.get() }
    }
}
