//! Starting a task at once, for whoever expects that it will not wait. (asyncio's `eager_start`)

#[cfg(feature = "http")]
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
#[cfg(feature = "http")]
use std::pin::Pin;
use std::rc::Rc;
#[cfg(feature = "http")]
use std::task::Context;
use std::task::Poll;

#[cfg(feature = "http")]
use super::cell::Inside;
use super::cell::{Stage, TaskCell};
use super::header::{Header, Turn};
use super::join_error::JoinError;
use super::step::tell_wait;
use super::task::Task;
use crate::event_loop::EventLoop;
#[cfg(feature = "http")]
use crate::observe::TaskEnd;
use crate::observe::{Record, Site, TaskId, count, forget_wait, noted_wait};

impl EventLoop {
    /// Drives `future` as a task whose first step is now, in the place of this call: one that does
    /// not wait has ended when this returns, and never stands in the ready queue.
    /// (`loop.create_task(coro, eager_start=True)`)
    ///
    /// It is a task from its first line, with an identity of its own. How it was started shows in
    /// one thing alone: before it first waits it has no
    /// [`current_task_ref`](crate::current_task_ref). On a loop that is not running it begins as
    /// any task ([`create_task`](EventLoop::create_task)), for what it awaits needs one that runs;
    /// on a closed loop it is born ended. A panic in the first step is the task's.
    #[track_caller]
    pub fn create_task_eager<F>(&self, future: F) -> Task<F::Output>
    where
        F: IntoFuture<IntoFuture: 'static>,
    {
        self.create_task_eager_at(future, Location::caller())
    }

    pub(super) fn create_task_eager_at<F>(&self, future: F, at: Site) -> Task<F::Output>
    where
        F: IntoFuture<IntoFuture: 'static>,
    {
        if !self.is_running() {
            return self.create_task_at(future, at);
        }
        let cell = |id| self.new_cell(id, at, future.into_future());
        let task = self.begin_step(at, cell);
        match catch_unwind(AssertUnwindSafe(|| task.poll())) {
            Ok(Poll::Pending) => self.settle_in(&task),
            Ok(Poll::Ready(_)) if task.header.must_cancel.get() => {
                task.finish(None, Err(JoinError::Cancelled));
            }
            Ok(Poll::Ready(value)) => task.finish(None, Ok(value)),
            Err(payload) => task.finish(None, Err(JoinError::Panicked(payload))),
        }
        Task(task)
    }

    /// Makes a task in the cell that `cell` gives, about to take its first step.
    #[inline(always)]
    fn begin_step<F>(
        &self,
        at: Site,
        cell: impl FnOnce(TaskId) -> Rc<TaskCell<F>>,
    ) -> Rc<TaskCell<F>>
    where
        F: Future + 'static,
    {
        let tally = &self.0.observe.tally;
        count(&tally.tasks_spawned);
        let task = cell(TaskId(tally.tasks_spawned.get()));
        if self.0.spawns_specially.get() {
            super::locals::inherit(&task.header);
        }
        self.0.observe.tell(|| Record::TaskSpawned { task: task.header.id, at });
        task.header.advance(Turn::Woken);
        task.header.advance(Turn::StepBegins);
        forget_wait();
        task
    }

    #[inline(always)]
    fn new_cell<F: Future + 'static>(&self, id: TaskId, at: Site, future: F) -> Rc<TaskCell<F>> {
        TaskCell::new(Header::new(self.0.home.clone(), id, at), Stage::Polling(future))
    }

    #[cfg(feature = "http")]
    #[inline]
    fn is_home_of<F: Future + 'static>(&self, cell: &TaskCell<F>) -> bool {
        Rc::ptr_eq(&cell.header.home, &self.0.home)
    }

    /// A task that has to wait lives in the loop from now on.
    fn settle_in<F: Future + 'static>(&self, task: &Rc<TaskCell<F>>) {
        let header = &task.header;
        header.resident.set(self.0.house(task.clone()));
        header.advance(Turn::StepPending);
        header.wait.set(noted_wait());
        tell_wait(header);
        forget_wait();
    }
}

/// [`EventLoop::create_task_eager`] on the running loop, or, if none runs, as
/// [`spawn`](crate::spawn).
///
/// # Panics
///
/// As [`spawn`](crate::spawn), in a thread that has no loop.
#[track_caller]
pub fn spawn_eager<F: IntoFuture<IntoFuture: 'static>>(future: F) -> Task<F::Output> {
    super::spawn::the_loop("spawn_eager").create_task_eager_at(future, Location::caller())
}

#[cfg(feature = "http")]
impl EventLoop {
    /// The same for a future that nobody awaits: `None` if its first step was its last. The task
    /// then never lived in the loop either, and if nobody kept a waker of it, its memory is spared
    /// for the next.
    ///
    /// The task's future is empty, and its first step is `first`, which fills it, unless it ends:
    /// then it must leave it empty, as it was.
    ///
    /// # Panics
    ///
    /// With `first`, if it panics.
    #[inline]
    #[track_caller]
    pub(crate) fn start_now<F, S>(
        &self,
        spare: &Spare<Inside<F, S>>,
        first: impl FnOnce(Pin<&mut Inside<F, S>>, &mut Context<'_>) -> Poll<()>,
    ) -> Option<Task<()>>
    where
        Inside<F, S>: Future<Output = ()> + 'static,
        S: Default,
    {
        let at = Location::caller();
        let cell = |id| {
            let spared = spare.0.take().filter(|cell| self.is_home_of(cell));
            let renewed = spared.and_then(|mut cell| cell.renew(id, at).then_some(cell));
            renewed.unwrap_or_else(|| self.new_cell(id, at, Inside::empty()))
        };
        let task = self.begin_step(at, cell);
        let guard = EndedByPanic(&task);
        let polled = task.step(first);
        std::mem::forget(guard);
        if polled.is_pending() {
            self.settle_in(&task);
            return Some(Task(task));
        }
        end(&task.header, TaskEnd::Finished);
        spare.keep(task);
        None
    }
}

/// Ends the task if its step panics; the panic passes by, and need not be caught.
#[cfg(feature = "http")]
struct EndedByPanic<'a, F: Future<Output = ()> + 'static>(&'a TaskCell<F>);

#[cfg(feature = "http")]
impl<F: Future<Output = ()> + 'static> Drop for EndedByPanic<'_, F> {
    fn drop(&mut self) {
        self.0.settle(Stage::Taken);
        end(&self.0.header, TaskEnd::Panicked);
    }
}

/// The memory of a task that did not wait, for the next of its kind. There should be one for each
/// kind of future.
#[cfg(feature = "http")]
pub(crate) struct Spare<F: Future>(Cell<Option<Rc<TaskCell<F>>>>);

#[cfg(feature = "http")]
impl<F: Future> Default for Spare<F> {
    fn default() -> Self {
        Spare(Cell::default())
    }
}

/// So large a cell is not kept.
#[cfg(feature = "http")]
const SPARE_BYTES: usize = 4096;

#[cfg(feature = "http")]
impl<F: Future> Spare<F> {
    /// Keeps the cell of a task that is over, and whose future is empty.
    #[inline]
    fn keep(&self, mut cell: Rc<TaskCell<F>>) {
        // A waker may live on, and find the task done; its cell is nobody else's then.
        if size_of::<TaskCell<F>>() <= SPARE_BYTES && Rc::get_mut(&mut cell).is_some() {
            self.0.set(Some(cell));
        }
    }
}

/// Ends a task that nobody has heard of but its own wakers, which find it done.
#[cfg(feature = "http")]
#[inline]
fn end(header: &Header, end: TaskEnd) {
    header.end.set(Some(end));
    header.advance(Turn::Ended);
    let observe = &header.home.ready.observe;
    count(&observe.tally.tasks_done);
    observe.tell(|| Record::TaskDone { task: header.id, end });
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Waker;

    use super::super::cell::with_current;
    use super::*;
    use crate::{Cancelled, cancel_scope, yield_now};

    /// Any future, driven so.
    impl<F: Future<Output = ()>> Future for Inside<F, ()> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let (mut future, ()) = self.project();
            let polled = future.as_mut().as_pin_mut().unwrap().poll(context);
            if polled.is_ready() {
                future.set(None);
            }
            polled
        }
    }

    fn start<F>(event_loop: &EventLoop, spare: &Spare<Inside<F, ()>>, future: F) -> Option<Task<()>>
    where
        F: Future<Output = ()> + 'static,
    {
        event_loop.start_now(spare, |mut inside, context| {
            inside.as_mut().project().0.set(Some(future));
            inside.poll(context)
        })
    }

    fn on_a_loop(f: impl FnOnce(&EventLoop) + 'static) -> EventLoop {
        let event_loop = EventLoop::new().unwrap();
        let inside = event_loop.clone();
        event_loop.call_soon(move || f(&inside)).unwrap();
        event_loop.call_soon(|| ()).unwrap();
        event_loop
    }

    #[test]
    fn a_task_that_does_not_wait_is_over_when_the_call_returns() {
        let event_loop = on_a_loop(|event_loop| {
            let ran = Rc::new(Cell::new(false));
            let inside = ran.clone();
            let ended = start(event_loop, &Spare::default(), async move { inside.set(true) });
            assert!(ended.is_none());
            assert!(ran.get());
        });
        event_loop.run_once(None).unwrap();
        let counters = event_loop.counters();
        assert_eq!((counters.tasks_spawned, counters.tasks_done, counters.handles), (1, 1, 2));
        assert!(event_loop.close().unwrap().is_clean());
    }

    #[test]
    fn a_task_that_waits_goes_on_in_the_loop() {
        let ran = Rc::new(Cell::new(0));
        let inside = ran.clone();
        let event_loop = on_a_loop(move |event_loop| {
            let task = start(event_loop, &Spare::default(), async move {
                inside.set(1);
                yield_now().await;
                inside.set(2);
            });
            assert!(task.is_some());
        });
        event_loop.run_once(None).unwrap();
        assert_eq!(ran.get(), 1);
        event_loop.run_once(None).unwrap();
        assert_eq!(ran.get(), 2);
        assert!(event_loop.close().unwrap().is_clean());
    }

    #[test]
    fn a_scope_opened_in_the_first_step_hears_a_later_request() {
        let heard = Rc::new(Cell::new(false));
        let inside = heard.clone();
        let event_loop = on_a_loop(move |event_loop| {
            let task = start(event_loop, &Spare::default(), async move {
                inside.set(cancel_scope(std::future::pending::<()>()).await == Err(Cancelled));
            });
            task.unwrap().cancel();
        });
        event_loop.run_once(None).unwrap();
        event_loop.run_once(None).unwrap();
        assert!(heard.get());
    }

    #[test]
    fn a_waker_that_outlives_the_only_step_wakes_nothing() {
        let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
        let place = kept.clone();
        let event_loop = on_a_loop(move |event_loop| {
            let ended = start(
                event_loop,
                &Spare::default(),
                poll_fn(move |context| {
                    *place.borrow_mut() = Some(context.waker().clone());
                    Poll::Ready(())
                }),
            );
            assert!(ended.is_none());
        });
        event_loop.run_once(None).unwrap();
        kept.take().unwrap().wake();
        assert!(event_loop.close().unwrap().is_clean());
    }

    #[test]
    fn the_memory_of_a_task_that_did_not_wait_serves_the_next_as_if_new() {
        let event_loop = on_a_loop(|event_loop| {
            let spare = Spare::default();
            let step = |name: &'static str| async move {
                with_current(|header| {
                    assert!(header.extras.get().is_none() && !header.must_cancel.get());
                    header.extras().name.replace(Some(name.into()));
                    header.must_cancel.set(true);
                    assert_eq!(&*header.name(), name);
                });
            };
            let at = |spare: &Spare<_>| {
                let cell = spare.0.take();
                let at = cell.as_ref().map(Rc::as_ptr);
                spare.0.set(cell);
                at
            };
            assert!(start(event_loop, &spare, step("first")).is_none());
            let first = at(&spare);
            assert!(start(event_loop, &spare, step("second")).is_none());
            assert!(first.is_some() && at(&spare) == first);
        });
        event_loop.run_once(None).unwrap();
        assert_eq!(event_loop.counters().tasks_done, 2);
    }

    #[test]
    fn a_panic_in_the_first_step_is_the_callers_and_drops_the_future() {
        let dropped = Rc::new(());
        let held = dropped.clone();
        let event_loop = on_a_loop(move |event_loop| {
            let started = catch_unwind(AssertUnwindSafe(|| {
                start(event_loop, &Spare::default(), async move {
                    let _held = held;
                    panic!("at once");
                })
            }));
            assert!(started.is_err());
        });
        event_loop.run_once(None).unwrap();
        assert_eq!(Rc::strong_count(&dropped), 1);
        assert_eq!(event_loop.counters().tasks_done, 1);
    }
}
