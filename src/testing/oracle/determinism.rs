//! O15: the same program on the same schedule does the same.

use std::fmt::{self, Write as _};

use crate::testing::journal::{Entry, Timeline};
use crate::testing::report::{Report, Violation};

/// The name of the oracle that [`same_twice`] is.
pub const DETERMINISM: &str = "determinism";

/// FNV-1a, of which the value is the same on every machine and in every build.
struct Fnv(u64);

impl Fnv {
    const NEW: Fnv = Fnv(0xcbf2_9ce4_8422_2325);
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

impl Timeline {
    /// A number that two timelines share if they say the same: what happened, when, in which turn.
    /// It depends on nothing else, no address and no process.
    pub fn hash(&self) -> u64 {
        let mut hash = Fnv::NEW;
        for entry in &self.0 {
            // A hash takes whatever it is given.
            let _ = writeln!(hash, "{entry:?}");
        }
        hash.0
    }

    /// Which is the first entry that is not the same in `other`.
    fn first_difference(&self, other: &Timeline) -> Option<usize> {
        let text = |entry: Option<&Entry>| entry.map(|entry| format!("{entry:?}"));
        let longest = self.0.len().max(other.0.len());
        (0..longest).find(|&at| text(self.0.get(at)) != text(other.0.get(at)))
    }
}

/// Runs something twice, and complains, as the oracle `determinism`, if the second run is another.
///
/// What makes it one: a `HashMap` that is iterated, the address of something, a thread, the real
/// clock, a static that the first run has changed.
///
/// ```
/// use evloop::testing::{Schedule, Sim, same_twice};
///
/// let report = same_twice(|| Sim::new(Schedule::default()).run(|_| async { 42 }));
/// assert!(report.violations.is_empty());
/// ```
pub fn same_twice<T>(mut run: impl FnMut() -> Report<T>) -> Report<T> {
    let first = run();
    let mut second = run();
    if first.timeline.hash() == second.timeline.hash() {
        return second;
    }
    let differs = first.timeline.first_difference(&second.timeline);
    let last = second.timeline.0.len().saturating_sub(1);
    let entry = differs.unwrap_or(last).min(last);
    let show = |timeline: &Timeline| {
        let step = differs.and_then(|at| timeline.0.get(at)).map(|entry| &entry.step);
        step.map_or("nothing".into(), |step| format!("{step:?}"))
    };
    let what = format!("first {}, and then {}", show(&first.timeline), show(&second.timeline));
    let (turn, at) = second.timeline.0.get(entry).map_or_else(Default::default, |e| (e.turn, e.at));
    second.violations.push(Violation { oracle: DETERMINISM, entry, turn, at, what });
    second
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::super::script::{Script, callback};
    use super::*;
    use crate::testing::{Schedule, Sim};

    #[test]
    fn a_timeline_that_says_something_else_has_another_hash() {
        let timeline = || Script::default().queued(1, callback());
        assert_eq!(timeline().timeline().hash(), timeline().timeline().hash());
        let others = [timeline().ran(1), Script::default().at(1).queued(1, callback())];
        for other in others {
            assert_ne!(other.timeline().hash(), timeline().timeline().hash());
        }
    }

    #[test]
    fn the_hash_is_a_fixed_function_of_the_text() {
        let mut hash = Fnv::NEW;
        hash.write_str("foobar").unwrap();
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_program_that_looks_at_something_else_is_caught_where_it_first_differs() {
        let runs = Cell::new(0);
        let report = same_twice(|| {
            runs.set(runs.get() + 1);
            let delay = Duration::from_nanos(runs.get());
            Sim::new(Schedule::default()).run(move |_| crate::sleep(delay))
        });
        let [violation] = &report.violations[..] else { panic!("{:?}", report.violations) };
        assert_eq!(violation.oracle, DETERMINISM);
        assert!(violation.what.contains("TimerArmed"), "{}", violation.what);
    }
}
