//! The loop one would write by hand for callbacks alone: a `VecDeque` of cancellable handles, a batch a turn, a panic that ends
//! only the callback it came from. What evloop's ready queue costs beyond this is what its seams and its numbers cost.

use evloop_bench::{
    Peer,
    micro::{CallbackLoop, run_callbacks},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    process::ExitCode,
    rc::Rc,
};

fn main() -> ExitCode {
    Peer { micro: Some(run_callbacks::<Queue>), ..Peer::default() }.main()
}

/// What is queued.
trait Run {
    fn run(&self);
    fn cancel(&self);
    fn is_cancelled(&self) -> bool;
    fn place(&self) -> &'static Location<'static>;
}

struct Once<F> {
    callback: Cell<Option<F>>,
    cancelled: Cell<bool>,
    place: &'static Location<'static>,
}

impl<F: FnOnce()> Run for Once<F> {
    fn run(&self) {
        if let Some(callback) = self.callback.take() {
            callback();
        }
    }

    fn cancel(&self) {
        self.cancelled.set(true);
        drop(self.callback.take());
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn place(&self) -> &'static Location<'static> {
        self.place
    }
}

/// A handle in the queue.
struct Entry {
    run: Rc<dyn Run>,
    number: u64,
    cause: u64,
}

/// What the caller holds.
struct Handle(Rc<dyn Run>);

impl Handle {
    fn cancel(&self) {
        self.0.cancel();
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

#[derive(Debug)]
struct Closed;

#[derive(Default)]
struct Queue {
    ready: RefCell<VecDeque<Entry>>,
    next_number: Cell<u64>,
    running: Cell<u64>,
    stopping: Cell<bool>,
    closed: Cell<bool>,
}

thread_local!(static CURRENT: RefCell<Option<Rc<Queue>>> = const { RefCell::new(None) });

/// The loop of this thread.
fn current() -> Rc<Queue> {
    CURRENT.with_borrow(|current| current.clone()).expect("inside run")
}

impl Queue {
    #[track_caller]
    fn call_soon(&self, callback: impl FnOnce() + 'static) -> Result<Handle, Closed> {
        if self.closed.get() {
            return Err(Closed);
        }
        let (callback, place) = (Cell::new(Some(callback)), Location::caller());
        let run: Rc<dyn Run> = Rc::new(Once { callback, cancelled: Cell::new(false), place });
        let number = self.next_number.get() + 1;
        self.next_number.set(number);
        let entry = Entry { run: run.clone(), number, cause: self.running.get() };
        self.ready.borrow_mut().push_back(entry);
        Ok(Handle(run))
    }

    fn next(&self) -> Option<Entry> {
        self.ready.borrow_mut().pop_front()
    }

    /// Exactly what is ready now; what that schedules waits for the next turn.
    fn turn(&self) {
        let mut batch = self.ready.borrow().len();
        let mut running = None;
        while batch > 0 {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                while batch > 0 {
                    batch -= 1;
                    let Some(entry) = self.next() else { return };
                    self.running.set(entry.number);
                    running.insert(entry).run.run();
                }
            }));
            if let (Err(_), Some(entry)) = (outcome, &running) {
                eprintln!("{}, queued by {}, panicked", entry.run.place(), entry.cause);
            }
        }
        self.running.set(0);
    }
}

impl CallbackLoop for Queue {
    fn run(first: impl FnOnce() + 'static) {
        let queue = Rc::new(Queue::default());
        CURRENT.set(Some(queue.clone()));
        let cancelled = queue.call_soon(|| unreachable!("it was cancelled")).expect("it is open");
        cancelled.cancel();
        assert!(cancelled.is_cancelled());
        queue.call_soon(first).expect("it is open");
        while !queue.stopping.get() {
            queue.turn();
        }
        queue.closed.set(true);
    }

    fn call_soon(callback: impl FnOnce() + 'static) {
        current().call_soon(callback).expect("it is open");
    }

    fn stop() {
        current().stopping.set(true);
    }
}
