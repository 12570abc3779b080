//! From records to sentences. Pure: time comes with the record.

use std::time::Duration;

use super::Level;
use super::facts::{Facts, Phase};
use super::findings::Findings;
use super::sentence::{Ending, Finding, Sentence, Wait, Who};
use crate::observe::{HandleId, Record, Site, TaskEnd, TaskId, TimerId, WaitReason, What};
use crate::selector::Readiness;
use crate::sys::Time;

/// A turn in one line names so many handles, and counts the rest.
const NAMED_IN_SHORT: usize = 4;

/// At level 2, a handle's time is worth a line from here on.
const WORTH_TELLING: Duration = Duration::from_millis(1);

/// A sentence, and how far it is indented.
pub(super) struct Line {
    pub(super) depth: usize,
    pub(super) sentence: Sentence,
}

/// The turn that is being told.
#[derive(Default)]
struct Turn {
    number: u64,
    wait: Option<Wait>,
    /// Its first line is still to be said, if anything happens in it.
    unsaid: bool,
    waited: Duration,
    handles_began: Time,
    handle_began: Time,
    ran: Vec<Who>,
    more: usize,
}

/// The narrator.
pub(super) struct Story {
    level: Level,
    facts: Facts,
    findings: Findings,
    turn: Turn,
    folded: u64,
    folded_time: Duration,
    selector: &'static str,
    asked: Option<(Option<Duration>, WaitReason)>,
    /// An event that has queued no handle yet.
    unclaimed: Option<(i32, Readiness)>,
    closing: bool,
    lines: Vec<Line>,
}

impl Story {
    pub(super) fn new(level: Level) -> Self {
        Story {
            level,
            facts: Facts::default(),
            findings: Findings::default(),
            turn: Turn::default(),
            folded: 0,
            folded_time: Duration::ZERO,
            selector: "",
            asked: None,
            unclaimed: None,
            closing: false,
            lines: Vec::new(),
        }
    }

    /// What is to be said of `record`.
    pub(super) fn tell(&mut self, at: Time, record: &Record) -> std::vec::Drain<'_, Line> {
        if let Some((fd, readiness)) = self.unclaimed.take()
            && !matches!(record, Record::Queued { .. })
        {
            self.find(Finding::NobodyWaits { fd, readiness });
        }
        self.turn_record(at, record);
        self.lines.drain(..)
    }

    /// Whatever was held back.
    pub(super) fn finish(&mut self) -> std::vec::Drain<'_, Line> {
        self.unfold();
        self.lines.drain(..)
    }

    fn turn_record(&mut self, at: Time, record: &Record) {
        match *record {
            Record::Opened { selector } => {
                self.selector = selector;
                self.say(Level::Everything, 0, Sentence::Opened { selector });
            }
            Record::Turn { turn } => {
                self.turn = Turn { number: turn, handles_began: at, ..Turn::default() };
                self.facts.phase = Phase::Waiting;
            }
            Record::PollSkipped => {
                self.facts.phase = Phase::Collecting(None);
                self.begin_turn(Wait::Skipped { ready: self.facts.queue.len() });
            }
            Record::Poll { timeout, why } => self.asks(timeout, why),
            Record::Polled { events, waited } => self.answered(events, waited),
            Record::Collected { .. } => {
                self.facts.phase = Phase::Running;
                self.turn.handles_began = at;
            }
            Record::TurnEnded => self.turn_ended(at),
            Record::Event { fd, readiness } => {
                self.say(Level::Everything, 1, Sentence::Event { fd, readiness });
                self.facts.phase = Phase::Collecting(Some(Who::Event { fd, readiness }));
                self.unclaimed = Some((fd, readiness));
            }
            Record::TimerDue { timer, late } => self.timer_due(timer, late),
            _ => self.handle_record(at, record),
        }
    }

    fn handle_record(&mut self, at: Time, record: &Record) {
        match *record {
            Record::Queued { handle, what, cause } => self.queued(handle, what, cause),
            Record::Run { handle, what, cause } => self.runs(at, handle, what, cause),
            Record::Ran { handle } => self.ran(at, handle),
            Record::Skipped { handle } => {
                if let Some(queued) = self.facts.queue.remove(&handle) {
                    self.say(Level::Handles, 1, Sentence::PassedOver { who: queued.who });
                }
            }
            Record::TimerArmed { timer, when, what } => {
                self.facts.armed(timer, when, what);
                let left = (when != Time::NEVER).then(|| when.since(at));
                let who = match what {
                    // Nobody's callback: whoever armed it sleeps.
                    What::Wake => self.facts.doer(),
                    what => self.facts.who(what),
                };
                let armed = self.heap();
                self.deed_of(what, Sentence::Armed { timer, who, left, armed });
            }
            Record::TimerCancelled { timer } => {
                let timer = self.facts.disarmed(timer);
                let armed = self.heap();
                self.deed(Sentence::Disarmed { timer, armed });
            }
            _ => self.task_record(at, record),
        }
    }

    fn task_record(&mut self, at: Time, record: &Record) {
        match *record {
            Record::TaskSpawned { task, at } => {
                self.facts.task(task).spawned_at = Some(at);
                let (task, turn) = (self.facts.task_name(task), self.next_turn());
                self.deed(Sentence::Spawned { task, at, turn });
            }
            Record::TaskNamed { task, ref name } => {
                if let Some(facts) = self.facts.tasks.get_mut(&task) {
                    facts.name = Some(name.clone());
                }
                self.deed(Sentence::Named { task, name: name.clone() });
            }
            Record::TaskWaits { task, at: place, on } => {
                let what = self.facts.waits(at, task, place, on);
                let task = self.facts.task_name(task);
                self.deed(Sentence::Waits { task, what });
            }
            Record::TaskWoken { task } => self.woken(task),
            Record::CancelRequested { task, at } => {
                let task = self.facts.task_name(task);
                self.deed(Sentence::CancelRequested { task, at });
            }
            Record::TaskDone { task, end } => self.done(task, end),
            _ => self.socket_record(record),
        }
    }

    fn socket_record(&mut self, record: &Record) {
        match *record {
            Record::Watched { fd, interest } => {
                match interest {
                    Some(_) => self.facts.watched.insert(fd),
                    None => self.facts.watched.remove(&fd),
                };
                let call = (self.level == Level::Everything).then(|| calls(self.selector).1);
                self.deed(Sentence::Watches { fd, interest, call: call.flatten() });
            }
            Record::Accepted { listener, fd } => self.deed(Sentence::Accepted { listener, fd }),
            Record::Received { fd, bytes } => self.deed(Sentence::Received { fd, bytes }),
            Record::Sent { fd, asked, sent } => self.deed(Sentence::Sent { fd, asked, sent }),
            Record::FlowPaused { fd, paused: true, buffered } => {
                self.find(Finding::FlowPaused { fd, buffered });
            }
            Record::FlowPaused { fd, paused: false, buffered } => {
                self.deed(Sentence::FlowResumed { fd, buffered });
            }
            Record::Disconnected { fd } => self.deed(Sentence::Disconnected { fd }),
            Record::Exception { ref message } => {
                self.find(Finding::Exception { message: message.clone() });
            }
            Record::Stop => {
                let by = self.facts.running.is_none().then(|| self.facts.doer());
                let running = self.facts.phase != Phase::Outside;
                self.deed(Sentence::Stop { by, running });
            }
            Record::Closing => {
                self.facts.phase = Phase::Outside;
                self.closing = true;
            }
            Record::Closed => {
                self.unfold();
                self.say(Level::Turns, 0, Sentence::Closed);
            }
            // Every other record is one of those above this function.
            _ => {}
        }
    }
}

/// The turn.
impl Story {
    fn asks(&mut self, timeout: Option<Duration>, why: WaitReason) {
        self.asked = Some((timeout, why));
        if why == WaitReason::Forever && self.facts.watched.is_empty() {
            let finding = self.findings.nothing_can_wake(self.facts.tasks.len());
            finding.into_iter().for_each(|finding| self.find(finding));
        }
    }

    fn answered(&mut self, events: usize, took: Duration) {
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
    fn begin_turn(&mut self, wait: Wait) {
        self.turn.wait = Some(wait);
        self.turn.unsaid = true;
        if self.level == Level::Everything {
            self.head();
        }
    }

    /// Says the turn's first line, if it is unsaid.
    fn head(&mut self) {
        if !std::mem::replace(&mut self.turn.unsaid, false) {
            return;
        }
        self.unfold();
        if let Some(wait) = self.turn.wait.clone()
            && self.level != Level::Turns
        {
            let sentence = Sentence::Turn { turn: self.turn.number, wait };
            self.lines.push(Line { depth: 0, sentence });
        }
    }

    fn turn_ended(&mut self, at: Time) {
        let (number, took) = (self.turn.number, at.since(self.turn.handles_began));
        self.facts.phase = Phase::Outside;
        if self.turn.unsaid && self.turn.ran.is_empty() {
            self.turn.unsaid = false;
            self.folded += 1;
            self.folded_time += self.turn.waited;
        } else if self.level == Level::Turns
            && let Some(wait) = self.turn.wait.take()
        {
            self.unfold();
            let (ran, more) = (std::mem::take(&mut self.turn.ran), self.turn.more);
            let sentence = Sentence::TurnInShort { turn: number, wait, ran, more };
            self.lines.push(Line { depth: 0, sentence });
        }
        for finding in self.findings.turn_ended(number, took, self.facts.queue.len()) {
            self.find(finding);
        }
    }

    fn unfold(&mut self) {
        let (turns, waited) =
            (std::mem::take(&mut self.folded), std::mem::take(&mut self.folded_time));
        if turns > 0 {
            self.lines.push(Line { depth: 0, sentence: Sentence::Folded { turns, waited } });
        }
    }

    fn timer_due(&mut self, timer: TimerId, late: Duration) {
        let name = self.facts.due(timer, late);
        let armed = self.facts.timers_armed();
        self.say(Level::Everything, 1, Sentence::Due { timer, late, armed });
        self.facts.phase = Phase::Collecting(Some(Who::Timer(timer)));
        if let Some(finding) = self.findings.late(name, late) {
            self.find(finding);
        }
    }
}

/// Handles.
impl Story {
    fn queued(&mut self, handle: HandleId, what: What, cause: HandleId) {
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

    fn runs(&mut self, at: Time, handle: HandleId, what: What, cause: HandleId) {
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
    fn step(&mut self, now: Time, task: TaskId) -> (Option<Site>, Option<Duration>, bool) {
        let facts = self.facts.task(task);
        let first = !std::mem::replace(&mut facts.began, true);
        match facts.wait.take() {
            _ if first => (facts.spawned_at, None, true),
            Some((since, awaited)) => (awaited.at, Some(now.since(since)), false),
            None => (None, None, false),
        }
    }

    fn ran(&mut self, at: Time, handle: HandleId) {
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
    fn woken(&mut self, task: TaskId) {
        let by = self.facts.doer();
        let name = self.facts.task_name(task);
        let itself = by == Who::Task(name.clone());
        self.facts.task(task).woken_by = Some(by);
        let turn = self.next_turn();
        self.deed(Sentence::Woke { task: name, itself, turn });
    }

    fn done(&mut self, task: TaskId, end: TaskEnd) {
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

/// Saying.
impl Story {
    /// The turn in which a handle that is queued now will run.
    fn next_turn(&self) -> u64 {
        match self.facts.phase {
            Phase::Waiting | Phase::Collecting(_) => self.turn.number,
            Phase::Outside | Phase::Running => self.turn.number + 1,
        }
    }

    fn depth(&self) -> usize {
        match (&self.facts.running, &self.facts.phase) {
            (Some(_), _) => 2,
            (None, Phase::Outside) => 0,
            (None, _) => 1,
        }
    }

    /// How many timers the heap holds, where queues are told of.
    fn heap(&self) -> Option<usize> {
        (self.level == Level::Everything).then(|| self.facts.timers_armed())
    }

    fn deed(&mut self, sentence: Sentence) {
        let depth = self.depth();
        self.say(Level::Handles, depth, sentence);
    }

    /// Arming a sleep is told by what the sleeper waits for; at level 3 it is told by itself too.
    fn deed_of(&mut self, what: What, sentence: Sentence) {
        let depth = self.depth();
        let level = match what {
            What::Wake => Level::Everything,
            _ => Level::Handles,
        };
        self.say(level, depth, sentence);
    }

    fn find(&mut self, finding: Finding) {
        self.say(Level::Turns, 0, Sentence::Finding(finding));
    }

    fn say(&mut self, least: Level, depth: usize, sentence: Sentence) {
        if self.level < least {
            return;
        }
        self.head();
        self.lines.push(Line { depth, sentence });
    }
}

/// The system calls with which a selector waits, and by which it is told what to watch.
fn calls(selector: &str) -> (&'static str, Option<&'static str>) {
    match selector {
        "epoll" => ("epoll_wait", Some("epoll_ctl")),
        "kqueue" => ("kevent", Some("kevent")),
        "poll" => ("poll", None),
        _ => ("select", None),
    }
}
