//! Turns: how they waited, what they collected, when they were over.

use std::time::Duration;

use super::super::facts::Phase;
use super::super::sentence::{Ending, Sentence, Wait, Who};
use super::{Level, Line, Story, calls};
use crate::observe::{TimerId, WaitReason};
use crate::sys::Time;

impl Story {
    pub(super) fn asks(&mut self, timeout: Option<Duration>, why: WaitReason) {
        self.asked = Some((timeout, why));
        if why == WaitReason::Forever && self.facts.watched.is_empty() {
            let finding = self.findings.nothing_can_wake(self.facts.tasks.len());
            finding.into_iter().for_each(|finding| self.find(finding));
        }
    }

    pub(super) fn answered(&mut self, events: usize, took: Duration) {
        let (limit, why) = self.asked.take().unwrap_or((None, WaitReason::Ready));
        let timer = match why {
            WaitReason::Timer(timer) => Some(self.facts.timer_name(timer)),
            _ => None,
        };
        let ended = match (events, limit) {
            (1.., _) => Ending::Events(events),
            (0, Some(limit)) if took >= limit => Ending::TimeUp,
            (0, _) => Ending::Rung,
        };
        self.turn.waited = took;
        self.facts.phase = Phase::Collecting(None);
        let ready = self.facts.queue.len();
        self.begin_turn(Wait::Asked { why, limit, timer, took, ready, ended });
        let call = calls(self.selector).0;
        self.say(Level::Everything, 1, Sentence::Answered { call, limit, events });
    }

    /// At level 3 every turn has a first line; below, those in which something happens.
    pub(super) fn begin_turn(&mut self, wait: Wait) {
        self.turn.wait = Some(wait);
        self.turn.unsaid = true;
        if self.level == Level::Everything {
            self.head();
        }
    }

    /// Says the turn's first line, if it is unsaid.
    pub(super) fn head(&mut self) {
        if !std::mem::replace(&mut self.turn.unsaid, false) {
            return;
        }
        self.unfold();
        if let Some(wait) = self.turn.wait.clone() {
            if self.level != Level::Turns {
                let sentence = Sentence::Turn { turn: self.turn.number, wait };
                self.lines.push(Line { depth: 0, sentence, call: None });
            }
        }
    }

    pub(super) fn turn_ended(&mut self, at: Time) {
        let (number, took) = (self.turn.number, at.since(self.turn.handles_began));
        self.facts.phase = Phase::Outside;
        if self.turn.unsaid && self.turn.ran.is_empty() {
            self.turn.unsaid = false;
            self.folded += 1;
            self.folded_time += self.turn.waited;
        } else if self.level == Level::Turns {
            self.turn_in_short(number);
        }
        for finding in self.findings.turn_ended(number, took, self.facts.queue.len()) {
            self.find(finding);
        }
    }

    fn turn_in_short(&mut self, turn: u64) {
        let Some(wait) = self.turn.wait.take() else { return };
        self.unfold();
        let (ran, more) = (std::mem::take(&mut self.turn.ran), self.turn.more);
        let sentence = Sentence::TurnInShort { turn, wait, ran, more };
        self.lines.push(Line { depth: 0, sentence, call: None });
    }

    pub(super) fn unfold(&mut self) {
        let (turns, waited) =
            (std::mem::take(&mut self.folded), std::mem::take(&mut self.folded_time));
        if turns > 0 {
            self.lines.push(Line {
                depth: 0,
                sentence: Sentence::Folded { turns, waited },
                call: None,
            });
        }
    }

    pub(super) fn timer_due(&mut self, timer: TimerId, late: Duration) {
        let name = self.facts.due(timer, late);
        let armed = self.facts.timers_armed();
        self.say(Level::Everything, 1, Sentence::Due { timer, late, armed });
        self.facts.phase = Phase::Collecting(Some(Who::Timer(timer)));
        if let Some(finding) = self.findings.late(name, late) {
            self.find(finding);
        }
    }
}
