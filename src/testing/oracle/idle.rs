//! O9 and O10: the loop wakes when there is something to do, and only then.

use super::Oracle;
use crate::observe::{Record, WaitReason, What};
use crate::sys::Time;
use crate::testing::journal::{Act, Entry, Step};
use crate::testing::schedule::Site;

/// What a turn's wait was, and whether anything but the loop's own doing explains its end.
#[derive(Default)]
struct Wake {
    why: Option<WaitReason>,
    explained: bool,
    /// It brought events.
    events: bool,
}

impl Wake {
    fn on(&mut self, step: &Step) {
        match step {
            Step::Loop(Record::Turn { .. }) => *self = Wake::default(),
            Step::Loop(Record::Poll { timeout, why }) => {
                let cut = timeout.is_some_and(|timeout| timeout.as_secs() >= 24 * 3600);
                *self = Wake { why: Some(*why), explained: cut, events: false };
            }
            Step::Loop(Record::Stop) => self.explained = true,
            Step::Kernel(Act::Selected { events, rung }) => {
                self.events = !events.is_empty();
                self.explained |= *rung || self.events;
            }
            Step::Kernel(Act::Fault { site: Site::Select, .. } | Act::Thread | Act::Rung) => {
                self.explained = true;
            }
            _ => {}
        }
    }

    /// Whether the wait was one that ends for a reason, and none is to be seen.
    fn is_unexplained(&self) -> bool {
        let waits = matches!(self.why, Some(WaitReason::Timer(_) | WaitReason::Forever));
        waits && !self.explained
    }
}

/// The oracle `unattributed-wakeup`: a wait ends for an event, a timer, the bell or a fault.
#[derive(Default)]
pub(super) struct UnattributedWakeup(Wake);

impl Oracle for UnattributedWakeup {
    fn name(&self) -> &'static str {
        "unattributed-wakeup"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        self.0.on(&entry.step);
        match (&entry.step, self.0.why) {
            (Step::Loop(Record::Collected { ready: 0 }), Some(why)) if self.0.is_unexplained() => {
                Err(format!("a wait ({why:?}) ended, and there was nothing to do"))
            }
            _ => Ok(()),
        }
    }
}

/// So many turns without a handle, at one time, are no accident.
const EMPTY_TURNS: u32 = 3;

/// So many turns of events that nobody is told of, or whose watchers find nothing: more than any schedule plays faults in a row.
const VAIN_TURNS: u32 = 64;

/// The oracle `busy-loop`: turns do something, or time passes.
#[derive(Default)]
pub(super) struct BusyLoop {
    wake: Wake,
    at: Time,
    ready: usize,
    empty: u32,
    vain: u32,
    /// Something came of this turn.
    fruit: bool,
}

impl BusyLoop {
    fn turn_ended(&mut self, now: Time) -> Result<(), String> {
        let stands = now == self.at;
        self.at = now;
        let is_empty = stands && self.ready == 0;
        // Whoever drives the loop turn by turn, or rings, may do so as often as he likes.
        let host = self.wake.explained || self.wake.why == Some(WaitReason::Limit);
        self.empty = if is_empty && !host { self.empty + 1 } else { 0 };
        let asked = self.ready > 0 || self.wake.events;
        self.vain = if stands && asked && !self.fruit { self.vain + 1 } else { 0 };
        if self.empty > EMPTY_TURNS {
            return Err(format!("{} turns in a row had nothing to do, at one time", self.empty));
        }
        match self.vain > VAIN_TURNS {
            true => Err(format!("nothing came of the events of {} turns, at one time", self.vain)),
            false => Ok(()),
        }
    }

    /// Whether anything comes of `step`.
    fn bears_fruit(step: &Step) -> bool {
        match step {
            Step::Loop(Record::Run { what, .. }) => {
                !matches!(what, What::Reader { .. } | What::Writer { .. })
            }
            Step::Loop(Record::Ran { .. } | Record::TurnEnded | Record::Received { .. }) => false,
            Step::Loop(Record::Sent { sent, .. }) => *sent > 0,
            Step::Kernel(Act::Recv { got, .. }) => got.is_ok(),
            Step::Kernel(Act::Send { took, .. }) => took.is_ok(),
            Step::Kernel(Act::Accept { got, .. }) => got.is_ok(),
            _ => true,
        }
    }
}

impl Oracle for BusyLoop {
    fn name(&self) -> &'static str {
        "busy-loop"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        self.wake.on(&entry.step);
        match &entry.step {
            Step::Loop(Record::Collected { ready }) => {
                (self.ready, self.fruit) = (*ready, false);
            }
            Step::Loop(Record::TurnEnded) => return self.turn_ended(entry.at),
            step => self.fruit |= BusyLoop::bears_fruit(step),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::script::{Script, complains, readable};
    use super::*;
    use crate::observe::TimerId;

    fn waits(script: Script) -> Script {
        let timeout = Some(Duration::from_nanos(10));
        let why = WaitReason::Timer(TimerId(1));
        script.says(Record::Turn { turn: 1 }).says(Record::Poll { timeout, why })
    }

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(UnattributedWakeup::default())
    }

    #[test]
    fn a_wait_that_ends_with_something_to_do_is_explained_by_that() {
        assert_eq!(verdict(waits(Script::default()).selected(&[]).collected(1)), Ok(()));
    }

    #[test]
    fn a_wait_that_ends_for_an_event_the_bell_or_a_fault_needs_nothing_to_do() {
        let fault = crate::testing::Fault::Eintr;
        let acts = [
            Act::Selected { events: [readable(3, 0)].into(), rung: false },
            Act::Selected { events: [].into(), rung: true },
            Act::Fault { site: Site::Select, nth: 0, fault },
            Act::Thread,
        ];
        for act in acts {
            assert_eq!(verdict(waits(Script::default()).does(act).collected(0)), Ok(()));
        }
    }

    #[test]
    fn a_wait_that_ends_for_nothing_is_a_violation() {
        let bad = waits(Script::default()).selected(&[]).collected(0);
        complains(verdict(bad), "a wait (Timer(timer#1)) ended, and there was nothing to do");
    }

    #[test]
    fn a_look_without_a_wait_may_find_nothing() {
        assert_eq!(verdict(Script::default().turn(1).selected(&[]).collected(0)), Ok(()));
    }

    fn empty_turns(count: u64, apart: u64) -> Script {
        (0..count).fold(Script::default(), |script, turn| {
            waits(script.at(turn * apart)).selected(&[]).collected(0).turn_ended()
        })
    }

    #[test]
    fn turns_with_nothing_to_do_at_one_time_are_a_violation() {
        assert_eq!(empty_turns(3, 0).verdict(BusyLoop::default()), Ok(()));
        assert_eq!(empty_turns(9, 1).verdict(BusyLoop::default()), Ok(()));
        complains(empty_turns(9, 0).verdict(BusyLoop::default()), "nothing to do, at one time");
    }

    #[test]
    fn a_watcher_that_finds_nothing_again_and_again_is_a_violation() {
        let watcher = What::Reader { fd: 3 };
        let turns = |act: Option<Act>| {
            (1..100).fold(Script::default(), |script, turn| {
                let runs = script.turn(turn).collected(1).run(turn, watcher);
                let acts = act.clone().into_iter().fold(runs, Script::does);
                acts.ran(turn).turn_ended()
            })
        };
        let recv = |got| Some(Act::Recv { fd: 3, asked: 9, got, eof: false, left: 0 });
        assert_eq!(turns(recv(Ok(1))).verdict(BusyLoop::default()), Ok(()));
        complains(turns(None).verdict(BusyLoop::default()), "nothing came of the events");
        let again = turns(recv(Err(libc::EAGAIN)));
        complains(again.verdict(BusyLoop::default()), "nothing came of the events");
    }
}
