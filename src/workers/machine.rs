//! What a supervisor does, without processes: times and ends are arguments, orders are results.
//!
//! A worker's place:
//!
//! | from     | ready   | died                  | done | drained  | it is time | all are to end |
//! |----------|---------|-----------------------|------|----------|------------|----------------|
//! | Starting | Serving | Resting (1)           | Gone | Starting | –          | Leaving        |
//! | Serving  | –       | Resting, or enough (2)| Gone | Starting | –          | Leaving        |
//! | Resting  | –       | –                     | –    | –        | Starting   | Gone           |
//! | Leaving  | –       | Gone                  | Gone | Gone     | –          | –              |
//! | Gone     | –       | –                     | –    | –        | –          | –              |
//!
//! (1) Before everybody has been ready once: the start has failed, and all are to end.
//! (2) After more deaths in a row than the limit: the worker is given up, and all are to end. A
//! death of one that has served for a while is the first of a new row.
//!
//! All of them together:
//!
//! | from       | all have been ready | SIGTERM  | SIGINT   | failed, given up | its time is over |
//! |------------|---------------------|----------|----------|------------------|------------------|
//! | Opening    | Open                | Draining | Quitting | Draining         | –                |
//! | Open       | –                   | Draining | Quitting | Draining         | –                |
//! | Draining   | –                   | –        | Quitting | –                | kill all         |
//! | Quitting   | –                   | –        | kill all | –                | kill all         |
//!
//! It is over when every place is Gone.

use std::time::Duration;

use super::event::{WorkerEvent, WorkersEnded};
use crate::sys::Time;

/// What the caller of [`workers`](super::workers) may set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) first_rest: Duration,
    pub(super) longest_rest: Duration,
    /// Whoever has served for so long is healthy.
    pub(super) healthy: Duration,
    /// Restarts in a row.
    pub(super) limit: u32,
    pub(super) deadline: Duration,
}

impl Policy {
    /// How long a worker rests after so many deaths in a row.
    fn rest(&self, deaths: u32) -> Duration {
        let doublings = deaths.saturating_sub(1).min(31);
        self.first_rest.saturating_mul(1 << doublings).min(self.longest_rest)
    }
}

/// How a worker came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Its main future ended, and nobody had asked for that.
    Done,
    /// It was asked to end (by somebody other than the supervisor), and did so in good order.
    Drained,
    Died(String),
}

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Input {
    Ready(usize),
    /// The process of this worker is gone, or could not be made.
    Ended(usize, End),
    Terminate,
    Interrupt,
    /// Some time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Start(usize),
    Drain(usize),
    Quit(usize),
    Kill(usize),
    Tell(WorkerEvent),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Starting,
    Serving { since: Time },
    Resting { until: Time },
    Leaving,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Opening,
    Open,
    Draining {
        until: Time,
    },
    Quitting {
        until: Time,
    },
    /// Everybody has been killed; they need only be waited for.
    Killed,
}

/// Why it ended badly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    Start { worker: usize, why: String },
    GaveUp { worker: usize, deaths: u32, why: String },
}

pub(super) struct Machine {
    policy: Policy,
    places: Vec<Place>,
    /// Deaths in a row, of each.
    deaths: Vec<u32>,
    unready: Vec<bool>,
    phase: Phase,
    failure: Option<Failure>,
    pub(super) restarts: u64,
    pub(super) killed: usize,
    ended: WorkersEnded,
    actions: Vec<Action>,
}

impl Machine {
    /// `count` workers, each to be started now.
    pub(super) fn new(count: usize, policy: Policy) -> (Machine, Vec<Action>) {
        let machine = Machine {
            policy,
            places: vec![Place::Starting; count],
            deaths: vec![0; count],
            unready: vec![true; count],
            phase: Phase::Opening,
            failure: None,
            restarts: 0,
            killed: 0,
            ended: WorkersEnded::Finished,
            actions: Vec::new(),
        };
        (machine, (0..count).map(Action::Start).collect())
    }

    /// Takes note of what has happened, and says what is to be done about it.
    pub(super) fn step(&mut self, now: Time, input: Input) -> Vec<Action> {
        match input {
            Input::Ready(worker) => self.ready(now, worker),
            Input::Ended(worker, end) => self.worker_ended(now, worker, end),
            Input::Terminate => self.drain(now, WorkersEnded::Drained),
            Input::Interrupt => self.interrupt(now),
            Input::Tick => {}
        }
        self.look_at(now);
        std::mem::take(&mut self.actions)
    }

    /// When something is to be done although nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let rests = self.places.iter().filter_map(|place| match place {
            Place::Resting { until } => Some(*until),
            _ => None,
        });
        let end = match self.phase {
            Phase::Draining { until } | Phase::Quitting { until } => Some(until),
            _ => None,
        };
        rests.chain(end).min()
    }

    /// How it all ended, when it has.
    pub(super) fn outcome(&self) -> Option<Result<WorkersEnded, Failure>> {
        let over = self.places.iter().all(|place| *place == Place::Gone);
        over.then(|| self.failure.clone().map_or(Ok(self.ended), Err))
    }

    fn is_ending(&self) -> bool {
        !matches!(self.phase, Phase::Opening | Phase::Open)
    }

    fn ready(&mut self, now: Time, worker: usize) {
        if self.places[worker] != Place::Starting {
            return;
        }
        self.places[worker] = Place::Serving { since: now };
        self.unready[worker] = false;
        self.actions.push(Action::Tell(WorkerEvent::Ready { worker }));
        self.open_if_all_are();
    }

    fn open_if_all_are(&mut self) {
        if self.phase == Phase::Opening && !self.unready.contains(&true) {
            self.phase = Phase::Open;
            self.actions.push(Action::Tell(WorkerEvent::AllReady));
        }
    }

    fn worker_ended(&mut self, now: Time, worker: usize, end: End) {
        let place = std::mem::replace(&mut self.places[worker], Place::Gone);
        if self.is_ending() {
            return;
        }
        match end {
            End::Done => {
                self.unready[worker] = false;
                self.actions.push(Action::Tell(WorkerEvent::Done { worker }));
                self.open_if_all_are();
            }
            End::Drained => self.start(worker),
            End::Died(why) if self.phase == Phase::Opening => {
                self.failure = Some(Failure::Start { worker, why });
                self.drain(now, WorkersEnded::Drained);
            }
            End::Died(why) => self.died(now, worker, place, why),
        }
    }

    fn died(&mut self, now: Time, worker: usize, place: Place, why: String) {
        let served = match place {
            Place::Serving { since } => now.since(since),
            _ => Duration::ZERO,
        };
        let deaths = if served >= self.policy.healthy { 1 } else { self.deaths[worker] + 1 };
        self.deaths[worker] = deaths;
        if deaths > self.policy.limit {
            self.actions.push(Action::Tell(WorkerEvent::GaveUp {
                worker,
                deaths,
                why: why.clone(),
            }));
            self.failure = Some(Failure::GaveUp { worker, deaths, why });
            return self.drain(now, WorkersEnded::Drained);
        }
        let rest = self.policy.rest(deaths);
        self.places[worker] = Place::Resting { until: now + rest };
        self.actions.push(Action::Tell(WorkerEvent::Died { worker, why, restart_in: rest }));
    }

    fn start(&mut self, worker: usize) {
        self.restarts += 1;
        self.places[worker] = Place::Starting;
        self.actions.push(Action::Start(worker));
    }

    fn drain(&mut self, now: Time, ended: WorkersEnded) {
        if self.is_ending() {
            return;
        }
        self.ended = ended;
        self.phase = Phase::Draining { until: now + self.policy.deadline };
        self.everybody_leaves(Action::Drain);
    }

    fn interrupt(&mut self, now: Time) {
        match self.phase {
            Phase::Killed => {}
            Phase::Quitting { .. } => self.kill(),
            Phase::Opening | Phase::Open | Phase::Draining { .. } => {
                self.ended = WorkersEnded::Interrupted;
                self.phase = Phase::Quitting { until: now + self.policy.deadline };
                self.everybody_leaves(Action::Quit);
            }
        }
    }

    /// Nobody is started any more, and who is there is asked to go.
    fn everybody_leaves(&mut self, ask: fn(usize) -> Action) {
        for (worker, place) in self.places.iter_mut().enumerate() {
            match place {
                Place::Starting | Place::Serving { .. } | Place::Leaving => {
                    *place = Place::Leaving;
                    self.actions.push(ask(worker));
                }
                Place::Resting { .. } | Place::Gone => *place = Place::Gone,
            }
        }
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        for (worker, place) in self.places.iter().enumerate() {
            if *place == Place::Leaving {
                self.killed += 1;
                self.actions.push(Action::Kill(worker));
                self.actions.push(Action::Tell(WorkerEvent::Killed { worker }));
            }
        }
    }

    fn look_at(&mut self, now: Time) {
        match self.phase {
            Phase::Draining { until } | Phase::Quitting { until } if until <= now => self.kill(),
            _ => {}
        }
        for worker in 0..self.places.len() {
            if matches!(self.places[worker], Place::Resting { until } if until <= now) {
                self.start(worker);
            }
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
