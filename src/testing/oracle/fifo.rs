//! O3: handles run in the order they were queued in.
//!
//! Where the schedule picks among the ready handles, what it picked is in the timeline, and the
//! order expected is that of a queue from which just this one was taken.

use std::collections::VecDeque;

use super::Oracle;
use crate::observe::{HandleId, Record};
use crate::testing::journal::{Act, Choice, Entry, Step};

/// The oracle `fifo`.
#[derive(Default)]
pub(super) struct Fifo {
    queue: VecDeque<HandleId>,
    picked: usize,
}

impl Fifo {
    fn runs(&mut self, handle: HandleId) -> Result<(), String> {
        let picked = std::mem::take(&mut self.picked);
        match self.queue.remove(picked) {
            Some(expected) if expected == handle => Ok(()),
            Some(expected) => Err(format!("{handle:?} runs before {expected:?}, which is first")),
            None => Err(format!("{handle:?} runs and was not queued")),
        }
    }
}

impl Oracle for Fifo {
    fn name(&self) -> &'static str {
        "fifo"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Loop(Record::Queued { handle, .. }) => self.queue.push_back(*handle),
            Step::Loop(Record::Run { handle, .. } | Record::Skipped { handle }) => {
                return self.runs(*handle);
            }
            Step::Kernel(Act::Picked { what: Choice::Handle, chosen, .. }) => self.picked = *chosen,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, callback, complains};
    use super::*;

    fn two_queued() -> Script {
        Script::default().queued(1, callback()).queued(2, callback()).turn(1).collected(2)
    }

    #[test]
    fn the_order_of_the_queue_is_in_order_also_with_one_passed_over() {
        let good = two_queued().skipped(1).run(2, callback()).ran(2);
        assert_eq!(good.verdict(Fifo::default()), Ok(()));
    }

    #[test]
    fn a_handle_that_overtakes_is_a_violation() {
        complains(two_queued().run(2, callback()).verdict(Fifo::default()), "before handle#1");
    }

    #[test]
    fn a_handle_that_runs_twice_is_a_violation() {
        let twice = Script::default().queued(1, callback()).run(1, callback()).run(1, callback());
        complains(twice.verdict(Fifo::default()), "was not queued");
    }

    #[test]
    fn a_handle_that_the_schedule_picked_may_overtake_and_no_other() {
        let pick = Act::Picked { decision: 0, what: Choice::Handle, among: 2, chosen: 1 };
        let good = two_queued().does(pick.clone()).run(2, callback()).ran(2).run(1, callback());
        assert_eq!(good.verdict(Fifo::default()), Ok(()));
        complains(two_queued().does(pick).run(1, callback()).verdict(Fifo::default()), "handle#2");
    }
}
