//! Whether the peer is still there: when to ask, and when to give up.

use std::time::Duration;

use crate::sys::Time;

/// A heartbeat. Time is an argument.
///
/// ```text
///         quiet for `interval`: Ask
///  Quiet ────────────────────────────► Asked ── nothing for `patience` ──► Dead
///    ▲                                   │
///    └────────── anything heard ─────────┘
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    patience: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is due. The last byte was heard then.
    Quiet(Time),
    /// It was asked then, and has not said anything since.
    Asked(Time),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Look again after so long.
    Wait(Duration),
    /// Ping, and look again after so long.
    Ask(Duration),
    /// Give up: it was asked, and said nothing.
    Dead,
}

impl Heartbeat {
    pub fn new(interval: Duration, patience: Option<Duration>, now: Time) -> Heartbeat {
        let patience = patience.unwrap_or(interval / 2);
        Heartbeat { interval, patience, state: State::Quiet(now) }
    }

    /// How long an answer may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Something came.
    pub fn heard(&mut self, now: Time) {
        self.state = State::Quiet(now);
    }

    /// What to do now.
    pub fn beat(&mut self, now: Time) -> Beat {
        let (since, most) = match self.state {
            State::Quiet(since) => (since, self.interval),
            State::Asked(since) => (since, self.patience),
        };
        let left = most.saturating_sub(now.since(since));
        match self.state {
            _ if !left.is_zero() => Beat::Wait(left),
            State::Asked(_) => Beat::Dead,
            State::Quiet(_) => {
                self.state = State::Asked(now);
                Beat::Ask(self.patience)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_quiet_peer_is_asked_and_one_that_stays_quiet_is_dead() {
        let mut heartbeat = Heartbeat::new(seconds(10), Some(seconds(4)), at(0));
        assert_eq!(heartbeat.beat(at(3)), Beat::Wait(seconds(7)));
        assert_eq!(heartbeat.beat(at(10)), Beat::Ask(seconds(4)));
        assert_eq!(heartbeat.beat(at(12)), Beat::Wait(seconds(2)));
        assert_eq!(heartbeat.beat(at(14)), Beat::Dead);
    }

    #[test]
    fn whatever_is_heard_is_an_answer_even_in_the_instant_of_the_question() {
        let mut heartbeat = Heartbeat::new(seconds(10), None, at(0));
        assert_eq!(heartbeat.beat(at(10)), Beat::Ask(seconds(5)));
        heartbeat.heard(at(10));
        assert_eq!(heartbeat.beat(at(15)), Beat::Wait(seconds(5)));
        assert_eq!(heartbeat.beat(at(20)), Beat::Ask(seconds(5)));
        heartbeat.heard(at(24));
        assert_eq!(heartbeat.beat(at(25)), Beat::Wait(seconds(9)));
    }
}
