//! Descriptors for tests: pairs of sockets and pipes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::RawFd;

use super::World;
use super::calls::told;
use crate::event_loop::Watchable;
use crate::sys::{PipeKind, Sockets};
use crate::transport::ToPipe;

/// One end of a simulated pair of sockets ([`World::pair`]) or pipe ([`World::pipe`]): it can be
/// watched, read and written, never blocks, and is closed when it is dropped.
///
/// It has a number as every descriptor, but one that means nothing to the real kernel.
///
/// ```
/// use std::io::{Read, Write};
/// use evloop::testing::{Schedule, Sim};
/// Sim::new(Schedule::default()).run(|world| async move {
///     let (mut here, mut there) = world.pair();
///     let event_loop = evloop::get_running_loop().unwrap();
///     let told = event_loop.create_future();
///     let tell = told.clone();
///     event_loop.add_reader(&here, move || drop(tell.set_result(()))).unwrap();
///     there.write_all(b"hello").unwrap();
///     told.await.unwrap();
///     event_loop.remove_reader(&here).unwrap();
///     assert_eq!(here.read(&mut [0; 8]).unwrap(), 5);
/// });
/// ```
pub struct SimFd {
    world: World,
    fd: RawFd,
}

impl SimFd {
    /// Its number.
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// shutdown(2). A pipe has none.
    ///
    /// # Errors
    ///
    /// ENOTCONN for a pipe.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.world.shutdown(self.fd, how)
    }
}

impl World {
    /// Two sockets that are connected to each other, without a network between them.
    ///
    /// # Panics
    ///
    /// If that is more descriptors than [`World::descriptor_limit`] allows.
    #[track_caller]
    pub fn pair(&self) -> (SimFd, SimFd) {
        self.try_pair().expect("two more descriptors: World::descriptor_limit says no")
    }

    /// The same, or EMFILE.
    ///
    /// # Errors
    ///
    /// EMFILE beyond [`World::descriptor_limit`].
    pub fn try_pair(&self) -> io::Result<(SimFd, SimFd)> {
        Ok(self.ends(told(self.open_pair())?))
    }

    /// A pipe: the end that is read, and the end that is written.
    ///
    /// # Panics
    ///
    /// If that is more descriptors than [`World::descriptor_limit`] allows.
    #[track_caller]
    pub fn pipe(&self) -> (SimFd, SimFd) {
        self.try_pipe().expect("two more descriptors: World::descriptor_limit says no")
    }

    /// The same, or EMFILE.
    ///
    /// # Errors
    ///
    /// EMFILE beyond [`World::descriptor_limit`].
    pub fn try_pipe(&self) -> io::Result<(SimFd, SimFd)> {
        Ok(self.ends(told(self.open_pipe())?))
    }

    fn ends(&self, [one, other]: [RawFd; 2]) -> (SimFd, SimFd) {
        let end = |fd| SimFd { world: self.clone(), fd };
        (end(one), end(other))
    }
}

impl Drop for SimFd {
    fn drop(&mut self) {
        if self.fd >= 0 {
            self.world.close(self.fd);
        }
    }
}

/// A transport takes it over, and closes it.
impl ToPipe for SimFd {
    fn to_pipe(mut self, sockets: &dyn Sockets) -> io::Result<(RawFd, PipeKind)> {
        let kind = sockets.adopt_pipe(self.fd)?;
        Ok((std::mem::replace(&mut self.fd, -1), kind))
    }
}

impl Read for &SimFd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.recv(self.fd, buffer)
    }
}

impl Write for &SimFd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.world.send(self.fd, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for SimFd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for SimFd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// It is no descriptor of the process, so it has no `AsRawFd`, and yet the loop can watch it.
impl Watchable for &SimFd {
    fn to_watch(&self) -> RawFd {
        self.fd
    }
}

impl fmt::Debug for SimFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFd({})", self.fd)
    }
}
