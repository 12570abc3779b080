//! Signals: a handler that does nothing but note the signal and tell somebody. (sigaction(2))
//!
//! Dispositions belong to the process, so this table does too: one place a signal, and whoever
//! [catches](catch) a signal has its place until the [`Caught`] is dropped, which puts the former
//! disposition back. The handler may do only what signal-safety(7) allows; it finds its way by
//! three atomics:
//!
//! ```text
//! handler                               whoever lets go
//! busy += 1                             disposition := former
//! came := true                          teller := null
//! teller? ── not null ─► tell           wait until busy = 0
//! busy −= 1                             free what teller pointed to
//! ```
//!
//! All are sequentially consistent, so a handler that still sees the pointer is seen in `busy`.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};

use nix::errno::Errno;

use super::cvt;

/// Whom a signal handler tells.
pub(crate) trait Tell: Send + Sync {
    /// Called in a signal handler: no allocation, no lock. (signal-safety(7))
    fn tell(&self);
}

/// What a second signal means that comes before the first was [taken](Caught::take).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unnoticed {
    /// The same as one.
    Merge,
    /// Nobody listens: the default action is to be taken.
    Default,
}

struct Place {
    taken: AtomicBool,
    came: AtomicBool,
    insists: AtomicBool,
    teller: AtomicPtr<Arc<dyn Tell>>,
}

/// More than any of our systems has signals (MIPS has 127).
const SIGNALS: usize = 128;

static PLACES: [Place; SIGNALS] = [const {
    Place {
        taken: AtomicBool::new(false),
        came: AtomicBool::new(false),
        insists: AtomicBool::new(false),
        teller: AtomicPtr::new(ptr::null_mut()),
    }
}; SIGNALS];

/// How many handlers run at this moment, in all threads.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// A signal that does no more what it did.
pub(crate) struct Caught {
    signal: i32,
    place: &'static Place,
    former: libc::sigaction,
}

/// Why a signal was not caught.
pub(crate) enum NotCaught {
    /// It cannot be.
    Uncatchable,
    /// Somebody has it already.
    Taken,
}

/// Catches `signal`: from now on it is noted, and `teller` told.
///
/// It restarts system calls that it interrupts, where they can be (`SA_RESTART`; the waits of
/// epoll, kqueue and poll cannot), and runs on the alternate stack of a thread that has one.
pub(crate) fn catch(
    signal: i32,
    teller: Arc<dyn Tell>,
    unnoticed: Unnoticed,
) -> Result<Caught, NotCaught> {
    let place = place_of(signal).ok_or(NotCaught::Uncatchable)?;
    if place.taken.swap(true, SeqCst) {
        return Err(NotCaught::Taken);
    }
    place.came.store(false, SeqCst);
    place.insists.store(unnoticed == Unnoticed::Default, SeqCst);
    place.teller.store(Box::into_raw(Box::new(teller)), SeqCst);
    match exchange(signal, Some(&action(our_handler()))) {
        Ok(former) => Ok(Caught { signal, place, former }),
        // The kernel refuses what cannot be caught, and the numbers libc keeps for itself.
        Err(_) => {
            place.let_go();
            Err(NotCaught::Uncatchable)
        }
    }
}

/// Whether `signal` does what it does by default.
pub(crate) fn is_default(signal: i32) -> bool {
    exchange(signal, None).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL)
}

impl Caught {
    pub(crate) fn signal(&self) -> i32 {
        self.signal
    }

    /// Whether it has come since this was last asked; many are one.
    pub(crate) fn take(&self) -> bool {
        self.place.came.swap(false, SeqCst)
    }

    /// Lets go of the signal; whether it had come since it was last asked.
    pub(crate) fn let_go(self) -> bool {
        let place = self.place;
        drop(self);
        place.came.swap(false, SeqCst)
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // Whoever has set another handler since then keeps it.
        if exchange(self.signal, None).is_ok_and(|now| now.sa_sigaction == our_handler()) {
            // It can only fail for a signal that could not have been caught.
            let _ = exchange(self.signal, Some(&self.former));
        }
        self.place.let_go();
    }
}

impl Place {
    fn let_go(&self) {
        let teller = self.teller.swap(ptr::null_mut(), SeqCst);
        while BUSY.load(SeqCst) != 0 {
            // A handler is a few instructions long. None is below us on this very thread: it would
            // have to return first.
            std::thread::yield_now();
        }
        // SAFETY: `teller` was made by `Box::into_raw` in `catch` and is now ours alone: the place
        // no longer has it, and no handler that had loaded it is still running.
        drop(unsafe { Box::from_raw(teller) });
        self.taken.store(false, SeqCst);
    }
}

/// Where `signal` has its place, if it may be caught at all.
fn place_of(signal: i32) -> Option<&'static Place> {
    const FAULTS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
    if signal < 1 || FAULTS.contains(&signal) {
        return None;
    }
    PLACES.get(signal as usize)
}

fn our_handler() -> libc::sighandler_t {
    handle as extern "C" fn(i32) as libc::sighandler_t
}

extern "C" fn handle(signal: i32) {
    let errno = Errno::last_raw();
    BUSY.fetch_add(1, SeqCst);
    if let Some(place) = place_of(signal) {
        if place.came.swap(true, SeqCst) && place.insists.load(SeqCst) {
            die_of(signal);
        }
        // SAFETY: a pointer that is not null points to the box that `catch` made, and `let_go`
        // does not free it while BUSY says that we are here.
        if let Some(teller) = unsafe { place.teller.load(SeqCst).as_ref() } {
            teller.tell();
        }
    }
    BUSY.fetch_sub(1, SeqCst);
    Errno::set_raw(errno);
}

/// Sends `signal` to this thread.
pub(crate) fn raise(signal: i32) {
    // SAFETY: raise(3) takes an integer; like sigaction(2) it may be called in a signal handler.
    unsafe { libc::raise(signal) };
}

/// Has the default action taken as soon as the handler returns: until then the signal is blocked.
fn die_of(signal: i32) {
    let _ = exchange(signal, Some(&action(libc::SIG_DFL)));
    raise(signal);
}

fn action(handler: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: sigaction is a plain C struct of integers, a mask and perhaps a function pointer that
    // may be null: all zero is a value of it, with an empty mask on each of our systems.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    action
}

/// Sets the disposition of `signal`, if one is given; the one it had.
fn exchange(signal: i32, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let mut former = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: sigaction(2) reads one sigaction at `new`, unless that is null, and writes one at
    // `former`, which has room for it. The handler that `new` names is `handle`, which does only
    // what a handler may, or one that was this signal's before.
    cvt(unsafe { libc::sigaction(signal, new, former.as_mut_ptr()) })?;
    // SAFETY: sigaction succeeded, so it has written all of it.
    Ok(unsafe { former.assume_init() })
}
