//! O5 and O6: a turn runs exactly what was ready when it began, and collects all that had come.

use std::collections::VecDeque;
use std::time::Duration;

use super::Oracle;
use crate::observe::{HandleId, Record, TimerId};
use crate::selector::{Event, Token};
use crate::sys::Time;
use crate::testing::journal::{Act, Entry, Step};

/// The oracle `turn-fairness`: a handle that is queued while a turn runs waits for the next, and a
/// timer that was due or an event that was told when the turn looked is not left for a later one.
#[derive(Default)]
pub(super) struct TurnFairness {
    /// Handles from here on were queued after the turn had collected.
    first_of_next: Option<HandleId>,
    last_queued: HandleId,
    armed: Vec<(Time, TimerId)>,
    polled_at: Time,
    events: VecDeque<Event>,
}

impl TurnFairness {
    fn runs(&self, handle: HandleId) -> Result<(), String> {
        match self.first_of_next {
            Some(next) if handle >= next => {
                Err(format!("{handle:?} runs in the turn in which it was queued"))
            }
            _ => Ok(()),
        }
    }

    fn collected(&mut self) -> Result<(), String> {
        self.first_of_next = Some(HandleId(self.last_queued.0 + 1));
        if let Some(Event { token, .. }) = self.events.pop_front() {
            let missed = self.events.len();
            self.events.clear();
            return Err(format!(
                "an event of {token:?} was told and not collected ({missed} more)"
            ));
        }
        match self.armed.iter().find(|(when, _)| *when <= self.polled_at) {
            Some((_, timer)) => Err(format!("{timer:?} was due when the turn looked, and waits")),
            None => Ok(()),
        }
    }

    fn event(&mut self, token: Token) -> Result<(), String> {
        match self.events.pop_front() {
            Some(event) if event.token != token => {
                Err(format!("an event of {token:?} is collected before one of {:?}", event.token))
            }
            _ => Ok(()),
        }
    }
}

impl Oracle for TurnFairness {
    fn name(&self) -> &'static str {
        "turn-fairness"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Kernel(Act::Selected { events, .. }) => {
                self.events = events.iter().copied().collect();
                Ok(())
            }
            Step::Kernel(_) => Ok(()),
            Step::Loop(record) => match *record {
                Record::Turn { .. } => {
                    self.first_of_next = None;
                    Ok(())
                }
                Record::Polled { .. } => {
                    self.polled_at = entry.at;
                    Ok(())
                }
                Record::Event { token, .. } => self.event(token),
                Record::Queued { handle, .. } => {
                    self.last_queued = handle;
                    Ok(())
                }
                Record::TimerArmed { timer, when, .. } => {
                    self.armed.push((when, timer));
                    Ok(())
                }
                Record::TimerDue { timer, .. } | Record::TimerCancelled { timer } => {
                    self.armed.retain(|(_, armed)| *armed != timer);
                    Ok(())
                }
                Record::Collected { .. } => self.collected(),
                Record::Run { handle, .. } => self.runs(handle),
                _ => Ok(()),
            },
        }
    }
}

/// How many handles may run after a poll before the next one.
const HANDLES_WITHOUT_POLL: usize = 64;

/// How long after a poll turns may go on without the next one,
const TIME_WITHOUT_POLL: Duration = Duration::from_micros(50);

/// and for how many handles after that.
const HANDLES_WITHOUT_CLOCK: usize = 8;

/// The oracle `starvation`: what is ready when a turn has collected is run or passed over in that
/// turn, and turns do without a poll no longer than the loop's documentation says.
#[derive(Default)]
pub(super) struct Starvation {
    waiting: usize,
    of_turn: usize,
    polled_at: Time,
    since_poll: usize,
    late: usize,
}

impl Starvation {
    fn collected(&mut self, ready: usize) -> Result<(), String> {
        self.of_turn = self.waiting;
        match self.waiting == ready {
            true => Ok(()),
            false => Err(format!("{} handles are queued, and the turn has {ready}", self.waiting)),
        }
    }

    fn runs(&mut self, now: Time) {
        self.waiting = self.waiting.saturating_sub(1);
        self.of_turn = self.of_turn.saturating_sub(1);
        self.since_poll += 1;
        self.late += usize::from(now.since(self.polled_at) >= TIME_WITHOUT_POLL);
    }

    fn skips_poll(&self) -> Result<(), String> {
        let (count, late) = (self.since_poll, self.late);
        if count >= HANDLES_WITHOUT_POLL {
            return Err(format!("no poll after {count} handles"));
        }
        match late > HANDLES_WITHOUT_CLOCK {
            true => Err(format!("no poll, {late} handles and 50 µs after the last")),
            false => Ok(()),
        }
    }
}

impl Oracle for Starvation {
    fn name(&self) -> &'static str {
        "starvation"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        let Step::Loop(record) = &entry.step else { return Ok(()) };
        match *record {
            Record::Queued { .. } => self.waiting += 1,
            Record::Run { .. } | Record::Skipped { .. } => self.runs(entry.at),
            Record::Polled { .. } => {
                (self.polled_at, self.since_poll, self.late) = (entry.at, 0, 0);
            }
            Record::PollSkipped => return self.skips_poll(),
            Record::Collected { ready } => return self.collected(ready),
            Record::TurnEnded if self.of_turn > 0 => {
                return Err(format!("{} handles were ready and did not run", self.of_turn));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, callback, complains, readable};
    use super::*;
    use crate::observe::What;

    #[test]
    fn a_handle_runs_in_the_turn_after_the_one_in_which_it_was_queued() {
        let first = || Script::default().queued(1, callback()).turn(1).collected(1);
        let queues = || first().run(1, callback()).queued(2, callback()).ran(1);
        let good = queues().turn_ended().turn(2).collected(1).run(2, callback());
        assert_eq!(good.verdict(TurnFairness::default()), Ok(()));
        complains(
            queues().run(2, callback()).verdict(TurnFairness::default()),
            "handle#2 runs in the turn in which it was queued",
        );
    }

    #[test]
    fn a_timer_that_is_due_at_the_poll_is_collected_in_that_turn() {
        let armed = || Script::default().armed(1, 10).at(10).turn(1);
        let good = armed().due(1).queued(1, What::Wake).collected(1);
        assert_eq!(good.verdict(TurnFairness::default()), Ok(()));
        complains(armed().collected(0).verdict(TurnFairness::default()), "was due when the turn");
    }

    #[test]
    fn a_timer_that_becomes_due_while_handles_run_waits_for_the_next_poll() {
        let armed = Script::default().queued(1, callback()).turn(1).collected(1).armed(1, 10);
        let skips = armed.at(20).says(Record::Turn { turn: 2 }).says(Record::PollSkipped);
        assert_eq!(skips.collected(0).verdict(TurnFairness::default()), Ok(()));
    }

    #[test]
    fn every_event_is_collected_in_its_turn_and_in_its_order() {
        let told = || Script::default().selected(&[readable(3, 0), readable(4, 0)]).turn(1);
        let good = told().event(3, 0).event(4, 0).collected(0);
        assert_eq!(good.verdict(TurnFairness::default()), Ok(()));
        complains(told().event(3, 0).collected(0).verdict(TurnFairness::default()), "Token(4#0)");
        complains(told().event(4, 0).verdict(TurnFairness::default()), "before one of Token(3#0)");
    }

    #[test]
    fn a_turn_that_leaves_a_ready_handle_is_a_violation() {
        let two = || {
            let queued = Script::default().queued(1, callback()).queued(2, callback());
            queued.turn(1).collected(2).run(1, callback()).ran(1)
        };
        let good = two().skipped(2).turn_ended();
        assert_eq!(good.verdict(Starvation::default()), Ok(()));
        complains(two().turn_ended().verdict(Starvation::default()), "1 handles were ready");
    }

    #[test]
    fn a_turn_that_does_not_count_a_queued_handle_is_a_violation() {
        let bad = Script::default().queued(1, callback()).turn(1).collected(0);
        complains(bad.verdict(Starvation::default()), "1 handles are queued, and the turn has 0");
    }

    fn handles(mut script: Script, count: u64) -> Script {
        for handle in 1..=count {
            script = script.queued(handle, callback()).collected(1).run(handle, callback());
        }
        script
    }

    #[test]
    fn turns_do_without_a_poll_for_64_handles_at_most() {
        let after = |count| handles(Script::default().turn(1), count).says(Record::PollSkipped);
        assert_eq!(after(63).verdict(Starvation::default()), Ok(()));
        complains(after(64).verdict(Starvation::default()), "no poll after 64 handles");
    }

    #[test]
    fn turns_do_without_a_poll_for_50_microseconds_and_8_handles_at_most() {
        let after =
            |count| handles(Script::default().turn(1).at(50_000), count).says(Record::PollSkipped);
        assert_eq!(after(8).verdict(Starvation::default()), Ok(()));
        complains(after(9).verdict(Starvation::default()), "9 handles and 50 µs");
    }
}
