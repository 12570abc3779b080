//! What the records have said so far: who is who, and who caused what.
//!
//! It holds what the loop holds (live tasks, armed timers, queued handles) and forgets it when the
//! loop does, so it is as large as the loop is and no larger.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::sentence::{Awaited, TaskName, TimerName, Who};
use crate::observe::{HandleId, Resource, Site, TaskId, TimerId, What};
use crate::sys::Time;

/// Where the loop is.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) enum Phase {
    /// Between runs: what happens is the program's doing.
    #[default]
    Outside,
    /// In a turn's wait.
    Waiting,
    /// Collecting: letters from other threads first, then what this is about.
    Collecting(Option<Who>),
    /// Running handles.
    Running,
}

/// A queued handle.
pub(super) struct Queued {
    pub(super) who: Who,
    pub(super) cause: Who,
    pub(super) late: Duration,
}

/// A live task.
#[derive(Default)]
pub(super) struct TaskFacts {
    pub(super) name: Option<Rc<str>>,
    pub(super) spawned_at: Option<Site>,
    pub(super) began: bool,
    pub(super) wait: Option<(Time, Awaited)>,
    pub(super) woken_by: Option<Who>,
}

/// An armed timer.
struct TimerFacts {
    when: Time,
    by: Option<Who>,
    at: Option<Site>,
}

#[derive(Default)]
pub(super) struct Facts {
    pub(super) phase: Phase,
    pub(super) running: Option<(HandleId, Who)>,
    pub(super) queue: BTreeMap<HandleId, Queued>,
    pub(super) tasks: BTreeMap<TaskId, TaskFacts>,
    pub(super) watched: BTreeSet<RawFd>,
    timers: BTreeMap<TimerId, TimerFacts>,
    /// The timer that has just been due, and how late: the next handle is its.
    due: Option<(TimerId, Duration)>,
}

impl Facts {
    pub(super) fn task(&mut self, task: TaskId) -> &mut TaskFacts {
        self.tasks.entry(task).or_default()
    }

    pub(super) fn task_name(&self, task: TaskId) -> TaskName {
        TaskName { task, name: self.tasks.get(&task).and_then(|facts| facts.name.clone()) }
    }

    pub(super) fn timer_name(&self, timer: TimerId) -> TimerName {
        let facts = self.timers.get(&timer);
        TimerName {
            timer,
            by: facts.and_then(|facts| facts.by.clone()),
            at: facts.and_then(|facts| facts.at),
        }
    }

    pub(super) fn who(&self, what: What) -> Who {
        match what {
            What::Callback { at } | What::Timer { at } => Who::Callback(at),
            What::Remote => Who::RemoteCall,
            What::Wake => Who::Wake(self.due.map(|(timer, _)| timer)),
            What::Reader { fd } => Who::Reader(fd),
            What::Writer { fd } => Who::Writer(fd),
            What::Task { task } => Who::Task(self.task_name(task)),
            What::Signal { signal } => Who::Signal(signal),
            What::Internal { name } => Who::Internal(name),
        }
    }

    /// Who did what is happening now; `cause` is the handle that the record names.
    pub(super) fn cause(&self, cause: HandleId) -> Who {
        match (&self.running, &self.phase) {
            (Some((running, who)), _) if *running == cause => who.clone(),
            (Some(_), _) if cause == HandleId::OUTSIDE => Who::OtherThread,
            (None, Phase::Collecting(Some(source))) => source.clone(),
            (None, Phase::Collecting(None)) => Who::OtherThread,
            _ if cause == HandleId::OUTSIDE => Who::Outside,
            _ => Who::Handle(cause),
        }
    }

    /// Who did what is happening now, where the record names no handle.
    pub(super) fn doer(&self) -> Who {
        self.cause(self.running.as_ref().map_or(HandleId::OUTSIDE, |(handle, _)| *handle))
    }

    pub(super) fn queued(&mut self, handle: HandleId, what: What, cause: HandleId) -> &Queued {
        let who = self.who(what);
        let cause = match self.due {
            Some((timer, _)) => Who::Timer(timer),
            None => self.cause(cause),
        };
        let late = self.due.take().map_or(Duration::ZERO, |(_, late)| late);
        self.queue.entry(handle).or_insert(Queued { who, cause, late })
    }

    pub(super) fn armed(&mut self, timer: TimerId, when: Time, what: What) {
        let at = match what {
            What::Timer { at } => Some(at),
            _ => None,
        };
        let by = Some(self.doer());
        self.timers.insert(timer, TimerFacts { when, by, at });
    }

    pub(super) fn disarmed(&mut self, timer: TimerId) -> TimerName {
        let name = self.timer_name(timer);
        self.timers.remove(&timer);
        name
    }

    pub(super) fn due(&mut self, timer: TimerId, late: Duration) -> TimerName {
        self.due = Some((timer, late));
        self.disarmed(timer)
    }

    pub(super) fn timers_armed(&self) -> usize {
        self.timers.len()
    }

    /// What `task` waits for, with the timer it has armed for that.
    pub(super) fn waits(
        &mut self,
        now: Time,
        task: TaskId,
        at: Option<Site>,
        on: Resource,
    ) -> Awaited {
        let by = Some(Who::Task(self.task_name(task)));
        let (mut left, mut timer, mut awaited) = (Duration::ZERO, None, None);
        match on {
            Resource::Timer(until) => {
                left = until.since(now);
                let mine = self.timers.iter_mut().rev().find(|(_, facts)| {
                    facts.when == until && facts.by == by && facts.at.is_none_or(|a| Some(a) == at)
                });
                if let Some((id, facts)) = mine {
                    facts.at = at;
                    timer = Some(*id);
                }
            }
            Resource::Task(task) => awaited = Some(self.task_name(task)),
            _ => {}
        }
        let awaited = Awaited { on, left, timer, task: awaited, at };
        self.task(task).wait = Some((now, awaited.clone()));
        awaited
    }
}
