//! From records to sentences. Pure: time comes with the record.

mod acts;
#[cfg(feature = "testing")]
mod beside;
mod turn;

use std::time::Duration;

use super::Level;
use super::facts::{Facts, Phase};
use super::findings::Findings;
use super::sentence::{Finding, Sentence, Wait, Who};
use crate::observe::{Record, WaitReason, What};
use crate::selector::Readiness;
use crate::sys::Time;

/// A turn in one line names so many handles, and counts the rest.
const NAMED_IN_SHORT: usize = 4;

/// At level 2, a handle's time is worth a line from here on.
const WORTH_TELLING: Duration = Duration::from_millis(1);

/// A sentence, how far it is indented, and the system call it is about, where those are told of.
pub(super) struct Line {
    pub(super) depth: usize,
    pub(super) sentence: Sentence,
    pub(super) call: Option<&'static str>,
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
        if let Some((fd, readiness)) = self.unclaimed.take() {
            if !matches!(record, Record::Queued { .. }) {
                self.find(Finding::NobodyWaits { fd, readiness });
            }
        }
        self.turn_record(at, record);
        self.lines.drain(..)
    }

    /// Whatever was held back.
    pub(super) fn finish(&mut self) -> std::vec::Drain<'_, Line> {
        self.unfold();
        self.lines.drain(..)
    }

    /// How many tasks, timers and queued handles it remembers.
    #[cfg(test)]
    pub(super) fn remembers(&self) -> usize {
        self.facts.tasks.len() + self.facts.timers_armed() + self.facts.queue.len()
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
            Record::Event { fd, readiness, .. } => {
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
            Record::Watched { fd, interest, .. } => {
                match interest {
                    Some(_) => self.facts.watched.insert(fd),
                    None => self.facts.watched.remove(&fd),
                };
                self.called(Sentence::Watches { fd, interest }, calls(self.selector).1);
            }
            Record::Accepted { listener, fd } => {
                self.called(Sentence::Accepted { listener, fd }, Some("accept"));
            }
            Record::Received { fd, bytes } => {
                self.called(Sentence::Received { fd, bytes }, Some("recv"));
            }
            Record::Sent { fd, asked, sent } => {
                self.called(Sentence::Sent { fd, asked, sent }, Some("send"));
            }
            Record::FlowPaused { fd, paused: true, buffered } => {
                self.find(Finding::FlowPaused { fd, buffered });
            }
            Record::FlowPaused { fd, paused: false, buffered } => {
                self.deed(Sentence::FlowResumed { fd, buffered });
            }
            Record::Disconnected { fd } => {
                self.called(Sentence::Disconnected { fd }, Some("close"));
            }
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
            // Said by what follows from them, or by nothing that a reader would miss: that bytes
            // were sent, that a handle was passed over, that a connection was closed.
            Record::Written { .. }
            | Record::Connected { .. }
            | Record::CutOff { .. }
            | Record::TimerCancelledLate { .. }
            | Record::HandleCancelled { .. }
            | Record::TaskWokenAgain { .. }
            | Record::FutureAwaited { .. }
            | Record::FutureDone { .. }
            | Record::TaskFreed { .. } => {}
            // Every other record is one of those above this function.
            _ => {}
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

    /// A deed that is a system call.
    fn called(&mut self, sentence: Sentence, call: Option<&'static str>) {
        self.deed(sentence);
        if self.level == Level::Everything {
            if let Some(line) = self.lines.last_mut() {
                line.call = call;
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        self.say(Level::Turns, 0, Sentence::Finding(finding));
    }

    fn say(&mut self, least: Level, depth: usize, sentence: Sentence) {
        if self.level < least {
            return;
        }
        self.head();
        // Between turns, those that were folded are over and come first.
        if self.facts.phase == Phase::Outside {
            self.unfold();
        }
        self.lines.push(Line { depth, sentence, call: None });
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
