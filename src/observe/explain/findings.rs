//! What deserves a look, beyond what happened: limits, and who crosses them.

use std::time::Duration;

use super::sentence::{Finding, TimerName, Who};

/// A turn whose handles run for longer delays everybody (asyncio's `slow_callback_duration`).
const SLOW_TURN: Duration = Duration::from_millis(100);

/// A timer that is later than this is worth a word; below, it is the machine's noise.
const LATE_TIMER: Duration = Duration::from_millis(5);

/// Somebody who queues himself in so many turns in a row keeps the loop from ever waiting. Told
/// again at ten times as many, and so on.
const RESTLESS_TURNS: u64 = 100;

/// More who queue themselves than this are not followed.
const MOST_RESTLESS: usize = 16;

/// What is remembered from one turn to the next.
#[derive(Default)]
pub(super) struct Findings {
    slowest: Option<(Who, Duration)>,
    last_turn: Option<(u64, Duration)>,
    /// Who queued himself in this turn; who did in the turns before it, and in how many.
    restless_now: Vec<Who>,
    restless: Vec<(Who, u64)>,
    said_nothing_can_wake: bool,
}

impl Findings {
    pub(super) fn ran(&mut self, who: &Who, took: Duration) {
        if self.slowest.as_ref().is_none_or(|(_, most)| took > *most) {
            self.slowest = Some((who.clone(), took));
        }
    }

    pub(super) fn queued_by_itself(&mut self, who: &Who) {
        if self.restless_now.len() < MOST_RESTLESS && !self.restless_now.contains(who) {
            self.restless_now.push(who.clone());
        }
    }

    pub(super) fn late(&self, timer: TimerName, late: Duration) -> Option<Finding> {
        let after = self.last_turn.filter(|(_, took)| *took * 2 >= late);
        (late > LATE_TIMER).then_some(Finding::LateTimer { timer, late, after })
    }

    /// The turn is over: its handles ran for `took`, and `queued` were queued at its end.
    pub(super) fn turn_ended(&mut self, turn: u64, took: Duration, queued: usize) -> Vec<Finding> {
        let mut found = Vec::new();
        self.last_turn = Some((turn, took));
        if let Some((slowest, of_it)) = self.slowest.take() {
            if took >= SLOW_TURN {
                found.push(Finding::SlowTurn { turn, took, slowest, of_it, behind: queued });
            }
        }
        let before = std::mem::take(&mut self.restless);
        for who in std::mem::take(&mut self.restless_now) {
            let streak = before.iter().find(|(other, _)| *other == who).map_or(0, |(_, n)| *n) + 1;
            if is_worth_telling(streak) {
                found.push(Finding::WakesItself { who: who.clone(), turns: streak });
            }
            self.restless.push((who, streak));
        }
        found
    }

    /// The loop goes to sleep with nothing of its own to wake it; told once.
    pub(super) fn nothing_can_wake(&mut self, pending: usize) -> Option<Finding> {
        let news = !std::mem::replace(&mut self.said_nothing_can_wake, true);
        news.then_some(Finding::NothingCanWake { pending })
    }
}

fn is_worth_telling(streak: u64) -> bool {
    let mut mark = RESTLESS_TURNS;
    while mark < streak {
        mark = mark.saturating_mul(10);
    }
    mark == streak
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restless_turns(turns: u64) -> Vec<u64> {
        let mut findings = Findings::default();
        let mut told = Vec::new();
        for turn in 1..=turns {
            findings.queued_by_itself(&Who::RemoteCall);
            for finding in findings.turn_ended(turn, Duration::ZERO, 1) {
                if let Finding::WakesItself { turns, .. } = finding {
                    told.push(turns);
                }
            }
        }
        told
    }

    #[test]
    fn who_queues_himself_without_end_is_told_at_each_power_of_ten() {
        assert_eq!(restless_turns(20_000), [100, 1_000, 10_000]);
    }

    #[test]
    fn one_turn_of_rest_begins_the_count_anew() {
        let mut findings = Findings::default();
        for turn in 1..=150 {
            if turn != 75 {
                findings.queued_by_itself(&Who::RemoteCall);
            }
            assert!(findings.turn_ended(turn, Duration::ZERO, 1).is_empty());
        }
    }

    #[test]
    fn a_turn_of_many_short_handles_is_slow_when_their_sum_is() {
        let mut findings = Findings::default();
        findings.ran(&Who::Reader(7), Duration::from_millis(20));
        findings.ran(&Who::Reader(8), Duration::from_millis(30));
        let found = findings.turn_ended(1, SLOW_TURN, 3);
        let slowest = Who::Reader(8);
        let of_it = Duration::from_millis(30);
        assert_eq!(
            found,
            [Finding::SlowTurn { turn: 1, took: SLOW_TURN, slowest, of_it, behind: 3 }]
        );
        assert!(findings.turn_ended(2, SLOW_TURN - Duration::from_nanos(1), 0).is_empty());
    }
}
