//! All schedules with few picks, one after the other.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Schedule;

/// Goes through all schedules that deviate from `base` by at most `bound` picks: none, then one,
/// then two. So the first that fails has the fewest picks that make the program fail.
///
/// After each schedule it wants to be told what that run chose between ([`Search::ran`]): a pick
/// changes all later decisions, so which schedules with one pick more there are is known only from
/// the run without it.
#[derive(Debug)]
pub(crate) struct Search {
    base: Schedule,
    bound: usize,
    /// Schedules whose runs are known and whose successors are not yet given.
    parents: VecDeque<Parent>,
    given: Picks,
    /// What is assumed of a run that nobody told of.
    guess: Rc<[u8]>,
    left: u64,
}

type Picks = Vec<(u32, u8)>;

#[derive(Debug)]
struct Parent {
    picks: Picks,
    among: Rc<[u8]>,
    next: (usize, u8),
}

impl Search {
    /// At most `budget` schedules. A run that is not told of is taken to choose `guess.len()`
    /// times, between so many.
    pub(crate) fn new(mut base: Schedule, bound: usize, budget: u64, guess: &[u8]) -> Search {
        base.picks.clear();
        let guess = guess.into();
        Search { base, bound, parents: VecDeque::new(), given: Picks::new(), guess, left: budget }
    }

    /// The first: no picks.
    pub(crate) fn first(&self) -> Schedule {
        self.base.clone()
    }

    /// The run of the schedule given last chose between so many at each decision.
    pub(crate) fn ran(&mut self, among: Option<&[u8]>) {
        if self.given.len() < self.bound {
            let among = among.map_or_else(|| self.guess.clone(), Rc::from);
            let picks = std::mem::take(&mut self.given);
            let next = (picks.last().map_or(0, |(decision, _)| *decision as usize + 1), 1);
            self.parents.push_back(Parent { picks, among, next });
        }
    }

    /// The next; `None` if there are no more, or the budget is spent.
    pub(crate) fn next(&mut self) -> Option<Schedule> {
        self.left = self.left.checked_sub(1)?;
        while let Some(parent) = self.parents.front_mut() {
            let Some(pick) = parent.next_pick() else {
                self.parents.pop_front();
                continue;
            };
            self.given.clone_from(&parent.picks);
            self.given.push(pick);
            let picks = self.given.iter().copied().collect();
            return Some(Schedule { picks, ..self.base.clone() });
        }
        None
    }

    /// Whether every schedule was given.
    pub(crate) fn is_complete(&self) -> bool {
        self.parents.iter().all(|parent| parent.next.0 >= parent.among.len())
    }
}

impl Parent {
    fn next_pick(&mut self) -> Option<(u32, u8)> {
        let (decision, choice) = self.next;
        let among = *self.among.get(decision)?;
        self.next = if choice + 1 < among { (decision, choice + 1) } else { (decision + 1, 1) };
        Some((u32::try_from(decision).ok()?, choice))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What a search gives of a program with these decisions, whatever was picked.
    fn all(bound: usize, budget: u64, among: &[u8]) -> (Vec<Schedule>, bool) {
        let mut search = Search::new(Schedule::default(), bound, budget, &[]);
        let mut given = vec![search.first()];
        search.ran(Some(among));
        while let Some(schedule) = search.next() {
            given.push(schedule);
            search.ran(Some(among));
        }
        (given, search.is_complete())
    }

    #[test]
    fn every_schedule_within_the_bound_is_given_once_and_fewer_picks_come_first() {
        let among = [2, 3, 2, 4];
        let (given, complete) = all(2, 1000, &among);
        // One pick: 1 + 2 + 1 + 3. Two: 1·2 + 1·1 + 1·3 + 2·1 + 2·3 + 1·3.
        assert_eq!((given.len(), complete), (1 + 7 + 17, true));
        let different: BTreeSet<_> = given.iter().map(|s| s.picks.clone()).collect();
        assert_eq!(different.len(), given.len());
        assert!(given.windows(2).all(|two| two[0].picks.len() <= two[1].picks.len()));
        let (full, complete) = all(4, 10_000, &among);
        assert_eq!((full.len(), complete), (2 * 3 * 2 * 4, true));
    }

    #[test]
    fn a_search_whose_budget_is_spent_is_not_complete() {
        let (given, complete) = all(2, 10, &[2, 3, 2, 4]);
        assert_eq!((given.len(), complete), (11, false));
    }

    #[test]
    fn decisions_that_a_pick_brings_about_are_searched_and_those_it_ends_are_not() {
        // Without picks there is one decision; with it picked there are three.
        let mut search = Search::new(Schedule::default(), 2, 1000, &[]);
        search.ran(Some(&[2]));
        let mut lines = Vec::new();
        while let Some(schedule) = search.next() {
            search.ran(Some(if schedule.picks.contains_key(&0) { &[2, 2, 3] } else { &[2] }));
            lines.push(schedule.to_string());
        }
        assert_eq!(
            lines,
            [
                "legal; pick 0:1",
                "legal; pick 0:1 1:1",
                "legal; pick 0:1 2:1",
                "legal; pick 0:1 2:2"
            ]
        );
    }
}
