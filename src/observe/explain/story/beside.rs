//! For whoever tells something else beside the story: the reports of `testing`.

use super::super::facts::Phase;
use super::super::sentence::Sentence;
use super::{Line, Story};
use crate::observe::TaskId;

impl Story {
    /// Says what must stand before somebody else's line, and how deep that belongs; `None` in a
    /// wait, before its turn's first line can be said.
    pub(in super::super) fn make_room(&mut self) -> Option<(usize, std::vec::Drain<'_, Line>)> {
        if self.facts.phase == Phase::Waiting {
            return None;
        }
        self.head();
        if self.facts.phase == Phase::Outside {
            self.unfold();
        }
        Some((self.depth(), self.lines.drain(..)))
    }

    /// What each task waits for that has not ended.
    pub(in super::super) fn pending(&self) -> impl Iterator<Item = Line> {
        self.facts.tasks.iter().map(|(task, facts)| {
            let task = self.facts.task_name(*task);
            let what = facts.wait.as_ref().map(|(_, what)| what.clone());
            let sentence = Sentence::Pending { task, at: facts.spawned_at, what };
            Line { depth: 1, sentence, call: None }
        })
    }

    pub(in super::super) fn drop_turn(&mut self) {
        self.turn.unsaid = false;
        self.asked = None;
        self.facts.phase = Phase::Outside;
    }

    pub(in super::super) fn call(&mut self, task: TaskId, name: &str) {
        self.facts.task(task).name.get_or_insert_with(|| name.into());
    }
}
