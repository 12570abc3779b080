//! Debug mode: what a program does that it will come to regret, made from the stream of records.
//!
//! The [`Debugger`] is one more consumer of records, so a loop that is not in debug mode pays
//! nothing for it, and reads no clock. It calls nobody: what it finds waits until the loop, with
//! nothing borrowed, hands it to the exception handler (`event_loop/debug.rs`).
//!
//! It holds what the loop holds, live tasks and open connections, and a line of code for each
//! misuse that was told already: one mistake in a function that runs a million times is one
//! sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::{Finding, HandleId, Observe, Record, Resource, Site, TaskId, Wait, Warning, What};
use crate::sys::Time;

/// A handle that runs for longer keeps everybody else waiting. (`loop.slow_callback_duration`)
pub(crate) const SLOW_CALLBACK: Duration = Duration::from_millis(100);

/// A task that wakes itself in so many steps in a row, and not by `yield_now`, spins.
const SPINNING_STEPS: u32 = 100;

/// A live task.
struct TaskFacts {
    name: Rc<str>,
    spawned_at: Site,
    wait: Option<Wait>,
    /// In how many steps in a row it woke itself.
    spun: u32,
    done: bool,
}

struct Running {
    handle: HandleId,
    what: What,
    began: Time,
}

#[derive(Default)]
struct TurnFacts {
    began: Time,
    handles: usize,
    /// Of its time, what is told as slow callbacks.
    told: Duration,
    slowest: Option<(String, Duration)>,
}

/// Who watches a loop in debug mode.
pub(crate) struct Debugger {
    pub(crate) slow: Duration,
    tasks: BTreeMap<TaskId, TaskFacts>,
    /// Open connections, and who made each.
    connections: BTreeMap<RawFd, (String, Option<Site>)>,
    running: Option<Running>,
    turn: Option<TurnFacts>,
    told: BTreeSet<(Site, &'static str)>,
    findings: Vec<Finding>,
}

impl Observe {
    /// Begins or ends debug mode; whether that is news.
    pub(crate) fn set_debug(&self, enabled: bool) -> bool {
        let news = enabled != self.is_debugging();
        if news {
            let debugger = enabled.then(|| Debugger::new(self.slow_callback.get()));
            self.debugger.replace(debugger);
            self.watched.set(enabled || !self.observers.borrow().is_empty());
        }
        news
    }

    pub(crate) fn is_debugging(&self) -> bool {
        self.debugger.borrow().is_some()
    }

    pub(crate) fn slow_callback(&self) -> Duration {
        self.slow_callback.get()
    }

    pub(crate) fn set_slow_callback(&self, duration: Duration) {
        self.slow_callback.set(duration);
        self.debug(|debugger| debugger.slow = duration);
    }
}

impl Debugger {
    pub(crate) fn new(slow: Duration) -> Self {
        Debugger {
            slow,
            tasks: BTreeMap::new(),
            connections: BTreeMap::new(),
            running: None,
            turn: None,
            told: BTreeSet::new(),
            findings: Vec::new(),
        }
    }

    /// What was found since this was last asked.
    pub(crate) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// A task is there, maybe since before debug mode was.
    pub(crate) fn meet(&mut self, task: TaskId, spawned_at: Site, name: Option<Rc<str>>) {
        let name = name.unwrap_or_else(|| format!("Task-{}", task.0).into());
        let facts = TaskFacts { name, spawned_at, wait: None, spun: 0, done: false };
        self.tasks.entry(task).or_insert(facts);
    }

    pub(crate) fn record(&mut self, at: Time, record: &Record) {
        match record {
            Record::TaskSpawned { task, at } => self.meet(*task, at, None),
            Record::TaskNamed { task, name } => {
                if let Some(facts) = self.tasks.get_mut(task) {
                    facts.name = name.clone();
                }
            }
            Record::TaskDone { task, .. } => self.task_done(*task),
            Record::Collected { ready } => {
                let turn = TurnFacts { began: at, handles: *ready, ..TurnFacts::default() };
                self.turn = Some(turn);
            }
            Record::Run { handle, what, .. } => {
                self.running = Some(Running { handle: *handle, what: *what, began: at });
            }
            Record::Ran { handle } => self.ran(*handle, at),
            Record::TurnEnded => self.turn_ended(at),
            Record::Connected { fd } => self.connected(*fd),
            Record::Disconnected { fd } => {
                self.connections.remove(fd);
            }
            _ => {}
        }
    }

    /// A task's step ended without an end of the task. `woke_itself` says that it is queued again
    /// by its own doing, `wakers` how many wakers of it there are.
    pub(crate) fn pending(
        &mut self,
        task: TaskId,
        wait: Option<Wait>,
        woke_itself: bool,
        wakers: isize,
    ) {
        let Some(facts) = self.tasks.get_mut(&task) else { return };
        facts.wait = wait;
        let yields = matches!(wait, Some(Wait { on: Resource::NextTurn, .. }));
        facts.spun = if woke_itself && !yields { facts.spun + 1 } else { 0 };
        if facts.spun == SPINNING_STEPS {
            let wrong = "has woken itself in 100 steps in a row: the loop never sleeps while it \
                         does; wait for what it looks for, or yield_now() between parts of a \
                         computation";
            self.misuse_of(task, "spins", wrong);
        } else if !woke_itself && wakers == 0 {
            let wrong = "is pending, and nothing can wake it but cancel(): the future it awaits \
                         returned Pending without keeping context.waker()";
            self.misuse_of(task, "lost", wrong);
        }
    }

    /// The loop is being closed, and this lives in it: a task, or with a descriptor a connection.
    pub(crate) fn left_behind(&mut self, what: What, fd: Option<RawFd>, advice: &str) {
        let finding = match (what, fd) {
            (What::Task { task }, _) => self.left_task(task),
            (_, Some(fd)) => {
                let (by, source) = self.connections.remove(&fd).unwrap_or_default();
                let by = if by.is_empty() { by } else { format!(", made by {by},") };
                let message = format!(
                    "The connection of fd {fd}{by} was not closed before its loop: call close() \
                     and let the loop run until connection_lost()"
                );
                Finding { source, ..Finding::new(Warning::LeftOpen, message) }
            }
            (what, None) => {
                let message =
                    format!("{what:?} was not over when its loop was closed: {advice} first");
                Finding::new(Warning::LeftOpen, message)
            }
        };
        self.findings.push(finding);
    }

    fn left_task(&mut self, task: TaskId) -> Finding {
        let facts = self.tasks.get(&task);
        let waits = match facts.and_then(|facts| facts.wait) {
            Some(Wait { at: Some(at), on }) => format!(" It waits for {on:?} at {at}."),
            Some(Wait { at: None, on }) => format!(" It waits for {on:?}."),
            None => String::new(),
        };
        let message = format!(
            "Task was destroyed but it is pending! The loop was closed while {} was there.{waits} \
             Await it or cancel it first",
            self.who(What::Task { task })
        );
        let source = facts.map(|facts| facts.spawned_at);
        Finding { task: Some(task), source, ..Finding::new(Warning::TaskPending, message) }
    }

    fn misuse_of(&mut self, task: TaskId, kind: &'static str, wrong: &str) {
        let Some(facts) = self.tasks.get(&task) else { return };
        let source = facts.spawned_at;
        if self.told.insert((source, kind)) {
            let message = format!("{} {wrong}", self.who(What::Task { task }));
            let finding = Finding::new(Warning::Misuse, message);
            self.findings.push(Finding { task: Some(task), source: Some(source), ..finding });
        }
    }

    fn task_done(&mut self, task: TaskId) {
        match &self.running {
            // Its name is needed once more, when its last step ends.
            Some(Running { what: What::Task { task: running }, .. }) if *running == task => {
                if let Some(facts) = self.tasks.get_mut(&task) {
                    facts.done = true;
                }
            }
            _ => drop(self.tasks.remove(&task)),
        }
    }

    fn ran(&mut self, handle: HandleId, at: Time) {
        let Some(running) = self.running.take_if(|running| running.handle == handle) else {
            return;
        };
        let (what, took) = (running.what, at.since(running.began));
        if took >= self.slow {
            self.findings.push(self.slow_callback(what, took));
        }
        let (who, slow) = (self.who(what), self.slow);
        if let Some(turn) = &mut self.turn {
            if took >= slow {
                turn.told += took;
            } else if turn.slowest.as_ref().is_none_or(|(_, most)| took > *most) {
                turn.slowest = Some((who, took));
            }
        }
        if let What::Task { task } = what {
            if self.tasks.get(&task).is_some_and(|facts| facts.done) {
                self.tasks.remove(&task);
            }
        }
    }

    fn slow_callback(&self, what: What, took: Duration) -> Finding {
        let message = format!(
            "Executing {} took {:.3} seconds: nothing else ran meanwhile; give what computes or \
             blocks to to_thread()",
            self.who(what),
            took.as_secs_f64()
        );
        let finding = Finding::new(Warning::SlowCallback { took }, message);
        let (task, source) = match what {
            What::Task { task } => {
                (Some(task), self.tasks.get(&task).map(|facts| facts.spawned_at))
            }
            What::Callback { at } | What::Timer { at } => (None, Some(at)),
            _ => (None, None),
        };
        Finding { handle: Some(what), task, source, ..finding }
    }

    fn turn_ended(&mut self, at: Time) {
        let Some(turn) = self.turn.take() else { return };
        let took = at.since(turn.began).saturating_sub(turn.told);
        let Some((slowest, most)) = turn.slowest.filter(|_| took >= self.slow) else { return };
        let handles = turn.handles;
        let message = format!(
            "A turn of {handles} handles took {:.3} seconds: none was slow by itself, the slowest \
             was {slowest} with {:.3}; give what computes or blocks to to_thread()",
            took.as_secs_f64(),
            most.as_secs_f64()
        );
        self.findings.push(Finding::new(Warning::SlowTurn { took, handles }, message));
    }

    fn connected(&mut self, fd: RawFd) {
        let what = self.running.as_ref().map(|running| running.what);
        let task = match what {
            Some(What::Task { task }) => self.tasks.get(&task),
            _ => None,
        };
        let by = what.map_or_else(|| "the program".to_owned(), |what| self.who(what));
        self.connections.insert(fd, (by, task.map(|facts| facts.spawned_at)));
    }

    /// Somebody by name: a task with the await it stands at.
    fn who(&self, what: What) -> String {
        let What::Task { task } = what else { return format!("{what:?}") };
        let Some(facts) = self.tasks.get(&task) else { return format!("{task:?}") };
        match facts.wait {
            Some(Wait { at: Some(at), .. }) => format!("task '{}' at {at}", facts.name),
            _ => format!("task '{}'", facts.name),
        }
    }
}
