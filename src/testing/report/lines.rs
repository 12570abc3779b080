//! A timeline in lines: the loop's records told by the explain mode, the kernel's acts between them.

use std::fmt;
use std::time::Duration;

use super::acts::{Acts, Said, standing};
use crate::observe::{Level, Narrator, Record};
use crate::sys::Time;
use crate::testing::journal::{Act, Choice, Entry, Step, Timeline};

/// One line of a told timeline.
pub(super) struct Row {
    pub(super) at: Time,
    /// Which entry gave occasion for it.
    pub(super) entry: usize,
    pub(super) turn: u64,
    /// Indented.
    pub(super) text: String,
    /// What of the schedule brought it about.
    pub(super) mark: Option<String>,
}

/// A told timeline.
#[derive(Default)]
pub(super) struct Told {
    pub(super) rows: Vec<Row>,
    /// The line that tells that the kernel refused to go on: what comes after is no more than how
    /// the program was ended.
    pub(super) end: Option<usize>,
    /// A line for each task that had not ended then, and for each descriptor that was open.
    pub(super) pending: Vec<String>,
}

/// Tells all of `timeline`.
pub(super) fn tell(timeline: &Timeline) -> Told {
    let mut teller = Teller {
        narrator: Narrator::new(Level::Handles),
        acts: Acts::default(),
        told: Told::default(),
        held: Vec::new(),
        standing: Vec::new(),
        next_run: None,
        spawned: false,
        loop_tells: false,
        over: false,
        text: String::new(),
    };
    for (number, entry) in timeline.0.iter().enumerate() {
        teller.entry(number, entry, &timeline.0[number + 1..]);
    }
    teller.end();
    teller.told
}

struct Teller {
    narrator: Narrator,
    acts: Acts,
    told: Told,
    /// Acts in a wait whose turn has not been told of yet.
    held: Vec<Row>,
    /// How descriptors stand, just before the kernel refuses to go on.
    standing: Vec<String>,
    /// What of the schedule chose the handle that runs next.
    next_run: Option<String>,
    /// The main future's task was spawned, which is the first.
    spawned: bool,
    /// The loop's next word is about an act that was not told for that reason.
    loop_tells: bool,
    /// The kernel has just refused to go on, and the loop is about to say what it took that for.
    over: bool,
    text: String,
}

impl Teller {
    fn entry(&mut self, number: usize, entry: &Entry, after: &[Entry]) {
        match &entry.step {
            Step::Loop(record) => self.record(number, entry, record),
            Step::Kernel(act) if is_told_by_the_loop(act, after) => self.loop_tells = true,
            Step::Kernel(act) => self.act(number, entry, act),
        }
    }

    fn record(&mut self, number: usize, entry: &Entry, record: &Record) {
        if std::mem::take(&mut self.over) && matches!(record, Record::Polled { .. }) {
            return;
        }
        self.loop_tells &= matches!(record, Record::Written { .. });
        self.narrator.tell(entry.at, record, &mut self.text);
        self.take_lines(number, entry);
        if let (Record::TaskSpawned { task, .. }, false) = (record, self.spawned) {
            self.spawned = true;
            self.narrator.call(*task, "main");
        }
        if let (Record::Run { .. }, Some(mark)) = (record, self.next_run.take()) {
            if let Some(row) = self.told.rows.last_mut() {
                row.mark = Some(mark);
            }
        }
        if !self.loop_tells {
            self.release();
        }
    }

    fn act(&mut self, number: usize, entry: &Entry, act: &Act) {
        if matches!(act, Act::Quiescent | Act::LimitHit(_)) {
            return self.is_over(number, entry, act);
        }
        self.standing.extend(standing(act));
        let Some(Said { text, mark }) = self.acts.say(act) else { return };
        if let Act::Picked { what: Choice::Handle, among, chosen, .. } = act {
            let place = format!(", handle {} of {among}", chosen + 1);
            self.next_run = mark.map(|mark| mark + &place);
            return;
        }
        let row = Row { at: entry.at, entry: number, turn: entry.turn, text, mark };
        self.held.push(row);
        if !self.loop_tells {
            self.release();
        }
    }

    /// The kernel refused to go on: the turn that asked it is not heard of again.
    fn is_over(&mut self, number: usize, entry: &Entry, act: &Act) {
        self.narrator.drop_turn();
        self.release();
        if self.told.end.is_none() {
            self.narrator.pending(&mut self.text);
            let standing = self.standing.drain(..).map(|line| format!("  {line}"));
            self.told.pending = self.text.lines().map(str::to_owned).chain(standing).collect();
            self.text.clear();
            self.told.end = Some(self.told.rows.len());
        }
        self.over = true;
        if let Some(Said { text, mark }) = self.acts.say(act) {
            let text = format!("turn {}  {text}", entry.turn);
            self.told.rows.push(Row { at: entry.at, entry: number, turn: entry.turn, text, mark });
        }
    }

    /// Puts acts that were held to their place, if that is known by now.
    fn release(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let Some(depth) = self.narrator.make_room(&mut self.text) else { return };
        let first = &self.held[0];
        let (at, entry, turn) = (first.at, first.entry, first.turn);
        self.take_lines_as(entry, at, turn);
        for mut row in self.held.drain(..) {
            row.text = format!("{:1$}{2}", "", depth * 2, row.text);
            self.told.rows.push(row);
        }
    }

    /// What the narrator held back, and acts in a wait that never ended.
    fn end(&mut self) {
        let (at, entry, turn) =
            self.told.rows.last().map_or((Time::ZERO, 0, 0), |row| (row.at, row.entry, row.turn));
        self.narrator.finish(&mut self.text);
        self.take_lines_as(entry, at, turn);
        self.told.rows.append(&mut self.held);
    }

    fn take_lines(&mut self, number: usize, entry: &Entry) {
        self.take_lines_as(number, entry.at, entry.turn);
    }

    fn take_lines_as(&mut self, entry: usize, at: Time, turn: u64) {
        let rows = self.text.lines().map(|line| Row {
            at,
            entry,
            turn,
            text: line.to_owned(),
            mark: None,
        });
        self.told.rows.extend(rows);
        self.text.clear();
    }
}

/// The loop speaks of an act within so many entries, or not at all.
const SOON: usize = 32;

/// An act that the loop's next word is about. What else the kernel did before that came of it.
fn is_told_by_the_loop(act: &Act, after: &[Entry]) -> bool {
    let next = after.iter().take(SOON).find_map(|entry| match &entry.step {
        // It says what the stream took; that the kernel took it comes next.
        Step::Loop(Record::Written { .. }) | Step::Kernel(_) => None,
        Step::Loop(record) => Some(record),
    });
    let Some(record) = next else { return false };
    match (act, record) {
        (Act::Closed { fd, birth: Some(_) }, Record::Disconnected { fd: other })
        | (Act::Recv { fd, .. }, Record::Received { fd: other, .. })
        | (Act::Send { fd, .. }, Record::Sent { fd: other, .. })
        | (Act::Accept { got: Ok(fd), .. }, Record::Accepted { fd: other, .. }) => fd == other,
        _ => false,
    }
}

/// A time in milliseconds, exactly.
pub(super) fn millis(time: Duration) -> impl fmt::Display {
    let (whole, rest) = (time.as_nanos() / 1_000_000, time.as_nanos() % 1_000_000);
    let digits = format!("{rest:06}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole} ms"),
        digits => format!("{whole}.{digits} ms"),
    }
}
