//! Drawing schedules.
//!
//! The mixture is there because no one way of drawing finds everything: a bug that needs one late
//! deviation drowns among many, and one that needs half of all choices is never met by five. Of a
//! hundred schedules 15 deviate nowhere, 35 make one to five picks, 35 pick at every decision with
//! a probability of their own, 10 keep to a preference that changes at most `depth` times (as PCT
//! does), and 5 take the last each time. How far into the run picks and faults reach is drawn
//! first, small numbers oftener: else a short program would hardly see any. Faults are drawn by
//! swarm: each schedule allows a few kinds only, so that it also has runs of one kind alone.

use std::ops::Range;
use std::time::Duration;

use super::{Fault, FaultKind, Mode, Rng, Schedule, Site};

/// What schedules to draw.
#[derive(Clone, Debug)]
pub struct ScheduleParams {
    /// Which decisions may be picked.
    pub decisions: Range<u32>,
    /// How many faults there may be. (Some schedules have none, whatever this says.)
    pub faults: Range<usize>,
    /// Which calls of a site may have a fault.
    pub calls: Range<u32>,
    /// Of which kinds the faults may be.
    pub kinds: &'static [FaultKind],
    /// What picks may permute.
    pub mode: Mode,
    /// How often a standing preference changes, at most.
    pub depth: u8,
}

impl Default for ScheduleParams {
    /// Legal schedules, with at most five faults that a correct program does not notice
    /// ([`FaultKind::QUIET`]), all within the first 64 decisions and calls.
    fn default() -> Self {
        ScheduleParams {
            decisions: 0..64,
            faults: 0..6,
            calls: 0..64,
            kinds: FaultKind::QUIET,
            mode: Mode::Legal,
            depth: 3,
        }
    }
}

/// A choice that takes the last of 2, 3, 4, 5, 6, 8, 10, 12, 15 or 16.
const LAST: u8 = 239;

impl ScheduleParams {
    /// The default, in chaos: picks also permute the ready queue.
    pub fn chaos() -> ScheduleParams {
        ScheduleParams { mode: Mode::Chaos, ..ScheduleParams::default() }
    }

    /// Draws one. What a proptest strategy gives and what a soak runs is drawn here.
    pub fn draw(&self, rng: &mut Rng) -> Schedule {
        let mut schedule = Schedule { mode: self.mode, ..Schedule::default() };
        self.draw_picks(rng, &mut schedule);
        if !self.kinds.is_empty() && rng.chance(60) {
            self.draw_faults(rng, &mut schedule);
        }
        schedule
    }

    fn draw_picks(&self, rng: &mut Rng, schedule: &mut Schedule) {
        let decisions = self.horizon(rng);
        match rng.below(100) {
            0..15 => {}
            15..50 => {
                for _ in 0..=rng.below(5) {
                    let decision = rng.below(u64::from(decisions.end - decisions.start)) as u32;
                    if !decisions.is_empty() {
                        schedule.picks.insert(decisions.start + decision, choice(rng));
                    }
                }
            }
            50..85 => {
                let percent = 10 + rng.below(85);
                let mut picks = Vec::with_capacity(decisions.len());
                for decision in decisions {
                    if rng.chance(percent) {
                        picks.push((decision, choice(rng)));
                    }
                }
                schedule.picks = picks.into_iter().collect();
            }
            85..95 => schedule.picks = self.preferences(rng, decisions),
            _ => schedule.picks = decisions.map(|decision| (decision, LAST)).collect(),
        }
    }

    /// The decisions that this schedule may pick: a beginning of those that schedules may.
    fn horizon(&self, rng: &mut Rng) -> Range<u32> {
        let Range { start, end } = self.decisions;
        let all = u64::from(end.saturating_sub(start));
        start..start + (all >> rng.below(4)).max(all.min(1)) as u32
    }

    /// Picks of a standing preference that changes a few times.
    fn preferences(
        &self,
        rng: &mut Rng,
        decisions: Range<u32>,
    ) -> std::collections::BTreeMap<u32, u8> {
        let changes = 1 + rng.below(u64::from(self.depth.max(1)));
        let changes: Vec<u32> = (0..changes)
            .map(|_| decisions.start + rng.below(decisions.len() as u64) as u32)
            .collect();
        let mut preferred = rng.below(3) as u8;
        let mut picks = Vec::with_capacity(decisions.len());
        for decision in decisions {
            if changes.contains(&decision) {
                preferred = choice(rng);
            }
            if preferred != 0 {
                picks.push((decision, preferred));
            }
        }
        picks.into_iter().collect()
    }

    fn draw_faults(&self, rng: &mut Rng, schedule: &mut Schedule) {
        let Range { start, end } = self.faults;
        let count = start as u64 + rng.below(end.saturating_sub(start) as u64);
        let swarm = rng.bits();
        let allowed = |kind: &&FaultKind| swarm >> (**kind as u64) & 1 == 1;
        let some = self.kinds.iter().filter(allowed).count() as u64;
        for _ in 0..count {
            let kind = match some {
                0 => *rng.one_of(self.kinds),
                some => {
                    let nth = rng.below(some) as usize;
                    *self.kinds.iter().filter(allowed).nth(nth).unwrap_or(&self.kinds[0])
                }
            };
            let (site, fault) = draw_fault(rng, kind);
            let calls = u64::from(self.calls.end.saturating_sub(self.calls.start));
            let nth = self.calls.start + rng.below_and_small(calls) as u32;
            schedule.faults.insert((site, nth), fault);
        }
    }
}

/// Mostly the next but one; sometimes any.
fn choice(rng: &mut Rng) -> u8 {
    let bits = rng.bits();
    match bits & 7 {
        0..5 => 1,
        5..7 => 1 + (bits >> 8) as u8 % 4,
        _ => ((bits >> 8) as u8).max(1),
    }
}

/// A fault of the kind, at one of its sites, with a mild parameter or a wild one.
fn draw_fault(rng: &mut Rng, kind: FaultKind) -> (Site, Fault) {
    let site = *rng.one_of(kind.sites());
    let fault = match kind {
        FaultKind::Eintr => Fault::Eintr,
        FaultKind::Spurious => Fault::Spurious(rng.below_and_small(256) as u8),
        FaultKind::Withhold => Fault::Withhold(*rng.one_of(&DELAYS[..4])),
        FaultKind::OneEvent => Fault::OneEvent,
        FaultKind::Reverse => Fault::Reverse,
        FaultKind::MergeHup => Fault::MergeHup,
        FaultKind::Stale => Fault::Stale,
        FaultKind::NotifyRace => Fault::NotifyRace,
        FaultKind::Jump => Fault::Jump(*rng.one_of(&DELAYS)),
        FaultKind::Short => Fault::Short(1 + rng.below_and_small(4096) as u16),
        FaultKind::Again => Fault::Again,
        FaultKind::Reset => Fault::Reset,
        FaultKind::Emfile => Fault::Emfile,
        FaultKind::Aborted => Fault::Aborted,
    };
    (site, fault)
}

/// What is drawn for a delay, and what a delay shrinks to.
pub(super) const DELAYS: [Duration; 6] = [
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(60),
    Duration::from_secs(3600),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn drawn(params: &ScheduleParams, count: u64) -> Vec<Schedule> {
        (0..count).map(|case| params.draw(&mut Rng::of_case(1, case))).collect()
    }

    #[test]
    fn what_is_drawn_stays_within_the_parameters() {
        let kinds: &[FaultKind] = &[FaultKind::Short, FaultKind::Reset];
        let (decisions, calls) = (5..20, 3..9);
        let params =
            ScheduleParams { decisions, calls, faults: 2..4, kinds, mode: Mode::Chaos, depth: 2 };
        for schedule in drawn(&params, 2000) {
            assert_eq!(schedule.mode, Mode::Chaos);
            assert!(schedule.picks.keys().all(|at| params.decisions.contains(at)));
            assert!(schedule.picks.values().all(|choice| *choice != 0));
            assert!(schedule.faults.len() < 4);
            for ((site, nth), fault) in schedule.faults {
                assert!(params.calls.contains(&nth) && kinds.contains(&fault.kind()));
                assert!(fault.kind().sites().contains(&site));
            }
        }
    }

    #[test]
    fn empty_ranges_and_no_kinds_draw_the_default() {
        let params = ScheduleParams {
            decisions: 3..3,
            calls: 0..0,
            faults: 0..9,
            kinds: &[],
            mode: Mode::Legal,
            depth: 0,
        };
        assert!(drawn(&params, 500).into_iter().all(|drawn| drawn == Schedule::default()));
    }

    #[test]
    fn every_kind_at_each_of_its_sites_and_every_way_of_picking_is_drawn() {
        let params = ScheduleParams { kinds: FaultKind::ALL, ..ScheduleParams::default() };
        let all = drawn(&params, 5000);
        let faults: BTreeSet<_> = all
            .iter()
            .flat_map(|schedule| schedule.faults.iter().map(|((site, _), f)| (*site, f.kind())))
            .collect();
        let places = FaultKind::ALL.iter().map(|kind| kind.sites().len()).sum::<usize>();
        assert_eq!(faults.len(), places);
        let count = |of: &dyn Fn(&Schedule) -> bool| all.iter().filter(|s| of(s)).count();
        let fifo = count(&|schedule| schedule.picks.is_empty());
        let few = count(&|schedule| (1..6).contains(&schedule.picks.len()));
        let last = count(&|schedule| {
            !schedule.picks.is_empty() && schedule.picks.values().all(|choice| *choice == LAST)
        });
        assert!((600..1200).contains(&fifo), "{fifo}");
        assert!((1500..3000).contains(&few), "{few}");
        assert!((150..400).contains(&last), "{last}");
        assert!(count(&|schedule| schedule.picks.len() > 20) > 500);
    }

    #[test]
    fn many_schedules_with_faults_have_faults_of_one_kind_alone() {
        let several: Vec<_> =
            drawn(&ScheduleParams { faults: 3..4, ..ScheduleParams::default() }, 5000);
        let alone = several.iter().filter(|schedule| {
            let kinds: BTreeSet<_> = schedule.faults.values().map(|fault| fault.kind()).collect();
            schedule.faults.len() == 3 && kinds.len() == 1
        });
        assert!(alone.count() > 50);
    }
}
