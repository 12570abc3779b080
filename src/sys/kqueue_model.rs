//! kqueue(2) as we read its manual pages, over poll(2), so that the backend runs on Linux.
//!
//! It checks our reading of the BSDs, not the BSDs. What it has is what the backend uses, and
//! anything else is refused loudly:
//!
//! - A queue is a table of knotes, one for each descriptor and filter. Adding one that is there
//!   renews its `udata`. Deleting one that is not is ENOENT.
//! - Changes are made in order; each is answered by a receipt (EV_ERROR, `data` the errno) if it
//!   asks for one. An error for whose receipt there is no room ends the call with −1. A call that
//!   gave receipts does not look for events.
//! - Each active knote is an event of its own; those that have been told go to the end.
//! - EV_EOF comes with READ once the peer has sent its last (bytes may be left), and with WRITE
//!   once nobody will take more, which our own shutdown(2) brings about too. `fflags` then holds
//!   the socket's error; Linux does not show it without taking it, so here it is ECONNRESET.
//! - Closing a descriptor removes its knotes. Here that is seen at the next call, by the number's
//!   being closed or open on another file.
//! - WRITE on a pipe whose reader is gone is answered by EPIPE and added nevertheless (macOS
//!   10.10); WRITE on another kqueue is EINVAL.
//! - A signal that interrupts a call finds its changes made; receipts are lost. A test says when.
//! - Timeouts that are malformed or longer than 24 hours are EINVAL.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard};
use std::{ptr, slice};

use libc::{c_int, c_void, timespec};
use nix::errno::Errno;

use super::time::monotonic;

pub(super) const EVFILT_READ: i16 = -1;
pub(super) const EVFILT_WRITE: i16 = -2;
pub(super) const EV_ADD: u16 = 0x1;
pub(super) const EV_DELETE: u16 = 0x2;
pub(super) const EV_ENABLE: u16 = 0x4;
pub(super) const EV_RECEIPT: u16 = 0x40;
pub(super) const EV_ERROR: u16 = 0x4000;
pub(super) const EV_EOF: u16 = 0x8000;

/// `struct kevent`, as most systems have it.
#[allow(non_camel_case_types, reason = "the name that libc gives the real one")]
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct kevent {
    pub(super) ident: usize,
    pub(super) filter: i16,
    pub(super) flags: u16,
    pub(super) fflags: u32,
    pub(super) data: i64,
    pub(super) udata: *mut c_void,
}

/// A file, as distinct from the number that it is open under: device and inode.
type File = (u64, u64);

struct Queue {
    file: File,
    knotes: Vec<Knote>,
}

#[derive(Clone, Copy)]
struct Knote {
    fd: c_int,
    filter: i16,
    udata: usize,
    file: File,
}

/// Queues by the number of a socket that stands for each.
static QUEUES: Mutex<BTreeMap<c_int, Queue>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// Set, the next call of this thread that has changes is interrupted after making them.
    pub(super) static INTERRUPT_NEXT_CHANGE: Cell<bool> = const { Cell::new(false) };
}

fn queues() -> MutexGuard<'static, BTreeMap<c_int, Queue>> {
    QUEUES.lock().unwrap()
}

/// # Safety
///
/// Nothing is asked of the caller: it is unsafe as the one it stands in for, kqueue(2) of libc.
pub(super) unsafe fn kqueue() -> c_int {
    // SAFETY: socket(2) takes three integers and touches no memory of ours.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0) };
    if let Some((file, _)) = identify(fd) {
        queues().insert(fd, Queue { file, knotes: Vec::new() });
    }
    fd
}

/// # Safety
///
/// As for kevent(2): `changes` points to `nchanges` readable elements, `events` to room for
/// `nevents`, and `timeout` is null or points to one timespec.
pub(super) unsafe fn kevent(
    kq: c_int,
    changes: *const kevent,
    nchanges: c_int,
    events: *mut kevent,
    nevents: c_int,
    timeout: *const timespec,
) -> c_int {
    let changes = match nchanges {
        0 => Vec::new(),
        // SAFETY: the caller's promise. They are copied, for `events` may be the same memory.
        _ => unsafe { slice::from_raw_parts(changes, nchanges as usize) }.to_vec(),
    };
    // SAFETY: the caller's promise.
    let timeout = unsafe { timeout.as_ref() };
    let told = apply(kq, &changes, nevents as usize).and_then(|receipts| {
        if receipts.is_empty() { scan(kq, nevents as usize, timeout) } else { Ok(receipts) }
    });
    match told {
        Ok(told) => {
            // SAFETY: the caller's promise; both steps give at most `nevents`.
            unsafe { ptr::copy_nonoverlapping(told.as_ptr(), events, told.len()) };
            told.len() as c_int
        }
        Err(errno) => {
            Errno::set_raw(errno);
            -1
        }
    }
}

/// Makes the changes; the receipts.
fn apply(kq: c_int, changes: &[kevent], room: usize) -> Result<Vec<kevent>, c_int> {
    let mut receipts = Vec::new();
    for change in changes {
        let answer = make(kq, change);
        if answer == 0 && change.flags & EV_RECEIPT == 0 {
            continue;
        }
        if receipts.len() == room {
            return Err(answer);
        }
        let flags = change.flags | EV_ERROR;
        receipts.push(kevent { flags, data: i64::from(answer), ..*change });
    }
    if !changes.is_empty() && INTERRUPT_NEXT_CHANGE.take() {
        return Err(libc::EINTR);
    }
    Ok(receipts)
}

/// Makes one change; its errno.
fn make(kq: c_int, change: &kevent) -> c_int {
    let fd = change.ident as c_int;
    let Some((file, mode)) = identify(fd) else { return libc::EBADF };
    let mut queues = queues();
    let is_queue = queues.get(&fd).is_some_and(|queue| queue.file == file);
    let Some(queue) = queues.get_mut(&kq) else { return libc::EBADF };
    queue.forget_closed();
    let at = queue.knotes.iter().position(|it| (it.fd, it.filter) == (fd, change.filter));
    match (change.flags & !EV_RECEIPT, at) {
        (EV_DELETE, None) => libc::ENOENT,
        (EV_DELETE, Some(at)) => {
            queue.knotes.remove(at);
            0
        }
        (flags, Some(at)) if flags == EV_ADD | EV_ENABLE => {
            queue.knotes[at].udata = change.udata as usize;
            0
        }
        (flags, None) if flags == EV_ADD | EV_ENABLE => {
            if is_queue && change.filter == EVFILT_WRITE {
                return libc::EINVAL;
            }
            let udata = change.udata as usize;
            queue.knotes.push(Knote { fd, filter: change.filter, udata, file });
            let broken = mode == libc::S_IFIFO && polled(fd, 0) & libc::POLLERR != 0;
            if broken && change.filter == EVFILT_WRITE { libc::EPIPE } else { 0 }
        }
        (flags, _) => panic!("the model knows nothing of the flags {flags:#x}"),
    }
}

/// Waits for an active knote; the events.
fn scan(kq: c_int, room: usize, timeout: Option<&timespec>) -> Result<Vec<kevent>, c_int> {
    const LONGEST: i64 = 24 * 60 * 60;
    if timeout.is_some_and(|it| !(0..=LONGEST).contains(&it.tv_sec) || it.tv_nsec >= 1_000_000_000)
    {
        return Err(libc::EINVAL);
    }
    let length = |it: &timespec| it.tv_sec as u64 * 1_000_000_000 + it.tv_nsec as u64;
    let deadline = timeout.map(|it| monotonic().as_nanos() + length(it));
    loop {
        let (told, mut table) = {
            let mut queues = queues();
            let queue = queues.get_mut(&kq).ok_or(libc::EBADF)?;
            queue.forget_closed();
            (queue.tell(room), queue.table())
        };
        let left = deadline.map(|it| it.saturating_sub(monotonic().as_nanos()));
        if !told.is_empty() || left == Some(0) {
            return Ok(told);
        }
        let left = left.map(|it| timespec {
            tv_sec: (it / 1_000_000_000) as i64,
            tv_nsec: (it % 1_000_000_000) as i64,
        });
        let left = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: ppoll(2) reads and writes as many entries as `table` has, and reads the timeout,
        // which is null or lives in this frame; a null mask leaves the signal mask alone.
        let woken = unsafe {
            libc::ppoll(table.as_mut_ptr(), table.len() as libc::nfds_t, left, ptr::null())
        };
        if woken == -1 {
            return Err(Errno::last_raw());
        }
    }
}

impl Queue {
    fn forget_closed(&mut self) {
        self.knotes.retain(|knote| identify(knote.fd).is_some_and(|(file, _)| file == knote.file));
    }

    /// At most `room` events; their knotes go to the end.
    fn tell(&mut self, room: usize) -> Vec<kevent> {
        let mut told = Vec::new();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for knote in self.knotes.drain(..) {
            match knote.event() {
                Some(event) if told.len() < room => {
                    told.push(event);
                    last.push(knote);
                }
                _ => first.push(knote),
            }
        }
        first.append(&mut last);
        self.knotes = first;
        told
    }

    fn table(&self) -> Vec<libc::pollfd> {
        let ask = |it: &Knote| libc::pollfd { fd: it.fd, events: it.asked(), revents: 0 };
        self.knotes.iter().map(ask).collect()
    }
}

impl Knote {
    fn asked(&self) -> i16 {
        if self.filter == EVFILT_READ { libc::POLLIN | libc::POLLRDHUP } else { libc::POLLOUT }
    }

    /// What it has to tell now, if anything.
    fn event(&self) -> Option<kevent> {
        let now = polled(self.fd, self.asked());
        let is_pipe = identify(self.fd).is_some_and(|(_, mode)| mode == libc::S_IFIFO);
        let (active, eof) = match (self.filter, is_pipe) {
            (EVFILT_READ, false) => (now != 0, now & (libc::POLLRDHUP | libc::POLLHUP) != 0),
            (_, false) => (now != 0, now & libc::POLLHUP != 0 || is_shut_down(self.fd)),
            (_, true) => (now != 0, now & (libc::POLLHUP | libc::POLLERR) != 0),
        };
        let failed = !is_pipe && eof && now & libc::POLLERR != 0;
        (active || eof).then(|| kevent {
            ident: self.fd as usize,
            filter: self.filter,
            flags: EV_ADD | EV_ENABLE | if eof { EV_EOF } else { 0 },
            fflags: if failed { libc::ECONNRESET as u32 } else { 0 },
            data: if self.filter == EVFILT_READ { waiting_bytes(self.fd) } else { 4096 },
            udata: self.udata as *mut c_void,
        })
    }
}

/// Which file `fd` is open on, and of which type; `None` if it is closed.
fn identify(fd: c_int) -> Option<(File, libc::mode_t)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat(2) writes one `stat` at the pointer, which has room for it.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } == -1 {
        return None;
    }
    // SAFETY: fstat succeeded, so it has written all of it.
    let stat = unsafe { stat.assume_init() };
    Some(((stat.st_dev, stat.st_ino), stat.st_mode & libc::S_IFMT))
}

fn polled(fd: c_int, events: i16) -> i16 {
    let mut one = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: poll(2) reads and writes one pollfd at the pointer, which lives in this frame.
    unsafe { libc::poll(&mut one, 1, 0) };
    one.revents
}

fn waiting_bytes(fd: c_int) -> i64 {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD writes one int at the pointer, which lives in this frame.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) };
    i64::from(bytes)
}

/// Whether nothing more can be sent on a socket: sending nothing at all then fails with EPIPE.
fn is_shut_down(fd: c_int) -> bool {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: send(2) reads 0 bytes at the pointer.
    let sent = unsafe { libc::send(fd, ptr::dangling::<u8>().cast(), 0, flags) };
    sent == -1 && Errno::last() == Errno::EPIPE
}
