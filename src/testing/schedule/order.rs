//! Which of two schedules is simpler.

use std::time::Duration;

use super::draw::DELAYS;
use super::{Fault, Schedule};

/// What a schedule asks of its reader. Compared field by field, in this order: fewer faults; fewer
/// picks; smaller parameters of faults; smaller choices; earlier decisions and calls.
///
/// All are natural numbers, so whoever only goes to smaller costs comes to an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Cost {
    faults: usize,
    picks: usize,
    parameters: u128,
    choices: u64,
    places: u64,
}

impl Schedule {
    pub(crate) fn cost(&self) -> Cost {
        let decisions = self.picks.keys().map(|decision| u64::from(*decision));
        let calls = self.faults.keys().map(|(_, nth)| u64::from(*nth));
        Cost {
            faults: self.faults.len(),
            picks: self.picks.len(),
            parameters: self.faults.values().map(|fault| fault.parameter()).sum(),
            choices: self.picks.values().map(|choice| u64::from(*choice)).sum(),
            places: decisions.chain(calls).sum(),
        }
    }
}

impl Fault {
    pub(crate) fn has_parameter(self) -> bool {
        matches!(self, Fault::Spurious(_) | Fault::Short(_) | Fault::Withhold(_) | Fault::Jump(_))
    }

    fn parameter(self) -> u128 {
        match self {
            Fault::Spurious(which) => which.into(),
            Fault::Short(bytes) => bytes.into(),
            Fault::Withhold(time) | Fault::Jump(time) => time.as_nanos(),
            _ => 0,
        }
    }

    /// The same with smaller parameters, the smallest first.
    pub(super) fn milder(self) -> Vec<Fault> {
        let delays = |below: Duration| DELAYS.into_iter().filter(move |delay| *delay < below);
        let small = |number: u16, least: u16| {
            let fewer = [least, number / 2, number.saturating_sub(1)];
            fewer.into_iter().filter(move |fewer| (least..number).contains(fewer))
        };
        match self {
            Fault::Spurious(which) => {
                small(which.into(), 0).map(|which| Fault::Spurious(which as u8)).collect()
            }
            Fault::Short(bytes) => small(bytes, 1).map(Fault::Short).collect(),
            Fault::Withhold(time) => delays(time).map(Fault::Withhold).collect(),
            Fault::Jump(time) => delays(time).map(Fault::Jump).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_from_the_dearest_to_the_cheapest_is_in_that_order() {
        let lines = [
            "legal; select#0 eintr; select#1 eintr",
            "legal; pick 0:1 1:1; select#0 jump=1ms",
            "legal; pick 1:1; select#0 jump=10ms",
            "legal; pick 0:2; select#0 jump=1ms",
            "legal; pick 7:1; select#1 jump=1ms",
            "legal; pick 7:1; select#0 jump=1ms",
            "legal; pick 6:1; select#0 jump=1ms",
            "legal; select#9 eintr",
            "legal; pick 1:1 2:1",
            "legal; pick 1:3",
            "legal; pick 9:2",
            "legal; pick 1:1",
            "legal",
        ];
        let costs = lines.map(|line| line.parse::<Schedule>().expect(line).cost());
        assert!(costs.windows(2).all(|two| two[0] > two[1]), "{costs:?}");
    }

    #[test]
    fn a_milder_fault_is_simpler_and_of_the_same_kind() {
        for fault in [
            Fault::Short(4096),
            Fault::Spurious(255),
            Fault::Jump(Duration::from_secs(3600)),
            Fault::Withhold(Duration::from_micros(1500)),
        ] {
            assert!(!fault.milder().is_empty());
            for milder in fault.milder() {
                assert!(milder.parameter() < fault.parameter() && milder.kind() == fault.kind());
            }
        }
        assert!(Fault::Short(1).milder().is_empty() && Fault::Eintr.milder().is_empty());
    }
}
