//! What the loop says of itself: ids, causes, counters, and one stream of records.
//!
//! Every layer above reports here; nothing here calls back up. The loop counts always (plain
//! integers), and while somebody observes it also tells: each thing that happens becomes one
//! [`Record`], and every view (the explain mode, a trace, a test's oracle) is made from that one
//! stream. While nobody observes, a record costs one predicted branch and is never built.
//!
//! Without a change to a program, its environment can ask for an observer:
//!
//! | variable | value | observer |
//! |---|---|---|
//! | `EVLOOP_EXPLAIN` | `1`, `2`, `3` | explain mode, on standard error: what the loop does, in words |
//! | `EVLOOP_DEBUG` | `1` | debug mode ([`EventLoop::set_debug`](crate::EventLoop::set_debug)): slow callbacks, what was left behind, misuse |
//! | `EVLOOP_RECORD` | `1` | a [`FlightRecorder`], which [`EventLoop::recorder`](crate::EventLoop::recorder) gives |
//!
//! Any other value is an error when a loop is made.

mod counters;
#[cfg(feature = "debug")]
mod debug;
#[cfg(not(feature = "debug"))]
#[path = "no_debug.rs"]
mod debug;
mod environment;
#[cfg(feature = "explain")]
mod explain;
mod finding;
mod primitive;
mod queued;
mod record;
mod ring;
mod wait;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
#[cfg(feature = "debug")]
use std::time::Duration;

use crate::sys::{Clock, Time};
pub use counters::Counters;
pub(crate) use counters::{Tally, add, count};
pub(crate) use debug::Debugger;
#[cfg(feature = "explain")]
pub use explain::{Explain, Level};
#[cfg(feature = "testing")]
pub(crate) use explain::{
    Narrator, interest as interest_words, readiness as readiness_words, short_path,
};
pub(crate) use finding::Finding;
pub use finding::Warning;
pub use primitive::Primitive;
pub(crate) use queued::tell_cancelled;
pub use record::{Record, Resource, TaskEnd, WaitReason, What};
pub use ring::{DEFAULT_CAPACITY, FlightRecorder};
pub(crate) use wait::{Wait, forget_wait, note_wait, noted_wait};

/// A place in somebody's source code, as `#[track_caller]` gives it.
pub type Site = &'static Location<'static>;

/// The number of a handle in its loop's ready queue: one for each time something is queued to run,
/// from 1. 0 stands for the world outside every handle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HandleId(pub u64);

impl HandleId {
    /// No handle: what a program does outside the loop's callbacks.
    pub const OUTSIDE: HandleId = HandleId(0);
}

/// The number of a task in its loop, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// The number of a [`LoopFuture`](crate::LoopFuture) in its loop, from 1, where records name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FutureId(pub u64);

impl fmt::Debug for FutureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "future#{}", self.0)
    }
}

/// The number of a timer in its loop, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

impl fmt::Debug for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle#{}", self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task#{}", self.0)
    }
}

impl fmt::Debug for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timer#{}", self.0)
    }
}

/// Somebody who looks at a loop.
///
/// An observer is told after the fact and cannot change anything: the loop does the same with and
/// without it. It must not call the loop.
pub trait Observer {
    /// `record` happened at `at`.
    fn record(&mut self, at: Time, record: &Record);
}

/// A loop's side of observation: its counters, and whoever looks.
pub(crate) struct Observe {
    pub(crate) tally: Tally,
    watched: Cell<bool>,
    current: Cell<HandleId>,
    observers: RefCell<Vec<Box<dyn Observer>>>,
    recorder: RefCell<Option<FlightRecorder>>,
    debugger: RefCell<Option<Debugger>>,
    #[cfg(feature = "debug")]
    slow_callback: Cell<Duration>,
    #[cfg(feature = "testing")]
    futures: Cell<u64>,
    clock: Rc<dyn Clock>,
}

impl Observe {
    pub(crate) fn new(clock: Rc<dyn Clock>) -> Self {
        Observe {
            tally: Tally::default(),
            watched: Cell::new(false),
            current: Cell::new(HandleId::OUTSIDE),
            observers: RefCell::default(),
            recorder: RefCell::default(),
            debugger: RefCell::default(),
            #[cfg(feature = "debug")]
            slow_callback: Cell::new(debug::SLOW_CALLBACK),
            #[cfg(feature = "testing")]
            futures: Cell::new(0),
            clock,
        }
    }

    /// Adds an observer, for the loop's life.
    pub(crate) fn add(&self, observer: Box<dyn Observer>) {
        self.observers.borrow_mut().push(observer);
        self.watched.set(true);
    }

    /// Shows something to the debugger, if there is one. `f` must not call the loop.
    pub(crate) fn debug(&self, f: impl FnOnce(&mut Debugger)) {
        if let Some(debugger) = &mut *self.debugger.borrow_mut() {
            f(debugger);
        }
    }

    /// What the debugger has found.
    pub(crate) fn take_findings(&self) -> Vec<Finding> {
        self.debugger.borrow_mut().as_mut().map_or_else(Vec::new, Debugger::take)
    }

    /// Adds the observers that the environment asks for: `EVLOOP_EXPLAIN`, `EVLOOP_RECORD`,
    /// `EVLOOP_DEBUG`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a value that means nothing; it names those that do.
    pub(crate) fn add_from_environment(&self) -> io::Result<()> {
        if let Some(observer) = environment::explain()? {
            self.add(observer);
        }
        if let Some(recorder) = environment::recorder()? {
            self.keep(recorder);
        }
        environment::debug(self)
    }

    /// Records from now on, for the loop's life; gives the recorder that does so already, if one
    /// does.
    pub(crate) fn record(&self, capacity: usize) -> FlightRecorder {
        match self.recorder() {
            Some(recorder) => recorder,
            None => self.keep(FlightRecorder::new(capacity)),
        }
    }

    /// Whoever records.
    pub(crate) fn recorder(&self) -> Option<FlightRecorder> {
        self.recorder.borrow().clone()
    }

    fn keep(&self, recorder: FlightRecorder) -> FlightRecorder {
        self.add(Box::new(recorder.clone()));
        self.recorder.replace(Some(recorder.clone()));
        recorder
    }

    /// Whether anybody looks.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.get()
    }

    /// A new future's number.
    #[cfg(feature = "testing")]
    pub(crate) fn number_future(&self) -> FutureId {
        self.futures.set(self.futures.get() + 1);
        FutureId(self.futures.get())
    }

    /// The handle that runs now: the cause of whatever happens now.
    #[inline]
    pub(crate) fn current(&self) -> HandleId {
        self.current.get()
    }

    #[inline]
    pub(crate) fn set_current(&self, handle: HandleId) {
        self.current.set(handle);
    }

    /// Tells whoever looks; `record` is built only if somebody does.
    #[inline]
    pub(crate) fn tell(&self, record: impl FnOnce() -> Record) {
        if self.watched.get() {
            self.tell_watchers(record());
        }
    }

    /// Apart from [`tell`](Observe::tell), which is in every function of the loop, and by value: so
    /// that none of them has the end of a record in it, and what an observer that panics unwinds.
    #[cold]
    #[inline(never)]
    fn tell_watchers(&self, record: Record) {
        let at = self.clock.now();
        for observer in self.observers.borrow_mut().iter_mut() {
            observer.record(at, &record);
        }
        self.debug(|debugger| debugger.record(at, &record));
    }
}
