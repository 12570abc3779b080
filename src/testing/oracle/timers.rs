//! O4: no timer is early, all fire in the order of their deadlines and then of arming, once; and
//! no wait is longer, or of another length, than until the next that is armed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Oracle;
use crate::observe::{Record, TimerId, WaitReason, What};
use crate::sys::Time;
use crate::testing::journal::{Act, Entry, Step};

/// No wait is longer, as the loop's documentation has it.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// The oracle `timers`.
#[derive(Default)]
pub(super) struct Timers {
    armed: BTreeMap<TimerId, Time>,
    order: BTreeSet<(Time, TimerId)>,
    /// Was due just now; the handle that it queues is to follow.
    due: Option<TimerId>,
    closing: bool,
}

impl Timers {
    fn armed(&mut self, timer: TimerId, when: Time) -> Result<(), String> {
        self.order.insert((when, timer));
        match self.armed.insert(timer, when) {
            None => Ok(()),
            Some(_) => Err(format!("{timer:?} is armed twice")),
        }
    }

    fn disarmed(&mut self, timer: TimerId) -> Option<Time> {
        let when = self.armed.remove(&timer)?;
        self.order.remove(&(when, timer));
        Some(when)
    }

    fn due(&mut self, now: Time, timer: TimerId) -> Result<(), String> {
        let first = self.order.first().map(|(_, timer)| *timer);
        let Some(when) = self.disarmed(timer) else {
            return Err(format!("{timer:?} fires, and is not armed"));
        };
        if when > now {
            let early = when.since(now);
            return Err(format!("{timer:?} fires {early:?} before its deadline"));
        }
        self.due = Some(timer);
        match first {
            Some(first) if first != timer => {
                Err(format!("{timer:?} fires before {first:?}, whose turn it is"))
            }
            _ => Ok(()),
        }
    }

    /// A handle is queued: what a due timer queues, or what none may.
    fn queued(&mut self, what: What) -> Result<(), String> {
        let is_timers = matches!(what, What::Timer { .. } | What::Wake);
        match (self.due.take(), is_timers) {
            (None, true) => Err(format!("{what:?} is queued, and its timer is not due")),
            (Some(timer), false) => Err(format!("{timer:?} is due and queues {what:?}")),
            _ => Ok(()),
        }
    }

    fn until_next(&self, now: Time) -> Option<Duration> {
        self.order.first().map(|(when, _)| when.since(now).min(LONGEST_SLEEP))
    }

    /// The loop says how long it means to wait.
    fn polls(&self, now: Time, wait: Option<Duration>, why: WaitReason) -> Result<(), String> {
        self.waits(now, wait)?;
        let next = self.order.first().map(|(_, timer)| *timer);
        match why {
            WaitReason::Timer(timer) if Some(timer) != next => {
                Err(format!("a wait is until {timer:?}; the first is {next:?}"))
            }
            WaitReason::Timer(timer) if wait != self.until_next(now) => {
                let left = self.until_next(now);
                Err(format!("a wait until {timer:?} takes {wait:?}; it is due in {left:?}"))
            }
            _ => Ok(()),
        }
    }

    /// A wait, of the loop's or a selector's.
    fn waits(&self, now: Time, wait: Option<Duration>) -> Result<(), String> {
        let Some((left, (_, timer))) = self.until_next(now).zip(self.order.first()) else {
            return Ok(());
        };
        match wait {
            Some(wait) if wait <= left => Ok(()),
            Some(wait) => Err(format!("a wait of {wait:?}; {timer:?} is due in {left:?}")),
            None => Err(format!("a wait without end; {timer:?} is due in {left:?}")),
        }
    }
}

impl Oracle for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        let now = entry.at;
        match &entry.step {
            _ if self.closing => Ok(()),
            Step::Loop(record) => match *record {
                Record::TimerArmed { timer, when, .. } => self.armed(timer, when),
                Record::TimerCancelled { timer } => match self.disarmed(timer) {
                    Some(_) => Ok(()),
                    None => Err(format!("{timer:?} is cancelled, and is not armed")),
                },
                Record::TimerDue { timer, .. } => self.due(now, timer),
                Record::Queued { what, .. } => self.queued(what),
                Record::Poll { timeout, why } => self.polls(now, timeout, why),
                Record::Collected { .. } => match self.due {
                    Some(timer) => Err(format!("{timer:?} is due and queues nothing")),
                    None => Ok(()),
                },
                Record::Closing => {
                    self.closing = true;
                    Ok(())
                }
                _ => Ok(()),
            },
            Step::Kernel(Act::Select { timeout }) => self.waits(now, *timeout),
            Step::Kernel(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, callback, complains};
    use super::*;

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(Timers::default())
    }

    fn poll(nanos: Option<u64>, why: WaitReason) -> Record {
        Record::Poll { timeout: nanos.map(Duration::from_nanos), why }
    }

    #[test]
    fn timers_that_fire_by_deadline_and_then_by_arming_are_in_order() {
        let armed = Script::default().armed(1, 20).armed(2, 10).armed(3, 10);
        let waits = armed.says(poll(Some(10), WaitReason::Timer(TimerId(2))));
        let first = waits.at(10).due(2).queued(1, What::Wake).due(3).queued(2, What::Wake);
        let last = first.collected(2).at(30).due(1).queued(3, What::Wake).collected(1);
        assert_eq!(verdict(last), Ok(()));
    }

    #[test]
    fn a_timer_before_its_deadline_is_a_violation() {
        complains(verdict(Script::default().armed(1, 20).at(19).due(1)), "1ns before its deadline");
    }

    #[test]
    fn a_timer_before_one_that_was_armed_first_is_a_violation() {
        let bad = Script::default().armed(1, 10).armed(2, 10).at(10).due(2);
        complains(verdict(bad), "timer#2 fires before timer#1");
    }

    #[test]
    fn a_timer_that_was_cancelled_or_has_fired_does_not_fire() {
        let cancelled = Script::default()
            .armed(1, 10)
            .says(Record::TimerCancelled { timer: TimerId(1) })
            .at(10);
        complains(verdict(cancelled.due(1)), "is not armed");
        let fired = Script::default().armed(1, 10).at(10).due(1).queued(1, What::Wake);
        complains(verdict(fired.due(1)), "is not armed");
    }

    #[test]
    fn a_wait_beyond_the_next_deadline_is_a_violation_of_loop_and_selector() {
        let armed = || Script::default().armed(1, 10);
        let long = Some(Duration::from_nanos(11));
        complains(verdict(armed().does(Act::Select { timeout: long })), "timer#1 is due in 10ns");
        complains(verdict(armed().does(Act::Select { timeout: None })), "without end");
        complains(verdict(armed().says(poll(None, WaitReason::Forever))), "without end");
    }

    #[test]
    fn a_wait_that_ends_before_the_deadline_it_is_for_is_a_violation() {
        let short =
            Script::default().armed(1, 10).says(poll(Some(9), WaitReason::Timer(TimerId(1))));
        complains(verdict(short), "takes Some(9ns); it is due in Some(10ns)");
    }

    #[test]
    fn a_wait_for_a_timer_that_is_not_the_first_is_a_violation() {
        let armed = Script::default().armed(1, 10).armed(2, 10);
        let bad = armed.says(poll(Some(10), WaitReason::Timer(TimerId(2))));
        complains(verdict(bad), "the first is Some(timer#1)");
    }

    #[test]
    fn a_timers_handle_comes_from_a_timer_that_is_due_and_from_nothing_else() {
        let jumps = Script::default().armed(1, 10).queued(1, What::Wake);
        complains(verdict(jumps), "its timer is not due");
        let loses = Script::default().armed(1, 10).at(10).due(1).collected(0);
        complains(verdict(loses), "queues nothing");
        let other = Script::default().armed(1, 10).at(10).due(1).queued(1, callback());
        complains(verdict(other), "is due and queues");
    }
}
