//! Handlers that outlive their connection.
//!
//! A client may leave while its request is handled, and the handler then runs to its end. The
//! server has not ended before they have: what a clean-up takes away they may still use. (aiohttp
//! forgets them, and `run_app` cancels them as it cancels every other task, after the clean-ups.)

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::observe::TaskId;
use crate::sync::Bell;
use crate::task::Task;

/// The tasks of such handlers, until they have ended.
#[derive(Default)]
pub(in crate::http) struct Orphans {
    tasks: RefCell<HashMap<TaskId, Task<()>>>,
    gone: Bell,
}

impl Orphans {
    /// Keeps a task that nobody else does.
    pub(super) fn adopt(self: &Rc<Self>, task: Task<()>) {
        if task.done() {
            return;
        }
        let (orphans, id) = (Rc::downgrade(self), task.id());
        task.add_done_callback(move |_| {
            if let Some(orphans) = orphans.upgrade() {
                orphans.ended(id);
            }
        });
        self.tasks.borrow_mut().insert(id, task);
    }

    fn ended(&self, id: TaskId) {
        let task = self.tasks.borrow_mut().remove(&id);
        drop(task);
        if self.is_empty() {
            self.gone.ring_all();
        }
    }

    fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    /// Asks all of them to end.
    pub(in crate::http) fn cancel(&self) {
        let tasks: Vec<_> = self.tasks.borrow().values().map(Task::task_ref).collect();
        for task in tasks {
            task.cancel();
        }
    }

    /// Waits until there is none.
    pub(in crate::http) async fn all_ended(&self) {
        self.gone.until(|| self.is_empty()).await;
    }
}
