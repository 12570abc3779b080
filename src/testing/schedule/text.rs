//! A schedule as one line of text, and back.
//!
//! ```text
//! legal; pick 3:2 17:1; select#4 eintr; recv#2 short=1; select#7 jump=5ms
//! ```
//!
//! The mode comes first; then the picks, `decision:choice`; then the faults, `site#call fault`, or
//! `site#call fault=parameter`. `legal` alone is the default.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Fault, FaultKind, Mode, Schedule, Site};

/// A text that is no schedule: which part of it is wrong, and what would have been right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleError {
    part: String,
    what: String,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a schedule: `{}`: {}", self.part, self.what)
    }
}

impl Error for ScheduleError {}

fn wrong(part: &str, what: impl Into<String>) -> ScheduleError {
    ScheduleError { part: part.to_owned(), what: what.into() }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Legal => "legal",
            Mode::Chaos => "chaos",
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match *self {
            Fault::Spurious(which) => write!(f, "={which}"),
            Fault::Short(bytes) => write!(f, "={bytes}"),
            Fault::Withhold(time) | Fault::Jump(time) => write!(f, "={}", Exact(time)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mode)?;
        if !self.picks.is_empty() {
            f.write_str("; pick")?;
        }
        for (decision, choice) in &self.picks {
            write!(f, " {decision}:{choice}")?;
        }
        for ((site, nth), fault) in &self.faults {
            write!(f, "; {site}#{nth} {fault}")?;
        }
        Ok(())
    }
}

/// A duration, whole, in the largest unit that it is a whole number of.
struct Exact(Duration);

const UNITS: [(&str, u128); 4] =
    [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let fits = |(_, unit): &&(&str, u128)| nanos % unit == 0;
        let (name, unit) = UNITS.iter().find(fits).unwrap_or(&("ns", 1));
        write!(f, "{}{name}", nanos / unit)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    /// Reads what `Display` writes.
    ///
    /// # Errors
    ///
    /// Which part is wrong, and what may stand there.
    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let mut parts = text.split(';').map(str::trim);
        let mode = parse_mode(parts.next().unwrap_or_default())?;
        let mut schedule = Schedule { mode, ..Schedule::default() };
        for part in parts {
            match part.split_once(char::is_whitespace).map_or((part, ""), |(a, b)| (a, b)) {
                ("pick", picks) => schedule.parse_picks(part, picks)?,
                (call, fault) => schedule.parse_fault(part, call, fault.trim())?,
            }
        }
        Ok(schedule)
    }
}

impl Schedule {
    fn parse_picks(&mut self, part: &str, picks: &str) -> Result<(), ScheduleError> {
        for pick in picks.split_whitespace() {
            let (decision, choice) = parse_pick(pick)?;
            if self.picks.insert(decision, choice).is_some() {
                return Err(wrong(pick, format!("decision {decision} is picked twice")));
            }
        }
        match self.picks.is_empty() {
            true => Err(wrong(part, "no picks follow; write `pick 3:2 17:1`, or leave it out")),
            false => Ok(()),
        }
    }

    fn parse_fault(&mut self, part: &str, call: &str, fault: &str) -> Result<(), ScheduleError> {
        let (site, nth) = parse_call(part, call)?;
        let fault = parse_kind(part, site, fault)?;
        match self.faults.insert((site, nth), fault) {
            Some(_) => Err(wrong(part, format!("{site}#{nth} has a fault already"))),
            None => Ok(()),
        }
    }
}

fn parse_mode(part: &str) -> Result<Mode, ScheduleError> {
    match part {
        "legal" => Ok(Mode::Legal),
        "chaos" => Ok(Mode::Chaos),
        _ => {
            let what = "a schedule begins with its mode".to_owned();
            Err(wrong(part, list(what, part, &["legal", "chaos"])))
        }
    }
}

fn parse_pick(pick: &str) -> Result<(u32, u8), ScheduleError> {
    const FORM: &str = "a pick is `decision:choice`, as in `3:2`";
    let (decision, choice) = pick.split_once(':').ok_or_else(|| wrong(pick, FORM))?;
    let decision = decision.parse().map_err(|_| {
        wrong(pick, format!("{FORM}; `{decision}` is no number from 0 to {}", u32::MAX))
    })?;
    let choice = choice
        .parse()
        .map_err(|_| wrong(pick, format!("{FORM}; `{choice}` is no number from 0 to 255")))?;
    Ok((decision, choice))
}

fn parse_call(part: &str, call: &str) -> Result<(Site, u32), ScheduleError> {
    let Some((name, nth)) = call.split_once('#') else {
        let what = "after the mode come `pick decision:choice …` and faults, `site#call fault`, \
                    as in `select#4 eintr`";
        return Err(wrong(part, what));
    };
    let Some(site) = Site::ALL.iter().find(|site| site.name() == name) else {
        let what = format!("there is no site `{name}`");
        return Err(wrong(part, list(what, name, &names(Site::ALL, Site::name))));
    };
    let nth = nth.parse().map_err(|_| {
        let what = format!("`{nth}` is no number of a call of {site}; they count from 0");
        wrong(part, what)
    })?;
    Ok((*site, nth))
}

fn parse_kind(part: &str, site: Site, fault: &str) -> Result<Fault, ScheduleError> {
    let (name, parameter) = match fault.split_once('=') {
        Some((name, parameter)) => (name, Some(parameter)),
        None => (fault, None),
    };
    let here: Vec<_> =
        FaultKind::ALL.iter().copied().filter(|kind| kind.sites().contains(&site)).collect();
    if let Some(kind) = here.iter().find(|kind| kind.name() == name) {
        return with_parameter(part, *kind, parameter);
    }
    let what = match FaultKind::ALL.iter().find(|kind| kind.name() == name) {
        Some(kind) => {
            let sites = names(kind.sites(), Site::name).join(", ");
            format!("{name} is no fault of {site} but of {sites}")
        }
        None => format!("there is no fault `{name}`"),
    };
    Err(wrong(part, list(what, name, &names(&here, FaultKind::name))))
}

fn with_parameter(
    part: &str,
    kind: FaultKind,
    parameter: Option<&str>,
) -> Result<Fault, ScheduleError> {
    let given = parameter.unwrap_or_default();
    let needs = |example: &str| {
        wrong(part, format!("{kind} needs {example}, and not `{given}`: `{kind}=1`"))
    };
    let time = || parse_time(given).ok_or_else(|| wrong(part, bad_time(kind, given)));
    let fault = match kind {
        FaultKind::Spurious => {
            Fault::Spurious(given.parse().map_err(|_| needs("a number from 0 to 255"))?)
        }
        FaultKind::Short => match given.parse() {
            Ok(0) | Err(_) => return Err(needs("a number of bytes from 1 to 65535")),
            Ok(bytes) => Fault::Short(bytes),
        },
        FaultKind::Withhold => Fault::Withhold(time()?),
        FaultKind::Jump => Fault::Jump(time()?),
        FaultKind::Eintr => Fault::Eintr,
        FaultKind::OneEvent => Fault::OneEvent,
        FaultKind::Reverse => Fault::Reverse,
        FaultKind::MergeHup => Fault::MergeHup,
        FaultKind::Stale => Fault::Stale,
        FaultKind::NotifyRace => Fault::NotifyRace,
        FaultKind::Again => Fault::Again,
        FaultKind::Reset => Fault::Reset,
        FaultKind::Emfile => Fault::Emfile,
        FaultKind::Aborted => Fault::Aborted,
    };
    match (fault.has_parameter(), parameter) {
        (false, Some(_)) => Err(wrong(part, format!("{kind} takes no parameter: `{kind}`"))),
        _ => Ok(fault),
    }
}

fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let nanos = number.parse::<u128>().ok()?.checked_mul(*unit)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

fn bad_time(kind: FaultKind, given: &str) -> String {
    format!("{kind} needs a whole number of s, ms, us or ns, and not `{given}`: `{kind}=5ms`")
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| name(*one)).collect()
}

/// `what`, then what there is, then the nearest of it.
fn list(what: String, given: &str, known: &[&str]) -> String {
    let all = format!("{what}; it may be: {}", known.join(", "));
    let near = known.iter().map(|name| (distance(given, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 2 && !given.is_empty() => {
            format!("{all}; did you mean `{name}`?")
        }
        _ => all,
    }
}

/// How many letters to change, add or leave out to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let kept = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ScheduleParams, schedule_with};
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Schedule>().expect_err(text).to_string()
    }

    proptest! {
        #[test]
        fn what_display_writes_is_read_back(schedule in schedule_with(ScheduleParams {
            kinds: FaultKind::ALL,
            faults: 0..9,
            ..ScheduleParams::default()
        })) {
            prop_assert_eq!(Ok(schedule.clone()), schedule.to_string().parse());
            prop_assert_eq!(format!("{schedule:?}"), format!("Schedule({:?})", schedule.to_string()));
        }

        #[test]
        fn a_duration_is_read_back_to_the_nanosecond(nanos in any::<u64>(), whole in any::<u32>()) {
            for time in [Duration::from_nanos(nanos), Duration::from_millis(whole.into())] {
                prop_assert_eq!(Some(time), parse_time(&Exact(time).to_string()));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(
            text in "(legal|chaos|leg)?(;? ?(pick|select|recv|#|:|=|[0-9]{1,12}|short|jump|ms|\\PC)){0,9}",
        ) {
            if let Err(error) = text.parse::<Schedule>() {
                prop_assert!(error.to_string().contains("not a schedule"));
            }
        }
    }

    #[test]
    fn the_default_is_the_word_legal() {
        assert_eq!(Schedule::default().to_string(), "legal");
        assert_eq!("legal".parse(), Ok(Schedule::default()));
    }

    #[test]
    fn the_line_of_the_guide_is_read_and_written_alike() {
        let line = "chaos; pick 3:2 17:1; select#4 eintr; select#7 jump=5ms; recv#2 short=1";
        assert_eq!(line.parse::<Schedule>().unwrap().to_string(), line);
    }

    #[test]
    fn an_error_names_the_part_that_is_wrong_and_what_would_be_right() {
        let cases = [
            ("", &["begins with its mode", "legal, chaos"][..]),
            ("leagl; pick 3:1", &["`leagl`", "did you mean `legal`?"]),
            ("legal; pick", &["`pick`", "`pick 3:2 17:1`"]),
            ("legal; pick 3", &["`3`", "`decision:choice`"]),
            ("legal; pick 3:256", &["`3:256`", "0 to 255"]),
            ("legal; pick x:1", &["`x:1`", "`x` is no number"]),
            ("legal; pick 3:1 3:2", &["`3:2`", "picked twice"]),
            ("legal; slect#4 eintr", &["no site `slect`", "recv, send", "did you mean `select`?"]),
            ("legal; select#a eintr", &["`a` is no number of a call of select"]),
            ("legal; select#4 eintrr", &["no fault `eintrr`", "did you mean `eintr`?"]),
            ("legal; recv#4 eintr", &["eintr is no fault of recv but of select", "short, again"]),
            ("legal; recv#4 short", &["number of bytes from 1", "`short=1`"]),
            ("legal; recv#4 short=0", &["and not `0`"]),
            ("legal; select#4 jump=5", &["`jump=5ms`", "and not `5`"]),
            ("legal; select#4 eintr=5", &["eintr takes no parameter"]),
            ("legal; select#4 eintr; select#4 stale", &["select#4 has a fault already"]),
            ("legal;", &["after the mode come"]),
        ];
        for (text, parts) in cases {
            let error = error(text);
            for part in parts {
                assert!(error.contains(part), "{text:?} gives {error:?}, without {part:?}");
            }
        }
    }
}
