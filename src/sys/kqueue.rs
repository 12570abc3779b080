//! kqueue(2), the way of macOS and the BSDs to wait for many descriptors.
//!
//! What is written here is what is right on every one of them:
//!
//! - Changes go in calls of their own, each with EV_RECEIPT and room for its receipt, so that no
//!   event is drained by accident and one failing change does not hide the next. They carry a zero
//!   timeout, so that they cannot block should a kernel keep a receipt back.
//! - Waits carry no changes.
//! - A knote is only ever added level-triggered and enabled. Adding one that is there renews its
//!   `udata` and nothing else, which is all that is wanted.
//!
//! On Linux the tests compile this file over a model of kqueue(2) that the project wrote. It
//! checks our reading of the manual pages, not the BSDs.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;
use std::{process, ptr};

#[cfg(target_os = "linux")]
use super::kqueue_model as kernel;
#[cfg(not(target_os = "linux"))]
use libc as kernel;

use super::cvt;

/// An event as the kernel writes it; [`News::of`] reads it.
pub(crate) use self::kernel::kevent as RawKevent;

/// A kernel event queue.
pub(crate) struct Kqueue {
    fd: ManuallyDrop<OwnedFd>,
    /// The process that opened it: a child of fork(2) does not inherit a kqueue, and there the
    /// number may be somebody else's descriptor.
    owner: u32,
}

/// What a knote watches for. A descriptor has one knote for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Filter {
    /// EVFILT_READ.
    Read,
    /// EVFILT_WRITE.
    Write,
}

/// What is to become of a knote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// Adds it, or renews its word.
    Add(Filter, u64),
    /// Removes it.
    Delete(Filter),
}

/// One knote's news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct News {
    pub(crate) fd: RawFd,
    pub(crate) filter: Filter,
    /// Bytes to read, connections to accept, or room to write.
    pub(crate) amount: i64,
    /// EV_EOF: this direction is at its end. Bytes may still wait.
    pub(crate) eof: bool,
    /// The socket's error that came with EV_EOF, or what EV_ERROR said; 0 if none.
    pub(crate) error: i64,
    /// The low bits of the word that the knote was added with: all of it where pointers have 64.
    pub(crate) word: usize,
}

/// Room for the receipts of one descriptor's changes: it has two knotes.
pub(crate) const MOST_CHANGES: usize = 2;

impl Kqueue {
    /// A new, close-on-exec queue.
    pub(crate) fn new() -> io::Result<Kqueue> {
        // SAFETY: kqueue(2) takes nothing and touches no memory of ours.
        let fd = cvt(unsafe { kernel::kqueue() })?;
        // SAFETY: the kernel has just opened `fd` for us; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // Only NetBSD can open one close-on-exec (kqueue1). Should this fail, `fd` is closed.
        // SAFETY: fcntl(F_SETFD) takes an integer; `fd` is open and ours.
        cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
        Ok(Kqueue { fd: ManuallyDrop::new(fd), owner: process::id() })
    }

    /// Makes `changes` to the knotes of `fd`; what the kernel answered to each, 0 for success.
    ///
    /// # Errors
    ///
    /// The call itself failed: the queue is closed, or memory has run out.
    ///
    /// # Panics
    ///
    /// If there are more than [`MOST_CHANGES`].
    pub(crate) fn change(&self, fd: RawFd, changes: &[Change]) -> io::Result<[i64; MOST_CHANGES]> {
        // SAFETY: every field of `struct kevent` is an integer or a pointer that is never
        // followed, for which all zeroes is a value.
        let mut list: [RawKevent; MOST_CHANGES] = unsafe { std::mem::zeroed() };
        for (raw, change) in list.iter_mut().zip(changes) {
            fill(raw, fd, *change);
        }
        let list = &mut list[..changes.len()];
        let now = timespec(Duration::ZERO);
        let room = list.as_mut_ptr();
        // SAFETY: kevent(2) reads `list.len()` changes at the pointer and writes as many receipts
        // to the same place, which it allows; `list` is exclusively borrowed. `now` lives in this
        // frame. The queue and `fd` are checked by the kernel.
        let call = cvt(unsafe {
            kernel::kevent(self.raw(), room, changes.len() as _, room, changes.len() as _, &now)
        });
        match call {
            Ok(receipts) => Ok(answers(changes, &list[..receipts as usize])),
            // All changes have been made; their receipts are lost.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([0; MOST_CHANGES]),
            Err(error) => Err(error),
        }
    }

    /// Waits, and replaces what is in `events` by what happened, as far as its capacity goes.
    /// `None` waits without end; a kernel may refuse more than 24 hours.
    ///
    /// # Errors
    ///
    /// `Interrupted` where a signal ended the wait.
    pub(crate) fn wait(
        &self,
        events: &mut Vec<RawKevent>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.clear();
        let room = events.capacity().min(i32::MAX as usize);
        let timeout = timeout.map(timespec);
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: kevent(2) reads no changes, writes at most `room` events at the pointer (the
        // vector's allocation has that capacity and is exclusively borrowed), and reads the
        // timeout, which is null or lives in this frame.
        let happened = cvt(unsafe {
            kernel::kevent(self.raw(), ptr::null(), 0, events.as_mut_ptr(), room as _, timeout)
        })?;
        // SAFETY: the kernel has initialised that many events, which is at most the capacity.
        unsafe { events.set_len(happened as usize) };
        Ok(())
    }

    fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Kqueue {
    fn drop(&mut self) {
        if process::id() == self.owner {
            // SAFETY: `fd` is not used after this, for `self` is going.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl News {
    /// What the kernel wrote. It adds flags of its own, which differ from system to system: bits
    /// are tested, never the whole compared.
    pub(crate) fn of(raw: &RawKevent) -> News {
        let flags = raw.flags;
        let data: i64 = raw.data as _;
        let eof = flags & kernel::EV_EOF != 0;
        let error = match (flags & kernel::EV_ERROR != 0, eof) {
            (true, _) => data,
            (false, true) => i64::from(raw.fflags),
            (false, false) => 0,
        };
        News {
            fd: raw.ident as RawFd,
            filter: if raw.filter == kernel::EVFILT_WRITE { Filter::Write } else { Filter::Read },
            amount: data,
            eof,
            error,
            word: raw.udata as usize,
        }
    }
}

impl Change {
    fn filter(self) -> Filter {
        match self {
            Change::Add(filter, _) | Change::Delete(filter) => filter,
        }
    }
}

/// Field by field: FreeBSD has more fields than the others, NetBSD wider ones.
fn fill(raw: &mut RawKevent, fd: RawFd, change: Change) {
    raw.ident = fd as _;
    raw.filter = match change.filter() {
        Filter::Read => kernel::EVFILT_READ,
        Filter::Write => kernel::EVFILT_WRITE,
    };
    raw.flags = kernel::EV_RECEIPT
        | match change {
            Change::Add(..) => kernel::EV_ADD | kernel::EV_ENABLE,
            Change::Delete(_) => kernel::EV_DELETE,
        };
    // Any change overwrites the word, so every one carries it.
    raw.udata = match change {
        Change::Add(_, word) => word as usize as _,
        Change::Delete(_) => ptr::null_mut(),
    };
}

/// Each change's errno. Receipts are matched by filter rather than by place, so one that a kernel
/// left out is taken for success and not for its neighbour's.
fn answers(changes: &[Change], receipts: &[RawKevent]) -> [i64; MOST_CHANGES] {
    let mut answers = [0; MOST_CHANGES];
    for receipt in receipts.iter().filter(|receipt| receipt.flags & kernel::EV_ERROR != 0) {
        let news = News::of(receipt);
        if let Some(at) = changes.iter().position(|change| change.filter() == news.filter) {
            answers[at] = news.error;
        }
    }
    answers
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec { tv_sec: duration.as_secs() as _, tv_nsec: duration.subsec_nanos() as _ }
}

/// `struct kevent` as each system's <sys/event.h> lays it out on a 64-bit machine, against what
/// the `libc` crate says of it.
#[cfg(all(target_pointer_width = "64", not(target_os = "linux")))]
mod layout {
    use std::mem::offset_of;

    use libc::kevent;

    /// Size, then where each field begins.
    const EXPECTED: [usize; 7] = if cfg!(target_os = "freebsd") {
        [64, 0, 8, 10, 12, 16, 24]
    } else if cfg!(target_os = "netbsd") {
        [40, 0, 8, 12, 16, 24, 32]
    } else {
        [32, 0, 8, 10, 12, 16, 24]
    };
    const ACTUAL: [usize; 7] = [
        size_of::<kevent>(),
        offset_of!(kevent, ident),
        offset_of!(kevent, filter),
        offset_of!(kevent, flags),
        offset_of!(kevent, fflags),
        offset_of!(kevent, data),
        offset_of!(kevent, udata),
    ];
    const _: () = {
        let mut at = 0;
        while at < EXPECTED.len() {
            assert!(EXPECTED[at] == ACTUAL[at], "struct kevent is not what <sys/event.h> says");
            at += 1;
        }
    };
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    const HEAR: [Change; 2] = [Change::Add(Filter::Read, 7), Change::Add(Filter::Write, 7)];

    #[test]
    fn each_change_has_its_own_answer() {
        let kqueue = Kqueue::new().unwrap();
        let (end, _other) = UnixStream::pair().unwrap();
        let fd = end.as_raw_fd();
        assert_eq!(kqueue.change(fd, &HEAR[..1]).unwrap(), [0, 0]);
        let both = [Change::Delete(Filter::Write), Change::Delete(Filter::Read)];
        assert_eq!(kqueue.change(fd, &both).unwrap(), [i64::from(libc::ENOENT), 0]);
    }

    #[test]
    fn a_change_never_drains_an_event() {
        let kqueue = Kqueue::new().unwrap();
        let (end, _other) = UnixStream::pair().unwrap();
        assert_eq!(kqueue.change(end.as_raw_fd(), &HEAR).unwrap(), [0, 0]);
        assert_eq!(kqueue.change(end.as_raw_fd(), &HEAR).unwrap(), [0, 0]);
        let mut events = Vec::with_capacity(4);
        kqueue.wait(&mut events, Some(Duration::ZERO)).unwrap();
        let news: Vec<News> = events.iter().map(News::of).collect();
        assert_eq!(news.len(), 1);
        assert_eq!((news[0].filter, news[0].word), (Filter::Write, 7));
    }

    #[test]
    fn a_change_that_a_signal_interrupts_has_been_made() {
        let kqueue = Kqueue::new().unwrap();
        let (end, _other) = UnixStream::pair().unwrap();
        kernel::INTERRUPT_NEXT_CHANGE.set(true);
        assert_eq!(kqueue.change(end.as_raw_fd(), &HEAR).unwrap(), [0, 0]);
        let both = [Change::Delete(Filter::Read), Change::Delete(Filter::Write)];
        assert_eq!(kqueue.change(end.as_raw_fd(), &both).unwrap(), [0, 0]);
    }

    #[test]
    fn a_closed_descriptor_has_no_knotes() {
        let kqueue = Kqueue::new().unwrap();
        let (end, _other) = UnixStream::pair().unwrap();
        kqueue.change(end.as_raw_fd(), &HEAR).unwrap();
        drop(end);
        let mut events = Vec::with_capacity(4);
        kqueue.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
    }

    #[test]
    fn a_queue_is_closed_by_the_process_that_opened_it_and_by_no_other() {
        let queue = Kqueue::new().unwrap();
        let stranger = Kqueue { fd: ManuallyDrop::new(dup(&queue)), owner: queue.owner + 1 };
        let (mine, theirs) = (dup(&queue), stranger.raw());
        let number = queue.raw();
        drop(queue);
        drop(stranger);
        assert_ne!(super::super::testing::same_file(mine.as_raw_fd(), number), Some(true));
        // The stranger's number is still open, on the file that `mine` is open on too.
        assert_eq!(super::super::testing::same_file(mine.as_raw_fd(), theirs), Some(true));
        // SAFETY: nobody owns `theirs` now, which is what this test has just shown.
        drop(unsafe { OwnedFd::from_raw_fd(theirs) });
    }

    fn dup(queue: &Kqueue) -> OwnedFd {
        queue.as_fd().try_clone_to_owned().unwrap()
    }
}
