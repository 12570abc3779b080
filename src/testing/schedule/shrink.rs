//! Shrinking a schedule towards first come, first served, without faults.
//!
//! Every schedule that is proposed is simpler than the best one so far, in the order of
//! [`Cost`](super::order::Cost); only a proposal that fails becomes the best; so shrinking ends.
//!
//! 1. No picks and no faults; no faults; no picks.
//! 2. Without half of the picks, a quarter, …, without one; then the faults in the same way.
//! 3. Parameters of faults and choices: the smallest first.
//! 4. Picks and faults at earlier decisions and calls.
//! 5. Again from 2, as long as something changed.
//! 6. A search through all schedules with fewer picks than are left. It is needed because to take a
//!    pick away shifts all later decisions: two picks are often a local minimum where one would do.
//!    If it finds one: again from 2.

use std::mem;

use super::{Schedule, Search};

/// A schedule that fails, and the next simpler one to try.
#[derive(Debug)]
pub(crate) struct Shrinker {
    best: Schedule,
    stage: Stage,
    /// Something was accepted since the last beginning of stage 2.
    changed: bool,
    /// How many schedules searches may still try.
    budget: u64,
    /// The last run, if somebody told of it.
    among: Option<Vec<u8>>,
    /// What a search assumes of runs that nobody tells of: the decisions and choices of the
    /// schedule with which shrinking began.
    guess: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    /// Without picks (bit 0) and faults (bit 1).
    Clear(u8),
    Drop(Part, Chunk),
    /// The milder forms of the fault, or the choices of the pick, with that index.
    Weaken(Part, Place),
    /// Earlier places of it.
    Move(Part, Place),
    SearchBegins(Search),
    Searches(Search),
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Picks,
    Faults,
}

/// So many entries, from that one on.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    size: usize,
    from: usize,
}

/// That entry, and which of its alternatives.
#[derive(Clone, Copy, Default, Debug)]
struct Place {
    entry: usize,
    alternative: usize,
}

impl Shrinker {
    /// Of a schedule that fails; searches try at most `budget` schedules.
    pub(crate) fn new(best: Schedule, budget: u64) -> Shrinker {
        let decisions = best.picks.keys().max().map_or(0, |last| *last as usize + 1);
        let most = best.picks.values().max().map_or(1, |choice| (*choice).clamp(1, 3));
        let guess = vec![most + 1; decisions.min(1000)];
        Shrinker { best, stage: Stage::Clear(3), changed: false, budget, among: None, guess }
    }

    /// The simplest that fails, so far.
    pub(crate) fn best(&self) -> &Schedule {
        &self.best
    }

    /// The schedule to try next, simpler than the best; `None` if nothing is left to try. Say of
    /// each, before the next, whether it failed: [`accept`](Shrinker::accept) if so.
    pub(crate) fn next(&mut self) -> Option<Schedule> {
        loop {
            match self.propose() {
                Some(simpler) if simpler.cost() < self.best.cost() => return Some(simpler),
                Some(_) => self.reject(),
                None if matches!(self.stage, Stage::Over) => return None,
                None => self.advance(),
            }
        }
    }

    /// Tells what the run of the schedule that was proposed last chose between.
    pub(crate) fn ran(&mut self, among: Vec<u8>) {
        self.among = Some(among);
    }

    /// The schedule that was proposed last fails: it is the best now.
    pub(crate) fn accept(&mut self, simpler: Schedule) {
        self.best = simpler;
        self.changed = true;
        self.among = None;
        match &mut self.stage {
            Stage::Weaken(_, place) => *place = Place { entry: place.entry + 1, alternative: 0 },
            Stage::Move(_, place) => place.alternative = 0,
            // The entries behind the chunk have moved up.
            Stage::Drop(..) | Stage::Over => {}
            Stage::Clear(_) | Stage::SearchBegins(_) | Stage::Searches(_) => self.advance(),
        }
    }

    /// The schedule that was proposed last does not fail.
    pub(crate) fn reject(&mut self) {
        let among = self.among.take();
        match &mut self.stage {
            Stage::Clear(parts) if *parts > 1 => *parts -= 1,
            Stage::Drop(_, chunk) => chunk.from += chunk.size,
            Stage::Weaken(_, place) | Stage::Move(_, place) => place.alternative += 1,
            Stage::Clear(_) => self.advance(),
            Stage::SearchBegins(_) => {
                let stage = mem::replace(&mut self.stage, Stage::Over);
                if let Stage::SearchBegins(mut search) = stage {
                    search.ran(among.as_deref());
                    self.stage = Stage::Searches(search);
                }
            }
            Stage::Searches(search) => search.ran(among.as_deref()),
            Stage::Over => {}
        }
    }

    fn propose(&mut self) -> Option<Schedule> {
        let mut simpler = self.best.clone();
        match &mut self.stage {
            Stage::Clear(parts) => {
                if *parts & 1 != 0 {
                    simpler.picks.clear();
                }
                if *parts & 2 != 0 {
                    simpler.faults.clear();
                }
            }
            Stage::Drop(part, chunk) => simpler.drop_chunk(*part, chunk)?,
            Stage::Weaken(part, place) => simpler.weaken(*part, place)?,
            Stage::Move(part, place) => simpler.bring_forward(*part, place)?,
            Stage::SearchBegins(search) => return Some(search.first()),
            Stage::Searches(search) => {
                self.budget = self.budget.checked_sub(1)?;
                return search.next();
            }
            Stage::Over => return None,
        }
        Some(simpler)
    }

    /// To the stage after this.
    fn advance(&mut self) {
        let first = Place::default();
        self.stage = match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Clear(_) => self.begin_again(),
            Stage::Drop(Part::Picks, _) => self.drop_of(Part::Faults),
            Stage::Drop(Part::Faults, _) => Stage::Weaken(Part::Faults, first),
            Stage::Weaken(Part::Faults, _) => Stage::Weaken(Part::Picks, first),
            Stage::Weaken(Part::Picks, _) => Stage::Move(Part::Faults, first),
            Stage::Move(Part::Faults, _) => Stage::Move(Part::Picks, first),
            Stage::Move(Part::Picks, _) if self.changed => self.begin_again(),
            Stage::Move(Part::Picks, _) => self.search(),
            Stage::SearchBegins(_) | Stage::Searches(_) if self.changed => self.begin_again(),
            Stage::SearchBegins(_) | Stage::Searches(_) | Stage::Over => Stage::Over,
        }
    }

    fn begin_again(&mut self) -> Stage {
        self.changed = false;
        self.drop_of(Part::Picks)
    }

    fn drop_of(&self, part: Part) -> Stage {
        let entries = match part {
            Part::Picks => self.best.picks.len(),
            Part::Faults => self.best.faults.len(),
        };
        Stage::Drop(part, Chunk { size: entries.div_ceil(2), from: 0 })
    }

    fn search(&self) -> Stage {
        match self.best.picks.len() {
            0 | 1 => Stage::Over,
            picks => {
                let bound = (picks - 1).min(MOST_PICKS);
                let base = self.best.clone();
                Stage::SearchBegins(Search::new(base, bound, self.budget, &self.guess))
            }
        }
    }
}

/// Three picks among a hundred decisions are 160 000 schedules: further no search goes.
const MOST_PICKS: usize = 2;

impl Schedule {
    /// Without the chunk; `None` if all chunks down to single entries were tried.
    fn drop_chunk(&mut self, part: Part, chunk: &mut Chunk) -> Option<()> {
        let entries = match part {
            Part::Picks => self.picks.len(),
            Part::Faults => self.faults.len(),
        };
        if chunk.from >= entries {
            *chunk = Chunk { size: chunk.size.min(entries), from: 0 };
            chunk.size = if chunk.size > 1 { chunk.size.div_ceil(2) } else { return None };
        }
        let dropped = chunk.from..chunk.from + chunk.size;
        let mut entry = 0..;
        let mut kept = || !dropped.contains(&entry.next().unwrap_or_default());
        match part {
            Part::Picks => self.picks.retain(|_, _| kept()),
            Part::Faults => self.faults.retain(|_, _| kept()),
        }
        Some(())
    }

    /// With a smaller choice or parameter; `None` if none is left.
    fn weaken(&mut self, part: Part, place: &mut Place) -> Option<()> {
        loop {
            let weaker = match part {
                Part::Picks => {
                    let choice = self.picks.values_mut().nth(place.entry)?;
                    let weaker = smaller_choices(*choice).nth(place.alternative);
                    weaker.map(|weaker| *choice = weaker)
                }
                Part::Faults => {
                    let fault = self.faults.values_mut().nth(place.entry)?;
                    let weaker = fault.milder().into_iter().nth(place.alternative);
                    weaker.map(|weaker| *fault = weaker)
                }
            };
            if weaker.is_some() {
                return weaker;
            }
            *place = Place { entry: place.entry + 1, alternative: 0 };
        }
    }

    /// With an entry at an earlier place that is free; `None` if none is left.
    fn bring_forward(&mut self, part: Part, place: &mut Place) -> Option<()> {
        loop {
            let moved = match part {
                Part::Picks => {
                    let (&at, &choice) = self.picks.iter().nth(place.entry)?;
                    earlier(at, place.alternative).map(|earlier| {
                        self.picks.remove(&at);
                        self.picks.entry(earlier).or_insert(choice);
                    })
                }
                Part::Faults => {
                    let (&(site, at), &fault) = self.faults.iter().nth(place.entry)?;
                    earlier(at, place.alternative).map(|earlier| {
                        self.faults.remove(&(site, at));
                        self.faults.entry((site, earlier)).or_insert(fault);
                    })
                }
            };
            if moved.is_some() {
                return moved;
            }
            *place = Place { entry: place.entry + 1, alternative: 0 };
        }
    }
}

fn smaller_choices(choice: u8) -> impl Iterator<Item = u8> {
    [1, 2, 3, choice / 2].into_iter().filter(move |smaller| (1..choice).contains(smaller))
}

fn earlier(at: u32, alternative: usize) -> Option<u32> {
    let places = [0, at / 2, at.saturating_sub(1)];
    places.into_iter().filter(|earlier| *earlier < at).nth(alternative)
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, FaultKind, Mode, Rng, ScheduleParams, Site};
    use super::*;

    /// Shrinks `schedule` by a test that fails if `fails` says so; how many it tried.
    fn shrink(schedule: Schedule, fails: impl Fn(&Schedule) -> bool) -> (Schedule, u64) {
        let mut shrinker = Shrinker::new(schedule, 20_000);
        let mut tried = 0;
        while let Some(simpler) = shrinker.next() {
            tried += 1;
            assert!(simpler.cost() < shrinker.best().cost(), "{simpler} is not simpler");
            if fails(&simpler) { shrinker.accept(simpler) } else { shrinker.reject() }
        }
        (shrinker.best().clone(), tried)
    }

    /// Every drawn schedule that fails, shrunk.
    fn shrunk(fails: impl Fn(&Schedule) -> bool + Copy) -> Vec<String> {
        let kinds = FaultKind::ALL;
        let params = ScheduleParams { mode: Mode::Chaos, kinds, ..ScheduleParams::default() };
        let drawn = (0..3000).map(|case| params.draw(&mut Rng::of_case(3, case)));
        let found: Vec<_> = drawn.filter(|schedule| fails(schedule)).collect();
        assert!(found.len() > 3, "only {} schedules fail", found.len());
        found.into_iter().map(|schedule| shrink(schedule, fails).0.to_string()).collect()
    }

    fn picks(schedule: &Schedule, decision: u32) -> u8 {
        schedule.picks.get(&decision).copied().unwrap_or(0)
    }

    #[test]
    fn what_fails_always_shrinks_to_nothing_at_once() {
        let line = "chaos; pick 1:2 3:4; recv#2 short=7";
        assert_eq!(shrink(line.parse().unwrap(), |_| true).0.to_string(), "chaos");
        assert_eq!(shrink(line.parse().unwrap(), |_| true).1, 1);
    }

    #[test]
    fn a_bug_of_one_pick_shrinks_to_that_pick() {
        assert!(shrunk(|s| picks(s, 7) != 0).iter().all(|line| line == "chaos; pick 7:1"));
        assert!(shrunk(|s| picks(s, 7) % 3 == 2).iter().all(|line| line == "chaos; pick 7:2"));
    }

    #[test]
    fn a_bug_of_two_picks_shrinks_to_those_two() {
        let lines = shrunk(|s| picks(s, 3) != 0 && picks(s, 9) != 0);
        assert!(lines.iter().all(|line| line == "chaos; pick 3:1 9:1"), "{lines:?}");
    }

    #[test]
    fn a_bug_that_one_pick_brings_about_shrinks_to_it_from_two_that_do_as_well() {
        // The one pick cannot be had from the two by leaving out or moving forward.
        let fails = |s: &Schedule| picks(s, 25) == 1 || (picks(s, 0) != 0 && picks(s, 1) != 0);
        let line = "legal; pick 0:1 1:1 30:1";
        assert_eq!(shrink(line.parse().unwrap(), fails).0.to_string(), "legal; pick 25:1");
    }

    #[test]
    fn a_bug_of_one_fault_shrinks_to_it_with_its_mildest_parameter() {
        let eintr = |s: &Schedule| s.faults.get(&(Site::Select, 4)) == Some(&Fault::Eintr);
        assert!(shrunk(eintr).iter().all(|line| line == "chaos; select#4 eintr"));
        let jump = |s: &Schedule| {
            let mut faults = s.faults.iter();
            faults.any(|(_, fault)| matches!(fault, Fault::Jump(by) if by.as_millis() > 50))
        };
        assert!(shrunk(jump).iter().all(|line| line == "chaos; select#0 jump=100ms"));
    }

    #[test]
    fn a_dense_schedule_of_a_one_pick_bug_shrinks_within_a_hundred_runs() {
        let dense = (0..64).map(|decision| (decision, 1)).collect();
        let dense = Schedule { picks: dense, ..Schedule::default() };
        let (least, tried) = shrink(dense, |s| picks(s, 37) != 0);
        assert_eq!(least.to_string(), "legal; pick 37:1");
        assert!(tried < 100, "{tried}");
    }

    #[test]
    fn shrinking_ends_whatever_a_test_says() {
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let params = ScheduleParams { kinds: FaultKind::ALL, ..ScheduleParams::default() };
            let mut shrinker = Shrinker::new(params.draw(&mut rng), 500);
            let percent = rng.below(100);
            let mut tried = 0;
            while let Some(simpler) = shrinker.next() {
                tried += 1;
                assert!(tried < 20_000);
                assert!(simpler.cost() < shrinker.best().cost());
                if rng.chance(percent) { shrinker.accept(simpler) } else { shrinker.reject() }
            }
            assert!(shrinker.next().is_none());
        }
    }
}
