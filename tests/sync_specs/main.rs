//! What tasks share: one file a category of `specs.txt`, a test's name begins with the id of what it
//! holds. Time is virtual; nothing sleeps.
//!
//! LOCK-04, COND-01 and SEM-02 are held by types in part: only a guard notifies and waits, and a
//! number of permits is not negative.

mod barrier;
mod condition;
mod event;
mod lock;
mod queue;
mod semaphore;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use evloop::{EventLoop, ManualClock, Task};

/// Runs `main` in virtual time.
fn run<F: Future + 'static>(main: F) -> F::Output {
    let builder = EventLoop::builder().virtual_time(ManualClock::new());
    builder.build().unwrap().run_until_complete(main).unwrap()
}

/// Lets everybody run who is ready, and who becomes so.
async fn settle() {
    for _ in 0..10 {
        evloop::yield_now().await;
    }
}

/// A list that several tasks write into.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl ToString) {
        self.0.borrow_mut().push(entry.to_string());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// A task that awaits `future` and notes `name` then.
    fn after<F: Future + 'static>(&self, name: &'static str, future: F) -> Task<F::Output> {
        let log = self.clone();
        evloop::spawn(async move {
            let output = future.await;
            log.add(name);
            output
        })
    }
}
