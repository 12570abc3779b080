//! O1: whoever waits for something that is so is woken.
//!
//! The moment to look is when nothing can happen any more: a task that waits then waits for ever.
//! One sort shows earlier: a waker that was used, of a task that is neither queued nor over.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use super::Oracle;
use crate::observe::{FutureId, HandleId, Record, Resource, TaskId, What};
use crate::selector::{Interest, Readiness};
use crate::sys::Time;
use crate::testing::journal::{Act, Entry, Step};

/// The oracle `lost-wakeup`.
#[derive(Default)]
pub(super) struct LostWakeup {
    /// Tasks that have not ended.
    tasks: BTreeMap<TaskId, Standing>,
    completed: BTreeSet<FutureId>,
    ready: BTreeMap<RawFd, (Readiness, Option<Interest>)>,
    /// Another thread did something, and the bell was not rung since.
    unheard: bool,
    over: bool,
}

#[derive(Default)]
struct Standing {
    queued: Option<HandleId>,
    on: Option<Resource>,
    future: Option<FutureId>,
}

impl LostWakeup {
    fn record(&mut self, record: &Record) -> Result<(), String> {
        match *record {
            Record::TaskSpawned { task, .. } => {
                self.tasks.insert(task, Standing::default());
            }
            Record::Queued { handle, what: What::Task { task }, .. } => {
                self.change(task, |standing| standing.queued = Some(handle));
            }
            Record::Run { what: What::Task { task }, .. } => {
                self.change(task, |standing| *standing = Standing::default());
            }
            Record::TaskWaits { task, on, .. } => {
                self.change(task, |standing| standing.on = Some(on));
            }
            Record::FutureAwaited { future, task: Some(task) } => {
                self.change(task, |standing| standing.future = Some(future));
            }
            Record::FutureDone { future } => {
                self.completed.insert(future);
            }
            Record::TaskDone { task, .. } => {
                self.tasks.remove(&task);
            }
            Record::TaskWokenAgain { task } => return self.woken_again(task),
            Record::Polled { .. } => self.unheard = false,
            Record::Closing => self.over = true,
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, task: TaskId, change: impl FnOnce(&mut Standing)) {
        if let Some(standing) = self.tasks.get_mut(&task) {
            change(standing);
        }
    }

    fn woken_again(&self, task: TaskId) -> Result<(), String> {
        match self.tasks.get(&task) {
            Some(Standing { queued: None, .. }) => Err(format!(
                "{task:?} is woken and does nothing about it: it is not queued, and has not ended"
            )),
            _ => Ok(()),
        }
    }

    /// Nothing can happen any more.
    fn quiescent(&mut self, now: Time) -> Result<(), String> {
        self.over = true;
        if self.unheard {
            return Err("another thread did something, and nobody woke the loop".into());
        }
        let lost = |(task, standing): (&TaskId, &Standing)| {
            let why = self.why_not(now, standing)?;
            Some(format!("{task:?} waits for ever, and {why}"))
        };
        self.tasks.iter().find_map(lost).map_or(Ok(()), Err)
    }

    /// Why somebody who stands so should not wait.
    fn why_not(&self, now: Time, standing: &Standing) -> Option<String> {
        if let Some(handle) = standing.queued {
            return Some(format!("was queued, as {handle:?}, and not polled"));
        }
        match standing.on? {
            Resource::Timer(when) if when <= now => Some("the time it waits for has come".into()),
            Resource::NextTurn => Some("it waits for the next turn, which has come".into()),
            Resource::Future if self.is_completed(standing.future) => {
                Some("the future it waits for is done".into())
            }
            Resource::Task(other) if !self.tasks.contains_key(&other) => {
                Some(format!("{other:?}, for whose end it waits, has ended"))
            }
            Resource::Readable(fd) if self.is_ready(fd, READABLE, Interest::is_read) => {
                Some(format!("fd {fd} is readable, and is not watched for that"))
            }
            Resource::Writable(fd) if self.is_ready(fd, WRITABLE, Interest::is_write) => {
                Some(format!("fd {fd} is writable, and is not watched for that"))
            }
            _ => None,
        }
    }

    fn is_completed(&self, future: Option<FutureId>) -> bool {
        future.is_some_and(|future| self.completed.contains(&future))
    }

    /// Whether `fd` is ready, and nobody has asked to hear of it. (Whoever has, and hears nothing,
    /// has a kernel to complain of.)
    fn is_ready(&self, fd: RawFd, what: Readiness, asked: fn(Interest) -> bool) -> bool {
        self.ready.get(&fd).is_some_and(|(readiness, watched)| {
            readiness.intersects(what) && !watched.is_some_and(asked)
        })
    }
}

const READABLE: Readiness = Readiness::READABLE;
const WRITABLE: Readiness = Readiness::WRITABLE;

impl Oracle for LostWakeup {
    fn name(&self) -> &'static str {
        "lost-wakeup"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            _ if self.over => {}
            Step::Loop(record) => return self.record(record),
            Step::Kernel(Act::Standing { fd, readiness, watched }) => {
                self.ready.insert(*fd, (*readiness, *watched));
            }
            Step::Kernel(Act::Thread) => self.unheard = true,
            Step::Kernel(Act::Rung) => self.unheard = false,
            Step::Kernel(Act::Quiescent) => return self.quiescent(entry.at),
            Step::Kernel(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains, task};
    use super::*;
    use crate::observe::TaskEnd;

    /// A task that has been polled once, and then waited for `on` until nothing could happen.
    fn waits_for(on: Resource) -> Script {
        let first = Script::default().spawned(1).queued(1, task(1)).run(1, task(1));
        first.says(Record::TaskWaits { task: TaskId(1), at: None, on }).ran(1)
    }

    fn verdict(script: Script) -> Result<(), String> {
        script.does(Act::Quiescent).verdict(LostWakeup::default())
    }

    #[test]
    fn a_task_that_waits_for_what_is_not_so_has_lost_nothing() {
        let later = Resource::Timer(Time::from_nanos(5));
        for on in [later, Resource::Future, Resource::Readable(3), Resource::Other("a lock")] {
            assert_eq!(verdict(waits_for(on)), Ok(()), "{on:?}");
        }
        let other = Script::default().spawned(2).queued(9, task(2)).run(9, task(2)).ran(9);
        let first = other.spawned(1).queued(1, task(1)).run(1, task(1));
        let on = Resource::Task(TaskId(2));
        let waits = first.says(Record::TaskWaits { task: TaskId(1), at: None, on });
        assert_eq!(verdict(waits), Ok(()));
    }

    #[test]
    fn a_task_whose_time_has_come_has_lost_its_wakeup() {
        let late = waits_for(Resource::Timer(Time::from_nanos(5))).at(5);
        complains(verdict(late), "task#1 waits for ever, and the time it waits for has come");
        complains(verdict(waits_for(Resource::NextTurn)), "the next turn");
    }

    #[test]
    fn a_task_that_waits_for_one_that_has_ended_has_lost_its_wakeup() {
        let ended = waits_for(Resource::Task(TaskId(2))).spawned(2).done(2, TaskEnd::Finished);
        complains(verdict(ended), "task#2, for whose end it waits, has ended");
    }

    #[test]
    fn a_task_that_waits_for_a_future_that_is_done_has_lost_its_wakeup() {
        let future = FutureId(7);
        let awaited = || {
            let task = Some(TaskId(1));
            waits_for(Resource::Future).says(Record::FutureAwaited { future, task })
        };
        assert_eq!(verdict(awaited()), Ok(()));
        let done = awaited().says(Record::FutureDone { future });
        complains(verdict(done), "the future it waits for is done");
    }

    #[test]
    fn a_task_that_waits_for_bytes_that_are_there_and_unwatched_has_lost_its_wakeup() {
        let readiness = Readiness::READABLE | Readiness::WRITABLE;
        let stands = |on, watched| waits_for(on).does(Act::Standing { fd: 3, readiness, watched });
        let (reads, writes) = (Resource::Readable(3), Resource::Writable(3));
        complains(verdict(stands(reads, None)), "fd 3 is readable");
        complains(verdict(stands(writes, Some(Interest::READ))), "fd 3 is writable");
        assert_eq!(verdict(stands(reads, Some(Interest::READ))), Ok(()));
    }

    #[test]
    fn a_task_that_was_queued_and_not_polled_has_lost_its_wakeup() {
        complains(verdict(waits_for(Resource::Future).queued(2, task(1))), "as handle#2");
    }

    #[test]
    fn a_wake_of_a_task_that_is_queued_or_over_is_rightly_for_nothing_and_no_other() {
        let again = Record::TaskWokenAgain { task: TaskId(1) };
        let run = || Script::default().spawned(1).queued(1, task(1)).run(1, task(1));
        let queued = Script::default().spawned(1).queued(1, task(1)).says(again.clone());
        assert_eq!(queued.verdict(LostWakeup::default()), Ok(()));
        let over = run().done(1, TaskEnd::Finished).says(again.clone());
        assert_eq!(over.verdict(LostWakeup::default()), Ok(()));
        complains(run().says(again).verdict(LostWakeup::default()), "does nothing about it");
    }

    #[test]
    fn a_thread_that_does_not_wake_the_loop_is_told_of() {
        complains(verdict(Script::default().does(Act::Thread)), "nobody woke the loop");
        assert_eq!(verdict(Script::default().does(Act::Thread).does(Act::Rung)), Ok(()));
    }
}
