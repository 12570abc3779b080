//! BEHAVIOURS: FUT, TASK, CANCEL, SLEEP, WAIT, ASCOMP, GATHER, SHIELD, WAITFOR, TIMEOUT, TG, EAGER,
//! CTX. A test's name begins with the id
//! of its spec. Time is virtual; nothing sleeps.
//!
//! Specs that have no test here, and why:
//!
//! | spec | why |
//! |---|---|
//! | FUT-15, FUT-16 | thread-pool futures: `tests/executor.rs` |
//! | FUT-17 | the cancel of a future carries no message; that of a task does |
//! | TASK-07 | `Task` has no `set_result`: a compile-time matter (doctest below) |
//! | TASK-09 | `IntoFuture` is what `ensure_future` was: a future goes where it is wanted as it is |
//! | TASK-10 | no task factory: `create_task` is the only maker |
//! | CANCEL-19 | needs sockets: `tests/net/sock.rs` |
//! | SLEEP-02 | durations are not negative, and a value needs no sleep to carry it |
//! | WAIT-02, half | an unknown `return_when` does not compile |
//! | WAIT-08, GATHER-09 | a task has one handle and a future one owner: there are no duplicates |
//! | GATHER-10 | `gather` makes its tasks itself, on one loop |
//! | GATHER-11 | what cannot be awaited does not compile |
//! | ASCOMP-04 | a task has one handle: there are no duplicates |
//! | CTX-02, half; CTX-03 | a callback has no context, and nobody names another's |
//! | TIMEOUT-14 | a timeout is awaited once, by value |

mod cancel;
mod completion;
mod context;
mod eager;
mod future;
mod gather;
mod group;
mod shield;
mod task;
mod timeout;
mod wait;
mod wait_for;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evloop::{ErrorContext, EventLoop, ManualClock};

/// A loop in virtual time.
fn virtual_loop() -> (EventLoop, ManualClock) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().virtual_time(clock.clone()).build().unwrap();
    (event_loop, clock)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Runs one turn, without waiting.
fn turn(event_loop: &EventLoop) {
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
}

/// A list that several tasks and callbacks write into.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// What the exception handler is told, as text.
fn reports(event_loop: &EventLoop) -> Log {
    let log = Log::default();
    let told = log.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        told.add(context.to_string());
    }));
    log
}
