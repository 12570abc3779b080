//! Making tasks.

use std::panic::Location;
use std::rc::Rc;

use super::cell::{Stage, TaskCell};
use super::header::{Header, Schedule, Turn};
use super::join_error::JoinError;
use super::locals::inherit;
use super::task::Task;
use crate::event_loop::EventLoop;
use crate::observe::{Record, Site, TaskEnd, TaskId, count};

impl EventLoop {
    /// Drives `future` as a task; its first step is in the next turn. (`loop.create_task`)
    ///
    /// On a closed loop the task is born ended, with [`JoinError::LoopClosed`].
    #[track_caller]
    pub fn create_task<F: IntoFuture<IntoFuture: 'static>>(&self, future: F) -> Task<F::Output> {
        self.create_task_at(future, Location::caller())
    }

    /// The same for a task that evloop creates in the name of code at `at`.
    pub(crate) fn create_task_at<F: IntoFuture<IntoFuture: 'static>>(
        &self,
        future: F,
        at: Site,
    ) -> Task<F::Output> {
        let tally = &self.0.observe.tally;
        count(&tally.tasks_spawned);
        let header = Header::new(self.0.home.clone(), TaskId(tally.tasks_spawned.get()), at);
        if self.0.spawns_specially.get() {
            if self.is_closed() {
                return stillborn(header, future, JoinError::LoopClosed);
            }
            inherit(&header);
        }
        self.0.observe.tell(|| Record::TaskSpawned { task: header.id, at });
        let task = TaskCell::new(header, Stage::Polling(future.into_future()));
        task.header.resident.set(self.0.house(task.clone()));
        task.header.advance(Turn::Woken);
        self.0.queue(task.clone());
        Task(task)
    }
}

impl EventLoop {
    /// [`create_task`](EventLoop::create_task) with a name. (`loop.create_task(coro, name=…)`)
    #[track_caller]
    pub fn create_task_named<F: IntoFuture<IntoFuture: 'static>>(
        &self,
        name: impl Into<Rc<str>>,
        future: F,
    ) -> Task<F::Output> {
        let task = self.create_task_at(future, Location::caller());
        task.set_name(name);
        task
    }

    /// A task that was refused: it has ended, with `error`, and never runs a line.
    pub(super) fn refuse_task<F: IntoFuture<IntoFuture: 'static>>(
        &self,
        future: F,
        error: JoinError,
        at: Site,
    ) -> Task<F::Output> {
        let tally = &self.0.observe.tally;
        count(&tally.tasks_spawned);
        let header = Header::new(self.0.home.clone(), TaskId(tally.tasks_spawned.get()), at);
        stillborn(header, future, error)
    }
}

/// A task that ended before it began.
fn stillborn<F: IntoFuture<IntoFuture: 'static>>(
    header: Header,
    future: F,
    error: JoinError,
) -> Task<F::Output> {
    drop(future);
    header.end.set(Some(TaskEnd::Cancelled));
    header.schedule.set(Schedule::Done);
    Task(TaskCell::<F::IntoFuture>::new(header, Stage::Finished(Err(error))))
}

/// Drives `future` as a task of the running loop. (`asyncio.create_task`)
///
/// Outside a running loop, the thread's current one ([`get_event_loop`](crate::get_event_loop))
/// drives it when it is next run.
///
/// # Panics
///
/// In a thread that has no loop at all: a thread other than the main one, before
/// [`set_event_loop`](crate::set_event_loop). [`EventLoop::create_task`] has no such case.
#[track_caller]
pub fn spawn<F: IntoFuture<IntoFuture: 'static>>(future: F) -> Task<F::Output> {
    spawn_at(future, Location::caller())
}

/// [`spawn`] with a name. (`asyncio.create_task(coro, name=…)`)
///
/// # Panics
///
/// As [`spawn`].
#[track_caller]
pub fn spawn_named<F: IntoFuture<IntoFuture: 'static>>(
    name: impl Into<Rc<str>>,
    future: F,
) -> Task<F::Output> {
    let task = spawn_at(future, Location::caller());
    task.set_name(name);
    task
}

/// [`spawn`] in the name of code at `at`.
#[track_caller]
pub(super) fn spawn_at<F: IntoFuture<IntoFuture: 'static>>(future: F, at: Site) -> Task<F::Output> {
    the_loop("spawn").create_task_at(future, at)
}

/// The loop that drives what is spawned here, by `name`.
///
/// # Panics
///
/// If the thread has none.
#[track_caller]
pub(super) fn the_loop(name: &str) -> EventLoop {
    match crate::event_loop::get_event_loop() {
        Ok(event_loop) => event_loop,
        Err(error) => panic!("{name} needs an event loop: {error}"),
    }
}
