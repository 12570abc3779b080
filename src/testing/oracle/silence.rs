//! Every oracle is silent about evloop: rude programs of tasks, timers, futures, callbacks and
//! calls from other threads, drawn with the schedules they run on.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::testing::{Limits, Report, ScheduleParams, Sim, Verdict, World};
use crate::{CallbackId, Handle, LoopFuture, ReturnWhen, Task, TimerHandle};

/// A step of a program. Numbers name what was made before, modulo how many there are.
#[derive(Clone, Debug)]
enum Op {
    Sleep(u8),
    Yield,
    Busy(u8),
    Spawn(Vec<Op>),
    Detach(Vec<Op>),
    Cancel(u8),
    Uncancel(u8),
    Join(u8),
    Timeout(u8, Vec<Op>),
    Scope(Vec<Op>),
    Gather(Vec<Op>, Vec<Op>),
    Wait(u8, Vec<Op>, Vec<Op>),
    Await(u8),
    Complete(u8),
    CancelFuture(u8),
    Renew(u8),
    Chain(u8, u8),
    AddDone(u8),
    RemoveDone(u8),
    CallSoon(Vec<Op>),
    CallLater(u8, Vec<Op>),
    CancelHandle(u8),
    CancelTimer(u8),
    Remote(u8),
    /// Keeps a waker of the task, to be used at any time, also when it is over.
    KeepWaker,
    Wake(u8),
    /// The task wakes itself and is over in the same poll.
    WakeAndEnd,
}

fn op() -> impl Strategy<Value = Op> {
    let leaf = Union::new([
        (0..4u8).prop_map(Op::Sleep).boxed(),
        (0..4u8).prop_map(Op::Sleep).boxed(),
        Just(Op::Yield).boxed(),
        (0..4u8).prop_map(Op::Busy).boxed(),
        any::<u8>().prop_map(Op::Cancel).boxed(),
        any::<u8>().prop_map(Op::Cancel).boxed(),
        any::<u8>().prop_map(Op::Uncancel).boxed(),
        any::<u8>().prop_map(Op::Join).boxed(),
        any::<u8>().prop_map(Op::Await).boxed(),
        any::<u8>().prop_map(Op::Complete).boxed(),
        any::<u8>().prop_map(Op::CancelFuture).boxed(),
        any::<u8>().prop_map(Op::Renew).boxed(),
        any::<(u8, u8)>().prop_map(|(from, to)| Op::Chain(from, to)).boxed(),
        any::<u8>().prop_map(Op::AddDone).boxed(),
        any::<u8>().prop_map(Op::RemoveDone).boxed(),
        any::<u8>().prop_map(Op::CancelHandle).boxed(),
        any::<u8>().prop_map(Op::CancelTimer).boxed(),
        (0..4u8).prop_map(Op::Remote).boxed(),
        Just(Op::KeepWaker).boxed(),
        any::<u8>().prop_map(Op::Wake).boxed(),
        Just(Op::WakeAndEnd).boxed(),
    ]);
    leaf.prop_recursive(3, 12, 4, |op| {
        let ops = || proptest::collection::vec(op.clone(), 0..4);
        Union::new([
            op.clone().boxed(),
            ops().prop_map(Op::Spawn).boxed(),
            ops().prop_map(Op::Spawn).boxed(),
            ops().prop_map(Op::Detach).boxed(),
            (0..4u8, ops()).prop_map(|(time, ops)| Op::Timeout(time, ops)).boxed(),
            ops().prop_map(Op::Scope).boxed(),
            (ops(), ops()).prop_map(|(one, two)| Op::Gather(one, two)).boxed(),
            (0..8u8, ops(), ops()).prop_map(|(how, one, two)| Op::Wait(how, one, two)).boxed(),
            ops().prop_map(Op::CallSoon).boxed(),
            (0..4u8, ops()).prop_map(|(time, ops)| Op::CallLater(time, ops)).boxed(),
        ])
    })
}

/// What the steps of one run have made.
struct Stage {
    world: World,
    tasks: RefCell<Vec<Task<()>>>,
    futures: RefCell<Vec<LoopFuture<u8>>>,
    callbacks: RefCell<Vec<CallbackId>>,
    handles: RefCell<Vec<Handle>>,
    timers: RefCell<Vec<TimerHandle>>,
    wakers: RefCell<Vec<Waker>>,
}

type Steps = Pin<Box<dyn Future<Output = ()>>>;

/// The one of that number.
fn pick<T>(all: &RefCell<Vec<T>>, number: u8) -> Option<usize> {
    (usize::from(number)).checked_rem(all.borrow().len())
}

fn time(time: u8) -> Duration {
    Duration::from_millis(time.into())
}

impl Stage {
    fn new(world: World) -> Rc<Stage> {
        let event_loop = crate::get_running_loop().unwrap();
        let futures = (0..2).map(|_| event_loop.create_future()).collect();
        Rc::new(Stage {
            world,
            tasks: RefCell::default(),
            futures: RefCell::new(futures),
            callbacks: RefCell::default(),
            handles: RefCell::default(),
            timers: RefCell::default(),
            wakers: RefCell::default(),
        })
    }

    fn future(&self, number: u8) -> LoopFuture<u8> {
        self.futures.borrow()[usize::from(number % 2)].clone()
    }

    fn steps(self: &Rc<Self>, ops: &[Op]) -> Steps {
        let (stage, ops) = (self.clone(), ops.to_vec());
        Box::pin(async move {
            for op in ops {
                if !stage.at_once(&op) && stage.in_time(op).await {
                    return;
                }
            }
        })
    }

    /// Does what a callback can do too; `false` if it is none of that.
    fn at_once(self: &Rc<Self>, op: &Op) -> bool {
        let event_loop = crate::get_running_loop().unwrap();
        match op {
            Op::Busy(for_) => self.world.busy(time(*for_)),
            Op::Spawn(ops) => {
                let task = crate::spawn(self.steps(ops));
                self.tasks.borrow_mut().push(task);
            }
            Op::Detach(ops) => drop(crate::spawn(self.steps(ops))),
            Op::Cancel(task) => {
                pick(&self.tasks, *task).map(|at| self.tasks.borrow()[at].cancel());
            }
            Op::Uncancel(task) => {
                pick(&self.tasks, *task).map(|at| self.tasks.borrow()[at].uncancel());
            }
            Op::Complete(future) => drop(self.future(*future).set_result(1)),
            Op::CancelFuture(future) => drop(self.future(*future).cancel()),
            Op::Renew(future) => {
                let new = event_loop.create_future();
                let old =
                    std::mem::replace(&mut self.futures.borrow_mut()[usize::from(future % 2)], new);
                drop(old);
            }
            Op::Chain(from, to) if from % 2 != to % 2 => {
                self.future(*from).chain(&self.future(*to));
            }
            Op::Chain(..) => {}
            Op::AddDone(future) => {
                let world = self.world.clone();
                let id = self.future(*future).add_done_callback(move |_| world.note("done"));
                self.callbacks.borrow_mut().push(id);
            }
            Op::RemoveDone(id) => {
                if let Some(at) = pick(&self.callbacks, *id) {
                    let id = self.callbacks.borrow()[at];
                    self.future(0).remove_done_callback(id);
                }
            }
            Op::CallSoon(ops) => {
                let (stage, ops) = (self.clone(), ops.clone());
                let handle = event_loop.call_soon(move || stage.all_at_once(&ops)).unwrap();
                self.handles.borrow_mut().push(handle);
            }
            Op::CallLater(delay, ops) => {
                let (stage, ops) = (self.clone(), ops.clone());
                let timer = event_loop.call_later(time(*delay), move || stage.all_at_once(&ops));
                self.timers.borrow_mut().push(timer.unwrap());
            }
            Op::CancelHandle(handle) => {
                let handle =
                    pick(&self.handles, *handle).map(|at| self.handles.borrow()[at].clone());
                handle.iter().for_each(Handle::cancel);
            }
            Op::CancelTimer(timer) => {
                let timer = pick(&self.timers, *timer).map(|at| self.timers.borrow()[at].clone());
                timer.iter().for_each(TimerHandle::cancel);
            }
            Op::Remote(delay) => {
                let (handle, stage) = (event_loop.handle(), Rc::downgrade(self));
                self.world.after(time(*delay), move |world| {
                    world.note("another thread");
                    let wakers = stage.upgrade().map(|stage| stage.wakers.borrow().clone());
                    drop(handle.call_soon_threadsafe(|| ()));
                    wakers.into_iter().flatten().for_each(Waker::wake);
                });
            }
            Op::Wake(waker) => {
                let waker = pick(&self.wakers, *waker).map(|at| self.wakers.borrow()[at].clone());
                waker.into_iter().for_each(Waker::wake);
            }
            _ => return false,
        }
        true
    }

    fn all_at_once(self: &Rc<Self>, ops: &[Op]) {
        ops.iter().for_each(|op| _ = self.at_once(op));
    }

    /// Does what takes an await; `true` if that was the last of the task.
    async fn in_time(self: &Rc<Self>, op: Op) -> bool {
        match op {
            Op::Sleep(delay) => crate::sleep(time(delay)).await,
            Op::Yield => crate::yield_now().await,
            Op::Join(task) => {
                let task = pick(&self.tasks, task).map(|at| self.tasks.borrow_mut().remove(at));
                if let Some(task) = task {
                    drop(task.await);
                }
            }
            Op::Timeout(delay, ops) => drop(crate::timeout(time(delay), self.steps(&ops)).await),
            Op::Scope(ops) => drop(crate::cancel_scope(self.steps(&ops)).await),
            Op::Gather(one, two) => {
                drop(crate::gather([self.steps(&one), self.steps(&two)]).await);
            }
            Op::Wait(how, one, two) => {
                let tasks = [crate::spawn(self.steps(&one)), crate::spawn(self.steps(&two))];
                let first = how % 2 == 0;
                let when =
                    if first { ReturnWhen::FirstCompleted } else { ReturnWhen::AllCompleted };
                drop(crate::wait(tasks).return_when(when).timeout(time(how)).await);
            }
            Op::Await(future) => drop(self.future(future).await),
            Op::KeepWaker => {
                let keep = |waker: &Waker| self.wakers.borrow_mut().push(waker.clone());
                poll_fn(|context| {
                    keep(context.waker());
                    Poll::Ready(())
                })
                .await;
            }
            Op::WakeAndEnd => {
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    Poll::Ready(())
                })
                .await;
                return true;
            }
            _ => {}
        }
        false
    }
}

async fn program(world: World, ops: Vec<Op>) {
    let stage = Stage::new(world);
    stage.steps(&ops).await;
}

fn run(ops: &[Op], schedule: crate::testing::Schedule) -> Report<()> {
    let limits = Limits { turns: 2_000, ..Limits::default() };
    let ops = ops.to_vec();
    Sim::new(schedule).limits(limits).run(|world| program(world, ops))
}

/// A main task may be cancelled, and may wait for what never comes. (That is the program's doing.)
fn is_all_right(report: &Report<()>) -> bool {
    report.violations.is_empty()
        && matches!(report.verdict(), Verdict::Pass | Verdict::Deadlock | Verdict::Failed)
}

fn schedules() -> impl Strategy<Value = crate::testing::Schedule> {
    let chaos = crate::testing::schedule_with(ScheduleParams::chaos());
    prop_oneof![crate::testing::schedule(), chaos]
}

proptest! {
    #[test]
    fn every_oracle_is_silent_about_a_rude_program(
        ops in proptest::collection::vec(op(), 0..10),
        schedule in schedules(),
    ) {
        let report = run(&ops, schedule);
        prop_assert!(is_all_right(&report), "{report}");
    }

    #[test]
    fn a_rude_program_does_the_same_twice(
        ops in proptest::collection::vec(op(), 0..10),
        schedule in schedules(),
    ) {
        let report = crate::testing::same_twice(|| run(&ops, schedule.clone()));
        prop_assert!(report.violations.is_empty(), "{report}");
    }
}
