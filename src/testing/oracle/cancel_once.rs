//! O7: what was cancelled does not run, and everything ends once.

use std::collections::{BTreeMap, BTreeSet};

use super::Oracle;
use crate::observe::{FutureId, HandleId, Record, TaskId, TimerId};
use crate::testing::journal::{Entry, Step};

/// The oracle `cancel-once`.
#[derive(Default)]
pub(super) struct CancelOnce {
    /// Was due just now; the next handle that is queued is its.
    due: Option<TimerId>,
    /// Which timer a handle in the queue is of.
    timers: BTreeMap<HandleId, TimerId>,
    cancelled: BTreeSet<HandleId>,
    ended: BTreeSet<TaskId>,
    completed: BTreeSet<FutureId>,
}

impl CancelOnce {
    fn timer_cancelled(&mut self, timer: TimerId) {
        let mut queued = self.timers.iter().filter(|(_, queued)| **queued == timer);
        if let Some((handle, _)) = queued.next() {
            self.cancelled.insert(*handle);
        }
    }

    fn runs(&mut self, handle: HandleId) -> Result<(), String> {
        self.timers.remove(&handle);
        match self.cancelled.remove(&handle) {
            true => Err(format!("{handle:?} was cancelled and runs")),
            false => Ok(()),
        }
    }
}

impl Oracle for CancelOnce {
    fn name(&self) -> &'static str {
        "cancel-once"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        let Step::Loop(record) = &entry.step else { return Ok(()) };
        match *record {
            Record::TimerDue { timer, .. } => self.due = Some(timer),
            Record::Queued { handle, .. } => {
                if let Some(timer) = self.due.take() {
                    self.timers.insert(handle, timer);
                }
            }
            Record::TimerCancelledLate { timer } => self.timer_cancelled(timer),
            Record::HandleCancelled { handle } => {
                self.cancelled.insert(handle);
            }
            Record::Skipped { handle } => {
                self.timers.remove(&handle);
                self.cancelled.remove(&handle);
            }
            Record::Run { handle, .. } => return self.runs(handle),
            Record::TaskDone { task, .. } if !self.ended.insert(task) => {
                return Err(format!("{task:?} ends twice"));
            }
            Record::FutureDone { future } if !self.completed.insert(future) => {
                return Err(format!("{future:?} is completed twice"));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, callback, complains};
    use super::*;
    use crate::observe::{TaskEnd, What};

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(CancelOnce::default())
    }

    #[test]
    fn a_handle_that_was_cancelled_is_passed_over_and_does_not_run() {
        let cancelled = || {
            let handle = HandleId(1);
            let queued = Script::default().queued(1, callback()).queued(2, callback());
            queued.says(Record::HandleCancelled { handle })
        };
        assert_eq!(verdict(cancelled().skipped(1).run(2, callback())), Ok(()));
        complains(verdict(cancelled().run(1, callback())), "handle#1 was cancelled and runs");
    }

    #[test]
    fn a_timer_that_was_cancelled_while_its_handle_was_queued_does_not_run() {
        let cancelled = || {
            let due = Script::default().armed(1, 0).due(1).queued(1, What::Wake);
            due.says(Record::TimerCancelledLate { timer: TimerId(1) })
        };
        assert_eq!(verdict(cancelled().skipped(1)), Ok(()));
        complains(verdict(cancelled().run(1, What::Wake)), "was cancelled and runs");
    }

    #[test]
    fn a_timer_that_is_cancelled_after_it_ran_cancels_nothing() {
        let ran = Script::default().armed(1, 0).due(1).queued(1, What::Wake).run(1, What::Wake);
        let late = ran.says(Record::TimerCancelledLate { timer: TimerId(1) });
        assert_eq!(verdict(late.queued(2, callback()).run(2, callback())), Ok(()));
    }

    #[test]
    fn a_task_ends_once_and_a_future_is_completed_once() {
        let ended = || Script::default().done(1, TaskEnd::Finished).done(2, TaskEnd::Finished);
        assert_eq!(verdict(ended()), Ok(()));
        complains(verdict(ended().done(1, TaskEnd::Cancelled)), "task#1 ends twice");
        let done = || Script::default().says(Record::FutureDone { future: FutureId(1) });
        assert_eq!(verdict(done()), Ok(()));
        let twice = done().says(Record::FutureDone { future: FutureId(1) });
        complains(verdict(twice), "future#1 is completed twice");
    }
}
