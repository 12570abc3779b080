//! All tasks, the current one, and names for them that do not know what they come to.

use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use super::cell::with_current;
use super::header::Header;
use super::task::cancel_message_of;
use crate::event_loop::{EventLoop, Resident};
use crate::observe::{Resource, Site, TaskEnd, TaskId, Wait};

/// A name of a task that does not know what the task comes to: to look at it and to cancel it.
/// ([`EventLoop::all_tasks`] gives them; tokio's `AbortHandle`.)
///
/// It keeps nothing running, and nobody is told through it; the task's memory stays while it is
/// held.
#[derive(Clone)]
pub struct TaskRef(Rc<dyn Resident>);

impl TaskRef {
    pub(super) fn new(task: Rc<dyn Resident>) -> Self {
        TaskRef(task)
    }

    /// `None` for whoever lives in a loop and is no task.
    fn of(resident: Rc<dyn Resident>) -> Option<Self> {
        header_of(&*resident)?;
        Some(TaskRef(resident))
    }

    fn look<R>(&self, look: impl FnOnce(&Header) -> R) -> Option<R> {
        header_of(&*self.0).map(look)
    }

    /// The task's number in its loop.
    pub fn id(&self) -> TaskId {
        self.look(|header| header.id).unwrap_or(TaskId(0))
    }

    /// Its name: the one given, or `Task-N`. (`Task.get_name`)
    pub fn name(&self) -> Rc<str> {
        self.look(Header::name).unwrap_or_default()
    }

    /// Whether it has ended. (`Task.done`)
    pub fn done(&self) -> bool {
        self.0.has_ended()
    }

    /// Asks it to end, as [`Task::cancel`](crate::Task::cancel); `false` if it has.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.0.clone().ask_to_end(std::panic::Location::caller())
    }

    /// How many cancel requests it has had, less those taken back. (`Task.cancelling`)
    pub fn cancelling(&self) -> u32 {
        self.look(|header| header.cancel_requests.get()).unwrap_or(0)
    }

    /// Why it was asked to end, if somebody said.
    pub fn cancel_message(&self) -> Option<Rc<str>> {
        self.look(cancel_message_of).flatten()
    }

    /// Where it was spawned.
    pub fn spawned_at(&self) -> Option<Site> {
        self.look(|header| header.spawned_at)
    }

    /// How it ended; `None` while it has not.
    pub fn end(&self) -> Option<TaskEnd> {
        self.look(|header| header.end.get()).flatten()
    }

    /// What it waits for, and where, as far as what it awaits has said so; `None` if it does not
    /// wait: it is about to run, or runs, or has ended.
    pub fn waits_for(&self) -> Option<(Resource, Option<Site>)> {
        let wait = self.look(|header| header.wait.get().filter(|_| header.end.get().is_none()));
        wait.flatten().map(|Wait { at, on }| (on, at))
    }

    /// Whether it is the task that `waker` wakes.
    fn is_woken_by(&self, waker: &Waker) -> bool {
        waker.data().addr() == Rc::as_ptr(&self.0).cast::<()>().addr()
    }

    /// Calls `look` with the waker of whoever waits for this task.
    fn awaited_with<R>(&self, look: impl FnOnce(&Waker) -> R) -> Option<R> {
        self.look(|header| {
            let joiner = header.joiner.take()?;
            let seen = joiner.waker(look);
            header.joiner.set(Some(joiner));
            seen
        })?
    }
}

fn header_of(resident: &dyn Resident) -> Option<&Header> {
    resident.card()?.downcast_ref()
}

impl PartialEq for TaskRef {
    fn eq(&self, other: &Self) -> bool {
        Rc::as_ptr(&self.0).addr() == Rc::as_ptr(&other.0).addr()
    }
}

impl Eq for TaskRef {}

impl PartialEq<TaskId> for TaskRef {
    fn eq(&self, id: &TaskId) -> bool {
        self.id() == *id
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look(|header| super::task::describe(header, f)).unwrap_or(Ok(()))
    }
}

impl EventLoop {
    /// Every task of this loop that has not ended, in no particular order. (`asyncio.all_tasks`)
    pub fn all_tasks(&self) -> Vec<TaskRef> {
        self.0.residents().into_iter().filter_map(TaskRef::of).collect()
    }

    /// Who awaits whom: all tasks that have not ended, each below the one that awaits it.
    /// (`asyncio.format_call_graph`)
    ///
    /// ```
    /// # let event_loop = evloop::EventLoop::new()?;
    /// let tree = event_loop.run_until_complete(async {
    ///     let inner = evloop::spawn(std::future::pending::<()>());
    ///     inner.set_name("inner");
    ///     let outer = evloop::spawn(inner);
    ///     outer.set_name("outer");
    ///     evloop::yield_now().await;
    ///     evloop::yield_now().await;
    ///     evloop::get_running_loop().unwrap().call_graph().to_string()
    /// })?;
    /// let line = |name: &str| tree.lines().position(|line| line.contains(name)).unwrap();
    /// assert_eq!(line("'outer'") + 1, line("    <Task pending name='inner'"));
    /// # Ok::<(), evloop::LoopError>(())
    /// ```
    pub fn call_graph(&self) -> CallGraph {
        let mut tasks = self.all_tasks();
        tasks.sort_by_key(TaskRef::id);
        let awaited_by = |task: &TaskRef| {
            let by = |waker: &Waker| tasks.iter().find(|other| other.is_woken_by(waker)).cloned();
            task.awaited_with(by).flatten()
        };
        CallGraph(tasks.iter().map(|task| (task.clone(), awaited_by(task))).collect())
    }
}

/// Which task awaits which, when [`EventLoop::call_graph`] was called. As text it is a tree.
#[derive(Debug)]
pub struct CallGraph(Vec<(TaskRef, Option<TaskRef>)>);

impl CallGraph {
    /// Every task, and the one that awaits it, by their numbers.
    pub fn edges(&self) -> impl Iterator<Item = (&TaskRef, Option<&TaskRef>)> {
        self.0.iter().map(|(task, by)| (task, by.as_ref()))
    }

    fn below(
        &self,
        f: &mut fmt::Formatter<'_>,
        above: Option<&TaskRef>,
        depth: usize,
    ) -> fmt::Result {
        // Two tasks may await each other; then neither is anybody's root.
        for (task, _) in self.0.iter().filter(|(_, by)| by.as_ref() == above) {
            writeln!(f, "{:1$}{task:?}", "", 4 * depth)?;
            self.below(f, Some(task), depth + 1)?;
        }
        Ok(())
    }

    /// Those that await each other in a ring, for whom nobody stands above.
    fn in_rings(&self) -> impl Iterator<Item = &(TaskRef, Option<TaskRef>)> {
        self.0.iter().filter(|(task, _)| {
            let mut above = Some(task);
            for _ in 0..self.0.len() {
                let by = |task: &TaskRef| self.0.iter().find(|(other, _)| other == task);
                above = above.and_then(by).and_then(|(_, by)| by.as_ref());
            }
            above.is_some()
        })
    }
}

impl fmt::Display for CallGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below(f, None, 0)?;
        for (task, by) in self.in_rings() {
            let by = by.as_ref().map(TaskRef::name).unwrap_or_default();
            writeln!(f, "{task:?} awaited, in a ring, by '{by}'")?;
        }
        Ok(())
    }
}

/// The task that runs now; `None` outside of tasks. (`asyncio.current_task`)
pub fn current_task() -> Option<TaskId> {
    with_current(|header| header.id)
}

/// A name of the task that runs now, to cancel it, or to give away; `None` outside of tasks, and in
/// the first step of a task that was started eagerly.
pub fn current_task_ref() -> Option<TaskRef> {
    let (event_loop, key) = with_current(|header| (header.event_loop(), header.resident.get()))?;
    let task = TaskRef::of(event_loop?.0.resident(key)?)?;
    (Some(task.id()) == current_task()).then_some(task)
}

/// Why the task that runs now was asked to end, if somebody said with
/// [`Task::cancel_with`](crate::Task::cancel_with).
pub fn cancel_message() -> Option<Rc<str>> {
    with_current(cancel_message_of).flatten()
}
