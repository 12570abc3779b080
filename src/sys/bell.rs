//! The descriptor behind a bell: eventfd(2) on Linux, a pair of sockets elsewhere.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nix::errno::Errno;

#[cfg(target_os = "linux")]
use self::eventfd::Ends;
#[cfg(not(target_os = "linux"))]
use self::pair::Ends;
use super::fork::{forks, forks_so_far};
use super::kind_of;

/// A descriptor that becomes readable when somebody rings, from any thread or signal handler.
///
/// It is non-blocking and close-on-exec. A child of fork(2) inherits it, and there it is silent
/// until it is [renewed](BellFd::renew): its ring would wake the parent.
pub(crate) struct BellFd {
    ends: Ends,
    /// [`forks`] where it was made.
    forks: AtomicU32,
}

impl BellFd {
    /// A silent bell.
    pub(crate) fn new() -> io::Result<BellFd> {
        Ok(BellFd { ends: Ends::new()?, forks: AtomicU32::new(forks()) })
    }

    /// Makes the descriptor readable; where it already was, that is a new edge of it.
    ///
    /// It restores `errno`, so it may interrupt code that is about to look at its own.
    pub(crate) fn ring(&self) {
        if self.forks.load(Relaxed) != forks_so_far() {
            return;
        }
        let errno = Errno::last_raw();
        while !self.ends.add() {
            // Full: nobody has read for a very long time. Whoever rings makes room, so that the
            // waiting side may leave the bell unread for ever.
            self.ends.take();
        }
        Errno::set_raw(errno);
    }

    /// Makes the descriptor unreadable until the next ring.
    pub(crate) fn silence(&self) {
        self.ends.take();
    }

    /// In a child of fork(2): a bell of this process's own, silent, under the same number.
    pub(crate) fn renew(&self) -> io::Result<()> {
        self.ends.become_others(Ends::new()?)?;
        self.forks.store(forks(), Relaxed);
        Ok(())
    }
}

impl AsRawFd for BellFd {
    fn as_raw_fd(&self) -> RawFd {
        self.ends.reader()
    }
}

/// Whether a write on one of our own descriptors found room; nothing else can go wrong with it.
fn had_room(written: io::Result<usize>) -> bool {
    !matches!(written, Err(error) if kind_of(&error) == io::ErrorKind::WouldBlock)
}

#[cfg(target_os = "linux")]
mod eventfd {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, FromRawFd, RawFd};

    use super::super::{cvt, fork};

    /// A counter in the kernel: writing adds, reading takes all. (eventfd(2))
    pub(super) struct Ends(File);

    impl Ends {
        pub(super) fn new() -> io::Result<Ends> {
            // SAFETY: eventfd(2) takes two integers and touches no memory of ours.
            let fd = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
            // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
            Ok(Ends(unsafe { File::from_raw_fd(fd) }))
        }
        pub(super) fn reader(&self) -> RawFd {
            self.0.as_raw_fd()
        }
        pub(super) fn become_others(&self, other: Ends) -> io::Result<()> {
            fork::put_in_place(self.reader(), other.0.into())
        }
        /// Adds a ring; `false` if the counter is full.
        pub(super) fn add(&self) -> bool {
            super::had_room((&self.0).write(&1u64.to_ne_bytes()))
        }
        /// Takes all rings.
        pub(super) fn take(&self) {
            let _ = (&self.0).read(&mut [0; 8]);
        }
        /// Leaves no room for one more.
        #[cfg(test)]
        pub(super) fn fill(&self) {
            assert!(super::had_room((&self.0).write(&(u64::MAX - 1).to_ne_bytes())));
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
mod pair {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream;

    use super::super::fork;

    /// Two connected sockets: a byte between them is a ring. A pipe would do, but the standard
    /// library makes sockets close-on-exec on systems that have no pipe2(2), too.
    pub(super) struct Ends {
        reader: UnixStream,
        writer: UnixStream,
    }

    impl Ends {
        pub(super) fn new() -> io::Result<Ends> {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            Ok(Ends { reader, writer })
        }
        pub(super) fn reader(&self) -> RawFd {
            self.reader.as_raw_fd()
        }
        pub(super) fn become_others(&self, other: Ends) -> io::Result<()> {
            fork::put_in_place(self.reader.as_raw_fd(), other.reader.into())?;
            fork::put_in_place(self.writer.as_raw_fd(), other.writer.into())
        }
        /// Adds a ring; `false` if there is no room for its byte.
        pub(super) fn add(&self) -> bool {
            super::had_room((&self.writer).write(&[1]))
        }
        /// Takes all rings.
        pub(super) fn take(&self) {
            let mut bytes = [0; 512];
            while matches!((&self.reader).read(&mut bytes), Ok(read) if read == bytes.len()) {}
        }
        /// Leaves no room for one more.
        #[cfg(test)]
        pub(super) fn fill(&self) {
            while self.add() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;

    use nix::errno::Errno;

    use super::BellFd;

    fn is_readable(fd: i32) -> bool {
        let mut one = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: poll(2) reads and writes one pollfd at the pointer, which lives in this frame.
        unsafe { libc::poll(&mut one, 1, 0) == 1 }
    }

    macro_rules! claims {
        ($ends:ident) => {
            mod $ends {
                use super::super::$ends::Ends;
                use super::is_readable;

                #[test]
                fn many_rings_are_taken_at_once() {
                    let ends = Ends::new().unwrap();
                    assert!(!is_readable(ends.reader()));
                    assert!((0..2000).all(|_| ends.add()) || !ends.add());
                    assert!(is_readable(ends.reader()));
                    ends.take();
                    assert!(!is_readable(ends.reader()));
                }

                #[test]
                fn one_that_becomes_others_keeps_its_number_and_none_of_its_rings() {
                    let ends = Ends::new().unwrap();
                    assert!(ends.add());
                    let number = ends.reader();
                    ends.become_others(Ends::new().unwrap()).unwrap();
                    assert!(ends.reader() == number && !is_readable(number));
                    assert!(ends.add());
                    assert!(is_readable(number));
                }

                #[test]
                fn a_full_bell_has_room_again_once_taken() {
                    let ends = Ends::new().unwrap();
                    ends.fill();
                    assert!(!ends.add());
                    ends.take();
                    assert!(ends.add());
                    assert!(is_readable(ends.reader()));
                }
            }
        };
    }

    #[cfg(target_os = "linux")]
    claims!(eventfd);
    claims!(pair);

    #[test]
    fn ringing_a_full_bell_leaves_errno_as_it_was() {
        let bell = BellFd::new().unwrap();
        bell.ends.fill();
        Errno::set_raw(libc::ENOENT);
        bell.ring();
        assert_eq!(Errno::last_raw(), libc::ENOENT);
        assert!(is_readable(super::AsRawFd::as_raw_fd(&bell)));
    }

    #[test]
    fn only_would_block_means_that_there_is_no_room() {
        let (mut reader, _writer) = UnixStream::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        assert!(!super::had_room(reader.read(&mut [0])));
        assert!(super::had_room(Err(io::Error::from_raw_os_error(libc::EINVAL))));
    }
}
