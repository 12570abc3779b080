//! A lock that loses a wake-up: a property finds it, shrinks it and says how it came about.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use evloop::testing::{Schedule, ScheduleParams, World, check, schedule_with};
use evloop::{LoopFuture, get_running_loop, spawn, yield_now};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

#[derive(Default)]
struct Lock {
    held: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    repaired: bool,
}

impl Lock {
    async fn acquire(&self) -> &Lock {
        while self.held.get() {
            yield_now().await; // Who releases now finds nobody to wake.
            self.woken().await;
        }
        self.held.set(true);
        self
    }

    async fn woken(&self) {
        let mut waits = false;
        poll_fn(|context| {
            if waits || (self.repaired && !self.held.get()) {
                return Poll::Ready(());
            }
            waits = true;
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn release(&self) {
        self.held.set(false);
        self.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }
}

/// One task holds the lock until a letter comes, another wants it, a third sends the letter.
async fn three_tasks(lock: Rc<Lock>) {
    let letter: LoopFuture<()> = get_running_loop().unwrap().create_future();
    let (theirs, awaited) = (lock.clone(), letter.clone());
    let holder = spawn(async move {
        let held = theirs.acquire().await;
        awaited.await.unwrap();
        held.release();
    });
    let waiter = spawn(async move { lock.acquire().await.release() });
    spawn(async move { letter.set_result(()).unwrap() });
    holder.await.and(waiter.await).unwrap();
}

fn prove(repaired: bool) {
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let drawn = OnceCell::new();
    let property = |schedule: Schedule| {
        let program = |_: World| three_tasks(Rc::new(Lock { repaired, ..Lock::default() }));
        check(schedule.clone(), program).inspect_err(|_| drop(drawn.set(schedule)))
    };
    let schedules = schedule_with(ScheduleParams::chaos());
    match TestRunner::new_with_rng(config, rng).run(&schedules, property) {
        Ok(()) => println!("repaired: the lock is handed on, in 1000 cases"),
        Err(TestError::Fail(report, _)) => println!("drawn: {}\n\n{report}", drawn.get().unwrap()),
        Err(abort) => println!("{abort}"),
    }
}

fn main() {
    [false, true].into_iter().for_each(prove);
}
