//! Making tasks.

use std::rc::Rc;

use super::cell::{Stage, TaskCell, with_current};
use super::header::{Header, Schedule, Turn};
use super::join_error::JoinError;
use super::task::Task;
use crate::event_loop::{EventLoop, Resident};
use crate::observe::{Record, Site, TaskEnd, TaskId, What, count};

impl EventLoop {
    /// Drives `future` as a task; its first step is in the next turn. (`loop.create_task`)
    ///
    /// On a closed loop the task is born ended, with [`JoinError::LoopClosed`].
    #[track_caller]
    pub fn create_task<F: IntoFuture<IntoFuture: 'static>>(&self, future: F) -> Task<F::Output> {
        self.create_task_at(future, std::panic::Location::caller())
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
        if self.is_closed() {
            return stillborn(header, future, JoinError::LoopClosed);
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
    /// Every task of this loop that has not ended, in no particular order. (`asyncio.all_tasks`)
    pub fn all_tasks(&self) -> Vec<TaskId> {
        let number = |resident: Rc<dyn Resident>| match resident.what() {
            What::Task { task } => Some(task),
            _ => None,
        };
        self.0.residents().into_iter().filter_map(number).collect()
    }
}

/// The task that runs now; `None` outside of tasks. (`asyncio.current_task`)
pub fn current_task() -> Option<TaskId> {
    with_current(|header| header.id)
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
    match crate::event_loop::get_event_loop() {
        Ok(event_loop) => event_loop.create_task(future),
        Err(error) => panic!("spawn needs an event loop: {error}"),
    }
}
