//! A report as a person reads it.

use std::fmt::{self, Display, Formatter};
use std::iter;

use super::cut::kept;
use super::lines::{Row, Told, millis, tell};
use super::{Outcome, Report, Violation};
use crate::event_loop::panic_message;
use crate::observe::Record;
use crate::sys::Time;
use crate::testing::journal::{Act, Step, Timeline};
use crate::testing::run::Verdict;

/// From this column on, the schedule's marks stand in the margin.
const MARGIN: usize = 76;

/// Where something went wrong, who says so, and what.
struct Found {
    entry: usize,
    kind: String,
    what: String,
}

impl<T> Display for Report<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (told, found) = (tell(&self.timeline), self.found());
        self.headline(f, &found)?;
        self.replay(f)?;
        if matches!(self.outcome, Outcome::Quiescent) {
            still_waiting(&told.pending, f)?;
        }
        let whole = f.alternate();
        writeln!(f)?;
        timeline(&told, &found, whole, f)
    }
}

impl<T> Report<T> {
    /// Everything that is wrong, the headline's first.
    fn found(&self) -> Vec<Found> {
        let said = |violation: &Violation| Found {
            entry: violation.entry,
            kind: violation.oracle.to_owned(),
            what: violation.what.clone(),
        };
        let mut found: Vec<Found> = self.violations.iter().map(said).collect();
        found.sort_by_key(|found| found.entry);
        let entry = end_of(&self.timeline, &self.outcome);
        match (self.verdict(), self.ending()) {
            (Verdict::Oracle(_), _) | (_, None) => {}
            (verdict, Some(what)) => {
                found.insert(0, Found { entry, kind: verdict.to_string(), what })
            }
        }
        found
    }

    /// How the run ended, if not well.
    fn ending(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Done(_) => None,
            Outcome::Panicked(payload) => {
                let place = self.panicked_at.as_ref().map(|place| format!(" at {place}"));
                let place = place.unwrap_or_default();
                Some(format!("it panicked{place}: {}", panic_message(&**payload)))
            }
            Outcome::Quiescent => {
                Some("the main future is pending, and nothing can wake it".into())
            }
            Outcome::LimitHit(which) => {
                let field = which.replace(' ', "_");
                Some(format!("it went beyond the limit of {which} (Limits::{field})"))
            }
            Outcome::Failed(error) => Some(format!("the loop says: {error}")),
        }
    }

    fn headline(&self, f: &mut Formatter<'_>, found: &[Found]) -> fmt::Result {
        let Some(first) = found.first() else {
            let last = self.timeline.0.last();
            let (turn, at) = last.map_or((0, Time::ZERO), |last| (last.turn, last.at));
            return writeln!(f, "done in turn {turn} at {}, and nothing is wrong", since(at));
        };
        let (turn, at) = self.timeline.place(first.entry);
        writeln!(f, "{} in turn {turn} at {}", first.kind, since(at))?;
        indented(f, &first.what)?;
        for also in &found[1..] {
            let (turn, at) = self.timeline.place(also.entry);
            let Found { kind, what, .. } = also;
            indented(f, &format!("also {kind}, in turn {turn} at {}: {what}", since(at)))?;
        }
        match self.ending() {
            Some(ending) if matches!(self.verdict(), Verdict::Oracle(_)) => {
                indented(f, &format!("and so the run ended: {ending}"))
            }
            _ => Ok(()),
        }
    }

    fn replay(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let choices = match self.decisions {
            1 => "1 choice".to_owned(),
            n => format!("{n} choices"),
        };
        writeln!(f)?;
        writeln!(f, "schedule  {} (of {choices})", self.schedule)?;
        writeln!(f, "replay    evloop::testing::replay(\"{}\", program)", self.schedule)?;
        match &self.fifo {
            _ if self.schedule.picks.is_empty() && self.schedule.faults.is_empty() => {
                writeln!(f, "fifo      this is that run: there are no picks and no faults")
            }
            Some(Verdict::Pass) if self.schedule.faults.is_empty() => {
                writeln!(f, "fifo      without picks and faults it passes: an order bug")
            }
            Some(Verdict::Pass) => writeln!(f, "fifo      without picks and faults it passes"),
            Some(fifo) if *fifo == self.verdict() => {
                writeln!(f, "fifo      without picks and faults it fails as well")
            }
            Some(fifo) => {
                writeln!(f, "fifo      without picks and faults it fails otherwise: {fifo}")
            }
            None => Ok(()),
        }
    }
}

impl Timeline {
    /// In which turn an entry stands, and when it happened.
    fn place(&self, entry: usize) -> (u64, Time) {
        self.0.get(entry).map_or((0, Time::ZERO), |entry| (entry.turn, entry.at))
    }
}

/// The whole of it, a line for each step.
impl Display for Timeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        timeline(&tell(self), &[], true, f)
    }
}

/// The entry at which a run that failed without an oracle's help did so.
fn end_of<T>(timeline: &Timeline, outcome: &Outcome<T>) -> usize {
    let main = timeline.0.iter().find_map(|entry| match entry.step {
        Step::Loop(Record::TaskSpawned { task, .. }) => Some(task),
        _ => None,
    });
    let is_end = |step: &Step| match (step, outcome) {
        (Step::Kernel(Act::Quiescent), Outcome::Quiescent) => true,
        (Step::Kernel(Act::LimitHit(_)), Outcome::LimitHit(_)) => true,
        (Step::Loop(Record::TaskDone { task, .. }), Outcome::Panicked(_)) => Some(*task) == main,
        _ => false,
    };
    let found = timeline.0.iter().position(|entry| is_end(&entry.step));
    found.unwrap_or(timeline.0.len().saturating_sub(1))
}

fn still_waiting(pending: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    if pending.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nwhen nothing could happen any more")?;
    pending.iter().try_for_each(|line| writeln!(f, "{line}"))
}

fn timeline(told: &Told, found: &[Found], whole: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let rows = &told.rows;
    // A finding stands after the last line that its entry, or one before it, gave occasion for.
    let place = |found: &Found| rows.iter().rposition(|row| row.entry <= found.entry);
    let places: Vec<usize> = found.iter().map(|found| place(found).unwrap_or(0)).collect();
    let marked = rows.iter().enumerate().filter(|(_, row)| row.mark.is_some());
    let marked: Vec<usize> = marked.map(|(at, _)| at).collect();
    let until = match told.end {
        Some(end) if places.iter().all(|place| *place <= end) => end + 1,
        _ => rows.len(),
    };
    let ranges = match whole {
        true => iter::once(0..rows.len()).collect(),
        false => kept(until, &places, &marked),
    };
    let times: Vec<String> = rows.iter().map(|row| since(row.at).to_string()).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    let mut next = 0;
    for range in ranges {
        left_out(&rows[next..range.start], width, f)?;
        next = range.end;
        for at in range.clone() {
            let news = at == range.start || times[at] != times[at - 1];
            row(&rows[at], if news { &times[at] } else { "" }, width, f)?;
            for (found, _) in found.iter().zip(&places).filter(|(_, place)| **place == at) {
                let (kind, what) = (&found.kind, &found.what);
                let lines =
                    format!("{kind}: {what}").replace('\n', &format!("\n{:1$}", "", width + 4));
                writeln!(f, "{:width$}  ▲ {lines}", "")?;
            }
        }
    }
    Ok(())
}

fn row(row: &Row, time: &str, width: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let text = format!("{time:>width$}  {}", row.text);
    match &row.mark {
        Some(mark) => writeln!(f, "{text:MARGIN$}  ◄ schedule: {mark}"),
        None => writeln!(f, "{text}"),
    }
}

fn left_out(rows: &[Row], width: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let turns = match (first.turn, last.turn) {
        (first, last) if first == last => format!("turn {first}"),
        (first, last) => format!("turns {first} to {last}"),
    };
    writeln!(f, "{:width$}  … {} lines left out, of {turns}; `{{:#}}` prints them", "", rows.len())
}

fn indented(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| writeln!(f, "  {line}"))
}

fn since(at: Time) -> impl Display {
    millis(at.since(Time::ZERO))
}
