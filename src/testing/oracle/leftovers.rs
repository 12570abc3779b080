//! O12 and O13: when a loop is closed, nothing of it is left, and nothing it was told went unheard.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use super::Oracle;
use crate::observe::{Record, TaskEnd, TaskId, TimerId, What};
use crate::testing::journal::{Act, Entry, Step};
use crate::testing::report::Outcome;
use crate::testing::schedule::Fault;

/// The oracle `wakers`: a task's memory goes when its loop has, at the latest. What keeps it
/// longer is a waker, or a name, that somebody has forgotten to drop.
#[derive(Default)]
pub(super) struct Wakers(BTreeSet<TaskId>);

impl Oracle for Wakers {
    fn name(&self) -> &'static str {
        "wakers"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Loop(Record::TaskSpawned { task, .. }) => self.0.insert(*task),
            Step::Loop(Record::TaskFreed { task }) => self.0.remove(task),
            _ => false,
        };
        Ok(())
    }

    fn at_end(&mut self, _: &Outcome<()>) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some(task) => Err(format!(
                "the loop is gone, and the memory of {task:?} is not (tasks in all: {}): a waker or \
                 handle of it was not dropped",
                self.0.len()
            )),
        }
    }
}

/// The oracle `leftovers`: a run that is done has ended its tasks, disarmed the timers they slept
/// on and closed its descriptors, and every panic and error found somebody to read it.
///
/// Not its own are tasks that were spawned while the others came to their end: nobody waits for
/// those ([`run`](crate::run) asks once), and they are dropped as they stand.
///
/// An error that finds no reader is excused after a fault or a peer's reset, of which it may tell;
/// a panic never is.
#[derive(Default)]
pub(super) struct Leftovers {
    sleeps: BTreeSet<TimerId>,
    open: BTreeMap<RawFd, &'static str>,
    main: Option<TaskId>,
    main_ended: bool,
    late: BTreeSet<TaskId>,
    closing: bool,
    evicted: Option<TaskId>,
    slept: Option<TimerId>,
    panicked: bool,
    excused: bool,
}

impl Leftovers {
    fn record(&mut self, record: &Record) -> Result<(), String> {
        match *record {
            Record::TimerArmed { timer, what: What::Wake, .. } => {
                self.sleeps.insert(timer);
            }
            Record::TimerDue { timer, .. } | Record::TimerCancelled { timer } => {
                self.sleeps.remove(&timer);
            }
            Record::TaskSpawned { task, .. } => {
                self.main.get_or_insert(task);
                if self.main_ended {
                    self.late.insert(task);
                }
            }
            Record::TaskDone { task, end } => self.task_done(task, end),
            Record::Closing => {
                self.closing = true;
                // A late task may be asleep.
                self.slept = self.sleeps.first().copied().filter(|_| self.late.is_empty());
            }
            Record::Exception { ref message } => return self.exception(message),
            _ => {}
        }
        Ok(())
    }

    fn task_done(&mut self, task: TaskId, end: TaskEnd) {
        self.panicked |= end == TaskEnd::Panicked;
        self.main_ended |= self.main == Some(task);
        let is_late = self.late.remove(&task);
        if self.closing && !is_late {
            self.evicted.get_or_insert(task);
        }
    }

    fn exception(&self, message: &str) -> Result<(), String> {
        let panics = message.starts_with("Exception in ")
            || message.starts_with("protocol.")
            || message.starts_with("Fatal error: protocol.");
        let unread = message.contains("exception was never retrieved");
        match panics || unread && (self.panicked || !self.excused) {
            true => Err(format!("nobody took it: {message}")),
            false => Ok(()),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Opened { fd, kind, .. } => {
                self.open.insert(fd, kind);
            }
            Act::Closed { fd, .. } => {
                self.open.remove(&fd);
            }
            Act::Fault { fault, .. } => {
                self.excused |= matches!(fault, Fault::Reset | Fault::Emfile | Fault::Aborted);
            }
            Act::Arrived { reset: true, .. } | Act::Connected { error: Some(_), .. } => {
                self.excused = true;
            }
            _ => {}
        }
    }
}

impl Oracle for Leftovers {
    fn name(&self) -> &'static str {
        "leftovers"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Loop(record) => self.record(record),
            Step::Kernel(act) => {
                self.act(act);
                Ok(())
            }
        }
    }

    fn at_end(&mut self, outcome: &Outcome<()>) -> Result<(), String> {
        if !matches!(outcome, Outcome::Done(())) {
            return Ok(());
        }
        if let Some(task) = self.evicted {
            return Err(format!("{task:?} was pending when the loop was closed"));
        }
        if let Some(timer) = self.slept {
            return Err(format!("{timer:?} was armed, to wake a task, when the loop was closed"));
        }
        match self.open.first_key_value() {
            Some((fd, kind)) => Err(format!("fd {fd}, {kind}, is still open at the end")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains};
    use super::*;
    use crate::testing::schedule::Site;

    fn exception(text: &str) -> Record {
        Record::Exception { message: text.into() }
    }

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(Leftovers::default())
    }

    #[test]
    fn a_task_whose_memory_goes_after_the_loop_is_in_order_and_one_that_stays_is_not() {
        let ended = || Script::default().spawned(1).done(1, TaskEnd::Finished).says(Record::Closed);
        let freed = ended().says(Record::TaskFreed { task: TaskId(1) });
        assert_eq!(freed.verdict(Wakers::default()), Ok(()));
        complains(ended().verdict(Wakers::default()), "the memory of task#1 is not");
    }

    #[test]
    fn a_run_that_ended_what_it_began_leaves_nothing() {
        let good = Script::default().spawned(1).armed(1, 9).opened(3, 1);
        let ended = good.says(Record::TimerCancelled { timer: TimerId(1) }).closed(3, 1);
        assert_eq!(verdict(ended.done(1, TaskEnd::Finished).says(Record::Closing)), Ok(()));
    }

    #[test]
    fn a_task_a_sleep_or_a_descriptor_left_is_a_violation_of_a_run_that_is_done() {
        let task = || Script::default().says(Record::Closing).done(1, TaskEnd::Cancelled);
        complains(verdict(task()), "task#1 was pending");
        assert_eq!(task().verdict_on(Leftovers::default(), Outcome::Quiescent), Ok(()));
        complains(verdict(Script::default().armed(1, 9).says(Record::Closing)), "timer#1");
        complains(verdict(Script::default().opened(3, 1)), "fd 3, a socket, is still open");
    }

    #[test]
    fn a_task_spawned_when_the_main_task_had_ended_may_be_left_and_asleep() {
        let main = Script::default().spawned(1).done(1, TaskEnd::Finished);
        let late = main.spawned(2).armed(1, 9).says(Record::Closing).done(2, TaskEnd::Cancelled);
        assert_eq!(verdict(late), Ok(()));
    }

    #[test]
    fn an_error_nobody_reads_is_a_violation_unless_the_network_is_to_blame() {
        let unread = || exception("Task-1: exception was never retrieved\n  exception: no");
        complains(verdict(Script::default().says(unread())), "nobody took it: Task-1");
        let act = Act::Fault { site: Site::Recv, nth: 0, fault: Fault::Reset };
        assert_eq!(verdict(Script::default().does(act).says(unread())), Ok(()));
    }

    #[test]
    fn a_panic_nobody_reads_is_a_violation_whatever_the_network_does() {
        let act = Act::Fault { site: Site::Recv, nth: 0, fault: Fault::Reset };
        let panicked = Script::default().does(act.clone()).done(1, TaskEnd::Panicked);
        let unread = exception("Task-1: exception was never retrieved\n  exception: no");
        complains(verdict(panicked.says(unread)), "nobody took it");
        let callback = exception("Exception in callback call_soon");
        complains(verdict(Script::default().does(act).says(callback)), "nobody took it");
    }
}
