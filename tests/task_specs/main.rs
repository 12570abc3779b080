//! Tasks, futures and what awaits them: one file a category of `specs.txt`, a test's name begins with
//! the id of what it holds. Time is virtual; nothing sleeps.

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

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use evloop::{ErrorContext, EventLoop, ManualClock, Task, sleep};

/// A loop in virtual time.
fn virtual_loop() -> (EventLoop, ManualClock) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().virtual_time(clock.clone()).build().unwrap();
    (event_loop, clock)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A task, and whether it has come to its end.
fn one_that_takes_a_second(event_loop: &EventLoop) -> (Task<()>, Rc<Cell<bool>>) {
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    let task = event_loop.create_task(async move {
        sleep(secs(1)).await;
        end.set(true);
    });
    (task, ended)
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
