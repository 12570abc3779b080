//! The event loop: wait, collect, run.
//!
//! This folder knows descriptors, timers and handles. It has never heard of tasks, transports or
//! streams: those sit above, and hang their own methods on [`EventLoop`] where they live.

mod builder;
mod clock;
mod close;
mod collect;
mod current;
mod debug;
mod embed;
mod error;
mod exception;
mod executor;
mod fds;
mod fork;
mod handle;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod model;
mod readable;
mod ready;
mod remote;
mod residents;
mod run;
mod schedule;
mod signal;
mod timers;
mod turn;
mod wait;
mod wake;
mod watch;

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::observe::{Counters, FlightRecorder, Observe, Record};
use crate::selector::{Event, Selector};
use crate::sys::{Clock, OurSockets, Pages, Process, Time};

pub use builder::Builder;
pub use clock::{ManualClock, RealWork};
#[cfg(feature = "testing")]
pub(crate) use current::as_another_thread;
pub(crate) use current::thread_number;
pub use current::{get_event_loop, get_running_loop, new_event_loop, set_event_loop};
use embed::Host;
pub use error::LoopError;
pub(crate) use exception::panic_message;
pub use exception::{ErrorContext, Exception};
pub use executor::ThreadPoolExecutor;
pub(crate) use executor::{DefaultExecutor, Job, JobId, Pool, Refused};
use fds::Fds;
pub(crate) use fds::Side;
pub(crate) use handle::Run;
pub use handle::{Handle, TimerHandle};
pub(crate) use readable::FdWait;
#[cfg(feature = "datagram")]
pub(crate) use readable::FdWaits;
pub use ready::Policy;
pub(crate) use ready::Work;
use ready::{Entry, Ready};
pub use remote::LoopHandle;
pub(crate) use remote::{Mailbox, Outstanding};
pub use residents::CloseReport;
use residents::Residents;
pub(crate) use residents::{Resident, ResidentKey};
pub use run::Ended;
pub(crate) use schedule::WeakLoop;
use signal::Signals;
pub(crate) use timers::TimerKey;
use timers::Timers;
pub use watch::Watchable;

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
/// What asyncio checks while it runs, and then only in debug mode, does not compile here: a loop,
/// and everything a callback captures, stays on its thread (THREAD-06),
///
/// ```compile_fail,E0277
/// let event_loop = evloop::EventLoop::new().unwrap();
/// std::thread::spawn(move || event_loop.call_soon(|| ()));
/// ```
///
/// a call is of something that can be called (CALL-13), at a time (TIMER-16),
///
/// ```compile_fail,E0277
/// evloop::EventLoop::new().unwrap().call_soon("not callable");
/// ```
///
/// ```compile_fail,E0308
/// evloop::EventLoop::new().unwrap().call_later(None, || ());
/// ```
///
/// and a run is until a future completes (LOOP-13).
///
/// ```compile_fail,E0277
/// evloop::EventLoop::new().unwrap().run_until_complete(42);
/// ```
///
/// A loop that is dropped is closed, but a callback or task that holds a clone of its own loop
/// keeps it alive: inside them use [`get_running_loop`], or [`close`](EventLoop::close) the loop.
#[derive(Clone)]
pub struct EventLoop(pub(crate) Rc<Inner>);

/// What outlives the loop as long as a task or a waker of it does: the way back.
pub(crate) struct Home {
    pub(crate) ready: Ready,
    pub(crate) mailbox: Arc<Mailbox>,
    /// Here, so that a transport sends without asking for the loop.
    pub(crate) sockets: OurSockets,
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
    clock: Rc<dyn Clock>,
    fds: RefCell<Fds>,
    timers: RefCell<Timers<Work>>,
    residents: RefCell<Residents>,
    signals: RefCell<Signals>,
    pub(crate) executor: RefCell<DefaultExecutor>,
    events: RefCell<Vec<Event>>,
    /// The handles of the turn that is under way; between turns empty, kept for the memory it has.
    turn: RefCell<Vec<Entry>>,
    exception_handler: RefCell<Option<exception::ExceptionHandler>>,
    pub(crate) receive_buffer: RefCell<Option<Pages>>,
    state: Cell<State>,
    /// Where it was made, or made anew.
    process: Cell<Process>,
    /// To spawn is more than to make a task: the loop is closed, or some task has locals, which
    /// its children inherit.
    pub(crate) spawns_specially: Cell<bool>,
    stopping: Cell<bool>,
    /// `run` has cancelled what was left and waits for its end.
    pub(crate) shutting_down: Cell<bool>,
    polled_at: Cell<Time>,
    handles_until_poll: Cell<usize>,
    handles_until_clock: Cell<usize>,
    always_poll: bool,
    real_time: bool,
    embed: OnceCell<Box<dyn Host>>,
}

impl EventLoop {
    /// A new loop on the platform's best selector.
    ///
    /// With the environment variable `EVLOOP_CLOCK=virtual` its time is
    /// [virtual](Builder::virtual_time): a program of sleeps then takes no time, and its events
    /// come in the same order each time. `real`, or nothing, is the kernel's clock.
    ///
    /// # Errors
    ///
    /// [`LoopError::Io`] if the kernel gives no descriptor for it, and with `InvalidInput` if
    /// `EVLOOP_CLOCK` or `EVLOOP_SELECTOR` has a value that means nothing.
    pub fn new() -> Result<EventLoop, LoopError> {
        Builder::from_environment(std::env::var_os("EVLOOP_CLOCK").as_deref())?.build()
    }

    /// A loop on a selector, a clock or sockets of your choice.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn assemble(mut builder: Builder, selector: Box<dyn Selector>) -> Result<EventLoop, LoopError> {
        let real_time = builder.clock.is_none();
        let clock = builder.take_clock();
        let mailbox = Mailbox::new(selector.bell(), builder.jump.is_some());
        let selector = match builder.jump.take() {
            Some(clock) => Box::new(clock::JumpingTime::new(selector, clock, mailbox.clone())),
            None => selector,
        };
        let observe = Rc::new(Observe::new(clock.clone()));
        for observer in builder.observers.drain(..) {
            observe.add(observer);
        }
        observe.add_from_environment()?;
        #[cfg(feature = "debug")]
        if let Some(enabled) = builder.debug {
            observe.set_debug(enabled);
        }
        observe.tell(|| Record::Opened { selector: selector.name() });
        Ok(EventLoop(Rc::new_cyclic(|event_loop| Inner {
            home: Rc::new(Home {
                ready: Ready::new(observe.clone(), builder.policy.take()),
                mailbox,
                sockets: builder.sockets,
                thread: current::number_this_thread(),
                event_loop: event_loop.clone(),
            }),
            observe,
            polled_at: Cell::new(clock.now()),
            clock,
            fds: RefCell::new(Fds::new(selector)),
            timers: RefCell::default(),
            residents: RefCell::default(),
            signals: RefCell::default(),
            executor: RefCell::default(),
            events: RefCell::default(),
            turn: RefCell::default(),
            exception_handler: RefCell::default(),
            receive_buffer: RefCell::default(),
            state: Cell::new(State::Idle),
            process: Cell::new(Process::this()),
            spawns_specially: Cell::new(false),
            stopping: Cell::new(false),
            shutting_down: Cell::new(false),
            handles_until_poll: Cell::new(0),
            handles_until_clock: Cell::new(0),
            always_poll: builder.always_poll,
            real_time,
            embed: OnceCell::new(),
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

    /// Keeps the last `capacity` records of what the loop does, from now on and for its life; the
    /// answer shows them. ([`FlightRecorder`])
    ///
    /// A loop has one such recorder: if it has, from an earlier call or because the environment
    /// says `EVLOOP_RECORD=1`, that one is given, with the capacity it has.
    pub fn record(&self, capacity: usize) -> FlightRecorder {
        self.0.observe.record(capacity)
    }

    /// The loop's recorder, if it has one.
    pub fn recorder(&self) -> Option<FlightRecorder> {
        self.0.observe.recorder()
    }

    /// The kernel facility it waits with: `"epoll"`, `"kqueue"`, `"poll"`.
    pub fn selector_name(&self) -> &'static str {
        self.0.fds.borrow().selector.name()
    }

    /// Whether its time and descriptors are a simulation's, which knows of no thread.
    pub(crate) fn is_simulated(&self) -> bool {
        self.0.fds.borrow().selector.is_simulated()
    }

    pub(crate) fn check_open(&self) -> Result<(), LoopError> {
        if self.is_closed() { Err(LoopError::Closed) } else { Ok(()) }
    }
}

impl PartialEq for EventLoop {
    /// Two names of the same loop are equal.
    fn eq(&self, other: &EventLoop) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
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
