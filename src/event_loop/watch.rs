//! Watching descriptors: `add_reader`, `add_writer` and what transports use in their place.

use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

use super::error::LoopError;
use super::fds::Side;
use super::handle::{Handle, Repeating, Run};
use super::{EventLoop, Inner};
use crate::observe::{Record, What};
use crate::sys::Sockets;

/// What a loop can watch: a descriptor's number, or a reference to whatever has one, as
/// `&TcpStream`. (Not the thing itself: it would be closed where the call ends.)
pub trait Watchable {
    /// The descriptor.
    fn to_watch(&self) -> RawFd;
    /// Whether it is surely one of the process, and no number of a simulation's.
    #[doc(hidden)]
    fn is_of_the_process(&self) -> bool {
        false
    }
}

impl Watchable for RawFd {
    fn to_watch(&self) -> RawFd {
        *self
    }
}

impl<T: AsRawFd + ?Sized> Watchable for &T {
    fn to_watch(&self) -> RawFd {
        self.as_raw_fd()
    }
    fn is_of_the_process(&self) -> bool {
        true
    }
}

impl EventLoop {
    /// Calls `callback` in every turn in which `fd` is readable: bytes, a connection to accept,
    /// end of file, hang-up, an error. (`loop.add_reader`)
    ///
    /// It is level-triggered: while the bytes are not read it is called again. A reader that `fd`
    /// had is cancelled and replaced; its writer stays. Remove the reader before you close `fd`.
    /// A reader whose handle is cancelled is removed when its next event comes.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::Forked`]; [`LoopError::UsedByTransport`];
    /// [`LoopError::Io`] if `fd` is no open descriptor, or one that cannot be waited for (a regular file, a real one in a simulation).
    pub fn add_reader(
        &self,
        fd: impl Watchable,
        callback: impl FnMut() + 'static,
    ) -> Result<Handle, LoopError> {
        let fd = self.checked(&fd)?;
        self.add(fd, Side::Reader, Repeating::new(What::Reader { fd }, callback))
    }

    /// Calls `callback` in every turn in which `fd` is writable. (`loop.add_writer`)
    ///
    /// Everything said of [`add_reader`](EventLoop::add_reader) holds here, with the sides
    /// exchanged.
    ///
    /// # Errors
    ///
    /// As [`add_reader`](EventLoop::add_reader).
    pub fn add_writer(
        &self,
        fd: impl Watchable,
        callback: impl FnMut() + 'static,
    ) -> Result<Handle, LoopError> {
        let fd = self.checked(&fd)?;
        self.add(fd, Side::Writer, Repeating::new(What::Writer { fd }, callback))
    }

    /// Ends watching `fd` for reading, at once: a call that is queued already is not made. `false`
    /// if it was not watched, or the loop is closed. (`loop.remove_reader`)
    ///
    /// # Errors
    ///
    /// [`LoopError::UsedByTransport`]; [`LoopError::Io`] from the kernel.
    pub fn remove_reader(&self, fd: impl Watchable) -> Result<bool, LoopError> {
        self.remove(fd.to_watch(), Side::Reader)
    }

    /// Ends watching `fd` for writing, at once. (`loop.remove_writer`)
    ///
    /// # Errors
    ///
    /// As [`remove_reader`](EventLoop::remove_reader).
    pub fn remove_writer(&self, fd: impl Watchable) -> Result<bool, LoopError> {
        self.remove(fd.to_watch(), Side::Writer)
    }

    /// The number of what is to be watched.
    pub(super) fn checked(&self, fd: &impl Watchable) -> Result<RawFd, LoopError> {
        let number = fd.to_watch();
        if fd.is_of_the_process() {
            self.0.home.sockets.check_real(number)?;
        }
        Ok(number)
    }

    fn add(&self, fd: RawFd, side: Side, run: Rc<dyn Run>) -> Result<Handle, LoopError> {
        self.check_open()?;
        self.0.check_same_process()?;
        self.check_not_owned(fd)?;
        self.0.watch(fd, side, run.clone())?;
        self.0.fds.borrow_mut().set_cancellable(fd);
        Ok(Handle(run))
    }

    fn remove(&self, fd: RawFd, side: Side) -> Result<bool, LoopError> {
        self.check_not_owned(fd)?;
        Ok(self.0.unwatch(fd, side)?)
    }

    pub(super) fn check_not_owned(&self, fd: RawFd) -> Result<(), LoopError> {
        match self.0.fds.borrow().is_owned(fd) {
            true => Err(LoopError::UsedByTransport { fd }),
            false => Ok(()),
        }
    }
}

impl Inner {
    /// Queues `run` in every turn in which one side of `fd` is ready; cancels what was there.
    pub(crate) fn watch(&self, fd: RawFd, side: Side, run: Rc<dyn Run>) -> std::io::Result<()> {
        self.check_same_process()?;
        let changed = self.fds.borrow_mut().set(fd, side, run)?;
        let (token, interest) = (changed.token, changed.interest);
        self.observe.tell(|| Record::Watched { fd, token, interest });
        if let Some(old) = changed.old {
            old.cancel();
        }
        Ok(())
    }

    /// Ends that, and cancels what was there. `false` if nothing was.
    pub(crate) fn unwatch(&self, fd: RawFd, side: Side) -> std::io::Result<bool> {
        let inherited = !self.process.get().seems_this();
        let changed = self.fds.borrow_mut().unset(fd, side, inherited)?;
        let Some(changed) = changed else { return Ok(false) };
        let (token, interest) = (changed.token, changed.interest);
        self.observe.tell(|| Record::Watched { fd, token, interest });
        if let Some(old) = changed.old {
            old.cancel();
        }
        Ok(true)
    }

    /// The same for those who can do nothing about a refusal: the kernel refuses only what it has
    /// forgotten already.
    #[inline(never)]
    pub(crate) fn forget(&self, fd: RawFd, side: Side) {
        drop(self.unwatch(fd, side));
    }

    /// Notes that a transport owns `fd`, which users then cannot watch, or does so no longer.
    pub(crate) fn set_owned(&self, fd: RawFd, owned: bool) {
        self.fds.borrow_mut().set_owned(fd, owned);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn fd_13_a_descriptor_of_a_transport_cannot_be_watched_beside_it() {
        let event_loop = EventLoop::new().unwrap();
        let (socket, _peer) = UnixStream::pair().unwrap();
        let fd = socket.as_raw_fd();
        event_loop.0.set_owned(fd, true);
        let errors = [
            event_loop.add_reader(&socket, || ()).map(drop),
            event_loop.add_writer(fd, || ()).map(drop),
            event_loop.remove_reader(fd).map(drop),
            event_loop.remove_writer(&socket).map(drop),
        ];
        for error in errors {
            let text = error.unwrap_err().to_string();
            assert!(
                text.starts_with(&format!("File descriptor {fd} is used by a transport")),
                "{text}"
            );
        }
        event_loop.0.set_owned(fd, false);
        assert!(event_loop.add_reader(&socket, || ()).is_ok());
    }
}
