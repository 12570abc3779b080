//! What was queued and run, and what tasks did.

use std::time::Duration;

use super::super::sentence::{Finding, Sentence, Who};
use super::{Level, NAMED_IN_SHORT, Story, WORTH_TELLING};
use crate::observe::{HandleId, Site, TaskEnd, TaskId, What};
use crate::sys::Time;

/// Handles.
impl Story {
    pub(super) fn queued(&mut self, handle: HandleId, what: What, cause: HandleId) {
        let place = self.facts.queue.len() + 1;
        let queued = self.facts.queued(handle, what, cause);
        let (who, cause) = (queued.who.clone(), queued.cause.clone());
        if self.level == Level::Everything {
            let depth = self.depth();
            self.say(Level::Everything, depth, Sentence::Queued { handle, who, cause, place });
        } else if self.facts.running.is_some() && !matches!(what, What::Task { .. }) {
            let turn = self.next_turn();
            self.deed(Sentence::QueuedNext { who, turn });
        }
    }

    pub(super) fn runs(&mut self, at: Time, handle: HandleId, what: What, cause: HandleId) {
        let (mut who, cause, late) = match self.facts.queue.remove(&handle) {
            Some(queued) => (queued.who, queued.cause, queued.late),
            None => (self.facts.who(what), self.facts.cause(cause), Duration::ZERO),
        };
        let (mut place, mut waited, mut first, mut woken_by) = (None, None, false, None);
        if let What::Task { task } = what {
            // It may have been named since it was queued.
            who = self.facts.who(what);
            (place, waited, first) = self.step(at, task);
            woken_by = self.facts.task(task).woken_by.take();
        }
        let cause = woken_by.unwrap_or(cause);
        if cause == who {
            self.findings.queued_by_itself(&who);
        }
        match self.turn.ran.len() < NAMED_IN_SHORT {
            true => self.turn.ran.push(who.clone()),
            false => self.turn.more += 1,
        }
        self.facts.running = Some((handle, who.clone()));
        self.turn.handle_began = at;
        let late = if late < WORTH_TELLING { Duration::ZERO } else { late };
        let handle = (self.level == Level::Everything).then_some(handle);
        let began = Sentence::Began { handle, who, cause, first, at: place, waited, late };
        self.say(Level::Handles, 1, began);
    }

    /// Where a task that is stepped was, for how long, and whether it is its first step.
    pub(super) fn step(
        &mut self,
        now: Time,
        task: TaskId,
    ) -> (Option<Site>, Option<Duration>, bool) {
        let facts = self.facts.task(task);
        let first = !std::mem::replace(&mut facts.began, true);
        match facts.wait.take() {
            _ if first => (facts.spawned_at, None, true),
            Some((since, awaited)) => (awaited.at, Some(now.since(since)), false),
            None => (None, None, false),
        }
    }

    pub(super) fn ran(&mut self, at: Time, handle: HandleId) {
        let Some((_, who)) = self.facts.running.take_if(|(running, _)| *running == handle) else {
            return;
        };
        let took = at.since(self.turn.handle_began);
        self.findings.ran(&who, took);
        if !took.is_zero() {
            let level = if took < WORTH_TELLING { Level::Everything } else { Level::Handles };
            self.say(level, 2, Sentence::Took { took });
        }
    }
}

/// Tasks.
impl Story {
    pub(super) fn woken(&mut self, task: TaskId) {
        let by = self.facts.doer();
        let name = self.facts.task_name(task);
        let itself = by == Who::Task(name.clone());
        self.facts.task(task).woken_by = Some(by);
        let turn = self.next_turn();
        self.deed(Sentence::Woke { task: name, itself, turn });
    }

    pub(super) fn done(&mut self, task: TaskId, end: TaskEnd) {
        let name = self.facts.task_name(task);
        let facts = self.facts.tasks.remove(&task);
        if self.closing {
            let what = facts.and_then(|facts| facts.wait).map(|(_, what)| what);
            self.find(Finding::ClosedWhilePending { task: name, what });
        } else {
            self.deed(Sentence::Ended { task: name, end });
        }
    }
}
