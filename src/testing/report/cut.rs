//! Which lines of a long timeline are worth printing.

use std::iter;
use std::ops::Range;

/// As many lines are never cut.
const SHORT: usize = 90;

/// Kept from the beginning.
const HEAD: usize = 12;

/// Kept before whatever is looked for, and after it.
const BEFORE: usize = 36;
const AFTER: usize = 6;

/// Kept from the end.
const TAIL: usize = 8;

/// What the schedule did is kept wherever it is, as long as it is not more than this.
const MARKS: usize = 30;

/// A gap is not worth its line if it is shorter than this.
const GAP: usize = 3;

/// Of `lines`, which are kept: the head, the tail, what leads to each of `found`, and `marked`
/// lines. In ascending ranges, with a gap between each two.
pub(super) fn kept(lines: usize, found: &[usize], marked: &[usize]) -> Vec<Range<usize>> {
    if lines <= SHORT {
        return iter::once(0..lines).collect();
    }
    let around = found.iter().map(|at| at.saturating_sub(BEFORE)..at + 1 + AFTER);
    let marks = marked.iter().take(MARKS).map(|at| *at..at + 1);
    let mut wanted: Vec<_> =
        [0..HEAD, lines - TAIL..lines].into_iter().chain(around).chain(marks).collect();
    wanted.sort_by_key(|range| range.start);
    let mut kept: Vec<Range<usize>> = Vec::new();
    for range in wanted {
        let end = range.end.min(lines);
        match kept.last_mut() {
            Some(last) if range.start < last.end + GAP => last.end = last.end.max(end),
            _ => kept.push(range.start..end),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_timeline_is_kept_whole() {
        assert_eq!(kept(SHORT, &[3], &[]).iter().flat_map(Range::clone).count(), SHORT);
    }

    #[test]
    fn of_a_long_one_the_head_the_tail_and_what_leads_to_the_failure_are_kept() {
        assert_eq!(kept(1000, &[500], &[]), [0..12, 464..507, 992..1000]);
    }

    #[test]
    fn what_the_schedule_did_is_kept_wherever_it_is() {
        assert_eq!(kept(1000, &[999], &[300, 302]), [0..12, 300..303, 963..1000]);
    }

    #[test]
    fn a_gap_that_would_take_a_line_to_tell_of_is_no_gap() {
        assert_eq!(kept(1000, &[50], &[]), [0..57, 992..1000]);
    }
}
