//! Which await is cut short, and when: one line of text, so that a failure replays.

use std::fmt;
use std::str::FromStr;

use crate::testing::schedule::Schedule;

/// When an await ends early.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Moment {
    /// As soon as it waits: what it waits for has not come.
    Waiting,
    /// When it has been woken and is about to be polled again: what it waited for may have been
    /// handed to it already.
    Woken,
}

/// The place of a cut: the awaits of a run are counted from 1, every poll that has to wait being
/// one.
///
/// ```
/// use evloop::testing::{CutPlace, Moment};
/// let place = CutPlace { nth: 3, moment: Moment::Woken };
/// assert_eq!(place.to_string(), "await 3 woken");
/// assert_eq!("await 3 woken".parse(), Ok(place));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CutPlace {
    /// Which await.
    pub nth: u32,
    /// When.
    pub moment: Moment,
}

impl fmt::Display for CutPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            Moment::Waiting => "waiting",
            Moment::Woken => "woken",
        };
        write!(f, "await {} {moment}", self.nth)
    }
}

/// The text names no cut: what is wrong with it, and what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseCutError(String);

impl fmt::Display for ParseCutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseCutError {}

impl FromStr for CutPlace {
    type Err = ParseCutError;

    fn from_str(text: &str) -> Result<Self, ParseCutError> {
        let wrong = || {
            ParseCutError(format!(
                "{text:?} is not the place of a cut; \"await 3 waiting\" and \"await 1 woken\" are"
            ))
        };
        let mut words = text.split_ascii_whitespace();
        if words.next() != Some("await") {
            return Err(wrong());
        }
        let nth = words.next().and_then(|nth| nth.parse().ok()).filter(|nth| *nth > 0);
        let moment = match words.next() {
            Some("waiting") => Moment::Waiting,
            Some("woken") => Moment::Woken,
            _ => return Err(wrong()),
        };
        match (nth, words.next()) {
            (Some(nth), None) => Ok(CutPlace { nth, moment }),
            _ => Err(wrong()),
        }
    }
}

/// A place, and a schedule after a semicolon; none is the default one.
pub(super) fn parse(text: &str) -> Result<(CutPlace, Schedule), ParseCutError> {
    let (place, schedule) = match text.split_once(';') {
        Some((place, schedule)) => (place, schedule.trim().parse()),
        None => (text, Ok(Schedule::default())),
    };
    let schedule = schedule.map_err(|error| ParseCutError(error.to_string()))?;
    Ok((place.parse()?, schedule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_may_stand_behind_the_place() {
        let place = CutPlace { nth: 3, moment: Moment::Woken };
        assert_eq!(parse("await 3 woken"), Ok((place, Schedule::default())));
        let picks = [(4, 1)].into();
        let schedule = Schedule { picks, ..Schedule::default() };
        assert_eq!(parse(&format!("{place}; {schedule}")), Ok((place, schedule)));
        let error = parse("await 3 woken; soon").unwrap_err().to_string();
        assert!(error.starts_with("not a schedule: `soon`"), "{error}");
    }

    #[test]
    fn every_place_is_read_back_from_its_text() {
        for nth in [1, 2, 10, u32::MAX] {
            for moment in [Moment::Waiting, Moment::Woken] {
                let place = CutPlace { nth, moment };
                assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
    }

    #[test]
    fn what_is_no_place_is_an_error_that_shows_two() {
        for text in ["", "await", "await 0 woken", "await 1 later", "await 1 woken now", "1 woken"]
        {
            let error = text.parse::<CutPlace>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?}")) && error.contains("await 3 waiting"));
        }
    }
}
