//! O2: a task has at most one handle in the ready queue, and is not polled once it has ended.

use std::collections::BTreeMap;

use super::Oracle;
use crate::observe::{HandleId, Record, TaskId, What};
use crate::testing::journal::{Entry, Step};

/// The oracle `one-poll`.
#[derive(Default)]
pub(super) struct OnePoll {
    tasks: BTreeMap<TaskId, Standing>,
}

#[derive(Default)]
struct Standing {
    queued: Option<HandleId>,
    ended: bool,
}

impl OnePoll {
    fn queued(&mut self, task: TaskId, handle: HandleId) -> Result<(), String> {
        match self.tasks.entry(task).or_default().queued.replace(handle) {
            None => Ok(()),
            Some(first) => Err(format!("{task:?} is queued twice, as {first:?} and {handle:?}")),
        }
    }

    fn runs(&mut self, task: TaskId) -> Result<(), String> {
        let standing = self.tasks.entry(task).or_default();
        standing.queued = None;
        match standing.ended {
            true => Err(format!("{task:?} has ended and is polled")),
            false => Ok(()),
        }
    }

    fn passed_over(&mut self, handle: HandleId) {
        for standing in self.tasks.values_mut() {
            standing.queued.take_if(|queued| *queued == handle);
        }
    }
}

impl Oracle for OnePoll {
    fn name(&self) -> &'static str {
        "one-poll"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        let Step::Loop(record) = &entry.step else { return Ok(()) };
        match *record {
            Record::Queued { handle, what: What::Task { task }, .. } => self.queued(task, handle),
            Record::Run { what: What::Task { task }, .. } => self.runs(task),
            Record::Skipped { handle } => {
                self.passed_over(handle);
                Ok(())
            }
            Record::TaskDone { task, .. } => {
                self.tasks.entry(task).or_default().ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains, task};
    use super::*;
    use crate::observe::TaskEnd;

    #[test]
    fn a_task_that_is_queued_again_once_it_runs_is_queued_once() {
        let good = Script::default().queued(1, task(1)).run(1, task(1)).queued(2, task(1));
        assert_eq!(good.ran(1).run(2, task(1)).verdict(OnePoll::default()), Ok(()));
    }

    #[test]
    fn a_task_queued_again_before_it_ran_is_a_violation() {
        let bad = Script::default().queued(1, task(1)).queued(2, task(1));
        complains(bad.verdict(OnePoll::default()), "queued twice, as handle#1 and handle#2");
    }

    #[test]
    fn a_handle_of_a_task_that_has_ended_may_be_passed_over_and_not_run() {
        let ended =
            || Script::default().queued(1, task(1)).done(1, TaskEnd::Cancelled).queued(2, task(2));
        assert_eq!(ended().skipped(1).run(2, task(2)).verdict(OnePoll::default()), Ok(()));
        complains(ended().run(1, task(1)).verdict(OnePoll::default()), "has ended and is polled");
    }
}
