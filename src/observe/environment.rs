//! Observers that the environment asks for, in any program on evloop and without a line of it
//! being changed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;

#[cfg(feature = "explain")]
use super::{Explain, Level};
use super::{FlightRecorder, Observe, Observer};

/// The observers that `EVLOOP_EXPLAIN` asks for.
///
/// # Errors
///
/// `InvalidInput` for a value that means nothing; it names those that do.
#[cfg(feature = "explain")]
pub(super) fn explain() -> io::Result<Option<Box<dyn Observer>>> {
    let level = level_for(env::var_os("EVLOOP_EXPLAIN").as_deref())?;
    Ok(level.map(|level| Box::new(Explain::new(level, io::stderr())) as Box<dyn Observer>))
}

/// Without the feature there is nobody to narrate, and a program that asks for it is told so.
///
/// # Errors
///
/// `Unsupported` if `EVLOOP_EXPLAIN` asks for anything.
#[cfg(not(feature = "explain"))]
pub(super) fn explain() -> io::Result<Option<Box<dyn Observer>>> {
    needs_feature("EVLOOP_EXPLAIN", "explain").map(|()| None)
}

/// The recorder that `EVLOOP_RECORD` asks for.
///
/// # Errors
///
/// As [`explain`].
pub(super) fn recorder() -> io::Result<Option<FlightRecorder>> {
    recorder_for(env::var_os("EVLOOP_RECORD").as_deref())
}

/// Begins debug mode if `EVLOOP_DEBUG` asks for it.
///
/// # Errors
///
/// As [`explain`].
#[cfg(feature = "debug")]
pub(super) fn debug(observe: &Observe) -> io::Result<()> {
    if debug_for(env::var_os("EVLOOP_DEBUG").as_deref())? {
        observe.set_debug(true);
    }
    Ok(())
}

/// Without the feature there is nobody to look.
///
/// # Errors
///
/// `Unsupported` if `EVLOOP_DEBUG` asks for anything.
#[cfg(not(feature = "debug"))]
pub(super) fn debug(_: &Observe) -> io::Result<()> {
    needs_feature("EVLOOP_DEBUG", "debug")
}

#[cfg(not(all(feature = "explain", feature = "debug")))]
fn needs_feature(variable: &str, feature: &str) -> io::Result<()> {
    match given(env::var_os(variable).as_deref()) {
        None => Ok(()),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{variable} is set, but evloop was built without its feature `{feature}`"),
        )),
    }
}

#[cfg(feature = "debug")]
fn debug_for(value: Option<&OsStr>) -> io::Result<bool> {
    match given(value) {
        None => Ok(false),
        Some(value) if value == "1" => Ok(true),
        Some(value) => Err(meaningless(
            "EVLOOP_DEBUG",
            value,
            "1 (warn of slow callbacks, what was left behind, misuse)",
        )),
    }
}

#[cfg(feature = "explain")]
fn level_for(value: Option<&OsStr>) -> io::Result<Option<Level>> {
    let Some(value) = given(value) else { return Ok(None) };
    match value.to_str().and_then(Level::parse) {
        Some(level) => Ok(Some(level)),
        None => Err(meaningless(
            "EVLOOP_EXPLAIN",
            value,
            "1 (a line for each turn), 2 (and what each handle did) or 3 (and every system call \
             and change of a queue)",
        )),
    }
}

fn recorder_for(value: Option<&OsStr>) -> io::Result<Option<FlightRecorder>> {
    match given(value) {
        None => Ok(None),
        Some(value) if value == "1" => Ok(Some(FlightRecorder::default())),
        Some(value) => Err(meaningless("EVLOOP_RECORD", value, "1 (keep the last 16384 records)")),
    }
}

/// The value, unless it means "off".
fn given(value: Option<&OsStr>) -> Option<&OsStr> {
    value.filter(|value| !value.is_empty() && *value != "0")
}

fn meaningless(variable: &str, value: &OsStr, allowed: &str) -> io::Error {
    let value = OsString::from(value);
    let message = format!("{variable} is {value:?}; it can be {allowed}, or 0 or unset for off");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "explain")]
    #[test]
    fn each_level_can_be_asked_for_by_its_number() {
        for (value, level) in [("1", Level::Turns), ("2", Level::Handles), ("3", Level::Everything)]
        {
            assert_eq!(level_for(Some(OsStr::new(value))).unwrap(), Some(level));
        }
    }

    #[test]
    fn unset_empty_and_zero_mean_off() {
        for value in [None, Some(OsStr::new("")), Some(OsStr::new("0"))] {
            #[cfg(feature = "explain")]
            assert!(level_for(value).unwrap().is_none());
            assert!(recorder_for(value).unwrap().is_none());
            #[cfg(feature = "debug")]
            assert!(!debug_for(value).unwrap());
        }
    }

    #[test]
    fn an_unknown_value_is_refused_and_the_known_ones_are_named() {
        #[cfg(feature = "explain")]
        {
            let error = level_for(Some(OsStr::new("yes"))).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(
                text.contains("\"yes\"") && text.contains("1 (a line for each turn)"),
                "{text}"
            );
        }
        #[cfg(feature = "debug")]
        {
            assert!(debug_for(Some(OsStr::new("1"))).unwrap());
            let text = debug_for(Some(OsStr::new("yes"))).err().unwrap().to_string();
            assert!(text.contains("EVLOOP_DEBUG") && text.contains("1 (warn"), "{text}");
        }
        let text = recorder_for(Some(OsStr::new("all"))).err().unwrap().to_string();
        assert!(text.contains("EVLOOP_RECORD") && text.contains("1 (keep"), "{text}");
    }
}
