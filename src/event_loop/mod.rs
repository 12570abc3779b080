//! The event loop: wait, collect, run.
//!
//! This folder knows descriptors, timers and handles. It has never heard of tasks, transports or
//! streams: those sit above, and hang their own methods on [`EventLoop`] where they live.

mod builder;
mod clock;
mod current;
mod error;
mod exception;
mod fds;
mod handle;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod model;
mod ready;
mod remote;
mod residents;
mod run;
mod schedule;
mod timers;
mod turn;
mod watch;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::observe::{Counters, Observe, Record};
use crate::selector::{Event, Selector};
use crate::sys::{Clock, Sockets, Time};

pub use builder::Builder;
pub use clock::ManualClock;
pub use current::{get_event_loop, get_running_loop, new_event_loop, set_event_loop};
pub(crate) use current::{thread_number, with_running};
pub use error::LoopError;
pub(crate) use exception::panic_message;
pub use exception::{ErrorContext, Exception};
use fds::Fds;
pub(crate) use fds::Side;
pub(crate) use handle::Run;
pub use handle::{Handle, TimerHandle};
pub use ready::Policy;
use ready::Ready;
pub(crate) use ready::Work;
pub use remote::LoopHandle;
pub(crate) use remote::Mailbox;
pub use residents::CloseReport;
use residents::Residents;
pub(crate) use residents::{Resident, ResidentKey};
pub use run::Ended;
pub(crate) use schedule::WeakLoop;
pub(crate) use timers::TimerKey;
use timers::Timers;

/// What a loop is doing.
///
/// | from    | run begins | run ends | close  |
/// |---------|------------|----------|--------|
/// | Idle    | Running    | –        | Closed |
/// | Running | refused    | Idle     | refused|
/// | Closed  | refused    | –        | Closed |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Running,
    Closed,
}

/// An event loop: it waits for descriptors and points in time, and calls back.
///
/// It belongs to one thread; cloning it is cheap and gives another name for the same loop. Other
/// threads hold a [`LoopHandle`].
///
/// A loop that is dropped is closed, but a callback or task that holds a clone of its own loop
/// keeps it alive: inside them use [`get_running_loop`], or [`close`](EventLoop::close) the loop.
#[derive(Clone)]
pub struct EventLoop(pub(crate) Rc<Inner>);

/// What outlives the loop as long as a task or a waker of it does: the way back.
pub(crate) struct Home {
    pub(crate) ready: Ready,
    pub(crate) mailbox: Arc<Mailbox>,
    /// The thread the loop belongs to ([`thread_number`]).
    pub(crate) thread: u64,
    pub(crate) event_loop: WeakLoop,
}

impl Home {
    /// The loop, if it still is.
    pub(crate) fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }
}

pub(crate) struct Inner {
    pub(crate) home: Rc<Home>,
    pub(crate) observe: Rc<Observe>,
    pub(crate) sockets: Rc<dyn Sockets>,
    clock: Rc<dyn Clock>,
    fds: RefCell<Fds>,
    timers: RefCell<Timers<Work>>,
    residents: RefCell<Residents>,
    events: RefCell<Vec<Event>>,
    exception_handler: RefCell<Option<exception::ExceptionHandler>>,
    receive_buffer: Cell<Option<Box<[u8]>>>,
    state: Cell<State>,
    stopping: Cell<bool>,
    polled_at: Cell<Time>,
    handles_until_poll: Cell<u32>,
    handles_until_clock: Cell<u32>,
    always_poll: bool,
}

impl EventLoop {
    /// A new loop on the platform's best selector.
    ///
    /// # Errors
    ///
    /// [`LoopError::Io`] if the kernel gives no descriptor for it.
    pub fn new() -> Result<EventLoop, LoopError> {
        Builder::default().build()
    }

    /// A loop on a selector, a clock or sockets of your choice.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn assemble(mut builder: Builder, selector: Box<dyn Selector>) -> Result<EventLoop, LoopError> {
        let clock = builder.take_clock();
        let observe = Rc::new(Observe::new(clock.clone()));
        for observer in builder.observers.drain(..) {
            observe.add(observer);
        }
        Ok(EventLoop(Rc::new_cyclic(|event_loop| Inner {
            home: Rc::new(Home {
                ready: Ready::new(observe.clone(), builder.policy.take()),
                mailbox: Mailbox::new(selector.bell()),
                thread: current::number_this_thread(),
                event_loop: event_loop.clone(),
            }),
            observe,
            sockets: builder.sockets,
            polled_at: Cell::new(clock.now()),
            clock,
            fds: RefCell::new(Fds::new(selector)),
            timers: RefCell::default(),
            residents: RefCell::default(),
            events: RefCell::default(),
            exception_handler: RefCell::default(),
            receive_buffer: Cell::new(None),
            state: Cell::new(State::Idle),
            stopping: Cell::new(false),
            handles_until_poll: Cell::new(0),
            handles_until_clock: Cell::new(0),
            always_poll: builder.always_poll,
        })))
    }

    /// The time on the loop's clock, now: a live clock, not the time the turn began.
    /// (`loop.time`)
    pub fn time(&self) -> Time {
        self.0.clock.now()
    }

    /// Whether a run is under way. (`loop.is_running`)
    pub fn is_running(&self) -> bool {
        self.0.state.get() == State::Running
    }

    /// Whether the loop is closed. (`loop.is_closed`)
    pub fn is_closed(&self) -> bool {
        self.0.state.get() == State::Closed
    }

    /// What other threads may hold of this loop.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle { mailbox: self.0.home.mailbox.clone() }
    }

    /// What the loop has done since it was made.
    pub fn counters(&self) -> Counters {
        self.0.observe.tally.snapshot()
    }

    /// The kernel facility it waits with: `"epoll"`, `"kqueue"`, `"poll"`.
    pub fn selector_name(&self) -> &'static str {
        self.0.fds.borrow().selector.name()
    }

    /// Whether both names are of the same loop.
    pub(crate) fn is_same(&self, other: &EventLoop) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn check_open(&self) -> Result<(), LoopError> {
        if self.is_closed() { Err(LoopError::Closed) } else { Ok(()) }
    }
}

impl PartialEq for EventLoop {
    /// Two names of the same loop are equal.
    fn eq(&self, other: &EventLoop) -> bool {
        self.is_same(other)
    }
}

impl Eq for EventLoop {}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<EventLoop running={} closed={} {}>",
            self.is_running(),
            self.is_closed(),
            self.selector_name()
        )
    }
}

impl Inner {
    /// Closes: forgets everything that was to be called, and frees what it held.
    fn close(&self, event_loop: Option<&EventLoop>) -> CloseReport {
        if self.state.replace(State::Closed) == State::Closed {
            return CloseReport::default();
        }
        let calls = self.home.mailbox.close();
        let residents = self.residents.take();
        let mut report = residents.evict(event_loop);
        let handles = self.home.ready.close();
        let timers = self.timers.borrow_mut().clear();
        report.handles = handles.len() + calls.len();
        report.timers = timers.len();
        report.descriptors = self.fds.borrow().watched();
        let watchers = self.fds.borrow_mut().clear();
        for run in &watchers {
            run.cancel();
        }
        drop((calls, handles, timers, watchers));
        self.observe.tell(|| Record::Closed);
        report
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close(None);
    }
}
